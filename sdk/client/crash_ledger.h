/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger of local starts: every attempt on a local engine leaves a row in the store, written
 * before each phase, so that a model which takes the app down with it is known at the next launch.
 * From these rows come the policy's facts about crashes. Rows are kept per model file and engine
 * build: a new one of either starts clean.
 *
 * Only the engine's own failures count as crashes. Kills from outside have rows and a limit of
 * their own, which only a machine that kills at every start reaches.
 */
#ifndef AMPHI_CLIENT_CRASH_LEDGER_H
#define AMPHI_CLIENT_CRASH_LEDGER_H

#include "sdk/client/client.h"

/* One start under way. */
typedef struct amphi_crash_ledger_start {
    int64_t id; /* 0: no row */
    amphi_start_phase phase;
} amphi_crash_ledger_start;

/* What caused a failure. */
typedef enum amphi_crash_cause {
    AMPHI_CRASH_CAUSE_ENGINE = 0,
    AMPHI_CRASH_CAUSE_MEMORY = 1,  /* killed for its memory, or an allocation failed */
    AMPHI_CRASH_CAUSE_OUTSIDE = 2, /* another process killed it, or stopped it */
} amphi_crash_cause;

/* Of a failed run. A kill while the device is short of memory (or was at the last check:
 * was_short) counts as one for its memory: the low-memory killers of user space (Android's lmkd,
 * systemd-oomd) leave no other trace. */
amphi_crash_cause amphi__crash_ledger_cause(
    amphi_client *client, const amphi_engine_event *fail, bool was_short);

/* Does the store keep a ledger? Otherwise breakers judge local engines too. */
bool amphi__crash_ledger_is_supported(const amphi_client *client);

/* Before an attempt; `info` is the engine's own. Does nothing for a cloud route. */
void amphi__crash_ledger_begin(amphi_client *client, amphi_crash_ledger_start *start,
    const amphi_engine_info *info, bool plain);
void amphi__crash_ledger_phase(
    amphi_client *client, amphi_crash_ledger_start *start, amphi_start_phase phase);
/* A second call does nothing. */
void amphi__crash_ledger_end(amphi_client *client, amphi_crash_ledger_start *start,
    const amphi_error *outcome, amphi_crash_cause cause);

/* Deaths up to now have a row already, an attempt's. Under the client's lock. */
void amphi__crash_ledger_acknowledge_deaths(amphi_route *route, const amphi_engine_info *info);

/* Facts for the policy. Ends the rows of processes that have ended. */
void amphi__crash_ledger_facts(amphi_client *client, const amphi_policy *policy,
    const amphi_engine_info *info, amphi_crash_facts *out);
/* May the engine be started again, considering the crashes recorded so far? */
bool amphi__crash_ledger_allows(amphi_client *client, const amphi_route *route);
/* Describes a route as far as its crashes allow: one that is quarantined is only identified, and
 * nothing of it runs. Deaths outside of attempts (reading the file, warming up) get
 * rows; returns how many there were since the last call. */
uint32_t amphi__crash_ledger_describe(amphi_client *client, amphi_route *route,
    const amphi_policy *policy, amphi_engine_info *info, amphi_crash_facts *crash);

#endif
