/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI chat completions, streaming: the format that nearly every provider and server speaks.
 */
#ifndef AMPHI_REMOTE_DIALECT_OPENAI_H
#define AMPHI_REMOTE_DIALECT_OPENAI_H

#include "remote/dialect.h"

extern const amphi_dialect amphi__dialect_openai;

#endif
