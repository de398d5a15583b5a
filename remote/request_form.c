/* SPDX-License-Identifier: Apache-2.0
 *
 * A provider names the field in its error's "param", or as a word of its message. The wording comes
 * from OpenAI, Azure, Mistral, vLLM, Groq, Anthropic's and Google's compatible APIs, and FastAPI.
 */
#include "remote/request_form.h"

#include "sdk/core/json_span.h"

#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <inttypes.h>
#include <stdio.h>

/* Bits of left_out, in this order, which is that of the stored form as well: new ones go behind. Of
 * two that are named the one further down goes. */
static const char *const optional_fields[] = {"temperature", "top_p", "top_k", "min_p",
    "presence_penalty", "frequency_penalty", "repetition_penalty", "seed", "reasoning_effort",
    "verbosity", "service_tier", "parallel_tool_calls", "user", "safety_identifier",
    "prompt_cache_key", "metadata", "stream_options"};
enum { OPTIONAL_FIELDS = sizeof optional_fields / sizeof *optional_fields };
_Static_assert(OPTIONAL_FIELDS <= 32, "bits of left_out");

static const char max_tokens[] = "max_tokens";
static const char max_completion_tokens[] = "max_completion_tokens";

bool amphi__request_form_equal(const amphi_request_form *a, const amphi_request_form *b)
{
    return a->limit == b->limit && a->left_out == b->left_out && a->whole == b->whole &&
           a->ending == b->ending;
}

bool amphi__request_form_leaves_out(const amphi_request_form *form, amphi_str key)
{
    for (size_t i = 0; i < OPTIONAL_FIELDS; i++)
        if ((form->left_out >> i & 1) != 0 && amphi__str_equal_c(key, optional_fields[i]))
            return true;
    return false;
}

/* ---- What a refusal names -------------------------------------------------------------------- */

static bool is_word_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Does `text` have `word` with nothing of a word around it? */
static bool has_word(const char *text, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
        if ((at == text || !is_word_letter(at[-1])) && !is_word_letter(at[size]))
            return true;
    return false;
}

static bool says_one_of(const char *text, const char *const *phrases)
{
    for (; *phrases != NULL; phrases++)
        if (strcasestr(text, *phrases) != NULL)
            return true;
    return false;
}

/* The field is not wanted at all, or not beside another one. */
static bool is_unwanted(const char *message)
{
    static const char *const phrases[] = {"not support", "unsupported", "unrecognized",
        "unrecognised", "unknown", "unexpected", "not permitted", "not allowed", "not available",
        "not recognized", "not accepted", "extra inputs", "extra field", "extra_forbidden",
        "cannot both", "can't both", "cannot be specified", "cannot be used", "only the default",
        "deprecated", "not implemented", "use 'max", "use \"max", "use `max", "invalid argument",
        "invalid field", "invalid parameter", "no such field", "not a valid", "cannot find field",
        "incompatible", "only allowed when", "only valid when", "only supported", "is not enabled",
        NULL};
    return says_one_of(message, phrases);
}

/* The value is wrong, as the app wrote it: another form would not make it right. */
static bool is_about_value(const char *message)
{
    static const char *const phrases[] = {"too large", "too high", "too small", "too low",
        "at most", "at least", "between", "less than", "greater than", "out of range",
        "maximum value", "minimum value", "exceeds", "must be a", "should be a", "range:", NULL};
    return says_one_of(message, phrases);
}

static bool refuses_stream(const amphi_request_refusal *refusal)
{
    static const char *const phrases[] = {"verified to stream", "not support stream",
        "streaming is not supported", "stream is not supported", "stream=true is not supported",
        "streaming not supported", "streaming is not available", NULL};
    return refusal->streamed &&
           (says_one_of(refusal->message, phrases) ||
               (strcmp(refusal->param, "stream") == 0 && is_unwanted(refusal->message)));
}

/* "max_tokens", "body.max_tokens", "stream_options.include_usage" */
static bool names(const amphi_request_refusal *refusal, const char *field)
{
    return has_word(refusal->param[0] != '\0' ? refusal->param : refusal->message, field);
}

static bool has_member(amphi_str body, const char *key)
{
    amphi_json_span span;
    amphi_json_member member;
    if (!amphi__json_span_init(&span, body) || !span.in_object)
        return false;
    while (amphi__json_span_next(&span, &member))
        if (amphi__str_equal_c(member.key, key))
            return true;
    return false;
}

static bool change_limit(amphi_request_form *form, const amphi_request_refusal *refusal)
{
    bool tokens = has_member(refusal->body, max_tokens);
    bool completion = has_member(refusal->body, max_completion_tokens);
    if (form->limit != AMPHI_LIMIT_AS_WRITTEN) { /* in that form it was sent */
        completion = form->limit == AMPHI_LIMIT_COMPLETION_TOKENS && (tokens || completion);
        tokens = form->limit == AMPHI_LIMIT_TOKENS && (tokens || completion);
    }
    if (tokens && names(refusal, max_tokens))
        form->limit = AMPHI_LIMIT_COMPLETION_TOKENS;
    else if (completion && names(refusal, max_completion_tokens))
        form->limit = AMPHI_LIMIT_TOKENS;
    else
        return false;
    return true;
}

bool amphi__request_form_change(amphi_request_form *form, const amphi_request_refusal *refusal)
{
    if (!form->whole && refuses_stream(refusal)) {
        form->whole = true;
        return true;
    }
    if (!is_unwanted(refusal->message) || is_about_value(refusal->message))
        return false;
    if (change_limit(form, refusal))
        return true;
    for (size_t i = OPTIONAL_FIELDS; i-- > 0;) {
        bool is_ours = strcmp(optional_fields[i], "stream_options") == 0;
        bool was_sent = (form->left_out >> i & 1) == 0 &&
                        (is_ours ? refusal->streamed && !form->whole
                                 : has_member(refusal->body, optional_fields[i]));
        if (was_sent && (names(refusal, optional_fields[i]) ||
                            (is_ours && has_word(refusal->message, "include_usage")))) {
            form->left_out |= 1u << i;
            return true;
        }
    }
    return false;
}

/* ---- Kept ------------------------------------------------------------------------------------ */

/* FNV-1a: a change of URL is noticed; nothing depends on more. */
static uint64_t hash(amphi_str text)
{
    uint64_t value = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.size; i++)
        value = (value ^ (unsigned char)text.data[i]) * 0x100000001b3u;
    return value;
}

static void write_url(char out[17], const char *url)
{
    snprintf(out, 17, "%016" PRIx64, hash(amphi_str_from(url)));
}

amphi_status amphi__request_form_write(
    amphi_buf *out, const amphi_request_form *form, const char *url)
{
    amphi_json_writer writer;
    char of[17];
    write_url(of, url);
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "url", amphi_str_from(of));
    if (form->limit != AMPHI_LIMIT_AS_WRITTEN)
        amphi__json_put_str(&writer, "limit",
            amphi_str_from(form->limit == AMPHI_LIMIT_TOKENS ? max_tokens : max_completion_tokens));
    if (form->left_out != 0) {
        amphi__json_open(&writer, "without", '[');
        for (size_t i = 0; i < OPTIONAL_FIELDS; i++)
            if ((form->left_out >> i & 1) != 0)
                amphi__json_put_str(&writer, NULL, amphi_str_from(optional_fields[i]));
        amphi__json_close(&writer, ']');
    }
    if (form->whole)
        amphi__json_put_bool(&writer, "whole", true);
    if (form->ending != AMPHI_ENDING_UNKNOWN)
        amphi__json_put_str(&writer, "ending",
            form->ending == AMPHI_ENDING_DONE ? AMPHI_STR("done") : AMPHI_STR("reason"));
    amphi__json_close(&writer, '}');
    return out->status;
}

void amphi__request_form_read(amphi_request_form *out, amphi_str json, const char *url)
{
    amphi_json *root = NULL;
    char of[17];
    memset(out, 0, sizeof *out);
    write_url(of, url);
    if (json.size == 0 || amphi__json_parse(&root, json, "learned", NULL) != AMPHI_OK ||
        !amphi__str_equal_c(amphi__json_string(amphi__json_get(root, "url")), of)) {
        amphi__json_free(root);
        return;
    }
    amphi_str limit = amphi__json_string(amphi__json_get(root, "limit"));
    amphi_str ending = amphi__json_string(amphi__json_get(root, "ending"));
    out->limit = amphi__str_equal_c(limit, max_tokens)              ? AMPHI_LIMIT_TOKENS
                 : amphi__str_equal_c(limit, max_completion_tokens) ? AMPHI_LIMIT_COMPLETION_TOKENS
                                                                    : AMPHI_LIMIT_AS_WRITTEN;
    out->ending = amphi__str_equal_c(ending, "done")     ? AMPHI_ENDING_DONE
                  : amphi__str_equal_c(ending, "reason") ? AMPHI_ENDING_REASON
                                                         : AMPHI_ENDING_UNKNOWN;
    out->whole = amphi__json_bool(amphi__json_get(root, "whole"), false);
    for (const amphi_json *name = amphi__json_first(amphi__json_get(root, "without")); name != NULL;
         name = amphi__json_next(name))
        for (size_t i = 0; i < OPTIONAL_FIELDS; i++)
            if (amphi__str_equal_c(amphi__json_string(name), optional_fields[i]))
                out->left_out |= 1u << i;
    amphi__json_free(root);
}

/* ---- Of an endpoint's models ----------------------------------------------------------------- */

uint64_t amphi__request_forms_model(amphi_str configured, amphi_str body)
{
    amphi_json_span span;
    amphi_json_member member;
    amphi_str model = configured;
    if (configured.size == 0 && amphi__json_span_init(&span, body) && span.in_object)
        while (amphi__json_span_next(&span, &member))
            if (amphi__str_equal_c(member.key, "model"))
                model = member.value;
    return hash(model) | 1;
}

const amphi_request_form *amphi__request_forms_find(
    const amphi_request_forms *forms, uint64_t model)
{
    for (size_t i = 0; i < AMPHI_REQUEST_FORMS_MAX; i++)
        if (forms->places[i].model == model)
            return &forms->places[i].form;
    return NULL;
}

void amphi__request_forms_put(
    amphi_request_forms *forms, uint64_t model, const amphi_request_form *form)
{
    size_t at = 0;
    while (at < AMPHI_REQUEST_FORMS_MAX && forms->places[at].model != model)
        at++;
    if (at == AMPHI_REQUEST_FORMS_MAX) {
        at = forms->next;
        forms->next = (forms->next + 1) % AMPHI_REQUEST_FORMS_MAX;
    }
    forms->places[at].model = model;
    forms->places[at].form = *form;
}
