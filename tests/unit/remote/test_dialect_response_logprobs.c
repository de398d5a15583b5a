/* SPDX-License-Identifier: Apache-2.0
 *
 * Log-probabilities from the cloud, in both dialects: every member of a token travels on, with the
 * text that the token wrote, however a server deals them out.
 */
#include "remote/dialect_openai.h"
#include "remote/dialect_responses.h"
#include "tests/support/engine_recorder.h"

#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TOKEN(text)                                                                                \
    "{\"token\":\"" text                                                                           \
    "\",\"logprob\":-0.25,\"bytes\":[1,2],\"top_logprobs\":[{\"token\":\"x\","                     \
    "\"logprob\":-1.5,\"bytes\":null,\"new_field\":7}]}"
#define CHUNK(text, logprobs, reason)                                                              \
    "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":" text                \
    "},\"logprobs\":" logprobs ",\"finish_reason\":" reason "}]}\n\n"
#define CONTENT(tokens) "{\"content\":[" tokens "],\"refusal\":null}"

static void expect(
    const amphi_dialect *dialect, const char *stream, const char *prefix, const char *logprobs)
{
    static const amphi_http_header headers[] = {{{"content-type", 12}, {"text/event-stream", 17}}};
    engine_recorder record;
    amphi_answer *answer = NULL;
    engine_recorder_init(&record);
    const amphi_answer_options options = {
        .sink = engine_recorder_sink(&record), .prefix = amphi_str_from(prefix)};
    assert_int_equal(dialect->answer_new(&answer, &options), AMPHI_OK);
    dialect->answer_headers(answer, 200, headers, 1);
    dialect->answer_body(answer, amphi_str_from(stream));
    dialect->answer_end(answer, NULL);
    dialect->answer_free(answer);
    assert_true(record.finished);
    assert_string_equal(record.logprobs.data != NULL ? record.logprobs.data : "", logprobs);
    engine_recorder_clear(&record);
}

static void chat__tokens_go_with_their_text(void **state)
{
    expect(&amphi__dialect_openai,
        CHUNK("\"\"", CONTENT(""), "null") CHUNK("\"He\"", CONTENT(TOKEN("He")), "null")
            CHUNK("\"llo\"", CONTENT(TOKEN("l") "," TOKEN("lo")), "null")
                CHUNK("\"!\"", "null", "\"stop\"") "data: [DONE]\n\n",
        "", "He[" TOKEN("He") "]\nllo[" TOKEN("l") "," TOKEN("lo") "]\n");
}

static void chat__tokens_without_text_wait_for_some(void **state)
{
    expect(&amphi__dialect_openai,
        CHUNK("\"\"", CONTENT(TOKEN("h1")), "null") CHUNK("\"\xE4\xBD\xA0\"", CONTENT(TOKEN("h2")),
            "null") CHUNK("null", CONTENT(TOKEN("late")), "\"stop\"") "data: [DONE]\n\n",
        "", "\xE4\xBD\xA0[" TOKEN("h1") "," TOKEN("h2") "]\n[" TOKEN("late") "]\n");
}

static void chat__tokens_of_a_repeated_beginning_are_dropped(void **state)
{
    expect(&amphi__dialect_openai,
        CHUNK("\"said before, \"", CONTENT(TOKEN("a")), "null")
            CHUNK("\"and more\"", CONTENT(TOKEN("b")), "null")
                CHUNK("\".\"", CONTENT(TOKEN("c")), "\"stop\"") "data: [DONE]\n\n",
        "said before, and more", ".[" TOKEN("c") "]\n");
    expect(&amphi__dialect_openai,
        CHUNK("\"said before, \"", CONTENT(TOKEN("a")), "null")
            CHUNK("\"but not this\"", CONTENT(TOKEN("b")), "\"stop\"") "data: [DONE]\n\n",
        "said before, and more", "said before, [" TOKEN("a") "," TOKEN("b") "]\n");
}

static void chat__whole_answers_and_refusals_have_them_too(void **state)
{
    expect(&amphi__dialect_openai,
        "data: {\"choices\":[{\"index\":0,\"message\":{\"content\":null,\"refusal\":\"No.\"},"
        "\"logprobs\":{\"content\":null,\"refusal\":[" TOKEN("No.") "]},\"finish_reason\":\"stop\"}"
                                                                    "]}\n\ndata: [DONE]\n\n",
        "", "[" TOKEN("No.") "]\n"); /* its text is an EXTRA */
}

static void responses__tokens_go_with_their_text(void **state)
{
    expect(&amphi__dialect_responses,
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\",\"logprobs\":[" TOKEN(
            "Hi") "]}\n\n"
                  "data: {\"type\":\"response.output_text.delta\",\"delta\":\"!\",\"logprobs\":[]}"
                  "\n\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":"
                  "\"completed\"}}\n\n",
        "", "Hi[" TOKEN("Hi") "]\n");
}

static void responses__are_asked_for_them(void **state)
{
    amphi_buf out;
    amphi__buf_init(&out, 0);
    const amphi_dialect_request request = {
        .body = AMPHI_STR("{\"messages\":[],\"logprobs\":true,\"top_logprobs\":3}")};
    assert_int_equal(amphi__dialect_responses.request_write(&out, &request, NULL), AMPHI_OK);
    assert_true(amphi__str_find(amphi__buf_str(&out),
                    AMPHI_STR("\"include\":[\"message.output_text.logprobs\"]")) != SIZE_MAX);
    assert_true(amphi__str_find(amphi__buf_str(&out), AMPHI_STR("\"top_logprobs\":3")) != SIZE_MAX);
    amphi__buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat__tokens_go_with_their_text),
        cmocka_unit_test(chat__tokens_without_text_wait_for_some),
        cmocka_unit_test(chat__tokens_of_a_repeated_beginning_are_dropped),
        cmocka_unit_test(chat__whole_answers_and_refusals_have_them_too),
        cmocka_unit_test(responses__tokens_go_with_their_text),
        cmocka_unit_test(responses__are_asked_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
