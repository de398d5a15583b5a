/* SPDX-License-Identifier: Apache-2.0
 *
 * See abi_caller.h.
 */
#include "tests/support/abi_caller.h"

#include "local/local.h"
#include "remote/remote.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

chat_fixture abi_fixture;
scratch_dir abi_scratch;
amphi_stream *abi_finished;

void *abi_make_version(const void *whole, size_t whole_bytes, size_t bytes)
{
    unsigned char *version = calloc(1, bytes > sizeof(size_t) ? bytes : sizeof(size_t));
    assert_non_null(version);
    memcpy(version, whole, whole_bytes < bytes ? whole_bytes : bytes);
    memcpy(version, &bytes, sizeof bytes);
    return version;
}

void abi_set_size(void *sized, size_t bytes)
{
    memcpy(sized, &bytes, sizeof bytes);
}

size_t abi_size_of(const void *sized)
{
    size_t bytes = 0;
    memcpy(&bytes, sized, sizeof bytes);
    return bytes;
}

static void ignore_event(void *user, const amphi_outbox_entry *entry)
{
}

void abi_fill_client_options(void *whole)
{
    amphi_client_options *options = whole;
    amphi_client_options_init(options);
    options->data_dir = amphi_str_from(abi_scratch.path);
    options->threads = 1;
    options->parts = &abi_fixture.parts;
    options->no_queue = true;
    options->outbox_event = ignore_event;
    options->outbox_user = whole;
}

void abi_fill_endpoint(void *whole)
{
    amphi_endpoint_options *endpoint = whole;
    amphi_endpoint_options_init(endpoint);
    endpoint->name = AMPHI_STR("work");
    endpoint->url = AMPHI_STR("https://api.example.com/v1");
    endpoint->model = AMPHI_STR("m");
    endpoint->priority = 3;
    endpoint->dialect = AMPHI_STR("responses");
}

void abi_fill_request(void *whole)
{
    static const amphi_message message = {AMPHI_ROLE_USER, {"Hi", 2}};
    amphi_chat_request *request = whole;
    amphi_chat_request_init(request);
    request->messages = &message;
    request->messages_count = 1;
    request->mode = AMPHI_MODE_ONLY_LOCAL;
    request->no_cache = true;
    request->no_queue = true;
    request->extra_json = AMPHI_STR("{\"user\":\"u\"}");
}

void abi_fill_outbox_item(void *whole)
{
    amphi_store_outbox_item *item = whole;
    amphi_store_outbox_item_init(item);
    item->id = AMPHI_STR("id");
    item->conversation_id = AMPHI_STR("c");
    item->request_json = AMPHI_STR("{}");
    item->created_ms = 1;
    item->not_before_ms = 1;
    item->is_leased = true;
    item->reason = AMPHI_STR("why");
    item->state = AMPHI_OUTBOX_EXPIRED;
    item->is_watched = true;
}

static void drain(amphi_stream *stream)
{
    amphi_event event;
    while (amphi_stream_next(stream, 20000, &event, NULL) == AMPHI_OK)
        ;
}

amphi_status abi_call_chat_start(const void *argument, amphi_error *error)
{
    amphi_stream *stream = NULL;
    amphi_status status = amphi_chat_start(&stream, abi_fixture.client, argument, error);
    if (status == AMPHI_OK)
        drain(stream);
    amphi_stream_free(stream);
    return status;
}

amphi_status abi_call_explain(const void *argument, amphi_error *error)
{
    amphi_decision decision;
    amphi_decision_init(&decision);
    return amphi_route_explain(abi_fixture.client, argument, &decision, error);
}

amphi_engine abi_make_local(amphi_isolation isolation)
{
    const amphi_local_options options = {
        .model_path = AMPHI_STR("/nonexistent.gguf"), .threads = 1, .isolation = isolation};
    amphi_engine engine;
    assert_int_equal(amphi__local_engine_new(&engine, &options, NULL), AMPHI_OK);
    return engine;
}

amphi_engine abi_make_endpoint(amphi_http http)
{
    amphi_remote_options options = {.http = http, .allow_http_loopback = true};
    amphi_engine engine;
    abi_fill_endpoint(&options.endpoint);
    options.endpoint.url = AMPHI_STR("http://127.0.0.1:1/v1");
    assert_int_equal(amphi__remote_engine_new(&engine, &options, NULL), AMPHI_OK);
    return engine;
}

int abi_set_up(void **state)
{
    scratch_dir_make(&abi_scratch);
    setenv("XDG_DATA_HOME", abi_scratch.path, 1); /* where a caller without data_dir lands */
    chat_fixture_open(&abi_fixture, says_hello, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    request.conversation_id = AMPHI_STR("c");
    abi_finished = chat_fixture_begin(&abi_fixture, &request, "Hi");
    chat_fixture_pull(&abi_fixture, abi_finished);
    amphi_store_outbox_item item;
    abi_fill_outbox_item(&item);
    item.not_before_ms = INT64_MAX / 2; /* not to be sent meanwhile */
    item.created_ms = 4102444800000;    /* nor dropped for its age */
    assert_int_equal(
        abi_fixture.parts.store.ops->outbox_add(abi_fixture.parts.store.self, &item, NULL),
        AMPHI_OK);
    return 0;
}

int abi_tear_down(void **state)
{
    amphi_stream_free(abi_finished);
    chat_fixture_close(&abi_fixture);
    scratch_dir_remove(&abi_scratch);
    return 0;
}
