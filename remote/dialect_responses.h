/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI's Responses API, streaming: the successor of chat completions, with typed events.
 */
#ifndef AMPHI_REMOTE_DIALECT_RESPONSES_H
#define AMPHI_REMOTE_DIALECT_RESPONSES_H

#include "remote/dialect.h"

extern const amphi_dialect amphi__dialect_responses;

#endif
