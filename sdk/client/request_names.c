/* SPDX-License-Identifier: Apache-2.0
 *
 * Names are compared by their letters and digits, without case, so that "Is-Private" and
 * "is private" are one word. Of privacy also near spellings count: two slips of the finger away is
 * near. No parameter of OpenAI's API, vLLM, llama-server, SGLang, Ollama, OpenRouter, LiteLLM,
 * Mistral, DeepSeek, DashScope, Together or text-generation-webui comes as near (a test has their
 * names); "mode" is one of the last, so there its value decides.
 */
#include "sdk/client/request_names.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define NAME_BYTES_MAX  64u /* of a name, this much is compared */
#define NAMED_BYTES_MAX 40  /* of a name in a message */
#define INNER_DEPTH     3   /* of objects inside a member */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What a message shows of a member's name: it is the caller's, and a message is one line. */
static amphi_str shown(amphi_str name)
{
    bool plain = name.size > 0 && name.size <= NAMED_BYTES_MAX && amphi__str_is_visible_ascii(name);
    return plain ? name : AMPHI_STR("(a name with blanks or other characters)");
}

static amphi_status fail_named(
    amphi_error *error, const char *prefix, amphi_str name, const char *what)
{
    amphi_str s = shown(name);
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s%.*s: %s", prefix, (int)s.size, s.data, what);
}

/* ---- members that are all Amphi's ---- */

amphi_status amphi__names_check_only(const amphi_json *object, const char *const *names,
    size_t names_count, const char *prefix, amphi_error *error)
{
    uint64_t seen = 0;
    for (const amphi_json *m = amphi__json_first(object); m != NULL; m = amphi__json_next(m)) {
        size_t i = 0;
        while (i < names_count && !amphi__str_equal_c(amphi__json_key(m), names[i]))
            i++;
        if (i == names_count)
            return fail_named(error, prefix, amphi__json_key(m), "there is no such member");
        if ((seen & UINT64_C(1) << i) != 0)
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s%s: twice", prefix, names[i]);
        seen |= UINT64_C(1) << i;
    }
    return AMPHI_OK;
}

/* ---- members that are the provider's, unless they look like Amphi's ---- */

/* Letters and digits, small; cut at NAME_BYTES_MAX. */
static amphi_str fold(amphi_str name, char out[NAME_BYTES_MAX])
{
    size_t size = 0;
    for (size_t i = 0; i < name.size && size < NAME_BYTES_MAX; i++) {
        char c = name.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            out[size++] = c;
    }
    return amphi_str_make(out, size);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to be put in, left out, replaced or swapped with their neighbour until `a` is `b`. */
static size_t distance(amphi_str a, amphi_str b)
{
    size_t rows[3][NAME_BYTES_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t k = 0; k <= b.size; k++)
        last[k] = before[k] = k;
    for (size_t i = 1; i <= a.size; i++) {
        row[0] = i;
        for (size_t k = 1; k <= b.size; k++) {
            bool same = a.data[i - 1] == b.data[k - 1];
            row[k] = least(least(last[k] + 1, row[k - 1] + 1), last[k - 1] + !same);
            if (i > 1 && k > 1 && a.data[i - 1] == b.data[k - 2] && a.data[i - 2] == b.data[k - 1])
                row[k] = least(row[k], before[k - 2] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[b.size];
}

static bool is_near(amphi_str a, amphi_str b, size_t slips)
{
    return a.size <= b.size + slips && b.size <= a.size + slips && distance(a, b) <= slips;
}

/* No provider's parameter has these in it. */
static bool says_private(amphi_str folded)
{
    static const char *const others[] = {"priv", "prv", "nocloud", "localonly", "onlylocal",
        "ondevice", "ondeviceonly", "confidential", "incognito", "local", "offline"};
    if (amphi__str_find(folded, AMPHI_STR("priva")) != SIZE_MAX)
        return true;
    if (is_near(folded, AMPHI_STR("private"), 2) || is_near(folded, AMPHI_STR("isprivate"), 2) ||
        is_near(folded, AMPHI_STR("privacy"), 1)) /* "primary" is 2 away */
        return true;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (amphi__str_equal_c(folded, others[i]))
            return true;
    return false;
}

static bool says_amphi(amphi_str folded)
{
    return amphi__str_starts_with(folded, AMPHI_STR("amphi")) ||
           is_near(folded, AMPHI_STR("amphi"), 1);
}

static bool says_other(amphi_str folded)
{
    static const char *const words[] = {"conversationid", "nocache", "noqueue", "budgets"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (amphi__str_equal_c(folded, words[i]))
            return true;
    return false;
}

/* Other servers have a "mode" too, but none whose value speaks of local and cloud. */
static bool is_our_mode(amphi_str folded, const amphi_json *member)
{
    char buffer[NAME_BYTES_MAX];
    if (!amphi__str_equal_c(folded, "mode"))
        return false;
    amphi_str value = fold(amphi__json_string(member), buffer);
    return amphi__str_find(value, AMPHI_STR("local")) != SIZE_MAX ||
           amphi__str_find(value, AMPHI_STR("cloud")) != SIZE_MAX || says_private(value);
}

static amphi_status check_member(
    const amphi_json *member, const char *prefix, bool may_be_amphi, amphi_error *error)
{
    char buffer[NAME_BYTES_MAX];
    amphi_str name = amphi__json_key(member);
    if (may_be_amphi && amphi__str_equal_c(name, "amphi"))
        return AMPHI_OK;
    if (!amphi__str_is_visible_ascii(name))
        return fail_named(error, prefix, name, "no server has a member of this name");
    amphi_str folded = fold(name, buffer);
    if (says_private(folded))
        return fail_named(
            error, prefix, name, "is not read here: {\"amphi\": {\"private\": true}} is");
    if (says_amphi(folded))
        return fail_named(error, prefix, name, "is not read here: the request's \"amphi\" is");
    if (says_other(folded) || is_our_mode(folded, member))
        return fail_named(error, prefix, name, "is read as a member of \"amphi\" only");
    return AMPHI_OK;
}

static amphi_status check_members(
    const amphi_json *object, const char *prefix, bool may_be_amphi, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    if (amphi__json_kind(object) != AMPHI_JSON_OBJECT)
        return AMPHI_OK;
    for (const amphi_json *m = amphi__json_first(object); m != NULL && status == AMPHI_OK;
         m = amphi__json_next(m))
        status = check_member(m, prefix, may_be_amphi, error);
    return status;
}

/* Names in these are the app's or the model's own, or checked elsewhere. */
static bool has_free_names(amphi_str member)
{
    static const char *const names[] = {"amphi", "messages", "tools", "functions", "tool_choice",
        "function_call", "response_format", "logit_bias", "grammar", "json_schema", "guided_json",
        "chat_template_kwargs", "metadata", "extra_body"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (amphi__str_equal_c(member, names[i]))
            return true;
    return false;
}

/* Of a provider's own objects only words of privacy count, and "amphi". */
static amphi_status check_inner(
    const amphi_json *object, const char *prefix, int depth, amphi_error *error)
{
    if (amphi__json_kind(object) != AMPHI_JSON_OBJECT || depth == 0)
        return AMPHI_OK;
    for (const amphi_json *m = amphi__json_first(object); m != NULL; m = amphi__json_next(m)) {
        char buffer[NAME_BYTES_MAX];
        amphi_str folded = fold(amphi__json_key(m), buffer);
        if (says_private(folded) || says_amphi(folded))
            return fail_named(error, prefix, amphi__json_key(m),
                "is not read here: {\"amphi\": {\"private\": true}} of the request is");
        amphi_status status = check_inner(m, prefix, depth - 1, error);
        if (status != AMPHI_OK)
            return status;
    }
    return AMPHI_OK;
}

static amphi_status check_objects(const amphi_json *body, amphi_error *error)
{
    if (amphi__json_kind(body) != AMPHI_JSON_OBJECT)
        return AMPHI_OK;
    for (const amphi_json *m = amphi__json_first(body); m != NULL; m = amphi__json_next(m)) {
        char prefix[NAMED_BYTES_MAX + 2];
        amphi_str name = shown(amphi__json_key(m));
        snprintf(prefix, sizeof prefix, "%.*s.", (int)name.size, name.data);
        amphi_status status = has_free_names(amphi__json_key(m))
                                  ? AMPHI_OK
                                  : check_inner(m, prefix, INNER_DEPTH, error);
        if (status != AMPHI_OK)
            return status;
    }
    return AMPHI_OK;
}

amphi_status amphi__names_check_foreign(const amphi_json *body, amphi_error *error)
{
    amphi_status status = check_members(body, "", true, error);
    if (status == AMPHI_OK)
        status = check_objects(body, error);
    if (status == AMPHI_OK)
        status = check_members(amphi__json_get(body, "extra_body"), "extra_body.", false, error);
    const amphi_json *message = amphi__json_first(amphi__json_get(body, "messages"));
    for (; message != NULL && status == AMPHI_OK; message = amphi__json_next(message)) {
        status = check_members(message, "messages[].", false, error);
        const amphi_json *part = amphi__json_first(amphi__json_get(message, "content"));
        for (; part != NULL && status == AMPHI_OK; part = amphi__json_next(part))
            status = check_members(part, "messages[].content[].", false, error);
    }
    return status;
}
