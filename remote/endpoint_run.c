/* SPDX-License-Identifier: Apache-2.0
 *
 * One request to a cloud endpoint: HTTP exchange below, dialect in the middle, engine events above.
 *
 * A run is `closing` while its FINISH or FAIL is delivered, `closed` when that call has returned,
 * `ended` when the HTTP exchange has ended. Between these, two waits need a time limit, and the
 * transport has none, so each endpoint has one timer thread, started when it is first needed:
 *   - the finish reason came, usage and end marker did not yet: the wait ends after 0.4 s;
 *   - FINISH was delivered and the caller has released the run, but the last bytes of the HTTP body
 *     are still under way: they are read for 0.25 s, because cutting the exchange off costs the
 *     connection, and the next request a handshake.
 * State changes under endpoint->mutex; no call to the outside is made under it.
 */
#include "remote/endpoint.h"

#include "remote/api_key.h"
#include "remote/json_span.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/model_list.h"
#include "sdk/core/str.h"

#include <amphi/version.h>

static const uint64_t trailer_us = 400000; /* for usage and the end marker */
static const uint64_t drain_us = 250000;   /* for the end of an HTTP body */

struct amphi_engine_run {
    amphi_remote_endpoint *endpoint;
    amphi_engine_sink sink;
    amphi_answer *answer; /* the transport's thread only */
    amphi_http_exchange *exchange;
    amphi_buf secrets; /* that were sent, an LF behind each: never repeated to the caller */

    /* Under endpoint->mutex. */
    bool cancelled; /* by the caller, or because it is being released */
    bool closing;
    bool closed;
    bool finished; /* its last event is FINISH */
    bool ended;
    bool released; /* the timer thread frees it */
    bool is_timed;
    bool is_held;         /* the timer thread is using it outside the mutex */
    bool timed_out;       /* the timer thread has cancelled the rest of the exchange */
    uint64_t deadline_us; /* awake time */
    amphi_engine_run *next_timed;
};

/* ---- The timer thread ------------------------------------------------------------------------ */

static void run_free(amphi_engine_run *run)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    if (run->exchange != NULL)
        endpoint->http.ops->release(endpoint->http.self, run->exchange);
    endpoint->dialect->answer_free(run->answer);
    amphi__buf_wipe(&run->secrets);
    amphi__free(run);
}

static void stop_timer(amphi_engine_run *run)
{
    amphi_engine_run **at = &run->endpoint->timed;
    while (run->is_timed) {
        if (*at == run) {
            *at = run->next_timed;
            run->is_timed = false;
            return;
        }
        at = &(*at)->next_timed;
    }
}

/* The next run on the list that is due, or NULL and how long to wait. */
static amphi_engine_run *due_run(amphi_remote_endpoint *endpoint, uint64_t *wait_us)
{
    uint64_t now_us = amphi__awake_us(&endpoint->awake, NULL);
    *wait_us = UINT64_MAX;
    for (amphi_engine_run *run = endpoint->timed; run != NULL; run = run->next_timed) {
        bool is_late = run->deadline_us <= now_us || (run->released && endpoint->stop);
        if (run->ended || (is_late && run->exchange != NULL))
            return run;
        /* Late, but `start` has not returned the exchange yet: try again in 1 ms. */
        uint64_t left_us = is_late ? 1000 : run->deadline_us - now_us;
        left_us = amphi__awake_slice_us(&endpoint->awake, left_us);
        *wait_us = left_us < *wait_us ? left_us : *wait_us;
    }
    return NULL;
}

static void settle(amphi_remote_endpoint *endpoint, amphi_engine_run *run)
{
    stop_timer(run);
    if (run->released) {
        amphi__mutex_unlock(&endpoint->mutex);
        run_free(run);
        amphi__mutex_lock(&endpoint->mutex);
    } else if (!run->ended) {
        run->timed_out = true;
        run->is_held = true;
        amphi__mutex_unlock(&endpoint->mutex);
        endpoint->http.ops->cancel(endpoint->http.self, run->exchange);
        amphi__mutex_lock(&endpoint->mutex);
        run->is_held = false;
        amphi__cond_broadcast(&endpoint->changed);
    }
}

static void timer_main(void *arg)
{
    amphi_remote_endpoint *endpoint = arg;
    amphi__mutex_lock(&endpoint->mutex);
    while (!endpoint->stop || endpoint->timed != NULL) {
        uint64_t wait_us;
        amphi_engine_run *run = due_run(endpoint, &wait_us);
        if (run != NULL)
            settle(endpoint, run);
        else
            amphi__cond_wait_us(&endpoint->changed, &endpoint->mutex, wait_us);
    }
    amphi__mutex_unlock(&endpoint->mutex);
}

/* Under the mutex. false: no thread could be started. */
static bool start_timer(amphi_engine_run *run, uint64_t limit_us)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    if (!endpoint->timer_runs) {
        endpoint->timer_runs = amphi__thread_start(&endpoint->timer_thread, "amphi-cloud",
                                   timer_main, endpoint) == AMPHI_OK;
    }
    if (!endpoint->timer_runs)
        return false;
    if (endpoint->timed == NULL)
        endpoint->awake = (amphi_awake){0}; /* the timer thread did not look for a while */
    run->deadline_us = amphi__awake_us(&endpoint->awake, NULL) + limit_us;
    run->is_timed = true;
    run->next_timed = endpoint->timed;
    endpoint->timed = run;
    amphi__cond_broadcast(&endpoint->changed);
    return true;
}

void amphi__endpoint_run_stop_timers(amphi_remote_endpoint *endpoint)
{
    if (!endpoint->timer_runs)
        return; /* perhaps there is no mutex either: creation failed */
    amphi__mutex_lock(&endpoint->mutex);
    endpoint->stop = true;
    amphi__cond_broadcast(&endpoint->changed);
    amphi__mutex_unlock(&endpoint->mutex);
    amphi__thread_join(&endpoint->timer_thread);
}

/* ---- Events upwards, on the transport's thread ----------------------------------------------- */

static void run_event(void *self, const amphi_engine_event *event)
{
    amphi_engine_run *run = self;
    amphi_remote_endpoint *endpoint = run->endpoint;
    bool is_last = event->kind == AMPHI_ENGINE_FINISH || event->kind == AMPHI_ENGINE_FAIL;
    if (is_last) {
        amphi__mutex_lock(&endpoint->mutex);
        run->closing = true;
        run->finished = event->kind == AMPHI_ENGINE_FINISH;
        amphi__mutex_unlock(&endpoint->mutex);
    }
    if (event->kind == AMPHI_ENGINE_FAIL && event->prefix_refused)
        atomic_store(&endpoint->prefix, (int)AMPHI_NO);
    if (event->kind == AMPHI_ENGINE_FAIL && event->error->status != AMPHI_E_CANCELLED) {
        amphi__log(&endpoint->log, AMPHI_LOG_INFO, "endpoint %s: %s: %s", endpoint->name,
            amphi_status_name(event->error->status), event->error->message);
    }
    run->sink.event(run->sink.self, event);
}

/* After each call into the dialect: closes the run, or puts it on the timer thread's list. */
static void update_timer(amphi_engine_run *run, amphi_answer_phase phase)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    if (phase == AMPHI_ANSWER_OPEN)
        return;
    amphi__mutex_lock(&endpoint->mutex);
    if (phase == AMPHI_ANSWER_ENDED && !run->closed) {
        run->closed = true;
        amphi__cond_broadcast(&endpoint->changed);
    }
    /* A run that is being released must not come back into the list. Where no timer thread could be
     * started, the client's own budgets end the wait. */
    if (phase == AMPHI_ANSWER_ENDING && !run->is_timed && !run->timed_out && !run->cancelled)
        (void)start_timer(run, trailer_us);
    else if (phase == AMPHI_ANSWER_ENDED && run->is_timed && !run->released)
        stop_timer(run);
    amphi__mutex_unlock(&endpoint->mutex);
}

static void on_headers(void *self, int http_status, const amphi_http_header *headers, size_t count)
{
    amphi_engine_run *run = self;
    amphi_remote_endpoint *endpoint = run->endpoint;
    atomic_store(&endpoint->last_used_us, amphi__clock_boot_us(endpoint->clock));
    update_timer(run, endpoint->dialect->answer_headers(run->answer, http_status, headers, count));
}

static void on_body(void *self, amphi_str piece)
{
    amphi_engine_run *run = self;
    update_timer(run, run->endpoint->dialect->answer_body(run->answer, piece));
}

static void on_end(void *self, const amphi_error *error)
{
    amphi_engine_run *run = self;
    amphi_remote_endpoint *endpoint = run->endpoint;
    amphi__mutex_lock(&endpoint->mutex);
    bool is_own_cancel = run->timed_out && !run->cancelled;
    amphi__mutex_unlock(&endpoint->mutex);
    endpoint->dialect->answer_end(run->answer, is_own_cancel ? NULL : error);
    amphi__mutex_lock(&endpoint->mutex);
    run->closed = true;
    run->ended = true;
    amphi__cond_broadcast(&endpoint->changed);
    amphi__mutex_unlock(&endpoint->mutex);
}

/* ---- The caller's side ----------------------------------------------------------------------- */

enum { HEADERS_MAX = 5 };

static void add_header(amphi_http_header *headers, size_t *count, amphi_str name, amphi_str value)
{
    if (value.size > 0) {
        headers[*count].name = name;
        headers[*count].value = value;
        (*count)++;
    }
}

static amphi_status send_request(amphi_engine_run *run, const amphi_engine_request *request,
    amphi_str body, amphi_str authorization, amphi_error *error)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    const amphi_http_sink sink = {run, on_headers, on_body, on_end};
    amphi_http_exchange *exchange = NULL;
    amphi_http_request http;
    amphi_http_header headers[HEADERS_MAX];
    size_t count = 0;
    add_header(headers, &count, AMPHI_STR("Content-Type"), AMPHI_STR("application/json"));
    add_header(headers, &count, AMPHI_STR("Accept"), AMPHI_STR("text/event-stream"));
    add_header(headers, &count, AMPHI_STR("User-Agent"), AMPHI_STR("amphi/" AMPHI_VERSION));
    add_header(headers, &count, AMPHI_STR("Authorization"), authorization);
    add_header(headers, &count, AMPHI_STR("Idempotency-Key"), request->idempotency_key);
    amphi__endpoint_http_request(endpoint, &http);
    http.headers = headers;
    http.headers_count = count;
    http.body = body;
    http.connect_timeout_ms = request->connect_ms;
    /* Events may come before `start` returns; only the timer thread needs the exchange by then. */
    amphi_status status =
        endpoint->http.ops->start(endpoint->http.self, &exchange, &http, &sink, error);
    amphi__mutex_lock(&endpoint->mutex);
    run->exchange = exchange;
    amphi__mutex_unlock(&endpoint->mutex);
    return status;
}

/* "Bearer KEY": the key must not come back in a provider's words. */
static amphi_status note_secret(amphi_engine_run *run, amphi_str authorization, amphi_error *error)
{
    amphi_str key;
    (void)amphi__str_cut(authorization, ' ', &key);
    amphi__buf_reserve(&run->secrets, key.size + 1); /* growing leaves copies */
    amphi__buf_append_str(&run->secrets, key);
    amphi__buf_append_char(&run->secrets, '\n');
    return run->secrets.status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}

/* "model" of a body that passed its check, into `out`: as text, without escapes. */
static void read_model(amphi_buf *out, amphi_str body)
{
    amphi_json_span span;
    amphi_json_member member;
    amphi_json *value = NULL;
    if (amphi__json_check(body, "request", NULL) != AMPHI_OK ||
        !amphi__json_span_init(&span, body) || !span.in_object)
        return;
    while (amphi__json_span_next(&span, &member))
        if (amphi__str_equal_c(member.key, "model") &&
            amphi__json_parse(&value, member.value, "model", NULL) == AMPHI_OK) {
            amphi__buf_reset(out);
            amphi__buf_append_str(out, amphi__json_string(value));
            amphi__json_free(value);
        }
}

/* What is sent as "model". `asked` keeps it. */
static amphi_str choose_model(
    const amphi_remote_endpoint *endpoint, amphi_str body, amphi_buf *asked)
{
    amphi_str models = amphi_str_from(endpoint->model);
    if (amphi__str_find(models, AMPHI_STR("|")) == SIZE_MAX)
        return models;
    read_model(asked, body);
    return amphi__model_list_choose(models, amphi__buf_str(asked));
}

amphi_status amphi__endpoint_run_start(amphi_remote_endpoint *endpoint, amphi_engine_run **out,
    const amphi_engine_request *request, const amphi_engine_sink *sink, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    amphi_buf body;
    amphi_buf authorization;
    *out = NULL;
    amphi__buf_init(&body, 0);
    amphi__buf_init(&authorization, 0);
    amphi_engine_run *run = amphi__calloc(1, sizeof *run);
    if (run == NULL)
        return amphi__fail_no_memory(error);
    run->endpoint = endpoint;
    run->sink = *sink;
    amphi_buf asked;
    amphi__buf_init(&asked, AMPHI_MODEL_LIST_BYTES_MAX);
    const amphi_dialect_request content = {
        request->body, choose_model(endpoint, request->body, &asked), request->prefix};
    amphi__buf_init(&run->secrets, 0);
    const amphi_api_key_source key = {endpoint->name, endpoint->key_file, endpoint->keys};
    status = endpoint->dialect->request_write(&body, &content, error);
    amphi__buf_clear(&asked);
    if (status == AMPHI_OK)
        status = amphi__api_key_authorization(&authorization, &key, error);
    if (status == AMPHI_OK)
        status = note_secret(run, amphi__buf_str(&authorization), error);
    const amphi_answer_options options = {
        {run, run_event}, request->prefix, endpoint->clock, amphi__buf_str(&run->secrets)};
    if (status == AMPHI_OK) {
        status = endpoint->dialect->answer_new(&run->answer, &options);
        if (status != AMPHI_OK)
            amphi__fail_no_memory(error);
    }
    if (status == AMPHI_OK) {
        status = send_request(
            run, request, amphi__buf_str(&body), amphi__buf_str(&authorization), error);
    }
    if (status == AMPHI_OK) {
        *out = run;
        run = NULL;
    }
    amphi__buf_clear(&body);
    amphi__buf_wipe(&authorization);
    if (run != NULL)
        run_free(run);
    return status;
}

void amphi__endpoint_run_cancel(amphi_engine_run *run)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    amphi__mutex_lock(&endpoint->mutex);
    run->cancelled = true;
    amphi__mutex_unlock(&endpoint->mutex);
    endpoint->http.ops->cancel(endpoint->http.self, run->exchange);
}

void amphi__endpoint_run_release(amphi_engine_run *run)
{
    if (run == NULL)
        return;
    amphi_remote_endpoint *endpoint = run->endpoint;
    amphi__mutex_lock(&endpoint->mutex);
    while (run->is_held || (run->closing && !run->closed))
        amphi__cond_wait(&endpoint->changed, &endpoint->mutex);
    stop_timer(run);
    run->cancelled = true;
    run->released = run->finished && !run->ended && start_timer(run, drain_us);
    bool left_to_timer = run->released;
    amphi__mutex_unlock(&endpoint->mutex);
    if (!left_to_timer)
        run_free(run);
}
