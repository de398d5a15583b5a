/* SPDX-License-Identifier: Apache-2.0
 *
 * Auto-rollback: how this device's answers went under a release and without it, over restarts and
 * over every process of the store; past the limit (policy/rollback.h) the release is given up.
 */
#ifndef AMPHI_CLIENT_ROLLOUT_GUARD_H
#define AMPHI_CLIENT_ROLLOUT_GUARD_H

#include "policy/policy.h"

#include <amphi/types.h>

struct amphi_stream;

/* Of one client; under its lock. */
typedef struct amphi_rollout_guard {
    amphi_rollback_tally pending; /* answers without a release that are not written yet */
    uint64_t written_ms;          /* monotonic; 0: never */
    uint32_t deaths;              /* of engines outside of requests; the next answer has them */
    amphi_rollout_arm last;       /* as it was written last */
} amphi_rollout_guard;

/* Gives up what this payload's release was given up for, in whichever process. Never fails: what
 * cannot be read is not known. Before the payload is applied, and before a model is chosen. */
void amphi__rollout_guard_load(amphi_client *client);
/* From when on answers belong to the group in force: for deaths that are found later. */
void amphi__rollout_guard_begin(amphi_client *client, const amphi_rollout_arm *arm);
/* An answer has ended, well or not. On its driver thread, after its last event. */
void amphi__rollout_guard_answer(struct amphi_stream *stream, bool is_complete);
/* An engine died outside of any request. */
void amphi__rollout_guard_engine_died(amphi_client *client);
/* The app died with an engine inside it: the ledger's row `id`, of a start at that time (Unix).
 * Counted once, even when several processes find it. */
void amphi__rollout_guard_host_died(amphi_client *client, int64_t id, int64_t started_ms);
/* Writes what is pending. */
void amphi__rollout_guard_write(amphi_client *client);

#endif
