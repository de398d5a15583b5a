/* SPDX-License-Identifier: Apache-2.0
 *
 * How likely the answer's tokens were, reported with the text that they wrote. Every function does
 * nothing when the request does not ask for it.
 */
#ifndef AMPHI_ENGINE_LOGPROBS_REPORT_H
#define AMPHI_ENGINE_LOGPROBS_REPORT_H

#include "local/engine/inference.h"
#include "local/text/logprobs.h"
#include "sdk/core/buf.h"

typedef struct amphi_logprobs_report {
    float *logits;      /* the model's own, before anything is done to them; NULL: off */
    uint32_t count;     /* of them */
    uint32_t top_count; /* alternatives per token */
    amphi_logprobs now; /* of `logits` */
    amphi_buf waiting;  /* records whose text is not out */
    uint64_t pushed;    /* bytes of the answer so far */
} amphi_logprobs_report;

static inline bool amphi__logprobs_report_is_on(const amphi_logprobs_report *report)
{
    return report->logits != NULL;
}

/* Turns it on. */
amphi_status amphi__logprobs_report_begin(
    amphi_logprobs_report *report, int64_t top, uint32_t vocabulary_size, amphi_error *error);
void amphi__logprobs_report_clear(amphi_logprobs_report *report);
/* What the model says before the next token. */
void amphi__logprobs_report_observe(amphi_logprobs_report *report, const float *logits);
/* The token that was then chosen, and the text that it adds to the answer. */
void amphi__logprobs_report_add(
    amphi_logprobs_report *report, const amphi_tokenizer *tokenizer, int32_t token, amphi_str text);
/* Sends the tokens that begin before byte `until` of the answer. */
void amphi__logprobs_report_send(
    amphi_logprobs_report *report, const amphi_inference_sink *sink, uint64_t until);
/* Forgets all but the last `keep` of them. */
void amphi__logprobs_report_drop(amphi_logprobs_report *report, uint64_t until, uint32_t keep);

#endif
