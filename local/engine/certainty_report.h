/* SPDX-License-Identifier: Apache-2.0
 *
 * What the judges of an answer look at (local/judge), of its first tokens: reported before each
 * one is chosen. Tokens that a response_format forces are not the model's choice and don't count.
 */
#ifndef AMPHI_ENGINE_CERTAINTY_REPORT_H
#define AMPHI_ENGINE_CERTAINTY_REPORT_H

#include "local/engine/inference.h"

typedef struct amphi_certainty_report {
    uint32_t tokens_max; /* 0: nothing is reported */
    uint32_t tokens;     /* so far */
    uint8_t depths;      /* of the hidden states */
} amphi_certainty_report;

/* Before the prompt is computed. A model whose states are too wide for the wire reports none. */
amphi_status amphi__certainty_report_begin(amphi_certainty_report *report,
    const amphi_inference *inference, const amphi_inference_request *request, amphi_error *error);
/* What the model says before the next token; the logits are still its own. */
void amphi__certainty_report_observe(
    amphi_certainty_report *report, const amphi_inference *inference);

#endif
