/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's life, with engines that follow scripts: takeover in every direction, exactly one
 * terminal event, privacy, cache, outbox.
 */
#include "sdk/client/client.h"
#include "sdk/core/buf.h"
#include "sdk/core/str.h"
#include "storage/stores.h"
#include "tests/support/scripted_engine.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static const scripted_step says_hello[] = {{SCRIPT_SAY, "Hello", 0}, {SCRIPT_SAY, " world.", 0},
    {SCRIPT_USAGE, NULL, 2}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
static const scripted_step dies_in_mid_word[] = {
    {SCRIPT_SAY, "Hel", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_ENGINE_DIED}};
static const scripted_step continues_hello[] = {
    {SCRIPT_CONTINUE, "Hello world.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};

/* A client over a local and a cloud script, a store in memory, and a device that is fine. */
typedef struct world {
    scripted_engine local;
    scripted_engine cloud;
    amphi_engine engines[1];
    amphi_parts parts;
    amphi_client *client;
    /* What the last request showed. */
    amphi_buf screen;
    int terminals;
    int takeovers;
    int replaces;
    amphi_event_kind last;
    amphi_status error;
} world;

static void device_snapshot(void *self, amphi_device_facts *out)
{
    amphi_device_facts_init(out);
    out->known = AMPHI_FACT_BATTERY | AMPHI_FACT_THERMAL | AMPHI_FACT_NETWORK | AMPHI_FACT_MEMORY;
    out->battery_percent = 90;
    out->thermal = AMPHI_THERMAL_NOMINAL;
    out->network = AMPHI_NETWORK_FREE;
    out->memory_total_bytes = 8ull << 30;
    out->memory_available_bytes = 6ull << 30;
}

static const amphi_device_ops device_ops = {
    .struct_size = sizeof(amphi_device_ops), .name = "fine", .snapshot = device_snapshot};

static void world_open_with(
    world *w, const scripted_step *local, const scripted_step *cloud, const char *policy)
{
    amphi_client_options options;
    amphi_error error;
    memset(w, 0, sizeof *w);
    amphi__buf_init(&w->screen, 0);
    scripted_engine_init(&w->local, "local", AMPHI_ENGINE_LOCAL, local);
    scripted_engine_init(&w->cloud, "cloud", AMPHI_ENGINE_CLOUD, cloud);
    w->engines[0] = scripted_engine_value(&w->cloud);
    amphi_parts_init(&w->parts);
    amphi_storage_options storage = {0};
    assert_int_equal(amphi__store_memory_new(&w->parts.store, &storage, &error), AMPHI_OK);
    w->parts.device.ops = &device_ops;
    w->parts.local = scripted_engine_value(&w->local);
    w->parts.engines = w->engines;
    w->parts.engines_count = 1;
    amphi_client_options_init(&options);
    options.parts = &w->parts;
    options.policy_json = amphi_str_from(policy);
    amphi_status status = amphi_client_new(&w->client, &options, &error);
    if (status != AMPHI_OK)
        fail_msg("%s", error.message);
}

static void world_open(world *w, const scripted_step *local, const scripted_step *cloud)
{
    world_open_with(w, local, cloud, NULL);
}

static void world_close(world *w)
{
    amphi_client_free(w->client);
    assert_int_equal(atomic_load(&w->local.running), 0);
    assert_int_equal(atomic_load(&w->cloud.running), 0);
    w->parts.store.ops->free(w->parts.store.self);
    amphi__buf_clear(&w->screen);
}

/* Pulls a stream to its end and beyond, as a screen would show it. */
static void watch(world *w, amphi_stream *stream)
{
    amphi_event event;
    w->terminals = w->takeovers = w->replaces = 0;
    w->error = AMPHI_OK;
    amphi__buf_reset(&w->screen);
    while (amphi_stream_next(stream, 20000, &event, NULL) == AMPHI_OK) {
        w->last = event.kind;
        w->terminals += amphi_event_is_terminal(&event);
        w->takeovers += event.kind == AMPHI_EVENT_TAKEOVER;
        w->replaces += event.kind == AMPHI_EVENT_REPLACE;
        if (event.kind == AMPHI_EVENT_REPLACE)
            amphi__buf_truncate(&w->screen, 0);
        if (event.kind == AMPHI_EVENT_DELTA || event.kind == AMPHI_EVENT_REPLACE)
            amphi__buf_append_str(&w->screen, event.text);
        if (event.error != NULL)
            w->error = event.error->status;
    }
    amphi_chat_result result;
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    assert_true(amphi__str_equal(result.text, amphi__buf_str(&w->screen)));
    assert_int_equal(w->terminals, 1);
}

static amphi_stream *begin(world *w, amphi_chat_request *request, const char *text)
{
    static amphi_message message;
    amphi_stream *stream = NULL;
    amphi_error error;
    message = (amphi_message){AMPHI_ROLE_USER, amphi_str_from(text)};
    request->messages = &message;
    request->messages_count = 1;
    if (amphi_chat_start(&stream, w->client, request, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return stream;
}

static void ask(world *w, amphi_chat_request *request, const char *text)
{
    amphi_stream *stream = begin(w, request, text);
    watch(w, stream);
    amphi_stream_free(stream);
}

static void expect_screen(world *w, const char *text)
{
    amphi__buf_append_c(&w->screen, "");
    assert_string_equal(w->screen.data != NULL ? w->screen.data : "", text);
}

static amphi_chat_request request_in(amphi_mode mode)
{
    amphi_chat_request request;
    amphi_chat_request_init(&request);
    request.mode = mode;
    request.no_cache = true;
    return request;
}

static void chat__whole_answer_ends_in_one_done(void **state)
{
    world w;
    world_open(&w, says_hello, says_hello);
    amphi_chat_request request = request_in(AMPHI_MODE_ONLY_LOCAL);
    ask(&w, &request, "Hi");
    expect_screen(&w, "Hello world.");
    assert_int_equal(w.last, AMPHI_EVENT_DONE);
    assert_int_equal(atomic_load(&w.cloud.starts), 0);
    world_close(&w);
}

static void chat__cloud_continues_what_the_local_engine_began(void **state)
{
    world w;
    world_open(&w, dies_in_mid_word, continues_hello);
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_LOCAL);
    ask(&w, &request, "Hi");
    expect_screen(&w, "Hello world.");
    assert_int_equal(w.takeovers, 1);
    assert_int_equal(w.replaces, 0);
    assert_string_equal(w.cloud.last_prefix, "Hel");
    world_close(&w);
}

static void chat__local_continues_what_the_cloud_began(void **state)
{
    static const scripted_step cut[] = {
        {SCRIPT_SAY, "Hello wo", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
    world w;
    world_open(&w, continues_hello, cut);
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_CLOUD);
    ask(&w, &request, "Hi");
    expect_screen(&w, "Hello world.");
    assert_int_equal(w.takeovers, 1);
    assert_string_equal(w.local.last_prefix, "Hello wo");
    world_close(&w);
}

static void chat__refused_prefix_restarts_without_a_repeat(void **state)
{
    static const scripted_step refuses[] = {{SCRIPT_REFUSE_PREFIX, NULL, 0},
        {SCRIPT_SAY, "Hello wor", 0}, {SCRIPT_SAY, "ld.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    world w;
    world_open(&w, dies_in_mid_word, refuses);
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_LOCAL);
    ask(&w, &request, "Hi");
    expect_screen(&w, "Hello world.");
    assert_int_equal(w.last, AMPHI_EVENT_DONE);
    assert_int_equal(w.replaces, 0);
    assert_int_equal(atomic_load(&w.cloud.starts), 2);
    world_close(&w);
}

static void chat__refused_prefix_and_another_answer_replaces_once(void **state)
{
    static const scripted_step refuses[] = {{SCRIPT_REFUSE_PREFIX, NULL, 0},
        {SCRIPT_SAY, "Good", 0}, {SCRIPT_SAY, " day.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    world w;
    world_open(&w, dies_in_mid_word, refuses);
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_LOCAL);
    ask(&w, &request, "Hi");
    expect_screen(&w, "Good day.");
    assert_int_equal(w.replaces, 1);
    world_close(&w);
}

static void chat__silent_cloud_is_left_within_its_budget(void **state)
{
    static const scripted_step silent[] = {
        {SCRIPT_WAIT, NULL, 60000}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    world w;
    world_open(&w, says_hello, silent);
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_CLOUD);
    request.budgets.first_token_ms = 50;
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    ask(&w, &request, "Hi");
    clock_gettime(CLOCK_MONOTONIC, &after);
    expect_screen(&w, "Hello world.");
    assert_true(after.tv_sec - before.tv_sec < 5);
    assert_int_equal(atomic_load(&w.cloud.starts), 1);
    world_close(&w);
}

static void chat__stall_in_mid_answer_is_taken_over(void **state)
{
    static const scripted_step stalls[] = {{SCRIPT_SAY, "Hello", 0}, {SCRIPT_WAIT, NULL, 60000},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    world w;
    world_open(&w, continues_hello, stalls);
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_CLOUD);
    request.budgets.idle_ms = 50;
    ask(&w, &request, "Hi");
    expect_screen(&w, "Hello world.");
    assert_int_equal(w.takeovers, 1);
    world_close(&w);
}

static void chat__every_route_failing_is_an_error_never_a_success(void **state)
{
    static const scripted_step fails[] = {
        {SCRIPT_SAY, "Hello w", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
    world w;
    world_open(&w, dies_in_mid_word, fails);
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_LOCAL);
    request.no_queue = true;
    ask(&w, &request, "Hi");
    assert_int_equal(w.last, AMPHI_EVENT_ERROR);
    assert_int_equal(w.error, AMPHI_E_ENGINE_DIED); /* of the local one's second start */
    world_close(&w);
}

static void chat__failure_without_a_reason_is_one_all_the_same(void **state)
{
    static const scripted_step fails[] = {{SCRIPT_SAY, "Hello", 0}, {SCRIPT_FAIL, NULL, AMPHI_OK}};
    world w;
    world_open(&w, fails, continues_hello);
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_LOCAL);
    ask(&w, &request, "Hi");
    expect_screen(&w, "Hello world.");
    assert_int_equal(w.takeovers, 1);
    world_close(&w);
    world_open(&w, says_hello, fails);
    request = request_in(AMPHI_MODE_ONLY_CLOUD);
    request.no_queue = true;
    ask(&w, &request, "Hi");
    assert_int_equal(w.error, AMPHI_E_INTERNAL);
    world_close(&w);
}

static void chat__events_name_their_route_and_its_model(void **state)
{
    world w;
    unsigned deltas = 0;
    amphi_event event = {0};
    world_open(&w, dies_in_mid_word, continues_hello);
    snprintf(w.local.info.model, sizeof w.local.info.model, "small");
    snprintf(w.cloud.info.model, sizeof w.cloud.info.model, "large");
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_LOCAL);
    amphi_stream *stream = begin(&w, &request, "Hi");
    while (!amphi_event_is_terminal(&event)) {
        assert_int_equal(amphi_stream_next(stream, 20000, &event, NULL), AMPHI_OK);
        bool is_cloud = amphi__str_equal_c(event.route, "cloud");
        deltas += event.kind == AMPHI_EVENT_DELTA;
        if (event.kind == AMPHI_EVENT_DELTA || event.kind == AMPHI_EVENT_DONE)
            assert_true(amphi__str_equal_c(event.model, is_cloud ? "large" : "small"));
    }
    assert_int_equal(event.kind, AMPHI_EVENT_DONE);
    assert_true(amphi__str_equal_c(event.route, "cloud"));
    assert_true(deltas >= 2);
    amphi_stream_free(stream);
    world_close(&w);
}

static void chat__one_500_is_tried_again_on_the_same_endpoint(void **state)
{
    static const scripted_step once[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
    world w;
    world_open(&w, says_hello, once);
    w.cloud.next_script = says_hello;
    amphi_chat_request request = request_in(AMPHI_MODE_ONLY_CLOUD);
    ask(&w, &request, "Hi");
    expect_screen(&w, "Hello world.");
    assert_int_equal(atomic_load(&w.cloud.starts), 2);
    assert_int_equal(w.takeovers, 0);
    world_close(&w);
}

static void chat__after_a_tool_call_nothing_is_replayed(void **state)
{
    static const scripted_step calls[] = {
        {SCRIPT_TOOL_CALL,
            "[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]", 0},
        {SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
    world w;
    world_open(&w, says_hello, calls);
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_CLOUD);
    ask(&w, &request, "Hi");
    assert_int_equal(w.last, AMPHI_EVENT_ERROR);
    assert_int_equal(atomic_load(&w.local.starts), 0);
    world_close(&w);
}

static void chat__private_never_reaches_the_cloud(void **state)
{
    static const amphi_mode modes[] = {AMPHI_MODE_DEFAULT, AMPHI_MODE_AUTO, AMPHI_MODE_PREFER_LOCAL,
        AMPHI_MODE_PREFER_CLOUD, AMPHI_MODE_ONLY_LOCAL, AMPHI_MODE_ONLY_CLOUD};
    world w;
    world_open(&w, dies_in_mid_word, says_hello);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        amphi_chat_request request = request_in(modes[i]);
        request.is_private = true;
        ask(&w, &request, "Secret");
        assert_int_equal(w.last, AMPHI_EVENT_ERROR);
    }
    assert_int_equal(atomic_load(&w.cloud.starts), 0);
    world_close(&w);
}

static void chat__cancel_from_another_thread_ends_the_stream(void **state)
{
    static const scripted_step slow[] = {{SCRIPT_SAY, "Hello", 0}, {SCRIPT_WAIT, NULL, 60000},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    world w;
    world_open(&w, slow, slow);
    amphi_chat_request request = request_in(AMPHI_MODE_ONLY_LOCAL);
    amphi_stream *stream = begin(&w, &request, "Hi");
    amphi_thread thread;
    assert_int_equal(
        amphi__thread_start(&thread, "cancel", (void (*)(void *))amphi_stream_cancel, stream),
        AMPHI_OK);
    watch(&w, stream);
    amphi__thread_join(&thread);
    assert_int_equal(w.error, AMPHI_E_CANCELLED);
    amphi_stream_free(stream);
    world_close(&w);
}

static void chat__freeing_a_running_stream_cancels_it(void **state)
{
    static const scripted_step slow[] = {
        {SCRIPT_WAIT, NULL, 60000}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    world w;
    world_open(&w, slow, slow);
    amphi_chat_request request = request_in(AMPHI_MODE_AUTO);
    amphi_stream_free(begin(&w, &request, "Hi"));
    world_close(&w);
}

static void chat__same_question_is_answered_from_the_cache(void **state)
{
    world w;
    world_open(&w, says_hello, says_hello);
    amphi_chat_request request = request_in(AMPHI_MODE_AUTO);
    request.no_cache = false;
    ask(&w, &request, "Hi");
    ask(&w, &request, "Hi");
    expect_screen(&w, "Hello world.");
    assert_int_equal(atomic_load(&w.local.starts) + atomic_load(&w.cloud.starts), 1);
    ask(&w, &request, "Hi!");
    assert_int_equal(atomic_load(&w.local.starts) + atomic_load(&w.cloud.starts), 2);
    request.sampling.seed = 7;
    ask(&w, &request, "Hi");
    assert_int_equal(atomic_load(&w.local.starts) + atomic_load(&w.cloud.starts), 3);
    world_close(&w);
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
static void chat__answer_of_another_model_file_does_not_come_from_the_cache(void **state)
{
    world w;
    world_open(&w, says_hello, says_hello);
    amphi_engine_ops ops = *w.parts.local.ops;
    ops.identify = identify;
    w.client->routes[0].engine.ops = &ops;
    amphi_chat_request request = request_in(AMPHI_MODE_ONLY_LOCAL);
    request.no_cache = false;
    strcpy(w.local.info.fingerprint, "a");
    for (int starts = 1; starts <= 2; starts++) {
        ask(&w, &request, "Hi");
        ask(&w, &request, "Hi");
        assert_int_equal(atomic_load(&w.local.starts), starts);
        strcpy(w.local.info.fingerprint, "b");
    }
    w.local.info.fingerprint[0] = '\0'; /* it is gone: what is known is still told */
    ask(&w, &request, "Hi");
    assert_int_equal(atomic_load(&w.local.starts), 2);
    strcpy(w.local.info.fingerprint, "c");
    ops.start = start_and_swap; /* to d: whose answer is it? */
    ask(&w, &request, "Hi");
    assert_int_equal(atomic_load(&w.local.starts), 3);
    ops.start = scripted_engine_value(&w.local).ops->start;
    ask(&w, &request, "Hi");
    assert_int_equal(atomic_load(&w.local.starts), 4);
    world_close(&w);
}

static void chat__failed_answers_are_not_cached(void **state)
{
    world w;
    world_open(&w, dies_in_mid_word, says_hello);
    amphi_chat_request request = request_in(AMPHI_MODE_ONLY_LOCAL);
    request.no_cache = false;
    ask(&w, &request, "Hi");
    ask(&w, &request, "Hi");
    assert_int_equal(w.last, AMPHI_EVENT_ERROR);
    world_close(&w);
}

static bool count_message(void *user, const amphi_history_message *item)
{
    ++*(int *)user;
    return true;
}

static void chat__conversation_sends_its_history_along(void **state)
{
    int count = 0;
    world w;
    world_open(&w, says_hello, says_hello);
    amphi_chat_request request = request_in(AMPHI_MODE_ONLY_LOCAL);
    request.conversation_id = AMPHI_STR("c");
    ask(&w, &request, "First question");
    ask(&w, &request, "Second question");
    assert_non_null(strstr(w.local.last_body, "First question"));
    assert_non_null(strstr(w.local.last_body, "Hello world."));
    assert_non_null(strstr(w.local.last_body, "Second question"));
    assert_int_equal(
        amphi_history_messages(w.client, AMPHI_STR("c"), count_message, &count, NULL), AMPHI_OK);
    assert_int_equal(count, 4);
    world_close(&w);
}

static void chat__conversation_that_is_too_long_loses_its_oldest_turns(void **state)
{
    static const scripted_step too_long[] = {{SCRIPT_FAIL, NULL, AMPHI_E_CONTEXT_LENGTH}};
    world w;
    world_open(&w, says_hello, says_hello);
    amphi_chat_request request = request_in(AMPHI_MODE_ONLY_LOCAL);
    request.conversation_id = AMPHI_STR("long");
    ask(&w, &request, "First question");
    ask(&w, &request, "Second question");
    atomic_store(&w.local.starts, 0);
    w.local.script = too_long;
    w.local.next_script = says_hello;
    ask(&w, &request, "Third question");
    assert_int_equal(w.last, AMPHI_EVENT_DONE);
    assert_int_equal(atomic_load(&w.local.starts), 2);
    assert_null(strstr(w.local.last_body, "First question"));
    assert_non_null(strstr(w.local.last_body, "Second question"));
    assert_non_null(strstr(w.local.last_body, "Third question"));
    w.local.next_script = too_long;
    ask(&w, &request, "Fourth question");
    assert_int_equal(w.error, AMPHI_E_CONTEXT_LENGTH);
    world_close(&w);
}

static bool first_outbox(void *user, const amphi_outbox_entry *item)
{
    amphi__str_copy_to(user, 64, item->id);
    return false;
}

static void chat__no_route_queues_and_delivers_once(void **state)
{
    static const scripted_step down[] = {{SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
    char id[64] = "";
    int count = 0;
    uint32_t left = 9;
    world w;
    world_open(&w, down, down);
    amphi_chat_request request = request_in(AMPHI_MODE_AUTO);
    request.conversation_id = AMPHI_STR("later");
    ask(&w, &request, "Hi");
    assert_int_equal(w.last, AMPHI_EVENT_QUEUED);
    assert_int_equal(amphi_outbox_entries(w.client, first_outbox, id, NULL), AMPHI_OK);
    assert_string_equal(id, w.cloud.last_key);
    w.local.script = w.cloud.script = says_hello;
    assert_int_equal(amphi_outbox_flush(w.client, 10000, &left, NULL), AMPHI_OK);
    assert_int_equal(left, 0);
    int starts = atomic_load(&w.local.starts) + atomic_load(&w.cloud.starts);
    assert_int_equal(amphi_outbox_flush(w.client, 10000, &left, NULL), AMPHI_OK);
    assert_int_equal(atomic_load(&w.local.starts) + atomic_load(&w.cloud.starts), starts);
    assert_int_equal(
        amphi_history_messages(w.client, AMPHI_STR("later"), count_message, &count, NULL),
        AMPHI_OK);
    assert_int_equal(count, 2);
    world_close(&w);
}

static void chat__engine_that_is_the_last_hope_is_started_once_more(void **state)
{
    world w;
    world_open(&w, dies_in_mid_word, says_hello);
    w.local.next_script = continues_hello;
    amphi_chat_request request = request_in(AMPHI_MODE_AUTO);
    request.is_private = true;
    ask(&w, &request, "Secret");
    expect_screen(&w, "Hello world.");
    assert_int_equal(w.last, AMPHI_EVENT_DONE);
    assert_int_equal(w.takeovers, 1);
    assert_int_equal(atomic_load(&w.cloud.starts), 0);
    world_close(&w);
}

static void chat__engine_that_died_is_started_once_more_when_the_cloud_fails_too(void **state)
{
    static const scripted_step fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
    world w;
    world_open(&w, dies_in_mid_word, fails);
    w.local.next_script = continues_hello;
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_LOCAL);
    ask(&w, &request, "Hi");
    expect_screen(&w, "Hello world.");
    assert_int_equal(w.last, AMPHI_EVENT_DONE);
    assert_int_equal(atomic_load(&w.local.starts), 2);
    assert_string_equal(w.local.last_prefix, "Hel");
    world_close(&w);
}

static void chat__engine_that_keeps_dying_is_started_twice_at_most(void **state)
{
    static const scripted_step fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
    static const scripted_step dies_at_once[] = {{SCRIPT_FAIL, NULL, AMPHI_E_ENGINE_DIED}};
    for (int limit = 1; limit <= 3; limit += 2) { /* with 1, the first crash is one too many */
        world w;
        world_open_with(&w, dies_at_once, fails,
            limit == 1 ? "{\"crash\":{\"limit\":1}}" : "{\"crash\":{\"limit\":3}}");
        amphi_chat_request request = request_in(AMPHI_MODE_PREFER_LOCAL);
        request.no_queue = true;
        ask(&w, &request, "Hi");
        assert_int_equal(w.last, AMPHI_EVENT_ERROR);
        assert_int_equal(atomic_load(&w.local.starts), limit == 1 ? 1 : 2);
        world_close(&w);
    }
}

static void chat__late_first_token_is_hedged_and_the_loser_is_cancelled(void **state)
{
    static const scripted_step late[] = {{SCRIPT_WAIT, NULL, 60000}, {SCRIPT_SAY, "Late.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    world w;
    world_open_with(&w, says_hello, late, "{\"cloud\":{\"hedge_ms\":30}}");
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_CLOUD);
    ask(&w, &request, "Hi");
    expect_screen(&w, "Hello world.");
    assert_int_equal(w.takeovers, 1);
    assert_int_equal(atomic_load(&w.cloud.starts), 1);
    world_close(&w);
}

static void chat__prompt_first_token_is_not_hedged(void **state)
{
    world w;
    world_open_with(&w, says_hello, says_hello, "{\"cloud\":{\"hedge_ms\":5000}}");
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_CLOUD);
    ask(&w, &request, "Hi");
    assert_int_equal(w.takeovers, 0);
    assert_int_equal(atomic_load(&w.local.starts), 0);
    world_close(&w);
}

static void chat__hedge_goes_on_when_the_first_route_fails(void **state)
{
    static const scripted_step fails[] = {
        {SCRIPT_WAIT, NULL, 60}, {SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
    static const scripted_step slow[] = {{SCRIPT_WAIT, NULL, 150}, {SCRIPT_SAY, "Slow.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    world w;
    world_open_with(&w, slow, fails, "{\"cloud\":{\"hedge_ms\":30}}");
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_CLOUD);
    ask(&w, &request, "Hi");
    expect_screen(&w, "Slow.");
    assert_int_equal(atomic_load(&w.local.starts), 1);
    world_close(&w);
}

static void chat__private_requests_never_hedge_to_the_cloud(void **state)
{
    static const scripted_step slow[] = {{SCRIPT_WAIT, NULL, 120}, {SCRIPT_SAY, "Mine.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    world w;
    world_open_with(&w, slow, says_hello, "{\"cloud\":{\"hedge_ms\":10}}");
    amphi_chat_request request = request_in(AMPHI_MODE_AUTO);
    request.is_private = true;
    ask(&w, &request, "Secret");
    expect_screen(&w, "Mine.");
    assert_int_equal(atomic_load(&w.cloud.starts), 0);
    world_close(&w);
}

static void chat__outage_spends_the_retry_budget(void **state)
{
    static const scripted_step down[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
    world w;
    world_open_with(
        &w, says_hello, down, "{\"breaker\":{\"failures\":1000,\"failure_percent\":0}}");
    for (int i = 0; i < 60; i++) {
        amphi_chat_request request = request_in(AMPHI_MODE_ONLY_CLOUD);
        request.no_queue = true;
        ask(&w, &request, "Hi");
    }
    /* Sixty requests, ten second tries in hand and one more earned by every ten requests. */
    assert_in_range(atomic_load(&w.cloud.starts), 60 + 10, 60 + 17);
    world_close(&w);
}

static void chat__hot_phone_stops_a_running_local_answer(void **state)
{
    static const scripted_step slow[] = {{SCRIPT_SAY, "Hel", 0}, {SCRIPT_WAIT, NULL, 60000},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    world w;
    amphi_event event;
    world_open(&w, slow, continues_hello);
    amphi_chat_request request = request_in(AMPHI_MODE_PREFER_LOCAL);
    amphi_stream *stream = begin(&w, &request, "Hi");
    do {
        assert_int_equal(amphi_stream_next(stream, 5000, &event, NULL), AMPHI_OK);
    } while (event.kind != AMPHI_EVENT_DELTA);
    assert_int_equal(
        amphi_device_push_json(w.client, AMPHI_STR("{\"thermal\":\"critical\"}"), NULL), AMPHI_OK);
    do {
        assert_int_equal(amphi_stream_next(stream, 5000, &event, NULL), AMPHI_OK);
    } while (!amphi_event_is_terminal(&event));
    assert_int_equal(event.kind, AMPHI_EVENT_DONE);
    amphi_chat_result result;
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    assert_true(amphi__str_equal(result.text, AMPHI_STR("Hello world.")));
    assert_int_equal(result.takeovers[0].reason, AMPHI_E_RESOURCE);
    amphi_stream_free(stream);
    world_close(&w);
}

static void chat__json_form_continues_a_given_beginning(void **state)
{
    amphi_stream *stream = NULL;
    world w;
    world_open(&w, continues_hello, continues_hello);
    assert_int_equal(amphi_chat_start_json(&stream, w.client,
                         AMPHI_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
                                   "{\"role\":\"assistant\",\"content\":\"Hello\"}],"
                                   "\"amphi\":{\"mode\":\"only_local\"}}"),
                         NULL),
        AMPHI_OK);
    watch(&w, stream);
    amphi_stream_free(stream);
    expect_screen(&w, " world.");
    assert_string_equal(w.local.last_prefix, "Hello");
    assert_null(strstr(w.local.last_body, "assistant"));
    world_close(&w);
}

static void chat__bad_json_requests_name_the_field(void **state)
{
    static const struct {
        const char *json;
        const char *field;
    } cases[] = {
        {"", "request"},
        {"[]", "request"},
        {"{}", "messages"},
        {"{\"messages\":[]}", "messages"},
        {"{\"messages\":[{\"role\":\"king\",\"content\":\"x\"}]}", "messages[0].role"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":3}]}", "messages[0].content"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":2}", "n:"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"amphi\":{\"mode\":\"up\"}}",
            "amphi.mode"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"amphi\":{\"private\":\"yes\"}}",
            "amphi.private"},
    };
    world w;
    world_open(&w, says_hello, says_hello);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_error error;
        amphi_stream *stream = NULL;
        assert_int_not_equal(
            amphi_chat_start_json(&stream, w.client, amphi_str_from(cases[i].json), &error),
            AMPHI_OK);
        assert_null(stream);
        assert_non_null(strstr(error.message, cases[i].field));
    }
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat__whole_answer_ends_in_one_done),
        cmocka_unit_test(chat__cloud_continues_what_the_local_engine_began),
        cmocka_unit_test(chat__local_continues_what_the_cloud_began),
        cmocka_unit_test(chat__refused_prefix_restarts_without_a_repeat),
        cmocka_unit_test(chat__refused_prefix_and_another_answer_replaces_once),
        cmocka_unit_test(chat__silent_cloud_is_left_within_its_budget),
        cmocka_unit_test(chat__stall_in_mid_answer_is_taken_over),
        cmocka_unit_test(chat__every_route_failing_is_an_error_never_a_success),
        cmocka_unit_test(chat__failure_without_a_reason_is_one_all_the_same),
        cmocka_unit_test(chat__events_name_their_route_and_its_model),
        cmocka_unit_test(chat__one_500_is_tried_again_on_the_same_endpoint),
        cmocka_unit_test(chat__after_a_tool_call_nothing_is_replayed),
        cmocka_unit_test(chat__private_never_reaches_the_cloud),
        cmocka_unit_test(chat__cancel_from_another_thread_ends_the_stream),
        cmocka_unit_test(chat__freeing_a_running_stream_cancels_it),
        cmocka_unit_test(chat__same_question_is_answered_from_the_cache),
        cmocka_unit_test(chat__answer_of_another_model_file_does_not_come_from_the_cache),
        cmocka_unit_test(chat__failed_answers_are_not_cached),
        cmocka_unit_test(chat__conversation_sends_its_history_along),
        cmocka_unit_test(chat__conversation_that_is_too_long_loses_its_oldest_turns),
        cmocka_unit_test(chat__no_route_queues_and_delivers_once),
        cmocka_unit_test(chat__engine_that_is_the_last_hope_is_started_once_more),
        cmocka_unit_test(chat__engine_that_died_is_started_once_more_when_the_cloud_fails_too),
        cmocka_unit_test(chat__engine_that_keeps_dying_is_started_twice_at_most),
        cmocka_unit_test(chat__late_first_token_is_hedged_and_the_loser_is_cancelled),
        cmocka_unit_test(chat__prompt_first_token_is_not_hedged),
        cmocka_unit_test(chat__hedge_goes_on_when_the_first_route_fails),
        cmocka_unit_test(chat__private_requests_never_hedge_to_the_cloud),
        cmocka_unit_test(chat__outage_spends_the_retry_budget),
        cmocka_unit_test(chat__hot_phone_stops_a_running_local_answer),
        cmocka_unit_test(chat__json_form_continues_a_given_beginning),
        cmocka_unit_test(chat__bad_json_requests_name_the_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
