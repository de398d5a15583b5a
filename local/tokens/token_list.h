/* SPDX-License-Identifier: Apache-2.0
 *
 * A growable list of token ids.
 */
#ifndef AMPHI_TOKENS_TOKEN_LIST_H
#define AMPHI_TOKENS_TOKEN_LIST_H

#include <amphi/error.h>

/* Zero-initialize; free with amphi__tokens_clear. */
typedef struct amphi_tokens {
    int32_t *data;
    size_t size;
    size_t capacity;
} amphi_tokens;

/* AMPHI_E_NO_MEMORY: nothing was appended. */
amphi_status amphi__tokens_append(amphi_tokens *tokens, const int32_t *ids, size_t count);
void amphi__tokens_clear(amphi_tokens *tokens);

#endif
