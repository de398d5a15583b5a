/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread for three jobs, since two of them wait for the network to come back and the third is
 * rare. The jobs run outside of the lock.
 */
#include "sdk/client/background.h"

#include "sdk/client/history_retention.h"
#include "sdk/client/memory_monitor.h"
#include "sdk/client/outbox_events.h"
#include "sdk/client/outbox_sender.h"
#include "sdk/client/rollout.h"
#include "sdk/core/alloc.h"
#include "sdk/core/awake.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#define FIRST_ROUND_AFTER_MS 500u /* so that short-lived commands do not start a delivery */
#define PAUSE_MIN_MS         1000u
#define PAUSE_MAX_MS         30000u
#define IDLE_MS              (10u * 60 * 1000) /* nothing waits; other processes may add */
#define LEASED_MS            30000u            /* another process sends, and may end */
#define MEMORY_CHECK_US      (5u * 1000 * 1000)

struct amphi_background {
    amphi_client *client;
    amphi_outbox_sender *sender;
    amphi_thread thread;
    amphi_mutex lock; /* guards what follows */
    amphi_cond changed;
    bool woken;
    bool closing;
    bool monitors_memory; /* a local engine may be loaded */
    bool reports;         /* there may be an event to report */
    bool is_asked;        /* the next round sends the outbox because the user wants it to */
    uint32_t rounds_begun;
    uint32_t rounds_ended;
    amphi_rollout_schedule schedule; /* the background thread's alone */
};

/* ---- the thread ---- */

static bool find_leased(void *user, const amphi_store_outbox_item *item)
{
    amphi_store_outbox_item own;
    bool *found = user;
    *found |= AMPHI__SIZED_READ_KNOWN(&own, item, "item", NULL) == AMPHI_OK && own.is_leased;
    return !*found;
}

/* After a round without anything left to send. */
static uint32_t idle_pause_ms(amphi_client *client)
{
    bool found = false;
    (void)client->store.ops->outbox_entries(client->store.self, find_leased, &found, NULL);
    return found ? LEASED_MS : IDLE_MS;
}

static uint32_t next_pause_ms(amphi_client *client, amphi_status sent, uint32_t pause_ms)
{
    if (sent == AMPHI_E_NOT_FOUND)
        return idle_pause_ms(client);
    if (pause_ms >= IDLE_MS)
        return PAUSE_MIN_MS;
    return pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
}

/* Runs what is due. *pause_ms grows while the outbox waits; returns the pause before the next
 * round. */
static uint64_t run_round(amphi_background *background, uint32_t *pause_ms)
{
    uint64_t draw = 0;
    amphi__mutex_lock(&background->lock);
    background->woken = false;
    background->rounds_begun++;
    bool is_asked = background->is_asked;
    background->is_asked = false;
    amphi__mutex_unlock(&background->lock);
    uint64_t rollout_ms = amphi__client_rollout_refresh(background->client, &background->schedule);
    (void)amphi__memory_monitor_release(background->client);
    amphi__outbox_events_report(background->client);
    amphi__history_retain(background->client);
    amphi_status sent = is_asked ? amphi__outbox_sender_send_asked(background->sender)
                                 : amphi__outbox_sender_send(background->sender);
    amphi__outbox_events_report(background->client);
    *pause_ms = next_pause_ms(background->client, sent, *pause_ms);
    /* So that devices that lost the same network do not all come back in the same second. */
    (void)amphi__random(&draw, sizeof draw);
    uint64_t next_ms = amphi__jitter_ms(*pause_ms, draw);
    amphi__mutex_lock(&background->lock);
    background->rounds_ended = background->rounds_begun;
    amphi__cond_broadcast(&background->changed);
    amphi__mutex_unlock(&background->lock);
    return rollout_ms < next_ms ? rollout_ms : next_ms;
}

/* Under the lock, which is given up meanwhile. */
static void check_memory(amphi_background *background)
{
    background->monitors_memory = false; /* an attempt that begins from here on sets it again */
    amphi__mutex_unlock(&background->lock);
    bool empty = amphi__memory_monitor_release(background->client);
    amphi__mutex_lock(&background->lock);
    background->monitors_memory |= !empty;
}

/* Likewise. */
static void report_events(amphi_background *background)
{
    background->reports = false;
    amphi__mutex_unlock(&background->lock);
    amphi__outbox_events_report(background->client);
    amphi__mutex_lock(&background->lock);
}

/* Waits until a round is due; checks memory and reports events meanwhile. false: the client is
 * being freed. */
static bool wait_for_round(amphi_background *background, uint64_t pause_ms)
{
    uint64_t until_us = amphi__clock_us(NULL) + pause_ms * 1000;
    amphi__mutex_lock(&background->lock);
    while (!background->woken && !background->closing) {
        if (background->reports)
            report_events(background);
        if (background->woken || background->closing)
            break;
        uint64_t now_us = amphi__clock_us(NULL);
        uint64_t left_us = until_us > now_us ? until_us - now_us : 0;
        bool monitors_memory = background->monitors_memory;
        if (left_us == 0)
            break;
        amphi__cond_wait_us(&background->changed, &background->lock,
            monitors_memory && left_us > MEMORY_CHECK_US ? MEMORY_CHECK_US : left_us);
        if (monitors_memory)
            check_memory(background);
    }
    bool closing = background->closing;
    amphi__mutex_unlock(&background->lock);
    return !closing;
}

static void run_rounds(void *arg)
{
    amphi_background *background = arg;
    uint32_t pause_ms = FIRST_ROUND_AFTER_MS;
    uint64_t wait_ms = pause_ms;
    while (wait_for_round(background, wait_ms))
        wait_ms = run_round(background, &pause_ms);
}

/* ---- from other threads ---- */

amphi_status amphi__background_new(amphi_background **out, amphi_client *client, amphi_error *error)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    amphi_background *background = amphi__calloc(1, sizeof *background);
    if (background == NULL)
        goto cleanup;
    background->client = client;
    status = amphi__mutex_init(&background->lock);
    if (status == AMPHI_OK)
        status = amphi__cond_init(&background->changed);
    if (status == AMPHI_OK)
        status = amphi__outbox_sender_new(&background->sender, client, NULL);
    if (status == AMPHI_OK)
        status = amphi__thread_start(&background->thread, "amphi-backgrnd", run_rounds, background);
    if (status != AMPHI_OK)
        goto cleanup;
    *out = background;
    background = NULL;
cleanup:
    amphi__background_free(background);
    return status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}

void amphi__background_stop(amphi_background *background)
{
    if (background == NULL || !background->thread.started)
        return;
    amphi__mutex_lock(&background->lock);
    background->closing = true;
    amphi__cond_broadcast(&background->changed);
    amphi__mutex_unlock(&background->lock);
    amphi__rollout_stop(background->client->rollout);
    amphi__outbox_sender_close(background->sender);
    amphi__thread_join(&background->thread);
}

void amphi__background_free(amphi_background *background)
{
    if (background == NULL)
        return;
    amphi__background_stop(background);
    amphi__outbox_sender_free(background->sender);
    amphi__cond_clear(&background->changed);
    amphi__mutex_clear(&background->lock);
    amphi__free(background);
}

void amphi__background_wake(amphi_background *background)
{
    if (background == NULL)
        return;
    amphi__mutex_lock(&background->lock);
    background->woken = true;
    amphi__cond_broadcast(&background->changed);
    amphi__mutex_unlock(&background->lock);
}

void amphi__background_report(amphi_background *background)
{
    if (background == NULL)
        return;
    amphi__mutex_lock(&background->lock);
    background->reports = true;
    amphi__cond_broadcast(&background->changed);
    amphi__mutex_unlock(&background->lock);
}

void amphi__background_cancel(amphi_background *background, amphi_str id)
{
    if (background != NULL)
        amphi__outbox_sender_cancel(background->sender, id);
}

void amphi__background_monitor_memory(amphi_background *background)
{
    if (background == NULL)
        return;
    amphi__mutex_lock(&background->lock);
    if (!background->monitors_memory) {
        background->monitors_memory = true;
        amphi__cond_broadcast(&background->changed);
    }
    amphi__mutex_unlock(&background->lock);
}

void amphi__background_flush(amphi_background *background, uint32_t timeout_ms)
{
    amphi_awake awake = {0};
    uint64_t deadline_us = amphi__awake_us(&awake, NULL) + (uint64_t)timeout_ms * 1000;
    amphi__mutex_lock(&background->lock);
    uint32_t wanted = background->rounds_begun + 1;
    background->woken = true;
    background->is_asked = true;
    amphi__cond_broadcast(&background->changed);
    for (uint64_t now_us = amphi__awake_us(&awake, NULL);
         background->rounds_ended < wanted && now_us < deadline_us;
         now_us = amphi__awake_us(&awake, NULL))
        amphi__cond_wait_us(&background->changed, &background->lock,
            amphi__awake_slice_us(&awake, deadline_us - now_us));
    amphi__mutex_unlock(&background->lock);
}
