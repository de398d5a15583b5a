/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory pressure with the real engine process, through the public API: its memory really goes back
 * (the process is gone), a running answer goes on in the cloud, and the memory of an idle engine is
 * given back also where the app pushes no device facts.
 */
#include "storage/stores.h"
#include "tests/support/engine_recorder.h"
#include "tests/support/process_count.h"
#include "tests/support/real_engine.h"
#include "tests/support/scripted_engine.h"

#include "sdk/core/clock.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static const scripted_step goes_on[] = {
    {SCRIPT_SAY, " and the cloud went on.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};

static atomic_uint available_percent, pressure;

static void snapshot(void *self, amphi_device_facts *out)
{
    amphi_device_facts_init(out);
    out->known = AMPHI_FACT_MEMORY | AMPHI_FACT_PRESSURE;
    out->memory_total_bytes = (uint64_t)8 << 30;
    out->memory_available_bytes = out->memory_total_bytes / 100 * atomic_load(&available_percent);
    out->memory_pressure = (uint8_t)atomic_load(&pressure);
}

static const amphi_device_ops device_ops = {
    .struct_size = sizeof device_ops, .name = "test", .snapshot = snapshot};

typedef struct world {
    scripted_engine cloud;
    amphi_engine engines[1];
    amphi_parts parts;
    amphi_client *client;
} world;

static bool open_world(world *w)
{
    amphi_client_options options;
    amphi_storage_options storage = {0};

    memset(w, 0, sizeof *w);
    amphi_parts_init(&w->parts);
    if (!real_engine_new(&w->parts.local, "stories"))
        return false;
    atomic_store(&available_percent, 60);
    atomic_store(&pressure, 0);
    scripted_engine_init(&w->cloud, "cloud", AMPHI_ENGINE_CLOUD, goes_on);
    w->engines[0] = scripted_engine_value(&w->cloud);
    w->parts.engines = w->engines;
    w->parts.engines_count = 1;
    w->parts.device.ops = &device_ops;
    assert_int_equal(amphi__store_memory_new(&w->parts.store, &storage, NULL), AMPHI_OK);
    amphi_client_options_init(&options);
    options.parts = &w->parts;
    options.policy_json =
        AMPHI_STR("{\"mode\":\"prefer_local\",\"local\":{\"tokens_per_second_max\":50}}");
    assert_int_equal(amphi_client_new(&w->client, &options, NULL), AMPHI_OK);
    return true;
}

static void close_world(world *w)
{
    amphi_client_free(w->client);
    w->parts.local.ops->free(w->parts.local.self);
    w->parts.store.ops->free(w->parts.store.self);
}

/* Runs a request; in the middle of the local answer does what `how` says. */
static void ask(world *w, void (*how)(world *w), uint32_t tokens_max, amphi_chat_result *result,
    amphi_stream **stream)
{
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("Once upon a time")};
    amphi_chat_request request;
    amphi_event event;
    unsigned deltas = 0;

    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.no_cache = true;
    request.sampling.tokens_max = tokens_max;
    assert_int_equal(amphi_chat_start(stream, w->client, &request, NULL), AMPHI_OK);
    while (amphi_stream_next(*stream, 30000, &event, NULL) == AMPHI_OK)
        if (event.kind == AMPHI_EVENT_DELTA && ++deltas == 5 && how != NULL)
            how(w);
    assert_int_equal(amphi_stream_result(*stream, result, NULL), AMPHI_OK);
}

static void push_critical(world *w)
{
    assert_int_equal(amphi_device_push_memory_pressure(w->client, 2, NULL), AMPHI_OK);
}

static void stall_for_memory(world *w)
{
    atomic_store(&pressure, 2); /* as PSI reports it: the app pushes nothing */
}

static bool is_gone_within(unsigned ms)
{
    for (unsigned i = 0; i < ms / 5 && count_children() > 0; i++)
        usleep(5000);
    return count_children() == 0;
}

static void pressure__critical_ends_the_process_and_the_cloud_goes_on(void **state)
{
    static void (*const hows[])(world * w) = {push_critical, stall_for_memory};

    for (size_t i = 0; i < 2; i++) {
        world w;
        amphi_chat_result result;
        amphi_chat_result_init(&result);
        amphi_stream *stream = NULL;

        if (!open_world(&w))
            skip();
        ask(&w, hows[i], 300, &result, &stream);
        assert_null(result.error);
        assert_int_equal(result.takeovers_count, 1);
        assert_int_equal(result.takeovers[0].reason, AMPHI_E_RESOURCE);
        assert_true(result.takeovers[0].byte_offset > 0);
        /* Behind a whole sentence these words are an answer of their own, in place of the first. */
        const char *cloud = strstr(result.text.data, "and the cloud went on.");
        assert_non_null(cloud);
        assert_int_equal(result.takeovers[0].continued, cloud > result.text.data + 1);
        assert_true(is_gone_within(3000));
        amphi_stream_free(stream);
        close_world(&w);
    }
}

static void pressure__on_an_idle_engine_takes_its_process(void **state)
{
    world w;
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    amphi_stream *stream = NULL;

    if (!open_world(&w))
        skip();
    for (int how = 0; how < 3; how++) {
        ask(&w, NULL, 5, &result, &stream);
        assert_null(result.error);
        assert_int_equal(result.takeovers_count, 0);
        amphi_stream_free(stream);
        assert_int_equal(count_children(), 1); /* loaded, for the next one */
        if (how == 2) { /* last: what is pushed stands above what is probed */
            assert_int_equal(amphi_device_push_memory_pressure(w.client, 1, NULL), AMPHI_OK);
            assert_true(is_gone_within(2000));
            assert_int_equal(amphi_device_push_memory_pressure(w.client, 0, NULL), AMPHI_OK);
        } else { /* no report: the background thread checks every few seconds */
            how == 0 ? atomic_store(&available_percent, 10) : atomic_store(&pressure, 1);
            assert_true(is_gone_within(15000));
            atomic_store(&available_percent, 60);
            atomic_store(&pressure, 0);
            usleep(1100000); /* facts are probed once per second */
        }
    }
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pressure__critical_ends_the_process_and_the_cloud_goes_on),
        cmocka_unit_test(pressure__on_an_idle_engine_takes_its_process),
    };

    return cmocka_run_group_tests_name("integration.pressure", tests, NULL, NULL);
}
