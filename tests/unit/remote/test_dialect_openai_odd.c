/* SPDX-License-Identifier: Apache-2.0
 *
 * Odd chunks: one of them does not cost the answer where it can mean one thing only, and none of
 * them makes a cut a success. Every stream is fed whole and byte by byte.
 */
#include "remote/dialect_openai.h"
#include "sdk/core/str.h"
#include "tests/support/dialect_feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DATA(json)    "data: " json "\n\n"
#define DELTA(fields) DATA("{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{" fields "}}]}")
#define TEXT(text)    DELTA("\"content\":\"" text "\"")
#define STOP          DATA("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}")
#define NULLS(text)                                                                                \
    DATA("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text                               \
         "\"},\"finish_reason\":null}]}")
#define DONE "data: [DONE]\n\n"

static void ask(engine_recorder *record, amphi_str stream, bool by_byte, amphi_ending known,
    amphi_ending *shown)
{
    const amphi_answer_options options = {.sink = engine_recorder_sink(record), .ending = known};
    const amphi_dialect *dialect = &amphi__dialect_openai;
    amphi_answer *answer = NULL;
    assert_int_equal(dialect->answer_new(&answer, &options), AMPHI_OK);
    dialect->answer_headers(answer, 200, event_stream, 1);
    for (size_t at = 0; at < stream.size; at += by_byte ? 1 : stream.size)
        dialect->answer_body(answer, amphi__str_slice(stream, at, by_byte ? at + 1 : stream.size));
    dialect->answer_end(answer, NULL);
    *shown = dialect->answer_ending(answer);
    dialect->answer_free(answer);
    assert_int_equal(record->terminals, 1);
}

typedef struct odd {
    const char *stream;
    const char *text; /* NULL: no success */
    const char *extra;
} odd;

static void expect(const odd *cases, size_t count, amphi_ending known)
{
    for (size_t i = 0; i < 2 * count; i++) {
        const odd *c = &cases[i / 2];
        amphi_ending shown;
        engine_recorder record;
        engine_recorder_init(&record);
        ask(&record, amphi_str_from(c->stream), i % 2 == 1, known, &shown);
        if (record.finished != (c->text != NULL))
            print_message("%s -> %s\n", c->stream, record.error.message);
        assert_int_equal(record.finished, c->text != NULL);
        if (c->text != NULL)
            assert_string_equal(text_of(&record.text), c->text);
        if (c->extra != NULL)
            assert_string_equal(text_of(&record.extra), c->extra);
        engine_recorder_clear(&record);
    }
}

static void odd__what_has_one_meaning_is_repaired(void **state)
{
    static const odd cases[] = {
        {TEXT("a\\ud83d") TEXT("\\ude00b") STOP DONE,
            "a\xF0\x9F\x98\x80"
            "b",
            NULL},
        {TEXT("a") TEXT("\\ud83d") STOP DONE, "a\xEF\xBF\xBD", NULL},
        {TEXT("\\ud83d") TEXT("b") STOP DONE,
            "\xEF\xBF\xBD"
            "b",
            NULL},
        {TEXT("a\xff") TEXT("b") STOP DONE,
            "a\xEF\xBF\xBD"
            "b",
            NULL},
        {DATA("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"logprobs\":null}],"
              "\"p\":NaN}") STOP DONE,
            "a", NULL},
        {DATA("{\"error\":{},\"choices\":[{\"delta\":{\"content\":\"a\"}}]}") STOP DONE, "a", NULL},
        {DATA("{\"error\":null,\"choices\":[{\"delta\":{\"content\":\"a\"}}]}") STOP DONE, "a",
            NULL},
        {DATA("{\"error\":\"\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}") STOP DONE, "a",
            NULL},
        {DATA("{\"choices\":[{\"index\":0,\"text\":\"a\"}]}") DATA(
             "{\"choices\":[{\"index\":0,\"text\":\"b\",\"finish_reason\":\"stop\"}]}") DONE,
            "ab", NULL},
        {"\xEF\xBB\xBF: hi\r\rdata: {\"choices\":[{\"delta\":{\"content\":\"a\"},"
         "\"finish_reason\":\"stop\"}]}\r\rdata: [DONE]\r\r",
            "a", NULL},
    };
    expect(cases, sizeof cases / sizeof *cases, AMPHI_ENDING_UNKNOWN);
}

static void odd__a_cut_is_never_success(void **state)
{
    static const odd cases[] = {
        {TEXT("a") "data: {\"choices\":[{\"delta\":{\"con", NULL, NULL},
        {TEXT("a") DATA("{\"choices\":[{\"delta\":{\"content\":\"b\"}]}") STOP DONE, NULL, NULL},
        {TEXT("a"), NULL, NULL},
        {TEXT("a") DONE, NULL, NULL},
        {DONE, NULL, NULL},
        {TEXT("a") DATA("{\"error\":\"x\"}") DONE, NULL, NULL},
        /* a usage that grows with the answer shows no end */
        {DATA("{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"completion_tokens\":1}}")
                DONE,
            NULL, NULL},
    };
    expect(cases, sizeof cases / sizeof *cases, AMPHI_ENDING_UNKNOWN);
}

static void ending__done_counts_where_the_endpoint_never_gives_a_reason(void **state)
{
    static const odd counted[] = {
        {NULLS("a") NULLS("b") DATA("{\"choices\":[],\"usage\":{\"completion_tokens\":2}}") DONE,
            "ab", NULL}};
    static const odd without[] = {{NULLS("a") NULLS("b") DONE, "ab", NULL}};
    static const odd strict[] = {{NULLS("a") NULLS("b") DONE, NULL, NULL},
        {NULLS("a") DATA("{\"choices\":[],\"usage\":{\"completion_tokens\":2}}") DONE, NULL, NULL}};
    expect(counted, 1, AMPHI_ENDING_UNKNOWN);
    expect(without, 1, AMPHI_ENDING_DONE);
    expect(strict, 1, AMPHI_ENDING_UNKNOWN);
    expect(strict, 2, AMPHI_ENDING_REASON);
    amphi_ending shown;
    engine_recorder record;
    engine_recorder_init(&record);
    ask(&record, AMPHI_STR(NULLS("a") DONE), false, AMPHI_ENDING_UNKNOWN, &shown);
    assert_int_equal(shown, AMPHI_ENDING_DONE);
    engine_recorder_reset(&record);
    ask(&record, AMPHI_STR(TEXT("a") STOP DONE), false, AMPHI_ENDING_DONE, &shown);
    assert_int_equal(shown, AMPHI_ENDING_REASON);
    engine_recorder_reset(&record);
    ask(&record, AMPHI_STR(TEXT("a")), false, AMPHI_ENDING_DONE, &shown);
    assert_int_equal(shown, AMPHI_ENDING_UNKNOWN);
    assert_false(record.finished);
    engine_recorder_clear(&record);
}

static void unknown__fields_pass_through_once(void **state)
{
#define TIERED(text)                                                                               \
    DATA("{\"id\":\"i\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"service_tier\":"    \
         "\"flex\",\"obfuscation\":\"" text                                                        \
         "\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}")
    static const odd cases[] = {
        {TIERED("a") TIERED("b") TIERED("c") STOP DONE, "abc",
            "{\"chunk\":{\"service_tier\":\"flex\"}}\n"},
        {TEXT("a") DELTA("\"content\":\"b\",\"annotations\":[{\"u\":1}],\"x\":null")
                DELTA("\"images\":[\"data:\"]") STOP DONE,
            "ab",
            "{\"delta\":{\"annotations\":[{\"u\":1}]}}\n{\"delta\":{\"images\":[\"data:\"]}}\n"},
        {TEXT("a") STOP DATA("{\"choices\":[],\"citations\":[\"u\"],\"usage\":{\"prompt_tokens\":1,"
                             "\"completion_tokens\":2,\"total_tokens\":3,\"cost\":0.5,"
                             "\"completion_tokens_details\":{\"reasoning_tokens\":7}}}") DONE,
            "a",
            "{\"chunk\":{\"citations\":[\"u\"]}}\n{\"chunk\":{\"usage\":{\"cost\":0.5,"
            "\"completion_tokens_details\":{\"reasoning_tokens\":7}}}}\n"},
    };
    expect(cases, sizeof cases / sizeof *cases, AMPHI_ENDING_UNKNOWN);
}

static void life__comments_and_pings_are_signs_of_it(void **state)
{
    amphi_ending shown;
    engine_recorder record;
    engine_recorder_init(&record);
    ask(&record,
        AMPHI_STR(": keep-alive\n\ndata:\n\n" DATA("{\"type\":\"ping\"}") TEXT("a") STOP DONE),
        true, AMPHI_ENDING_UNKNOWN, &shown);
    assert_true(record.finished);
    assert_int_equal(record.alive, 3);
    engine_recorder_clear(&record);
}

static void size__of_an_event_is_bounded_at_8_mib(void **state)
{
    for (size_t mib = 3; mib <= 9; mib += 6) {
        size_t size = mib << 20;
        char *stream = malloc(size + 1024);
        assert_non_null(stream);
        int at = sprintf(stream, "data: {\"choices\":[{\"delta\":{\"content\":\"");
        memset(stream + at, 'a', size);
        strcpy(stream + (size_t)at + size, "\"},\"finish_reason\":\"stop\"}]}\n\n" DONE);
        amphi_ending shown;
        engine_recorder record;
        engine_recorder_init(&record);
        ask(&record, amphi_str_from(stream), false, AMPHI_ENDING_UNKNOWN, &shown);
        assert_int_equal(record.finished, mib == 3);
        assert_int_equal(record.error.status, mib == 3 ? AMPHI_OK : AMPHI_E_LIMIT);
        if (mib == 3)
            assert_int_equal(record.text.size, size);
        engine_recorder_clear(&record);
        free(stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd__what_has_one_meaning_is_repaired),
        cmocka_unit_test(odd__a_cut_is_never_success),
        cmocka_unit_test(ending__done_counts_where_the_endpoint_never_gives_a_reason),
        cmocka_unit_test(unknown__fields_pass_through_once),
        cmocka_unit_test(life__comments_and_pings_are_signs_of_it),
        cmocka_unit_test(size__of_an_event_is_bounded_at_8_mib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
