/* SPDX-License-Identifier: Apache-2.0
 *
 * Three objects inside each other, each with a table of what its members may be. What we do not
 * know passes through: of a chunk it is mostly the same in all of them, so it is enough to see that
 * it is; in a choice it has no place; in a delta it makes the chunk no plain one. A member that has
 * an escape in its key might be any.
 */
#include "remote/plain_chunk.h"

#include "sdk/core/json_span.h"

#include "sdk/core/str.h"

/* The first rule of a table is for the member that is looked for. */
typedef struct member_rule {
    const char *key;
    const char *value; /* the only one that may stand there besides null; NULL: none */
} member_rule;

static const member_rule chunk_rules[] = {
    {"choices", NULL},
    {"object", "\"chat.completion.chunk\""},
    {"usage", NULL},
    {"x_groq", NULL},
    {"error", NULL},
    {NULL, NULL},
};

static const member_rule choice_rules[] = {
    {"delta", NULL},
    {"index", "0"},
    {"finish_reason", NULL},
    {"logprobs", NULL},
    {"message", NULL},
    {"text", NULL},
    {NULL, NULL},
};

static const member_rule delta_rules[] = {
    {"content", NULL},
    {"reasoning_content", NULL},
    {"reasoning", NULL},
    {"refusal", NULL},
    {"tool_calls", NULL},
    {"function_call", NULL},
    {NULL, NULL},
};

bool amphi__plain_chunk_knows(amphi_str key)
{
    static const char *const keys[] = {"id", "object", "created", "model", "choices", "usage",
        "error", "x_groq", "obfuscation", NULL}; /* the last one is OpenAI's padding */
    return amphi__json_key_is_one_of(key, keys);
}

bool amphi__plain_chunk_knows_delta(amphi_str key)
{
    static const char *const keys[] = {
        "role", "content", "reasoning_content", "reasoning", "tool_calls", "function_call", NULL};
    return amphi__json_key_is_one_of(key, keys);
}

/* FNV-1a, 64 bits. */
static uint64_t add_hash(uint64_t value, amphi_str text)
{
    for (size_t i = 0; i < text.size; i++)
        value = (value ^ (unsigned char)text.data[i]) * 0x100000001b3u;
    return (value ^ 0xFF) * 0x100000001b3u;
}

static uint64_t add_other(uint64_t others, const amphi_json_member *member)
{
    if (amphi__plain_chunk_knows(member->key) || amphi__str_equal_c(member->value, "null"))
        return others;
    others = others != 0 ? others : 0xcbf29ce484222325u;
    return add_hash(add_hash(others, member->key), member->value) | 1;
}

uint64_t amphi__plain_chunk_others(amphi_str chunk)
{
    amphi_json_span span;
    amphi_json_member member;
    uint64_t others = 0;
    if (amphi__json_span_init(&span, chunk) && span.in_object)
        while (amphi__json_span_next(&span, &member))
            others = add_other(others, &member);
    return others;
}

static bool is_string(amphi_str value)
{
    return value.size > 0 && value.data[0] == '"';
}

static bool has_escapes(amphi_str string)
{
    return string.size > 0 && memchr(string.data, '\\', string.size) != NULL;
}

static bool is_allowed(const amphi_json_member *member, const member_rule *rules)
{
    if (has_escapes(member->key))
        return false;
    while (rules->key != NULL && !amphi__str_equal_c(member->key, rules->key))
        rules++;
    return rules->key == NULL || amphi__str_equal_c(member->value, "null") ||
           (rules->value != NULL && amphi__str_equal_c(member->value, rules->value));
}

/* The value of the member that the first rule names, if the object has it once and its other
 * members are as they may be. `chunk`: its model and others are taken; NULL: not wanted. */
static bool take_member(
    amphi_str object, const member_rule *rules, amphi_str *value, amphi_plain_chunk *chunk)
{
    amphi_json_span span;
    amphi_json_member member;
    bool found = false;
    if (!amphi__json_span_init(&span, object) || !span.in_object)
        return false;
    while (amphi__json_span_next(&span, &member)) {
        if (amphi__str_equal_c(member.key, rules->key)) {
            if (found)
                return false; /* of two the last one counts */
            found = true;
            *value = member.value;
        } else if (!is_allowed(&member, rules)) {
            return false;
        } else if (chunk != NULL && amphi__str_equal_c(member.key, "model")) {
            chunk->model = member.value;
        } else if (chunk != NULL) {
            chunk->others = add_other(chunk->others, &member);
        } else if (rules == delta_rules && !amphi__plain_chunk_knows_delta(member.key) &&
                   !amphi__str_equal_c(member.value, "null")) {
            return false;
        }
    }
    return found;
}

static amphi_str without_quotes(amphi_str string)
{
    return amphi__str_slice(string, 1, string.size - 1);
}

bool amphi__plain_chunk_read(amphi_str chunk, amphi_plain_chunk *out)
{
    amphi_json_span span;
    amphi_json_member choice, second;
    amphi_str choices, delta;
    memset(out, 0, sizeof *out);
    bool is_chunk = take_member(chunk, chunk_rules, &choices, out);
    amphi_str model = out->model;
    out->model = amphi_str_make(NULL, 0);
    if (!is_chunk || has_escapes(model) || !amphi__json_span_init(&span, choices) ||
        span.in_object || !amphi__json_span_next(&span, &choice) ||
        amphi__json_span_next(&span, &second) ||
        !take_member(choice.value, choice_rules, &delta, NULL) ||
        !take_member(delta, delta_rules, &out->quoted, NULL) || !is_string(out->quoted))
        return false;
    out->content = without_quotes(out->quoted);
    out->has_escapes = has_escapes(out->content);
    if (is_string(model))
        out->model = without_quotes(model);
    return true;
}
