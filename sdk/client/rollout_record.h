/* SPDX-License-Identifier: Apache-2.0
 *
 * What the store keeps for auto-rollback, as one setting: JSON, written by compare and swap.
 */
#ifndef AMPHI_CLIENT_ROLLOUT_RECORD_H
#define AMPHI_CLIENT_ROLLOUT_RECORD_H

#include "policy/policy.h"
#include "sdk/core/buf.h"

#define AMPHI_ROLLOUT_GIVEN_UP_MAX 8u
#define AMPHI_ROLLOUT_DEATHS_MAX   16u

typedef struct amphi_rollout_given_up {
    char payload[17];
    amphi_rollback_verdict why;
    int64_t at_ms; /* Unix */
} amphi_rollout_given_up;

/* All zero: nothing yet. */
typedef struct amphi_rollout_record {
    amphi_rollback_tally control;
    amphi_rollback_tally treated;             /* of `payload` */
    char payload[17];                         /* the last one whose release was in force */
    bool is_treated;                          /* the group now ... */
    int64_t since_ms;                         /* ... and since when; Unix */
    int64_t deaths[AMPHI_ROLLOUT_DEATHS_MAX]; /* rows of the ledger that were counted */
    size_t deaths_count;                      /* the newest last */
    amphi_rollout_given_up given_up[AMPHI_ROLLOUT_GIVEN_UP_MAX];
    size_t given_up_count; /* the newest last */
} amphi_rollout_record;

/* A text that is none of ours is an empty record. */
void amphi__rollout_record_read(amphi_rollout_record *out, amphi_str text);
void amphi__rollout_record_write(const amphi_rollout_record *record, amphi_buf *out);
/* NULL: this payload's release was not given up. */
const amphi_rollout_given_up *amphi__rollout_record_find(
    const amphi_rollout_record *record, const char *payload);
void amphi__rollout_record_give_up(amphi_rollout_record *record, const char *payload,
    const amphi_rollback_verdict *why, int64_t now_ms);
/* false: this death was counted before. */
bool amphi__rollout_record_add_death(amphi_rollout_record *record, int64_t id);

#endif
