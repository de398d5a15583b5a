/* SPDX-License-Identifier: Apache-2.0
 *
 * Ops tables that were built against another version of the headers. Each one is cut off behind
 * every entry, on the heap, so that AddressSanitizer sees a read behind it, and a client is taken
 * through everything that calls the table; or it has entries of a later version, which would crash
 * if they were called.
 */
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "storage/storage.h"
#include "tests/support/chat_fixture.h"
#include "tests/support/scratch_dir.h"

#include <amphi/ext/allocator.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define TAIL_BYTES 64u

static chat_fixture fixture; /* its parts, and whole tables below in their place */
static scratch_dir scratch;
static int calls; /* of optional entries of the table that is tried */

/* ---- whole tables ---- */

static const amphi_engine_ops *scripted; /* has no optional entries */
static amphi_engine_ops engine_ops;

static amphi_status engine_count_tokens(void *self, amphi_str body, uint32_t *out)
{
    *out = 1;
    return AMPHI_OK;
}

static void engine_prewarm(void *self)
{
    calls++;
}

static void engine_unload(void *self, bool force)
{
    calls++;
}

static void engine_identify(void *self, amphi_engine_info *out)
{
    calls++;
    scripted->describe(self, out);
}

static amphi_status engine_list_models(void *self, uint32_t timeout_ms,
    amphi_engine_model_fn *model, void *user, amphi_provider_error *provider, amphi_error *error)
{
    calls++;
    return AMPHI_OK;
}

static amphi_status http_start(void *self, amphi_http_exchange **out,
    const amphi_http_request *request, const amphi_http_sink *sink, amphi_error *error)
{
    *out = NULL;
    return amphi__fail(error, AMPHI_E_OFFLINE, 0, "there is no network");
}

static void http_ignore(void *self, amphi_http_exchange *exchange)
{
}

static void http_warm(void *self, const amphi_http_request *request)
{
    calls++;
}

static void free_nothing(void *self)
{
}

static const amphi_http_ops http_ops = {.struct_size = sizeof http_ops,
    .name = "none",
    .start = http_start,
    .cancel = http_ignore,
    .release = http_ignore,
    .warm = http_warm,
    .free = free_nothing};

static amphi_status give_store_key(
    void *self, uint8_t out[AMPHI_STORE_KEY_BYTES], bool *created, amphi_error *error)
{
    memset(out, 7, AMPHI_STORE_KEY_BYTES);
    *created = false;
    return AMPHI_OK;
}

static amphi_status give_api_key(void *self, amphi_str endpoint, char *out, size_t capacity,
    size_t *size_out, amphi_error *error)
{
    calls++;
    memcpy(out, "key", 3);
    *size_out = 3;
    return AMPHI_OK;
}

static void key_is_where(void *self, char *out, size_t capacity, bool *exists)
{
    amphi__str_copy_to(out, capacity, AMPHI_STR("in this test"));
    *exists = true;
}

static amphi_status destroy_key(void *self, amphi_error *error)
{
    return AMPHI_OK;
}

static amphi_status give_no_token(
    void *self, const amphi_token_request *request, amphi_token *out, amphi_error *error)
{
    return AMPHI_E_NOT_FOUND;
}

static amphi_status sign_nothing(void *self, const amphi_sign_request *request,
    amphi_add_header_fn *add, void *user, amphi_error *error)
{
    return AMPHI_OK;
}

static const amphi_keys_ops keys_ops = {.struct_size = sizeof keys_ops,
    .name = "constant",
    .store_key = give_store_key,
    .api_key = give_api_key,
    .free = free_nothing,
    .where = key_is_where,
    .destroy = destroy_key,
    .api_token = give_no_token,
    .sign = sign_nothing};

static void snapshot(void *self, amphi_device_facts *out)
{
    out->known = AMPHI_FACT_NETWORK;
    out->network = AMPHI_NETWORK_FREE;
}

static const amphi_device_ops device_ops = {
    .struct_size = sizeof device_ops, .name = "online", .snapshot = snapshot, .free = free_nothing};

static amphi_status (*inner_ledger_add)(
    void *self, const amphi_store_start *start, int64_t *id, amphi_error *error);
static amphi_store_ops store_ops;

static amphi_status store_ledger_add(
    void *self, const amphi_store_start *start, int64_t *id, amphi_error *error)
{
    calls++;
    return inner_ledger_add(self, start, id, error);
}

static uint64_t monotonic_us(void *self)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static int64_t wall_ms(void *self)
{
    return 1700000000000;
}

static uint64_t boot_us(void *self)
{
    return monotonic_us(self);
}

static const amphi_clock test_clock = {.struct_size = sizeof test_clock,
    .name = "test",
    .monotonic_us = monotonic_us,
    .wall_ms = wall_ms,
    .boot_us = boot_us};

static amphi_status cache_secret(
    void *self, uint8_t out[AMPHI_CACHE_SECRET_BYTES], amphi_error *error)
{
    memset(out, 7, AMPHI_CACHE_SECRET_BYTES);
    return AMPHI_OK;
}

static amphi_status cache_get(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    return AMPHI_E_NOT_FOUND;
}

static amphi_status cache_put(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_str value,
    uint64_t ttl_ms, amphi_error *error)
{
    return AMPHI_OK;
}

static amphi_status cache_remove(
    void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_error *error)
{
    return AMPHI_OK;
}

static amphi_status cache_clear(void *self, amphi_error *error)
{
    calls++;
    return AMPHI_OK;
}

static const amphi_shared_cache_ops shared_cache_ops = {.struct_size = sizeof shared_cache_ops,
    .name = "nothing",
    .secret = cache_secret,
    .get = cache_get,
    .put = cache_put,
    .remove = cache_remove,
    .clear = cache_clear,
    .free = free_nothing};

static amphi_parts whole_parts(void)
{
    amphi_parts parts = fixture.parts;
    parts.clock = &test_clock;
    parts.keys.ops = &keys_ops;
    parts.store.ops = &store_ops;
    parts.http.ops = &http_ops;
    parts.device.ops = &device_ops;
    parts.local.ops = &engine_ops;
    parts.shared_cache.ops = &shared_cache_ops;
    return parts;
}

/* ---- everything that calls a table ---- */

static void ask(amphi_client *client, amphi_mode mode)
{
    amphi_chat_request request = chat_fixture_request(mode);
    request.conversation_id = AMPHI_STR("c");
    request.no_cache = mode == AMPHI_MODE_ONLY_LOCAL; /* the engine is to be started each time */
    amphi_client *own = fixture.client;
    fixture.client = client;
    chat_fixture_ask(&fixture, &request, "Hi");
    fixture.client = own;
}

static void ignore_finding(void *user, const amphi_finding *finding)
{
}

static bool ignore_conversation(void *user, const amphi_history_conversation *item)
{
    return true;
}

static bool ignore_message(void *user, const amphi_history_message *item)
{
    return true;
}

static void use(amphi_client *client)
{
    amphi_decision decision;
    amphi_decision_init(&decision);
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("Hi")};
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.messages = &message;
    request.messages_count = 1;
    uint32_t left = 0;
    ask(client, AMPHI_MODE_ONLY_LOCAL);
    ask(client, AMPHI_MODE_ONLY_CLOUD);
    assert_int_equal(amphi_route_explain(client, &request, &decision, NULL), AMPHI_OK);
    assert_int_equal(amphi_client_prewarm(client, NULL), AMPHI_OK);
    assert_int_equal(amphi_device_push_memory_pressure(client, 2, NULL), AMPHI_OK);
    assert_int_equal(amphi_device_push_memory_pressure(client, 0, NULL), AMPHI_OK);
    assert_int_equal(
        amphi_history_conversations(client, ignore_conversation, NULL, NULL), AMPHI_OK);
    assert_int_equal(
        amphi_history_messages(client, AMPHI_STR("c"), ignore_message, NULL, NULL), AMPHI_OK);
    assert_int_equal(amphi_history_delete(client, AMPHI_STR("c"), NULL), AMPHI_OK);
    assert_int_equal(amphi_outbox_flush(client, 0, &left, NULL), AMPHI_OK);
    (void)amphi_cache_clear(client, NULL); /* optional in two tables */
}

static amphi_status live(const amphi_parts *parts, amphi_error *error)
{
    amphi_client_options options;
    amphi_endpoint_options endpoint;
    amphi_client *client = NULL;
    amphi_client_options_init(&options);
    amphi_endpoint_options_init(&endpoint);
    endpoint.name = AMPHI_STR("remote");
    endpoint.url = AMPHI_STR("https://api.example.com/v1");
    options.data_dir = amphi_str_from(scratch.path);
    options.endpoints = &endpoint;
    options.endpoints_count = 1;
    options.parts = parts;
    options.rollout_source = amphi_str_from(scratch_dir_file(&scratch, "rollout.json"));
    amphi_status status = amphi_client_new(&client, &options, error);
    if (status != AMPHI_OK)
        return status;
    use(client);
    assert_int_equal(amphi_doctor(&options, ignore_finding, NULL, NULL), AMPHI_OK);
    amphi_client_free(client);
    return status;
}

/* ---- tables of other versions ---- */

static void put_clock(amphi_parts *parts, const void *table)
{
    parts->clock = table;
}

static void put_keys(amphi_parts *parts, const void *table)
{
    parts->keys.ops = table;
}

static void put_store(amphi_parts *parts, const void *table)
{
    parts->store.ops = table;
}

static void put_http(amphi_parts *parts, const void *table)
{
    parts->http.ops = table;
}

static void put_device(amphi_parts *parts, const void *table)
{
    parts->device.ops = table;
}

static void put_shared_cache(amphi_parts *parts, const void *table)
{
    parts->shared_cache.ops = table;
}

static void put_local(amphi_parts *parts, const void *table)
{
    parts->local.ops = table;
}

static void put_engine(amphi_parts *parts, const void *table)
{
    static amphi_engine engine;
    engine = (amphi_engine){table, parts->engines[0].self};
    parts->engines = &engine;
    parts->engines_count = 1;
}

/* The allocator is not one of the parts: it is set, used, and taken back. */
static amphi_status set_allocator(const void *table, amphi_error *error)
{
    amphi_status status = amphi_allocator_set(table, error);
    if (status == AMPHI_OK) {
        char *name = amphi__str_copy(AMPHI_STR("on the app's heap"));
        assert_non_null(name);
        amphi_string_free(name);
    }
    assert_int_equal(amphi_allocator_set(NULL, NULL), AMPHI_OK);
    return status;
}

static void *heap_alloc(void *self, size_t size_bytes)
{
    calls++;
    return malloc(size_bytes);
}

static void *heap_realloc(void *self, void *old, size_t size_bytes)
{
    return realloc(old, size_bytes);
}

static void heap_free(void *self, void *memory)
{
    free(memory);
}

static const amphi_allocator allocator = {.struct_size = sizeof allocator,
    .name = "test",
    .alloc = heap_alloc,
    .realloc = heap_realloc,
    .free = heap_free};

typedef struct table_case {
    const char *name; /* in messages */
    const void *whole;
    size_t bytes;
    size_t required_bytes;                              /* up to the last required entry */
    bool has_calls;                                     /* of entries that `calls` counts */
    void (*put)(amphi_parts *parts, const void *table); /* NULL: amphi_allocator_set */
} table_case;

#define UPTO(type, entry) (offsetof(type, entry) + sizeof((type *)0)->entry)
#define TABLE(type, whole, last_required, has_calls, field, put)                                   \
    {                                                                                              \
        field, whole, sizeof(type), UPTO(type, last_required), has_calls, put                      \
    }

static const table_case tables[] = {
    TABLE(amphi_clock, &test_clock, wall_ms, false, "parts.clock", put_clock),
    TABLE(amphi_keys_ops, &keys_ops, struct_size, true, "parts.keys", put_keys),
    TABLE(amphi_store_ops, &store_ops, derive_key, true, "parts.store", put_store),
    TABLE(amphi_http_ops, &http_ops, release, true, "parts.http", put_http),
    TABLE(amphi_device_ops, &device_ops, snapshot, false, "parts.device", put_device),
    TABLE(amphi_shared_cache_ops, &shared_cache_ops, put, true, "parts.shared_cache",
        put_shared_cache),
    TABLE(amphi_engine_ops, &engine_ops, release, true, "parts.local", put_local),
    TABLE(amphi_engine_ops, &engine_ops, release, true, "parts.engines[0]", put_engine),
    TABLE(amphi_allocator, &allocator, free, true, "allocator", NULL),
};

enum { TABLES = sizeof tables / sizeof tables[0] };

static void *make_table(const table_case *c, size_t bytes)
{
    unsigned char *table = malloc(bytes);
    assert_non_null(table);
    memset(table, 0x5a, bytes); /* entries of a later version: nothing to call */
    memcpy(table, c->whole, bytes < c->bytes ? bytes : c->bytes);
    memcpy(table, &bytes, sizeof bytes);
    return table;
}

static amphi_status try_table(const table_case *c, const void *table, amphi_error *error)
{
    calls = 0;
    if (c->put == NULL)
        return set_allocator(table, error);
    amphi_parts parts = whole_parts();
    c->put(&parts, table);
    return live(&parts, error);
}

static void table__is_never_read_behind_the_size_that_it_states(void **state)
{
    for (size_t i = 0; i < TABLES; i++) {
        const table_case *c = &tables[i];
        for (size_t bytes = sizeof(size_t); bytes <= c->bytes; bytes += sizeof(void *)) {
            amphi_error error = {0};
            void *table = make_table(c, bytes);
            amphi_status expected = bytes < c->required_bytes ? AMPHI_E_ARGUMENT : AMPHI_OK;
            if (try_table(c, table, &error) != expected ||
                (expected != AMPHI_OK && strstr(error.message, c->name) == NULL))
                fail_msg(
                    "%s of %zu bytes: status %d, %s", c->name, bytes, error.status, error.message);
            free(table);
        }
        if (c->has_calls && calls == 0) /* or the walk above could not fail */
            fail_msg("%s: nothing calls its optional entries", c->name);
    }
}

static void table__entries_of_a_later_version_are_not_called(void **state)
{
    for (size_t i = 0; i < TABLES; i++) {
        amphi_error error = {0};
        void *table = make_table(&tables[i], tables[i].bytes + TAIL_BYTES);
        if (try_table(&tables[i], table, &error) != AMPHI_OK)
            fail_msg("%s: %s", tables[i].name, error.message);
        free(table);
    }
}

static void table__a_size_that_is_none_is_refused_by_name(void **state)
{
    static const size_t none[] = {0, 4, SIZE_MAX};
    for (size_t i = 0; i < TABLES; i++)
        for (size_t k = 0; k < sizeof none / sizeof none[0]; k++) {
            amphi_error error = {0};
            void *table = make_table(&tables[i], tables[i].bytes);
            memcpy(table, &none[k], sizeof none[k]);
            assert_int_equal(try_table(&tables[i], table, &error), AMPHI_E_ARGUMENT);
            assert_non_null(strstr(error.message, tables[i].name));
            assert_non_null(strstr(error.message, "struct_size"));
            free(table);
        }
}

/* The client keeps none of it: an app may hand over a table from its stack. */
static void table__is_copied_when_it_is_handed_over(void **state)
{
    amphi_client_options options;
    amphi_client *client = NULL;
    amphi_engine_ops *table = make_table(&tables[6], sizeof(amphi_engine_ops));
    amphi_parts parts = whole_parts();
    parts.local.ops = table;
    amphi_client_options_init(&options);
    options.parts = &parts;
    assert_int_equal(amphi_client_new(&client, &options, NULL), AMPHI_OK);
    memset(table, 0x5a, sizeof *table);
    free(table);
    memset(&parts, 0x5a, sizeof parts);
    ask(client, AMPHI_MODE_ONLY_LOCAL);
    amphi_client_free(client);
}

static void table__keys_for_the_built_in_store_need_a_store_key(void **state)
{
    amphi_error error = {0};
    amphi_parts parts = whole_parts();
    void *table = make_table(&tables[1], offsetof(amphi_keys_ops, store_key));
    parts.keys.ops = table;
    parts.store = (amphi_store){NULL, NULL};
    assert_int_equal(live(&parts, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "key"));
    free(table);
}

/* ---- */

static int set_up(void **state)
{
    scratch_dir_make(&scratch);
    setenv("XDG_DATA_HOME", scratch.path, 1);
    scratch_write(scratch_dir_file(&scratch, "rollout.json"), "{\"features\":{}}", 15, 0600);
    chat_fixture_open(&fixture, says_hello, says_hello);
    scripted = fixture.parts.local.ops;
    engine_ops = *scripted;
    engine_ops.count_tokens = engine_count_tokens;
    engine_ops.prewarm = engine_prewarm;
    engine_ops.unload = engine_unload;
    engine_ops.identify = engine_identify;
    engine_ops.list_models = engine_list_models;
    store_ops = *fixture.parts.store.ops;
    inner_ledger_add = store_ops.ledger_add;
    store_ops.ledger_add = store_ledger_add;
    return 0;
}

static int tear_down(void **state)
{
    chat_fixture_close(&fixture);
    scratch_dir_remove(&scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__is_never_read_behind_the_size_that_it_states),
        cmocka_unit_test(table__entries_of_a_later_version_are_not_called),
        cmocka_unit_test(table__a_size_that_is_none_is_refused_by_name),
        cmocka_unit_test(table__is_copied_when_it_is_handed_over),
        cmocka_unit_test(table__keys_for_the_built_in_store_need_a_store_key),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
