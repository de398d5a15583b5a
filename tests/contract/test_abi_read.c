/* SPDX-License-Identifier: Apache-2.0
 *
 * Structs that the library reads, from callers that were built against another version of the
 * headers: older ones, whose struct ends at each possible size (on the heap, so that
 * AddressSanitizer sees a read behind it), and newer ones with an empty and with a used tail.
 * test_headers.py holds the table to the public headers, so that no struct can be forgotten.
 */
#include "local/local.h"
#include "remote/remote.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"
#include "storage/storage.h"
#include "storage/store_checks.h"
#include "storage/stores.h"
#include "tests/support/abi_caller.h"

#include <amphi/model.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct read_case {
    const char *name;
    size_t bytes;
    void (*fill)(void *whole);
    amphi_status (*call)(const void *argument, amphi_error *error);
} read_case;

static amphi_status call_client_new(const void *argument, amphi_error *error)
{
    amphi_client *client = NULL;
    amphi_status status = amphi_client_new(&client, argument, error);
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
static amphi_status call_doctor(const void *argument, amphi_error *error)
{
    ignore_finding_failed = false;
    amphi_status status = amphi_doctor(argument, ignore_finding, NULL, error);
    if (status == AMPHI_OK && ignore_finding_failed)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "struct_size, or what it lacks: _init");
    return status;
}

static amphi_status call_with_endpoint(const void *argument, amphi_error *error)
{
    amphi_client_options options;
    abi_fill_client_options(&options);
    options.endpoints = argument;
    options.endpoints_count = 1;
    return call_client_new(&options, error);
}

static void fill_parts(void *whole)
{
    memcpy(whole, &abi_fixture.parts, sizeof(amphi_parts));
}

/* No version of amphi_parts ends between the ops and the self of one part. */
static bool cuts_a_part(size_t bytes)
{
    return bytes > offsetof(amphi_parts, keys) && bytes < offsetof(amphi_parts, engines) &&
           (bytes - offsetof(amphi_parts, keys)) % sizeof(amphi_keys) != 0;
}

static amphi_status call_with_parts(const void *argument, amphi_error *error)
{
    amphi_client_options options;
    abi_fill_client_options(&options);
    options.parts = argument;
    return call_client_new(&options, error);
}

static amphi_status call_explain_json(const void *argument, amphi_error *error)
{
    char *json = NULL;
    amphi_status status = amphi_route_explain_json(abi_fixture.client, argument, &json, error);
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

static amphi_status call_push(const void *argument, amphi_error *error)
{
    return amphi_device_push(abi_fixture.client, argument, error);
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

static amphi_status call_model_open(const void *argument, amphi_error *error)
{
    amphi_model *model = NULL;
    char path[512];
    assert_int_equal(amphi__local_default_model(path, sizeof path), AMPHI_OK);
    amphi_status status = amphi_model_open(&model, amphi_str_from(path), argument, error);
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

static amphi_status start_and_free(amphi_engine engine, const void *argument, amphi_error *error)
{
    const amphi_engine_sink sink = {NULL, ignore_event};
    amphi_engine_run *run = NULL;
    amphi_status status = engine.ops->start(engine.self, &run, argument, &sink, error);
    assert_true((run != NULL) == (status == AMPHI_OK));
    if (run != NULL)
        engine.ops->release(engine.self, run);
    engine.ops->free(engine.self);
    return status;
}

static amphi_status call_process_start(const void *argument, amphi_error *error)
{
    return start_and_free(abi_make_local(AMPHI_ISOLATION_PROCESS), argument, error);
}

static amphi_status call_thread_start(const void *argument, amphi_error *error)
{
    return start_and_free(abi_make_local(AMPHI_ISOLATION_THREAD), argument, error);
}

static amphi_status call_endpoint_start(const void *argument, amphi_error *error)
{
    amphi_http http;
    assert_int_equal(amphi__http_new(&http, NULL), AMPHI_OK);
    amphi_status status = start_and_free(abi_make_endpoint(http), argument, error);
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

static amphi_status call_http(const void *argument, amphi_error *error)
{
    const amphi_http_sink sink = {NULL, ignore_headers, ignore_body, ignore_end};
    amphi_http http;
    amphi_http_exchange *exchange = NULL;
    assert_int_equal(amphi__http_new(&http, NULL), AMPHI_OK);
    http.ops->warm(http.self, argument);
    amphi_status status = http.ops->start(http.self, &exchange, argument, &sink, error);
    if (exchange != NULL)
        http.ops->release(http.self, exchange);
    http.ops->free(http.self);
    return status;
}

/* Both stores, one after the other; they have to agree. */
static amphi_status in_both_stores(
    amphi_status (*call)(amphi_store store, const void *argument, amphi_error *error),
    const void *argument, amphi_error *error)
{
    amphi_keys keys;
    amphi_store stores[2];
    assert_int_equal(amphi__keys_file_new(&keys, amphi_str_from(abi_scratch.path), NULL), AMPHI_OK);
    const amphi_storage_options options = {
        .data_dir = amphi_str_from(abi_scratch.path), .keys = keys};
    assert_int_equal(amphi__store_memory_new(&stores[0], &options, NULL), AMPHI_OK);
    assert_int_equal(amphi__store_new(&stores[1], &options, NULL), AMPHI_OK);
    amphi_status in_memory = call(stores[0], argument, error);
    amphi_status status = call(stores[1], argument, error);
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
    turn->privacy = AMPHI_PRIVACY_PRIVATE;
    turn->erasure_epoch = 1;
}

static amphi_status append_turn(amphi_store store, const void *argument, amphi_error *error)
{
    return store.ops->turn_append(store.self, argument, error);
}

static amphi_status call_turn_append(const void *argument, amphi_error *error)
{
    return in_both_stores(append_turn, argument, error);
}

static void fill_row_query(void *whole)
{
    amphi_store_row_query *query = whole;
    amphi_store_row_query_init(query);
    query->conversation_id = AMPHI_STR("none");
    query->newest_first = true;
    query->from_id = 9;
    query->limit = 2;
}

static bool ignore_row(void *user, const amphi_store_row *row)
{
    return true;
}

static amphi_status read_rows(amphi_store store, const void *argument, amphi_error *error)
{
    return store.ops->rows(store.self, argument, ignore_row, NULL, error);
}

static amphi_status call_rows(const void *argument, amphi_error *error)
{
    return in_both_stores(read_rows, argument, error);
}

static void fill_cache_entry(void *whole)
{
    static const uint8_t key[AMPHI_CACHE_KEY_BYTES] = {1};
    amphi_store_cache_entry *entry = whole;
    amphi_store_cache_entry_init(entry);
    entry->key = key;
    entry->value = AMPHI_STR("v");
    entry->expires_ms = 9;
}

static amphi_status append_cached(amphi_store store, const void *argument, amphi_error *error)
{
    amphi_store_turn turn;
    fill_turn(&turn);
    turn.cached = argument;
    return store.ops->turn_append(store.self, &turn, error);
}

static amphi_status call_append_cached(const void *argument, amphi_error *error)
{
    return in_both_stores(append_cached, argument, error);
}

static void fill_history_query(void *whole)
{
    amphi_history_query *query = whole;
    amphi_history_query_init(query);
    query->conversation_id = AMPHI_STR("none");
    query->cursor = AMPHI_STR("1,2,3");
    query->limit = 2;
    query->backwards = query->with_archived = true;
}

static void fill_search_query(void *whole)
{
    amphi_search_query *query = whole;
    amphi_search_query_init(query);
    query->words = AMPHI_STR("w");
    query->before_id = 9;
    query->limit = 2;
}

static bool ignore_hit(void *user, const amphi_search_hit *hit)
{
    return true;
}

static amphi_status search_in_store(amphi_store store, const void *argument, amphi_error *error)
{
    return store.ops->search(store.self, argument, ignore_hit, NULL, error);
}

static amphi_status call_search_in_store(const void *argument, amphi_error *error)
{
    return in_both_stores(search_in_store, argument, error);
}

static amphi_status call_search(const void *argument, amphi_error *error)
{
    return amphi_history_search(abi_fixture.client, argument, ignore_hit, NULL, error);
}

static bool ignore_conversation(void *user, const amphi_history_conversation *item)
{
    return true;
}

static amphi_status call_list(const void *argument, amphi_error *error)
{
    return amphi_history_list(abi_fixture.client, argument, ignore_conversation, NULL, error);
}

static void fill_message_query(void *whole)
{
    amphi_history_message_query *query = whole;
    amphi_history_message_query_init(query);
    query->conversation_id = AMPHI_STR("c");
    query->from_id = 9;
    query->limit = 2;
    query->newest_first = true;
}

static bool ignore_message(void *user, const amphi_history_message *item)
{
    return true;
}

static amphi_status call_read(const void *argument, amphi_error *error)
{
    return amphi_history_read(abi_fixture.client, argument, ignore_message, NULL, error);
}

static void fill_change(void *whole)
{
    amphi_store_change *change = whole;
    amphi_store_change_init(change);
    change->conversation_id = AMPHI_STR("none");
    change->sets_title = change->is_pinned = true;
}

static amphi_status change_in_store(amphi_store store, const void *argument, amphi_error *error)
{
    return store.ops->change(store.self, argument, error);
}

static amphi_status call_change(const void *argument, amphi_error *error)
{
    return in_both_stores(change_in_store, argument, error);
}

static void fill_erasure(void *whole)
{
    amphi_store_erasure *what = whole;
    amphi_store_erasure_init(what);
    what->conversation_id = AMPHI_STR("none");
    what->message_id = 4;
}

static amphi_status erase_in_store(amphi_store store, const void *argument, amphi_error *error)
{
    amphi_history_receipt receipt;
    amphi_history_receipt_init(&receipt);
    return store.ops->erase(store.self, argument, &receipt, error);
}

static amphi_status call_erase(const void *argument, amphi_error *error)
{
    return in_both_stores(erase_in_store, argument, error);
}

static void fill_import(void *whole)
{
    static const amphi_store_row row = {.struct_size = sizeof row,
        .id = 7,
        .created_ms = 1,
        .message = {.role = {"user", 4}, .content = {"Hi", 2}}};
    amphi_store_import *what = whole;
    amphi_store_import_init(what);
    what->conversation_id = AMPHI_STR("imported");
    what->title = AMPHI_STR("t");
    what->is_pinned = what->is_archived = true;
    what->rows = &row;
    what->rows_count = 1;
}

/* The memory store has no import. */
static amphi_status import_in_store(amphi_store store, const void *argument, amphi_error *error)
{
    uint64_t added = 0;
    amphi_store_import own;
    return store.ops->import != NULL ? store.ops->import(store.self, argument, &added, error)
                                     : amphi__read_import(&own, argument, error);
}

static amphi_status call_import(const void *argument, amphi_error *error)
{
    return in_both_stores(import_in_store, argument, error);
}

static void fill_retention(void *whole)
{
    amphi_history_retention *keep = whole;
    amphi_history_retention_init(keep);
    keep->max_bytes = keep->max_age_ms = 1ull << 40;
}

static amphi_status call_prune(const void *argument, amphi_error *error)
{
    return amphi_history_prune(abi_fixture.client, argument, NULL, error);
}

static amphi_status add_item(amphi_store store, const void *argument, amphi_error *error)
{
    amphi_status status = store.ops->outbox_add(store.self, argument, error);
    if (status == AMPHI_OK)
        (void)store.ops->outbox_remove(store.self, AMPHI_STR("id"), NULL);
    return status;
}

static amphi_status call_outbox_add(const void *argument, amphi_error *error)
{
    return in_both_stores(add_item, argument, error);
}

static void fill_outbox_change(void *whole)
{
    amphi_store_outbox_change *change = whole;
    amphi_store_outbox_change_init(change);
    change->id = AMPHI_STR("id");
    change->kind = AMPHI_OUTBOX_CHANGE_REPORTED;
    change->reason = AMPHI_STR("r");
    change->state = AMPHI_OUTBOX_EXPIRED;
}

static amphi_status make_change(amphi_store store, const void *argument, amphi_error *error)
{
    amphi_store_outbox_item item;
    abi_fill_outbox_item(&item);
    assert_int_equal(store.ops->outbox_add(store.self, &item, NULL), AMPHI_OK);
    amphi_status status = store.ops->outbox_change(store.self, argument, error);
    assert_int_equal(store.ops->outbox_remove(store.self, AMPHI_STR("id"), NULL), AMPHI_OK);
    return status;
}

static amphi_status call_outbox_change(const void *argument, amphi_error *error)
{
    return in_both_stores(make_change, argument, error);
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

static amphi_status add_start(amphi_store store, const void *argument, amphi_error *error)
{
    int64_t id = 0;
    return store.ops->ledger_add(store.self, argument, &id, error);
}

static amphi_status call_ledger_add(const void *argument, amphi_error *error)
{
    return in_both_stores(add_start, argument, error);
}

#define READ(type, fill, call)                                                                     \
    {                                                                                              \
#type, sizeof(type), fill, call                                                            \
    }
static const read_case reads[] = {
    READ(amphi_client_options, abi_fill_client_options, call_client_new),
    READ(amphi_client_options, abi_fill_client_options, call_doctor),
    READ(amphi_endpoint_options, abi_fill_endpoint, call_with_endpoint),
    READ(amphi_parts, fill_parts, call_with_parts),
    READ(amphi_chat_request, abi_fill_request, abi_call_chat_start),
    READ(amphi_chat_request, abi_fill_request, abi_call_explain),
    READ(amphi_chat_request, abi_fill_request, call_explain_json),
    READ(amphi_device_facts, fill_facts, call_push),
    READ(amphi_model_options, fill_model_options, call_model_open),
    READ(amphi_engine_request, fill_engine_request, call_process_start),
    READ(amphi_engine_request, fill_engine_request, call_thread_start),
    READ(amphi_engine_request, fill_engine_request, call_endpoint_start),
    READ(amphi_http_request, fill_http_request, call_http),
    READ(amphi_store_turn, fill_turn, call_turn_append),
    READ(amphi_store_row_query, fill_row_query, call_rows),
    READ(amphi_store_cache_entry, fill_cache_entry, call_append_cached),
    READ(amphi_history_query, fill_history_query, call_list),
    READ(amphi_history_message_query, fill_message_query, call_read),
    READ(amphi_search_query, fill_search_query, call_search),
    READ(amphi_search_query, fill_search_query, call_search_in_store),
    READ(amphi_store_change, fill_change, call_change),
    READ(amphi_store_erasure, fill_erasure, call_erase),
    READ(amphi_store_import, fill_import, call_import),
    READ(amphi_history_retention, fill_retention, call_prune),
    READ(amphi_store_outbox_item, abi_fill_outbox_item, call_outbox_add),
    READ(amphi_store_outbox_change, fill_outbox_change, call_outbox_change),
    READ(amphi_store_start, fill_start, call_ledger_add),
};

enum { READS = sizeof reads / sizeof reads[0] };

static void is_refused_by_name(
    const read_case *c, const void *argument, const char *what, const char *words)
{
    amphi_error error;
    if (c->call(argument, &error) != AMPHI_E_ARGUMENT || strstr(error.message, words) == NULL)
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
            void *older = abi_make_version(whole, c->bytes, bytes);
            void *zeroed = abi_make_version(older, bytes, c->bytes);
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
        unsigned char *newer = abi_make_version(whole, c->bytes, c->bytes + ABI_TAIL_BYTES);
        amphi_status status = c->call(whole, &expected);
        if (c->call(newer, &error) != status)
            fail_msg("%s with an empty tail: %s", c->name, error.message);
        newer[c->bytes + ABI_TAIL_BYTES - 1] = 1;
        is_refused_by_name(c, newer, "with a used tail", "struct_size");
        newer[c->bytes + ABI_TAIL_BYTES - 1] = 0;
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
            abi_set_size(whole, none[k]);
            is_refused_by_name(&reads[i], whole, "with a wrong size", "_init");
        }
        free(whole);
    }
}

/* Elements of an older or a newer version stand nearer to each other, or farther apart. */
static void read__the_first_element_says_how_far_the_next_one_is(void **state)
{
    const size_t sizes[] = {offsetof(amphi_endpoint_options, context_tokens_max),
        sizeof(amphi_endpoint_options), sizeof(amphi_endpoint_options) + ABI_TAIL_BYTES};
    for (size_t i = 0; i < 3; i++) {
        amphi_client_options options;
        amphi_error error;
        amphi_endpoint_options endpoint;
        unsigned char *array = calloc(2, sizes[i]);
        abi_fill_client_options(&options);
        for (size_t k = 0; k < 2; k++) {
            abi_fill_endpoint(&endpoint);
            endpoint.name = k == 0 ? AMPHI_STR("first") : AMPHI_STR("second");
            void *element = abi_make_version(&endpoint, sizeof endpoint, sizes[i]);
            memcpy(array + k * sizes[i], element, sizes[i]);
            free(element);
        }
        options.endpoints = (const void *)array;
        options.endpoints_count = 2;
        amphi_client *client = NULL;
        if (amphi_client_new(&client, &options, &error) != AMPHI_OK)
            fail_msg("%zu: %s", sizes[i], error.message);
        amphi_client_free(client);
        abi_set_size(array + sizes[i], sizes[i] - 8);
        assert_int_equal(amphi_client_new(&client, &options, &error), AMPHI_E_ARGUMENT);
        assert_non_null(strstr(error.message, "endpoints[1].struct_size"));
        free(array);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__what_an_older_caller_lacks_counts_as_zero),
        cmocka_unit_test(read__a_newer_callers_tail_must_be_zero),
        cmocka_unit_test(read__a_size_that_is_none_is_refused_with_the_init_function),
        cmocka_unit_test(read__the_first_element_says_how_far_the_next_one_is),
    };
    return cmocka_run_group_tests(tests, abi_set_up, abi_tear_down);
}
