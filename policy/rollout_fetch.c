/* SPDX-License-Identifier: Apache-2.0
 *
 * The two sources of a rollout payload. The HTTP side is a small sink: the transport's thread
 * fills it in, the calling thread waits on a condition variable, and after `release` no other
 * thread touches it, so it lives on the caller's stack. Payloads are capped at 1 MiB on both ways.
 */
#include "policy/rollout_fetch.h"
#include "sdk/core/awake.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"

#include <errno.h>
#include <stdio.h>

#define CANCEL_CHECK_US 20000u /* how often a fetch that waits looks at its cancel mark */

amphi_status amphi__rollout_fetch_file(
    amphi_rollout_fetch *fetch, const char *path, amphi_error *error)
{
    char piece[4096];
    size_t got;
    amphi__buf_init(&fetch->body, AMPHI_ROLLOUT_PAYLOAD_MAX);
    fetch->etag[0] = '\0';
    fetch->not_modified = false;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return amphi__fail(error, errno == ENOENT ? AMPHI_E_NOT_FOUND : AMPHI_E_IO, errno,
            "rollout: the payload file can't be opened");
    }
    amphi_status status = AMPHI_OK;
    while (status == AMPHI_OK && (got = fread(piece, 1, sizeof piece, file)) > 0)
        status = amphi__buf_append(&fetch->body, piece, got);
    if (status == AMPHI_E_LIMIT)
        amphi__fail(error, status, 0, "rollout: the payload is longer than 1 MiB");
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
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "rollout: the payload is longer than 1 MiB");
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
    return amphi__fail(error, AMPHI_E_TIMEOUT, 0, "rollout: no payload within %u ms", timeout_ms);
}

amphi_status amphi__rollout_fetch_url(amphi_rollout_fetch *fetch, const amphi_http *http,
    amphi_str url, bool allow_http_loopback, uint32_t timeout_ms, amphi_error *error)
{
    amphi_waiter waiter = {.fetch = fetch};
    char etag[AMPHI_ROLLOUT_ETAG_MAX];
    amphi__buf_init(&fetch->body, AMPHI_ROLLOUT_PAYLOAD_MAX);
    fetch->not_modified = false;
    if (http->ops == NULL) {
        return amphi__fail(
            error, AMPHI_E_UNSUPPORTED, 0, "rollout: this build has no HTTP transport");
    }
    memcpy(etag, fetch->etag, sizeof etag);
    amphi_status status = AMPHI_OK;
    if (amphi__mutex_init(&waiter.lock) != AMPHI_OK ||
        amphi__cond_init(&waiter.ended) != AMPHI_OK) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    const amphi_http_header headers[] = {
        {AMPHI_STR("Accept"), AMPHI_STR("application/json")},
        {AMPHI_STR("If-None-Match"), amphi_str_from(etag)},
    };
    amphi_http_request request = {
        .struct_size = sizeof request,
        .method = AMPHI_STR("GET"),
        .url = url,
        .headers = headers,
        .headers_count = etag[0] != '\0' ? 2 : 1,
        .allow_http_loopback = allow_http_loopback,
        .total_timeout_ms = timeout_ms,
        .body_limit_bytes = AMPHI_ROLLOUT_PAYLOAD_MAX,
    };
    status = exchange(&waiter, http, &request, timeout_ms, error);
    if (status == AMPHI_OK)
        status = read_answer(&waiter, etag[0] != '\0', error);
cleanup:
    amphi__cond_clear(&waiter.ended);
    amphi__mutex_clear(&waiter.lock);
    return status;
}
