/* SPDX-License-Identifier: Apache-2.0
 *
 * From a request body to tokens: the messages through the model's chat template, the text through
 * its tokenizer, then the answer's beginning, when there is one, as plain text: what another
 * engine wrote must not turn into control tokens.
 */
#include "local/engine/prompt.h"

#include "local/text/reasoning.h"
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

/* The request's own variables for the template, and no thoughts: behind an answer's beginning no
 * model begins to think. The templates of those that may choose then write empty thoughts, as
 * these models expect. */
static amphi_status forbid_thoughts(amphi_json **out, const amphi_json *own, amphi_error *error)
{
    amphi_buf text;
    amphi__buf_init(&text, RENDERED_MAX);
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, &text);
    amphi__json_open(&writer, NULL, '{');
    for (const amphi_json *member = amphi__json_first(own); member != NULL;
         member = amphi__json_next(member)) {
        if (amphi__str_equal_c(amphi__json_key(member), "enable_thinking"))
            continue;
        amphi__json_put_key(&writer, amphi__json_key(member));
        amphi__json_put_value(&writer, NULL, member);
    }
    amphi__json_put_bool(&writer, "enable_thinking", false);
    amphi__json_close(&writer, '}');
    amphi_status status = text.status;
    if (status == AMPHI_OK)
        status = amphi__json_parse(out, amphi__buf_str(&text), "chat_template_kwargs", error);
    amphi__buf_clear(&text);
    return status;
}

typedef struct rendering {
    const amphi_inference *inference;
    const amphi_inference_request *request;
    const amphi_json *root;      /* the body */
    size_t count;                /* of its messages, without the answer's beginning */
    const amphi_json *variables; /* for the template; or NULL */
} rendering;

static amphi_status render_once(
    const rendering *r, bool merge_system, amphi_buf *out, amphi_error *error)
{
    const amphi_tokenizer *tokenizer = r->inference->tokenizer;
    const amphi_json *tools = amphi__json_get(r->root, "tools");
    amphi_buf text;
    if (amphi__json_first(amphi__json_get(r->root, "functions")) != NULL)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "functions: a local model knows their newer form only, \"tools\"");
    amphi__buf_init(&text, RENDERED_MAX);
    amphi_status status =
        write_messages(&text, amphi__json_get(r->root, "messages"), r->count, merge_system, error);
    amphi_json *messages = NULL;
    if (status == AMPHI_OK)
        status = amphi__json_parse(&messages, amphi__buf_str(&text), "messages", error);
    if (status == AMPHI_OK) {
        char bos[8];
        char eos[8];
        const amphi_template_input input = {.messages = messages,
            .tools = amphi__json_kind(tools) == AMPHI_JSON_ARRAY ? tools : NULL,
            .extra = r->variables,
            .bos_token = special_text(tokenizer, amphi__tokenizer_bos(tokenizer), bos),
            .eos_token = special_text(tokenizer, amphi__tokenizer_eos(tokenizer), eos),
            .add_generation_prompt = true,
            .now_s = r->request->now_s,
            .cancel = &r->request->cancel};
        status = amphi__template_render(r->inference->tmpl, &input, out, error);
    }
    amphi__json_free(messages);
    amphi__buf_clear(&text);
    return status;
}

/* Templates that refuse a system message (Gemma's, Mistral's) get it inside the user's. */
static amphi_status render_either(const rendering *r, amphi_buf *out, amphi_error *error)
{
    amphi_status status = render_once(r, false, out, error);
    bool has_system = is_role(amphi__json_first(amphi__json_get(r->root, "messages")), "system");
    if (status == AMPHI_E_REQUEST && has_system) {
        amphi__buf_reset(out);
        amphi_error second;
        if (render_once(r, true, out, &second) == AMPHI_OK) {
            amphi__error_clear(error);
            return AMPHI_OK;
        }
    }
    return status;
}

/* The messages but for the answer's beginning, with the head of the answer's turn behind them. */
static amphi_status render(const amphi_inference *inference, const amphi_inference_request *request,
    const amphi_json *root, size_t count, amphi_str beginning, amphi_buf *out, amphi_error *error)
{
    const amphi_json *own = amphi__json_get(root, "chat_template_kwargs");
    own = amphi__json_kind(own) == AMPHI_JSON_OBJECT ? own : NULL;
    rendering r = {inference, request, root, count, own};
    if (beginning.size == 0 || amphi__reasoning_begins(beginning))
        return render_either(&r, out, error);
    amphi_json *variables = NULL;
    amphi_status status = forbid_thoughts(&variables, own, error);
    r.variables = variables;
    if (status == AMPHI_OK)
        status = render_either(&r, out, error);
    amphi__json_free(variables);
    return status;
}

/* The rendered prompt, then the answer's beginning: apart, as they were when this model began the
 * answer itself. What another engine wrote can't become control tokens so. Where the prompt does
 * not end with a blank, SentencePiece begins an answer with one. */
static amphi_status encode(amphi_prompt *out, const amphi_tokenizer *tokenizer, amphi_str rendered,
    amphi_str beginning, const amphi_cancel *cancel, amphi_error *error)
{
    int32_t bos = amphi__tokenizer_bos(tokenizer);
    amphi_tokens tokens = {0};
    amphi_status status =
        amphi__tokenizer_encode(tokenizer, rendered, true, cancel, &tokens, error);
    if (status == AMPHI_OK && amphi__tokenizer_adds_bos(tokenizer) && bos >= 0 &&
        (tokens.size == 0 || tokens.data[0] != bos))
        status = amphi__tokens_append(&out->tokens, &bos, 1);
    if (status == AMPHI_OK)
        status = amphi__tokens_append(&out->tokens, tokens.data, tokens.size);
    amphi__tokens_clear(&tokens);
    out->prefix_at = out->tokens.size;
    if (status != AMPHI_OK || beginning.size == 0)
        return status;
    if (rendered.size > 0 && strchr(" \n", rendered.data[rendered.size - 1]) != NULL)
        status = amphi__tokenizer_encode_inside(tokenizer, beginning, cancel, &out->tokens, error);
    else
        status = amphi__tokenizer_encode(tokenizer, beginning, false, cancel, &out->tokens, error);
    return status == AMPHI_OK ? amphi__healing_begin(&out->healing, tokenizer, &out->tokens,
                                    out->prefix_at, beginning)
                              : status;
}

void amphi__prompt_clear(amphi_prompt *prompt)
{
    amphi__json_free(prompt->root);
    amphi__tokens_clear(&prompt->tokens);
    amphi__buf_clear(&prompt->beginning);
    memset(prompt, 0, sizeof *prompt);
}

/* Some templates open the model's thoughts. An answer that has begun is past them, or brings them
 * along. */
static void settle_thoughts(amphi_prompt *out, amphi_buf *rendered, amphi_str beginning)
{
    static const amphi_str opening = {"<think>", 7};
    amphi_str text = amphi__buf_str(rendered);
    while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]) != NULL)
        text.size--;
    out->thinks = amphi__str_ends_with(text, opening);
    if (!out->thinks || out->starts_text)
        return;
    if (amphi__reasoning_begins(beginning))
        rendered->size = text.size - opening.size;
    else
        amphi__buf_append_c(rendered, "\n</think>\n\n");
    out->thinks = false;
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
    status =
        render(inference, request, out->root, count, amphi__buf_str(&beginning), &rendered, error);
    if (status == AMPHI_OK) {
        out->starts_text = beginning.size == 0;
        settle_thoughts(out, &rendered, amphi__buf_str(&beginning));
        status = rendered.status != AMPHI_OK
                     ? amphi__fail(error, rendered.status, 0, "the prompt is too long")
                     : encode(out, inference->tokenizer, amphi__buf_str(&rendered),
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
