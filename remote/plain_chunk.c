/* SPDX-License-Identifier: Apache-2.0
 *
 * Three objects inside each other, each with a table of what its members may be. But for the
 * model's name, a member that no table names would not be looked at in the tree either; one that
 * has an escape in its key might be any of them.
 */
#include "remote/plain_chunk.h"

#include "remote/json_span.h"

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
 * members are as they may be. *model: the member of that name; NULL: not wanted. */
static bool take_member(
    amphi_str object, const member_rule *rules, amphi_str *value, amphi_str *model)
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
        } else if (model != NULL && amphi__str_equal_c(member.key, "model")) {
            *model = member.value;
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
    amphi_str model = {NULL, 0};
    memset(out, 0, sizeof *out);
    if (!take_member(chunk, chunk_rules, &choices, &model) || has_escapes(model) ||
        !amphi__json_span_init(&span, choices) || span.in_object ||
        !amphi__json_span_next(&span, &choice) || amphi__json_span_next(&span, &second) ||
        !take_member(choice.value, choice_rules, &delta, NULL) ||
        !take_member(delta, delta_rules, &out->quoted, NULL) || !is_string(out->quoted))
        return false;
    out->content = without_quotes(out->quoted);
    out->has_escapes = has_escapes(out->content);
    if (is_string(model))
        out->model = without_quotes(model);
    return true;
}
