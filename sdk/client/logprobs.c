/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining arrays of log-probabilities, and cutting them at their beginning.
 */
#include "sdk/client/logprobs.h"

#include "sdk/core/json.h"

void amphi__logprobs_append(amphi_buf *array, amphi_str more)
{
    if (more.size <= 2 || more.data[0] != '[' || more.data[more.size - 1] != ']')
        return;
    if (array->size == 0) {
        amphi__buf_append_str(array, more);
        return;
    }
    if (amphi__buf_reserve(array, more.size) != AMPHI_OK)
        return; /* complete as it is */
    array->data[array->size - 1] = ',';
    amphi__buf_append(array, more.data + 1, more.size - 1);
}

/* How many bytes of text a token stands for. */
static size_t bytes_of(const amphi_json *token)
{
    const amphi_json *bytes = amphi__json_get(token, "bytes");
    return amphi__json_kind(bytes) == AMPHI_JSON_ARRAY
               ? amphi__json_count(bytes)
               : amphi__json_string(amphi__json_get(token, "token")).size;
}

void amphi__logprobs_skip(amphi_buf *array, size_t bytes)
{
    amphi_json *root = NULL;
    amphi_json_writer writer;
    size_t end = 0;
    if (bytes == 0 || array->size == 0)
        return;
    amphi_status status =
        amphi__json_parse(&root, amphi__buf_str(array), "log-probabilities", NULL);
    amphi__buf_truncate(array, 0);
    if (status != AMPHI_OK)
        return;
    for (const amphi_json *token = amphi__json_first(root); token != NULL;
         token = amphi__json_next(token)) {
        end += bytes_of(token);
        if (end <= bytes)
            continue;
        if (array->size == 0) {
            amphi__json_writer_init(&writer, array);
            amphi__json_open(&writer, NULL, '[');
        }
        amphi__json_put_value(&writer, NULL, token);
    }
    if (array->size > 0)
        amphi__json_close(&writer, ']');
    amphi__json_free(root);
}
