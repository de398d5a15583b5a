/* SPDX-License-Identifier: Apache-2.0
 *
 * The judge of one run: chosen when the run is made, fed on the thread that delivers its events. A
 * head is read anew for each run, which takes about a millisecond, so that one that was trained
 * meanwhile counts at once.
 */
#include "local/run.h"

#include <math.h>

void amphi__run_judge_begin(amphi_engine_run *run, const char *model_path, const amphi_judge *given)
{
    uint32_t tokens = run->judge_tokens;
    if (tokens == 0 ||
        run->prefix_size > 0) /* what goes on after a beginning has no first tokens */
        return;
    if (given != NULL)
        run->judge = *given;
    else if (amphi__head_open(&run->head, model_path, NULL) == AMPHI_OK)
        run->judge = amphi__judge_head(&run->head);
    else
        run->judge = amphi__judge_logits();
    if (run->judge.tokens > 0 && run->judge.tokens < tokens)
        tokens = run->judge.tokens;
    amphi__evidence_init(&run->evidence, tokens, run->judge.depths);
}

amphi_judge_kind amphi__run_judge_kind(const char *model_path)
{
    amphi_head head;
    bool has_head = amphi__head_open(&head, model_path, NULL) == AMPHI_OK;
    amphi__head_clear(&head);
    return has_head ? AMPHI_JUDGE_HEAD : AMPHI_JUDGE_LOGITS;
}

void amphi__run_judge_clear(amphi_engine_run *run)
{
    amphi__evidence_clear(&run->evidence);
    amphi__head_clear(&run->head);
    run->judge = (amphi_judge){0};
}

bool amphi__run_state(amphi_engine_run *run, uint32_t index, uint32_t depth, amphi_str halves)
{
    amphi_status status =
        amphi__evidence_add_state(&run->evidence, index, depth, halves.data, halves.size);
    if (status == AMPHI_E_NO_MEMORY) /* goes on without a verdict; what was asked for still comes */
        run->judge.ops = NULL;
    return status != AMPHI_E_PROTOCOL;
}

bool amphi__run_certainty(amphi_engine_run *run, uint32_t index, const amphi_certainty *certainty)
{
    amphi_evidence *evidence = &run->evidence;
    if (amphi__evidence_add(evidence, index, certainty) != AMPHI_OK && run->judge.ops != NULL)
        return false;
    if (run->judge.ops == NULL) /* out of memory, unless nothing was asked for */
        return evidence->tokens_max > 0;
    double right = run->judge.ops->right(run->judge.self, evidence);
    amphi_engine_event event = {.kind = AMPHI_ENGINE_CONFIDENCE,
        .text = amphi_str_from(run->judge.ops->name),
        .usage = {.completion_tokens = evidence->tokens},
        .finish = evidence->tokens == evidence->tokens_max ? AMPHI_FINISH_STOP : AMPHI_FINISH_NONE};
    if (right >= 0 && right <= 1)
        event.permille = (uint32_t)lround(right * 1000);
    else
        event.text = amphi_str_make(NULL, 0);
    run->sink.event(run->sink.self, &event);
    return true;
}
