/* SPDX-License-Identifier: Apache-2.0
 *
 * From a request body to tokens: the messages through the model's chat template, the text through
 * its tokenizer, then the answer's beginning, when there is one, as plain text: what another
 * engine wrote must not turn into control tokens.
 */
#include "local/engine/prompt.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

enum { RENDERED_MAX = 8 << 20 };

/* A message's text: a string, or the text parts of an array; anything else is refused. */
static amphi_status write_content(amphi_buf *out, const amphi_json *content, amphi_error *error)
{
    if (amphi__json_kind(content) != AMPHI_JSON_ARRAY)
        return amphi__buf_append_str(out, amphi__json_string(content));
    for (const amphi_json *part = amphi__json_first(content); part != NULL;
         part = amphi__json_next(part)) {
        if (!amphi__str_equal_c(amphi__json_string(amphi__json_get(part, "type")), "text"))
            return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "this local model reads text only");
        amphi__buf_append_str(out, amphi__json_string(amphi__json_get(part, "text")));
    }
    return out->status;
}

static bool is_role(const amphi_json *message, const char *role)
{
    return amphi__str_equal_c(amphi__json_string(amphi__json_get(message, "role")), role);
}

/* One message with its content as a string; `before` is put in front of it. */
static amphi_status write_message(
    amphi_json_writer *writer, const amphi_json *message, amphi_str before, amphi_error *error)
{
    const amphi_json *content = amphi__json_get(message, "content");
    amphi_buf text;
    amphi__buf_init(&text, RENDERED_MAX);
    amphi__buf_append_str(&text, before);
    amphi_status status = write_content(&text, content, error);
    if (status == AMPHI_OK) {
        amphi__json_open(writer, NULL, '{');
        for (const amphi_json *member = amphi__json_first(message); member != NULL;
             member = amphi__json_next(member)) {
            if (member != content) {
                amphi__json_put_key(writer, amphi__json_key(member));
                amphi__json_put_value(writer, NULL, member);
            }
        }
        amphi__json_put_str(writer, "content", amphi__buf_str(&text));
        amphi__json_close(writer, '}');
    }
    amphi__buf_clear(&text);
    return status;
}

/* The messages as templates expect them. `count` of them; merge_system: system messages go in
 * front of the next user message, for templates that know no system role. */
static amphi_status write_messages(
    amphi_buf *out, const amphi_json *messages, size_t count, bool merge_system, amphi_error *error)
{
    amphi_buf system;
    amphi__buf_init(&system, RENDERED_MAX);
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '[');
    const amphi_json *message = amphi__json_first(messages);
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; i < count && message != NULL && status == AMPHI_OK; i++) {
        if (merge_system && is_role(message, "system")) {
            status = write_content(&system, amphi__json_get(message, "content"), error);
            amphi__buf_append_c(&system, "\n\n");
        } else {
            status = write_message(&writer, message, amphi__buf_str(&system), error);
            amphi__buf_reset(&system);
        }
        message = amphi__json_next(message);
    }
    amphi__json_close(&writer, ']');
    status = status != AMPHI_OK ? status : system.status != AMPHI_OK ? system.status : out->status;
    amphi__buf_clear(&system);
    return status;
}

static amphi_str special_text(const amphi_tokenizer *tokenizer, int32_t token, char scratch[8])
{
    return token < 0 ? amphi_str_make(NULL, 0)
                     : amphi__tokenizer_piece(tokenizer, token, true, scratch);
}

static amphi_status render_once(const amphi_inference *inference,
    const amphi_inference_request *request, const amphi_json *root, size_t count, bool merge_system,
    amphi_buf *out, amphi_error *error)
{
    const amphi_json *tools = amphi__json_get(root, "tools");
    const amphi_json *extra = amphi__json_get(root, "chat_template_kwargs");
    amphi_buf text;
    amphi__buf_init(&text, RENDERED_MAX);
    amphi_status status =
        write_messages(&text, amphi__json_get(root, "messages"), count, merge_system, error);
    amphi_json *messages = NULL;
    if (status == AMPHI_OK)
        status = amphi__json_parse(&messages, amphi__buf_str(&text), "messages", error);
    if (status == AMPHI_OK) {
        char bos[8];
        char eos[8];
        const amphi_template_input input = {.messages = messages,
            .tools = amphi__json_kind(tools) == AMPHI_JSON_ARRAY ? tools : NULL,
            .extra = amphi__json_kind(extra) == AMPHI_JSON_OBJECT ? extra : NULL,
            .bos_token =
                special_text(inference->tokenizer, amphi__tokenizer_bos(inference->tokenizer), bos),
            .eos_token =
                special_text(inference->tokenizer, amphi__tokenizer_eos(inference->tokenizer), eos),
            .add_generation_prompt = true,
            .now_s = request->now_s,
            .cancel = &request->cancel};
        status = amphi__template_render(inference->tmpl, &input, out, error);
    }
    amphi__json_free(messages);
    amphi__buf_clear(&text);
    return status;
}

/* Templates that refuse a system message (Gemma's, Mistral's) get it inside the user's. */
static amphi_status render(const amphi_inference *inference, const amphi_inference_request *request,
    const amphi_json *root, size_t count, amphi_buf *out, amphi_error *error)
{
    amphi_status status = render_once(inference, request, root, count, false, out, error);
    bool has_system = is_role(amphi__json_first(amphi__json_get(root, "messages")), "system");
    if (status == AMPHI_E_REQUEST && has_system) {
        amphi__buf_reset(out);
        amphi_error second;
        if (render_once(inference, request, root, count, true, out, &second) == AMPHI_OK) {
            amphi__error_clear(error);
            return AMPHI_OK;
        }
    }
    return status;
}

static bool same_tokens(const amphi_tokens *a, const amphi_tokens *b)
{
    return a->size == b->size &&
           (a->size == 0 || memcmp(a->data, b->data, a->size * sizeof a->data[0]) == 0);
}

/* Does reading `text` with special tokens make a difference? */
static amphi_status is_plain(const amphi_tokenizer *tokenizer, amphi_str text,
    const amphi_cancel *cancel, bool *plain, amphi_error *error)
{
    amphi_tokens as_text = {0};
    amphi_status status = amphi__tokenizer_encode(tokenizer, text, false, cancel, &as_text, error);
    amphi_tokens as_special = {0};
    if (status == AMPHI_OK)
        status = amphi__tokenizer_encode(tokenizer, text, true, cancel, &as_special, error);
    *plain = status == AMPHI_OK && same_tokens(&as_text, &as_special);
    amphi__tokens_clear(&as_text);
    amphi__tokens_clear(&as_special);
    return status;
}

/* The rendered prompt, then the prefix. Together where that can't turn the prefix into control
 * tokens: tokens may then span the border, as they would have in one go. */
static amphi_status encode(amphi_prompt *out, const amphi_tokenizer *tokenizer, amphi_buf *rendered,
    amphi_str prefix, const amphi_cancel *cancel, amphi_error *error)
{
    int32_t bos = amphi__tokenizer_bos(tokenizer);
    amphi_tokens tokens = {0};
    amphi_status status =
        amphi__tokenizer_encode(tokenizer, amphi__buf_str(rendered), true, cancel, &tokens, error);
    if (status == AMPHI_OK && amphi__tokenizer_adds_bos(tokenizer) && bos >= 0 &&
        (tokens.size == 0 || tokens.data[0] != bos))
        status = amphi__tokens_append(&out->tokens, &bos, 1);
    out->prefix_at = out->tokens.size + tokens.size;
    bool plain = true;
    if (status == AMPHI_OK && prefix.size > 0)
        status = is_plain(tokenizer, prefix, cancel, &plain, error);
    if (status == AMPHI_OK && prefix.size > 0 && plain) {
        amphi__tokens_clear(&tokens);
        amphi__buf_append_str(rendered, prefix);
        status = rendered->status != AMPHI_OK
                     ? amphi__fail(error, rendered->status, 0, "the prompt is too long")
                     : amphi__tokenizer_encode(
                           tokenizer, amphi__buf_str(rendered), true, cancel, &tokens, error);
    }
    if (status == AMPHI_OK)
        status = amphi__tokens_append(&out->tokens, tokens.data, tokens.size);
    if (status == AMPHI_OK && !plain)
        status = amphi__tokenizer_encode(tokenizer, prefix, false, cancel, &out->tokens, error);
    if (out->prefix_at > out->tokens.size)
        out->prefix_at = out->tokens.size;
    amphi__tokens_clear(&tokens);
    return status;
}

/* ---- healing the border ----
 *
 * Another engine may have stopped in the middle of a word, where this model's tokens have no
 * border: " assi" is a pair of tokens that never came before "stant". So the last word of the
 * beginning is taken back, and the first tokens have to spell it again, in whatever way the model
 * likes best, and may go on with it. (Cut at every fourth byte, an answer of the embedded model was
 * continued word for word 24 of 37 times with its last token taken back, 37 of 37 times so.) */

static bool ends_inside_a_word(amphi_str text)
{
    unsigned char end = text.size == 0 ? ' ' : (unsigned char)text.data[text.size - 1];
    return (end >= '0' && end <= '9') || (end >= 'A' && end <= 'Z') || (end >= 'a' && end <= 'z') ||
           end >= 0x80;
}

/* Where the last word begins, with the blank before it; text.size: there is nothing to take back,
 * or too much (scripts without blanks). */
static size_t last_word_at(amphi_str text)
{
    size_t at = text.size;
    if (text.size > 1 && text.data[text.size - 1] == ' ')
        return text.size - 1; /* the blank belongs to the next word's token */
    if (!ends_inside_a_word(text))
        return text.size;
    while (at > 0 && text.data[at - 1] != ' ' && text.data[at - 1] != '\n')
        at--;
    if (at == 0)
        return text.size;
    at -= text.data[at - 1] == ' ' ? 1 : 0;
    return text.size - at > AMPHI_HEAL_MAX ? text.size : at;
}

/* Without a word to take back: the last token. */
static void take_back_token(amphi_prompt *out, const amphi_tokenizer *tokenizer)
{
    if (out->tokens.size <= out->prefix_at || out->tokens.size < 2)
        return;
    char scratch[8];
    amphi_str piece =
        amphi__tokenizer_piece(tokenizer, out->tokens.data[out->tokens.size - 1], false, scratch);
    if (piece.size > 0 && piece.size <= sizeof out->heal) {
        memcpy(out->heal, piece.data, piece.size);
        out->heal_size = piece.size;
        out->tokens.size--;
    }
}

static amphi_status encode_healing(amphi_prompt *out, const amphi_tokenizer *tokenizer,
    amphi_buf *rendered, amphi_str beginning, const amphi_cancel *cancel, amphi_error *error)
{
    size_t cut = last_word_at(beginning);
    out->heal_size = beginning.size - cut;
    if (out->heal_size > 0)
        memcpy(out->heal, beginning.data + cut, out->heal_size);
    amphi_status status =
        encode(out, tokenizer, rendered, amphi__str_slice(beginning, 0, cut), cancel, error);
    if (status == AMPHI_OK && out->heal_size == 0 && ends_inside_a_word(beginning))
        take_back_token(out, tokenizer);
    return status;
}

void amphi__prompt_clear(amphi_prompt *prompt)
{
    amphi__json_free(prompt->root);
    amphi__tokens_clear(&prompt->tokens);
    amphi__buf_clear(&prompt->beginning);
    memset(prompt, 0, sizeof *prompt);
}

/* A format decides about each byte: nothing is spelled again. */
static bool has_format(const amphi_json *root)
{
    const amphi_json *type = amphi__json_get(amphi__json_get(root, "response_format"), "type");
    return type != NULL && !amphi__str_equal_c(amphi__json_string(type), "text");
}

/* Some templates open the model's thoughts. An answer that has begun is past them. */
static void settle_thoughts(amphi_prompt *out, amphi_buf *rendered)
{
    amphi_str trimmed = amphi__str_trim(amphi__buf_str(rendered));
    out->thinks = amphi__str_ends_with(trimmed, AMPHI_STR("<think>"));
    if (out->thinks && !out->starts_text) {
        amphi__buf_append_c(rendered, "\n</think>\n\n");
        out->thinks = false;
    }
}

static const amphi_json *last_message(const amphi_json *messages)
{
    const amphi_json *last = NULL;
    for (const amphi_json *message = amphi__json_first(messages); message != NULL;
         message = amphi__json_next(message))
        last = message;
    return last;
}

amphi_status amphi__prompt_make(amphi_prompt *out, const amphi_inference *inference,
    const amphi_inference_request *request, amphi_error *error)
{
    const amphi_json *messages = NULL;
    size_t count = 0;
    amphi_buf beginning; /* a trailing assistant message, then the prefix */
    amphi_status status = AMPHI_OK;

    memset(out, 0, sizeof *out);
    amphi_buf rendered;
    amphi__buf_init(&rendered, RENDERED_MAX);
    amphi__buf_init(&beginning, RENDERED_MAX);
    status = amphi__json_parse(&out->root, request->body, "request", error);
    if (status != AMPHI_OK)
        goto cleanup;
    messages = amphi__json_get(out->root, "messages");
    count = amphi__json_kind(messages) == AMPHI_JSON_ARRAY ? amphi__json_count(messages) : 0;
    if (count > 0 && is_role(last_message(messages), "assistant")) {
        count--;
        status =
            write_content(&beginning, amphi__json_get(last_message(messages), "content"), error);
    }
    if (status == AMPHI_OK && count == 0)
        status = amphi__fail(error, AMPHI_E_REQUEST, 0, "the request has no messages");
    if (status != AMPHI_OK)
        goto cleanup;
    amphi__buf_append_str(&beginning, request->prefix);
    status = render(inference, request, out->root, count, &rendered, error);
    if (status == AMPHI_OK) {
        out->starts_text = beginning.size == 0;
        settle_thoughts(out, &rendered);
        status = has_format(out->root) ? encode(out, inference->tokenizer, &rendered,
                                             amphi__buf_str(&beginning), &request->cancel, error)
                                       : encode_healing(out, inference->tokenizer, &rendered,
                                             amphi__buf_str(&beginning), &request->cancel, error);
    }
    amphi__buf_init(&out->beginning, RENDERED_MAX);
    if (status == AMPHI_OK &&
        amphi__buf_append_str(&out->beginning, amphi__buf_str(&beginning)) != AMPHI_OK)
        status = amphi__fail_no_memory(error);
cleanup:
    amphi__buf_clear(&rendered);
    amphi__buf_clear(&beginning);
    if (status != AMPHI_OK)
        amphi__prompt_clear(out);
    return status;
}

amphi_status amphi__inference_count_tokens(
    amphi_inference *inference, amphi_str body, int64_t now_s, uint32_t *out, amphi_error *error)
{
    inference->sink->heartbeat(inference->sink->self, AMPHI_INFERENCE_PREFILL);
    amphi_prompt prompt;
    const amphi_inference_request request = {.body = body, .now_s = now_s};
    amphi_status status = amphi__prompt_make(&prompt, inference, &request, error);
    if (status == AMPHI_OK) {
        *out = (uint32_t)prompt.tokens.size;
        amphi__prompt_clear(&prompt);
    }
    return status;
}
