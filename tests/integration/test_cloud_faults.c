/* SPDX-License-Identifier: Apache-2.0
 *
 * What each fault of a provider leads to, seen by an app: two endpoints, streaming, through the C
 * API, against a cloud that misbehaves on command. The table of sdk/docs/cloud.md row by row. How
 * often each endpoint was asked is counted on the server's side. Budgets are shorter than the
 * defaults, per request, so that nobody has to wait; the rules are the same. (The same rows through
 * `amphi serve` are in test_cloud_faults_serve.py.)
 */
#include "sdk/core/buf.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "tests/support/cloud.h"
#include "tests/support/memory_peak.h"
#include "tests/support/scratch_dir.h"

#include <amphi/amphi.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER AMPHI_TEST_CLOUD_ANSWER

static amphi_test_cloud cloud;

/* ---- An app with a few endpoints ------------------------------------------------------------- */

enum { ENDPOINTS_MAX = 3 };

typedef struct app {
    scratch_dir dir;
    amphi_client *client;
    const char *names[ENDPOINTS_MAX]; /* the URLs' first parts: what the server counts by */
} app;

typedef struct endpoint {
    const char *path; /* on badcloud; the endpoints are called "a", "b", "c" in this order */
    uint32_t context_tokens_max;
    const char *model;
} endpoint;

static void open_app_with(app *a, const endpoint *endpoints, size_t count, const char *policy)
{
    static const char *const letters[] = {"a", "b", "c"};
    amphi_endpoint_options options[ENDPOINTS_MAX];
    char urls[ENDPOINTS_MAX][256];
    amphi_client_options client;
    amphi_error error;
    memset(a, 0, sizeof *a);
    scratch_dir_make(&a->dir);
    amphi_test_cloud_reset_counts(&cloud);
    for (size_t i = 0; i < count; i++) {
        amphi_endpoint_options_init(&options[i]);
        amphi_test_cloud_url(&cloud, urls[i], sizeof urls[i], "main", endpoints[i].path);
        options[i].name = amphi_str_from(letters[i]);
        options[i].url = amphi_str_from(urls[i]);
        options[i].model = amphi_str_from(endpoints[i].model);
        options[i].ca_file = amphi_str_from(cloud.ca_file);
        options[i].context_tokens_max = endpoints[i].context_tokens_max;
        options[i].priority = (uint32_t)i;
        a->names[i] = endpoints[i].path;
    }
    amphi_client_options_init(&client);
    client.data_dir = amphi_str_from(a->dir.path);
    client.model_path = AMPHI_STR("/nowhere/model.gguf"); /* the cloud is on its own here */
    client.endpoints = options;
    client.endpoints_count = count;
    client.policy_json = amphi_str_from(policy);
    if (amphi_client_new(&a->client, &client, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
}

static void open_app(app *a, const char *first, const char *second)
{
    const endpoint endpoints[] = {{.path = first}, {.path = second}};
    open_app_with(a, endpoints, second != NULL ? 2 : 1, NULL);
}

static void close_app(app *a)
{
    amphi_client_free(a->client);
    scratch_dir_remove(&a->dir);
}

/* ---- One question, and everything that was seen of its answer -------------------------------- */

typedef struct outcome {
    amphi_event_kind end;
    amphi_error error;
    amphi_finish finish;
    amphi_usage usage;
    amphi_buf screen; /* what a person sees at the end */
    amphi_buf shown;  /* everything that ever was on it */
    char route[AMPHI_NAME_MAX];
    char model[AMPHI_NAME_MAX];
    unsigned terminals;
    unsigned replaces;
    unsigned takeovers;
    amphi_takeover takeover; /* the last one */
    uint64_t took_ms;
} outcome;

static amphi_budgets short_budgets(void)
{
    return (amphi_budgets){
        .connect_ms = 2000, .first_token_ms = 700, .idle_ms = 500, .total_ms = 12000};
}

static void note(outcome *o, const amphi_event *event)
{
    if (event->kind == AMPHI_EVENT_REPLACE) {
        amphi__buf_reset(&o->screen);
        o->replaces++;
    }
    if (event->kind == AMPHI_EVENT_DELTA || event->kind == AMPHI_EVENT_REPLACE) {
        amphi__buf_append_str(&o->screen, event->text);
        amphi__buf_append_str(&o->shown, event->text);
    }
    if (event->kind == AMPHI_EVENT_TAKEOVER) {
        o->takeovers++;
        o->takeover = *event->takeover;
    }
    if (amphi_event_is_terminal(event)) {
        o->terminals++;
        o->end = event->kind;
        o->finish = event->finish;
        o->usage = event->usage;
        amphi__str_copy_to(o->route, sizeof o->route, event->route);
        amphi__str_copy_to(o->model, sizeof o->model, event->model);
        if (event->error != NULL)
            o->error = *event->error;
    }
}

static void pull(amphi_stream *stream, outcome *o)
{
    amphi_event event;
    amphi_error error;
    uint64_t began_ms = amphi__clock_ms(NULL);
    memset(o, 0, sizeof *o);
    amphi__buf_init(&o->screen, 0);
    amphi__buf_init(&o->shown, 0);
    amphi__buf_append_c(&o->screen, "");
    while (o->terminals == 0) {
        assert_int_equal(amphi_stream_next(stream, 30000, &event, &error), AMPHI_OK);
        note(o, &event);
    }
    o->took_ms = amphi__clock_ms(NULL) - began_ms;
    assert_int_equal(amphi_stream_next(stream, 0, &event, &error), AMPHI_E_NOT_FOUND);
    amphi_stream_free(stream);
}

static void ask_with(app *a, outcome *o, amphi_budgets budgets, const char *extra_json)
{
    amphi_stream *stream;
    amphi_chat_request request;
    amphi_error error;
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("How was the harbour?")};
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.mode = AMPHI_MODE_ONLY_CLOUD;
    request.no_cache = true;
    request.no_queue = true;
    request.budgets = budgets;
    request.extra_json = amphi_str_from(extra_json);
    if (amphi_chat_start(&stream, a->client, &request, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    pull(stream, o);
}

static void ask(app *a, outcome *o)
{
    ask_with(a, o, short_budgets(), NULL);
}

static void forget(outcome *o)
{
    amphi__buf_clear(&o->screen);
    amphi__buf_clear(&o->shown);
}

static int attempts(const app *a, size_t which)
{
    return (int)amphi_test_cloud_attempts(&cloud, a->names[which]);
}

static const char *screen(const outcome *o)
{
    return o->screen.data != NULL ? o->screen.data : "";
}

static void expect_whole(const outcome *o)
{
    if (o->end != AMPHI_EVENT_DONE)
        print_message("%s: %s\n", amphi_status_name(o->error.status), o->error.message);
    assert_int_equal(o->end, AMPHI_EVENT_DONE);
    assert_string_equal(screen(o), ANSWER);
    assert_int_equal(o->finish, AMPHI_FINISH_STOP);
}

/* ---- The table: what the first endpoint does, and what becomes of it ------------------------- */

typedef struct row {
    const char *first; /* the second one is healthy */
    int first_attempts;
    int second_attempts;
    unsigned from_ms;
    unsigned to_ms;
    bool mid_answer; /* words had been shown: the second one continues them */
} row;

static void check_row(const row *r)
{
    app a;
    outcome o;
    open_app(&a, r->first, "ok");
    ask(&a, &o);
    if (attempts(&a, 0) != r->first_attempts || attempts(&a, 1) != r->second_attempts ||
        o.took_ms < r->from_ms || o.took_ms > r->to_ms || o.end != AMPHI_EVENT_DONE) {
        print_message("%s: %d and %d attempts, %llu ms: %s\n", r->first, attempts(&a, 0),
            attempts(&a, 1), (unsigned long long)o.took_ms, o.error.message);
    }
    expect_whole(&o);
    assert_int_equal(attempts(&a, 0), r->first_attempts);
    assert_int_equal(attempts(&a, 1), r->second_attempts);
    assert_in_range(o.took_ms, r->from_ms, r->to_ms);
    assert_string_equal(o.route, r->second_attempts > 0 ? "b" : "a");
    assert_string_equal(o.model, "badcloud-1");
    assert_int_equal(o.usage.completion_tokens, 22);
    assert_int_equal(o.takeovers, r->second_attempts > 0);
    assert_int_equal(o.replaces, 0);
    assert_null(strstr(o.shown.data, " bro")); /* of the event that is no JSON */
    if (r->mid_answer) {
        assert_true(o.takeover.continued);
        assert_true(o.takeover.byte_offset > 0);
    }
    forget(&o);
    close_app(&a);
}

static void check_rows(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_row(&rows[i]);
}

static void fault__rate_limit_with_a_delay_fails_over_at_once(void **state)
{
    static const row rows[] = {{"429:7", 1, 1, 0, 2000, false},
        {"429-date:9", 1, 1, 0, 2000, false}, {"429-body:5", 1, 1, 0, 2000, false},
        {"503:60", 1, 1, 0, 2000, false}};
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void fault__pause_that_was_asked_for_holds_for_the_next_requests(void **state)
{
    app a;
    outcome o;
    open_app(&a, "429once:2", "ok");
    for (unsigned i = 0; i < 3; i++) {
        ask(&a, &o);
        expect_whole(&o);
        assert_int_equal(attempts(&a, 0), 1);
        assert_int_equal(attempts(&a, 1), i + 1);
        forget(&o);
    }
    usleep(2100 * 1000);
    ask(&a, &o);
    expect_whole(&o);
    assert_int_equal(attempts(&a, 0), 2); /* over: the first one is the first one again */
    assert_int_equal(attempts(&a, 1), 3);
    forget(&o);
    close_app(&a);
}

static void fault__rate_limit_without_another_endpoint_waits_as_told(void **state)
{
    app a;
    outcome o;
    open_app(&a, "429once:1", NULL);
    ask_with(&a, &o, (amphi_budgets){.total_ms = 8000}, NULL);
    expect_whole(&o);
    assert_int_equal(attempts(&a, 0), 2);
    assert_in_range(o.took_ms, 950, 4000);
    forget(&o);
    close_app(&a);

    open_app(&a, "429:120", NULL); /* longer than anybody waits: said, not waited for */
    ask(&a, &o);
    assert_int_equal(o.end, AMPHI_EVENT_ERROR);
    assert_int_equal(o.error.status, AMPHI_E_RATE_LIMITED);
    assert_int_equal(o.error.retry_after_ms, 120000);
    assert_int_equal(attempts(&a, 0), 1);
    assert_true(o.took_ms < 2000);
    forget(&o);
    close_app(&a);
}

static void fault__rate_limit_for_ever_is_asked_a_bounded_number_of_times(void **state)
{
    static const row rows[] = {{"429", 1, 1, 0, 2000, false}};
    check_rows(rows, 1);
    app a;
    outcome o;
    open_app(&a, "429", NULL);
    ask(&a, &o);
    assert_int_equal(o.error.status, AMPHI_E_RATE_LIMITED);
    assert_in_range(attempts(&a, 0), 1, 2);
    forget(&o);
    close_app(&a);
}

static void fault__one_500_is_tried_again_on_the_same_endpoint(void **state)
{
    static const row rows[] = {{"500once", 2, 0, 0, 2000, false}};
    check_rows(rows, 1);
}

static void fault__503_for_ever_fails_over_inside_the_retry_budget(void **state)
{
    static const row rows[] = {{"503", 2, 1, 0, 2000, false}, {"500", 2, 1, 0, 2000, false}};
    check_rows(rows, sizeof rows / sizeof *rows);
    app a;
    const endpoint endpoints[] = {{.path = "503"}, {.path = "ok"}};
    open_app_with(&a, endpoints, 2, "{\"breaker\":{\"failures\":1000,\"failure_percent\":0}}");
    for (int i = 0; i < 40; i++) {
        outcome o;
        ask(&a, &o);
        expect_whole(&o);
        forget(&o);
    }
    /* Ten second tries in hand, one more earned by every ten requests: an outage is not doubled. */
    assert_in_range(attempts(&a, 0), 40 + 10, 40 + 10 + 4);
    assert_int_equal(attempts(&a, 1), 40);
    close_app(&a);
}

static void fault__reset_before_headers_is_retried(void **state)
{
    static const row rows[] = {{"resetonce", 2, 0, 0, 2000, false}, {"reset", 2, 1, 0, 2000, false},
        {"close", 2, 1, 0, 2000, false}};
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void fault__silence_is_one_attempt_then_the_other(void **state)
{
    static const row rows[] = {{"silence", 1, 1, 650, 2500, false}};
    check_rows(rows, 1);
}

static void fault__late_first_token_is_answered_by_the_other(void **state)
{
    static const row rows[] = {{"late:20", 1, 1, 650, 2500, false}};
    check_rows(rows, 1);
}

static void fault__cut_in_mid_answer_still_gives_the_whole_answer(void **state)
{
    static const row rows[] = {{"cut:6", 1, 1, 0, 2000, true}, {"cut-reset", 1, 1, 0, 2000, true},
        {"cut-notify", 1, 1, 0, 2000, true}, {"cut-end", 1, 1, 0, 2000, true},
        {"cut-done", 1, 1, 0, 2000, true}, {"cut-length", 1, 1, 0, 2000, true},
        {"cut-length-notify", 1, 1, 0, 2000, true}, {"cut-open", 1, 1, 0, 2000, true},
        {"cut-open-notify", 1, 1, 0, 2000, true}, {"error-stream", 1, 1, 0, 2000, true}};
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void fault__stall_is_noticed_and_the_client_is_healthy_afterwards(void **state)
{
    app a;
    outcome o;
    open_app(&a, "stalls-now", "ok");
    amphi_test_cloud_set(&cloud, "stalls-now", "stall:6");
    ask(&a, &o);
    expect_whole(&o);
    assert_int_equal(attempts(&a, 0), 1);
    assert_int_equal(attempts(&a, 1), 1);
    assert_in_range(o.took_ms, 450, 2500);
    assert_true(o.takeover.continued);
    assert_int_equal(o.takeover.reason, AMPHI_E_TIMEOUT);
    forget(&o);
    amphi_test_cloud_set(&cloud, "stalls-now", "ok");
    for (int i = 0; i < 5; i++) {
        ask(&a, &o);
        expect_whole(&o);
        assert_string_equal(o.route, "a");
        assert_true(o.took_ms < 1000);
        forget(&o);
    }
    assert_int_equal(attempts(&a, 0), 6);
    close_app(&a);
}

static void fault__event_that_is_not_json_fails_over_and_nothing_garbled_is_shown(void **state)
{
    static const row rows[] = {{"garbage", 1, 1, 0, 2000, true}};
    check_rows(rows, 1);
}

static void fault__finish_reason_without_end_marker_finishes_with_its_usage(void **state)
{
    static const row rows[] = {{"nodone", 1, 0, 0, 1500, false},
        {"nodone-open", 1, 0, 0, 2500, false}, {"done-open", 1, 0, 0, 1500, false}};
    check_rows(rows, sizeof rows / sizeof *rows);
    app a;
    outcome o;
    open_app(&a, "nodone-cut", "ok"); /* cut behind the finish reason: whole, but no usage came */
    ask(&a, &o);
    expect_whole(&o);
    assert_int_equal(attempts(&a, 0), 1);
    assert_int_equal(attempts(&a, 1), 0);
    forget(&o);
    close_app(&a);
}

static void fault__context_length_goes_only_where_more_fits(void **state)
{
    static const row rows[] = {{"context", 1, 1, 0, 2000, false}};
    check_rows(rows, 1);
    app a;
    outcome o;
    const endpoint smaller[] = {
        {"context", 8192, NULL}, {"ok", 8192, NULL}, {"slow:1", 32768, NULL}};
    open_app_with(&a, smaller, 3, NULL);
    ask(&a, &o);
    expect_whole(&o);
    assert_int_equal(attempts(&a, 0), 1);
    assert_int_equal(attempts(&a, 1), 0);
    assert_int_equal(attempts(&a, 2), 1);
    forget(&o);
    close_app(&a);
}

static void fault__refused_request_is_not_repeated_to_the_same_model(void **state)
{
    app a;
    outcome o;
    const endpoint same[] = {{"status:400", 0, "m-1"}, {"ok", 0, "m-1"}, {"slow:1", 0, "m-2"}};
    open_app_with(&a, same, 3, NULL);
    ask(&a, &o);
    expect_whole(&o);
    assert_int_equal(attempts(&a, 0), 1);
    assert_int_equal(attempts(&a, 1), 0);
    assert_int_equal(attempts(&a, 2), 1);
    forget(&o);
    close_app(&a);
}

static void fault__content_filter_is_the_providers_reason_and_not_retried(void **state)
{
    app a;
    outcome o;
    open_app(&a, "filter", "ok");
    ask(&a, &o);
    assert_int_equal(o.end, AMPHI_EVENT_ERROR);
    assert_int_equal(o.error.status, AMPHI_E_CONTENT_FILTER);
    assert_non_null(strstr(o.error.message, "content_filter"));
    assert_int_equal(attempts(&a, 0), 1);
    assert_int_equal(attempts(&a, 1), 0);
    forget(&o);
    close_app(&a);
    open_app(&a, "filter-stream", "ok");
    ask(&a, &o);
    assert_int_equal(o.end, AMPHI_EVENT_DONE);
    assert_int_equal(o.finish, AMPHI_FINISH_CONTENT_FILTER);
    assert_string_equal(screen(&o), "The harbour was");
    assert_int_equal(attempts(&a, 0), 1);
    assert_int_equal(attempts(&a, 1), 0);
    forget(&o);
    close_app(&a);
}

static void fault__next_endpoint_that_rejects_a_prefix_is_restarted_cleanly(void **state)
{
    app a;
    outcome o;
    open_app(&a, "cut:6", "noprefix");
    ask(&a, &o);
    expect_whole(&o);
    assert_int_equal(attempts(&a, 0), 1);
    assert_int_equal(attempts(&a, 1), 2); /* with the beginning, and without */
    assert_int_equal(o.takeovers, 1);
    assert_false(o.takeover.continued);
    assert_int_equal(o.replaces, 0); /* it says the same again, which is joined silently */
    forget(&o);
    ask(&a, &o); /* learnt: the 400 does not come again */
    expect_whole(&o);
    assert_int_equal(attempts(&a, 1), 3);
    forget(&o);
    close_app(&a);
}

static void fault__endpoint_that_is_down_is_back_soon_after_its_recovery(void **state)
{
    /* Scaled: the breaker stays open for 400 ms instead of 10 s, so "within 30 s" is 1.2 s here. */
    enum { OPEN_MS = 400, BACK_MS = 3 * OPEN_MS };
    app a;
    outcome o;
    const endpoint endpoints[] = {{.path = "comes-back"}, {.path = "ok"}};
    open_app_with(&a, endpoints, 2, "{\"breaker\":{\"open_ms\":400}}");
    amphi_test_cloud_set(&cloud, "comes-back", "503");
    uint64_t began_ms = amphi__clock_ms(NULL);
    int asked = 0;
    for (; amphi__clock_ms(NULL) - began_ms < 2500; asked++) {
        ask(&a, &o);
        expect_whole(&o); /* served meanwhile */
        assert_string_equal(o.route, "b");
        forget(&o);
        usleep(20000);
    }
    /* Left alone but for a probe now and then. */
    assert_in_range(attempts(&a, 0), 3, 6 + 2 * (2500 / OPEN_MS));
    assert_int_equal(attempts(&a, 1), asked);
    amphi_test_cloud_set(&cloud, "comes-back", "ok");
    began_ms = amphi__clock_ms(NULL);
    do {
        usleep(20000);
        ask(&a, &o);
        expect_whole(&o);
        forget(&o);
    } while (strcmp(o.route, "a") != 0 && amphi__clock_ms(NULL) - began_ms < 10000);
    print_message("back after %llu ms, breaker.open_ms %d\n",
        (unsigned long long)(amphi__clock_ms(NULL) - began_ms), OPEN_MS);
    assert_string_equal(o.route, "a");
    assert_true(amphi__clock_ms(NULL) - began_ms < BACK_MS);
    close_app(&a);
}

static void fault__endless_answers_end_in_bounded_time_and_memory(void **state)
{
    static const row rows[] = {{"bomb", 1, 1, 0, 9000, false},
        {"endless-header", 1, 1, 0, 5000, false}, {"endless-headers", 1, 1, 0, 5000, false},
        {"endless-interim", 1, 1, 0, 5000, false}, {"endless-line", 1, 1, 0, 9000, false},
        {"drip", 1, 1, 650, 2500, false}};
    app a;
    outcome o;
    open_app(&a, "ok", NULL);
    ask(&a, &o);
    forget(&o);
    close_app(&a);
    uint64_t before = memory_peak_begin();
    check_rows(rows, sizeof rows / sizeof *rows);
    uint64_t grown = memory_peak_bytes() - before;
    print_message("memory growth %llu KiB\n", (unsigned long long)grown / 1024);
    assert_true(grown < 32u << 20);
}

static void fault__million_tiny_events_end_in_bounded_time_and_memory(void **state)
{
    static const char *const scenarios[] = {"events", "events-text"};
    for (size_t i = 0; i < 2; i++) {
        app a;
        outcome o;
        open_app(&a, scenarios[i], NULL);
        uint64_t before = memory_peak_begin();
        ask_with(&a, &o, (amphi_budgets){.first_token_ms = 10000, .total_ms = 25000}, NULL);
        uint64_t grown = memory_peak_bytes() - before;
        print_message("%s: %s after %llu ms, memory growth %llu KiB\n", scenarios[i],
            amphi_status_name(o.error.status), (unsigned long long)o.took_ms,
            (unsigned long long)grown / 1024);
        assert_int_equal(o.end, AMPHI_EVENT_ERROR);
        assert_int_equal(o.error.status, AMPHI_E_LIMIT);
        assert_int_equal(attempts(&a, 0), 1);
        assert_true(o.took_ms < 25000);
        assert_true(grown < 32u << 20);
        forget(&o);
        close_app(&a);
    }
}

/* A caller that does not pull must not make us keep a kilobyte for every letter. */
static void pull_late(const char *scenario, size_t shown)
{
    app a;
    outcome o;
    amphi_stream *stream;
    amphi_error error;
    open_app(&a, scenario, NULL);
    uint64_t before = memory_peak_begin();
    assert_int_equal(amphi_chat_start_json(&stream, a.client,
                         AMPHI_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"?\"}],"
                                   "\"amphi\":{\"mode\":\"only_cloud\",\"no_cache\":true}}"),
                         &error),
        AMPHI_OK);
    usleep(3000000);
    uint64_t grown = memory_peak_bytes() - before;
    print_message("memory growth %llu KiB\n", (unsigned long long)grown / 1024);
    pull(stream, &o);
    assert_int_equal(o.end, AMPHI_EVENT_DONE);
    assert_int_equal(o.screen.size, shown);
    assert_true(grown < 32u << 20);
    forget(&o);
    close_app(&a);
}

static void fault__tiny_events_stay_small_when_nobody_pulls(void **state)
{
    pull_late("events-text:100000", 100000);
    pull_late("events-tools:100000", 0);
}

static void fault__every_endpoint_failing_is_one_error_in_bounded_time(void **state)
{
    app a;
    outcome o;
    amphi_budgets budgets = short_budgets();
    budgets.first_token_ms =
        2000; /* on a busy machine the second one needs a while to be reached */
    open_app(&a, "silence", "stall:3");
    ask_with(&a, &o, budgets, NULL);
    assert_int_equal(o.end, AMPHI_EVENT_ERROR);
    assert_int_equal(o.error.status, AMPHI_E_TIMEOUT);
    assert_true(o.took_ms < 6000);
    assert_int_equal(attempts(&a, 0), 1);
    assert_int_equal(attempts(&a, 1), 1);
    forget(&o);
    close_app(&a);
    open_app(&a, "silence", "ok"); /* the whole request's time is up: nobody else is asked */
    ask_with(&a, &o, (amphi_budgets){.first_token_ms = 5000, .total_ms = 600}, NULL);
    assert_int_equal(o.error.status, AMPHI_E_TIMEOUT);
    assert_in_range(o.took_ms, 550, 2500);
    assert_int_equal(attempts(&a, 1), 0);
    forget(&o);
    close_app(&a);
}

/* ---- Who is asked ---------------------------------------------------------------------------- */

static void expect_route(app *a, const char *extra_json, const char *route)
{
    outcome o;
    ask_with(a, &o, short_budgets(), extra_json);
    expect_whole(&o);
    assert_string_equal(o.route, route);
    forget(&o);
}

static void preference__model_and_fallbacks_choose_who_answers(void **state)
{
    app a;
    outcome o;
    const endpoint three[] = {{"ok", 0, "m-1"}, {"slow:1", 0, "m-2"}, {"status:401", 0, "m-3"}};
    open_app_with(&a, three, 3, "{\"breaker\":{\"failures\":1000,\"failure_percent\":0}}");
    expect_route(&a, "{\"model\":\"b\"}", "b");
    expect_route(&a, "{\"model\":\"m-2\"}", "b");
    expect_route(&a, "{\"model\":\"who-knows\"}", "a");
    expect_route(&a, "{\"model\":\"c\",\"fallbacks\":[\"b\"]}", "b");
    expect_route(&a, "{\"model\":\"c\",\"fallbacks\":[\"b\",\"a\"]}", "b");
    expect_route(&a, "{\"model\":\"m-3\",\"fallbacks\":[\"m-1\",\"m-2\"]}", "a");
    int before = attempts(&a, 0) + attempts(&a, 1);
    ask_with(&a, &o, short_budgets(), "{\"model\":\"c\",\"fallbacks\":[]}");
    assert_int_equal(o.error.status, AMPHI_E_AUTH); /* nobody else may answer */
    assert_int_equal(attempts(&a, 0) + attempts(&a, 1), before);
    forget(&o);
    /* What is only for us stays here. */
    amphi_json *last = amphi_test_cloud_last(&cloud, "status:401");
    amphi_str body = amphi__json_string(amphi__json_get(last, "body"));
    assert_int_equal(amphi__str_find(body, AMPHI_STR("fallbacks")), SIZE_MAX);
    assert_int_equal(amphi__str_find(body, AMPHI_STR("\"amphi\"")), SIZE_MAX);
    assert_true(amphi__str_find(body, AMPHI_STR("\"model\":\"m-3\"")) != SIZE_MAX);
    amphi__json_free(last);
    close_app(&a);
}

static void preference__unknown_fallback_is_refused_by_name(void **state)
{
    static const char *const bad[] = {"\"fallbacks\":[\"b\",\"nobody\"]", "\"fallbacks\":\"b\"",
        "\"fallbacks\":[1]", "\"fallbacks\":[\"\"]", "\"fallbacks\":{}"};
    app a;
    open_app(&a, "ok", "slow:1");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char body[256];
        amphi_stream *stream = NULL;
        amphi_error error;
        snprintf(
            body, sizeof body, "{\"messages\":[{\"role\":\"user\",\"content\":\"?\"}],%s}", bad[i]);
        assert_int_equal(amphi_chat_start_json(&stream, a.client, amphi_str_from(body), &error),
            AMPHI_E_ARGUMENT);
        assert_null(stream);
        assert_true(strncmp(error.message, "fallbacks", 9) == 0);
    }
    assert_int_equal(amphi_test_cloud_attempts(&cloud, "*"), 0);
    close_app(&a);
}

static void preference__private_stays_private_whatever_is_named(void **state)
{
    app a;
    outcome o;
    amphi_stream *stream;
    amphi_error error;
    open_app(&a, "ok", "slow:1");
    assert_int_equal(amphi_chat_start_json(&stream, a.client,
                         AMPHI_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"?\"}],"
                                   "\"model\":\"a\",\"fallbacks\":[\"b\"],"
                                   "\"amphi\":{\"private\":true}}"),
                         &error),
        AMPHI_OK);
    pull(stream, &o);
    assert_int_equal(o.end, AMPHI_EVENT_ERROR);
    assert_int_equal(amphi_test_cloud_bytes(&cloud, "main"), 0);
    forget(&o);
    close_app(&a);
}

static int start_cloud(void **state)
{
    return amphi_test_cloud_start(&cloud) ? 0 : -1;
}

static int stop_cloud(void **state)
{
    amphi_test_cloud_stop(&cloud);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault__rate_limit_with_a_delay_fails_over_at_once),
        cmocka_unit_test(fault__pause_that_was_asked_for_holds_for_the_next_requests),
        cmocka_unit_test(fault__rate_limit_without_another_endpoint_waits_as_told),
        cmocka_unit_test(fault__rate_limit_for_ever_is_asked_a_bounded_number_of_times),
        cmocka_unit_test(fault__one_500_is_tried_again_on_the_same_endpoint),
        cmocka_unit_test(fault__503_for_ever_fails_over_inside_the_retry_budget),
        cmocka_unit_test(fault__reset_before_headers_is_retried),
        cmocka_unit_test(fault__silence_is_one_attempt_then_the_other),
        cmocka_unit_test(fault__late_first_token_is_answered_by_the_other),
        cmocka_unit_test(fault__cut_in_mid_answer_still_gives_the_whole_answer),
        cmocka_unit_test(fault__stall_is_noticed_and_the_client_is_healthy_afterwards),
        cmocka_unit_test(fault__event_that_is_not_json_fails_over_and_nothing_garbled_is_shown),
        cmocka_unit_test(fault__finish_reason_without_end_marker_finishes_with_its_usage),
        cmocka_unit_test(fault__context_length_goes_only_where_more_fits),
        cmocka_unit_test(fault__refused_request_is_not_repeated_to_the_same_model),
        cmocka_unit_test(fault__content_filter_is_the_providers_reason_and_not_retried),
        cmocka_unit_test(fault__next_endpoint_that_rejects_a_prefix_is_restarted_cleanly),
        cmocka_unit_test(fault__endpoint_that_is_down_is_back_soon_after_its_recovery),
        cmocka_unit_test(fault__endless_answers_end_in_bounded_time_and_memory),
        cmocka_unit_test(fault__million_tiny_events_end_in_bounded_time_and_memory),
        cmocka_unit_test(fault__tiny_events_stay_small_when_nobody_pulls),
        cmocka_unit_test(fault__every_endpoint_failing_is_one_error_in_bounded_time),
        cmocka_unit_test(preference__model_and_fallbacks_choose_who_answers),
        cmocka_unit_test(preference__unknown_fallback_is_refused_by_name),
        cmocka_unit_test(preference__private_stays_private_whatever_is_named),
    };
    return cmocka_run_group_tests_name("integration.cloud_faults", tests, start_cloud, stop_cloud);
}
