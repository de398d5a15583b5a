/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's end while 65 streams are alive, in every state that a request can be in: it returns
 * soon, each stream ends exactly once, and all of it can be read and freed afterwards.
 */
#include "sdk/client/stream.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "storage/stores.h"
#include "tests/support/scripted_engine.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum { EACH = 5, ENGINES = 2 + EACH, FREE_LIMIT_MS = 2000 };

/* What a stream is at when its client ends. The word stands in its request, for the scripts. */
typedef enum state_kind {
    WAITS_FOR_HEADERS,
    LOADS,
    IN_PREFILL,
    DECODES,
    IN_MID_STREAM,
    HEDGED,
    TAKES_OVER,
    PAUSES,
    ENDED_UNREAD,
    ENDED_READ,
    HALF_READ,
    READER_WAITS,    /* in amphi_stream_next, on another thread */
    FREED_MEANWHILE, /* by another thread */
    STATES
} state_kind;

static const char *const words[STATES] = {"headers", "loads", "prefill", "decodes", "stream",
    "hedge", "takeover", "pause", "ended", "ended", "half", "stream", "stream"};

#define FOREVER                                                                                    \
    {SCRIPT_WAIT, NULL, 600000},                                                                   \
    {                                                                                              \
        SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP                                                     \
    }

static const scripted_step waits[] = {FOREVER};
static const scripted_step loads[] = {{SCRIPT_PROGRESS, NULL, 300}, FOREVER};
static const scripted_step speaks[] = {
    {SCRIPT_SAY, "Hello", 0}, {SCRIPT_SAY, " world", 0}, FOREVER};
static const scripted_step says_all[] = {
    {SCRIPT_SAY, "Hello.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
static const scripted_step dies[] = {
    {SCRIPT_SAY, "Hel", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
static const scripted_step later[] = {{SCRIPT_RETRY_LATER, NULL, 3000}};
static const scripted_choice choices[] = {{"headers", waits}, {"loads", loads}, {"prefill", waits},
    {"decodes", speaks}, {"stream", speaks}, {"hedge", waits}, {"takeover", waits},
    {"ended", says_all}, {"half", speaks}, {NULL, NULL}};

typedef struct live_stream {
    state_kind state;
    amphi_stream *stream;
    amphi_thread thread;
    atomic_int terminals;
    amphi_status error; /* of the terminal event; AMPHI_OK: DONE */
} live_stream;

typedef struct fixture {
    scripted_engine local, cloud, fragile, flaky[EACH];
    amphi_engine engines[ENGINES];
    amphi_parts parts;
    amphi_client *client;
    live_stream streams[STATES * EACH];
} fixture;

static void open_client(fixture *f)
{
    amphi_client_options options;
    amphi_storage_options storage = {0};
    amphi_error error;
    char name[24];
    memset(f, 0, sizeof *f);
    scripted_engine_init(&f->local, "local", AMPHI_ENGINE_LOCAL, says_all);
    scripted_engine_init(&f->cloud, "cloud", AMPHI_ENGINE_CLOUD, says_all);
    scripted_engine_init(&f->fragile, "fragile", AMPHI_ENGINE_CLOUD, dies);
    f->local.choices = f->cloud.choices = choices;
    f->engines[0] = scripted_engine_value(&f->cloud);
    f->engines[1] = scripted_engine_value(&f->fragile);
    for (int i = 0; i < EACH; i++) {
        snprintf(name, sizeof name, "flaky%d", i);
        scripted_engine_init(&f->flaky[i], name, AMPHI_ENGINE_CLOUD, later);
        f->engines[2 + i] = scripted_engine_value(&f->flaky[i]);
    }
    amphi_parts_init(&f->parts);
    assert_int_equal(amphi__store_memory_new(&f->parts.store, &storage, &error), AMPHI_OK);
    f->parts.local = scripted_engine_value(&f->local);
    f->parts.engines = f->engines;
    f->parts.engines_count = ENGINES;
    amphi_client_options_init(&options);
    options.parts = &f->parts;
    options.policy_json = AMPHI_STR("{\"cloud\":{\"hedge_ms\":20},"
                                    "\"breaker\":{\"failures\":1000,\"failure_percent\":0}}");
    if (amphi_client_new(&f->client, &options, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
}

static amphi_mode mode_of(state_kind state)
{
    bool local = state == LOADS || state == IN_PREFILL || state == DECODES || state == HALF_READ;
    return local ? AMPHI_MODE_ONLY_LOCAL : AMPHI_MODE_PREFER_CLOUD;
}

static amphi_stream *start(const fixture *f, state_kind state, int number)
{
    amphi_message message = {AMPHI_ROLE_USER, amphi_str_from(words[state])};
    amphi_chat_request request;
    amphi_stream *stream = NULL;
    amphi_error error;
    char extra[96];
    amphi_chat_request_init(&request);
    request.mode = mode_of(state);
    request.messages = &message;
    request.messages_count = 1;
    request.no_cache = true;
    request.budgets.first_token_ms = request.budgets.idle_ms = 600000;
    snprintf(extra, sizeof extra, "{\"model\":\"%s\",\"fallbacks\":[%s]}",
        state == TAKES_OVER ? "fragile" : "cloud",
        state == TAKES_OVER ? "\"cloud\""
        : state == HEDGED   ? "\"local\""
                            : "");
    if (state == PAUSES)
        snprintf(extra, sizeof extra, "{\"model\":\"flaky%d\",\"fallbacks\":[]}", number);
    if (request.mode == AMPHI_MODE_PREFER_CLOUD)
        request.extra_json = amphi_str_from(extra);
    if (amphi_chat_start(&stream, f->client, &request, &error) != AMPHI_OK)
        fail_msg("%s: %s", words[state], error.message);
    return stream;
}

/* Pulls events until one of this kind; what is terminal is counted. false: there are no more. */
static bool pull_until(live_stream *s, int kind)
{
    amphi_event event;
    while (amphi_stream_next(s->stream, 20000, &event, NULL) == AMPHI_OK) {
        if (amphi_event_is_terminal(&event)) {
            atomic_fetch_add(&s->terminals, 1);
            s->error = event.error != NULL ? event.error->status : AMPHI_OK;
        }
        if ((int)event.kind == kind)
            return true;
    }
    return false;
}

static void read_all(void *opaque)
{
    (void)pull_until(opaque, -1);
}

static void free_it(void *opaque)
{
    live_stream *s = opaque;
    usleep(1000);
    amphi_stream_free(s->stream);
    s->stream = NULL;
}

static void wait_for(const atomic_int *value, int least)
{
    for (int i = 0; i < 10000 && atomic_load(value) < least; i++)
        usleep(1000);
    assert_true(atomic_load(value) >= least);
}

static void wait_for_end(amphi_stream *stream)
{
    bool ended = false;
    for (int i = 0; i < 10000 && !ended; i++) {
        usleep(1000);
        amphi__mutex_lock(&stream->lock);
        ended = stream->terminal_queued;
        amphi__mutex_unlock(&stream->lock);
    }
    assert_true(ended);
}

/* Brings every stream to its state. */
static void start_all(fixture *f)
{
    for (int i = 0; i < STATES * EACH; i++) {
        live_stream *s = &f->streams[i];
        s->state = (state_kind)(i / EACH);
        s->stream = start(f, s->state, i % EACH);
        if (s->state == HALF_READ)
            assert_true(pull_until(s, AMPHI_EVENT_DELTA));
        if (s->state == ENDED_READ)
            assert_false(pull_until(s, -1));
        if (s->state == ENDED_UNREAD)
            wait_for_end(s->stream);
    }
    for (int i = 0; i < EACH; i++)
        wait_for(&f->flaky[i].starts, 1);
    wait_for(&f->fragile.starts, EACH);
    wait_for(&f->local.running, 5 * EACH); /* four kinds, and the hedges */
    wait_for(&f->cloud.running, 6 * EACH); /* headers, stream, hedge, takeover; and the last two */
    for (int i = 0; i < STATES * EACH; i++) {
        live_stream *s = &f->streams[i];
        if (s->state == READER_WAITS)
            assert_int_equal(amphi__thread_start(&s->thread, "reader", read_all, s), AMPHI_OK);
        if (s->state == FREED_MEANWHILE)
            assert_int_equal(amphi__thread_start(&s->thread, "freer", free_it, s), AMPHI_OK);
    }
}

/* Everything that chat.h promises of a stream whose client is gone. */
static void check_after_the_end(live_stream *s)
{
    bool ended = s->state == ENDED_READ || s->state == ENDED_UNREAD;
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    amphi_str chunk;
    bool terminal = false;
    char *json = NULL;
    if (s->state == ENDED_UNREAD) { /* this one by its JSON form */
        while (!terminal)
            assert_int_equal(
                amphi_stream_next_json(s->stream, 0, &chunk, &terminal, NULL), AMPHI_OK);
        atomic_fetch_add(&s->terminals, 1);
    }
    assert_false(pull_until(s, -1));
    assert_int_equal(atomic_load(&s->terminals), 1);
    assert_int_equal(s->error, ended ? AMPHI_OK : AMPHI_E_CANCELLED);
    assert_int_equal(amphi_stream_result(s->stream, &result, NULL), AMPHI_OK);
    assert_true(result.error == NULL ? ended : result.error->status == AMPHI_E_CANCELLED);
    if (ended)
        assert_true(amphi__str_equal_c(result.text, "Hello."));
    if (s->state == HALF_READ || s->state == DECODES)
        assert_true(amphi__str_starts_with(result.text, AMPHI_STR("Hello")));
    assert_int_equal(amphi_stream_result_json(s->stream, &json, NULL), AMPHI_OK);
    amphi_string_free(json);
    assert_int_equal(amphi_stream_completion_json(s->stream, &json, NULL), AMPHI_OK);
    amphi_string_free(json);
    amphi_stream_cancel(s->stream);
}

static void free_last(void *opaque)
{
    fixture *f = opaque;
    for (int i = STATES * EACH - 1; i >= STATES * EACH / 2; i--)
        amphi_stream_free(f->streams[i].stream);
}

static void client_free__ends_live_streams_in_every_state_once(void **state)
{
    static fixture f;
    amphi_thread other;
    open_client(&f);
    start_all(&f);
    uint64_t begun_us = amphi__clock_us(NULL);
    amphi_client_free(f.client);
    uint64_t took_ms = (amphi__clock_us(NULL) - begun_us) / 1000;
    print_message(
        "client_free with %d live streams: %llu ms\n", STATES * EACH, (unsigned long long)took_ms);
    assert_true(took_ms < FREE_LIMIT_MS);
    assert_int_equal(atomic_load(&f.local.running), 0);
    assert_int_equal(atomic_load(&f.cloud.running), 0);
    /* What the app lent to the client is gone too when the streams are read. */
    f.parts.store.ops->free(f.parts.store.self);
    memset(f.engines, 0, sizeof f.engines);
    memset(&f.parts, 0, sizeof f.parts);
    for (int i = 0; i < STATES * EACH; i++) {
        live_stream *s = &f.streams[i];
        amphi__thread_join(&s->thread);
        if (s->stream != NULL)
            check_after_the_end(s);
    }
    assert_int_equal(amphi__thread_start(&other, "freer", free_last, &f), AMPHI_OK);
    for (int i = 0; i < STATES * EACH / 2; i++)
        amphi_stream_free(f.streams[i].stream);
    amphi__thread_join(&other);
}

static void client_free__without_streams_is_quick_and_null_is_fine(void **state)
{
    fixture f;
    open_client(&f);
    uint64_t begun_us = amphi__clock_us(NULL);
    amphi_client_free(f.client);
    assert_true(amphi__clock_us(NULL) - begun_us < FREE_LIMIT_MS * 1000u);
    f.parts.store.ops->free(f.parts.store.self);
    amphi_client_free(NULL);
}

/* ---- a rollout's server that never answers ---- */

typedef struct silent_http {
    amphi_http_sink sink;
    atomic_int started, released;
} silent_http;

static amphi_status silent_start(void *self, amphi_http_exchange **out,
    const amphi_http_request *request, const amphi_http_sink *sink, amphi_error *error)
{
    silent_http *http = self;
    http->sink = *sink;
    *out = self;
    atomic_fetch_add(&http->started, 1);
    return AMPHI_OK;
}

static void silent_cancel(void *self, amphi_http_exchange *exchange)
{
    const silent_http *http = self;
    const amphi_error error = {.status = AMPHI_E_CANCELLED};
    http->sink.end(http->sink.self, &error);
}

static void silent_release(void *self, amphi_http_exchange *exchange)
{
    silent_http *http = self;
    atomic_fetch_add(&http->released, 1);
}

static const amphi_http_ops silent_ops = {
    .struct_size = sizeof(amphi_http_ops),
    .name = "silent",
    .start = silent_start,
    .cancel = silent_cancel,
    .release = silent_release,
};

/* It waited for the fetch's own timeout of five seconds. */
static void client_free__does_not_wait_for_a_rollout_that_is_being_fetched(void **state)
{
    silent_http http = {.started = 0};
    amphi_client_options options;
    amphi_parts parts;
    amphi_storage_options storage = {0};
    amphi_client *client = NULL;
    amphi_error error;
    amphi_parts_init(&parts);
    assert_int_equal(amphi__store_memory_new(&parts.store, &storage, &error), AMPHI_OK);
    parts.http = (amphi_http){&silent_ops, &http};
    amphi_client_options_init(&options);
    options.parts = &parts;
    options.rollout_source = AMPHI_STR("https://cdn.example/rollout.json");
    assert_int_equal(amphi_client_new(&client, &options, &error), AMPHI_OK);
    for (int i = 0; i < 5000 && atomic_load(&http.started) == 0; i++)
        usleep(2000); /* the background thread's first round */
    assert_int_equal(atomic_load(&http.started), 1);
    uint64_t begun_us = amphi__clock_us(NULL);
    amphi_client_free(client);
    assert_true(amphi__clock_us(NULL) - begun_us < FREE_LIMIT_MS * 1000u);
    assert_int_equal(atomic_load(&http.released), 1);
    parts.store.ops->free(parts.store.self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_free__ends_live_streams_in_every_state_once),
        cmocka_unit_test(client_free__without_streams_is_quick_and_null_is_fine),
        cmocka_unit_test(client_free__does_not_wait_for_a_rollout_that_is_being_fetched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
