/* SPDX-License-Identifier: Apache-2.0
 *
 * What is too old or too much goes, in small transactions, by the app's call or, where the client's
 * options say how much may stay, by the background thread.
 *
 * A message's age is known from the wall clock only, and that can jump: a phone that comes up in
 * 2038 for a moment must not lose its history. So the store keeps a pair of readings, wall clock
 * and boot clock, of the first look in this boot. When later the wall clock has moved more than the
 * boot clock, it has jumped: nothing goes, and a new pair is kept as suspect, which is believed
 * only when the two clocks have agreed for an hour. Without being asked, the background waits for
 * that hour in every boot.
 */
#include "sdk/client/history_retention.h"

#include "sdk/client/history_erase.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <amphi/history.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SETTING          "history.clock"
#define TOLERANCE_MS     (5 * 60 * 1000)
#define AGREES_AFTER_MS  (60 * 60 * 1000)
#define MESSAGES_AT_ONCE 200

/* ---- The clock ---- */

typedef struct pair {
    char boot[40];
    int64_t boot_ms, wall_ms;
    int64_t is_suspect;
} pair;

static void read_pair(void *user, amphi_str value)
{
    pair *out = user;
    amphi_str rest;
    char numbers[64];
    char *end = numbers;
    amphi__str_copy_to(out->boot, sizeof out->boot, amphi__str_cut(value, ' ', &rest));
    amphi__str_copy_to(numbers, sizeof numbers, rest);
    out->boot_ms = strtoll(end, &end, 10);
    out->wall_ms = strtoll(end, &end, 10);
    out->is_suspect = strtoll(end, &end, 10);
}

static amphi_status keep_pair(amphi_client *client, const pair *now, amphi_error *error)
{
    char text[128];
    const amphi_store store = client->store;
    snprintf(text, sizeof text, "%s %" PRId64 " %" PRId64 " %" PRId64, now->boot, now->boot_ms,
        now->wall_ms, now->is_suspect);
    return store.ops->setting_put(store.self, AMPHI_STR(SETTING), amphi_str_from(text), error);
}

static bool agree(const pair *then, const pair *now)
{
    int64_t passed_ms = now->boot_ms - then->boot_ms;
    int64_t drift_ms = now->wall_ms - then->wall_ms - passed_ms;
    int64_t allowed_ms = TOLERANCE_MS + passed_ms / 100; /* a slow or fast quartz */
    return drift_ms <= allowed_ms && drift_ms >= -allowed_ms;
}

/* AMPHI_E_BUSY: the wall clock is not to be believed (yet). */
static amphi_status check_clock(amphi_client *client, bool is_asked_for, amphi_error *error)
{
    amphi_str rest;
    pair then = {{0}, 0, 0, 0};
    pair now = {.boot_ms = (int64_t)(amphi__clock_boot_us(client->clock) / 1000),
        .wall_ms = amphi__clock_wall_ms(client->clock)};
    const amphi_store store = client->store;
    amphi__str_copy_to(now.boot, sizeof now.boot,
        amphi__str_cut(amphi_str_from(client->process_identity), '/', &rest));
    amphi_status status =
        store.ops->setting_get(store.self, AMPHI_STR(SETTING), read_pair, &then, error);
    if (status != AMPHI_OK && status != AMPHI_E_NOT_FOUND)
        return status;
    amphi__error_clear(error);
    bool is_same_boot = status == AMPHI_OK && strcmp(then.boot, now.boot) == 0;
    bool has_jumped = is_same_boot && !agree(&then, &now);
    if (!is_same_boot || has_jumped) {
        now.is_suspect = has_jumped;
        status = keep_pair(client, &now, error);
        then = now;
    }
    if (status != AMPHI_OK)
        return status;
    bool agrees_long = now.boot_ms - then.boot_ms >= AGREES_AFTER_MS;
    if (agrees_long || (is_asked_for && !then.is_suspect))
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_BUSY, 0,
        "history: the clock has jumped, so ages are not known; nothing was taken away: try again "
        "in an hour");
}

/* ---- Taking away ---- */

/* One transaction; adds to *receipt. */
static amphi_status take_some(amphi_client *client, amphi_store_erasure *what,
    amphi_history_receipt *receipt, bool *took, amphi_error *error)
{
    amphi_history_receipt some;
    amphi_history_receipt_init(&some);
    amphi_status status = amphi__history_erase(client, what, &some, error);
    *took = status == AMPHI_OK && some.messages_count > 0;
    receipt->conversations_count += some.conversations_count;
    receipt->messages_count += some.messages_count;
    receipt->cached_count += some.cached_count;
    receipt->text_bytes += some.text_bytes;
    receipt->log_is_wiped = some.log_is_wiped;
    receipt->damaged_count = some.damaged_count;
    memcpy(receipt->damaged_path, some.damaged_path, sizeof receipt->damaged_path);
    return status;
}

static amphi_status prune(amphi_client *client, const amphi_history_retention *keep,
    amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_store_erasure what;
    int64_t now_ms = amphi__clock_wall_ms(client->clock);
    amphi_status status = AMPHI_OK;
    amphi_store_erasure_init(&what);
    what.messages_max = MESSAGES_AT_ONCE;
    what.bytes_max = keep->max_bytes;
    if (keep->max_age_ms > 0 && now_ms > 0 && (uint64_t)now_ms > keep->max_age_ms)
        what.before_ms = now_ms - (int64_t)keep->max_age_ms;
    bool has_limit = what.before_ms != 0 || what.bytes_max != 0;
    bool took = has_limit;
    while (status == AMPHI_OK && took)
        status = take_some(client, &what, receipt, &took, error);
    if (status != AMPHI_OK || receipt->messages_count == 0)
        return status;
    amphi_store_erasure_init(&what); /* only the log */
    return take_some(client, &what, receipt, &took, error);
}

amphi_status amphi_history_prune(amphi_client *client, const amphi_history_retention *given,
    amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_history_retention keep;
    amphi_history_receipt own;
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    amphi_status status = AMPHI__SIZED_READ(amphi_history_retention, &keep, given, "keep", error);
    if (status == AMPHI_OK && receipt != NULL)
        status = AMPHI__SIZED_CHECK(amphi_history_receipt, receipt, "receipt", error);
    if (status == AMPHI_OK && client->store.ops->erase == NULL)
        status =
            amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "history: the app's store has no erase");
    if (status == AMPHI_OK && keep.max_age_ms > 0)
        status = check_clock(client, true, error);
    if (status != AMPHI_OK)
        return status;
    amphi_history_receipt_init(&own);
    own.erased_ms = amphi__clock_wall_ms(client->clock);
    own.log_is_wiped = true;
    status = prune(client, &keep, &own, error);
    if (status == AMPHI_OK && receipt != NULL)
        AMPHI__SIZED_WRITE(receipt, &own);
    return status;
}

void amphi__history_retain(amphi_client *client)
{
    amphi_error error;
    amphi_history_receipt receipt;
    amphi_history_retention keep = client->retention;
    if ((keep.max_age_ms == 0 && keep.max_bytes == 0) || client->store.ops->erase == NULL)
        return;
    if (keep.max_age_ms > 0 && check_clock(client, false, &error) != AMPHI_OK)
        keep.max_age_ms = 0;
    amphi_history_receipt_init(&receipt);
    if (prune(client, &keep, &receipt, &error) != AMPHI_OK)
        amphi__log(&client->log, AMPHI_LOG_WARNING, "retention: %s", error.message);
    else if (receipt.messages_count > 0)
        amphi__log(&client->log, AMPHI_LOG_INFO, "retention: %u messages went",
            (unsigned)receipt.messages_count);
}
