/* SPDX-License-Identifier: Apache-2.0
 *
 * See chat_fixture.h.
 */
#include "tests/support/chat_fixture.h"

#include "sdk/core/str.h"
#include "storage/stores.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

const scripted_step says_hello[] = {{SCRIPT_SAY, "Hello", 0}, {SCRIPT_SAY, " world.", 0},
    {SCRIPT_USAGE, NULL, 2}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
const scripted_step dies_in_mid_word[] = {
    {SCRIPT_SAY, "Hel", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_ENGINE_DIED}};
const scripted_step continues_hello[] = {
    {SCRIPT_CONTINUE, "Hello world.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};

static void device_snapshot(void *self, amphi_device_facts *out)
{
    *out = ((const chat_fixture *)self)->device;
}

static const amphi_device_ops device_ops = {
    .struct_size = sizeof(amphi_device_ops), .name = "scripted", .snapshot = device_snapshot};

static void set_healthy_device(amphi_device_facts *out)
{
    amphi_device_facts_init(out);
    out->known = AMPHI_FACT_BATTERY | AMPHI_FACT_THERMAL | AMPHI_FACT_NETWORK | AMPHI_FACT_MEMORY;
    out->battery_percent = 90;
    out->thermal = AMPHI_THERMAL_NOMINAL;
    out->network = AMPHI_NETWORK_FREE;
    out->memory_total_bytes = 8ull << 30;
    out->memory_available_bytes = 6ull << 30;
}

void chat_fixture_init(chat_fixture *f, const scripted_step *local, const scripted_step *cloud)
{
    memset(f, 0, sizeof *f);
    amphi__buf_init(&f->screen, 0);
    scripted_engine_init(&f->local, "local", AMPHI_ENGINE_LOCAL, local);
    scripted_engine_init(&f->cloud, "cloud", AMPHI_ENGINE_CLOUD, cloud);
    scripted_engine_init(&f->cloud2, "cloud2", AMPHI_ENGINE_CLOUD, cloud);
    f->engines[0] = scripted_engine_value(&f->cloud);
    f->engines[1] = scripted_engine_value(&f->cloud2);
    set_healthy_device(&f->device);
    amphi_parts_init(&f->parts);
    amphi_storage_options storage = {0};
    assert_int_equal(amphi__store_memory_new(&f->parts.store, &storage, NULL), AMPHI_OK);
    f->parts.device = (amphi_device){&device_ops, f};
    f->parts.local = scripted_engine_value(&f->local);
    f->parts.engines = f->engines;
    f->parts.engines_count = 1;
}

void chat_fixture_store(chat_fixture *f, const amphi_storage_options *options)
{
    f->parts.store.ops->free(f->parts.store.self);
    assert_int_equal(amphi__store_memory_new(&f->parts.store, options, NULL), AMPHI_OK);
}

amphi_client *chat_fixture_client(chat_fixture *f, const char *policy)
{
    amphi_client_options options;
    amphi_client_options_init(&options);
    options.parts = &f->parts;
    options.policy_json = amphi_str_from(policy);
    options.outbox_event = f->outbox_event;
    options.outbox_user = f->outbox_user;
    options.is_private = f->is_private;
    amphi_client *client = NULL;
    amphi_error error;
    if (amphi_client_new(&client, &options, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return client;
}

void chat_fixture_start(chat_fixture *f, const char *policy)
{
    f->client = chat_fixture_client(f, policy);
}

void chat_fixture_open_with(
    chat_fixture *f, const scripted_step *local, const scripted_step *cloud, const char *policy)
{
    chat_fixture_init(f, local, cloud);
    chat_fixture_start(f, policy);
}

void chat_fixture_open(chat_fixture *f, const scripted_step *local, const scripted_step *cloud)
{
    chat_fixture_open_with(f, local, cloud, NULL);
}

void chat_fixture_close(chat_fixture *f)
{
    amphi_client_free(f->client);
    assert_int_equal(atomic_load(&f->local.running), 0);
    assert_int_equal(atomic_load(&f->cloud.running), 0);
    assert_int_equal(atomic_load(&f->cloud2.running), 0);
    f->parts.store.ops->free(f->parts.store.self);
    amphi__buf_clear(&f->screen);
}

void chat_fixture_pull(chat_fixture *f, amphi_stream *stream)
{
    amphi_event event;
    f->terminals = f->takeovers = f->replaces = 0;
    f->error = AMPHI_OK;
    amphi__buf_reset(&f->screen);
    while (amphi_stream_next(stream, 20000, &event, NULL) == AMPHI_OK) {
        f->last = event.kind;
        f->terminals += amphi_event_is_terminal(&event);
        f->takeovers += event.kind == AMPHI_EVENT_TAKEOVER;
        f->replaces += event.kind == AMPHI_EVENT_REPLACE;
        if (event.kind == AMPHI_EVENT_REPLACE)
            amphi__buf_truncate(&f->screen, 0);
        if (event.kind == AMPHI_EVENT_DELTA || event.kind == AMPHI_EVENT_REPLACE)
            amphi__buf_append_str(&f->screen, event.text);
        if (event.error != NULL)
            f->error = event.error->status;
    }
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    assert_true(amphi__str_equal(result.text, amphi__buf_str(&f->screen)));
    assert_int_equal(f->terminals, 1);
}

amphi_stream *chat_fixture_begin(chat_fixture *f, amphi_chat_request *request, const char *text)
{
    static amphi_message message;
    amphi_stream *stream = NULL;
    amphi_error error;
    message = (amphi_message){AMPHI_ROLE_USER, amphi_str_from(text)};
    request->messages = &message;
    request->messages_count = 1;
    if (amphi_chat_start(&stream, f->client, request, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return stream;
}

void chat_fixture_ask(chat_fixture *f, amphi_chat_request *request, const char *text)
{
    amphi_stream *stream = chat_fixture_begin(f, request, text);
    chat_fixture_pull(f, stream);
    amphi_stream_free(stream);
}

void chat_fixture_expect(chat_fixture *f, const char *text)
{
    amphi__buf_append_c(&f->screen, "");
    assert_string_equal(f->screen.data != NULL ? f->screen.data : "", text);
}

amphi_chat_request chat_fixture_request(amphi_mode mode)
{
    amphi_chat_request request;
    amphi_chat_request_init(&request);
    request.mode = mode;
    request.no_cache = true;
    request.sampling.temperature = 0; /* greedy: without no_cache the response cache applies */
    return request;
}
