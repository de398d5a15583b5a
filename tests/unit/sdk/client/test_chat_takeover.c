/* SPDX-License-Identifier: Apache-2.0
 *
 * When a route fails, another one goes on: with the beginning that was shown, or from the start,
 * and a dead engine is started once more when it is the last one.
 */
#include "sdk/client/client.h"
#include "sdk/core/buf.h"
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void chat__cloud_continues_what_the_local_engine_began(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, dies_in_mid_word, continues_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(f.takeovers, 1);
    assert_int_equal(f.replaces, 0);
    assert_string_equal(f.cloud.last_prefix, "Hel");
    chat_fixture_close(&f);
}

static void chat__local_continues_what_the_cloud_began(void **state)
{
    static const scripted_step cut[] = {
        {SCRIPT_SAY, "Hello wo", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
    chat_fixture f;
    chat_fixture_open(&f, continues_hello, cut);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_CLOUD);
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(f.takeovers, 1);
    assert_string_equal(f.local.last_prefix, "Hello wo");
    chat_fixture_close(&f);
}

static void chat__refused_prefix_restarts_without_a_repeat(void **state)
{
    static const scripted_step refuses[] = {{SCRIPT_REFUSE_PREFIX, NULL, 0},
        {SCRIPT_SAY, "Hello wor", 0}, {SCRIPT_SAY, "ld.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open(&f, dies_in_mid_word, refuses);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(f.last, AMPHI_EVENT_DONE);
    assert_int_equal(f.replaces, 0);
    assert_int_equal(atomic_load(&f.cloud.starts), 3); /* the instruction is refused too */
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.cloud.starts), 4); /* learnt */
    chat_fixture_close(&f);
}

/* What was shown and broke off is not replaced by an answer of nothing. */
static void chat__empty_second_answer_is_a_failure(void **state)
{
    static const scripted_step empty[] = {
        {SCRIPT_SAY, "\n", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_init(&f, dies_in_mid_word, empty);
    chat_fixture_start(&f, NULL);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
    request.no_queue = true;
    f.local.next_script = dies_in_mid_word;
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(f.last, AMPHI_EVENT_ERROR);
    assert_int_equal(f.terminals, 1);
    assert_int_equal(f.replaces, 0);
    chat_fixture_close(&f);
}

static void chat__refused_prefix_and_another_answer_replaces_once(void **state)
{
    static const scripted_step refuses[] = {{SCRIPT_REFUSE_PREFIX, NULL, 0},
        {SCRIPT_SAY, "Good", 0}, {SCRIPT_SAY, " day.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open(&f, dies_in_mid_word, refuses);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Good day.");
    assert_int_equal(f.replaces, 1);
    chat_fixture_close(&f);
}

static void chat__record_of_two_routes_words_says_so(void **state)
{
    chat_fixture f;
    char *json = NULL;
    chat_fixture_open(&f, dies_in_mid_word, continues_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
    amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
    chat_fixture_pull(&f, stream);
    assert_int_equal(amphi_stream_result_json(stream, &json, NULL), AMPHI_OK);
    assert_non_null(strstr(json, "\"authors\":\"begun by local, continued by cloud;"));
    amphi_string_free(json);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void chat__silent_cloud_is_left_within_its_budget(void **state)
{
    static const scripted_step silent[] = {
        {SCRIPT_WAIT, NULL, 60000}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open(&f, says_hello, silent);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_CLOUD);
    request.budgets.first_token_ms = 50;
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    chat_fixture_ask(&f, &request, "Hi");
    clock_gettime(CLOCK_MONOTONIC, &after);
    chat_fixture_expect(&f, "Hello world.");
    assert_true(after.tv_sec - before.tv_sec < 5);
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    chat_fixture_close(&f);
}

static void chat__stall_in_mid_answer_is_taken_over(void **state)
{
    static const scripted_step stalls[] = {{SCRIPT_SAY, "Hello", 0}, {SCRIPT_WAIT, NULL, 60000},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open(&f, continues_hello, stalls);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_CLOUD);
    request.budgets.idle_ms = 50;
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(f.takeovers, 1);
    chat_fixture_close(&f);
}

static void chat__every_route_failing_is_an_error_never_a_success(void **state)
{
    static const scripted_step fails[] = {
        {SCRIPT_SAY, "Hello w", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
    chat_fixture f;
    chat_fixture_open(&f, dies_in_mid_word, fails);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
    request.no_queue = true;
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(f.last, AMPHI_EVENT_ERROR);
    assert_int_equal(f.error, AMPHI_E_ENGINE_DIED); /* of the local one's second start */
    chat_fixture_close(&f);
}

static void chat__failure_without_a_reason_is_one_all_the_same(void **state)
{
    static const scripted_step fails[] = {{SCRIPT_SAY, "Hello", 0}, {SCRIPT_FAIL, NULL, AMPHI_OK}};
    chat_fixture f;
    chat_fixture_open(&f, fails, continues_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(f.takeovers, 1);
    chat_fixture_close(&f);
    chat_fixture_open(&f, says_hello, fails);
    request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    request.no_queue = true;
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(f.error, AMPHI_E_INTERNAL);
    chat_fixture_close(&f);
}

static void chat__one_500_is_tried_again_on_the_same_endpoint(void **state)
{
    static const scripted_step once[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
    chat_fixture f;
    chat_fixture_open(&f, says_hello, once);
    f.cloud.next_script = says_hello;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(atomic_load(&f.cloud.starts), 2);
    assert_int_equal(f.takeovers, 0);
    chat_fixture_close(&f);
}

static void chat__after_a_tool_call_nothing_is_replayed(void **state)
{
    static const scripted_step calls[] = {
        {SCRIPT_TOOL_CALL,
            "[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]", 0},
        {SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
    chat_fixture f;
    chat_fixture_open(&f, says_hello, calls);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_CLOUD);
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(f.last, AMPHI_EVENT_ERROR);
    assert_int_equal(atomic_load(&f.local.starts), 0);
    chat_fixture_close(&f);
}

static void chat__half_a_tool_call_that_nobody_read_is_replaced_by_the_next_route(void **state)
{
    static const char body[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],"
                               "\"stream\":false,\"amphi\":{\"mode\":\"prefer_cloud\"}}";
    static const scripted_step calls[] = {
        {SCRIPT_TOOL_CALL,
            "[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]", 0},
        {SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
    chat_fixture f;
    amphi_stream *stream = NULL;
    amphi_event event = {0};
    char *json = NULL;
    chat_fixture_open(&f, says_hello, calls);
    assert_int_equal(
        amphi_chat_start_json(&stream, f.client, amphi_str_from(body), NULL), AMPHI_OK);
    do
        assert_int_equal(amphi_stream_next(stream, 30000, &event, NULL), AMPHI_OK);
    while (!amphi_event_is_terminal(&event));
    assert_int_equal(event.kind, AMPHI_EVENT_DONE);
    assert_int_equal(amphi_stream_completion_json(stream, &json, NULL), AMPHI_OK);
    assert_non_null(strstr(json, "\"content\":\"Hello world.\""));
    assert_null(strstr(json, "\"tool_calls\""));
    amphi_string_free(json);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

/* A schema holds no text back: what was streamed under one was shown, and is gone on with. An app
 * that reads the answer when it is whole says so, and has seen nothing. */
static void chat__answer_that_is_read_whole_starts_again_also_under_a_schema(void **state)
{
    static const char *const extra[] = {
        "{\"response_format\":{\"type\":\"json_object\"}}",
        "{\"response_format\":{\"type\":\"json_object\"},\"stream\":true}",
        "{\"response_format\":{\"type\":\"json_object\"},\"stream\":false}",
    };
    static const scripted_step cut[] = {
        {SCRIPT_SAY, "{\"city\": \"Par", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
    static const scripted_step rest[] = {
        {SCRIPT_SAY, "is\"}", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    static const scripted_step other[] = {
        {SCRIPT_SAY, "{\"town\": \"Lyon\"}", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    for (size_t i = 0; i < sizeof extra / sizeof *extra; i++) {
        bool is_whole = i == 2;
        chat_fixture f;
        chat_fixture_open(&f, is_whole ? other : rest, cut);
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_CLOUD);
        request.extra_json = amphi_str_from(extra[i]);
        chat_fixture_ask(&f, &request, "Where?");
        chat_fixture_expect(&f, is_whole ? "{\"town\": \"Lyon\"}" : "{\"city\": \"Paris\"}");
        assert_string_equal(f.local.last_prefix, is_whole ? "" : "{\"city\": \"Par");
        assert_int_equal(f.last, AMPHI_EVENT_DONE);
        chat_fixture_close(&f);
    }
}

#define STEP(permille)                                                                             \
    {SCRIPT_PROGRESS, NULL, permille},                                                             \
    {                                                                                              \
        SCRIPT_WAIT, NULL, 100                                                                     \
    }

/* Three seconds of loading under a budget of two: each step is a sign of life. */
static void chat__model_that_loads_long_is_waited_for_as_long_as_it_gets_on(void **state)
{
    static const scripted_step loads[] = {STEP(30), STEP(60), STEP(90), STEP(120), STEP(150),
        STEP(180), STEP(210), STEP(240), STEP(270), STEP(300), STEP(330), STEP(360), STEP(390),
        STEP(420), STEP(450), STEP(480), STEP(510), STEP(540), STEP(570), STEP(600), STEP(630),
        STEP(660), STEP(690), STEP(720), STEP(750), STEP(780), STEP(810), STEP(840), STEP(870),
        STEP(900), {SCRIPT_SAY, "Hello world.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    static const scripted_step stands_still[] = {STEP(30), {SCRIPT_WAIT, NULL, 60000}};
    chat_fixture f;
    chat_fixture_open(&f, loads, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
    request.budgets.first_token_ms = 2000;
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(f.takeovers, 0);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    f.local.script = stands_still;
    request.budgets.first_token_ms = 300;
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(f.takeovers, 1);
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    chat_fixture_close(&f);
}

static void chat__engine_that_is_the_last_hope_is_started_once_more(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, dies_in_mid_word, says_hello);
    f.local.next_script = continues_hello;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.is_private = true;
    chat_fixture_ask(&f, &request, "Secret");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(f.last, AMPHI_EVENT_DONE);
    assert_int_equal(f.takeovers, 1);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

static void chat__engine_that_died_is_started_once_more_when_the_cloud_fails_too(void **state)
{
    static const scripted_step fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
    chat_fixture f;
    chat_fixture_open(&f, dies_in_mid_word, fails);
    f.local.next_script = continues_hello;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(f.last, AMPHI_EVENT_DONE);
    assert_int_equal(atomic_load(&f.local.starts), 2);
    assert_string_equal(f.local.last_prefix, "Hel");
    chat_fixture_close(&f);
}

static void chat__engine_that_keeps_dying_is_started_twice_at_most(void **state)
{
    static const scripted_step fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
    static const scripted_step dies_at_once[] = {{SCRIPT_FAIL, NULL, AMPHI_E_ENGINE_DIED}};
    for (int limit = 1; limit <= 3; limit += 2) { /* with 1, the first crash is one too many */
        chat_fixture f;
        chat_fixture_open_with(&f, dies_at_once, fails,
            limit == 1 ? "{\"crash\":{\"limit\":1}}" : "{\"crash\":{\"limit\":3}}");
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
        request.no_queue = true;
        chat_fixture_ask(&f, &request, "Hi");
        assert_int_equal(f.last, AMPHI_EVENT_ERROR);
        assert_int_equal(atomic_load(&f.local.starts), limit == 1 ? 1 : 2);
        chat_fixture_close(&f);
    }
}

static void chat__outage_spends_the_retry_budget(void **state)
{
    static const scripted_step down[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
    chat_fixture f;
    chat_fixture_open_with(
        &f, says_hello, down, "{\"breaker\":{\"failures\":1000,\"failure_percent\":0}}");
    for (int i = 0; i < 60; i++) {
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
        request.no_queue = true;
        chat_fixture_ask(&f, &request, "Hi");
    }
    /* Sixty requests, ten second tries in hand and one more earned by every ten requests. */
    assert_in_range(atomic_load(&f.cloud.starts), 60 + 10, 60 + 17);
    chat_fixture_close(&f);
}

static void expect_moved_by(const char *push)
{
    static const scripted_step slow[] = {{SCRIPT_SAY, "Hel", 0}, {SCRIPT_WAIT, NULL, 60000},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    amphi_event event;
    chat_fixture_open(&f, slow, continues_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
    amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
    do {
        assert_int_equal(amphi_stream_next(stream, 5000, &event, NULL), AMPHI_OK);
    } while (event.kind != AMPHI_EVENT_DELTA);
    assert_int_equal(amphi_device_push_json(f.client, amphi_str_from(push), NULL), AMPHI_OK);
    do {
        assert_int_equal(amphi_stream_next(stream, 5000, &event, NULL), AMPHI_OK);
    } while (!amphi_event_is_terminal(&event));
    assert_int_equal(event.kind, AMPHI_EVENT_DONE);
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    assert_true(amphi__str_equal(result.text, AMPHI_STR("Hello world.")));
    assert_int_equal(result.takeovers[0].reason, AMPHI_E_RESOURCE);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void chat__hot_phone_stops_a_running_local_answer(void **state)
{
    expect_moved_by("{\"thermal\":\"critical\"}");
}

/* Half a second before its time is over; nothing is pushed then. */
static void chat__app_in_the_background_moves_its_answer_in_time(void **state)
{
    expect_moved_by("{\"in_foreground\":false,\"background_left_ms\":3500}");
}

/* As a stock OpenAI client asks: no "amphi" member. */
static void ask_json(chat_fixture *f, const char *json)
{
    amphi_stream *stream = NULL;
    amphi_error error;
    assert_int_equal(
        amphi_chat_start_json(&stream, f->client, amphi_str_from(json), &error), AMPHI_OK);
    chat_fixture_pull(f, stream);
    amphi_stream_free(stream);
}

#define PLAIN "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"

static void chat__answer_that_is_not_read_yet_starts_again(void **state)
{
    static const scripted_step whole[] = {
        {SCRIPT_SAY, "Good day.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open(&f, dies_in_mid_word, whole);
    ask_json(&f, PLAIN ",\"stream\":false,\"amphi\":{\"mode\":\"prefer_local\"}}");
    chat_fixture_expect(&f, "Good day.");
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    assert_string_equal(f.cloud.last_prefix, "");
    chat_fixture_close(&f);
}

static void chat__client_that_cannot_take_text_back_gets_an_error(void **state)
{
    static const scripted_step anew[] = {
        {SCRIPT_SAY, "Good day.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    static const scripted_step cut[] = {
        {SCRIPT_SAY, "Hel", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
    chat_fixture f;
    chat_fixture_open(&f, cut, anew);
    ask_json(&f, PLAIN ",\"stream\":true}");
    assert_int_equal(f.last, AMPHI_EVENT_ERROR);
    assert_int_equal(f.error, AMPHI_E_TRUNCATED);
    assert_int_equal(f.replaces, 0);
    chat_fixture_expect(&f, "Hel");
    ask_json(&f, PLAIN ",\"stream\":true,\"amphi\":{\"no_queue\":true}}");
    assert_int_equal(f.last, AMPHI_EVENT_DONE);
    assert_int_equal(f.replaces, 1);
    chat_fixture_expect(&f, "Good day.");
    chat_fixture_close(&f);
}

static void chat__new_answer_replaces_and_the_record_says_why(void **state)
{
    static const scripted_step sure[] = {{SCRIPT_SAY, "Sure! ", 0},
        {SCRIPT_SAY, "A day has 24 hours.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open(&f, dies_in_mid_word, sure);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
    amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
    chat_fixture_pull(&f, stream);
    chat_fixture_expect(&f, "Sure! A day has 24 hours.");
    assert_int_equal(f.replaces, 1);
    assert_int_equal(f.takeovers, 1);
    assert_int_equal(atomic_load(&f.cloud.starts), 2); /* asked to go on, and from the beginning */
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    assert_false(result.takeovers[0].continued);
    assert_non_null(strstr(result.takeovers[0].why, "asked to go on"));
    amphi_stream_free(stream);
    chat_fixture_ask(&f, &request, "Hi"); /* learnt: not asked to go on again */
    assert_int_equal(f.replaces, 1);
    chat_fixture_close(&f);
}

static void chat__each_route_thinks_for_itself(void **state)
{
    static const scripted_step thinks[] = {
        {SCRIPT_REASON, "Hmm, I", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
    static const scripted_step anew[] = {{SCRIPT_REASON, "Let me see.", 0},
        {SCRIPT_SAY, "Hello world.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open(&f, anew, thinks);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_CLOUD);
    amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
    chat_fixture_pull(&f, stream);
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    assert_true(amphi__str_equal_c(result.reasoning, "Let me see."));
    assert_string_equal(f.local.last_prefix, "");
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

/* What a screen heard of a takeover, in order: c, r: the takeover event, continued or restarted;
 * t: thoughts. */
static void heard(amphi_stream *stream, char *out, size_t size)
{
    amphi_event event = {0};
    size_t count = 0;
    do {
        assert_int_equal(amphi_stream_next(stream, 30000, &event, NULL), AMPHI_OK);
        char c = event.kind == AMPHI_EVENT_TAKEOVER    ? event.takeover->continued ? 'c' : 'r'
                 : event.kind == AMPHI_EVENT_REASONING ? 't'
                                                       : '\0';
        assert_true(count + 2 < size);
        out[count] = c;
        count += c != '\0';
    } while (!amphi_event_is_terminal(&event));
    assert_int_equal(event.kind, AMPHI_EVENT_DONE);
    out[count] = '\0';
}

static void chat__a_takeover_that_thinks_first_is_said_once(void **state)
{
    static const scripted_step goes_on[] = {{SCRIPT_REASON, "It was", 0},
        {SCRIPT_REASON, " Hello.", 0}, {SCRIPT_SAY, "lo world.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    static const scripted_step anew[] = {{SCRIPT_REASON, "Let me see.", 0},
        {SCRIPT_SAY, "Sure! A day has 24 hours.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    static const scripted_step *const scripts[] = {goes_on, anew};
    static const char *const orders[] = {"ct", "rt"};
    for (size_t i = 0; i < 2; i++) {
        chat_fixture f;
        char order[16];
        chat_fixture_open(&f, dies_in_mid_word, scripts[i]);
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
        amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
        heard(stream, order, sizeof order);
        assert_string_equal(order, orders[i]);
        amphi_stream_free(stream);
        chat_fixture_close(&f);
    }
}

/* Behind a whole sentence, too: the request offers no tool. */
static void chat__a_call_that_was_not_asked_for_is_another_answer(void **state)
{
    static const scripted_step cut[] = {
        {SCRIPT_SAY, "A day has 24 hours.", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
    static const scripted_step calls[] = {
        {SCRIPT_TOOL_CALL,
            "[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_TOOL_CALLS}};
    static const char *const tools[] = {"", ",\"tool_choice\":\"none\"", ""};
    for (size_t i = 0; i < 3; i++) {
        chat_fixture f;
        char body[512];
        snprintf(body, sizeof body, "%s,\"stream\":true%s%s,\"amphi\":{\"mode\":\"prefer_local\"}}",
            PLAIN,
            i > 0 ? ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]" : "",
            tools[i]);
        chat_fixture_open(&f, cut, calls);
        ask_json(&f, body);
        assert_int_equal(atomic_load(&f.cloud.starts), i == 2 ? 1 : 2);
        assert_int_equal(f.last, AMPHI_EVENT_DONE);
        chat_fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat__answer_that_is_not_read_yet_starts_again),
        cmocka_unit_test(chat__client_that_cannot_take_text_back_gets_an_error),
        cmocka_unit_test(chat__new_answer_replaces_and_the_record_says_why),
        cmocka_unit_test(chat__each_route_thinks_for_itself),
        cmocka_unit_test(chat__a_takeover_that_thinks_first_is_said_once),
        cmocka_unit_test(chat__a_call_that_was_not_asked_for_is_another_answer),
        cmocka_unit_test(chat__record_of_two_routes_words_says_so),
        cmocka_unit_test(chat__cloud_continues_what_the_local_engine_began),
        cmocka_unit_test(chat__local_continues_what_the_cloud_began),
        cmocka_unit_test(chat__refused_prefix_restarts_without_a_repeat),
        cmocka_unit_test(chat__empty_second_answer_is_a_failure),
        cmocka_unit_test(chat__refused_prefix_and_another_answer_replaces_once),
        cmocka_unit_test(chat__silent_cloud_is_left_within_its_budget),
        cmocka_unit_test(chat__stall_in_mid_answer_is_taken_over),
        cmocka_unit_test(chat__every_route_failing_is_an_error_never_a_success),
        cmocka_unit_test(chat__failure_without_a_reason_is_one_all_the_same),
        cmocka_unit_test(chat__one_500_is_tried_again_on_the_same_endpoint),
        cmocka_unit_test(chat__after_a_tool_call_nothing_is_replayed),
        cmocka_unit_test(chat__half_a_tool_call_that_nobody_read_is_replaced_by_the_next_route),
        cmocka_unit_test(chat__answer_that_is_read_whole_starts_again_also_under_a_schema),
        cmocka_unit_test(chat__model_that_loads_long_is_waited_for_as_long_as_it_gets_on),
        cmocka_unit_test(chat__engine_that_is_the_last_hope_is_started_once_more),
        cmocka_unit_test(chat__engine_that_died_is_started_once_more_when_the_cloud_fails_too),
        cmocka_unit_test(chat__engine_that_keeps_dying_is_started_twice_at_most),
        cmocka_unit_test(chat__outage_spends_the_retry_budget),
        cmocka_unit_test(chat__hot_phone_stops_a_running_local_answer),
        cmocka_unit_test(chat__app_in_the_background_moves_its_answer_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
