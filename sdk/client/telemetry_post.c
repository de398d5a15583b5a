/* SPDX-License-Identifier: Apache-2.0
 *
 * The transport's thread fills in what the calling thread waits for; after `release` no other
 * thread touches it, so it lives on the caller's stack.
 */
#include "sdk/client/telemetry_post.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

#define ANSWER_BYTES_MAX (64u << 10)
#define CANCEL_CHECK_US  20000u
#define RETRY_AFTER_MAX  86400u

typedef struct post_waiter {
    amphi_mutex lock;
    amphi_cond ended;
    /* Under the lock: */
    amphi_telemetry_post *post;
    bool done;
    amphi_error error;
} post_waiter;

static void on_headers(void *self, int http_status, const amphi_http_header *headers, size_t count)
{
    post_waiter *waiter = self;
    amphi__mutex_lock(&waiter->lock);
    waiter->post->http_status = http_status;
    for (size_t i = 0; i < count; i++) {
        uint64_t seconds = 0;
        if (amphi__str_equal_ignore_case(headers[i].name, AMPHI_STR("retry-after")) &&
            amphi__str_to_u64(amphi__str_trim(headers[i].value), &seconds) &&
            seconds <= RETRY_AFTER_MAX)
            waiter->post->retry_after_ms = (uint32_t)seconds * 1000;
    }
    amphi__mutex_unlock(&waiter->lock);
}

static void on_body(void *self, amphi_str piece)
{
    post_waiter *waiter = self;
    amphi__mutex_lock(&waiter->lock);
    amphi__buf_append_str(&waiter->post->answer, piece); /* too much of it is not read */
    amphi__mutex_unlock(&waiter->lock);
}

static void on_end(void *self, const amphi_error *error)
{
    post_waiter *waiter = self;
    amphi__mutex_lock(&waiter->lock);
    if (error != NULL)
        waiter->error = *error;
    waiter->done = true;
    amphi__cond_broadcast(&waiter->ended);
    amphi__mutex_unlock(&waiter->lock);
}

/* false when the time ran out first, or it was cancelled. */
static bool wait_for_end(post_waiter *waiter)
{
    amphi_awake awake = {0};
    const amphi_telemetry_post *post = waiter->post;
    uint64_t deadline_us = amphi__awake_us(&awake, NULL) + (uint64_t)post->timeout_ms * 1000;
    amphi__mutex_lock(&waiter->lock);
    while (!waiter->done && !atomic_load(post->cancel)) {
        uint64_t now_us = amphi__awake_us(&awake, NULL);
        if (now_us >= deadline_us)
            break;
        uint64_t left_us = deadline_us - now_us;
        amphi__cond_wait_us(
            &waiter->ended, &waiter->lock, left_us < CANCEL_CHECK_US ? left_us : CANCEL_CHECK_US);
    }
    bool done = waiter->done;
    amphi__mutex_unlock(&waiter->lock);
    return done;
}

static amphi_status exchange(post_waiter *waiter, amphi_error *error)
{
    const amphi_http *http = waiter->post->http;
    amphi_http_exchange *running = NULL;
    const amphi_http_sink sink = {waiter, on_headers, on_body, on_end};
    amphi_status status =
        http->ops->start(http->self, &running, &waiter->post->request, &sink, error);
    if (status != AMPHI_OK)
        return status;
    bool done = wait_for_end(waiter);
    if (!done)
        http->ops->cancel(http->self, running);
    http->ops->release(http->self, running);
    if (!done && atomic_load(waiter->post->cancel))
        return amphi__fail(error, AMPHI_E_CANCELLED, 0, "telemetry: cancelled");
    if (!done)
        return amphi__fail(error, AMPHI_E_TIMEOUT, 0, "telemetry: no answer within %u ms",
            waiter->post->timeout_ms);
    if (waiter->error.status != AMPHI_OK && error != NULL)
        *error = waiter->error;
    return waiter->error.status;
}

amphi_status amphi__telemetry_post(
    amphi_telemetry_post *post, amphi_str url, amphi_str body, amphi_error *error)
{
    post_waiter waiter = {.post = post};
    amphi_status status = AMPHI_OK;
    amphi__buf_init(&post->answer, ANSWER_BYTES_MAX);
    post->http_status = 0;
    post->retry_after_ms = 0;
    post->request.method = AMPHI_STR("POST");
    post->request.url = url;
    post->request.body = body;
    post->request.total_timeout_ms = post->timeout_ms;
    post->request.body_limit_bytes = ANSWER_BYTES_MAX;
    if (amphi__mutex_init(&waiter.lock) != AMPHI_OK || amphi__cond_init(&waiter.ended) != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    if (status == AMPHI_OK)
        status = exchange(&waiter, error);
    amphi__cond_clear(&waiter.ended);
    amphi__mutex_clear(&waiter.lock);
    return status;
}
