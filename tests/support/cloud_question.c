/* SPDX-License-Identifier: Apache-2.0
 *
 * See cloud_question.h.
 */
#include "tests/support/cloud_question.h"

#include "sdk/core/clock.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

amphi_test_cloud test_cloud;

amphi_http test_http;

const char *or_else(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

amphi_status cloud_make_engine(amphi_engine *out, const cloud_question *q, amphi_error *error)
{
    char url[256];
    amphi_remote_options options;
    memset(&options, 0, sizeof options);
    amphi_endpoint_options_init(&options.endpoint);
    amphi_test_cloud_url(
        &test_cloud, url, sizeof url, or_else(q->listener, "main"), or_else(q->scenario, "ok"));
    options.endpoint.name = AMPHI_STR("cloud");
    options.endpoint.url = amphi_str_from(or_else(q->url, url));
    options.endpoint.ca_file = amphi_str_from(or_else(q->ca_file, test_cloud.ca_file));
    options.endpoint.pins = amphi_str_from(q->pins);
    options.endpoint.key_file = amphi_str_from(q->key_file);
    options.endpoint.tls12 = q->tls12;
    options.allow_http_loopback = q->http_loopback;
    options.http = test_http;
    return amphi__remote_engine_new(out, &options, error);
}

amphi_status cloud_start_run(
    amphi_engine engine, amphi_engine_run **run, const cloud_question *q, cloud_outcome *o)
{
    amphi_engine_request request;
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.body = amphi_str_from(or_else(q->body, BODY));
    request.prefix = amphi_str_from(q->prefix);
    request.idempotency_key = amphi_str_from(q->idempotency_key);
    request.connect_ms = q->connect_ms;
    amphi_engine_sink sink = engine_recorder_sink(&o->record);
    return engine.ops->start(engine.self, run, &request, &sink, &o->error);
}

void cloud_ask(cloud_outcome *o, const cloud_question *q)
{
    amphi_engine engine = {NULL, NULL};
    amphi_engine_run *run = NULL;
    memset(o, 0, sizeof *o);
    engine_recorder_init(&o->record);
    uint64_t began_ms = amphi__clock_ms(NULL);
    o->new_status = cloud_make_engine(&engine, q, &o->error);
    if (o->new_status != AMPHI_OK)
        return;
    o->start_status = cloud_start_run(engine, &run, q, o);
    if (o->start_status == AMPHI_OK) {
        assert_true(engine_recorder_wait_end(&o->record, q->wait_ms > 0 ? q->wait_ms : 15000));
        o->took_ms = amphi__clock_ms(NULL) - began_ms;
        engine.ops->release(engine.self, run);
        assert_int_equal(o->record.terminals, 1);
        assert_int_equal(o->record.after_terminal, 0);
    }
    amphi_engine_info_init(&o->info);
    engine.ops->describe(engine.self, &o->info);
    engine.ops->free(engine.self);
}

void cloud_expect_text(const cloud_outcome *o, const char *text)
{
    assert_string_equal(o->record.text.data != NULL ? o->record.text.data : "", text);
}

int cloud_question_set_up(void **state)
{
    return amphi_test_cloud_start(&test_cloud) && amphi__http_new(&test_http, NULL) == AMPHI_OK
               ? 0
               : -1;
}

int cloud_question_tear_down(void **state)
{
    test_http.ops->free(test_http.self);
    amphi_test_cloud_stop(&test_cloud);
    return 0;
}
