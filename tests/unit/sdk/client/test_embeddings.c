/* SPDX-License-Identifier: Apache-2.0
 *
 * Embeddings over scripted endpoints: who is asked, who is not, what is passed on, and that nothing
 * private leaves. The engine "cloud" has the model m-1, "cloud2" what the test says.
 */
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define ANSWER "{\"object\":\"list\",\"data\":[]}"
#define ASK    "{\"model\":\"m-1\",\"input\":[[1,2],[3]],\"dimensions\":2}"

static const scripted_step answers[] = {{SCRIPT_SAY, "{\"object\":\"list\",", 0},
    {SCRIPT_SAY, "\"data\":[]}", 0}, {SCRIPT_USAGE, NULL, 3}, {SCRIPT_FINISH, NULL, 1}};
static const scripted_step is_down[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
static const scripted_step is_cut[] = {
    {SCRIPT_SAY, "{\"object\":", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
static const scripted_step is_unreachable[] = {{SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
static const scripted_step asks_for_a_pause[] = {{SCRIPT_RETRY_LATER, NULL, 30000}};
static const scripted_step is_too_long[] = {{SCRIPT_FAIL, NULL, AMPHI_E_CONTEXT_LENGTH}};
static const scripted_step does_not_start[] = {{SCRIPT_REFUSE_START, NULL, AMPHI_E_NETWORK}};
static const scripted_step fails_without_words[] = {{SCRIPT_FAIL, NULL, AMPHI_OK}};
static const scripted_step is_silent[] = {
    {SCRIPT_WAIT, NULL, 60000}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};

static amphi_embeddings_result result;
static amphi_error error;

static void name_model(scripted_engine *engine, const char *model)
{
    engine->info.embeddings = true;
    amphi__str_copy_to(engine->info.model, sizeof engine->info.model, amphi_str_from(model));
}

static void open_two(chat_fixture *f, const scripted_step *first, const scripted_step *second,
    const char *second_model)
{
    chat_fixture_init(f, says_hello, first);
    f->parts.engines_count = 2;
    f->cloud2.script = second;
    name_model(&f->cloud, "m-1");
    name_model(&f->cloud2, second_model);
    f->cloud2.info.priority = 1;
    chat_fixture_start(f, NULL);
}

static amphi_status ask_with(
    chat_fixture *f, const char *json, const char *settings, const char *expected)
{
    char *answer = NULL;
    amphi_embeddings_request request;
    amphi_embeddings_request_init(&request);
    amphi_embeddings_result_init(&result);
    request.json = amphi_str_from(json);
    request.settings_json = amphi_str_from(settings);
    amphi_status status = amphi_embeddings_create(&answer, f->client, &request, &result, &error);
    assert_int_equal(status, error.status);
    assert_int_equal(answer != NULL, status == AMPHI_OK);
    if (answer != NULL)
        assert_string_equal(answer, expected);
    amphi_string_free(answer);
    return status;
}

static amphi_status ask(chat_fixture *f, const char *json)
{
    return ask_with(f, json, NULL, ANSWER);
}

static void expect_starts(const chat_fixture *f, int cloud, int cloud2)
{
    assert_int_equal(atomic_load(&f->local.starts), 0);
    assert_int_equal(atomic_load(&f->cloud.starts), cloud);
    assert_int_equal(atomic_load(&f->cloud2.starts), cloud2);
}

static void embeddings__request_and_answer_are_passed_on(void **state)
{
    chat_fixture f;
    open_two(&f, answers, answers, "m-2");
    assert_int_equal(ask(&f, ASK), AMPHI_OK);
    assert_string_equal(f.cloud.last_body, ASK);
    assert_string_equal(result.route, "cloud");
    assert_int_equal(result.usage.completion_tokens, 3);
    assert_int_equal(result.takeovers_count, 0);
    assert_int_equal(strlen(f.cloud.last_key), 36);
    expect_starts(&f, 1, 0);
    chat_fixture_close(&f);
}

/* A context is each text's own, so a long list is no reason to refuse. */
static void embeddings__budget_is_held_against_the_input(void **state)
{
    chat_fixture f;
    char big[20000];
    chat_fixture_init(&f, says_hello, answers);
    name_model(&f.cloud, "m-1");
    f.cloud.info.price_prompt = 1000000; /* a dollar a million tokens */
    chat_fixture_start(&f, "{\"cost\":{\"day_usd_max\":0.001}}");
    snprintf(big, sizeof big, "{\"model\":\"m-1\",\"input\":\"%08000d\"}", 0);
    assert_int_equal(ask(&f, big), AMPHI_E_QUOTA);
    assert_non_null(strstr(error.message, "it would cost about"));
    expect_starts(&f, 0, 0);
    assert_int_equal(ask(&f, ASK), AMPHI_OK);
    chat_fixture_close(&f);
    chat_fixture_init(&f, says_hello, answers);
    name_model(&f.cloud, "m-1");
    f.cloud.info.context_tokens_max = 100;
    chat_fixture_start(&f, NULL);
    assert_int_equal(ask(&f, big), AMPHI_OK);
    chat_fixture_close(&f);
}

static void embeddings__another_endpoint_of_the_model_takes_over(void **state)
{
    static const scripted_step *const failures[] = {
        is_down, is_cut, is_unreachable, asks_for_a_pause, does_not_start, fails_without_words};
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        chat_fixture f;
        open_two(&f, failures[i], answers, "m-1");
        if (ask(&f, ASK) != AMPHI_OK)
            fail_msg("%zu: %s", i, error.message);
        assert_string_equal(result.route, "cloud2");
        assert_int_equal(result.takeovers_count, 1);
        assert_string_equal(result.takeovers[0].from, "cloud");
        assert_string_equal(result.takeovers[0].to, "cloud2");
        assert_true(result.takeovers[0].reason != AMPHI_OK);
        chat_fixture_close(&f);
    }
}

static void embeddings__another_model_never_does(void **state)
{
    chat_fixture f;
    open_two(&f, is_down, answers, "m-2");
    assert_int_equal(ask(&f, ASK), AMPHI_E_PROVIDER);
    assert_string_equal(result.route, "cloud");
    expect_starts(&f, 2, 0); /* asked again, as it may have been for a moment */
    assert_int_equal(
        ask(&f, "{\"model\":\"cloud2\",\"input\":\"x\"}"), AMPHI_OK); /* a route by its name */
    expect_starts(&f, 2, 1);
    assert_int_equal(ask(&f, "{\"model\":\"m-3\",\"input\":\"x\"}"), AMPHI_E_NOT_FOUND);
    assert_string_equal(result.route, "");
    expect_starts(&f, 2, 1);
    chat_fixture_close(&f);
}

static void embeddings__an_endpoint_without_a_model_takes_the_requests(void **state)
{
    chat_fixture f;
    open_two(&f, answers, answers, "");
    assert_int_equal(ask(&f, "{\"model\":\"m-9\",\"input\":\"x\"}"), AMPHI_OK);
    assert_int_equal(ask(&f, ASK), AMPHI_OK); /* the one that lists it comes first */
    expect_starts(&f, 1, 1);
    chat_fixture_close(&f);
}

static void embeddings__what_the_model_refuses_is_not_asked_again(void **state)
{
    chat_fixture f;
    open_two(&f, is_too_long, answers, "m-1");
    assert_int_equal(ask(&f, ASK), AMPHI_E_CONTEXT_LENGTH);
    expect_starts(&f, 1, 0);
    chat_fixture_close(&f);
}

static void embeddings__engines_that_have_none_are_not_asked(void **state)
{
    chat_fixture f;
    open_two(&f, answers, answers, "m-1");
    f.cloud.info.embeddings = f.cloud2.info.embeddings = false;
    assert_int_equal(ask(&f, ASK), AMPHI_E_NOT_FOUND);
    expect_starts(&f, 0, 0);
    chat_fixture_close(&f);
}

static void embeddings__nothing_private_leaves(void **state)
{
    static const char *const bodies[] = {
        "{\"model\":\"m-1\",\"input\":\"x\",\"amphi\":{\"private\":true}}",
        "{\"model\":\"m-1\",\"input\":\"x\",\"amphi\":{\"private\":true,\"mode\":\"only_cloud\"}}",
        "{\"model\":\"m-1\",\"input\":\"x\",\"amphi\":{\"mode\":\"only_local\"}}"};
    static const char *const settings[] = {"{\"private\":true}", "{\"mode\":\"only_local\"}"};
    chat_fixture f;
    open_two(&f, answers, answers, "m-1");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ask(&f, bodies[i]), AMPHI_E_REFUSED);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(ask_with(&f, ASK, settings[i], ""), AMPHI_E_REFUSED);
    assert_int_equal(
        ask_with(&f, "{\"model\":\"m-1\",\"input\":\"x\",\"amphi\":{\"private\":false}}",
            "{\"private\":true}", ""),
        AMPHI_E_REFUSED);
    expect_starts(&f, 0, 0);
    chat_fixture_close(&f);
    chat_fixture_init(&f, says_hello, answers);
    name_model(&f.cloud, "m-1");
    f.is_private = true; /* of the client */
    chat_fixture_start(&f, NULL);
    assert_int_equal(ask(&f, ASK), AMPHI_E_REFUSED);
    expect_starts(&f, 0, 0);
    chat_fixture_close(&f);
}

static void embeddings__policys_rules_hold(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, answers);
    name_model(&f.cloud, "m-1");
    f.device.network = AMPHI_NETWORK_NONE;
    chat_fixture_start(&f, NULL);
    assert_int_equal(ask(&f, ASK), AMPHI_E_OFFLINE);
    expect_starts(&f, 0, 0);
    chat_fixture_close(&f);
}

static void embeddings__bad_requests_name_the_field(void **state)
{
    static const struct {
        const char *json;
        amphi_status status;
        const char *field;
    } cases[] = {
        {"", AMPHI_E_FORMAT, "request"},
        {"{", AMPHI_E_FORMAT, "request"},
        {"[]", AMPHI_E_ARGUMENT, "request"},
        {"{\"input\":\"x\"}", AMPHI_E_ARGUMENT, "model"},
        {"{\"model\":7,\"input\":\"x\"}", AMPHI_E_ARGUMENT, "model"},
        {"{\"model\":\"m-1\"}", AMPHI_E_ARGUMENT, "input"},
        {"{\"model\":\"m-1\",\"input\":\"\"}", AMPHI_E_ARGUMENT, "input"},
        {"{\"model\":\"m-1\",\"input\":[ ]}", AMPHI_E_ARGUMENT, "input"},
        {"{\"model\":\"m-1\",\"input\":null}", AMPHI_E_ARGUMENT, "input"},
        {"{\"model\":\"m-1\",\"input\":\"x\",\"messages\":[]}", AMPHI_E_ARGUMENT, "messages"},
        {"{\"model\":\"m-1\",\"input\":\"x\",\"fallbacks\":[\"m-2\"]}", AMPHI_E_ARGUMENT,
            "fallbacks"},
        {"{\"model\":\"m-1\",\"input\":\"x\",\"amphi\":{\"private\":1}}", AMPHI_E_ARGUMENT,
            "amphi.private"},
        {"{\"model\":\"m-1\",\"input\":\"x\",\"\\u0061mphi\":{}}", AMPHI_E_ARGUMENT, "request"},
    };
    chat_fixture f;
    open_two(&f, answers, answers, "m-1");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (ask(&f, cases[i].json) != cases[i].status ||
            strncmp(error.message, cases[i].field, strlen(cases[i].field)) != 0)
            fail_msg("%s: %s", cases[i].json, error.message);
    expect_starts(&f, 0, 0);
    chat_fixture_close(&f);
}

static bool is_not_wanted(void *user)
{
    return ++*(int *)user < 2;
}

static void embeddings__a_caller_that_left_ends_it(void **state)
{
    chat_fixture f;
    int asked = 0;
    char *answer = NULL;
    amphi_embeddings_request request;
    open_two(&f, is_silent, answers, "m-1");
    amphi_embeddings_request_init(&request);
    request.json = AMPHI_STR(ASK);
    request.is_wanted = is_not_wanted;
    request.user = &asked;
    assert_int_equal(
        amphi_embeddings_create(&answer, f.client, &request, NULL, &error), AMPHI_E_CANCELLED);
    assert_true(asked >= 2);
    expect_starts(&f, 1, 0);
    chat_fixture_close(&f);
}

static void embeddings__a_silent_endpoint_is_left_for_the_next(void **state)
{
    chat_fixture f;
    open_two(&f, is_silent, answers, "m-1");
    assert_int_equal(ask_with(&f, ASK, "{\"budgets\":{\"first_token_ms\":200}}", ANSWER), AMPHI_OK);
    assert_int_equal(result.takeovers[0].reason, AMPHI_E_TIMEOUT);
    assert_int_equal(
        ask_with(&f, ASK, "{\"budgets\":{\"total_ms\":200,\"first_token_ms\":9000}}", ANSWER),
        AMPHI_E_TIMEOUT);
    expect_starts(&f, 2, 1); /* without time there is no sense in asking the next */
    chat_fixture_close(&f);
}

/* Nothing leaks, which the sanitizer sees, and it is AMPHI_E_NO_MEMORY or an answer. */
static void embeddings__memory_may_run_out_at_any_time(void **state)
{
    chat_fixture f;
    bool has_failed = true;
    failing_alloc_install();
    open_two(&f, answers, answers, "m-2");
    for (size_t n = 1; has_failed; n++) {
        failing_alloc_at(n);
        amphi_status status = ask(&f, ASK);
        has_failed = failing_alloc_failed();
        failing_alloc_at(0);
        assert_true(has_failed || status == AMPHI_OK);
        if (status != AMPHI_OK && status != AMPHI_E_NO_MEMORY)
            fail_msg("%zu: %s", n, error.message);
    }
    chat_fixture_close(&f);
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embeddings__request_and_answer_are_passed_on),
        cmocka_unit_test(embeddings__budget_is_held_against_the_input),
        cmocka_unit_test(embeddings__another_endpoint_of_the_model_takes_over),
        cmocka_unit_test(embeddings__another_model_never_does),
        cmocka_unit_test(embeddings__an_endpoint_without_a_model_takes_the_requests),
        cmocka_unit_test(embeddings__what_the_model_refuses_is_not_asked_again),
        cmocka_unit_test(embeddings__engines_that_have_none_are_not_asked),
        cmocka_unit_test(embeddings__nothing_private_leaves),
        cmocka_unit_test(embeddings__policys_rules_hold),
        cmocka_unit_test(embeddings__bad_requests_name_the_field),
        cmocka_unit_test(embeddings__a_caller_that_left_ends_it),
        cmocka_unit_test(embeddings__a_silent_endpoint_is_left_for_the_next),
        cmocka_unit_test(embeddings__memory_may_run_out_at_any_time),
    };
    return cmocka_run_group_tests_name("unit.sdk.client.embeddings", tests, NULL, NULL);
}
