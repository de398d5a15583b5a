/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and redacting. A text is redacted before it is cut, so that no cut leaves half a key.
 */
#include "remote/provider_words.h"

#include "sdk/core/sentence.h"
#include "sdk/core/str.h"

#include <stdio.h>

enum { SECRET_BYTES_MIN = 4, RANDOM_BYTES_MIN = 32, RANDOM_DIGITS_MIN = 4 };

static const char key_mark[] = "[key]";

/* ---- Keys ------------------------------------------------------------------------------------ */

typedef struct key_form {
    const char *prefix;
    size_t bytes_min; /* with the prefix; shorter ones are words */
} key_form;

/* How keys of OpenAI, Anthropic, OpenRouter, Stripe-like, Google, Groq, xAI, Hugging Face, NVIDIA,
 * Replicate, Perplexity, Fireworks, Together, GitHub and AWS begin, and tokens (JWT). */
static const key_form key_forms[] = {{"sk-", 6}, {"sk_", 6}, {"pk_", 12}, {"rk_", 12}, {"AIza", 16},
    {"gsk_", 12}, {"xai-", 12}, {"hf_", 12}, {"nvapi-", 12}, {"r8_", 12}, {"pplx-", 12},
    {"fw_", 12}, {"tgp_", 12}, {"ghp_", 12}, {"gho_", 12}, {"AKIA", 16}, {"ya29.", 16},
    {"eyJ", 20}};

/* Of what keys are made; '*' where a provider has covered some of it. */
static bool is_key_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '*' || c == '.' || c == '/' || c == '+' || c == '=';
}

static bool has_known_form(amphi_str word)
{
    for (size_t i = 0; i < sizeof key_forms / sizeof *key_forms; i++)
        if (word.size >= key_forms[i].bytes_min &&
            amphi__str_starts_with(word, amphi_str_from(key_forms[i].prefix)))
            return true;
    return false;
}

/* A long run of letters and digits without any mark. */
static bool looks_random(amphi_str word)
{
    size_t run = 0;
    size_t digits = 0;
    size_t letters = 0;
    for (size_t i = 0; i < word.size; i++) {
        char c = word.data[i];
        bool is_digit = c >= '0' && c <= '9';
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        run = is_digit || is_letter ? run + 1 : 0;
        digits = run == 0 ? 0 : digits + is_digit;
        letters = run == 0 ? 0 : letters + is_letter;
        if (run >= RANDOM_BYTES_MIN && digits >= RANDOM_DIGITS_MIN && letters > 0)
            return true;
    }
    return false;
}

static bool is_key(amphi_str word, bool after_bearer)
{
    bool is_covered = amphi__str_find(word, AMPHI_STR("***")) != SIZE_MAX;
    bool has_digit = false;
    for (size_t i = 0; i < word.size; i++)
        has_digit |= word.data[i] >= '0' && word.data[i] <= '9';
    return is_covered || has_known_form(word) || looks_random(word) ||
           (after_bearer && has_digit && word.size >= 8);
}

/* The length of a secret that begins `text`; 0: none does. The longest counts. */
static size_t secret_at(amphi_str text, amphi_str secrets)
{
    size_t longest = 0;
    while (secrets.size > 0) {
        amphi_str secret = amphi__str_trim(amphi__str_cut(secrets, '\n', &secrets));
        if (secret.size >= SECRET_BYTES_MIN && secret.size > longest &&
            amphi__str_starts_with(text, secret))
            longest = secret.size;
    }
    return longest;
}

/* A character of a line: controls, of which a terminal may take orders, become a blank. Returns how
 * many bytes were read. */
static size_t put_character(amphi_buf *out, amphi_str text)
{
    uint32_t codepoint = 0;
    size_t size = amphi__utf8_decode(text, &codepoint);
    if (size == 0) {
        amphi__buf_append_c(out, "\xEF\xBF\xBD");
        return 1;
    }
    bool is_control = codepoint < 0x20 || (codepoint >= 0x7F && codepoint < 0xA0) ||
                      (codepoint >= 0x202A && codepoint <= 0x202E) ||
                      (codepoint >= 0x2066 && codepoint <= 0x2069);
    if (is_control)
        amphi__buf_append_char(out, ' ');
    else
        amphi__buf_append_str(out, amphi__str_slice(text, 0, size));
    return size;
}

static size_t word_size(amphi_str text)
{
    size_t size = 0;
    while (size < text.size && is_key_letter(text.data[size]))
        size++;
    while (size > 0 && strchr("./+=", text.data[size - 1]) != NULL)
        size--; /* the end of a sentence */
    return size;
}

void amphi__provider_words_redact(amphi_buf *out, amphi_str text, amphi_str secrets)
{
    bool in_word = false; /* the byte before belongs to the word that was looked at */
    bool after_bearer = false;
    while (text.size > 0) {
        size_t size = secret_at(text, secrets);
        if (size == 0 && !in_word) {
            size_t word = word_size(text);
            amphi_str here = amphi__str_slice(text, 0, word);
            size = word > 0 && is_key(here, after_bearer) ? word : 0;
            if (word > 0)
                after_bearer = amphi__str_equal_ignore_case(here, AMPHI_STR("bearer"));
        }
        if (size > 0) {
            amphi__buf_append_c(out, key_mark);
            in_word = false;
        } else {
            in_word = is_key_letter(text.data[0]);
            size = put_character(out, text);
        }
        text = amphi__str_slice(text, size, text.size);
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void put_field(char *out, size_t size, amphi_str text, amphi_str secrets)
{
    amphi_buf line;
    amphi__buf_init(&line, 0);
    amphi__provider_words_redact(&line, amphi__str_trim(text), secrets);
    if (line.status == AMPHI_OK)
        amphi__sentence_copy(out, size, amphi__buf_str(&line));
    amphi__buf_wipe(&line);
}

/* A string, or a number as its digits. */
static void put_value(char *out, size_t size, const amphi_json *value, amphi_str secrets)
{
    char digits[32];
    if (amphi__json_kind(value) == AMPHI_JSON_NUMBER) {
        snprintf(digits, sizeof digits, "%lld", (long long)amphi__json_int(value, 0));
        amphi__str_copy_to(out, size, amphi_str_from(digits));
    } else {
        put_field(out, size, amphi__json_string(value), secrets);
    }
}

const amphi_json *amphi__provider_words_object(const amphi_json *root)
{
    if (amphi__json_kind(root) == AMPHI_JSON_ARRAY) /* Google */
        root = amphi__json_first(root);
    const amphi_json *error = amphi__json_get(root, "error");
    return amphi__json_kind(error) == AMPHI_JSON_OBJECT ? error : root;
}

/* FastAPI's (vLLM's and many proxies'): "detail" is a text, or a list of {"loc":[...],"msg"}. */
static void append_detail(amphi_buf *out, const amphi_json *detail)
{
    amphi__buf_append_str(out, amphi__json_string(detail));
    if (amphi__json_kind(detail) != AMPHI_JSON_ARRAY)
        return;
    for (const amphi_json *one = amphi__json_first(detail); one != NULL;
         one = amphi__json_next(one)) {
        if (out->size > 0)
            amphi__buf_append_c(out, "; ");
        for (const amphi_json *part = amphi__json_first(amphi__json_get(one, "loc")); part != NULL;
             part = amphi__json_next(part)) {
            amphi__buf_append_str(out, amphi__json_string(part));
            amphi__buf_append_c(out, amphi__json_next(part) != NULL ? "." : ": ");
        }
        amphi__buf_append_str(out, amphi__json_string(amphi__json_get(one, "msg")));
    }
}

/* What an endpoint that passes requests on got from the one behind it. */
static void append_upstream(amphi_buf *out, const amphi_json *error)
{
    amphi_json *inner = NULL;
    amphi_str raw = amphi__json_string(amphi__json_get(amphi__json_get(error, "metadata"), "raw"));
    if (raw.size == 0)
        return;
    amphi_str text = raw;
    if (amphi__json_parse(&inner, raw, "raw", NULL) == AMPHI_OK) {
        amphi_str said =
            amphi__json_string(amphi__json_get(amphi__provider_words_object(inner), "message"));
        text = said.size > 0 ? said : raw;
    }
    if (out->size > 0)
        amphi__buf_append_c(out, ": ");
    amphi__buf_append_str(out, text);
    amphi__json_free(inner);
}

static void read_message(amphi_buf *out, const amphi_json *root, const amphi_json *error)
{
    static const char *const names[] = {"message", "error", "msg", "error_description", "title"};
    for (size_t i = 0; i < sizeof names / sizeof *names && out->size == 0; i++)
        amphi__buf_append_str(out, amphi__json_string(amphi__json_get(error, names[i])));
    if (out->size == 0)
        append_detail(out, amphi__json_get(error, "detail"));
    if (out->size == 0)
        amphi__buf_append_str(out, amphi__json_string(root));
    append_upstream(out, error);
}

static bool is_web_page(amphi_str body)
{
    amphi_str text = amphi__str_trim(body);
    return text.size > 0 && text.data[0] == '<';
}

bool amphi__provider_words_read(amphi_provider_error *out, const amphi_provider_answer *answer)
{
    amphi_json *root = NULL;
    amphi_buf message;
    memset(out, 0, sizeof *out);
    amphi__buf_init(&message, 0);
    out->http_status = answer->http_status > 0 ? (uint32_t)answer->http_status : 0;
    put_field(out->request_id, sizeof out->request_id, answer->request_id, answer->secrets);
    if (amphi__json_parse(&root, answer->body, "error", NULL) == AMPHI_OK) {
        const amphi_json *error = amphi__provider_words_object(root);
        const amphi_json *code = amphi__json_get(error, "code");
        const amphi_json *type = amphi__json_get(error, "type");
        read_message(&message, root, error);
        put_value(out->type, sizeof out->type,
            amphi__json_is_string(type) ? type : amphi__json_get(error, "status"), answer->secrets);
        put_value(out->code, sizeof out->code, code, answer->secrets);
        put_value(out->param, sizeof out->param, amphi__json_get(error, "param"), answer->secrets);
    } else if (!is_web_page(answer->body)) {
        amphi__buf_append_str(&message, answer->body);
    }
    put_field(out->message, sizeof out->message, amphi__buf_str(&message), answer->secrets);
    amphi__buf_wipe(&message);
    amphi__json_free(root);
    return out->message[0] != '\0' || out->code[0] != '\0' || out->type[0] != '\0';
}
