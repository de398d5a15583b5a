/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI embeddings: POST /embeddings, for every endpoint beside its dialect for chat.
 */
#ifndef AMPHI_REMOTE_DIALECT_EMBEDDINGS_H
#define AMPHI_REMOTE_DIALECT_EMBEDDINGS_H

#include "remote/dialect.h"

extern const amphi_dialect amphi__dialect_embeddings;

#endif
