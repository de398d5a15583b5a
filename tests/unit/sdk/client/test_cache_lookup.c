/* SPDX-License-Identifier: Apache-2.0
 *
 * Which requests the response cache answers, and which answers it keeps.
 */
#include "sdk/client/client.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void cache__same_question_is_answered_from_the_cache(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.no_cache = false;
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(atomic_load(&f.local.starts) + atomic_load(&f.cloud.starts), 1);
    chat_fixture_ask(&f, &request, "Ho");
    assert_int_equal(atomic_load(&f.local.starts) + atomic_load(&f.cloud.starts), 2);
    request.sampling.seed = 7;
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.local.starts) + atomic_load(&f.cloud.starts), 3);
    chat_fixture_close(&f);
}

/* A joke is to be another one each time, unless the same one is asked for. */
static void cache__answer_of_a_request_that_is_not_greedy_is_given_once(void **state)
{
    static const struct {
        amphi_cache_use use;
        const char *policy;
        int starts;
    } cases[] = {{AMPHI_CACHE_DEFAULT, "{}", 2}, {AMPHI_CACHE_EXACT, "{}", 1},
        {AMPHI_CACHE_NEAR, "{}", 1}, {AMPHI_CACHE_OFF, "{}", 2},
        {AMPHI_CACHE_DEFAULT, "{\"cache\":{\"sampled\":true}}", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        chat_fixture f;
        chat_fixture_open_with(&f, says_hello, says_hello, cases[i].policy);
        for (int again = 0; again < 2; again++) {
            amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
            request.no_cache = false;
            request.sampling.temperature = 1;
            request.cache = cases[i].use;
            chat_fixture_ask(&f, &request, "Tell me a joke");
        }
        assert_int_equal(atomic_load(&f.local.starts), cases[i].starts);
        chat_fixture_close(&f);
    }
}

static amphi_chat_result ask_for_result(
    chat_fixture *f, amphi_cache_use use, const char *text, amphi_stream **stream)
{
    amphi_chat_result result;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    request.no_cache = false;
    request.cache = use;
    *stream = chat_fixture_begin(f, &request, text);
    chat_fixture_pull(f, *stream);
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_stream_result(*stream, &result, NULL), AMPHI_OK);
    return result;
}

static void cache__near_hit_is_asked_for_and_names_the_question(void **state)
{
    static const char question[] = "What's the capital of France?";
    static const struct {
        amphi_cache_use use;
        const char *text;
        amphi_cache_match match;
    } cases[] = {
        {AMPHI_CACHE_NEAR, question, AMPHI_CACHE_MATCH_NONE},
        {AMPHI_CACHE_NEAR, question, AMPHI_CACHE_MATCH_EXACT},
        {AMPHI_CACHE_DEFAULT, "  What's the capital of  France", AMPHI_CACHE_MATCH_FOLDED},
        {AMPHI_CACHE_NEAR, "Please tell me, what is the capital of France?",
            AMPHI_CACHE_MATCH_NEAR},
        {AMPHI_CACHE_EXACT, "Please tell me, what is the capital of France",
            AMPHI_CACHE_MATCH_NONE},
        {AMPHI_CACHE_NEAR, "What's the capital of Spain?", AMPHI_CACHE_MATCH_NONE},
        {AMPHI_CACHE_NEAR, "What isn't the capital of France?", AMPHI_CACHE_MATCH_NONE},
    };
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_stream *stream;
        amphi_chat_result result = ask_for_result(&f, cases[i].use, cases[i].text, &stream);
        if (result.cache_match != cases[i].match)
            fail_msg("%s: %d, not %d", cases[i].text, result.cache_match, cases[i].match);
        assert_int_equal(result.cache_hit, cases[i].match != AMPHI_CACHE_MATCH_NONE);
        if (result.cache_hit)
            assert_true(amphi__str_equal_c(result.cache_question, question));
        if (cases[i].match == AMPHI_CACHE_MATCH_NEAR) {
            char *json = NULL;
            assert_true(result.cache_score > 0 && result.cache_score < 1);
            assert_int_equal(amphi_stream_result_json(stream, &json, NULL), AMPHI_OK);
            assert_non_null(strstr(json, "\"cache_match\":{\"kind\":\"near\",\"score\":0."));
            assert_non_null(strstr(json, question));
            amphi_string_free(json);
        }
        amphi_stream_free(stream);
    }
    chat_fixture_close(&f);
}

static void cache__no_store_reads_and_leaves_nothing(void **state)
{
    static const bool no_store[] = {true, false, true};
    static const int starts[] = {1, 2, 2};
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    for (int i = 0; i < 3; i++) {
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
        request.no_cache = false;
        request.no_store = no_store[i];
        chat_fixture_ask(&f, &request, "Hi");
        assert_int_equal(atomic_load(&f.local.starts), starts[i]);
    }
    chat_fixture_close(&f);
}

static int64_t wall_ahead_ms;

static uint64_t real_monotonic_us(void *self)
{
    return amphi__clock_us(NULL);
}

static int64_t wall_ms(void *self)
{
    return amphi__clock_wall_ms(NULL) + wall_ahead_ms;
}

static void cache__stale_answer_is_given_where_nothing_else_answers(void **state)
{
    static const scripted_step fails[] = {{SCRIPT_FAIL, "gone", AMPHI_E_NETWORK}};
    const amphi_clock clock = {
        .struct_size = sizeof clock, .monotonic_us = real_monotonic_us, .wall_ms = wall_ms};
    chat_fixture f;
    wall_ahead_ms = 0;
    chat_fixture_init(&f, says_hello, says_hello);
    f.parts.clock = &clock;
    f.local.next_script = fails;
    chat_fixture_start(&f, "{\"cache\":{\"ttl_s\":600,\"stale_s\":600}}");
    amphi_stream *stream;
    amphi_chat_result result = ask_for_result(&f, AMPHI_CACHE_EXACT, "Hi", &stream);
    assert_false(result.cache_hit);
    amphi_stream_free(stream);
    wall_ahead_ms = 900 * 1000;
    result = ask_for_result(&f, AMPHI_CACHE_EXACT, "Hi", &stream);
    assert_true(result.cache_hit && result.cache_is_stale);
    assert_null(result.error);
    chat_fixture_expect(&f, "Hello world.");
    amphi_stream_free(stream);
    wall_ahead_ms = 1500 * 1000;
    result = ask_for_result(&f, AMPHI_CACHE_EXACT, "Hi", &stream);
    assert_false(result.cache_hit);
    assert_non_null(result.error);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

/* The client's memory and the store's table: the same client has the answer no more. */
static void cache__cleared_the_same_client_asks_again(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    request.no_cache = false;
    for (int starts = 1; starts <= 2; starts++) {
        chat_fixture_ask(&f, &request, "Hi");
        assert_int_equal(atomic_load(&f.local.starts), starts); /* a miss */
        chat_fixture_ask(&f, &request, "Hi");
        assert_int_equal(atomic_load(&f.local.starts), starts); /* a hit */
        assert_int_equal(amphi_cache_clear(f.client, NULL), AMPHI_OK);
    }
    chat_fixture_close(&f);
}

static void identify(void *self, amphi_engine_info *out)
{
    *out = ((scripted_engine *)self)->info;
}

static amphi_status start_and_swap(void *self, amphi_engine_run **out,
    const amphi_engine_request *request, const amphi_engine_sink *sink, amphi_error *error)
{
    scripted_engine *engine = self;
    ++engine->info.fingerprint[0];
    return scripted_engine_value(engine).ops->start(self, out, request, sink, error);
}

/* The file may change under a client that lives, also while it answers. */
static void cache__answer_of_another_model_file_does_not_come_from_the_cache(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_engine_ops ops = *f.parts.local.ops;
    ops.identify = identify;
    f.client->routes[0].engine.ops = &ops;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    request.no_cache = false;
    strcpy(f.local.info.fingerprint, "a");
    for (int starts = 1; starts <= 2; starts++) {
        chat_fixture_ask(&f, &request, "Hi");
        chat_fixture_ask(&f, &request, "Hi");
        assert_int_equal(atomic_load(&f.local.starts), starts);
        strcpy(f.local.info.fingerprint, "b");
    }
    f.local.info.fingerprint[0] = '\0'; /* the file is gone: the known answers stay */
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.local.starts), 2);
    strcpy(f.local.info.fingerprint, "c");
    ops.start = start_and_swap; /* to d: whose answer is it? */
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.local.starts), 3);
    ops.start = scripted_engine_value(&f.local).ops->start;
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.local.starts), 4);
    chat_fixture_close(&f);
}

static void cache__failed_answers_are_not_cached(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, dies_in_mid_word, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    request.no_cache = false;
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(f.last, AMPHI_EVENT_ERROR);
    chat_fixture_close(&f);
}

/* The same text with this extra JSON twice: how often did an engine start? */
static int starts_of_two(chat_fixture *f, const char *first, const char *second)
{
    int before = atomic_load(&f->local.starts) + atomic_load(&f->cloud.starts);
    const char *const extras[] = {first, second};
    for (int i = 0; i < 2; i++) {
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
        request.no_cache = false;
        request.extra_json = amphi_str_from(extras[i]);
        chat_fixture_ask(f, &request, "Hi");
        assert_int_equal(f->last, AMPHI_EVENT_DONE);
    }
    return atomic_load(&f->local.starts) + atomic_load(&f->cloud.starts) - before;
}

static void cache__what_only_says_how_to_deliver_is_no_other_request(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    assert_int_equal(starts_of_two(&f, "{\"seed\":1}", "{\"stream\":true,\"seed\":1}"), 1);
    assert_int_equal(starts_of_two(&f, "{\"seed\":2}", "{\"user\":\"u\",\"seed\":2}"), 1);
    assert_int_equal(
        starts_of_two(&f, "{\"seed\":3,\"top_p\":1}", "{\"top_p\":1.0,\"seed\":3}"), 1);
    assert_int_equal(starts_of_two(&f, "{\"seed\":4}", "{\"seed\":4,\"model\":\"m\"}"), 2);
    assert_int_equal(starts_of_two(&f, "{\"seed\":5}", "{\"seed\":5,\"stop\":\"x\"}"), 2);
    chat_fixture_close(&f);
}

static void cache__who_may_answer_is_part_of_the_request(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    static const amphi_mode modes[] = {
        AMPHI_MODE_AUTO, AMPHI_MODE_ONLY_LOCAL, AMPHI_MODE_ONLY_CLOUD, AMPHI_MODE_AUTO};
    for (int i = 0; i < 4; i++) {
        amphi_chat_request request = chat_fixture_request(modes[i]);
        request.no_cache = false;
        request.is_private = i == 3;
        chat_fixture_ask(&f, &request, "Hi");
        assert_int_equal(atomic_load(&f.local.starts) + atomic_load(&f.cloud.starts), i + 1);
    }
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_CLOUD);
    request.no_cache = false; /* as for auto: the route was left open */
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.local.starts) + atomic_load(&f.cloud.starts), 4);
    chat_fixture_close(&f);
}

static void cache__no_cache_neither_reads_nor_writes(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    static const bool no_cache[] = {true, false, true, false};
    static const int starts[] = {1, 2, 3, 3};
    for (int i = 0; i < 4; i++) {
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
        request.no_cache = no_cache[i];
        chat_fixture_ask(&f, &request, "Hi");
        assert_int_equal(atomic_load(&f.local.starts), starts[i]);
    }
    chat_fixture_close(&f);
}

static void expect_never_kept(const scripted_step *local, const scripted_step *cloud)
{
    chat_fixture f;
    chat_fixture_open(&f, local, cloud);
    for (int starts = 1; starts <= 2; starts++) {
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
        request.no_cache = false;
        chat_fixture_ask(&f, &request, "Hi");
        assert_int_equal(f.last, AMPHI_EVENT_DONE);
        assert_int_equal(atomic_load(&f.local.starts), starts);
    }
    chat_fixture_close(&f);
}

static void cache__only_whole_answers_in_words_are_kept(void **state)
{
    static const scripted_step cut_short[] = {
        {SCRIPT_SAY, "Hel", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_LENGTH}};
    static const scripted_step filtered[] = {
        {SCRIPT_SAY, "Hel", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_CONTENT_FILTER}};
    static const scripted_step says_nothing[] = {{SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    static const scripted_step calls[] = {{SCRIPT_SAY, "I ask.", 0},
        {SCRIPT_TOOL_CALL,
            "[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    expect_never_kept(cut_short, says_hello);
    expect_never_kept(filtered, says_hello);
    expect_never_kept(says_nothing, says_hello);
    expect_never_kept(calls, says_hello);
}

/* It is the answer of neither model. */
static void cache__answer_of_two_models_is_not_kept(void **state)
{
    expect_never_kept(dies_in_mid_word, continues_hello);
}

static void cache__hit_looks_like_an_answer_and_says_where_it_came_from(void **state)
{
    static const amphi_event_kind kinds[] = {
        AMPHI_EVENT_ROUTE, AMPHI_EVENT_DELTA, AMPHI_EVENT_USAGE, AMPHI_EVENT_DONE};
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    request.no_cache = false;
    chat_fixture_ask(&f, &request, "Hi");
    amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        amphi_event event;
        assert_int_equal(amphi_stream_next(stream, 20000, &event, NULL), AMPHI_OK);
        assert_int_equal(event.kind, kinds[i]);
        if (event.kind == AMPHI_EVENT_ROUTE)
            assert_true(amphi__str_equal_c(event.route, "cache"));
    }
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    assert_true(result.cache_hit);
    assert_true(amphi__str_equal_c(result.route, "cache"));
    assert_true(amphi__str_equal_c(result.model, "script-1"));
    assert_true(amphi__str_equal_c(result.text, "Hello world."));
    assert_int_equal(result.usage.completion_tokens, 2);
    assert_int_equal(result.finish, AMPHI_FINISH_STOP);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void cache__given_beginning_is_never_answered_from_it(void **state)
{
    static const char json[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
                               "{\"role\":\"assistant\",\"content\":\"Hello\"}]}";
    chat_fixture f;
    chat_fixture_open(&f, continues_hello, continues_hello);
    for (int starts = 1; starts <= 2; starts++) {
        amphi_stream *stream = NULL;
        assert_int_equal(
            amphi_chat_start_json(&stream, f.client, amphi_str_from(json), NULL), AMPHI_OK);
        chat_fixture_pull(&f, stream);
        chat_fixture_expect(&f, " world.");
        amphi_stream_free(stream);
        assert_int_equal(atomic_load(&f.local.starts), starts);
    }
    chat_fixture_close(&f);
}

static void cache__policy_may_switch_it_off(void **state)
{
    chat_fixture f;
    chat_fixture_open_with(&f, says_hello, says_hello, "{\"cache\":{\"ttl_s\":0}}");
    assert_int_equal(starts_of_two(&f, "{}", "{}"), 2);
    chat_fixture_close(&f);
}

/* Another client on the same store, without the route that gave the answer. */
static void cache__answer_of_a_route_that_is_gone_is_not_given(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_CLOUD);
    request.no_cache = false;
    chat_fixture_ask(&f, &request, "Hi");
    amphi_client *first = f.client;
    amphi_client *second = chat_fixture_client(&f, NULL);
    f.client = second;
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.cloud.starts), 1); /* it reads what the first one kept */
    f.parts.engines_count = 0;
    f.client = chat_fixture_client(&f, NULL);
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.local.starts), 1);
    amphi_client_free(second);
    amphi_client_free(f.client);
    f.client = first;
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cache__same_question_is_answered_from_the_cache),
        cmocka_unit_test(cache__answer_of_a_request_that_is_not_greedy_is_given_once),
        cmocka_unit_test(cache__near_hit_is_asked_for_and_names_the_question),
        cmocka_unit_test(cache__no_store_reads_and_leaves_nothing),
        cmocka_unit_test(cache__stale_answer_is_given_where_nothing_else_answers),
        cmocka_unit_test(cache__cleared_the_same_client_asks_again),
        cmocka_unit_test(cache__answer_of_another_model_file_does_not_come_from_the_cache),
        cmocka_unit_test(cache__failed_answers_are_not_cached),
        cmocka_unit_test(cache__what_only_says_how_to_deliver_is_no_other_request),
        cmocka_unit_test(cache__who_may_answer_is_part_of_the_request),
        cmocka_unit_test(cache__no_cache_neither_reads_nor_writes),
        cmocka_unit_test(cache__only_whole_answers_in_words_are_kept),
        cmocka_unit_test(cache__answer_of_two_models_is_not_kept),
        cmocka_unit_test(cache__hit_looks_like_an_answer_and_says_where_it_came_from),
        cmocka_unit_test(cache__given_beginning_is_never_answered_from_it),
        cmocka_unit_test(cache__policy_may_switch_it_off),
        cmocka_unit_test(cache__answer_of_a_route_that_is_gone_is_not_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
