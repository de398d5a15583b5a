/* SPDX-License-Identifier: Apache-2.0
 *
 * Two halves: what came since the last batch, under the lock; and the batch that is being sent, the
 * sender's alone, which stays until a collector took it or refused it for good. A collector
 * that is away costs no more than both halves' bounds. What no status line came for is sent again,
 * so a collector may see it twice; what was answered is not, but for OTLP 1.x's "Retryable Response
 * Codes" and a refused key.
 */
#include "sdk/client/telemetry.h"

#include "sdk/client/rollout_schedule.h"
#include "sdk/client/stream.h"
#include "sdk/client/telemetry_post.h"
#include "sdk/client/telemetry_report.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <amphi/version.h>

#include <stdio.h>

#define SPANS_MAX       512u
#define SPANS_BYTES_MAX (1u << 20)
#define INTERVAL_S      60u
#define INTERVAL_MAX_S  86400u
#define SEND_TIMEOUT_MS 10000u
#define LAST_TIMEOUT_MS 1000u /* of the last try, when the client is freed */
#define BACKOFF_MIN_MS  5000u
#define BACKOFF_MAX_MS  300000u
#define KEY_BYTES_MAX   4096u
#define NS_PER_MS       UINT64_C(1000000)

/* Spans as text, behind each other with commas, and how many. */
typedef struct span_queue {
    amphi_buf text;
    size_t count;
} span_queue;

typedef struct half {
    span_queue spans;
    amphi_telemetry_metrics *metrics;
} half;

struct amphi_telemetry {
    amphi_client *client;
    char *url, *name, *version, *key_file, *ca_file, *pins;
    bool tls12, allow_http_loopback, spans_wanted;
    uint32_t interval_ms;
    atomic_bool cancel; /* the exchange under way ends */
    amphi_thread thread;
    amphi_mutex sending; /* one batch at a time: the thread's, or a flush */
    half batch;          /* under `sending` */
    uint32_t backoff_ms; /* likewise; 0: the last one was taken */
    amphi_mutex lock;    /* guards what follows */
    amphi_cond changed;
    bool closing;
    half open;
    uint64_t spans_sent, spans_dropped, points_sent, points_dropped, failures;
    char last_error[240];
};

/* ---- reporting ---- */

static amphi_engine_kind kind_of(const amphi_stream *stream, amphi_str name)
{
    const amphi_client *client = stream->client;
    for (size_t i = 0; i < client->routes_count; i++)
        if (amphi__str_equal_c(name, client->routes[i].name))
            return strcmp(client->routes[i].name, "local") == 0 ? AMPHI_ENGINE_LOCAL
                                                                : AMPHI_ENGINE_CLOUD;
    return 0;
}

/* Under the lock. What waits is dropped when there is too much of it. */
static void keep_span(amphi_telemetry *t, amphi_str span)
{
    span_queue *queue = &t->open.spans;
    if (queue->count >= SPANS_MAX || queue->text.size + span.size + 1 > SPANS_BYTES_MAX) {
        t->spans_dropped += queue->count;
        amphi__buf_reset(&queue->text);
        queue->count = 0;
    }
    if (queue->count > 0)
        amphi__buf_append_char(&queue->text, ',');
    if (amphi__buf_append_str(&queue->text, span) == AMPHI_OK) {
        queue->count++;
        return;
    }
    t->spans_dropped += queue->count + 1;
    amphi__buf_clear(&queue->text);
    amphi__buf_init(&queue->text, 0);
    queue->count = 0;
}

void amphi__telemetry_report(amphi_telemetry *t, const amphi_stream *stream, bool is_queued)
{
    amphi_chat_result result;
    if (t == NULL)
        return;
    amphi__stream_fill_result(stream, &result);
    if (!amphi__telemetry_may_report(&result, stream->request.mode, stream->request.is_private))
        return;
    amphi_telemetry_report report = {.result = &result,
        .request_model = amphi__json_string(amphi__json_get(stream->request.body, "model")),
        .mode = stream->request.mode,
        .kind = result.cache_hit ? 0 : kind_of(stream, result.route),
        .is_queued = is_queued,
        .ended_ns = (uint64_t)amphi__clock_wall_ms(t->client->clock) * NS_PER_MS};
    amphi_buf span;
    amphi_json_writer writer;
    if (amphi__random(report.trace_id, sizeof report.trace_id) != AMPHI_OK ||
        amphi__random(report.span_id, sizeof report.span_id) != AMPHI_OK)
        return;
    amphi__buf_init(&span, 0);
    amphi__json_writer_init(&writer, &span);
    if (t->spans_wanted)
        amphi__telemetry_report_span(&report, &writer);
    amphi__mutex_lock(&t->lock);
    if (t->spans_wanted && span.status == AMPHI_OK)
        keep_span(t, amphi__buf_str(&span));
    amphi__telemetry_report_metrics(&report, t->open.metrics);
    amphi__mutex_unlock(&t->lock);
    amphi__buf_clear(&span);
}

/* ---- a batch ---- */

static void put_resource(const amphi_telemetry *t, amphi_json_writer *writer)
{
    const struct {
        const char *key, *value;
    } attributes[] = {{"service.name", t->name}, {"service.version", t->version},
        {"telemetry.sdk.name", "amphi"}, {"telemetry.sdk.language", "c"},
        {"telemetry.sdk.version", amphi_version()}};
    amphi__json_open(writer, "resource", '{');
    amphi__json_open(writer, "attributes", '[');
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        if (attributes[i].value[0] == '\0')
            continue;
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "key", amphi_str_from(attributes[i].key));
        amphi__json_open(writer, "value", '{');
        amphi__json_put_str(writer, "stringValue", amphi_str_from(attributes[i].value));
        amphi__json_close(writer, '}');
        amphi__json_close(writer, '}');
    }
    amphi__json_close(writer, ']');
    amphi__json_close(writer, '}');
}

/* {"resourceSpans":[{"resource":...,"scopeSpans":[{"scope":...,"spans":[...]}]}]} */
static void write_batch(amphi_telemetry *t, bool spans, amphi_json_writer *writer)
{
    amphi__json_open(writer, NULL, '{');
    amphi__json_open(writer, spans ? "resourceSpans" : "resourceMetrics", '[');
    amphi__json_open(writer, NULL, '{');
    put_resource(t, writer);
    amphi__json_open(writer, spans ? "scopeSpans" : "scopeMetrics", '[');
    amphi__json_open(writer, NULL, '{');
    amphi__json_open(writer, "scope", '{');
    amphi__json_put_str(writer, "name", AMPHI_STR("amphi"));
    amphi__json_put_str(writer, "version", amphi_str_from(amphi_version()));
    amphi__json_close(writer, '}');
    amphi__json_open(writer, spans ? "spans" : "metrics", '[');
    if (spans)
        amphi__json_put_raw(writer, NULL, amphi__buf_str(&t->batch.spans.text));
    else
        amphi__telemetry_metrics_write(
            t->batch.metrics, writer, (uint64_t)amphi__clock_wall_ms(t->client->clock) * NS_PER_MS);
    amphi__json_close(writer, ']');
    amphi__json_close(writer, '}');
    amphi__json_close(writer, ']');
    amphi__json_close(writer, '}');
    amphi__json_close(writer, ']');
    amphi__json_close(writer, '}');
}

/* What waits becomes the batch, where that one is done. Under `sending`. */
static void take_batch(amphi_telemetry *t)
{
    amphi__mutex_lock(&t->lock);
    if (t->batch.spans.count == 0) {
        span_queue empty = t->batch.spans;
        t->batch.spans = t->open.spans;
        t->open.spans = empty;
    }
    if (t->batch.metrics->count == 0) {
        amphi_telemetry_metrics *empty = t->batch.metrics;
        t->batch.metrics = t->open.metrics;
        t->open.metrics = empty;
    }
    amphi__mutex_unlock(&t->lock);
}

static void clear_spans(span_queue *queue)
{
    amphi__buf_reset(&queue->text);
    queue->count = 0;
}

static void clear_metrics(amphi_telemetry_metrics *metrics)
{
    metrics->count = 0;
    metrics->since_ns = 0;
}

/* ---- sending ---- */

/* Nothing leaves where nothing may. */
static amphi_status check_network(amphi_client *client, amphi_error *error)
{
    amphi_policy policy;
    amphi_device_facts facts;
    amphi__client_policy(client, &policy);
    amphi__client_facts(client, &facts);
    bool is_known = (facts.known & AMPHI_FACT_NETWORK) != 0;
    if (client->is_private)
        return amphi__fail(error, AMPHI_E_REFUSED, 0,
            "telemetry: not sent: every request of this client is private");
    if (!policy.cloud_enabled || !client->policy_base.cloud_enabled)
        return amphi__fail(
            error, AMPHI_E_REFUSED, 0, "telemetry: not sent: cloud.enabled is false");
    if (is_known && facts.network == AMPHI_NETWORK_NONE)
        return amphi__fail(error, AMPHI_E_REFUSED, 0, "telemetry: not sent: there is no network");
    if (is_known && facts.network == AMPHI_NETWORK_METERED &&
        !(policy.metered_allowed && client->policy_base.metered_allowed))
        return amphi__fail(error, AMPHI_E_REFUSED, 0,
            "telemetry: not sent: the network is metered, and network.metered_allowed is false");
    return AMPHI_OK;
}

/* "Bearer KEY", or empty where there is no key file. It holds a secret: wipe it. */
static amphi_status read_bearer(amphi_buf *out, const char *path, amphi_error *error)
{
    if (path[0] == '\0')
        return AMPHI_OK;
    char text[KEY_BYTES_MAX];
    FILE *file = fopen(path, "re");
    size_t size = file != NULL ? fread(text, 1, sizeof text, file) : 0;
    if (file != NULL)
        fclose(file);
    amphi_str key = amphi__str_trim(amphi_str_make(text, size));
    bool is_key = key.size > 0 && size < sizeof text && amphi__str_is_visible_ascii(key);
    if (is_key) {
        amphi__buf_append_c(out, "Bearer ");
        amphi__buf_append_str(out, key);
    }
    amphi__wipe(text, sizeof text);
    if (!is_key)
        return amphi__fail(
            error, AMPHI_E_AUTH, 0, "telemetry: the key file can't be read, or holds no key");
    return out->status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}

static amphi_status post(amphi_telemetry *t, const char *path, amphi_str body,
    amphi_telemetry_post *exchange, amphi_error *error)
{
    amphi_http_header headers[2] = {{AMPHI_STR("Content-Type"), AMPHI_STR("application/json")}};
    amphi_buf bearer;
    amphi_buf url;
    amphi__buf_init(&bearer, 0);
    amphi__buf_init(&url, 0);
    amphi_status status = read_bearer(&bearer, t->key_file, error);
    if (amphi__buf_printf(&url, "%s%s", t->url, path) != AMPHI_OK && status == AMPHI_OK)
        status = amphi__fail_no_memory(error);
    headers[1] = (amphi_http_header){AMPHI_STR("Authorization"), amphi__buf_str(&bearer)};
    amphi_http_request_init(&exchange->request);
    exchange->request.headers = headers;
    exchange->request.headers_count = bearer.size > 0 ? 2 : 1;
    exchange->request.ca_file = amphi_str_from(t->ca_file);
    exchange->request.pins = amphi_str_from(t->pins);
    exchange->request.tls12 = t->tls12;
    exchange->request.allow_http_loopback = t->allow_http_loopback;
    if (status == AMPHI_OK)
        status = amphi__telemetry_post(exchange, amphi__buf_str(&url), body, error);
    exchange->request.headers = NULL; /* what it points to ends here */
    exchange->request.headers_count = 0;
    amphi__buf_wipe(&bearer);
    amphi__buf_clear(&url);
    return status;
}

/* Of a 200: how many the collector did not take ("partialSuccess"). */
static uint64_t count_rejected(amphi_str answer, const char *member)
{
    amphi_json *root = NULL;
    uint64_t rejected = 0;
    if (answer.size == 0 || amphi__json_parse(&root, answer, "telemetry", NULL) != AMPHI_OK)
        return 0;
    const amphi_json *count = amphi__json_get(amphi__json_get(root, "partialSuccess"), member);
    int64_t number = amphi__json_int(count, 0);
    if (!amphi__str_to_u64(amphi__json_string(count), &rejected))
        rejected = number > 0 ? (uint64_t)number : 0;
    amphi__json_free(root);
    return rejected;
}

typedef enum sent { SENT_OK, SENT_AGAIN, SENT_NEVER } sent;

/* A status line decides, however the answer ended behind it: what was taken is not sent twice. */
static sent judge(amphi_status status, const amphi_telemetry_post *exchange)
{
    int code = exchange->http_status;
    if (code >= 200 && code < 300)
        return SENT_OK;
    if (status == AMPHI_E_ARGUMENT || status == AMPHI_E_UNSUPPORTED)
        return SENT_NEVER;
    if (code == 0 || code == 429 || code == 502 || code == 503 || code == 504 || code == 401 ||
        code == 403) /* a key may be renewed */
        return SENT_AGAIN;
    return SENT_NEVER;
}

static void count(amphi_telemetry *t, bool spans, size_t number, size_t rejected, sent how)
{
    uint64_t *good = spans ? &t->spans_sent : &t->points_sent;
    uint64_t *bad = spans ? &t->spans_dropped : &t->points_dropped;
    rejected = rejected < number ? rejected : number;
    if (how == SENT_OK) {
        *good += number - rejected;
        *bad += rejected;
    } else if (how == SENT_NEVER) {
        *bad += number;
    }
}

/* One of the batch's two parts. */
static amphi_status send_part(amphi_telemetry *t, bool spans, uint32_t timeout_ms,
    uint32_t *retry_after_ms, amphi_error *error)
{
    size_t number = spans ? t->batch.spans.count : t->batch.metrics->count;
    amphi_telemetry_post exchange = {
        .http = &t->client->http, .timeout_ms = timeout_ms, .cancel = &t->cancel};
    amphi_buf body;
    amphi_json_writer writer;
    if (number == 0)
        return AMPHI_OK;
    amphi__buf_init(&body, 0);
    amphi__buf_init(&exchange.answer, 0);
    amphi__json_writer_init(&writer, &body);
    write_batch(t, spans, &writer);
    amphi_status status = body.status == AMPHI_OK ? post(t, spans ? "/v1/traces" : "/v1/metrics",
                                                        amphi__buf_str(&body), &exchange, error)
                                                  : amphi__fail_no_memory(error);
    sent how = judge(status, &exchange);
    uint64_t rejected = count_rejected(
        amphi__buf_str(&exchange.answer), spans ? "rejectedSpans" : "rejectedDataPoints");
    if (how == SENT_OK)
        status = AMPHI_OK;
    else if (status == AMPHI_OK)
        status = amphi__fail(error, how == SENT_AGAIN ? AMPHI_E_PROVIDER : AMPHI_E_REQUEST,
            exchange.http_status, "telemetry: the collector answered %d", exchange.http_status);
    amphi__mutex_lock(&t->lock);
    count(t, spans, number, (size_t)rejected, how);
    amphi__mutex_unlock(&t->lock);
    if (how != SENT_AGAIN && spans)
        clear_spans(&t->batch.spans);
    else if (how != SENT_AGAIN)
        clear_metrics(t->batch.metrics);
    if (exchange.retry_after_ms > *retry_after_ms)
        *retry_after_ms = exchange.retry_after_ms;
    amphi__buf_clear(&exchange.answer);
    amphi__buf_clear(&body);
    return status;
}

static amphi_status send_batch(amphi_telemetry *t, uint32_t timeout_ms, amphi_error *error)
{
    uint32_t retry_after_ms = 0;
    amphi_error own;
    amphi__error_clear(&own);
    amphi__mutex_lock(&t->sending);
    amphi_status status = check_network(t->client, &own);
    if (status == AMPHI_OK) {
        take_batch(t);
        status = send_part(t, true, timeout_ms, &retry_after_ms, &own);
        amphi_status second =
            send_part(t, false, timeout_ms, &retry_after_ms, status == AMPHI_OK ? &own : NULL);
        status = status == AMPHI_OK ? second : status;
        t->backoff_ms = status == AMPHI_OK                   ? 0
                        : t->backoff_ms == 0                 ? BACKOFF_MIN_MS
                        : t->backoff_ms < BACKOFF_MAX_MS / 2 ? t->backoff_ms * 2
                                                             : BACKOFF_MAX_MS;
        if (status != AMPHI_OK && retry_after_ms > t->backoff_ms)
            t->backoff_ms = retry_after_ms;
    }
    amphi__mutex_lock(&t->lock);
    if (status != AMPHI_OK && status != AMPHI_E_CANCELLED && status != AMPHI_E_REFUSED) {
        t->failures++;
        amphi__str_copy_to(t->last_error, sizeof t->last_error, amphi_str_from(own.message));
    }
    amphi__mutex_unlock(&t->lock);
    amphi__mutex_unlock(&t->sending);
    if (status != AMPHI_OK && status != AMPHI_E_CANCELLED && status != AMPHI_E_REFUSED)
        amphi__log(&t->client->log, AMPHI_LOG_WARNING, "%s", own.message);
    if (error != NULL && status != AMPHI_OK)
        *error = own;
    return status;
}

/* ---- the thread ---- */

static uint64_t next_pause_ms(amphi_telemetry *t)
{
    uint64_t draw = 0;
    (void)amphi__random(&draw, sizeof draw);
    amphi__mutex_lock(&t->sending);
    uint32_t pause_ms = t->backoff_ms > t->interval_ms ? t->backoff_ms : t->interval_ms;
    amphi__mutex_unlock(&t->sending);
    return amphi__jitter_ms(pause_ms, draw);
}

static void run(void *arg)
{
    amphi_telemetry *t = arg;
    bool closing = false;
    while (!closing) {
        uint64_t until_us = amphi__clock_us(NULL) + next_pause_ms(t) * 1000;
        amphi__mutex_lock(&t->lock);
        while (!t->closing) {
            uint64_t now_us = amphi__clock_us(NULL);
            if (now_us >= until_us)
                break;
            amphi__cond_wait_us(&t->changed, &t->lock, until_us - now_us);
        }
        closing = t->closing;
        if (closing)
            atomic_store(&t->cancel, false); /* the last try has a short time of its own */
        amphi__mutex_unlock(&t->lock);
        (void)send_batch(t, closing ? LAST_TIMEOUT_MS / 2 : SEND_TIMEOUT_MS, NULL);
    }
}

/* ---- its life ---- */

static bool is_url(amphi_str url, bool allow_loopback)
{
    bool is_https =
        amphi__str_equal_ignore_case(amphi__str_slice(url, 0, 8), AMPHI_STR("https://"));
    bool is_http = amphi__str_equal_ignore_case(amphi__str_slice(url, 0, 7), AMPHI_STR("http://"));
    return (is_https && url.size > 8) || (is_http && allow_loopback && url.size > 7);
}

static char *copy_or(amphi_str text, const char *otherwise)
{
    return amphi__str_copy(text.size > 0 ? text : amphi_str_from(otherwise));
}

static amphi_status fill(
    amphi_telemetry *t, const amphi_telemetry_settings *settings, amphi_error *error)
{
    amphi_str url = settings->url;
    while (url.size > 0 && url.data[url.size - 1] == '/')
        url.size--;
    t->url = amphi__str_copy(url);
    t->name = copy_or(settings->service_name, "amphi");
    t->version = copy_or(settings->service_version, "");
    t->key_file = copy_or(settings->key_file, "");
    t->ca_file = copy_or(settings->ca_file, "");
    t->pins = copy_or(settings->pins, "");
    t->tls12 = settings->tls12;
    t->spans_wanted = !settings->no_spans;
    t->interval_ms = (settings->interval_s != 0 ? settings->interval_s : INTERVAL_S) * 1000;
    t->open.metrics = amphi__calloc(1, sizeof *t->open.metrics);
    t->batch.metrics = amphi__calloc(1, sizeof *t->batch.metrics);
    amphi__buf_init(&t->open.spans.text, 0);
    amphi__buf_init(&t->batch.spans.text, 0);
    bool has_all = t->url != NULL && t->name != NULL && t->version != NULL && t->key_file != NULL &&
                   t->ca_file != NULL && t->pins != NULL && t->open.metrics != NULL &&
                   t->batch.metrics != NULL;
    return has_all ? AMPHI_OK : amphi__fail_no_memory(error);
}

amphi_status amphi__telemetry_new(amphi_telemetry **out, amphi_client *client,
    const amphi_telemetry_settings *settings, bool allow_http_loopback, amphi_error *error)
{
    *out = NULL;
    if (settings->url.size == 0)
        return AMPHI_OK;
    if (!is_url(settings->url, allow_http_loopback))
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "telemetry.url: an https URL is expected (http only to this machine, where that is "
            "allowed)");
    if (settings->interval_s > INTERVAL_MAX_S)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "telemetry.interval_s: at most %u", INTERVAL_MAX_S);
    if (client->http.ops == NULL)
        return amphi__fail(
            error, AMPHI_E_UNSUPPORTED, 0, "telemetry: this build has no HTTP transport");
    amphi_telemetry *t = amphi__calloc(1, sizeof *t);
    if (t == NULL)
        return amphi__fail_no_memory(error);
    t->client = client;
    t->allow_http_loopback = allow_http_loopback;
    amphi_status status = fill(t, settings, error);
    if (status == AMPHI_OK &&
        (amphi__mutex_init(&t->sending) != AMPHI_OK || amphi__mutex_init(&t->lock) != AMPHI_OK ||
            amphi__cond_init(&t->changed) != AMPHI_OK ||
            amphi__thread_start(&t->thread, "amphi-telemetry", run, t) != AMPHI_OK))
        status = amphi__fail_no_memory(error);
    if (status != AMPHI_OK) {
        amphi__telemetry_free(t);
        return status;
    }
    *out = t;
    return AMPHI_OK;
}

void amphi__telemetry_stop(amphi_telemetry *t)
{
    if (t == NULL || !t->thread.started)
        return;
    amphi__mutex_lock(&t->lock);
    t->closing = true;
    atomic_store(&t->cancel, true);
    amphi__cond_broadcast(&t->changed);
    amphi__mutex_unlock(&t->lock);
    amphi__thread_join(&t->thread);
}

void amphi__telemetry_free(amphi_telemetry *t)
{
    if (t == NULL)
        return;
    amphi__telemetry_stop(t);
    amphi__free(t->url);
    amphi__free(t->name);
    amphi__free(t->version);
    amphi__free(t->key_file);
    amphi__free(t->ca_file);
    amphi__free(t->pins);
    amphi__free(t->open.metrics);
    amphi__free(t->batch.metrics);
    amphi__buf_clear(&t->open.spans.text);
    amphi__buf_clear(&t->batch.spans.text);
    amphi__cond_clear(&t->changed);
    amphi__mutex_clear(&t->lock);
    amphi__mutex_clear(&t->sending);
    amphi__free(t);
}

/* ---- for the app ---- */

amphi_status amphi_telemetry_flush(amphi_client *client, uint32_t timeout_ms, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    if (client->telemetry == NULL)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "no telemetry URL is configured");
    return send_batch(client->telemetry, timeout_ms != 0 ? timeout_ms : SEND_TIMEOUT_MS, error);
}

static void put_state(amphi_telemetry *t, amphi_json_writer *writer)
{
    amphi__mutex_lock(&t->sending);
    size_t waiting = t->batch.spans.count;
    amphi__mutex_unlock(&t->sending);
    amphi__mutex_lock(&t->lock);
    amphi__json_put_str(writer, "url", amphi_str_from(t->url));
    amphi__json_put_int(writer, "spans_waiting", (int64_t)(waiting + t->open.spans.count));
    amphi__json_put_int(writer, "spans_sent", (int64_t)t->spans_sent);
    amphi__json_put_int(writer, "spans_dropped", (int64_t)t->spans_dropped);
    amphi__json_put_int(writer, "points_sent", (int64_t)t->points_sent);
    amphi__json_put_int(writer, "points_dropped", (int64_t)t->points_dropped);
    amphi__json_put_int(writer, "failures", (int64_t)t->failures);
    if (t->last_error[0] != '\0')
        amphi__json_put_str(writer, "last_error", amphi_str_from(t->last_error));
    amphi__mutex_unlock(&t->lock);
}

amphi_status amphi_telemetry_show(amphi_client *client, char **out, amphi_error *error)
{
    amphi_buf json;
    amphi_json_writer writer;
    amphi__error_clear(error);
    if (client == NULL || out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or out is NULL");
    amphi__buf_init(&json, 0);
    amphi__json_writer_init(&writer, &json);
    amphi__json_open(&writer, NULL, '{');
    if (client->telemetry != NULL)
        put_state(client->telemetry, &writer);
    else
        amphi__json_put_null(&writer, "url");
    amphi__json_close(&writer, '}');
    *out = amphi__buf_take(&json);
    return *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
}
