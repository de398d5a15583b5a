/* SPDX-License-Identifier: Apache-2.0
 *
 * The two sources of a rollout's files. The HTTP side is a small sink: the transport's thread
 * fills it in, the calling thread waits on a condition variable, and after `release` no other
 * thread touches it, so it lives on the caller's stack. Bodies are capped on both ways.
 */
#include "policy/rollout_fetch.h"
#include "sdk/core/alloc.h"
#include "sdk/core/awake.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"

#include <errno.h>
#include <stdio.h>

#define CANCEL_CHECK_US 20000u /* how often a fetch that waits looks at its cancel mark */

static amphi_status fetch_file(amphi_rollout_fetch *fetch, const char *path, amphi_error *error)
{
    char piece[4096];
    size_t got;
    fetch->etag[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return amphi__fail(error, errno == ENOENT ? AMPHI_E_NOT_FOUND : AMPHI_E_IO, errno,
            "rollout: %s can't be opened", path);
    }
    amphi_status status = AMPHI_OK;
    while (status == AMPHI_OK && (got = fread(piece, 1, sizeof piece, file)) > 0)
        status = amphi__buf_append(&fetch->body, piece, got);
    if (status == AMPHI_E_LIMIT)
        amphi__fail(error, status, 0, "rollout: longer than %zu bytes", fetch->limit);
    else if (status != AMPHI_OK)
        amphi__fail_no_memory(error);
    else if (ferror(file))
        status = amphi__fail(error, AMPHI_E_IO, errno, "rollout: the payload can't be read");
    fclose(file);
    return status;
}

/* ---- over HTTP ---- */

typedef struct amphi_waiter {
    amphi_mutex lock;
    amphi_cond ended;
    /* Under the lock: */
    amphi_rollout_fetch *fetch;
    int http_status;
    bool done;
    amphi_error error; /* of the exchange */
} amphi_waiter;

static void on_headers(void *self, int http_status, const amphi_http_header *headers, size_t count)
{
    amphi_waiter *waiter = self;
    amphi__mutex_lock(&waiter->lock);
    waiter->http_status = http_status;
    waiter->fetch->etag[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        /* One that is too long to keep whole is not kept: half a tag never matches. */
        if (amphi__str_equal_ignore_case(headers[i].name, AMPHI_STR("etag")) &&
            headers[i].value.size < AMPHI_ROLLOUT_ETAG_MAX)
            amphi__str_copy_to(waiter->fetch->etag, AMPHI_ROLLOUT_ETAG_MAX, headers[i].value);
    }
    amphi__mutex_unlock(&waiter->lock);
}

static void on_body(void *self, amphi_str piece)
{
    amphi_waiter *waiter = self;
    amphi__mutex_lock(&waiter->lock);
    amphi__buf_append_str(&waiter->fetch->body, piece); /* remembers a failure */
    amphi__mutex_unlock(&waiter->lock);
}

static void on_end(void *self, const amphi_error *error)
{
    amphi_waiter *waiter = self;
    amphi__mutex_lock(&waiter->lock);
    if (error != NULL)
        waiter->error = *error;
    waiter->done = true;
    amphi__cond_broadcast(&waiter->ended);
    amphi__mutex_unlock(&waiter->lock);
}

static bool is_cancelled(const amphi_rollout_fetch *fetch)
{
    return fetch->cancel.word != NULL && amphi__cancel_is_set(&fetch->cancel);
}

/* false when the time ran out first, or the fetch was cancelled. */
static bool wait_for_end(amphi_waiter *waiter, uint32_t timeout_ms)
{
    amphi_awake awake = {0};
    uint64_t deadline_us = amphi__awake_us(&awake, NULL) + (uint64_t)timeout_ms * 1000;
    amphi__mutex_lock(&waiter->lock);
    while (!waiter->done) {
        uint64_t now_us = amphi__awake_us(&awake, NULL);
        if (now_us >= deadline_us || is_cancelled(waiter->fetch))
            break;
        uint64_t left_us = deadline_us - now_us;
        amphi__cond_wait_us(
            &waiter->ended, &waiter->lock, left_us < CANCEL_CHECK_US ? left_us : CANCEL_CHECK_US);
    }
    bool done = waiter->done;
    amphi__mutex_unlock(&waiter->lock);
    return done;
}

/* What the finished exchange means; no other thread touches the waiter any more. */
static amphi_status read_answer(const amphi_waiter *waiter, bool sent_etag, amphi_error *error)
{
    int code = waiter->http_status;
    if (waiter->error.status != AMPHI_OK) {
        if (error != NULL)
            *error = waiter->error;
        return waiter->error.status;
    }
    if (code == 304 && sent_etag) {
        waiter->fetch->not_modified = true;
        return AMPHI_OK;
    }
    if (code != 200) {
        amphi_status status = code == 404 || code == 410   ? AMPHI_E_NOT_FOUND
                              : code == 401 || code == 403 ? AMPHI_E_AUTH
                              : code == 429                ? AMPHI_E_RATE_LIMITED
                              : code >= 500                ? AMPHI_E_PROVIDER
                                                           : AMPHI_E_REQUEST;
        return amphi__fail(error, status, code, "rollout: the server answered %d", code);
    }
    if (waiter->fetch->body.status == AMPHI_E_LIMIT)
        return amphi__fail(
            error, AMPHI_E_LIMIT, 0, "rollout: longer than %zu bytes", waiter->fetch->limit);
    return waiter->fetch->body.status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}

static amphi_status exchange(amphi_waiter *waiter, const amphi_http *http,
    const amphi_http_request *request, uint32_t timeout_ms, amphi_error *error)
{
    amphi_http_exchange *running = NULL;
    const amphi_http_sink sink = {waiter, on_headers, on_body, on_end};
    amphi_status status = http->ops->start(http->self, &running, request, &sink, error);
    if (status != AMPHI_OK)
        return status;
    bool done = wait_for_end(waiter, timeout_ms);
    if (!done)
        http->ops->cancel(http->self, running);
    http->ops->release(http->self, running);
    if (done)
        return AMPHI_OK;
    if (is_cancelled(waiter->fetch))
        return amphi__fail(error, AMPHI_E_CANCELLED, 0, "rollout: the fetch was cancelled");
    return amphi__fail(error, AMPHI_E_TIMEOUT, 0, "rollout: no answer within %u ms", timeout_ms);
}

/* ---- the request ---- */

#define KEY_MAX 4096

/* "Bearer KEY", or empty where there is no key file. It holds a secret: wipe it. */
static amphi_status read_bearer(amphi_buf *out, const char *path, amphi_error *error)
{
    if (path[0] == '\0')
        return AMPHI_OK;
    char text[KEY_MAX];
    FILE *file = fopen(path, "re");
    size_t size = file != NULL ? fread(text, 1, sizeof text, file) : 0;
    if (file != NULL)
        fclose(file);
    amphi_str key = amphi__str_trim(amphi_str_make(text, size));
    amphi_status status = AMPHI_OK;
    if (key.size == 0 || size == sizeof text || !amphi__str_is_visible_ascii(key)) {
        status = amphi__fail(
            error, AMPHI_E_AUTH, 0, "rollout: the key file can't be read, or holds no key");
    } else {
        amphi__buf_append_c(out, "Bearer ");
        status =
            amphi__buf_append_str(out, key) == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
    }
    amphi__wipe(text, sizeof text);
    return status;
}

static amphi_status fetch_url(amphi_rollout_fetch *fetch, const amphi_rollout_transport *transport,
    amphi_str url, uint32_t timeout_ms, amphi_error *error)
{
    amphi_waiter waiter = {.fetch = fetch};
    char etag[AMPHI_ROLLOUT_ETAG_MAX];
    amphi_http_header headers[3] = {{AMPHI_STR("Accept"), AMPHI_STR("application/json")}};
    size_t count = 1;
    amphi_buf bearer;
    amphi__buf_init(&bearer, 0);
    memcpy(etag, fetch->etag, sizeof etag);
    amphi_status status = read_bearer(&bearer, transport->key_file, error);
    if (status == AMPHI_OK && (amphi__mutex_init(&waiter.lock) != AMPHI_OK ||
                                  amphi__cond_init(&waiter.ended) != AMPHI_OK))
        status = amphi__fail_no_memory(error);
    if (etag[0] != '\0')
        headers[count++] = (amphi_http_header){AMPHI_STR("If-None-Match"), amphi_str_from(etag)};
    if (bearer.size > 0)
        headers[count++] = (amphi_http_header){AMPHI_STR("Authorization"), amphi__buf_str(&bearer)};
    amphi_http_request request = {
        .struct_size = sizeof request,
        .method = AMPHI_STR("GET"),
        .url = url,
        .headers = headers,
        .headers_count = count,
        .ca_file = amphi_str_from(transport->ca_file),
        .pins = amphi_str_from(transport->pins),
        .tls12 = transport->tls12,
        .allow_http_loopback = transport->allow_http_loopback,
        .total_timeout_ms = timeout_ms,
        .body_limit_bytes = fetch->limit,
    };
    if (status == AMPHI_OK)
        status = exchange(&waiter, &transport->http, &request, timeout_ms, error);
    if (status == AMPHI_OK)
        status = read_answer(&waiter, etag[0] != '\0', error);
    amphi__cond_clear(&waiter.ended);
    amphi__mutex_clear(&waiter.lock);
    amphi__buf_wipe(&bearer);
    return status;
}

bool amphi__rollout_is_url(amphi_str source)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        amphi_str scheme = amphi_str_from(schemes[i]);
        if (amphi__str_equal_ignore_case(amphi__str_slice(source, 0, scheme.size), scheme))
            return true;
    }
    return false;
}

static bool is_https(amphi_str url)
{
    return amphi__str_equal_ignore_case(amphi__str_slice(url, 0, 8), AMPHI_STR("https://"));
}

/* The scheme in small letters, which transports expect; `suffix` in front of query and fragment. */
static amphi_status make_url(amphi_buf *out, amphi_str source, const char *suffix)
{
    size_t path = 0;
    while (path < source.size && source.data[path] != '?' && source.data[path] != '#')
        path++;
    size_t scheme = is_https(source) ? 8 : 7;
    amphi__buf_append_c(out, scheme == 8 ? "https://" : "http://");
    amphi__buf_append_str(out, amphi__str_slice(source, scheme, path));
    amphi__buf_append_c(out, suffix);
    return amphi__buf_append_str(out, amphi__str_slice(source, path, source.size));
}

amphi_status amphi__rollout_fetch(amphi_rollout_fetch *fetch,
    const amphi_rollout_transport *transport, const char *source, const char *suffix,
    uint32_t timeout_ms, amphi_error *error)
{
    amphi_str from = amphi_str_from(source);
    amphi_buf place;
    amphi__buf_init(&place, 0);
    amphi__buf_init(&fetch->body, fetch->limit);
    fetch->not_modified = false;
    amphi_status status = AMPHI_OK;
    if (!amphi__rollout_is_url(from)) {
        amphi__buf_append_str(&place, from);
        status = amphi__buf_append_c(&place, suffix) == AMPHI_OK
                     ? fetch_file(fetch, place.data, error)
                     : amphi__fail_no_memory(error);
    } else if (transport->http.ops == NULL) {
        status =
            amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "rollout: this build has no HTTP transport");
    } else if (!is_https(from) && !transport->allow_http_loopback) {
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "rollout: the source must be https");
    } else {
        status = make_url(&place, from, suffix) == AMPHI_OK
                     ? fetch_url(fetch, transport, amphi__buf_str(&place), timeout_ms, error)
                     : amphi__fail_no_memory(error);
    }
    amphi__buf_clear(&place);
    return status;
}
