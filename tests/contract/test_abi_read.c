/* SPDX-License-Identifier: Apache-2.0
 *
 * Structs that the library reads, from callers that were built against another version of the
 * headers: older ones, whose struct ends at each possible size, and newer ones with an empty and
 * with a used tail.
 * test_headers.py holds the table to the public headers, so that no struct can be forgotten.
 */
#include "local/local.h"
#include "remote/remote.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "storage/storage.h"
#include "tests/support/abi_read.h"

#include <amphi/model.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

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
    facts->age_ms[1] = 7; /* a newer caller's */
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
    assert_int_equal(amphi__local_default_model(path, sizeof path, NULL), AMPHI_OK);
    amphi_status status = amphi_model_open(&model, amphi_str_from(path), argument, error);
    amphi_model_free(model);
    return status;
}

static void fill_embeddings_request(void *whole)
{
    amphi_embeddings_request *request = whole;
    amphi_embeddings_request_init(request);
    request->json = AMPHI_STR("{\"model\":\"script-1\",\"input\":\"Hi\"}");
    request->settings_json = AMPHI_STR("{\"mode\":\"only_cloud\"}");
    abi_fixture.cloud.info.embeddings = true;
}

static amphi_status call_embeddings(const void *argument, amphi_error *error)
{
    char *json = NULL;
    amphi_status status = amphi_embeddings_create(&json, abi_fixture.client, argument, NULL, error);
    amphi_string_free(json);
    return status;
}

static void fill_head_options(void *whole)
{
    amphi_head_options *options = whole;
    amphi_head_options_init(options);
    options->model_path = AMPHI_STR("local/models/amphi-help.gguf");
    options->threads = 1;
}

/* Without rows nothing is run or written. */
static amphi_status call_head_train(const void *argument, amphi_error *error)
{
    char *report = NULL;
    amphi_status status = amphi_model_head_train(&report, argument, error);
    assert_null(report);
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

static void fill_rollout_settings(void *whole)
{
    amphi_rollout_settings *settings = whole;
    static amphi_rollout_model model;
    model.name = AMPHI_STR("small");
    model.path = AMPHI_STR("small.gguf");
    amphi_rollout_settings_init(settings);
    settings->bootstrap = AMPHI_STR("{\"features\":{}}");
    settings->attributes_json = AMPHI_STR("{\"tier\":\"free\"}");
    settings->models = &model;
    settings->models_count = 1;
    settings->tls12 = true;
    settings->poll_s = 60;
}

static amphi_status call_with_rollout(const void *argument, amphi_error *error)
{
    amphi_client_options options;
    abi_fill_client_options(&options);
    options.rollout_source = AMPHI_STR("/nowhere/rollout.json");
    options.rollout = argument;
    return call_client_new(&options, error);
}

static void fill_telemetry_settings(void *whole)
{
    amphi_telemetry_settings *settings = whole;
    amphi_telemetry_settings_init(settings);
    settings->service_name = AMPHI_STR("shop");
    settings->service_version = AMPHI_STR("2.1");
    settings->tls12 = true;
    settings->interval_s = 60;
    settings->no_spans = true;
}

static amphi_status call_with_telemetry(const void *argument, amphi_error *error)
{
    amphi_client_options options;
    abi_fill_client_options(&options);
    options.telemetry = argument;
    return call_client_new(&options, error);
}

static const abi_read_case reads[] = {
    READ(amphi_client_options, abi_fill_client_options, call_client_new),
    READ(amphi_client_options, abi_fill_client_options, call_doctor),
    READ(amphi_endpoint_options, abi_fill_endpoint, call_with_endpoint),
    READ(amphi_rollout_settings, fill_rollout_settings, call_with_rollout),
    READ(amphi_telemetry_settings, fill_telemetry_settings, call_with_telemetry),
    READ(amphi_parts, fill_parts, call_with_parts, cuts_a_part),
    READ(amphi_chat_request, abi_fill_request, abi_call_chat_start),
    READ(amphi_chat_request, abi_fill_request, abi_call_explain),
    READ(amphi_chat_request, abi_fill_request, call_explain_json),
    READ(amphi_embeddings_request, fill_embeddings_request, call_embeddings),
    READ(amphi_device_facts, fill_facts, call_push),
    READ(amphi_model_options, fill_model_options, call_model_open),
    READ(amphi_head_options, fill_head_options, call_head_train),
    READ(amphi_engine_request, fill_engine_request, call_process_start),
    READ(amphi_engine_request, fill_engine_request, call_thread_start),
    READ(amphi_engine_request, fill_engine_request, call_endpoint_start),
    READ(amphi_http_request, fill_http_request, call_http),
};

enum { READS = sizeof reads / sizeof reads[0] };

static void read__what_an_older_caller_lacks_counts_as_zero(void **state)
{
    abi_read_older(reads, READS);
}

static void read__a_newer_callers_tail_must_be_zero(void **state)
{
    abi_read_newer(reads, READS);
}

static void read__a_size_that_is_none_is_refused_with_the_init_function(void **state)
{
    abi_read_no_size(reads, READS);
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
