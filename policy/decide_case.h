/* SPDX-License-Identifier: Apache-2.0
 *
 * A decision in the making: decide.c makes it, decision_words.c says it.
 */
#ifndef AMPHI_POLICY_DECIDE_CASE_H
#define AMPHI_POLICY_DECIDE_CASE_H

#include "policy/route_rules.h"

/* One decision in the making; some tens of kilobytes on the caller's stack. */
typedef struct amphi_case {
    amphi_judgement routes[AMPHI_ROUTES_MAX];
    double draws[AMPHI_ROUTES_MAX];  /* smaller goes first among equals */
    uint8_t order[AMPHI_ROUTES_MAX]; /* kept routes, the first to be tried first */
    size_t count, kept;
    size_t answering; /* of the kept ones: those that may answer this request */
    amphi_mode mode;
    amphi_engine_kind preferred;
    bool local_degraded;         /* auto turned to the cloud for this, or would have */
    amphi_reason network_reason; /* ... but the network is METERED or SLOW; else OK */
    amphi_reason local_reason;
    bool is_weighed;         /* by the document's weights, in auto */
    bool speaks;             /* words are made */
    bool without_chat_model; /* the device has a model, but for another purpose than chat */
} amphi_case;

/* Everything of the plan but words. c->speaks is set before. */
void amphi__decide_case(
    amphi_case *c, amphi_plan *out, const amphi_policy *policy, const amphi_policy_facts *facts);
/* 0: the preferred kind, 1: the other one, 2: last resorts. */
unsigned amphi__decide_rank(const amphi_case *c, size_t route);

#endif
