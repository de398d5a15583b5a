/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's end with 50 streams at a real local engine, in both kinds of isolation: while it
 * loads, while it reads a long prompt, while it answers; the others wait behind. It returns soon,
 * each stream ends exactly once, and can be read and freed afterwards.
 */
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "storage/stores.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/scratch_dir.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { STREAMS = 50, READERS = 5, CONTEXT_TOKENS = 4608, FREE_LIMIT_MS = 2000 };

/* What the engine is at when the client ends. */
typedef enum moment { LOADING, IN_PREFILL, DECODING, MOMENTS } moment;

static scratch_dir dir;
static char model[512];
static char long_text[2 * 3500 + 1];

typedef struct live_stream {
    amphi_stream *stream;
    int terminals;
    amphi_status error;
} live_stream;

static int set_up(void **state)
{
    gguf_builder builder;
    amphi_buf file;
    scratch_dir_make(&dir);
    snprintf(model, sizeof model, "%s", scratch_dir_file(&dir, "long.gguf"));
    gguf_builder_init(&builder);
    gguf_builder_llama_long(&builder, 256, 1024, 40, CONTEXT_TOKENS, 1);
    gguf_builder_finish(&builder, &file);
    gguf_builder_clear(&builder);
    scratch_write(model, file.data, file.size, 0600);
    amphi__buf_clear(&file);
    for (size_t i = 0; i + 1 < sizeof long_text; i += 2)
        memcpy(long_text + i, "tD", 2);
    return 0;
}

static int tear_down(void **state)
{
    scratch_dir_remove(&dir);
    return 0;
}

static void device_snapshot(void *self, amphi_device_facts *out)
{
    amphi_device_facts_init(out); /* nothing is known: no rule speaks against the local engine */
}

static const amphi_device_ops device_ops = {
    .struct_size = sizeof(amphi_device_ops), .name = "unknown", .snapshot = device_snapshot};

static amphi_client *open_client(amphi_parts *parts, amphi_isolation isolation)
{
    amphi_client *client = NULL;
    amphi_client_options options;
    amphi_storage_options storage = {0};
    amphi_error error;
    amphi_parts_init(parts);
    assert_int_equal(amphi__store_memory_new(&parts->store, &storage, &error), AMPHI_OK);
    parts->device.ops = &device_ops;
    amphi_client_options_init(&options);
    options.parts = parts;
    options.data_dir = amphi_str_from(dir.path);
    options.model_path = amphi_str_from(model);
    options.isolation = isolation;
    options.threads = 2;
    options.policy_json =
        AMPHI_STR("{\"local\":{\"context_tokens_max\":4608,\"tokens_per_second_max\":20}}");
    if (amphi_client_new(&client, &options, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return client;
}

static amphi_stream *start(amphi_client *client, const char *text)
{
    amphi_message message = {AMPHI_ROLE_USER, amphi_str_from(text)};
    amphi_chat_request request;
    amphi_stream *stream = NULL;
    amphi_error error;
    amphi_chat_request_init(&request);
    request.mode = AMPHI_MODE_ONLY_LOCAL;
    request.messages = &message;
    request.messages_count = 1;
    request.no_cache = true;
    request.sampling.tokens_max = 512;
    request.sampling.temperature = 0;
    request.budgets.first_token_ms = request.budgets.idle_ms = 600000;
    if (amphi_chat_start(&stream, client, &request, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return stream;
}

static void *read_all(void *opaque)
{
    live_stream *s = opaque;
    amphi_event event;
    while (amphi_stream_next(s->stream, 60000, &event, NULL) == AMPHI_OK) {
        s->terminals += amphi_event_is_terminal(&event);
        s->error = event.error != NULL ? event.error->status : AMPHI_OK;
    }
    return NULL;
}

/* Reads the first stream until the engine is there. */
static void wait_for(live_stream *s, moment when)
{
    amphi_event event = {0};
    while (when != LOADING) {
        assert_int_equal(amphi_stream_next(s->stream, 60000, &event, NULL), AMPHI_OK);
        assert_false(amphi_event_is_terminal(&event));
        if (event.kind == AMPHI_EVENT_DELTA ||
            (when == IN_PREFILL && event.kind == AMPHI_EVENT_PROGRESS &&
                amphi__str_equal_c(event.text, "reading the prompt")))
            return;
    }
}

/* may_be_whole: the answer may have come to its own end before. */
static void check(live_stream *s, bool may_be_whole)
{
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    char *json = NULL;
    read_all(s);
    assert_int_equal(s->terminals, 1);
    assert_true(s->error == AMPHI_E_CANCELLED || (may_be_whole && s->error == AMPHI_OK));
    assert_int_equal(amphi_stream_result(s->stream, &result, NULL), AMPHI_OK);
    assert_int_equal(amphi_stream_completion_json(s->stream, &json, NULL), AMPHI_OK);
    amphi_string_free(json);
    amphi_stream_free(s->stream);
}

static void end_with_live_streams(amphi_isolation isolation, moment when)
{
    amphi_parts parts;
    live_stream streams[STREAMS] = {{0}};
    pthread_t readers[READERS];
    amphi_client *client = open_client(&parts, isolation);
    for (int i = 0; i < STREAMS; i++) {
        streams[i].stream = start(client, i == 0 && when == DECODING ? "tD" : long_text);
        if (i == 0)
            wait_for(&streams[0], when);
    }
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, &streams[STREAMS - 1 - i]), 0);
    uint64_t begun_us = amphi__clock_us(NULL);
    amphi_client_free(client);
    uint64_t took_ms = (amphi__clock_us(NULL) - begun_us) / 1000;
    print_message("isolation %d, moment %d: client_free with %d live streams: %llu ms\n",
        (int)isolation, (int)when, STREAMS, (unsigned long long)took_ms);
    assert_true(took_ms < FREE_LIMIT_MS);
    parts.store.ops->free(parts.store.self);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    for (int i = 0; i < STREAMS; i++)
        check(&streams[i], i == 0 && when == DECODING);
}

static void client_free__ends_streams_at_an_engine_process(void **state)
{
    for (moment when = LOADING; when < MOMENTS; when++)
        end_with_live_streams(AMPHI_ISOLATION_PROCESS, when);
}

static void client_free__ends_streams_at_an_engine_thread(void **state)
{
    for (moment when = LOADING; when < MOMENTS; when++)
        end_with_live_streams(AMPHI_ISOLATION_THREAD, when);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_free__ends_streams_at_an_engine_process),
        cmocka_unit_test(client_free__ends_streams_at_an_engine_thread),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
