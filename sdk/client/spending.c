/* SPDX-License-Identifier: Apache-2.0
 *
 * Read, add, swap: another process that wrote in between makes the swap fail, and all begins again.
 */
#include "sdk/client/spending.h"

#include "sdk/client/client.h"
#include "sdk/core/clock.h"
#include "sdk/core/counters.h"
#include "sdk/core/error.h"

#define SETTING     "spent"
#define DAY_S       (24 * 3600)
#define PATIENCE_MS 2000u

static int64_t wall_s(const amphi_client *client)
{
    int64_t now_ms = amphi__clock_wall_ms(client->clock);
    return now_ms > 0 ? now_ms / 1000 : 0;
}

static void add_all(uint64_t sums[AMPHI_SPENT_COUNT], const uint64_t add[AMPHI_SPENT_COUNT])
{
    for (size_t i = 0; i < AMPHI_SPENT_COUNT; i++)
        sums[i] = amphi__cost_add(sums[i], add[i]);
}

static void append_value(void *user, amphi_str value)
{
    amphi__buf_append_str(user, value);
}

static amphi_status read_text(amphi_store store, amphi_buf *out, amphi_error *error)
{
    amphi_status status =
        store.ops->setting_get(store.self, AMPHI_STR(SETTING), append_value, out, error);
    if (status != AMPHI_OK && status != AMPHI_E_NOT_FOUND)
        return status;
    return out->status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}

/* Under the lock. Sums of one day only grow: an older view does not replace a newer one, nor does
 * one from before midnight. */
static void take(amphi_spending *spending, const amphi_counters *seen)
{
    if (seen->period == spending->day - 1)
        return;
    if (seen->period == spending->day &&
        seen->values[AMPHI_SPENT_MICRODOLLARS] < spending->known[AMPHI_SPENT_MICRODOLLARS])
        return;
    spending->day = seen->period;
    memcpy(spending->known, seen->values, sizeof spending->known);
}

/* Under the lock. What is in the store then may or may not be in `writing` as well; the write's end
 * brings the newest. */
static bool is_writing(const amphi_spending *spending)
{
    bool any = false;
    for (size_t i = 0; i < AMPHI_SPENT_COUNT; i++)
        any = any || spending->writing[i] > 0;
    return any;
}

void amphi__spending_refresh(amphi_client *client, uint32_t age_ms)
{
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    amphi_spending *spending = &client->spending;
    amphi_buf text;
    amphi__mutex_lock(&client->lock);
    bool is_fresh = spending->read_ms != 0 && now_ms - spending->read_ms < age_ms;
    amphi__mutex_unlock(&client->lock);
    if (is_fresh)
        return;
    amphi__buf_init(&text, AMPHI_COUNTERS_BYTES_MAX);
    bool is_read = read_text(client->store, &text, NULL) == AMPHI_OK;
    const amphi_counters seen = amphi__counters_read(amphi__buf_str(&text), AMPHI_SPENT_COUNT);
    amphi__mutex_lock(&client->lock);
    spending->is_unreadable = !is_read;
    if (!is_read) {
        spending->read_ms = 0; /* the next request tries again */
    } else if (!is_writing(spending)) {
        take(spending, &seen);
        spending->read_ms = now_ms > 0 ? now_ms : 1;
    }
    amphi__mutex_unlock(&client->lock);
    amphi__buf_clear(&text);
}

/* Under the lock. */
static amphi_counters sums_of_today(const amphi_spending *spending, int64_t now_s)
{
    amphi_counters today = {.period = spending->day, .count = AMPHI_SPENT_COUNT};
    memcpy(today.values, spending->known, sizeof spending->known);
    amphi__counters_turn(&today, now_s / DAY_S);
    add_all(today.values, spending->pending);
    add_all(today.values, spending->writing);
    return today;
}

uint64_t amphi__spending_today(const amphi_spending *spending, int64_t now_s)
{
    return sums_of_today(spending, now_s).values[AMPHI_SPENT_MICRODOLLARS];
}

void amphi__spending_snapshot(amphi_client *client, amphi_policy_spent *out)
{
    int64_t now_s = wall_s(client);
    amphi__mutex_lock(&client->lock);
    const amphi_counters today = sums_of_today(&client->spending, now_s);
    uint64_t reserved = client->spending.reserved;
    bool is_unreadable = client->spending.is_unreadable;
    amphi__mutex_unlock(&client->lock);
    uint64_t unknown = today.values[AMPHI_SPENT_UNKNOWN];
    uint64_t estimated = today.values[AMPHI_SPENT_ESTIMATED];
    *out = (amphi_policy_spent){
        .microdollars = today.values[AMPHI_SPENT_MICRODOLLARS],
        .reserved = reserved,
        .unknown = unknown < UINT32_MAX ? (uint32_t)unknown : UINT32_MAX,
        .estimated = estimated < UINT32_MAX ? (uint32_t)estimated : UINT32_MAX,
        .metered_bytes = today.values[AMPHI_SPENT_METERED],
        .day_left_s = (uint32_t)(DAY_S - now_s % DAY_S),
        .is_unreadable = is_unreadable,
    };
}

/* `ends` is released in the same moment: seen from outside its cost is there once. */
static void note(
    amphi_client *client, const uint64_t add[AMPHI_SPENT_COUNT], amphi_reservation *ends)
{
    amphi__mutex_lock(&client->lock);
    add_all(client->spending.pending, add);
    if (ends != NULL)
        amphi__reservation_hold(&client->spending, ends, 0);
    amphi__mutex_unlock(&client->lock);
}

void amphi__spending_note(amphi_client *client, const uint64_t add[AMPHI_SPENT_COUNT])
{
    note(client, add, NULL);
}

amphi_answer_cost amphi__spending_charge(
    amphi_client *client, const amphi_attempt_bill *bill, amphi_reservation *ends)
{
    const amphi_answer_cost cost = amphi__answer_cost_of(bill);
    uint64_t add[AMPHI_SPENT_COUNT] = {0};
    uint64_t least = bill->prompt_bytes + bill->answer_bytes;
    add[AMPHI_SPENT_UNKNOWN] = cost.source == AMPHI_COST_SOURCE_UNKNOWN;
    add[AMPHI_SPENT_ESTIMATED] = cost.source == AMPHI_COST_SOURCE_ESTIMATE;
    if (cost.source != AMPHI_COST_SOURCE_UNKNOWN)
        add[AMPHI_SPENT_MICRODOLLARS] = cost.microdollars;
    if (bill->is_metered)
        add[AMPHI_SPENT_METERED] = bill->network_bytes > least ? bill->network_bytes : least;
    note(client, add, ends);
    return cost;
}

static amphi_status swap(amphi_store store, amphi_str before, amphi_str after, amphi_error *error)
{
    return store.ops->setting_swap != NULL
               ? store.ops->setting_swap(store.self, AMPHI_STR(SETTING), before, after, error)
               : store.ops->setting_put(store.self, AMPHI_STR(SETTING), after, error);
}

/* *sums: what the store has afterwards. AMPHI_E_BUSY: another process was faster. */
static amphi_status write_once(
    amphi_store store, const uint64_t *mine, int64_t day, amphi_counters *sums, amphi_error *error)
{
    amphi_buf before, after;
    amphi__buf_init(&before, AMPHI_COUNTERS_BYTES_MAX);
    amphi__buf_init(&after, AMPHI_COUNTERS_BYTES_MAX);
    amphi_status status = read_text(store, &before, error);
    if (status == AMPHI_OK) {
        *sums = amphi__counters_read(amphi__buf_str(&before), AMPHI_SPENT_COUNT);
        amphi__counters_turn(sums, day);
        amphi__counters_add(sums, mine);
        amphi__counters_write(sums, &after);
        status = after.status == AMPHI_OK
                     ? swap(store, amphi__buf_str(&before), amphi__buf_str(&after), error)
                     : amphi__fail_no_memory(error);
    }
    amphi__buf_clear(&before);
    amphi__buf_clear(&after);
    return status;
}

/* Takes what is pending; false: there is nothing. */
static bool begin_write(amphi_client *client, uint64_t mine[AMPHI_SPENT_COUNT])
{
    amphi_spending *spending = &client->spending;
    bool any = false;
    amphi__mutex_lock(&client->lock);
    memcpy(mine, spending->pending, sizeof spending->pending);
    memset(spending->pending, 0, sizeof spending->pending);
    add_all(spending->writing, mine);
    amphi__mutex_unlock(&client->lock);
    for (size_t i = 0; i < AMPHI_SPENT_COUNT; i++)
        any = any || mine[i] > 0;
    return any;
}

/* sums NULL: it failed, and is pending again. */
static void end_write(
    amphi_client *client, const uint64_t mine[AMPHI_SPENT_COUNT], const amphi_counters *sums)
{
    amphi_spending *spending = &client->spending;
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    amphi__mutex_lock(&client->lock);
    for (size_t i = 0; i < AMPHI_SPENT_COUNT; i++)
        spending->writing[i] -= mine[i] < spending->writing[i] ? mine[i] : spending->writing[i];
    if (sums != NULL)
        take(spending, sums);
    else
        add_all(spending->pending, mine);
    spending->written_ms = now_ms > 0 ? now_ms : 1;
    amphi__mutex_unlock(&client->lock);
}

void amphi__spending_write(amphi_client *client)
{
    uint64_t mine[AMPHI_SPENT_COUNT];
    amphi_counters sums;
    amphi_error why = {0};
    if (!begin_write(client, mine))
        return;
    uint64_t until_ms = amphi__clock_boot_ms(NULL) + PATIENCE_MS;
    amphi_status status = AMPHI_E_BUSY;
    while (status == AMPHI_E_BUSY && amphi__clock_boot_ms(NULL) < until_ms)
        status = write_once(client->store, mine, wall_s(client) / DAY_S, &sums, &why);
    end_write(client, mine, status == AMPHI_OK ? &sums : NULL);
    if (status != AMPHI_OK)
        amphi__log(&client->log, AMPHI_LOG_WARNING,
            "what was spent could not be written yet, and is counted by this process alone: %s",
            why.message);
}

void amphi__spending_write_in_time(amphi_client *client, uint32_t age_ms)
{
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    amphi__mutex_lock(&client->lock);
    uint64_t written_ms = client->spending.written_ms;
    amphi__mutex_unlock(&client->lock);
    if (written_ms == 0 || now_ms - written_ms >= age_ms)
        amphi__spending_write(client);
}
