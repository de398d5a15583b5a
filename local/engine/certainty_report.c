/* SPDX-License-Identifier: Apache-2.0
 *
 * From the model's logits and its residual stream to the sink. Behind the last judged token the
 * model keeps no more states.
 */
#include "local/engine/certainty_report.h"

#include "sdk/core/error.h"

amphi_status amphi__certainty_report_begin(amphi_certainty_report *report,
    const amphi_inference *inference, const amphi_inference_request *request, amphi_error *error)
{
    bool fits = amphi__llm_state_size(inference->llm) <= AMPHI_STATE_VALUES_MAX;
    report->tokens_max = request->judge_tokens;
    report->tokens = 0;
    report->depths = report->tokens_max > 0 && fits ? request->state_depths : 0;
    return amphi__llm_tap(inference->llm, report->depths) == AMPHI_OK
               ? AMPHI_OK
               : amphi__fail_no_memory(error);
}

static void send_states(const amphi_certainty_report *report, const amphi_inference *inference)
{
    uint16_t halves[AMPHI_STATE_VALUES_MAX];
    const amphi_inference_sink *sink = inference->sink;
    size_t size = amphi__llm_state_size(inference->llm) * sizeof halves[0];
    for (uint32_t depth = 1; depth <= 8; depth++) {
        if ((report->depths >> (depth - 1) & 1) == 0)
            continue;
        amphi__llm_state(inference->llm, depth, halves);
        sink->state(sink->self, report->tokens, depth, amphi_str_make((const char *)halves, size));
    }
}

void amphi__certainty_report_observe(
    amphi_certainty_report *report, const amphi_inference *inference)
{
    amphi_certainty certainty;
    if (report->tokens >= report->tokens_max)
        return;
    if (report->depths != 0)
        send_states(report, inference);
    amphi__certainty_read(
        &certainty, inference->logits, amphi__llm_vocabulary_size(inference->llm));
    inference->sink->certainty(inference->sink->self, report->tokens, &certainty);
    report->tokens++;
    if (report->tokens == report->tokens_max)
        (void)amphi__llm_tap(inference->llm, 0);
}
