/* SPDX-License-Identifier: Apache-2.0
 *
 * The way of an answer's text to the sink: through local/text/stop_strings.h, which releases whole
 * characters and nothing of a stop string; thoughts are taken apart from the answer, and tool calls
 * from its text; then in pieces of bounded size.
 */
#include "local/engine/answer.h"

#include "local/constraint/answer_grammar.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"

#include <sys/random.h>

enum { ARGUMENTS_PART = 4 << 10 }; /* bytes of a call's arguments in one event */

/* In pieces, cut at characters. */
static void send_pieces(void *self, void (*send)(void *self, amphi_str text), amphi_str text)
{
    while (text.size > 0) {
        size_t size =
            text.size <= AMPHI_LOCAL_PIECE_MAX
                ? text.size
                : amphi__utf8_complete_size(amphi_str_make(text.data, AMPHI_LOCAL_PIECE_MAX));
        send(self, amphi_str_make(text.data, size));
        text = amphi__str_slice(text, size, text.size);
    }
}

/* Text of the answer, with the records of its tokens. `held`: bytes behind it that may yet turn
 * out to be something else. */
static void send_answer(amphi_answer *answer, amphi_str text, size_t held)
{
    uint64_t released = amphi__stop_strings_released(answer->stop);
    if (text.size > 0 && released > held)
        amphi__logprobs_report_send(answer->logprobs, answer->sink, released - held);
    send_pieces(answer->sink->self, answer->sink->text, text);
}

static amphi_status on_text(void *self, amphi_str text)
{
    amphi_answer *answer = self;
    send_answer(answer, text, answer->tools.held.size - text.size);
    return AMPHI_OK;
}

/* ---- tool calls ---- */

static void make_id(char id[AMPHI_TOOL_ID_SIZE])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t random[AMPHI_TOOL_ID_SIZE];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        uint64_t now_us = amphi__clock_us(NULL);
        for (size_t i = 0; i < sizeof random; i++)
            random[i] = (uint8_t)(now_us >> (i * 6));
    }
    for (size_t i = 0; i < AMPHI_TOOL_ID_SIZE; i++)
        id[i] = letters[random[i] % (sizeof letters - 1)];
}

/* One delta; `name` is empty in all but a call's first. */
static amphi_status send_part(
    amphi_answer *answer, uint32_t index, amphi_str id, amphi_str name, amphi_str arguments)
{
    amphi_buf out;
    amphi__buf_init(&out, AMPHI_LOCAL_PIECE_MAX);
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, &out);
    amphi__json_open(&writer, NULL, '[');
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_int(&writer, "index", index);
    if (name.size > 0) {
        amphi__json_put_str(&writer, "id", id);
        amphi__json_put_str(&writer, "type", AMPHI_STR("function"));
    }
    amphi__json_open(&writer, "function", '{');
    if (name.size > 0)
        amphi__json_put_str(&writer, "name", name);
    amphi__json_put_str(&writer, "arguments", arguments);
    amphi__json_close(&writer, '}');
    amphi__json_close(&writer, '}');
    amphi__json_close(&writer, ']');
    amphi_status status = out.status;
    if (status == AMPHI_OK)
        answer->sink->tool_call(answer->sink->self, amphi__buf_str(&out));
    amphi__buf_clear(&out);
    return status;
}

static amphi_status on_call(void *self, amphi_str name, amphi_str arguments)
{
    amphi_answer *answer = self;
    const uint32_t index = answer->tools.calls;
    char id[AMPHI_TOOL_ID_SIZE];
    make_id(id);
    amphi__logprobs_report_drop(answer->logprobs, amphi__stop_strings_released(answer->stop), 0);
    amphi_status status = AMPHI_OK;
    do { /* arguments of control characters grow sixfold as JSON, and again inside a string */
        size_t most = amphi__utf8_complete_size(amphi__str_slice(arguments, 0,
            arguments.size < ARGUMENTS_PART / 4 ? arguments.size : ARGUMENTS_PART / 4));
        status = send_part(answer, index, amphi_str_make(id, sizeof id), name,
            amphi__str_slice(arguments, 0, most));
        arguments = amphi__str_slice(arguments, most, arguments.size);
        name = amphi_str_make(NULL, 0);
    } while (status == AMPHI_OK && arguments.size > 0);
    return status;
}

/* ---- the answer ---- */

/* An answer that has begun is past its thoughts, unless its beginning shows where it is. */
static amphi_status begin_behind(amphi_answer *answer, amphi_str beginning)
{
    amphi_status status = amphi__stop_strings_begin_behind(answer->stop, beginning);
    if (status != AMPHI_OK || !amphi__reasoning_begins(beginning)) {
        answer->reasoning.state = AMPHI_REASONING_TEXT;
        return status;
    }
    status = amphi__reasoning_feed(&answer->reasoning, beginning, &answer->thought, &answer->text);
    amphi__buf_reset(&answer->thought);
    amphi__buf_reset(&answer->text);
    return status;
}

amphi_status amphi__answer_init(amphi_answer *answer, const amphi_inference_sink *sink,
    const amphi_prompt *prompt, bool constrained, const amphi_str *stops, size_t stops_count,
    amphi_logprobs_report *logprobs, amphi_error *error)
{
    const amphi_tool_call_sink tool_sink = {.self = answer, .text = on_text, .call = on_call};
    memset(answer, 0, sizeof *answer);
    answer->sink = sink;
    answer->logprobs = logprobs;
    amphi__buf_init(&answer->ready, AMPHI_LOCAL_ANSWER_MAX);
    amphi__buf_init(&answer->thought, AMPHI_LOCAL_ANSWER_MAX);
    amphi__buf_init(&answer->text, AMPHI_LOCAL_ANSWER_MAX);
    amphi__reasoning_init(&answer->reasoning, prompt->thinks);
    if (!prompt->thinks && constrained)
        answer->reasoning.state = AMPHI_REASONING_TEXT;
    answer->has_tools =
        (!constrained || amphi__answer_grammar_kind(prompt->root) == AMPHI_ANSWER_GRAMMAR_CALL) &&
        amphi__answer_grammar_may_call(prompt->root);
    amphi__tool_call_parser_init(
        &answer->tools, amphi__json_get(prompt->root, "tools"), prompt->starts_text, &tool_sink);
    amphi_status status = amphi__stop_strings_new(&answer->stop, stops, stops_count, error);
    if (status == AMPHI_OK && !prompt->starts_text)
        status = begin_behind(answer, amphi__buf_str(&prompt->beginning));
    return status;
}

void amphi__answer_clear(amphi_answer *answer)
{
    amphi__stop_strings_free(answer->stop);
    amphi__reasoning_clear(&answer->reasoning);
    amphi__tool_call_parser_clear(&answer->tools);
    amphi__buf_clear(&answer->ready);
    amphi__buf_clear(&answer->thought);
    amphi__buf_clear(&answer->text);
    answer->stop = NULL;
}

/* What was taken apart goes out. */
static amphi_status send_parts(amphi_answer *answer)
{
    send_pieces(answer->sink->self, answer->sink->reasoning, amphi__buf_str(&answer->thought));
    amphi_status status = AMPHI_OK;
    if (answer->has_tools)
        status = amphi__tool_call_parser_feed(&answer->tools, amphi__buf_str(&answer->text));
    else
        send_answer(answer, amphi__buf_str(&answer->text), 0);
    amphi__buf_reset(&answer->thought);
    amphi__buf_reset(&answer->text);
    return status;
}

/* Between these states lie thoughts and their markers. */
static bool held_thoughts(amphi_reasoning_state before, amphi_reasoning_state now)
{
    return now != AMPHI_REASONING_FRONT && before != AMPHI_REASONING_TEXT &&
           !(before == AMPHI_REASONING_FRONT && now == AMPHI_REASONING_TEXT);
}

static amphi_status take_apart(amphi_answer *answer)
{
    amphi_reasoning_state before = answer->reasoning.state;
    amphi_status status = amphi__reasoning_feed(
        &answer->reasoning, amphi__buf_str(&answer->ready), &answer->thought, &answer->text);
    amphi_reasoning_state now = answer->reasoning.state;
    /* Of the thoughts' tokens only the last can be the answer's first. */
    if (held_thoughts(before, now))
        amphi__logprobs_report_drop(answer->logprobs, amphi__stop_strings_released(answer->stop),
            now == AMPHI_REASONING_TEXT ? 1 : 0);
    amphi__buf_reset(&answer->ready);
    return status == AMPHI_OK ? send_parts(answer) : status;
}

amphi_status amphi__answer_push(amphi_answer *answer, amphi_str piece)
{
    amphi_status status =
        amphi__stop_strings_feed(answer->stop, piece, &answer->ready, &answer->stopped);
    return status == AMPHI_OK ? take_apart(answer) : status;
}

amphi_status amphi__answer_finish(amphi_answer *answer)
{
    amphi_status status = amphi__stop_strings_finish(answer->stop, &answer->ready);
    if (status == AMPHI_OK)
        status = take_apart(answer);
    if (status == AMPHI_OK)
        status = amphi__reasoning_finish(&answer->reasoning, &answer->thought, &answer->text);
    if (status == AMPHI_OK)
        status = send_parts(answer);
    return status == AMPHI_OK && answer->has_tools ? amphi__tool_call_parser_finish(&answer->tools)
                                                   : status;
}
