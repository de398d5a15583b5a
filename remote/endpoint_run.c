/* SPDX-License-Identifier: Apache-2.0
 *
 * One request to a cloud endpoint: HTTP exchange below, dialect in the middle, engine events above.
 *
 * A run is `closing` while its FINISH or FAIL is delivered, `closed` when that call has returned,
 * `ended` when the HTTP exchange has ended. Between these, two waits need a time limit, and the
 * transport has none, so each endpoint has one timer thread (endpoint_timer.c):
 *   - the finish reason came, usage and end marker did not yet: the wait ends after 0.4 s, or after
 *     2.5 s where the client has asked for the usage;
 *   - FINISH was delivered and the caller has released the run, but the last bytes of the HTTP body
 *     are still under way: they are read for 0.25 s, because cutting the exchange off costs the
 *     connection, and the next request a handshake.
 * A refusal that another form of the request, or newer credentials, may not meet is not reported:
 * the request goes to the resending thread (endpoint_resend.c), whose answer is the run's.
 * State changes under endpoint->mutex; no call to the outside is made under it.
 */
#include "remote/endpoint_run.h"

#include "remote/continuation_guess.h"
#include "remote/dialect_embeddings.h"
#include "sdk/core/json_span.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/model_list.h"
#include "sdk/core/str.h"

#include <amphi/version.h>

static const uint64_t trailer_us = 400000;        /* for usage and the end marker */
static const uint64_t trailer_asked_us = 2500000; /* the same, where the client wants the usage */
static const uint64_t drain_us = 250000;          /* for the end of an HTTP body */

/* ---- Events upwards, on the transport's thread ----------------------------------------------- */

static bool is_cancelled(amphi_engine_run *run)
{
    amphi__mutex_lock(&run->endpoint->mutex);
    bool cancelled = run->cancelled;
    amphi__mutex_unlock(&run->endpoint->mutex);
    return cancelled;
}

/* Has the app, or a file that it may have written meanwhile, a say in who asks? */
static bool may_renew(const amphi_remote_endpoint *endpoint)
{
    const amphi_keys_ops *keys = endpoint->keys.ops;
    return endpoint->key_file[0] != '\0' || endpoint->headers_file[0] != '\0' ||
           (keys != NULL && (keys->api_key != NULL || keys->api_token != NULL));
}

/* The field that the provider names, in its other form. Each is changed once. */
static bool change_form(amphi_engine_run *run, const amphi_provider_error *words)
{
    amphi_request_form form = run->form;
    const amphi_request_refusal refusal = {
        run->request.body, words->message, words->param, !run->form.whole};
    if (run->request.task != AMPHI_TASK_CHAT || run->fields_changed == AMPHI_RUN_FIELDS_MAX ||
        !amphi__request_form_change(&form, &refusal) ||
        (form.limit != run->form.limit && run->form.limit != run->known.limit))
        return false;
    run->form = form;
    run->fields_changed++;
    return true;
}

/* Is this refusal one that the same request in another shape may not meet? */
static amphi_resend resend_after(amphi_engine_run *run, const amphi_engine_event *event)
{
    const amphi_provider_error *words = event->provider;
    if (!run->in_end || event->kind != AMPHI_ENGINE_FAIL || words == NULL || is_cancelled(run))
        return AMPHI_RESEND_NO;
    if (words->http_status == 401 && !run->renewed && may_renew(run->endpoint)) {
        run->renewed = true;
        return AMPHI_RESEND_CREDENTIALS;
    }
    bool is_refusal = words->http_status == 400 || words->http_status == 422;
    return is_refusal && event->error->status == AMPHI_E_REQUEST && change_form(run, words)
               ? AMPHI_RESEND_FORM
               : AMPHI_RESEND_NO;
}

/* What this answer has shown of the model, before its last event. */
static void report_learned(amphi_engine_run *run)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    amphi_request_form now = run->accepted ? run->form : run->known;
    amphi_ending ending =
        run->answer != NULL ? run->dialect->answer_ending(run->answer) : AMPHI_ENDING_UNKNOWN;
    now.ending = ending != AMPHI_ENDING_UNKNOWN && run->known.ending != AMPHI_ENDING_REASON
                     ? ending
                     : run->known.ending;
    if (amphi__request_form_equal(&now, &run->known))
        return;
    amphi__mutex_lock(&endpoint->mutex);
    amphi__request_forms_put(&endpoint->forms, run->model, &now);
    amphi__mutex_unlock(&endpoint->mutex);
    bool is_usual = run->known.ending == AMPHI_ENDING_UNKNOWN && now.ending == AMPHI_ENDING_REASON;
    amphi_request_form usual = run->known;
    usual.ending = now.ending;
    if (is_usual && amphi__request_form_equal(&now, &usual))
        return; /* nothing that another process would have to know */
    amphi_buf text;
    amphi__buf_init(&text, 0);
    if (amphi__request_form_write(&text, &now, endpoint->url) == AMPHI_OK) {
        const amphi_engine_event event = {
            .kind = AMPHI_ENGINE_LEARNED, .text = amphi__buf_str(&text)};
        run->sink.event(run->sink.self, &event);
    }
    amphi__buf_clear(&text);
}

static void run_event(void *self, const amphi_engine_event *event)
{
    amphi_engine_run *run = self;
    amphi_remote_endpoint *endpoint = run->endpoint;
    bool is_last = event->kind == AMPHI_ENGINE_FINISH || event->kind == AMPHI_ENGINE_FAIL;
    if (is_last) {
        run->resend = resend_after(run, event);
        if (run->resend != AMPHI_RESEND_NO) {
            run->failure = *event->error;
            run->failure_words = *event->provider;
            return;
        }
        report_learned(run);
        amphi__mutex_lock(&endpoint->mutex);
        run->closing = true;
        run->finished = event->kind == AMPHI_ENGINE_FINISH;
        amphi__mutex_unlock(&endpoint->mutex);
    }
    if (event->kind == AMPHI_ENGINE_FAIL && event->error->status != AMPHI_E_CANCELLED) {
        amphi__log(&endpoint->log, AMPHI_LOG_INFO, "endpoint %s: %s: %s", endpoint->name,
            amphi_status_name(event->error->status), event->error->message);
    }
    amphi_engine_event own = *event;
    if (is_last) {
        own.bytes_sent = run->bytes_sent;
        own.bytes_received = run->bytes_received;
    }
    run->sink.event(run->sink.self, &own);
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
        (void)amphi__endpoint_timer_start(
            run, run->wants_usage && run->accepted ? trailer_asked_us : trailer_us);
    else if (phase == AMPHI_ANSWER_ENDED && run->is_timed && !run->released)
        amphi__endpoint_timer_stop(run);
    amphi__mutex_unlock(&endpoint->mutex);
}

/* Nothing is sent again once the server answers. */
static void drop_request(amphi_engine_run *run)
{
    for (size_t i = 0; i < sizeof run->texts / sizeof *run->texts; i++)
        amphi__buf_clear(&run->texts[i]);
    run->request.body = run->request.prefix = run->request.idempotency_key =
        amphi_str_make(NULL, 0);
}

static uint64_t header_bytes(const amphi_http_header *headers, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) /* ": " and the end of the line */
        bytes += headers[i].name.size + headers[i].value.size + 4;
    return bytes;
}

static void on_headers(void *self, int http_status, const amphi_http_header *headers, size_t count)
{
    amphi_engine_run *run = self;
    amphi_remote_endpoint *endpoint = run->endpoint;
    atomic_store(&endpoint->last_used_us, amphi__clock_boot_us(endpoint->clock));
    run->bytes_received += header_bytes(headers, count);
    run->accepted = http_status >= 200 && http_status <= 299;
    if (run->accepted)
        drop_request(run);
    amphi_continuation said = amphi__continuation_guess_from_headers(headers, count);
    if (said != AMPHI_CONTINUE_AUTO)
        atomic_store(&endpoint->continuation_guess, (int)said);
    update_timer(run, run->dialect->answer_headers(run->answer, http_status, headers, count));
}

static void on_body(void *self, amphi_str piece)
{
    amphi_engine_run *run = self;
    run->bytes_received += piece.size;
    update_timer(run, run->dialect->answer_body(run->answer, piece));
}

static void end_run(amphi_engine_run *run)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    amphi__mutex_lock(&endpoint->mutex);
    run->closed = true;
    run->ended = true;
    amphi__cond_broadcast(&endpoint->changed);
    amphi__mutex_unlock(&endpoint->mutex);
}

/* true: the resending thread goes on with it. */
static bool hand_over(amphi_engine_run *run)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    amphi__mutex_lock(&endpoint->mutex);
    amphi__endpoint_timer_stop(run);
    run->timed_out = false;
    bool is_queued = !run->cancelled && amphi__endpoint_resend_queue(run);
    amphi__mutex_unlock(&endpoint->mutex);
    return is_queued;
}

static void on_end(void *self, const amphi_error *error)
{
    amphi_engine_run *run = self;
    amphi_remote_endpoint *endpoint = run->endpoint;
    amphi__mutex_lock(&endpoint->mutex);
    bool is_own_cancel = run->timed_out && !run->cancelled;
    amphi__mutex_unlock(&endpoint->mutex);
    run->in_end = true;
    run->dialect->answer_end(run->answer, is_own_cancel ? NULL : error);
    run->in_end = false;
    if (run->resend != AMPHI_RESEND_NO && hand_over(run))
        return; /* it may be gone already */
    if (run->resend != AMPHI_RESEND_NO) {
        run->resend = AMPHI_RESEND_NO;
        amphi__endpoint_run_fail(run, &run->failure, &run->failure_words);
        return;
    }
    end_run(run);
}

void amphi__endpoint_run_fail(
    amphi_engine_run *run, const amphi_error *error, const amphi_provider_error *provider)
{
    const amphi_engine_event event = {
        .kind = AMPHI_ENGINE_FAIL, .error = error, .provider = provider};
    run_event(run, &event);
    end_run(run);
}

/* ---- Sending --------------------------------------------------------------------------------- */

enum { OWN_HEADERS_MAX = 4, HEADERS_MAX = OWN_HEADERS_MAX + AMPHI_CREDENTIAL_HEADERS_MAX };

/* Unless the endpoint's own headers have one of that name. */
static void add_header(amphi_http_header *headers, size_t *count, const char *name, amphi_str value)
{
    for (size_t i = 0; i < *count; i++)
        if (amphi__str_equal_ignore_case(headers[i].name, amphi_str_from(name)))
            return;
    if (value.size > 0) {
        headers[*count].name = amphi_str_from(name);
        headers[*count].value = value;
        (*count)++;
    }
}

static size_t write_headers(const amphi_engine_run *run, amphi_http_header out[HEADERS_MAX])
{
    size_t count = amphi__credentials_headers(&run->credentials, out);
    add_header(out, &count, "Content-Type", AMPHI_STR("application/json"));
    add_header(out, &count, "Accept",
        run->form.whole || run->dialect->is_whole ? AMPHI_STR("application/json")
                                                  : AMPHI_STR("text/event-stream"));
    add_header(out, &count, "User-Agent", AMPHI_STR("amphi/" AMPHI_VERSION));
    add_header(out, &count, "Idempotency-Key", run->request.idempotency_key);
    return count;
}

static amphi_status begin_answer(amphi_engine_run *run, amphi_error *error)
{
    const amphi_dialect *dialect = run->dialect;
    const amphi_answer_options options = {.sink = {run, run_event},
        .prefix = run->request.prefix,
        .clock = run->endpoint->clock,
        .secrets = amphi__buf_str(&run->credentials.secrets),
        .ending = run->known.ending};
    dialect->answer_free(run->answer);
    run->answer = NULL;
    return dialect->answer_new(&run->answer, &options) == AMPHI_OK ? AMPHI_OK
                                                                   : amphi__fail_no_memory(error);
}

/* The exchange before is kept until the run is freed: its transport must not be waited for here. */
static amphi_status put_exchange_aside(amphi_engine_run *run, amphi_error *error)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    amphi__mutex_lock(&endpoint->mutex);
    bool cancelled = run->cancelled;
    if (run->exchange != NULL)
        run->spent[run->spent_count++] = run->exchange;
    run->exchange = NULL;
    run->sends++;
    amphi__mutex_unlock(&endpoint->mutex);
    return cancelled ? amphi__fail(error, AMPHI_E_CANCELLED, 0, "cancelled") : AMPHI_OK;
}

/* Events may come before the transport's `start` returns, and with them the next send. */
static amphi_status start_exchange(
    amphi_engine_run *run, const amphi_http_request *http, amphi_error *error)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    const amphi_http_sink sink = {run, on_headers, on_body, on_end};
    amphi_http_exchange *exchange = NULL;
    unsigned send = run->sends;
    amphi_status status =
        endpoint->http.ops->start(endpoint->http.self, &exchange, http, &sink, error);
    amphi__mutex_lock(&endpoint->mutex);
    if (run->sends == send)
        run->exchange = exchange;
    else if (exchange != NULL)
        run->spent[run->spent_count++] = exchange;
    bool cancelled = run->cancelled && run->exchange == exchange && exchange != NULL;
    amphi__mutex_unlock(&endpoint->mutex);
    if (cancelled) /* while there was none that could be */
        endpoint->http.ops->cancel(endpoint->http.self, exchange);
    return status;
}

static amphi_credential_source credential_source(const amphi_engine_run *run)
{
    amphi_credential_source source = amphi__endpoint_credentials(run->endpoint);
    source.url = run->url;
    return source;
}

/* refused: the same once more would be refused likewise. */
static amphi_status gather(
    amphi_engine_run *run, const amphi_credentials *refused, amphi_error *error)
{
    const amphi_credential_source source = credential_source(run);
    amphi_status status = amphi__credentials_gather(&run->credentials, &source, refused, error);
    if (status == AMPHI_OK && refused != NULL && refused->lines.size > 0 &&
        amphi__credentials_are_the_same(&run->credentials, refused))
        status = amphi__fail(error, AMPHI_E_AUTH, 401, "the credentials are the same");
    return status;
}

amphi_status amphi__endpoint_run_send(
    amphi_engine_run *run, const amphi_credentials *refused, amphi_error *error)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    const amphi_credential_source source = credential_source(run);
    const amphi_dialect_request content = {.body = run->request.body,
        .model = amphi__buf_str(&run->model_name),
        .prefix = run->request.prefix,
        .continuation = run->request.continuation != AMPHI_CONTINUE_AUTO ? run->request.continuation
                                                                         : endpoint->continuation,
        .form = run->form};
    amphi_http_request http;
    amphi_http_header headers[HEADERS_MAX];
    amphi_status status = put_exchange_aside(run, error);
    amphi__buf_clear(&run->sent); /* its exchange has ended */
    if (status == AMPHI_OK)
        status = gather(run, refused, error);
    if (status == AMPHI_OK)
        status = run->dialect->request_write(&run->sent, &content, error);
    if (status == AMPHI_OK) {
        amphi__endpoint_http_request(endpoint, &http);
        http.url = amphi_str_from(run->url);
        http.headers = headers;
        http.headers_count = write_headers(run, headers);
        http.body = amphi__buf_str(&run->sent);
        http.body_is_kept = true;
        http.connect_timeout_ms = run->request.connect_ms;
        status = amphi__credentials_sign(&run->credentials, &source, &http, error);
        http.headers_count = write_headers(run, headers); /* it may have moved them */
        run->bytes_sent +=
            header_bytes(headers, http.headers_count) + http.url.size + http.body.size;
    }
    if (status == AMPHI_OK)
        status = begin_answer(run, error);
    if (status == AMPHI_OK)
        status = start_exchange(run, &http, error);
    return status;
}

/* ---- The caller's side ----------------------------------------------------------------------- */

void amphi__endpoint_run_free(amphi_engine_run *run)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    for (size_t i = 0; i < run->spent_count; i++)
        endpoint->http.ops->release(endpoint->http.self, run->spent[i]);
    if (run->exchange != NULL)
        endpoint->http.ops->release(endpoint->http.self, run->exchange);
    run->dialect->answer_free(run->answer);
    amphi__credentials_wipe(&run->credentials);
    amphi__buf_clear(&run->model_name);
    amphi__buf_clear(&run->sent);
    drop_request(run);
    amphi__free(run);
}

/* "stream_options": {"include_usage": true}, as the client wrote it. */
static bool wants_usage(amphi_str body)
{
    amphi_json_span span;
    amphi_json_member member;
    amphi_str options = amphi_str_make(NULL, 0);
    if (amphi__json_span_init(&span, body) && span.in_object)
        while (amphi__json_span_next(&span, &member))
            options = amphi__str_equal_c(member.key, "stream_options") ? member.value : options;
    if (amphi__json_span_init(&span, options) && span.in_object)
        while (amphi__json_span_next(&span, &member))
            if (amphi__str_equal_c(member.key, "include_usage"))
                return amphi__str_equal_c(member.value, "true");
    return false;
}

/* "model" of a checked body, as text without escapes. */
static void read_model(amphi_buf *out, amphi_str body)
{
    amphi_json_span span;
    amphi_json_member member;
    if (!amphi__json_span_init(&span, body) || !span.in_object)
        return;
    while (amphi__json_span_next(&span, &member)) {
        amphi_json *value = NULL;
        if (amphi__str_equal_c(member.key, "model") &&
            amphi__json_parse(&value, member.value, "model", NULL) == AMPHI_OK) {
            amphi__buf_reset(out);
            amphi__buf_append_str(out, amphi__json_string(value));
        }
        amphi__json_free(value);
    }
}

/* Of an endpoint's models the one that is asked for, or its first. */
static amphi_status choose_model(amphi_engine_run *run)
{
    amphi_str models = amphi_str_from(run->endpoint->model);
    amphi_buf asked;
    amphi__buf_init(&asked, AMPHI_MODEL_LIST_BYTES_MAX);
    if (amphi__str_find(models, AMPHI_STR("|")) != SIZE_MAX) {
        read_model(&asked, run->request.body);
        models = amphi__model_list_choose(models, amphi__buf_str(&asked));
    }
    amphi__buf_append_str(&run->model_name, models);
    amphi__buf_clear(&asked);
    return run->model_name.status;
}

/* The request's own copy, for a second send, and what is known about its model. */
static amphi_status copy_request(
    amphi_engine_run *run, const amphi_engine_request *request, amphi_error *error)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    run->request = *request;
    amphi_str *const strings[] = {
        &run->request.body, &run->request.prefix, &run->request.idempotency_key};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        amphi__buf_init(&run->texts[i], 0);
        if (strings[i] == &run->request.body && request->body_is_kept)
            continue;
        if (amphi__buf_append_str(&run->texts[i], *strings[i]) != AMPHI_OK)
            return amphi__fail_no_memory(error);
        *strings[i] = amphi__buf_str(&run->texts[i]);
    }
    run->request.learned = run->request.conversation_id = amphi_str_make(NULL, 0);
    amphi_status status = amphi__json_check(run->request.body, "request", error);
    if (status != AMPHI_OK)
        return status;
    if (choose_model(run) != AMPHI_OK)
        return amphi__fail_no_memory(error);
    run->model = amphi__request_forms_model(amphi__buf_str(&run->model_name), run->request.body);
    amphi__mutex_lock(&endpoint->mutex);
    const amphi_request_form *form = amphi__request_forms_find(&endpoint->forms, run->model);
    if (form != NULL)
        run->known = *form;
    amphi__mutex_unlock(&endpoint->mutex);
    if (form == NULL)
        amphi__request_form_read(&run->known, request->learned, endpoint->url);
    run->form = run->known;
    run->wants_usage = wants_usage(run->request.body);
    return AMPHI_OK;
}

amphi_status amphi__endpoint_run_start(amphi_remote_endpoint *endpoint, amphi_engine_run **out,
    const amphi_engine_request *request, const amphi_engine_sink *sink, amphi_error *error)
{
    *out = NULL;
    if (request->task != AMPHI_TASK_CHAT && request->task != AMPHI_TASK_EMBEDDINGS)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "request.task: not an amphi_engine_task");
    amphi_engine_run *run = amphi__calloc(1, sizeof *run);
    if (run == NULL)
        return amphi__fail_no_memory(error);
    bool is_chat = request->task == AMPHI_TASK_CHAT;
    run->endpoint = endpoint;
    run->sink = *sink;
    run->dialect = is_chat ? endpoint->dialect : &amphi__dialect_embeddings;
    run->url = is_chat ? endpoint->url : endpoint->embeddings_url;
    amphi__credentials_init(&run->credentials);
    amphi__buf_init(&run->model_name, 0);
    amphi__buf_init(&run->sent, 0);
    amphi_status status = copy_request(run, request, error);
    if (status == AMPHI_OK)
        status = amphi__endpoint_run_send(run, NULL, error);
    if (status == AMPHI_OK)
        *out = run;
    else
        amphi__endpoint_run_free(run);
    return status;
}

void amphi__endpoint_run_cancel(amphi_engine_run *run)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    amphi__mutex_lock(&endpoint->mutex);
    run->cancelled = true;
    amphi_http_exchange *exchange = run->exchange; /* freed with the run, not before */
    amphi__mutex_unlock(&endpoint->mutex);
    if (exchange != NULL)
        endpoint->http.ops->cancel(endpoint->http.self, exchange);
}

void amphi__endpoint_run_release(amphi_engine_run *run)
{
    if (run == NULL)
        return;
    amphi_remote_endpoint *endpoint = run->endpoint;
    amphi__mutex_lock(&endpoint->mutex);
    run->cancelled = true;
    amphi__endpoint_resend_unlink(run);
    while (run->is_held || run->is_resending || (run->closing && !run->closed))
        amphi__cond_wait(&endpoint->changed, &endpoint->mutex);
    amphi__endpoint_timer_stop(run);
    run->released = run->finished && !run->ended && amphi__endpoint_timer_start(run, drain_us);
    bool left_to_timer = run->released;
    amphi__mutex_unlock(&endpoint->mutex);
    if (!left_to_timer)
        amphi__endpoint_run_free(run);
}

void amphi__endpoint_run_stop_threads(amphi_remote_endpoint *endpoint)
{
    if (!endpoint->timer_runs && !endpoint->resend_runs)
        return; /* perhaps there is no mutex either: creation failed */
    amphi__mutex_lock(&endpoint->mutex);
    endpoint->stop = true;
    amphi__cond_broadcast(&endpoint->changed);
    amphi__mutex_unlock(&endpoint->mutex);
    if (endpoint->timer_runs)
        amphi__thread_join(&endpoint->timer_thread);
    if (endpoint->resend_runs)
        amphi__thread_join(&endpoint->resend_thread);
}
