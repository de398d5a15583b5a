/* SPDX-License-Identifier: Apache-2.0
 *
 * What a chunk that was read where it stands must have in common with its tree: shared by the unit
 * test and the fuzz target.
 */
#ifndef AMPHI_TESTS_SUPPORT_PLAIN_CHUNK_PROPERTY_H
#define AMPHI_TESTS_SUPPORT_PLAIN_CHUNK_PROPERTY_H

#include "remote/plain_chunk.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

/* No member of this name, or one that says nothing. */
static inline bool chunk_lacks(const amphi_json *object, const char *key)
{
    amphi_json_kind kind = amphi__json_kind(amphi__json_get(object, key));
    return kind == AMPHI_JSON_NONE || kind == AMPHI_JSON_NULL;
}

/* Has this tree nothing to say but the first choice's content, and is it this one? */
static inline bool chunk_says_only(const amphi_json *chunk, const amphi_plain_chunk *plain)
{
    static const char *const silent[] = {
        "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call"};
    const amphi_json *choices = amphi__json_get(chunk, "choices");
    const amphi_json *choice = amphi__json_first(choices);
    const amphi_json *delta = amphi__json_get(choice, "delta");
    amphi_json *content = NULL;
    bool good =
        amphi__json_parse(&content, plain->quoted, "content", NULL) == AMPHI_OK &&
        (plain->has_escapes || amphi__str_equal(plain->content, amphi__json_string(content))) &&
        amphi__json_equal(content, amphi__json_get(delta, "content")) &&
        amphi__str_equal(plain->model, amphi__json_string(amphi__json_get(chunk, "model"))) &&
        amphi__json_count(choices) == 1 &&
        amphi__json_int(amphi__json_get(choice, "index"), 0) == 0 &&
        chunk_lacks(choice, "finish_reason") && chunk_lacks(choice, "logprobs") &&
        chunk_lacks(chunk, "error") && chunk_lacks(chunk, "usage") &&
        chunk_lacks(chunk, "x_groq") &&
        !amphi__str_equal_c(amphi__json_string(amphi__json_get(chunk, "object")), "error");
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
        good = good && chunk_lacks(delta, silent[i]);
    amphi__json_free(content);
    return good;
}

#endif
