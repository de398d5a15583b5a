/* SPDX-License-Identifier: Apache-2.0
 *
 * The cloud half against a cloud that misbehaves (tests/support/badcloud.py): real sockets, real
 * TLS, one engine value per question. Each fault ends with one documented status in bounded time.
 */
#include "remote/remote.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "tests/support/cloud.h"
#include "tests/support/engine_recorder.h"
#include "tests/support/memory_peak.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY  "sk-secret-0123456789abcdef"
#define BODY "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello?\"}]}"

static amphi_test_cloud cloud;
static amphi_http http;

/* What one question is asked with. */
typedef struct question {
    const char *listener; /* "main" */
    const char *scenario; /* "ok" */
    const char *body;
    const char *prefix;
    const char *url; /* instead of listener and scenario */
    const char *pins;
    const char *ca_file; /* badcloud's; "": the system's */
    const char *key_file;
    const char *idempotency_key;
    bool tls12;
    bool http_loopback;
    uint32_t connect_ms;
    unsigned wait_ms; /* 15,000 */
} question;

typedef struct outcome {
    engine_recorder record;
    amphi_status new_status;
    amphi_status start_status;
    amphi_error error; /* of new or start */
    uint64_t took_ms;
    amphi_engine_info info; /* after the answer */
} outcome;

static const char *or_else(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static amphi_status make_engine(amphi_engine *out, const question *q, amphi_error *error)
{
    char url[256];
    amphi_remote_options options;
    memset(&options, 0, sizeof options);
    amphi_endpoint_options_init(&options.endpoint);
    amphi_test_cloud_url(
        &cloud, url, sizeof url, or_else(q->listener, "main"), or_else(q->scenario, "ok"));
    options.endpoint.name = AMPHI_STR("cloud");
    options.endpoint.url = amphi_str_from(or_else(q->url, url));
    options.endpoint.ca_file = amphi_str_from(or_else(q->ca_file, cloud.ca_file));
    options.endpoint.pins = amphi_str_from(q->pins);
    options.endpoint.key_file = amphi_str_from(q->key_file);
    options.endpoint.tls12 = q->tls12;
    options.allow_http_loopback = q->http_loopback;
    options.http = http;
    return amphi__remote_engine_new(out, &options, error);
}

static amphi_status start_run(
    amphi_engine engine, amphi_engine_run **run, const question *q, outcome *o)
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

/* Asks, waits for the end, releases; *o is to be cleared with engine_recorder_clear. */
static void ask(outcome *o, const question *q)
{
    amphi_engine engine = {NULL, NULL};
    amphi_engine_run *run = NULL;
    memset(o, 0, sizeof *o);
    engine_recorder_init(&o->record);
    uint64_t began_ms = amphi__clock_ms(NULL);
    o->new_status = make_engine(&engine, q, &o->error);
    if (o->new_status != AMPHI_OK)
        return;
    o->start_status = start_run(engine, &run, q, o);
    if (o->start_status == AMPHI_OK) {
        assert_true(engine_recorder_wait_end(&o->record, q->wait_ms > 0 ? q->wait_ms : 15000));
        o->took_ms = amphi__clock_ms(NULL) - began_ms;
        engine.ops->release(engine.self, run);
        assert_int_equal(o->record.terminals, 1);
        assert_int_equal(o->record.after_terminal, 0);
    }
    engine.ops->describe(engine.self, &o->info);
    engine.ops->free(engine.self);
}

static void assert_text(const outcome *o, const char *text)
{
    assert_string_equal(o->record.text.data != NULL ? o->record.text.data : "", text);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void assert_whole(const outcome *o)
{
    if (!o->record.finished)
        print_message("%s\n", o->record.error.message);
    assert_true(o->record.finished);
    assert_text(o, AMPHI_TEST_CLOUD_ANSWER);
}

static void answer__streams_over_tls_with_model_and_usage(void **state)
{
    outcome o;
    ask(&o, &(question){.scenario = "ok"});
    assert_whole(&o);
    assert_int_equal(o.record.finish, AMPHI_FINISH_STOP);
    assert_string_equal(o.record.model.data, "badcloud-1");
    assert_int_equal(o.record.usages, 1);
    assert_int_equal(o.record.usage.prompt_tokens, 11);
    assert_int_equal(o.record.usage.completion_tokens, 22);
    assert_int_equal(o.record.usage.cached_tokens, 5);
    assert_true(o.info.ready);
    engine_recorder_clear(&o.record);
}

static void answer__comes_whole_in_every_healthy_form(void **state)
{
    static const char *const forms[] = {"slow:5", "whole", "keepalive", "gzip", "continue",
        "reasoning", "nodone", "done-open", "resetonce:0"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        outcome o;
        ask(&o, &(question){.scenario = forms[i]});
        assert_whole(&o);
        assert_true(o.took_ms < 3000);
        engine_recorder_clear(&o.record);
    }
}

static void answer__first_token_arrives_while_the_rest_is_not_sent_yet(void **state)
{
    outcome o;
    amphi_engine engine;
    amphi_engine_run *run;
    const question q = {.scenario = "slow:200"};
    memset(&o, 0, sizeof o);
    engine_recorder_init(&o.record);
    assert_int_equal(make_engine(&engine, &q, NULL), AMPHI_OK);
    assert_int_equal(start_run(engine, &run, &q, &o), AMPHI_OK);
    assert_true(engine_recorder_wait_text(&o.record, 3, 3000));
    assert_int_equal(o.record.terminals, 0);
    engine.ops->cancel(engine.self, run);
    assert_true(engine_recorder_wait_end(&o.record, 1000));
    assert_int_equal(o.record.error.status, AMPHI_E_CANCELLED);
    engine.ops->cancel(engine.self, run);
    engine.ops->release(engine.self, run);
    engine.ops->free(engine.self);
    engine_recorder_clear(&o.record);
}

static void answer__finish_reason_without_end_marker_finishes_at_once(void **state)
{
    outcome o;
    ask(&o, &(question){.scenario = "nodone-open"}); /* usage came: nothing is waited for */
    assert_whole(&o);
    assert_int_equal(o.record.usages, 1);
    assert_true(o.took_ms < 400);
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.scenario = "nousage-open"}); /* it may still come: a short wait */
    assert_whole(&o);
    assert_int_equal(o.record.usages, 0);
    assert_in_range(o.took_ms, 350, 1500);
    engine_recorder_clear(&o.record);
}

static void answer__cut_behind_the_finish_reason_is_whole(void **state)
{
    outcome o;
    ask(&o, &(question){.scenario = "nodone-cut"});
    assert_whole(&o);
    engine_recorder_clear(&o.record);
}

static void answer__tool_calls_reasoning_and_reasons_are_told_apart(void **state)
{
    outcome o;
    ask(&o, &(question){.scenario = "tools"});
    assert_int_equal(o.record.finish, AMPHI_FINISH_TOOL_CALLS);
    assert_non_null(strstr(o.record.tool_calls.data, "get_weather"));
    assert_non_null(strstr(o.record.tool_calls.data, "\"arguments\":\"ty\\\":\\\"P\""));
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.scenario = "reasoning"});
    assert_string_equal(o.record.reasoning.data, "Let me think.");
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.scenario = "length"});
    assert_int_equal(o.record.finish, AMPHI_FINISH_LENGTH);
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.scenario = "filter-stream"});
    assert_int_equal(o.record.finish, AMPHI_FINISH_CONTENT_FILTER);
    engine_recorder_clear(&o.record);
}

static void answer__given_beginning_is_continued(void **state)
{
    outcome o;
    const char *prefix = "The harbour was quiet when the first";
    ask(&o, &(question){.scenario = "ok", .prefix = prefix});
    assert_true(o.record.finished);
    assert_text(&o, AMPHI_TEST_CLOUD_ANSWER + strlen(prefix));
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.scenario = "restarts", .prefix = prefix}); /* says it all again */
    assert_true(o.record.finished);
    assert_text(&o, AMPHI_TEST_CLOUD_ANSWER + strlen(prefix));
    engine_recorder_clear(&o.record);
}

static void answer__refused_beginning_is_marked_and_learnt(void **state)
{
    outcome o;
    ask(&o, &(question){.scenario = "noprefix", .prefix = "The harbour"});
    assert_int_equal(o.record.error.status, AMPHI_E_REQUEST);
    assert_true(o.record.prefix_refused);
    assert_int_equal(o.info.prefix, AMPHI_NO);
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.scenario = "noprefix"});
    assert_whole(&o);
    engine_recorder_clear(&o.record);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

typedef struct fault {
    const char *scenario;
    amphi_status status;
    uint64_t limit_ms;
    uint32_t retry_after_from_ms;
    uint32_t retry_after_to_ms;
} fault;

static void check_faults(const fault *faults, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        outcome o;
        amphi_test_cloud_reset_counts(&cloud);
        ask(&o, &(question){.scenario = faults[i].scenario});
        if (o.record.finished || o.record.error.status != faults[i].status ||
            o.took_ms > faults[i].limit_ms) {
            print_message("%s: %s after %llu ms: %s\n", faults[i].scenario,
                o.record.finished ? "finished" : amphi_status_name(o.record.error.status),
                (unsigned long long)o.took_ms, o.record.error.message);
        }
        assert_false(o.record.finished);
        assert_int_equal(o.record.error.status, faults[i].status);
        assert_true(o.took_ms <= faults[i].limit_ms);
        assert_in_range(o.record.error.retry_after_ms, faults[i].retry_after_from_ms,
            faults[i].retry_after_to_ms);
        assert_int_equal(amphi_test_cloud_attempts(&cloud, faults[i].scenario), 1);
        engine_recorder_clear(&o.record);
    }
}

static void fault__http_status_is_mapped_with_its_delay(void **state)
{
    static const fault faults[] = {
        {"429", AMPHI_E_RATE_LIMITED, 2000, 0, 0},
        {"429:7", AMPHI_E_RATE_LIMITED, 2000, 7000, 7000},
        {"429-date:9", AMPHI_E_RATE_LIMITED, 2000, 7000, 9000},
        {"429-body:37", AMPHI_E_RATE_LIMITED, 2000, 37000, 37000},
        {"429-prose", AMPHI_E_RATE_LIMITED, 2000, 1250, 1250},
        {"500", AMPHI_E_PROVIDER, 2000, 0, 0},
        {"503:3", AMPHI_E_PROVIDER, 2000, 3000, 3000},
        {"status:504", AMPHI_E_PROVIDER, 2000, 0, 0},
        {"status:408", AMPHI_E_PROVIDER, 2000, 0, 0},
        {"status:404", AMPHI_E_REQUEST, 2000, 0, 0},
        {"status:403", AMPHI_E_AUTH, 2000, 0, 0},
        {"401", AMPHI_E_AUTH, 2000, 0, 0},
        {"context", AMPHI_E_CONTEXT_LENGTH, 2000, 0, 0},
        {"filter", AMPHI_E_CONTENT_FILTER, 2000, 0, 0},
        {"error-open", AMPHI_E_PROVIDER, 2500, 0, 0},
    };
    check_faults(faults, sizeof faults / sizeof *faults);
}

static void fault__broken_connection_is_never_a_whole_answer(void **state)
{
    static const fault faults[] = {
        {"reset", AMPHI_E_NETWORK, 2000, 0, 0},
        {"close", AMPHI_E_NETWORK, 2000, 0, 0},
        {"cut", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-reset", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-notify", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-end", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-done", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-length", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-length-notify", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-open", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-open-notify", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"empty", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"garbage", AMPHI_E_PROTOCOL, 2000, 0, 0},
        {"error-stream", AMPHI_E_PROVIDER, 2000, 0, 0},
        {"html", AMPHI_E_PROTOCOL, 2000, 0, 0},
        {"bad-gzip", AMPHI_E_PROTOCOL, 2000, 0, 0},
        {"redirect:http", AMPHI_E_PROTOCOL, 2500, 0, 0},
        {"redirect:https", AMPHI_E_PROTOCOL, 2500, 0, 0},
    };
    check_faults(faults, sizeof faults / sizeof *faults);
}

static void fault__endless_answers_meet_a_limit_in_bounded_time_and_memory(void **state)
{
    static const fault faults[] = {
        {"endless-header", AMPHI_E_LIMIT, 5000, 0, 0},
        {"endless-headers", AMPHI_E_LIMIT, 5000, 0, 0},
        {"endless-interim", AMPHI_E_LIMIT, 5000, 0, 0},
        {"endless-line", AMPHI_E_LIMIT, 10000, 0, 0},
        {"bomb", AMPHI_E_LIMIT, 14000, 0, 0},
        {"events", AMPHI_E_LIMIT, 14000, 0, 0},
    };
    uint64_t before = memory_peak_begin();
    check_faults(faults, sizeof faults / sizeof *faults);
    uint64_t after = memory_peak_bytes();
    print_message("memory growth %lld KiB\n", ((long long)after - (long long)before) / 1024);
    assert_true(after < before + (32u << 20));
}

static void fault__cancel_ends_silence_and_stalls_at_once(void **state)
{
    static const char *const scenarios[] = {"silence", "stall", "late", "drip"};
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        outcome o;
        amphi_engine engine;
        amphi_engine_run *run;
        const question q = {.scenario = scenarios[i]};
        memset(&o, 0, sizeof o);
        engine_recorder_init(&o.record);
        amphi_test_cloud_reset_counts(&cloud);
        assert_int_equal(make_engine(&engine, &q, NULL), AMPHI_OK);
        assert_int_equal(start_run(engine, &run, &q, &o), AMPHI_OK);
        assert_false(engine_recorder_wait_end(&o.record, 300));
        uint64_t began_ms = amphi__clock_ms(NULL);
        engine.ops->cancel(engine.self, run);
        assert_true(engine_recorder_wait_end(&o.record, 2000));
        engine.ops->release(engine.self, run);
        assert_true(amphi__clock_ms(NULL) - began_ms < 500);
        assert_int_equal(o.record.error.status, AMPHI_E_CANCELLED);
        assert_int_equal(amphi_test_cloud_attempts(&cloud, scenarios[i]), 1);
        engine.ops->free(engine.self);
        engine_recorder_clear(&o.record);
    }
}

static void fault__release_without_cancel_ends_a_running_answer(void **state)
{
    outcome o;
    amphi_engine engine;
    amphi_engine_run *run;
    const question q = {.scenario = "silence"};
    memset(&o, 0, sizeof o);
    engine_recorder_init(&o.record);
    assert_int_equal(make_engine(&engine, &q, NULL), AMPHI_OK);
    assert_int_equal(start_run(engine, &run, &q, &o), AMPHI_OK);
    uint64_t began_ms = amphi__clock_ms(NULL);
    engine.ops->release(engine.self, run);
    assert_true(amphi__clock_ms(NULL) - began_ms < 500);
    assert_int_equal(o.record.terminals, 1);
    engine.ops->free(engine.self);
    engine_recorder_clear(&o.record);
}

static void fault__unreachable_servers_fail_inside_the_connect_budget(void **state)
{
    outcome o;
    ask(&o, &(question){.listener = "mute", .connect_ms = 400});
    assert_int_equal(o.record.error.status, AMPHI_E_TIMEOUT);
    assert_in_range(o.took_ms, 300, 2000);
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.listener = "closer"});
    assert_int_equal(o.record.error.status, AMPHI_E_NETWORK);
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.url = "https://127.0.0.1:1/v1"});
    assert_int_equal(o.record.error.status, AMPHI_E_NETWORK);
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.url = "https://no-such-host.invalid/v1", .connect_ms = 3000});
    assert_true(
        o.record.error.status == AMPHI_E_OFFLINE || o.record.error.status == AMPHI_E_TIMEOUT);
    engine_recorder_clear(&o.record);
}

/* ---- Who is let in --------------------------------------------------------------------------- */

typedef struct tls_case {
    const char *listener;
    const char *pin_of; /* a pin of this listener's key; NULL: no pins */
    const char *backup_pin_of;
    bool tls12;
    bool accepted;
    amphi_status status;
} tls_case;

static const tls_case tls_cases[] = {
    {"main", NULL, NULL, false, true, AMPHI_OK},
    {"tls13", NULL, NULL, false, true, AMPHI_OK},
    {"tls13", NULL, NULL, true, true, AMPHI_OK},
    {"chained", NULL, NULL, false, true, AMPHI_OK},
    {"wrong-host", NULL, NULL, false, false, AMPHI_E_TLS},
    {"no-names", NULL, NULL, false, true, AMPHI_OK}, /* curl still reads a common name */
    {"wildcard", NULL, NULL, false, false, AMPHI_E_TLS},
    {"expired", NULL, NULL, false, false, AMPHI_E_TLS},
    {"not-yet", NULL, NULL, false, false, AMPHI_E_TLS},
    {"self-signed", NULL, NULL, false, false, AMPHI_E_TLS},
    {"other-authority", NULL, NULL, false, false, AMPHI_E_TLS},
    {"by-leaf", NULL, NULL, false, false, AMPHI_E_TLS},
    {"chain-missing", NULL, NULL, false, false, AMPHI_E_TLS},
    {"client-only", NULL, NULL, false, false, AMPHI_E_TLS},
    {"weak-key", NULL, NULL, false, false, AMPHI_E_TLS},
    {"main", "main", NULL, false, true, AMPHI_OK},
    {"main", "rotated", NULL, false, false, AMPHI_E_TLS},
    {"main", "rotated", "main", false, true, AMPHI_OK},    /* the backup pin fits */
    {"rotated", "main", NULL, false, false, AMPHI_E_TLS},  /* stale pin after rotation */
    {"rotated", "main", "rotated", false, true, AMPHI_OK}, /* rotation with a backup */
    {"main", "ca", NULL, false, false, AMPHI_E_TLS},       /* only the leaf's key counts */
    {"self-signed", "self-signed", NULL, false, false, AMPHI_E_TLS}, /* a pin is no pardon */
    {"expired", "expired", NULL, false, false, AMPHI_E_TLS},
    {"wrong-host", "wrong-host", NULL, false, false, AMPHI_E_TLS},
    {"other-authority", "other-authority", NULL, false, false, AMPHI_E_TLS},
    {"tls12", NULL, NULL, false, false, AMPHI_E_TLS},
    {"tls12", NULL, NULL, true, true, AMPHI_OK},
    {"tls12", "rotated", NULL, true, false, AMPHI_E_TLS},
    {"tls11", NULL, NULL, false, false, AMPHI_E_TLS},
    {"tls11", NULL, NULL, true, false, AMPHI_E_TLS},
};

static void check_tls_case(const tls_case *c)
{
    outcome o;
    char pins[256] = "";
    amphi_test_cloud_reset_counts(&cloud);
    if (c->pin_of != NULL) {
        amphi_str pin = amphi_test_cloud_pin(&cloud, c->pin_of);
        amphi_str backup =
            amphi_test_cloud_pin(&cloud, c->backup_pin_of != NULL ? c->backup_pin_of : "");
        snprintf(pins, sizeof pins, "%.*s%s%.*s", (int)pin.size, pin.data,
            backup.size > 0 ? ";" : "", (int)backup.size, backup.size > 0 ? backup.data : "");
    }
    ask(&o, &(question){.listener = c->listener, .pins = pins, .tls12 = c->tls12});
    int64_t bytes = amphi_test_cloud_bytes(&cloud, c->listener);
    if (o.record.finished != c->accepted || o.record.error.status != c->status) {
        print_message("%s pin %s tls12 %d: finished %d, %s: %s\n", c->listener,
            or_else(c->pin_of, "-"), c->tls12, o.record.finished,
            amphi_status_name(o.record.error.status), o.record.error.message);
    }
    assert_int_equal(o.record.finished, c->accepted);
    assert_int_equal(o.record.error.status, c->status);
    if (c->accepted)
        assert_true(bytes > 0);
    else
        assert_int_equal(bytes, 0);
    engine_recorder_clear(&o.record);
}

/* All on one transport: a connection or a TLS session that was good for one set of options must
 * not let another one in. Twice, so that there are sessions to be resumed. */
static void tls__only_the_documented_servers_see_a_byte(void **state)
{
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof tls_cases / sizeof *tls_cases; i++)
            check_tls_case(&tls_cases[i]);
}

static void tls__given_ca_file_replaces_the_systems_and_must_be_readable(void **state)
{
    outcome o;
    amphi_test_cloud_reset_counts(&cloud);
    ask(&o, &(question){.ca_file = ""}); /* the system's authorities don't know badcloud's */
    assert_int_equal(o.record.error.status, AMPHI_E_TLS);
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.ca_file = "/does/not/exist.pem"});
    assert_int_equal(o.record.error.status, AMPHI_E_TLS);
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.ca_file = "/dev/null"});
    assert_int_equal(o.record.error.status, AMPHI_E_TLS);
    engine_recorder_clear(&o.record);
    assert_int_equal(amphi_test_cloud_bytes(&cloud, "main"), 0);
}

static void http__plain_is_refused_except_to_loopback_by_option(void **state)
{
    static const char *const refused[] = {"http://example.com/v1",
        "http://127.0.0.1.example.com/v1", "http://localhost.example.com/v1", "http://127.1/v1",
        "http://0x7f.0.0.1/v1", "http://user@127.0.0.1/v1", "http://127.0.0.1@example.com/v1",
        "http://[::2]/v1", "http://10.0.0.1/v1", "ftp://localhost/v1", "file:///etc/passwd",
        "http://localhost\\@example.com/v1", "https://localhost:0/v1", "https://"};
    outcome o;
    amphi_test_cloud_reset_counts(&cloud);
    ask(&o, &(question){.listener = "plain"});
    assert_int_equal(o.new_status, AMPHI_E_ARGUMENT);
    assert_int_equal(amphi_test_cloud_connections(&cloud, "plain"), 0);
    engine_recorder_clear(&o.record);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        ask(&o, &(question){.url = refused[i], .http_loopback = true});
        assert_int_equal(o.new_status, AMPHI_E_ARGUMENT);
        engine_recorder_clear(&o.record);
    }
    ask(&o, &(question){.listener = "plain", .http_loopback = true});
    assert_whole(&o);
    engine_recorder_clear(&o.record);
}

static void http__proxy_is_never_used_for_loopback(void **state)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY"};
    outcome o;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    ask(&o, &(question){.listener = "plain", .http_loopback = true});
    assert_whole(&o);
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.scenario = "ok"});
    assert_whole(&o);
    engine_recorder_clear(&o.record);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static void http__redirects_are_not_followed(void **state)
{
    outcome o;
    amphi_test_cloud_reset_counts(&cloud);
    ask(&o, &(question){.scenario = "redirect:http", .http_loopback = true});
    assert_int_equal(o.record.error.status, AMPHI_E_PROTOCOL);
    assert_int_equal(amphi_test_cloud_connections(&cloud, "plain"), 0);
    engine_recorder_clear(&o.record);
    ask(&o, &(question){.scenario = "redirect:https"});
    assert_int_equal(o.record.error.status, AMPHI_E_PROTOCOL);
    assert_int_equal(amphi_test_cloud_connections(&cloud, "rotated"), 0);
    engine_recorder_clear(&o.record);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void request__carries_key_agent_and_idempotency_key(void **state)
{
    char path[] = "/tmp/amphi-key-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_file(path, KEY "\n");
    outcome o;
    ask(&o, &(question){.key_file = path, .idempotency_key = "idem-1"});
    assert_whole(&o);
    engine_recorder_clear(&o.record);
    amphi_json *last = amphi_test_cloud_last(&cloud, "ok");
    const amphi_json *headers = amphi__json_get(last, "headers");
    assert_true(amphi__str_equal_c(
        amphi__json_string(amphi__json_get(headers, "authorization")), "Bearer " KEY));
    assert_true(amphi__str_equal_c(
        amphi__json_string(amphi__json_get(headers, "idempotency-key")), "idem-1"));
    assert_true(amphi__str_starts_with(
        amphi__json_string(amphi__json_get(headers, "user-agent")), AMPHI_STR("amphi/")));
    amphi__json_free(last);

    ask(&o, &(question){.scenario = "401", .key_file = path}); /* a server that repeats the key */
    assert_int_equal(o.record.error.status, AMPHI_E_AUTH);
    assert_null(strstr(o.record.error.message, "sk-"));
    engine_recorder_clear(&o.record);
    unlink(path);
}

static void request__bad_key_file_is_refused_before_any_byte(void **state)
{
    char path[] = "/tmp/amphi-key-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    static const char *const bad[] = {
        KEY "\nX-Evil: 1\n", "two words", "", "\n", "gr\xC3\xBC\xC3\x9F"};
    amphi_test_cloud_reset_counts(&cloud);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        outcome o;
        write_file(path, bad[i]);
        ask(&o, &(question){.key_file = path});
        assert_int_equal(o.start_status, AMPHI_E_FORMAT);
        assert_null(strstr(o.error.message, "sk-"));
        engine_recorder_clear(&o.record);
    }
    unlink(path);
    outcome o;
    ask(&o, &(question){.key_file = path});
    assert_int_equal(o.start_status, AMPHI_E_NOT_FOUND);
    assert_false(o.info.available);
    assert_true(o.info.why[0] != '\0');
    engine_recorder_clear(&o.record);
    assert_int_equal(amphi_test_cloud_bytes(&cloud, "main"), 0);
}

static void request__header_injection_is_refused(void **state)
{
    outcome o;
    ask(&o, &(question){.idempotency_key = "a\r\nX-Evil: 1"});
    assert_int_equal(o.start_status, AMPHI_E_ARGUMENT);
    engine_recorder_clear(&o.record);
}

/* ---- Connections ----------------------------------------------------------------------------- */

static void connection__is_reused_and_warmed_ahead(void **state)
{
    outcome o;
    amphi_engine engine;
    amphi_engine_run *run;
    amphi_http fresh;
    amphi_http before = http;
    const question q = {.scenario = "ok"};
    assert_int_equal(amphi__http_new(&fresh, NULL), AMPHI_OK);
    http = fresh;
    amphi_test_cloud_reset_counts(&cloud);
    assert_int_equal(make_engine(&engine, &q, NULL), AMPHI_OK);
    engine.ops->prewarm(engine.self);
    for (int i = 0; i < 100 && amphi_test_cloud_bytes(&cloud, "main") == 0; i++)
        usleep(20000);
    assert_int_equal(amphi_test_cloud_attempts(&cloud, "*"), 0); /* a warm-up is no request */
    usleep(100000);
    for (int i = 0; i < 20; i++) {
        memset(&o, 0, sizeof o);
        engine_recorder_init(&o.record);
        assert_int_equal(start_run(engine, &run, &q, &o), AMPHI_OK);
        assert_true(engine_recorder_wait_end(&o.record, 5000));
        engine.ops->release(engine.self, run);
        assert_whole(&o);
        engine_recorder_clear(&o.record);
        usleep(2000); /* the body's end is read behind our back */
    }
    assert_int_equal(amphi_test_cloud_connections(&cloud, "main"), 1);
    engine.ops->free(engine.self);
    http = before;
    fresh.ops->free(fresh.self);
}

static void connection__many_answers_at_once_on_one_thread(void **state)
{
    enum { COUNT = 24 };
    static outcome outcomes[COUNT];
    amphi_engine_run *runs[COUNT];
    amphi_engine engine;
    const question q = {.scenario = "slow:3"};
    assert_int_equal(make_engine(&engine, &q, NULL), AMPHI_OK);
    for (int i = 0; i < COUNT; i++) {
        memset(&outcomes[i], 0, sizeof outcomes[i]);
        engine_recorder_init(&outcomes[i].record);
        assert_int_equal(start_run(engine, &runs[i], &q, &outcomes[i]), AMPHI_OK);
    }
    for (int i = 0; i < COUNT; i++)
        if (i % 3 == 2)
            engine.ops->cancel(engine.self, runs[i]);
    for (int i = 0; i < COUNT; i++) {
        assert_true(engine_recorder_wait_end(&outcomes[i].record, 15000));
        engine.ops->release(engine.self, runs[i]);
        assert_int_equal(outcomes[i].record.terminals, 1);
        if (i % 3 != 2)
            assert_whole(&outcomes[i]);
        engine_recorder_clear(&outcomes[i].record);
    }
    engine.ops->free(engine.self);
}

enum { STRESS_THREADS = 6, STRESS_ROUNDS = 25 };

typedef struct stress {
    amphi_thread thread;
    amphi_engine engine;
    uint32_t seed;
    unsigned failures; /* read after the thread's end */
} stress;

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Starts, waits a little or until the end, cancels or not, releases: every run ends once. */
static void stress_main(void *arg)
{
    stress *s = arg;
    for (int i = 0; i < STRESS_ROUNDS; i++) {
        outcome o;
        amphi_engine_run *run;
        const question q = {0};
        memset(&o, 0, sizeof o);
        engine_recorder_init(&o.record);
        if (start_run(s->engine, &run, &q, &o) != AMPHI_OK) {
            s->failures++;
            engine_recorder_clear(&o.record);
            continue;
        }
        uint32_t kind = next_random(&s->seed) % 4;
        usleep(next_random(&s->seed) % 4000);
        if (kind == 0)
            s->engine.ops->cancel(s->engine.self, run);
        else if (kind == 1)
            s->failures += !engine_recorder_wait_end(&o.record, 10000);
        s->engine.ops->release(s->engine.self, run);
        s->failures += o.record.terminals != 1 || o.record.after_terminal != 0;
        s->failures += kind == 1 && !o.record.finished;
        engine_recorder_clear(&o.record);
    }
}

static void connection__every_run_ends_once_whoever_cancels_or_releases(void **state)
{
    static const char *const scenarios[STRESS_THREADS] = {
        "ok", "slow:1", "nodone", "keepalive", "gzip", "whole"};
    stress threads[STRESS_THREADS];
    memset(threads, 0, sizeof threads);
    for (int i = 0; i < STRESS_THREADS; i++) {
        const question q = {.scenario = scenarios[i]};
        threads[i].seed = (uint32_t)i;
        assert_int_equal(make_engine(&threads[i].engine, &q, NULL), AMPHI_OK);
        assert_int_equal(
            amphi__thread_start(&threads[i].thread, "stress", stress_main, &threads[i]), AMPHI_OK);
    }
    for (int i = 0; i < STRESS_THREADS; i++) {
        amphi__thread_join(&threads[i].thread);
        assert_int_equal(threads[i].failures, 0);
        threads[i].engine.ops->free(threads[i].engine.self);
    }
}

static void connection__transport_can_be_freed_while_a_warm_up_hangs(void **state)
{
    amphi_http fresh;
    amphi_http before = http;
    amphi_engine engine;
    const question q = {.listener = "mute"};
    assert_int_equal(amphi__http_new(&fresh, NULL), AMPHI_OK);
    http = fresh;
    assert_int_equal(make_engine(&engine, &q, NULL), AMPHI_OK);
    engine.ops->prewarm(engine.self);
    usleep(50000);
    engine.ops->free(engine.self);
    http = before;
    uint64_t began_ms = amphi__clock_ms(NULL);
    fresh.ops->free(fresh.self);
    assert_true(amphi__clock_ms(NULL) - began_ms < 1000);
}

static int start_all(void **state)
{
    return amphi_test_cloud_start(&cloud) && amphi__http_new(&http, NULL) == AMPHI_OK ? 0 : -1;
}

static int stop_all(void **state)
{
    http.ops->free(http.self);
    amphi_test_cloud_stop(&cloud);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer__streams_over_tls_with_model_and_usage),
        cmocka_unit_test(answer__comes_whole_in_every_healthy_form),
        cmocka_unit_test(answer__first_token_arrives_while_the_rest_is_not_sent_yet),
        cmocka_unit_test(answer__finish_reason_without_end_marker_finishes_at_once),
        cmocka_unit_test(answer__cut_behind_the_finish_reason_is_whole),
        cmocka_unit_test(answer__tool_calls_reasoning_and_reasons_are_told_apart),
        cmocka_unit_test(answer__given_beginning_is_continued),
        cmocka_unit_test(answer__refused_beginning_is_marked_and_learnt),
        cmocka_unit_test(fault__http_status_is_mapped_with_its_delay),
        cmocka_unit_test(fault__broken_connection_is_never_a_whole_answer),
        cmocka_unit_test(fault__endless_answers_meet_a_limit_in_bounded_time_and_memory),
        cmocka_unit_test(fault__cancel_ends_silence_and_stalls_at_once),
        cmocka_unit_test(fault__release_without_cancel_ends_a_running_answer),
        cmocka_unit_test(fault__unreachable_servers_fail_inside_the_connect_budget),
        cmocka_unit_test(tls__only_the_documented_servers_see_a_byte),
        cmocka_unit_test(tls__given_ca_file_replaces_the_systems_and_must_be_readable),
        cmocka_unit_test(http__plain_is_refused_except_to_loopback_by_option),
        cmocka_unit_test(http__proxy_is_never_used_for_loopback),
        cmocka_unit_test(http__redirects_are_not_followed),
        cmocka_unit_test(request__carries_key_agent_and_idempotency_key),
        cmocka_unit_test(request__bad_key_file_is_refused_before_any_byte),
        cmocka_unit_test(request__header_injection_is_refused),
        cmocka_unit_test(connection__is_reused_and_warmed_ahead),
        cmocka_unit_test(connection__many_answers_at_once_on_one_thread),
        cmocka_unit_test(connection__every_run_ends_once_whoever_cancels_or_releases),
        cmocka_unit_test(connection__transport_can_be_freed_while_a_warm_up_hangs),
    };
    return cmocka_run_group_tests_name("integration.remote", tests, start_all, stop_all);
}
