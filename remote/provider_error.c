/* SPDX-License-Identifier: Apache-2.0
 *
 * Refusals, from the general (HTTP status) to the particular (the provider's own words). The word
 * lists come from the error formats that OpenAI, Azure, Google, Mistral, DeepSeek, Qwen, Groq,
 * OpenRouter, vLLM and llama.cpp's server document or emit.
 */
#include "remote/provider_error.h"

#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

enum { WORDS_MAX = 2048, CODE_MAX = 48, RETRY_MAX_MS = 24 * 3600 * 1000 };

/* ---- When to try again ----------------------------------------------------------------------- */

static uint32_t clamp_ms(double ms)
{
    if (!(ms > 0))
        return 0;
    return ms < RETRY_MAX_MS ? (uint32_t)(ms + 0.5) : (uint32_t)RETRY_MAX_MS;
}

/* A decimal number; returns its length. No locale, no exponent. */
static size_t read_decimal(amphi_str text, double *out)
{
    double value = 0;
    double scale = 0;
    size_t at = 0;
    for (; at < text.size && at < 18; at++) {
        char c = text.data[at];
        if (c == '.' && scale == 0 && at > 0) {
            scale = 1;
        } else if (c >= '0' && c <= '9') {
            value = value * 10 + (c - '0');
            scale *= 10;
        } else {
            break;
        }
    }
    bool trailing_dot = at > 0 && text.data[at - 1] == '.';
    *out = scale > 1 ? value / scale : value;
    return trailing_dot ? at - 1 : at;
}

/* Milliseconds of the unit at the beginning of `text`, and its length; 0: none. */
static double read_unit(amphi_str text, size_t *size)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"milliseconds", 1}, {"ms", 1}, {"seconds", 1e3}, {"second", 1e3}, {"secs", 1e3},
        {"sec", 1e3}, {"s", 1e3}, {"minutes", 6e4}, {"minute", 6e4}, {"min", 6e4}, {"m", 6e4},
        {"hours", 36e5}, {"hour", 36e5}, {"h", 36e5}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (amphi__str_starts_with(text, amphi_str_from(units[i].name))) {
            *size = strlen(units[i].name);
            return units[i].ms;
        }
    }
    return 0;
}

uint32_t amphi__duration_ms(amphi_str text)
{
    double total = 0;
    for (int parts = 0; parts < 4; parts++) {
        double number;
        size_t size = read_decimal(text, &number);
        if (size == 0)
            break;
        text = amphi__str_slice(text, size, text.size);
        while (text.size > 0 && text.data[0] == ' ')
            text = amphi__str_slice(text, 1, text.size);
        double unit = read_unit(text, &size);
        if (unit == 0)
            break;
        total += number * unit;
        text = amphi__str_slice(text, size, text.size);
    }
    return clamp_ms(total);
}

/* Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant, "days_from_civil"). */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int two_digits(const char *text)
{
    bool units = text[1] >= '0' && text[1] <= '9';
    int tens = text[0] == ' ' ? 0 : text[0] - '0'; /* the C library's form has blanks there */
    return units && tens >= 0 && tens <= 9 ? tens * 10 + (text[1] - '0') : -1000000;
}

/* Where the parts of a date stand. */
typedef struct date_form {
    size_t day, month, year, time;
    bool short_year;
} date_form;

/* The three forms of RFC 9110, 5.6.7; the two older ones still have to be read. */
static bool find_form(amphi_str text, date_form *out)
{
    if (text.size == 29 && text.data[3] == ',') { /* Sun, 06 Nov 1994 08:49:37 GMT */
        *out = (date_form){5, 8, 12, 17, false};
        return amphi__str_ends_with(text, AMPHI_STR(" GMT"));
    }
    if (text.size == 24 && text.data[3] == ' ') { /* Sun Nov  6 08:49:37 1994 */
        *out = (date_form){8, 4, 20, 11, false};
        return true;
    }
    amphi_str rest;
    size_t comma = amphi__str_cut(text, ',', &rest).size; /* Sunday, 06-Nov-94 08:49:37 GMT */
    *out = (date_form){comma + 2, comma + 5, comma + 9, comma + 12, true};
    return text.size == comma + 24 && amphi__str_ends_with(text, AMPHI_STR(" GMT"));
}

int64_t amphi__http_date(amphi_str text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    date_form form;
    if (!find_form(text, &form))
        return -1;
    const char *d = text.data;
    const char *clock = d + form.time;
    int month = 0;
    while (month < 12 && memcmp(months + (size_t)month * 3, d + form.month, 3) != 0)
        month++;
    int day = two_digits(d + form.day);
    int year = form.short_year ? 2000 + two_digits(d + form.year)
                               : two_digits(d + form.year) * 100 + two_digits(d + form.year + 2);
    int hour = two_digits(clock);
    int minute = two_digits(clock + 3);
    int second = two_digits(clock + 6);
    if (clock[2] != ':' || clock[5] != ':' || month == 12 || day < 1 || day > 31 || year < 1970 ||
        hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return -1;
    return days_from_civil(year, month + 1, day) * 86400 + hour * 3600 + minute * 60 + second;
}

static amphi_str find_header(const amphi_http_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (amphi__str_equal_ignore_case(headers[i].name, amphi_str_from(name)))
            return headers[i].value;
    return amphi_str_make(NULL, 0);
}

/* OpenAI's and Groq's headers: of what is used up (requests or tokens), when there is some again. */
static uint32_t ratelimit_reset_ms(const amphi_http_header *headers, size_t count)
{
    static const char *const names[][2] = {
        {"x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"},
        {"x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"}};
    uint32_t longest_ms = 0;
    for (size_t i = 0; i < 2; i++) {
        uint32_t reset_ms = amphi__duration_ms(find_header(headers, count, names[i][1]));
        bool used_up = amphi__str_equal_c(find_header(headers, count, names[i][0]), "0");
        longest_ms = used_up && reset_ms > longest_ms ? reset_ms : longest_ms;
    }
    return longest_ms;
}

uint32_t amphi__retry_after_ms(
    const amphi_http_header *headers, size_t count, const amphi_clock *clock)
{
    double number;
    amphi_str text = find_header(headers, count, "retry-after-ms");
    if (text.size > 0 && read_decimal(text, &number) == text.size)
        return clamp_ms(number);
    text = find_header(headers, count, "retry-after");
    if (text.size == 0)
        return ratelimit_reset_ms(headers, count);
    if (read_decimal(text, &number) == text.size)
        return clamp_ms(number * 1000);
    int64_t until = amphi__http_date(text);
    int64_t now = amphi__http_date(find_header(headers, count, "date"));
    if (now < 0)
        now = amphi__clock_wall_ms(clock) / 1000;
    return until < 0 ? 0 : clamp_ms((double)(until - now) * 1000);
}

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
    double seconds = amphi__json_number(amphi__json_get(error, "retry_after"), 0);
    w->retry_ms = clamp_ms(seconds * 1000);
    const amphi_json *detail = amphi__json_first(amphi__json_get(error, "details"));
    for (; detail != NULL && w->retry_ms == 0; detail = amphi__json_next(detail))
        w->retry_ms = amphi__duration_ms(amphi__json_string(amphi__json_get(detail, "retryDelay")));
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

static void read_delay_in_prose(words *w)
{
    static const char *const openings[] = {"try again in ", "retry in ", "retry after ", NULL};
    amphi_str text = amphi_str_make(w->text, w->size);
    for (size_t i = 0; openings[i] != NULL && w->retry_ms == 0; i++) {
        amphi_str opening = amphi_str_from(openings[i]);
        size_t at = amphi__str_find(text, opening);
        if (at != SIZE_MAX)
            w->retry_ms = amphi__duration_ms(amphi__str_slice(text, at + opening.size, text.size));
    }
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
    read_delay_in_prose(w);
}

/* ---- The verdict ----------------------------------------------------------------------------- */

/* From OpenAI, vLLM, llama.cpp, Anthropic, Bedrock, Groq, Gemini, TGI, xAI, Kimi, Cohere, Qwen, Zhipu
 * and Copilot, in this order. */
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
    "insufficient_quota", "resource_exhausted", "throttl", "please wait", NULL};
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
    return says_one_of(w, rate_phrases)      ? 429
           : says_one_of(w, auth_phrases)    ? 401
           : says_one_of(w, request_phrases) ? 400
                                             : 500;
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
    if (http_status == 429 || http_status == 402) {
        *what = http_status == 402 || says(w, "insufficient_quota")
                    ? "the account's quota is used up"
                    : "the provider's rate limit is reached";
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

void amphi__provider_error_explain(amphi_provider_error *out, int http_status, amphi_str body,
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
        what = out->prefix_refused ? "the provider does not continue a given beginning" : what;
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
