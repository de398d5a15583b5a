/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of token_list.h: capacity doubles.
 */
#include "local/tokens/token_list.h"

#include "sdk/core/alloc.h"

amphi_status amphi__tokens_append(amphi_tokens *tokens, const int32_t *ids, size_t count)
{
    if (count > tokens->capacity - tokens->size) {
        size_t capacity = tokens->capacity < 32 ? 64 : tokens->capacity * 2;
        if (capacity < tokens->size + count)
            capacity = tokens->size + count;
        int32_t *data = amphi__realloc_array(tokens->data, capacity, sizeof *data);
        if (data == NULL)
            return AMPHI_E_NO_MEMORY;
        tokens->data = data;
        tokens->capacity = capacity;
    }
    if (count > 0)
        memcpy(tokens->data + tokens->size, ids, count * sizeof *ids);
    tokens->size += count;
    return AMPHI_OK;
}

void amphi__tokens_clear(amphi_tokens *tokens)
{
    amphi__free(tokens->data);
    memset(tokens, 0, sizeof *tokens);
}
