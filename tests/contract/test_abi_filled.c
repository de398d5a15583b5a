/* SPDX-License-Identifier: Apache-2.0
 *
 * Structs that the library fills in, for callers that were built against another version of the
 * headers: with less room and with more. test_headers.py holds the table to the public headers, so
 * that no struct can be forgotten.
 */
#include "remote/remote.h"
#include "sdk/core/sized.h"
#include "tests/support/abi_caller.h"
#include "tests/support/scratch_dir.h"

#include <amphi/keys.h>
#include <amphi/policy.h>
#include <amphi/repair.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct fill_case {
    const char *name;
    size_t bytes;
    amphi_status (*call)(void *out, amphi_error *error);
} fill_case;

static amphi_status fill_result(void *out, amphi_error *error)
{
    return amphi_stream_result(abi_finished, out, error);
}

static amphi_status fill_cache_stats(void *out, amphi_error *error)
{
    return amphi_cache_stats_read(abi_fixture.client, out, error);
}

static amphi_status fill_decision(void *out, amphi_error *error)
{
    amphi_chat_request request;
    abi_fill_request(&request);
    return amphi_route_explain(abi_fixture.client, &request, out, error);
}

static amphi_status fill_snapshot(void *out, amphi_error *error)
{
    amphi_device_facts *facts = out;
    amphi_status status = amphi_device_snapshot(abi_fixture.client, facts, error);
    size_t from = offsetof(amphi_device_facts, age_ms); /* of what the caller has: ages differ */
    for (size_t i = from; status == AMPHI_OK && i < from + sizeof facts->age_ms; i++)
        if (i < abi_size_of(facts))
            ((unsigned char *)out)[i] = 1;
    return status;
}

static amphi_status fill_parsed_endpoint(void *out, amphi_error *error)
{
    return amphi_endpoint_parse(out,
        AMPHI_STR("a=https://b.example/v1,model=m,priority=2,weight=3,prefix=yes,tls12=yes,"
                  "dialect=responses"),
        NULL, 0, error);
}

/* The time is not the same twice. */
static amphi_status fill_receipt(void *out, amphi_error *error)
{
    amphi_history_receipt *receipt = out;
    amphi_status status = amphi_history_erase_all(abi_fixture.client, NULL, NULL);
    if (status == AMPHI_OK)
        status = amphi_history_erase_all(abi_fixture.client, receipt, error);
    if (status == AMPHI_OK && AMPHI_HAS(receipt, erased_ms))
        receipt->erased_ms = 1;
    return status;
}

static bool ignore_line(void *user, amphi_str line)
{
    return true;
}

static amphi_status fill_transfer(void *out, amphi_error *error)
{
    return amphi_history_export(abi_fixture.client, true, ignore_line, NULL, out, error);
}

/* The time is not the same twice. */
static amphi_status fill_embeddings(void *out, amphi_error *error)
{
    amphi_embeddings_result *result = out;
    amphi_embeddings_request request;
    char *json = NULL;
    amphi_embeddings_request_init(&request);
    request.json = AMPHI_STR("{\"model\":\"script-1\",\"input\":\"Hi\"}");
    abi_fixture.cloud.info.embeddings = true;
    amphi_status status =
        amphi_embeddings_create(&json, abi_fixture.client, &request, result, error);
    amphi_string_free(json);
    if (status == AMPHI_OK && AMPHI_HAS(result, total_ms))
        result->total_ms = 1;
    return status;
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
    return describe_and_free(abi_make_local(AMPHI_ISOLATION_PROCESS), out, error);
}

static amphi_status fill_process_identity(void *out, amphi_error *error)
{
    return identify_and_free(abi_make_local(AMPHI_ISOLATION_PROCESS), out, error);
}

static amphi_status fill_thread_info(void *out, amphi_error *error)
{
    return describe_and_free(abi_make_local(AMPHI_ISOLATION_THREAD), out, error);
}

static amphi_status fill_thread_identity(void *out, amphi_error *error)
{
    return identify_and_free(abi_make_local(AMPHI_ISOLATION_THREAD), out, error);
}

static amphi_status fill_endpoint_info(void *out, amphi_error *error)
{
    amphi_http http;
    assert_int_equal(amphi__http_new(&http, NULL), AMPHI_OK);
    amphi_status status = describe_and_free(abi_make_endpoint(http), out, error);
    http.ops->free(http.self);
    return status;
}

/* They need no client, but its store: after a repair the fixture's client would have another file,
 * so these have a data folder of their own. */
static scratch_dir own_dir;

static void remove_own_dir(void)
{
    scratch_dir_remove(&own_dir);
}

static amphi_status with_own_store(void *out,
    amphi_status (*call)(const amphi_client_options *, void *, amphi_error *), amphi_error *error)
{
    amphi_client_options options;
    amphi_client_options_init(&options);
    if (own_dir.path[0] == '\0') {
        amphi_client *client = NULL;
        scratch_dir_make(&own_dir);
        atexit(remove_own_dir);
        options.data_dir = amphi_str_from(own_dir.path);
        assert_int_equal(amphi_client_new(&client, &options, error), AMPHI_OK);
        amphi_client_free(client);
    }
    options.data_dir = amphi_str_from(own_dir.path);
    return call(&options, out, error);
}

static amphi_status call_check(const amphi_client_options *options, void *out, amphi_error *error)
{
    return amphi_history_check(options, out, error);
}

static amphi_status call_repair(const amphi_client_options *options, void *out, amphi_error *error)
{
    size_t before = offsetof(amphi_history_repair_report, kept_path);
    amphi_status status = amphi_history_repair(options, out, error);
    if (abi_size_of(out) > before && abi_size_of(out) <= 65536) { /* a path of that moment */
        size_t room = abi_size_of(out) - before;
        size_t known = sizeof((amphi_history_repair_report *)NULL)->kept_path;
        memset((char *)out + before, 0, room < known ? room : known);
    }
    return status;
}

static amphi_status fill_check_report(void *out, amphi_error *error)
{
    return with_own_store(out, call_check, error);
}

static amphi_status fill_repair_report(void *out, amphi_error *error)
{
    return with_own_store(out, call_repair, error);
}

static amphi_status call_describe(
    const amphi_client_options *options, void *out, amphi_error *error)
{
    return amphi_keys_describe(options, out, error);
}

static amphi_status fill_keys_report(void *out, amphi_error *error)
{
    return with_own_store(out, call_describe, error);
}

static amphi_status fill_policy_field(void *out, amphi_error *error)
{
    return amphi_policy_field_at(out, 1, AMPHI_STR("{\"pinned\":[\"private_history\"]}"), error);
}

#define FILL(type, call)                                                                           \
    {                                                                                              \
#type, sizeof(type), call                                                                  \
    }
static const fill_case fills[] = {
    FILL(amphi_cache_stats, fill_cache_stats),
    FILL(amphi_chat_result, fill_result),
    FILL(amphi_decision, fill_decision),
    FILL(amphi_embeddings_result, fill_embeddings),
    FILL(amphi_device_facts, fill_snapshot),
    FILL(amphi_history_transfer, fill_transfer),
    FILL(amphi_history_receipt, fill_receipt),
    FILL(amphi_endpoint_options, fill_parsed_endpoint),
    FILL(amphi_history_check_report, fill_check_report),
    FILL(amphi_history_repair_report, fill_repair_report),
    FILL(amphi_keys_report, fill_keys_report),
    FILL(amphi_policy_field_info, fill_policy_field),
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
    abi_set_size(out, bytes);
    if (c->call(out, &error) != AMPHI_OK)
        fail_msg("%s of %zu bytes: %s", c->name, bytes, error.message);
    if (abi_size_of(out) != bytes)
        fail_msg("%s of %zu bytes: struct_size became %zu", c->name, bytes, abi_size_of(out));
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
        abi_set_size(expected, c->bytes);
        assert_int_equal(c->call(expected, NULL), AMPHI_OK);
        for (size_t bytes = sizeof(size_t); bytes <= c->bytes; bytes += sizeof(size_t))
            fill_with_room(c, expected, bytes);
        fill_with_room(c, expected, c->bytes + ABI_TAIL_BYTES);
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
            abi_set_size(out, none[k]);
            assert_int_equal(fills[i].call(out, &error), AMPHI_E_ARGUMENT);
            if (strstr(error.message, "struct_size") == NULL ||
                strstr(error.message, fills[i].name) == NULL)
                fail_msg("%s: %s", fills[i].name, error.message);
            for (size_t b = sizeof(size_t); b < fills[i].bytes; b++)
                assert_int_equal(out[b], 0xa5);
            free(out);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fill__never_writes_behind_the_callers_size),
        cmocka_unit_test(fill__a_size_that_is_none_gets_nothing),
    };
    return cmocka_run_group_tests(tests, abi_set_up, abi_tear_down);
}
