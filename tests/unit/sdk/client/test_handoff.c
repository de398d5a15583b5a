/* SPDX-License-Identifier: Apache-2.0
 *
 * The first tokens of a local answer are held until the judge has spoken; a doubtful answer moves
 * to the cloud before any of it is shown.
 */
#include "sdk/client/handoff.h"

#include "sdk/core/alloc.h"
#include "tests/support/chat_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define POLICY "{\"handoff\":{\"right_min_percent\":40,\"tokens\":4,\"hold_ms\":60000}}"

static const scripted_step cloud_knows[] = {
    {SCRIPT_SAY, "Canberra.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
static const scripted_step cloud_fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_OFFLINE}};
static const scripted_step doubtful[] = {{SCRIPT_CONFIDENCE, "head", 700}, {SCRIPT_SAY, "Syd", 0},
    {SCRIPT_CONFIDENCE, "head", 10120}, {SCRIPT_SAY, "ney.", 0},
    {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};

/* ---- the rules, without a client ---- */

static amphi_queued_event *queued(const char *text)
{
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_TEXT, .text = amphi_str_from(text)};
    return amphi__queued_event_from_engine(1, &event, false);
}

static void note(amphi_handoff *h, const char *judge, uint32_t permille, uint32_t tokens, bool last)
{
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_CONFIDENCE,
        .text = amphi_str_from(judge),
        .permille = permille,
        .usage = {.completion_tokens = tokens},
        .finish = last ? AMPHI_FINISH_STOP : AMPHI_FINISH_NONE};
    amphi__handoff_note(h, &event);
}

static void handoff__is_held_until_the_last_token_is_judged(void **state)
{
    amphi_handoff h;
    amphi__handoff_init(&h, 4, 600, 400);
    assert_true(h.is_holding);
    assert_int_equal(amphi__handoff_until_us(&h), UINT64_MAX); /* nothing is held yet */
    amphi__handoff_keep(&h, queued("a"), 1000);
    note(&h, "head", 100, 3, false);
    assert_int_equal(amphi__handoff_rule(&h, false, 2000), AMPHI_HANDOFF_HOLD);
    note(&h, "head", 100, 4, false);
    assert_int_equal(amphi__handoff_rule(&h, false, 2000), AMPHI_HANDOFF_MOVE);
    note(&h, "head", 400, 4, false);
    assert_int_equal(amphi__handoff_rule(&h, false, 2000), AMPHI_HANDOFF_SHOW);
    note(&h, "head", 399, 2, true); /* a head that needs fewer tokens */
    assert_int_equal(amphi__handoff_rule(&h, false, 2000), AMPHI_HANDOFF_MOVE);
    amphi__handoff_clear(&h);
}

static void handoff__is_bounded_in_time_and_bytes(void **state)
{
    amphi_handoff h;
    char long_text[AMPHI_HANDOFF_BYTES_MAX + 2];
    amphi__handoff_init(&h, 4, 600, 400);
    amphi__handoff_keep(&h, queued("a"), 1000);
    note(&h, "head", 100, 1, false);
    assert_int_equal(amphi__handoff_until_us(&h), 601000);
    assert_int_equal(amphi__handoff_rule(&h, false, 600999), AMPHI_HANDOFF_HOLD);
    assert_int_equal(amphi__handoff_rule(&h, false, 601000), AMPHI_HANDOFF_MOVE);
    memset(long_text, 'a', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    amphi__handoff_keep(&h, queued(long_text), 1001);
    assert_int_equal(amphi__handoff_rule(&h, false, 2000), AMPHI_HANDOFF_MOVE);
    amphi__handoff_clear(&h);
}

static void handoff__without_a_verdict_the_answer_is_shown(void **state)
{
    amphi_handoff h;
    amphi__handoff_init(&h, 4, 600, 400);
    amphi__handoff_keep(&h, queued("a"), 1000);
    assert_int_equal(amphi__handoff_rule(&h, false, 2000), AMPHI_HANDOFF_HOLD);
    assert_int_equal(amphi__handoff_rule(&h, true, 2000), AMPHI_HANDOFF_SHOW);
    assert_int_equal(amphi__handoff_rule(&h, false, 601000), AMPHI_HANDOFF_SHOW);
    note(&h, "", 0, 1, false); /* the judge can't say */
    assert_int_equal(amphi__handoff_rule(&h, false, 2000), AMPHI_HANDOFF_SHOW);
    amphi__handoff_clear(&h);
    amphi__handoff_init(&h, 0, 600, 400);
    assert_false(h.is_holding);
}

/* ---- with a client ---- */

static void open_with(
    chat_fixture *f, const scripted_step *local, const scripted_step *cloud, const char *policy)
{
    chat_fixture_init(f, local, cloud);
    f->local.info.judge = AMPHI_JUDGE_HEAD;
    chat_fixture_start(f, policy);
}

static amphi_stream *ask(chat_fixture *f, amphi_chat_request *request, amphi_chat_result *result)
{
    amphi_error error;
    amphi_stream *stream = chat_fixture_begin(f, request, "What is the capital of Australia?");
    chat_fixture_pull(f, stream);
    amphi_chat_result_init(result);
    assert_int_equal(amphi_stream_result(stream, result, &error), AMPHI_OK);
    return stream;
}

static void handoff__doubtful_answer_moves_before_it_is_shown(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    char *json = NULL;
    open_with(&f, doubtful, cloud_knows, POLICY);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    amphi_stream *stream = ask(&f, &request, &result);
    chat_fixture_expect(&f, "Canberra.");
    assert_int_equal(f.replaces, 0); /* nothing had to be taken back */
    assert_int_equal(f.takeovers, 1);
    assert_int_equal(result.takeovers[0].reason, AMPHI_E_UNCERTAIN);
    assert_int_equal(result.takeovers[0].byte_offset, 0);
    assert_non_null(strstr(result.takeovers[0].why, "right with 12 %, 40 % are wanted"));
    assert_true(result.judged_moved);
    assert_int_equal(result.judged_tokens, 2);
    assert_true(fabsf(result.judged_right - 0.12f) < 1e-6f);
    assert_true(fabsf(result.judged_right_min - 0.4f) < 1e-6f);
    assert_int_equal(amphi_stream_result_json(stream, &json, NULL), AMPHI_OK);
    assert_non_null(strstr(json, "\"confidence\":{\"judge\":\"head\",\"right\":0.12,"
                                 "\"right_min\":0.4,\"tokens\":2,\"moved\":true}"));
    assert_non_null(strstr(json, "\"reason\":\"uncertain\""));
    amphi_string_free(json);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void handoff__sure_answer_is_shown_whole_and_the_cloud_is_not_asked(void **state)
{
    static const scripted_step sure[] = {{SCRIPT_REASON, "Hm.", 0}, {SCRIPT_CONFIDENCE, "head", 90},
        {SCRIPT_SAY, "Can", 0}, {SCRIPT_CONFIDENCE, "head", 10930}, {SCRIPT_SAY, "berra.", 0},
        {SCRIPT_USAGE, NULL, 2}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    amphi_chat_result result;
    open_with(&f, sure, cloud_knows, POLICY);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    amphi_stream *stream = ask(&f, &request, &result);
    chat_fixture_expect(&f, "Canberra.");
    assert_int_equal(f.takeovers, 0);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    assert_int_equal(f.local.last_judge_tokens, 4);
    assert_false(result.judged_moved);
    assert_true(fabsf(result.judged_right - 0.93f) < 1e-6f);
    assert_int_equal(result.reasoning.size, 3);
    assert_int_equal(result.usage.completion_tokens, 2);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void handoff__a_complete_answer_is_judged_by_the_tokens_that_it_has(void **state)
{
    static const scripted_step brief[] = {{SCRIPT_CONFIDENCE, "head", 100},
        {SCRIPT_SAY, "Sydney.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    amphi_chat_result result;
    open_with(&f, brief, cloud_knows, POLICY);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    amphi_stream_free(ask(&f, &request, &result));
    chat_fixture_expect(&f, "Canberra.");
    chat_fixture_close(&f);
}

static void handoff__private_and_only_local_are_never_judged(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    open_with(&f, doubtful, cloud_knows, POLICY);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    amphi_stream_free(ask(&f, &request, &result));
    chat_fixture_expect(&f, "Sydney.");
    request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.is_private = true;
    amphi_stream_free(ask(&f, &request, &result));
    chat_fixture_expect(&f, "Sydney.");
    assert_int_equal(f.local.last_judge_tokens, 0);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

static void handoff__off_in_the_policy_holds_nothing(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    open_with(&f, doubtful, cloud_knows, "{\"handoff\":{\"judge\":\"off\"}}");
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    amphi_stream_free(ask(&f, &request, &result));
    chat_fixture_expect(&f, "Sydney.");
    assert_int_equal(f.local.last_judge_tokens, 0);
    chat_fixture_close(&f);
}

static void handoff__doubtful_words_are_better_than_none(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    open_with(&f, doubtful, cloud_fails, POLICY);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.no_queue = true;
    amphi_stream *stream = ask(&f, &request, &result);
    chat_fixture_expect(&f, "Sydney.");
    assert_int_equal(f.last, AMPHI_EVENT_DONE);
    assert_int_equal(atomic_load(&f.local.starts), 2);
    assert_int_equal(result.takeovers_count, 2);
    assert_string_equal(result.takeovers[1].to, "local");
    assert_true(result.judged_moved);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void handoff__an_engine_that_dies_while_it_is_held_leaves_no_words(void **state)
{
    static const scripted_step dies[] = {{SCRIPT_CONFIDENCE, "head", 900}, {SCRIPT_SAY, "Syd", 0},
        {SCRIPT_FAIL, NULL, AMPHI_E_ENGINE_DIED}};
    chat_fixture f;
    amphi_chat_result result;
    open_with(&f, dies, cloud_knows, POLICY);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    amphi_stream_free(ask(&f, &request, &result));
    chat_fixture_expect(&f, "Canberra.");
    assert_int_equal(f.replaces, 0);
    chat_fixture_close(&f);
}

static void handoff__time_that_is_over_rules_by_what_came(void **state)
{
    static const scripted_step slow[] = {{SCRIPT_CONFIDENCE, "head", 100}, {SCRIPT_SAY, "Syd", 0},
        {SCRIPT_WAIT, NULL, 60000}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    amphi_chat_result result;
    open_with(&f, slow, cloud_knows,
        "{\"handoff\":{\"right_min_percent\":40,\"tokens\":4,\"hold_ms\":20},"
        "\"local\":{\"budgets\":{\"idle_ms\":600000}},\"total_ms\":600000}");
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    amphi_stream *stream = ask(&f, &request, &result);
    chat_fixture_expect(&f, "Canberra.");
    assert_int_equal(result.takeovers[0].reason, AMPHI_E_UNCERTAIN);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void handoff__cancelled_while_held_frees_what_is_held(void **state)
{
    static const scripted_step slow[] = {{SCRIPT_SAY, "Syd", 0}, {SCRIPT_WAIT, NULL, 60000},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    open_with(&f, slow, cloud_knows, POLICY);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
    amphi_stream_cancel(stream);
    chat_fixture_pull(&f, stream);
    chat_fixture_expect(&f, "");
    assert_int_equal(f.last, AMPHI_EVENT_ERROR);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handoff__is_held_until_the_last_token_is_judged),
        cmocka_unit_test(handoff__is_bounded_in_time_and_bytes),
        cmocka_unit_test(handoff__without_a_verdict_the_answer_is_shown),
        cmocka_unit_test(handoff__doubtful_answer_moves_before_it_is_shown),
        cmocka_unit_test(handoff__sure_answer_is_shown_whole_and_the_cloud_is_not_asked),
        cmocka_unit_test(handoff__a_complete_answer_is_judged_by_the_tokens_that_it_has),
        cmocka_unit_test(handoff__private_and_only_local_are_never_judged),
        cmocka_unit_test(handoff__off_in_the_policy_holds_nothing),
        cmocka_unit_test(handoff__doubtful_words_are_better_than_none),
        cmocka_unit_test(handoff__an_engine_that_dies_while_it_is_held_leaves_no_words),
        cmocka_unit_test(handoff__time_that_is_over_rules_by_what_came),
        cmocka_unit_test(handoff__cancelled_while_held_frees_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
