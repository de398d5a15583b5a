/* SPDX-License-Identifier: Apache-2.0
 *
 * From the general (HTTP status) to the particular (the wording of the provider). The word
 * lists come from the error formats that OpenAI, Azure, Google, Mistral, DeepSeek, Qwen, Groq,
 * OpenRouter, vLLM and llama.cpp's server document or emit.
 */
#include "remote/provider_error.h"

#include "remote/retry_after.h"

#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <stdio.h>

enum { WORDS_MAX = 2048, CODE_MAX = 48 };

/* ---- The provider's words -------------------------------------------------------------------- */

typedef struct words {
    char text[WORDS_MAX]; /* everything that may matter, in lower case */
    size_t size;
    char code[CODE_MAX]; /* an identifier that is fit to be shown */
    int64_t number;      /* a numeric code, or 0 */
    uint32_t retry_ms;
} words;

static void add_words(words *w, amphi_str text)
{
    for (size_t i = 0; i < text.size && w->size + 2 < sizeof w->text; i++) {
        char c = text.data[i];
        w->text[w->size++] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    w->text[w->size++] = '\n';
}

/* Letters and underscores only: a key or a person's text does not look like that. */
static void keep_code(words *w, amphi_str code)
{
    if (w->code[0] != '\0' || code.size == 0 || code.size >= sizeof w->code)
        return;
    for (size_t i = 0; i < code.size; i++) {
        char c = code.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'))
            return;
    }
    memcpy(w->code, code.data, code.size);
}

static void read_identifier(words *w, const amphi_json *value)
{
    if (amphi__json_is_string(value)) {
        keep_code(w, amphi__json_string(value));
        add_words(w, amphi__json_string(value));
    } else if (amphi__json_kind(value) == AMPHI_JSON_NUMBER) {
        w->number = amphi__json_int(value, 0);
    }
}

static void read_error_object(words *w, const amphi_json *error)
{
    read_identifier(w, amphi__json_get(error, "code"));
    read_identifier(w, amphi__json_get(error, "type"));
    read_identifier(w, amphi__json_get(error, "status"));
    read_identifier(w, amphi__json_get(amphi__json_get(error, "innererror"), "code"));
    add_words(w, amphi__json_string(amphi__json_get(error, "message")));
    add_words(w, amphi__json_string(amphi__json_get(error, "detail")));
    add_words(w, amphi__json_string(amphi__json_get(amphi__json_get(error, "metadata"), "raw")));
    w->retry_ms = amphi__retry_after_error_ms(error);
}

static bool says(const words *w, const char *phrase)
{
    return memmem(w->text, w->size, phrase, strlen(phrase)) != NULL;
}

static bool says_one_of(const words *w, const char *const *phrases)
{
    for (; *phrases != NULL; phrases++)
        if (says(w, *phrases))
            return true;
    return false;
}

static void read_body(words *w, amphi_str body)
{
    amphi_json *root = NULL;
    memset(w, 0, sizeof *w);
    if (amphi__json_parse(&root, body, "error", NULL) != AMPHI_OK) {
        add_words(w, body);
    } else {
        const amphi_json *top = root;
        if (amphi__json_kind(top) == AMPHI_JSON_ARRAY)
            top = amphi__json_first(top);
        const amphi_json *error = amphi__json_get(top, "error");
        add_words(w, amphi__json_string(error));
        read_error_object(w, amphi__json_kind(error) == AMPHI_JSON_OBJECT ? error : top);
    }
    amphi__json_free(root);
    if (w->retry_ms == 0)
        w->retry_ms = amphi__retry_after_prose_ms(amphi_str_make(w->text, w->size));
}

/* ---- The verdict ----------------------------------------------------------------------------- */

/* From OpenAI, vLLM, llama.cpp, Anthropic, Bedrock, Groq, Gemini, TGI, xAI, Kimi, Cohere, Qwen,
 * Zhipu and Copilot, in this order. */
static const char *const context_phrases[] = {"context_length_exceeded", "maximum context length",
    "context length", "context window", "context_window", "exceed_context_size",
    "exceeds the available context", "prompt is too long", "prompt_too_long",
    "exceed context limit", "input is too long", "reduce the length of the messages",
    "request_too_large", "exceeds the maximum number of tokens allowed", "max_new_tokens` must be",
    "maximum prompt length", "exceeded model token limit", "too many tokens",
    "range of input length", "prompt exceeds max length", "max_prompt_tokens_exceeded", NULL};
static const char *const filter_phrases[] = {"content_filter", "content_policy", "content filter",
    "content management policy", "content policy", "responsibleaipolicyviolation",
    "data_inspection_failed", "datainspectionfailed", "content_moderation", "moderation_blocked",
    "flagged by moderation", "requires moderation", "input was flagged", "prompt was flagged",
    "safety system", "inappropriate content",
    "\xE6\x95\x8F\xE6\x84\x9F\xE5\x86\x85\xE5\xAE\xB9" /* Zhipu: "sensitive content" */, NULL};
static const char *const own_fault_phrases[] = {"model_not_found", "invalid_api_key",
    "unknown_model", "does not exist", "image", "tools", NULL};
static const char *const prefix_phrases[] = {"assistant", "prefix", "prefill", "last message",
    "final message", "last role", "alternat", "continue_final", "add_generation_prompt", NULL};
static const char *const rate_phrases[] = {"rate_limit", "rate limit", "too many requests",
    "resource_exhausted", "throttl", "please wait", NULL};
/* From OpenAI, DeepSeek, OpenRouter, Anthropic, Kimi and Zhipu. What only says "quota" may be a
 * limit per minute (Gemini). */
static const char *const quota_phrases[] = {"insufficient_quota", "billing_hard_limit",
    "billing_not_active", "billing hard limit", "insufficient balance", "insufficient_balance",
    "insufficient credits", "credit balance is too low", "exceeded_current_quota_error",
    "payment required", NULL};
static const char *const auth_phrases[] = {
    "invalid_api_key", "authentication", "unauthorized", "permission_denied", NULL};
static const char *const request_phrases[] = {
    "invalid_request", "bad_request", "invalid_argument", NULL};

static bool is_request_fault(int http_status)
{
    return http_status == 400 || http_status == 413 || http_status == 422;
}

/* An error object inside a stream names its HTTP status, or its kind, or nothing. */
static int status_in_stream(const words *w)
{
    if (w->number >= 400 && w->number <= 599)
        return (int)w->number;
    return says_one_of(w, quota_phrases)     ? 402
           : says_one_of(w, rate_phrases)    ? 429
           : says_one_of(w, auth_phrases)    ? 401
           : says_one_of(w, request_phrases) ? 400
                                             : 500;
}

static bool is_quota(const words *w, int http_status)
{
    bool may_be = http_status == 429 || http_status == 403 || http_status == 400;
    return may_be && says_one_of(w, quota_phrases);
}

static amphi_status judge(const words *w, int http_status, const char **what)
{
    bool filterable = is_request_fault(http_status) || http_status == 403;
    if ((is_request_fault(http_status) || http_status == 500) && says_one_of(w, context_phrases)) {
        *what = "the conversation is longer than the model's context";
        return AMPHI_E_CONTEXT_LENGTH;
    }
    if (filterable && says_one_of(w, filter_phrases)) {
        *what = "the provider's content filter stopped it";
        return AMPHI_E_CONTENT_FILTER;
    }
    if (http_status == 402 || is_quota(w, http_status)) {
        *what = "the account's quota is used up";
        return AMPHI_E_QUOTA;
    }
    if (http_status == 429) {
        *what = "the provider's rate limit is reached";
        return AMPHI_E_RATE_LIMITED;
    }
    if (http_status == 401 || http_status == 403 || http_status == 407) {
        *what = "the provider refused the API key, or what it may do";
        return AMPHI_E_AUTH;
    }
    if (http_status >= 300 && http_status < 400) {
        *what = "a redirect, which is never followed: configure the final URL";
        return AMPHI_E_PROTOCOL;
    }
    if (http_status >= 500 || http_status == 408 || http_status == 409 || http_status == 425) {
        *what = "the provider failed";
        return AMPHI_E_PROVIDER;
    }
    *what = http_status == 404 ? "the provider knows no such URL or model"
                               : "the provider refused the request";
    return http_status >= 400 ? AMPHI_E_REQUEST : AMPHI_E_PROTOCOL;
}

void amphi__provider_error_explain(amphi_provider_verdict *out, int http_status, amphi_str body,
    uint32_t header_retry_ms, bool prefix_sent)
{
    words w;
    read_body(&w, body);
    bool in_stream = http_status >= 200 && http_status < 300;
    int status_meant = in_stream ? status_in_stream(&w) : http_status;
    const char *what = "";
    amphi_status status = judge(&w, status_meant, &what);
    out->prefix_refused = false;
    if (status == AMPHI_E_REQUEST && prefix_sent && is_request_fault(status_meant)) {
        /* Many servers only say "bad request" here; to start again without the prefix is right
         * unless they name another fault. */
        out->prefix_refused =
            says_one_of(&w, prefix_phrases) || !says_one_of(&w, own_fault_phrases);
        what = out->prefix_refused ? "the provider does not continue the beginning of an answer"
                                   : what;
    }
    uint32_t retry_ms = 0;
    if (status == AMPHI_E_RATE_LIMITED || status == AMPHI_E_PROVIDER)
        retry_ms = header_retry_ms > 0 ? header_retry_ms : w.retry_ms;
    char wait[48] = "";
    if (retry_ms > 0)
        snprintf(wait, sizeof wait, "; it asks to wait %u s", (unsigned)((retry_ms + 999) / 1000));
    amphi__fail(&out->error, status, http_status, "HTTP %d%s%s%s%s: %s%s", http_status,
        in_stream ? ", error in the stream" : "", w.code[0] != '\0' ? " (" : "", w.code,
        w.code[0] != '\0' ? ")" : "", what, wait);
    out->error.retry_after_ms = retry_ms;
}
