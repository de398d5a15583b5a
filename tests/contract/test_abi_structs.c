/* SPDX-License-Identifier: Apache-2.0
 *
 * Callers that were built against another version of the headers. For every SIZED struct that is
 * read: older callers whose struct ends at each possible size (on the heap, so that
 * AddressSanitizer sees a read behind it), and newer ones with an empty and with a used tail. For
 * every one that is filled in: callers with less room and with more. For every one that is handed
 * out: its size, and stores of another version that hand it over. test_headers.py holds the three
 * tables below to the public headers, so that no struct can be forgotten.
 */
#include "local/local.h"
#include "remote/remote.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"
#include "storage/storage.h"
#include "storage/stores.h"
#include "tests/support/chat_fixture.h"
#include "tests/support/scratch_dir.h"

#include <amphi/model.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TAIL_BYTES 64u /* what a newer version has in addition */

static chat_fixture fixture;
static scratch_dir scratch;
static amphi_stream *finished; /* with a result to ask for */

/* ---- structs of other versions ---- */

/* `bytes` bytes on the heap and not one more: `whole` cut off, or with zeroes behind it. */
static void *make_version(const void *whole, size_t whole_bytes, size_t bytes)
{
    unsigned char *version = calloc(1, bytes > sizeof(size_t) ? bytes : sizeof(size_t));
    assert_non_null(version);
    memcpy(version, whole, whole_bytes < bytes ? whole_bytes : bytes);
    memcpy(version, &bytes, sizeof bytes);
    return version;
}

static void set_size(void *sized, size_t bytes)
{
    memcpy(sized, &bytes, sizeof bytes);
}

static size_t size_of(const void *sized)
{
    size_t bytes = 0;
    memcpy(&bytes, sized, sizeof bytes);
    return bytes;
}

/* ---- read ---- */

typedef struct read_case {
    const char *name;
    size_t bytes;
    void (*fill)(void *whole);
    amphi_status (*call)(const void *given, amphi_error *error);
} read_case;

static void drain(amphi_stream *stream)
{
    amphi_event event;
    while (amphi_stream_next(stream, 20000, &event, NULL) == AMPHI_OK)
        ;
}

static void fill_client_options(void *whole)
{
    amphi_client_options *options = whole;
    amphi_client_options_init(options);
    options->data_dir = amphi_str_from(scratch.path);
    options->threads = 1;
    options->parts = &fixture.parts;
    options->no_queue = true;
}

static amphi_status call_client_new(const void *given, amphi_error *error)
{
    amphi_client *client = NULL;
    amphi_status status = amphi_client_new(&client, given, error);
    assert_true((client != NULL) == (status == AMPHI_OK));
    amphi_client_free(client);
    return status;
}

static bool ignore_finding_failed;

static void ignore_finding(void *user, const amphi_finding *finding)
{
    ignore_finding_failed |= amphi__str_equal(finding->part, AMPHI_STR("client"));
}

/* The doctor reports what amphi_client_new would refuse. */
static amphi_status call_doctor(const void *given, amphi_error *error)
{
    ignore_finding_failed = false;
    amphi_status status = amphi_doctor(given, ignore_finding, NULL, error);
    if (status == AMPHI_OK && ignore_finding_failed)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "struct_size, or what it lacks: _init");
    return status;
}

static void fill_endpoint(void *whole)
{
    amphi_endpoint_options *endpoint = whole;
    amphi_endpoint_options_init(endpoint);
    endpoint->name = AMPHI_STR("work");
    endpoint->url = AMPHI_STR("https://api.example.com/v1");
    endpoint->model = AMPHI_STR("m");
    endpoint->priority = 3;
    endpoint->dialect = AMPHI_STR("responses");
}

static amphi_status call_with_endpoint(const void *given, amphi_error *error)
{
    amphi_client_options options;
    fill_client_options(&options);
    options.endpoints = given;
    options.endpoints_count = 1;
    return call_client_new(&options, error);
}

static void fill_parts(void *whole)
{
    memcpy(whole, &fixture.parts, sizeof(amphi_parts));
}

/* No version of amphi_parts ends between the ops and the self of one part. */
static bool cuts_a_part(size_t bytes)
{
    return bytes > offsetof(amphi_parts, keys) && bytes < offsetof(amphi_parts, engines) &&
           (bytes - offsetof(amphi_parts, keys)) % sizeof(amphi_keys) != 0;
}

static amphi_status call_with_parts(const void *given, amphi_error *error)
{
    amphi_client_options options;
    fill_client_options(&options);
    options.parts = given;
    return call_client_new(&options, error);
}

static void fill_request(void *whole)
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

static amphi_status call_chat_start(const void *given, amphi_error *error)
{
    amphi_stream *stream = NULL;
    amphi_status status = amphi_chat_start(&stream, fixture.client, given, error);
    if (status == AMPHI_OK)
        drain(stream);
    amphi_stream_free(stream);
    return status;
}

static amphi_status call_explain(const void *given, amphi_error *error)
{
    amphi_decision decision;
    amphi_decision_init(&decision);
    return amphi_route_explain(fixture.client, given, &decision, error);
}

static amphi_status call_explain_json(const void *given, amphi_error *error)
{
    char *json = NULL;
    amphi_status status = amphi_route_explain_json(fixture.client, given, &json, error);
    amphi_string_free(json);
    return status;
}

static void fill_facts(void *whole)
{
    amphi_device_facts *facts = whole;
    amphi_device_facts_init(facts);
    facts->known = AMPHI_FACT_BATTERY | AMPHI_FACT_PRESSURE;
    facts->battery_percent = 50;
}

static amphi_status call_push(const void *given, amphi_error *error)
{
    return amphi_device_push(fixture.client, given, error);
}

static void fill_model_options(void *whole)
{
    amphi_model_options *options = whole;
    amphi_model_options_init(options);
    options->threads = 1;
    options->context_tokens_max = 128;
    options->vocabulary_only = true;
    options->kernels = AMPHI_STR("reference");
}

static amphi_status call_model_open(const void *given, amphi_error *error)
{
    amphi_model *model = NULL;
    char path[512];
    assert_int_equal(amphi__local_default_model(path, sizeof path), AMPHI_OK);
    amphi_status status = amphi_model_open(&model, amphi_str_from(path), given, error);
    amphi_model_free(model);
    return status;
}

static void fill_engine_request(void *whole)
{
    amphi_engine_request *request = whole;
    amphi_engine_request_init(request);
    request->body = AMPHI_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}");
    request->idempotency_key = AMPHI_STR("key");
    request->connect_ms = 100;
    request->plain_kernels = true;
}

static void ignore_event(void *self, const amphi_engine_event *event)
{
}

static amphi_status start_and_free(amphi_engine engine, const void *given, amphi_error *error)
{
    const amphi_engine_sink sink = {NULL, ignore_event};
    amphi_engine_run *run = NULL;
    amphi_status status = engine.ops->start(engine.self, &run, given, &sink, error);
    assert_true((run != NULL) == (status == AMPHI_OK));
    if (run != NULL)
        engine.ops->release(engine.self, run);
    engine.ops->free(engine.self);
    return status;
}

static amphi_engine make_local(amphi_isolation isolation)
{
    const amphi_local_options options = {
        .model_path = AMPHI_STR("/nonexistent.gguf"), .threads = 1, .isolation = isolation};
    amphi_engine engine;
    assert_int_equal(amphi__local_engine_new(&engine, &options, NULL), AMPHI_OK);
    return engine;
}

static amphi_status call_process_start(const void *given, amphi_error *error)
{
    return start_and_free(make_local(AMPHI_ISOLATION_PROCESS), given, error);
}

static amphi_status call_thread_start(const void *given, amphi_error *error)
{
    return start_and_free(make_local(AMPHI_ISOLATION_THREAD), given, error);
}

static amphi_engine make_endpoint(amphi_http http)
{
    amphi_remote_options options = {.http = http, .allow_http_loopback = true};
    amphi_engine engine;
    fill_endpoint(&options.endpoint);
    options.endpoint.url = AMPHI_STR("http://127.0.0.1:1/v1");
    assert_int_equal(amphi__remote_engine_new(&engine, &options, NULL), AMPHI_OK);
    return engine;
}

static amphi_status call_endpoint_start(const void *given, amphi_error *error)
{
    amphi_http http;
    assert_int_equal(amphi__http_new(&http, NULL), AMPHI_OK);
    amphi_status status = start_and_free(make_endpoint(http), given, error);
    http.ops->free(http.self);
    return status;
}

static void fill_http_request(void *whole)
{
    amphi_http_request *request = whole;
    amphi_http_request_init(request);
    request->method = AMPHI_STR("GET");
    request->url = AMPHI_STR("http://127.0.0.1:1/");
    request->allow_http_loopback = true;
    request->total_timeout_ms = 1000;
    request->headers_limit_bytes = 1000;
}

static void ignore_headers(
    void *self, int http_status, const amphi_http_header *headers, size_t count)
{
}

static void ignore_body(void *self, amphi_str piece)
{
}

static void ignore_end(void *self, const amphi_error *error)
{
}

static amphi_status call_http(const void *given, amphi_error *error)
{
    const amphi_http_sink sink = {NULL, ignore_headers, ignore_body, ignore_end};
    amphi_http http;
    amphi_http_exchange *exchange = NULL;
    assert_int_equal(amphi__http_new(&http, NULL), AMPHI_OK);
    http.ops->warm(http.self, given);
    amphi_status status = http.ops->start(http.self, &exchange, given, &sink, error);
    if (exchange != NULL)
        http.ops->release(http.self, exchange);
    http.ops->free(http.self);
    return status;
}

/* Both stores, one after the other; they have to agree. */
static amphi_status in_both_stores(
    amphi_status (*call)(amphi_store store, const void *given, amphi_error *error),
    const void *given, amphi_error *error)
{
    amphi_keys keys;
    amphi_store stores[2];
    assert_int_equal(amphi__keys_file_new(&keys, amphi_str_from(scratch.path), NULL), AMPHI_OK);
    const amphi_storage_options options = {.data_dir = amphi_str_from(scratch.path), .keys = keys};
    assert_int_equal(amphi__store_memory_new(&stores[0], &options, NULL), AMPHI_OK);
    assert_int_equal(amphi__store_new(&stores[1], &options, NULL), AMPHI_OK);
    amphi_status in_memory = call(stores[0], given, error);
    amphi_status status = call(stores[1], given, error);
    for (size_t i = 0; i < 2; i++)
        stores[i].ops->free(stores[i].self);
    keys.ops->free(keys.self);
    assert_int_equal(status, in_memory);
    return status;
}

static void fill_turn(void *whole)
{
    static const amphi_store_message message = {.role = {"user", 4}, .content = {"Hi", 2}};
    amphi_store_turn *turn = whole;
    amphi_store_turn_init(turn);
    turn->conversation_id = AMPHI_STR("c");
    turn->now_ms = 1;
    turn->messages = &message;
    turn->messages_count = 1;
    turn->outbox_id = AMPHI_STR("gone");
}

static amphi_status append_turn(amphi_store store, const void *given, amphi_error *error)
{
    return store.ops->turn_append(store.self, given, error);
}

static amphi_status call_turn_append(const void *given, amphi_error *error)
{
    return in_both_stores(append_turn, given, error);
}

static void fill_outbox_item(void *whole)
{
    amphi_store_outbox_item *item = whole;
    amphi_store_outbox_item_init(item);
    item->id = AMPHI_STR("id");
    item->conversation_id = AMPHI_STR("c");
    item->request_json = AMPHI_STR("{}");
    item->created_ms = 1;
    item->not_before_ms = 1;
    item->is_leased = true;
}

static amphi_status add_item(amphi_store store, const void *given, amphi_error *error)
{
    amphi_status status = store.ops->outbox_add(store.self, given, error);
    if (status == AMPHI_OK)
        (void)store.ops->outbox_remove(store.self, AMPHI_STR("id"), NULL);
    return status;
}

static amphi_status call_outbox_add(const void *given, amphi_error *error)
{
    return in_both_stores(add_item, given, error);
}

static void fill_start(void *whole)
{
    amphi_store_start *start = whole;
    amphi_store_start_init(start);
    start->fingerprint = AMPHI_STR("f");
    start->build = AMPHI_STR("b");
    start->kernels = AMPHI_STR("reference");
    start->host = AMPHI_STR("h");
    start->phase = AMPHI_START_TOKEN;
    start->outcome = AMPHI_START_OK;
}

static amphi_status add_start(amphi_store store, const void *given, amphi_error *error)
{
    int64_t id = 0;
    return store.ops->ledger_add(store.self, given, &id, error);
}

static amphi_status call_ledger_add(const void *given, amphi_error *error)
{
    return in_both_stores(add_start, given, error);
}

#define READ(type, fill, call)                                                                     \
    {                                                                                              \
#type, sizeof(type), fill, call                                                            \
    }
static const read_case reads[] = {
    READ(amphi_client_options, fill_client_options, call_client_new),
    READ(amphi_client_options, fill_client_options, call_doctor),
    READ(amphi_endpoint_options, fill_endpoint, call_with_endpoint),
    READ(amphi_parts, fill_parts, call_with_parts),
    READ(amphi_chat_request, fill_request, call_chat_start),
    READ(amphi_chat_request, fill_request, call_explain),
    READ(amphi_chat_request, fill_request, call_explain_json),
    READ(amphi_device_facts, fill_facts, call_push),
    READ(amphi_model_options, fill_model_options, call_model_open),
    READ(amphi_engine_request, fill_engine_request, call_process_start),
    READ(amphi_engine_request, fill_engine_request, call_thread_start),
    READ(amphi_engine_request, fill_engine_request, call_endpoint_start),
    READ(amphi_http_request, fill_http_request, call_http),
    READ(amphi_store_turn, fill_turn, call_turn_append),
    READ(amphi_store_outbox_item, fill_outbox_item, call_outbox_add),
    READ(amphi_store_start, fill_start, call_ledger_add),
};

enum { READS = sizeof reads / sizeof reads[0] };

static void is_refused_by_name(
    const read_case *c, const void *given, const char *what, const char *words)
{
    amphi_error error;
    if (c->call(given, &error) != AMPHI_E_ARGUMENT || strstr(error.message, words) == NULL)
        fail_msg("%s, %s: status %d, \"%s\"", c->name, what, error.status, error.message);
}

static void read__what_an_older_caller_lacks_counts_as_zero(void **state)
{
    for (size_t i = 0; i < READS; i++) {
        const read_case *c = &reads[i];
        void *whole = calloc(1, c->bytes);
        c->fill(whole);
        for (size_t bytes = sizeof(size_t); bytes <= c->bytes; bytes += sizeof(size_t)) {
            amphi_error error, expected;
            if (c->call == call_with_parts && cuts_a_part(bytes))
                continue;
            void *older = make_version(whole, c->bytes, bytes);
            void *zeroed = make_version(older, bytes, c->bytes);
            amphi_status status = c->call(older, &error);
            if (status != c->call(zeroed, &expected) ||
                (status != AMPHI_OK && strcmp(error.message, expected.message) != 0))
                fail_msg("%s of %zu bytes: \"%s\", but \"%s\"", c->name, bytes, error.message,
                    expected.message);
            free(older);
            free(zeroed);
        }
        free(whole);
    }
}

static void read__a_newer_callers_tail_must_be_zero(void **state)
{
    for (size_t i = 0; i < READS; i++) {
        const read_case *c = &reads[i];
        amphi_error error, expected;
        void *whole = calloc(1, c->bytes);
        c->fill(whole);
        unsigned char *newer = make_version(whole, c->bytes, c->bytes + TAIL_BYTES);
        amphi_status status = c->call(whole, &expected);
        if (c->call(newer, &error) != status)
            fail_msg("%s with an empty tail: %s", c->name, error.message);
        newer[c->bytes + TAIL_BYTES - 1] = 1;
        is_refused_by_name(c, newer, "with a used tail", "struct_size");
        newer[c->bytes + TAIL_BYTES - 1] = 0;
        newer[c->bytes] = 0x80;
        is_refused_by_name(c, newer, "with a used tail", "struct_size");
        free(newer);
        free(whole);
    }
}

static void read__a_size_that_is_none_is_refused_with_the_init_function(void **state)
{
    static const size_t none[] = {0, 1, 7, 12, AMPHI_SIZED_BYTES_MAX + 8, SIZE_MAX};
    for (size_t i = 0; i < READS; i++) {
        void *whole = calloc(1, reads[i].bytes);
        reads[i].fill(whole);
        for (size_t k = 0; k < sizeof none / sizeof none[0]; k++) {
            set_size(whole, none[k]);
            is_refused_by_name(&reads[i], whole, "with a wrong size", "_init");
        }
        free(whole);
    }
}

/* Elements of an older or a newer version stand nearer to each other, or farther apart. */
static void read__the_first_element_says_how_far_the_next_one_is(void **state)
{
    const size_t sizes[] = {offsetof(amphi_endpoint_options, context_tokens_max),
        sizeof(amphi_endpoint_options), sizeof(amphi_endpoint_options) + TAIL_BYTES};
    for (size_t i = 0; i < 3; i++) {
        amphi_client_options options;
        amphi_error error;
        amphi_endpoint_options endpoint;
        unsigned char *array = calloc(2, sizes[i]);
        fill_client_options(&options);
        for (size_t k = 0; k < 2; k++) {
            fill_endpoint(&endpoint);
            endpoint.name = k == 0 ? AMPHI_STR("first") : AMPHI_STR("second");
            void *element = make_version(&endpoint, sizeof endpoint, sizes[i]);
            memcpy(array + k * sizes[i], element, sizes[i]);
            free(element);
        }
        options.endpoints = (const void *)array;
        options.endpoints_count = 2;
        amphi_client *client = NULL;
        if (amphi_client_new(&client, &options, &error) != AMPHI_OK)
            fail_msg("%zu: %s", sizes[i], error.message);
        amphi_client_free(client);
        set_size(array + sizes[i], sizes[i] - 8);
        assert_int_equal(amphi_client_new(&client, &options, &error), AMPHI_E_ARGUMENT);
        assert_non_null(strstr(error.message, "endpoints[1].struct_size"));
        free(array);
    }
}

/* ---- filled in ---- */

typedef struct fill_case {
    const char *name;
    size_t bytes;
    amphi_status (*call)(void *out, amphi_error *error);
} fill_case;

static amphi_status fill_result(void *out, amphi_error *error)
{
    return amphi_stream_result(finished, out, error);
}

static amphi_status fill_decision(void *out, amphi_error *error)
{
    amphi_chat_request request;
    fill_request(&request);
    return amphi_route_explain(fixture.client, &request, out, error);
}

static amphi_status fill_snapshot(void *out, amphi_error *error)
{
    return amphi_device_snapshot(fixture.client, out, error);
}

static amphi_status fill_parsed_endpoint(void *out, amphi_error *error)
{
    return amphi_endpoint_parse(out,
        AMPHI_STR("a=https://b.example/v1,model=m,priority=2,weight=3,prefix=yes,tls12=yes,"
                  "dialect=responses"),
        NULL, 0, error);
}

/* Tables have no status to refuse with: a size that is none stays without an answer. */
static amphi_status describe_and_free(amphi_engine engine, void *out, amphi_error *error)
{
    engine.ops->describe(engine.self, out);
    engine.ops->free(engine.self);
    return AMPHI__SIZED_CHECK(amphi_engine_info, (amphi_engine_info *)out, "info", error);
}

static amphi_status identify_and_free(amphi_engine engine, void *out, amphi_error *error)
{
    engine.ops->identify(engine.self, out);
    engine.ops->free(engine.self);
    return AMPHI__SIZED_CHECK(amphi_engine_info, (amphi_engine_info *)out, "info", error);
}

static amphi_status fill_process_info(void *out, amphi_error *error)
{
    return describe_and_free(make_local(AMPHI_ISOLATION_PROCESS), out, error);
}

static amphi_status fill_process_identity(void *out, amphi_error *error)
{
    return identify_and_free(make_local(AMPHI_ISOLATION_PROCESS), out, error);
}

static amphi_status fill_thread_info(void *out, amphi_error *error)
{
    return describe_and_free(make_local(AMPHI_ISOLATION_THREAD), out, error);
}

static amphi_status fill_thread_identity(void *out, amphi_error *error)
{
    return identify_and_free(make_local(AMPHI_ISOLATION_THREAD), out, error);
}

static amphi_status fill_endpoint_info(void *out, amphi_error *error)
{
    amphi_http http;
    assert_int_equal(amphi__http_new(&http, NULL), AMPHI_OK);
    amphi_status status = describe_and_free(make_endpoint(http), out, error);
    http.ops->free(http.self);
    return status;
}

#define FILL(type, call)                                                                           \
    {                                                                                              \
#type, sizeof(type), call                                                                  \
    }
static const fill_case fills[] = {
    FILL(amphi_chat_result, fill_result),
    FILL(amphi_decision, fill_decision),
    FILL(amphi_device_facts, fill_snapshot),
    FILL(amphi_endpoint_options, fill_parsed_endpoint),
    FILL(amphi_engine_info, fill_process_info),
    FILL(amphi_engine_info, fill_process_identity),
    FILL(amphi_engine_info, fill_thread_info),
    FILL(amphi_engine_info, fill_thread_identity),
    FILL(amphi_engine_info, fill_endpoint_info),
};

enum { FILLS = sizeof fills / sizeof fills[0] };

/* Calls with so much room and compares what came with what a caller of this version gets. */
static void fill_with_room(const fill_case *c, const unsigned char *expected, size_t bytes)
{
    amphi_error error;
    unsigned char *out = malloc(bytes);
    memset(out, 0xa5, bytes);
    set_size(out, bytes);
    if (c->call(out, &error) != AMPHI_OK)
        fail_msg("%s of %zu bytes: %s", c->name, bytes, error.message);
    if (size_of(out) != bytes)
        fail_msg("%s of %zu bytes: struct_size became %zu", c->name, bytes, size_of(out));
    for (size_t i = sizeof(size_t); i < bytes; i++) {
        unsigned char byte = i < c->bytes ? expected[i] : 0xa5;
        if (out[i] != byte)
            fail_msg(
                "%s of %zu bytes: byte %zu is %02x, not %02x", c->name, bytes, i, out[i], byte);
    }
    free(out);
}

static void fill__never_writes_behind_the_callers_size(void **state)
{
    for (size_t i = 0; i < FILLS; i++) {
        const fill_case *c = &fills[i];
        unsigned char *expected = calloc(1, c->bytes);
        set_size(expected, c->bytes);
        assert_int_equal(c->call(expected, NULL), AMPHI_OK);
        for (size_t bytes = sizeof(size_t); bytes <= c->bytes; bytes += sizeof(size_t))
            fill_with_room(c, expected, bytes);
        fill_with_room(c, expected, c->bytes + TAIL_BYTES);
        free(expected);
    }
}

static void fill__a_size_that_is_none_gets_nothing(void **state)
{
    static const size_t none[] = {0, 4, 12, SIZE_MAX};
    for (size_t i = 0; i < FILLS; i++)
        for (size_t k = 0; k < sizeof none / sizeof none[0]; k++) {
            amphi_error error;
            unsigned char *out = malloc(fills[i].bytes);
            memset(out, 0xa5, fills[i].bytes);
            set_size(out, none[k]);
            assert_int_equal(fills[i].call(out, &error), AMPHI_E_ARGUMENT);
            if (strstr(error.message, "struct_size") == NULL ||
                strstr(error.message, fills[i].name) == NULL)
                fail_msg("%s: %s", fills[i].name, error.message);
            for (size_t b = sizeof(size_t); b < fills[i].bytes; b++)
                assert_int_equal(out[b], 0xa5);
            free(out);
        }
}

/* ---- handed out ---- */

typedef struct seen {
    size_t bytes; /* that the item has to state */
    int count;
    bool has_last; /* AMPHI_HAS of its last field */
    amphi_str id;
} seen;

static void note(seen *s, size_t bytes, bool has_last)
{
    assert_int_equal(bytes, s->bytes);
    s->has_last = has_last;
    s->count++;
}

static void see_finding(void *user, const amphi_finding *item)
{
    note(user, item->struct_size, AMPHI_HAS(item, remedy));
}

static bool see_conversation(void *user, const amphi_history_conversation *item)
{
    assert_true(amphi__str_equal(item->id, AMPHI_STR("c")));
    note(user, item->struct_size, AMPHI_HAS(item, title));
    return true;
}

static bool see_message(void *user, const amphi_history_message *item)
{
    note(user, item->struct_size, AMPHI_HAS(item, decision_json));
    return true;
}

static bool see_entry(void *user, const amphi_outbox_entry *item)
{
    assert_true(amphi__str_equal(item->id, AMPHI_STR("id")));
    note(user, item->struct_size, AMPHI_HAS(item, not_before_ms));
    return true;
}

static void show_findings(seen *s)
{
    amphi_client_options options;
    fill_client_options(&options);
    assert_int_equal(amphi_doctor(&options, see_finding, s, NULL), AMPHI_OK);
}

static void show_conversations(seen *s)
{
    assert_int_equal(
        amphi_history_conversations(fixture.client, see_conversation, s, NULL), AMPHI_OK);
}

static void show_messages(seen *s)
{
    assert_int_equal(
        amphi_history_messages(fixture.client, AMPHI_STR("c"), see_message, s, NULL), AMPHI_OK);
}

static void show_outbox(seen *s)
{
    assert_int_equal(amphi_outbox_entries(fixture.client, see_entry, s, NULL), AMPHI_OK);
}

typedef struct handed_case {
    const char *name;
    size_t bytes;
    void (*show)(seen *s);
} handed_case;

#define HANDED(type, show)                                                                         \
    {                                                                                              \
#type, sizeof(type), show                                                                  \
    }
static const handed_case handed[] = {
    HANDED(amphi_finding, show_findings),
    HANDED(amphi_history_conversation, show_conversations),
    HANDED(amphi_history_message, show_messages),
    HANDED(amphi_outbox_entry, show_outbox),
};

static void handed__out_with_its_size(void **state)
{
    for (size_t i = 0; i < sizeof handed / sizeof handed[0]; i++) {
        seen s = {.bytes = handed[i].bytes};
        handed[i].show(&s);
        if (s.count == 0 || !s.has_last)
            fail_msg("%s: %d items, the last field %d", handed[i].name, s.count, s.has_last);
    }
    amphi_finding old = {.struct_size = offsetof(amphi_finding, remedy)};
    assert_true(AMPHI_HAS(&old, text));
    assert_false(AMPHI_HAS(&old, remedy));
}

/* A store of another version: the memory store, whose items are cut off or have a tail. */
static amphi_store inner;
static size_t item_bytes;

static void *outer_version(const void *item, size_t bytes)
{
    unsigned char *version = make_version(item, bytes, item_bytes);
    if (item_bytes > bytes)
        version[item_bytes - 1] = 1;
    return version;
}

typedef struct relay {
    void *visit;
    void *user;
} relay;

static bool relay_conversation(void *user, const amphi_history_conversation *item)
{
    const relay *to = user;
    void *version = outer_version(item, sizeof *item);
    bool go_on = ((amphi_history_conversation_fn *)to->visit)(to->user, version);
    free(version);
    return go_on;
}

static amphi_status outer_conversations(
    void *self, amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    relay to = {(void *)visit, user};
    return inner.ops->conversations(inner.self, relay_conversation, &to, error);
}

static bool relay_item(void *user, const amphi_store_outbox_item *item)
{
    const relay *to = user;
    void *version = outer_version(item, sizeof *item);
    bool go_on = ((amphi_store_outbox_fn *)to->visit)(to->user, version);
    free(version);
    return go_on;
}

static amphi_status outer_entries(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    relay to = {(void *)visit, user};
    return inner.ops->outbox_entries(inner.self, relay_item, &to, error);
}

static bool relay_start(void *user, const amphi_store_start *start)
{
    const relay *to = user;
    void *version = outer_version(start, sizeof *start);
    bool go_on = ((amphi_store_start_fn *)to->visit)(to->user, version);
    free(version);
    return go_on;
}

static amphi_status outer_list(void *self, amphi_str fingerprint, int64_t since_ms,
    amphi_store_start_fn *visit, void *user, amphi_error *error)
{
    relay to = {(void *)visit, user};
    return inner.ops->ledger_list(inner.self, fingerprint, since_ms, relay_start, &to, error);
}

/* A client over that store; what the visitors see is of this library's version all the same. */
static void use_store_of(size_t bytes, void (*use)(void))
{
    chat_fixture f;
    amphi_store_ops ops = *inner.ops;
    ops.conversations = outer_conversations;
    ops.outbox_entries = outer_entries;
    ops.ledger_list = outer_list;
    chat_fixture before = fixture;
    item_bytes = bytes;
    chat_fixture_init(&f, says_hello, says_hello);
    amphi_store own = f.parts.store;
    f.parts.store = (amphi_store){&ops, inner.self};
    chat_fixture_start(&f, NULL);
    fixture.client = f.client;
    use();
    fixture.client = before.client;
    f.parts.store = own;
    chat_fixture_close(&f);
}

static void use_conversations(void)
{
    seen s = {.bytes = sizeof(amphi_history_conversation)};
    show_conversations(&s);
    assert_int_equal(s.count, 1);
}

static void use_outbox(void)
{
    seen s = {.bytes = sizeof(amphi_outbox_entry)};
    show_outbox(&s);
    assert_int_equal(s.count, 1);
}

static void use_ledger(void)
{
    amphi_chat_request request;
    fill_request(&request);
    assert_int_equal(call_chat_start(&request, NULL), AMPHI_OK);
    assert_int_equal(call_explain(&request, NULL), AMPHI_OK);
}

static void handed__over_by_a_store_of_another_version(void **state)
{
    inner = fixture.parts.store;
    for (size_t bytes = offsetof(amphi_history_conversation, updated_ms);
         bytes <= sizeof(amphi_history_conversation) + 8; bytes += 8)
        use_store_of(bytes, use_conversations);
    for (size_t bytes = offsetof(amphi_store_outbox_item, conversation_id);
         bytes <= sizeof(amphi_store_outbox_item) + 8; bytes += 8)
        use_store_of(bytes, use_outbox);
    for (size_t bytes = 8; bytes <= sizeof(amphi_store_start) + 8; bytes += 8)
        use_store_of(bytes, use_ledger);
}

/* ---- */

static int set_up(void **state)
{
    scratch_dir_make(&scratch);
    setenv("XDG_DATA_HOME", scratch.path, 1); /* where a caller without data_dir lands */
    chat_fixture_open(&fixture, says_hello, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    request.conversation_id = AMPHI_STR("c");
    finished = chat_fixture_begin(&fixture, &request, "Hi");
    chat_fixture_pull(&fixture, finished);
    amphi_store_outbox_item item;
    fill_outbox_item(&item);
    item.not_before_ms = INT64_MAX / 2; /* not to be sent meanwhile */
    item.created_ms = 4102444800000;    /* nor dropped for its age */
    assert_int_equal(
        fixture.parts.store.ops->outbox_add(fixture.parts.store.self, &item, NULL), AMPHI_OK);
    return 0;
}

static int tear_down(void **state)
{
    amphi_stream_free(finished);
    chat_fixture_close(&fixture);
    scratch_dir_remove(&scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__what_an_older_caller_lacks_counts_as_zero),
        cmocka_unit_test(read__a_newer_callers_tail_must_be_zero),
        cmocka_unit_test(read__a_size_that_is_none_is_refused_with_the_init_function),
        cmocka_unit_test(read__the_first_element_says_how_far_the_next_one_is),
        cmocka_unit_test(fill__never_writes_behind_the_callers_size),
        cmocka_unit_test(fill__a_size_that_is_none_gets_nothing),
        cmocka_unit_test(handed__out_with_its_size),
        cmocka_unit_test(handed__over_by_a_store_of_another_version),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
