/* SPDX-License-Identifier: Apache-2.0
 *
 * A judge of an answer's first tokens: how likely is it that the answer will be right? Two stand
 * behind this table: one reads the model's own doubt off its logits and needs nothing (of the
 * logits, judge_logits.c), the other is a linear head that was trained for one model file
 * (judge_head.c). What is done with the verdict is the client's business: sdk/client/handoff.c
 * holds the tokens back until it came, policy/handoff.c says where it may matter.
 *
 * Pure, on the thread that gathers the evidence.
 */
#ifndef AMPHI_JUDGE_JUDGE_H
#define AMPHI_JUDGE_JUDGE_H

#include "local/judge/evidence.h"

#include <amphi/ext/engine.h>

typedef struct amphi_judge_ops {
    const char *name; /* in events and records: "logits", "head" */
    /* From 0 to 1; below 0: it can't say. */
    double (*right)(const void *self, const amphi_evidence *evidence);
} amphi_judge_ops;

typedef struct amphi_judge {
    const amphi_judge_ops *ops; /* NULL: no judge */
    const void *self;           /* borrowed */
    uint32_t tokens;            /* that it judges by; 0: as many as it is given */
    uint8_t depths;             /* of the states that it needs */
} amphi_judge;

/* Any model. */
amphi_judge amphi__judge_logits(void);

#endif
