/* SPDX-License-Identifier: Apache-2.0
 *
 * Two plans for the same request: what differs for each route, and which fields of the policy
 * document make the difference, each tried alone. Pure.
 */
#ifndef AMPHI_CLIENT_REPLAY_COMPARE_H
#define AMPHI_CLIENT_REPLAY_COMPARE_H

#include "sdk/client/decision_inputs.h"

#define AMPHI_REPLAY_FIELDS_MAX 32u

/* A field of the policy document with two values, as JSON. */
typedef struct amphi_replay_field {
    const char *name;
    char from[128], to[128];
} amphi_replay_field;

/* What differs between two documents; the first ones. */
typedef struct amphi_replay_fields {
    amphi_replay_field fields[AMPHI_REPLAY_FIELDS_MAX];
    size_t count;
} amphi_replay_fields;

/* Where a route stands in a decision. */
typedef struct amphi_replay_stand {
    size_t place; /* 1: tried first; 0: not in the plan */
    amphi_reason reason;
    const char *why;
} amphi_replay_stand;

typedef struct amphi_replay_case {
    const amphi_decision_inputs *inputs;
    const amphi_policy *policy; /* the recorded one */
    const amphi_replay_fields *fields;
    const char *version; /* that recorded it */
    amphi_buf *words;    /* a line for each change is appended */
} amphi_replay_case;

/* Of complete documents. */
amphi_status amphi__replay_fields_find(
    amphi_replay_fields *out, amphi_str from, amphi_str to, amphi_error *error);
/* By the words of a record's "decision"; a route that is not there has place 0 and no reason. */
amphi_replay_stand amphi__replay_stand_recorded(const amphi_json *decision, const char *route);
amphi_replay_stand amphi__replay_stand_planned(const amphi_plan *plan, const char *route);
bool amphi__replay_stands_alike(const amphi_replay_stand *a, const amphi_replay_stand *b);
/* "changes": every route that stands otherwise in `now` than it is recorded. */
void amphi__replay_write_changes(amphi_json_writer *writer, const amphi_replay_case *c,
    const amphi_json *recorded, const amphi_plan *now);

#endif
