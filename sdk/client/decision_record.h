/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of an answer's record that its decision can be made from again: the inputs
 * (decision_inputs.h), this library's version, and a digest of the policy document. The document
 * itself is kept once in the store, the last 32 of them, for a document stays while answers come by
 * the hundred. None of it says what was asked or answered.
 */
#ifndef AMPHI_CLIENT_DECISION_RECORD_H
#define AMPHI_CLIENT_DECISION_RECORD_H

#include "sdk/client/decision_inputs.h"

#include <amphi/ext/store.h>

#define AMPHI_POLICY_DIGEST_SIZE 17u /* the first eight bytes of the document's SHA-256, in hex */
#define AMPHI_POLICIES_KEPT_MAX  32u

/* In the client, under its lock: the document of the last decision, and whether it is kept. */
typedef struct amphi_decided_policy {
    amphi_policy policy;
    char digest[AMPHI_POLICY_DIGEST_SIZE]; /* empty: there was no decision yet */
    bool is_kept;
} amphi_decided_policy;

struct amphi_client;

/* {"version":"...","policy":"DIGEST","device":...}: appended to `out`. */
void amphi__decision_record_write(struct amphi_client *client, const amphi_policy *policy,
    const amphi_policy_facts *facts, const amphi_preference *preference, amphi_buf *out);
/* Before a record with this policy's digest is written. A document that can't be kept is not
 * missed: the record still names its digest. */
void amphi__decision_record_keep_policy(struct amphi_client *client, const amphi_policy *policy);
/* Appends the document that has this digest; false: the store has it no longer, or never had. */
bool amphi__decision_record_find_policy(amphi_store store, amphi_str digest, amphi_buf *out);

typedef bool amphi_decided_policy_fn(void *user, amphi_str digest, amphi_str document);
/* Every document that is kept, the oldest first, until `visit` returns false: that is returned. */
bool amphi__decision_record_visit_policies(
    amphi_store store, amphi_decided_policy_fn *visit, void *user);

#endif
