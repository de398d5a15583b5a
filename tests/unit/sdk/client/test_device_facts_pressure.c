/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory pressure as the system reports it: idle engines give their memory back, running answers go
 * on elsewhere.
 */
#include "sdk/core/clock.h"
#include "storage/stores.h"
#include "tests/support/scripted_engine.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static const scripted_step speaks_slowly[] = {{SCRIPT_SAY, "Half ", 0}, {SCRIPT_WAIT, NULL, 15000},
    {SCRIPT_SAY, "more", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
static const scripted_step continues[] = {
    {SCRIPT_CONTINUE, "Half and whole.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};

/* The scripted engine with an unload of its own. */
static amphi_engine_ops ops;
static atomic_int unloads, forced;

static void unload(void *self, bool force)
{
    atomic_fetch_add(force ? &forced : &unloads, 1);
}

typedef struct world {
    scripted_engine local, cloud;
    amphi_engine engines[1];
    amphi_parts parts;
    amphi_client *client;
} world;

static void open_world(world *w, const scripted_step *local)
{
    amphi_client_options options;
    amphi_storage_options storage = {0};
    memset(w, 0, sizeof *w);
    scripted_engine_init(&w->local, "local", AMPHI_ENGINE_LOCAL, local);
    scripted_engine_init(&w->cloud, "cloud", AMPHI_ENGINE_CLOUD, continues);
    amphi_parts_init(&w->parts);
    w->parts.local = scripted_engine_value(&w->local);
    w->engines[0] = scripted_engine_value(&w->cloud);
    ops = *w->parts.local.ops;
    ops.unload = unload;
    w->parts.local.ops = &ops;
    w->engines[0].ops = &ops; /* a cloud route that could unload, and must not */
    w->parts.engines = w->engines;
    w->parts.engines_count = 1;
    atomic_store(&unloads, 0);
    atomic_store(&forced, 0);
    assert_int_equal(amphi__store_memory_new(&w->parts.store, &storage, NULL), AMPHI_OK);
    amphi_client_options_init(&options);
    options.parts = &w->parts;
    options.policy_json = AMPHI_STR("{\"mode\":\"prefer_local\",\"memory\":{\"max_percent\":100,"
                                    "\"unload_percent\":100}}");
    assert_int_equal(amphi_client_new(&w->client, &options, NULL), AMPHI_OK);
}

static void close_world(world *w)
{
    amphi_client_free(w->client);
    w->parts.store.ops->free(w->parts.store.self);
}

static void pressure__critical_stops_a_running_answer_and_the_cloud_goes_on(void **state)
{
    world w;
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("hi")};
    amphi_chat_request request;
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    amphi_stream *stream = NULL;
    amphi_event event;
    uint64_t pushed_us = 0;
    open_world(&w, speaks_slowly);
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.no_cache = true;
    assert_int_equal(amphi_chat_start(&stream, w.client, &request, NULL), AMPHI_OK);
    while (amphi_stream_next(stream, 20000, &event, NULL) == AMPHI_OK) {
        if (event.kind != AMPHI_EVENT_DELTA || pushed_us > 0)
            continue;
        pushed_us = amphi__clock_us(NULL);
        assert_int_equal(amphi_device_push_memory_pressure(w.client, 2, NULL), AMPHI_OK);
    }
    assert_true(amphi__clock_us(NULL) - pushed_us < 5000000);
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    assert_null(result.error);
    assert_int_equal(result.takeovers_count, 1);
    assert_int_equal(result.takeovers[0].reason, AMPHI_E_RESOURCE);
    assert_true(result.takeovers[0].continued);
    assert_int_equal(result.takeovers[0].byte_offset, 5);
    assert_int_equal(result.text.size, 15);
    assert_int_equal(atomic_load(&forced), 1); /* the local one, and only it */
    amphi_stream_free(stream);
    close_world(&w);
}

static void pressure__moderate_unloads_only_what_is_idle(void **state)
{
    world w;
    open_world(&w, speaks_slowly);
    assert_int_equal(amphi_device_push_memory_pressure(w.client, 1, NULL), AMPHI_OK);
    assert_true(atomic_load(&unloads) >= 1);
    assert_int_equal(atomic_load(&forced), 0);
    close_world(&w);
}

static void pressure__zero_ends_it_and_more_than_two_is_a_mistake(void **state)
{
    world w;
    amphi_device_facts facts;
    amphi_device_facts_init(&facts);
    amphi_error error;
    open_world(&w, speaks_slowly);
    assert_int_equal(amphi_device_push_memory_pressure(w.client, 3, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "level"));
    assert_int_equal(amphi_device_push_memory_pressure(NULL, 1, &error), AMPHI_E_ARGUMENT);
    assert_int_equal(amphi_device_push_memory_pressure(w.client, 2, NULL), AMPHI_OK);
    assert_int_equal(amphi_device_snapshot(w.client, &facts, NULL), AMPHI_OK);
    assert_int_equal(facts.memory_pressure, 2);
    assert_int_equal(amphi_device_push_memory_pressure(w.client, 0, NULL), AMPHI_OK);
    assert_int_equal(amphi_device_snapshot(w.client, &facts, NULL), AMPHI_OK);
    assert_int_equal(facts.memory_pressure, 0);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pressure__critical_stops_a_running_answer_and_the_cloud_goes_on),
        cmocka_unit_test(pressure__moderate_unloads_only_what_is_idle),
        cmocka_unit_test(pressure__zero_ends_it_and_more_than_two_is_a_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
