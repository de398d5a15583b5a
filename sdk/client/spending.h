/* SPDX-License-Identifier: Apache-2.0
 *
 * What the clouds cost today, by every client of this store: one setting, "spent", that all of
 * them add to. A day is a day in UTC. What a request cost is noted in memory at its attempts' ends,
 * which waits for nothing, and written at its own end: before its last event when the policy has a
 * budget for the day, so that no answer is delivered that is not counted; else afterwards, every
 * few seconds, and when the client is freed. What could not be written stays, counts here, and is
 * tried again. Money is in microdollars.
 */
#ifndef AMPHI_CLIENT_SPENDING_H
#define AMPHI_CLIENT_SPENDING_H

#include "policy/policy.h"
#include "sdk/client/answer_cost.h"
#include "sdk/client/reservation.h"

typedef enum amphi_spent {
    AMPHI_SPENT_MICRODOLLARS = 0,
    AMPHI_SPENT_UNKNOWN,   /* attempts of unknown cost */
    AMPHI_SPENT_ESTIMATED, /* attempts whose cost is an estimate; it is in the sum */
    AMPHI_SPENT_METERED,   /* bytes over a metered network */
    AMPHI_SPENT_COUNT
} amphi_spent;

/* Under the client's lock. All zero: nothing is known, nothing was spent. */
struct amphi_spending {
    int64_t day;                         /* since 1970-01-01, of `known` */
    uint64_t known[AMPHI_SPENT_COUNT];   /* in the store, as last seen */
    uint64_t pending[AMPHI_SPENT_COUNT]; /* this client's, not written yet */
    uint64_t writing[AMPHI_SPENT_COUNT]; /* this client's, being written */
    uint64_t reserved;                   /* the sum of this client's reservations */
    uint64_t read_ms;                    /* boot time; 0: never */
    uint64_t written_ms;                 /* likewise */
    bool is_unreadable;                  /* as the last attempt to read had it */
};

/* Reads what other processes have spent, unless that was done less than age_ms ago. Waits for no
 * writer; what can't be read stays as it was, and closes the budget until it can. */
void amphi__spending_refresh(amphi_client *client, uint32_t age_ms);
void amphi__spending_snapshot(amphi_client *client, amphi_policy_spent *out);
/* Under the client's lock: microdollars, with those that are not written yet. now_s: Unix time. */
uint64_t amphi__spending_today(const amphi_spending *spending, int64_t now_s);
/* Never waits. */
void amphi__spending_note(amphi_client *client, const uint64_t add[AMPHI_SPENT_COUNT]);
/* Notes what an attempt of a cloud cost, and returns it; `ends` (NULL: none) is released in the
 * same moment. Never waits. */
amphi_answer_cost amphi__spending_charge(
    amphi_client *client, const amphi_attempt_bill *bill, amphi_reservation *ends);

/* Writes what is pending; may wait for the disk. Its failure is logged, and nothing is lost. */
void amphi__spending_write(amphi_client *client);
/* The same, unless it was done less than age_ms ago. */
void amphi__spending_write_in_time(amphi_client *client, uint32_t age_ms);

#endif
