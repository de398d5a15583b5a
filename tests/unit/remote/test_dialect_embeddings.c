/* SPDX-License-Identifier: Apache-2.0
 *
 * The embeddings dialect: requests go out as they were written, answers come back so, and what is
 * cut or says something else is a failure.
 */
#include "remote/dialect_embeddings.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "tests/support/dialect_feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DIALECT amphi__dialect_embeddings
#define WHOLE                                                                                      \
    "{\"object\":\"list\",\"data\":[{\"index\":0,\"embedding\":[0.10000000000000001,-2e-3]}],"     \
    "\"model\":\"m-1\",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8},\"big\":"                \
    "12345678901234567890}\n"

static void expect_written(const char *body, const char *model, const char *expected)
{
    amphi_buf out;
    amphi__buf_init(&out, 0);
    const amphi_dialect_request request = {
        .body = amphi_str_from(body), .model = amphi_str_from(model)};
    assert_int_equal(DIALECT.request_write(&out, &request, NULL), AMPHI_OK);
    assert_string_equal(text_of(&out), expected);
    amphi__buf_clear(&out);
}

static void embeddings__request_goes_out_as_written(void **state)
{
    expect_written("{\"input\":[[1, 2],[3]],\"model\":\"a\",\"dimensions\":256,\"n\":1.50}", "b",
        "{\"input\":[[1, 2],[3]],\"dimensions\":256,\"n\":1.50,\"model\":\"b\"}");
    expect_written("{\"model\":\"a\",\"input\":\"\\u00e9\",\"amphi\":{\"mode\":\"auto\"}}", "",
        "{\"model\":\"a\",\"input\":\"\\u00e9\"}");
    amphi_buf out;
    amphi__buf_init(&out, 0);
    const amphi_dialect_request list = {.body = AMPHI_STR("[1]")};
    const amphi_dialect_request torn = {.body = AMPHI_STR("{\"input\":")};
    assert_int_equal(DIALECT.request_write(&out, &list, NULL), AMPHI_E_ARGUMENT);
    assert_int_equal(DIALECT.request_write(&out, &torn, NULL), AMPHI_E_FORMAT);
    amphi__buf_clear(&out);
}

/* In two pieces, cut at `at`. */
static void answer_in_two(
    engine_recorder *record, int http_status, amphi_str body, size_t at, const amphi_error *error)
{
    engine_recorder_reset(record);
    amphi_answer *answer = new_answer(&DIALECT, record, NULL);
    (void)DIALECT.answer_headers(answer, http_status, NULL, 0);
    (void)DIALECT.answer_body(answer, amphi__str_slice(body, 0, at));
    (void)DIALECT.answer_body(answer, amphi__str_slice(body, at, body.size));
    DIALECT.answer_end(answer, error);
    assert_int_equal(record->terminals, 1);
    assert_int_equal(record->after_terminal, 0);
    assert_int_equal(DIALECT.answer_ending(answer), AMPHI_ENDING_UNKNOWN);
    DIALECT.answer_free(answer);
}

static void embeddings__answer_comes_back_as_written_at_every_cut(void **state)
{
    engine_recorder record;
    const amphi_str body = AMPHI_STR(WHOLE);
    engine_recorder_init(&record);
    for (size_t at = 0; at <= body.size; at++) {
        answer_in_two(&record, 200, body, at, NULL);
        assert_true(record.finished);
        assert_string_equal(text_of(&record.text), WHOLE);
        assert_string_equal(text_of(&record.model), "m-1");
        assert_int_equal(record.usage.prompt_tokens, 8);
        assert_int_equal(record.usage.completion_tokens, 0);
        assert_true(record.alive > 0);
    }
    engine_recorder_clear(&record);
}

static void embeddings__cost_that_the_provider_names_is_reported(void **state)
{
    engine_recorder record;
    engine_recorder_init(&record);
    const amphi_str in_usage =
        AMPHI_STR("{\"data\":[],\"usage\":{\"prompt_tokens\":8,\"cost\":0.25}}");
    answer_in_two(&record, 200, in_usage, 9, NULL);
    assert_true(record.finished);
    assert_string_equal(
        text_of(&record.extra), "{\"chunk\":{\"usage\":{\"prompt_tokens\":8,\"cost\":0.25}}}\n");
    answer_in_two(&record, 200, AMPHI_STR("{\"data\":[],\"cost\":0.5}"), 9, NULL);
    assert_string_equal(text_of(&record.extra), "{\"chunk\":{\"cost\":0.5}}\n");
    answer_in_two(&record, 200, AMPHI_STR(WHOLE), 9, NULL);
    assert_int_equal(record.extra.size, 0);
    engine_recorder_clear(&record);
}

static void embeddings__part_of_an_answer_is_never_one(void **state)
{
    engine_recorder record;
    const amphi_str body = AMPHI_STR(WHOLE);
    engine_recorder_init(&record);
    for (size_t size = 0; size + 2 < body.size; size++) {
        answer_in_two(&record, 200, amphi__str_slice(body, 0, size), size / 2, NULL);
        assert_false(record.finished);
        assert_int_equal(record.text.size, 0);
    }
    amphi_error cut;
    amphi__fail(&cut, AMPHI_E_NETWORK, 0, "cut");
    answer_in_two(&record, 200, body, 9, &cut);
    assert_false(record.finished);
    assert_int_equal(record.error.status, AMPHI_E_NETWORK);
    engine_recorder_clear(&record);
}

static void embeddings__other_answers_are_failures(void **state)
{
    static const struct {
        int http_status;
        const char *body;
        amphi_status status;
        const char *words; /* the provider's; NULL: it has none */
    } cases[] = {
        {200, "{}", AMPHI_E_PROTOCOL, NULL},
        {200, "[1]", AMPHI_E_PROTOCOL, NULL},
        {200, "{\"data\":{}}", AMPHI_E_PROTOCOL, NULL},
        {200, "data: {\"choices\":[]}\n\n", AMPHI_E_PROTOCOL, NULL},
        {200, "<html></html>", AMPHI_E_PROTOCOL, NULL},
        {200, "{\"error\":{\"message\":\"bad input\",\"code\":\"x\"}}", AMPHI_E_REQUEST,
            "bad input"},
        {400, "{\"error\":{\"message\":\"bad input\",\"param\":\"input\"}}", AMPHI_E_REQUEST,
            "bad input"},
        {401, "{\"error\":{\"message\":\"who?\"}}", AMPHI_E_AUTH, "who?"},
        {503, "{\"error\":{\"message\":\"down\"}}", AMPHI_E_PROVIDER, "down"},
    };
    engine_recorder record;
    engine_recorder_init(&record);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        answer_in_two(&record, cases[i].http_status, amphi_str_from(cases[i].body), 3, NULL);
        assert_false(record.finished);
        bool has_words = record.has_provider && record.provider.message[0] != '\0';
        assert_int_equal(has_words, cases[i].words != NULL);
        if (cases[i].words != NULL)
            assert_string_equal(record.provider.message, cases[i].words);
        if (cases[i].http_status != 200 || cases[i].words == NULL)
            assert_int_equal(record.error.status, cases[i].status);
    }
    engine_recorder_clear(&record);
}

static void embeddings__a_cancelled_answer_says_so(void **state)
{
    engine_recorder record;
    amphi_error cancelled;
    engine_recorder_init(&record);
    amphi__fail(&cancelled, AMPHI_E_CANCELLED, 0, "cancelled");
    answer_in_two(&record, 503, AMPHI_STR("{\"error\":"), 4, &cancelled);
    assert_int_equal(record.error.status, AMPHI_E_CANCELLED);
    engine_recorder_clear(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embeddings__request_goes_out_as_written),
        cmocka_unit_test(embeddings__answer_comes_back_as_written_at_every_cut),
        cmocka_unit_test(embeddings__cost_that_the_provider_names_is_reported),
        cmocka_unit_test(embeddings__part_of_an_answer_is_never_one),
        cmocka_unit_test(embeddings__other_answers_are_failures),
        cmocka_unit_test(embeddings__a_cancelled_answer_says_so),
    };
    return cmocka_run_group_tests_name("unit.remote.dialect_embeddings", tests, NULL, NULL);
}
