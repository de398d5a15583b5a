/* SPDX-License-Identifier: Apache-2.0
 *
 * What is held back, and when it is ruled on. The attempt does what is ruled (attempt_events.c).
 */
#include "sdk/client/handoff.h"

#include "sdk/core/str.h"

void amphi__handoff_init(
    amphi_handoff *handoff, uint32_t tokens, uint32_t hold_ms, uint32_t right_min_permille)
{
    memset(handoff, 0, sizeof *handoff);
    handoff->is_holding = tokens > 0;
    handoff->tokens_max = tokens;
    handoff->hold_us = (uint64_t)hold_ms * 1000;
    handoff->confidence.right_min_permille = right_min_permille;
}

void amphi__handoff_clear(amphi_handoff *handoff)
{
    amphi__event_queue_clear(&handoff->held);
    handoff->is_holding = false;
    handoff->held_us = 0;
}

bool amphi__handoff_is_output(const amphi_engine_event *event)
{
    return event->kind == AMPHI_ENGINE_TEXT || event->kind == AMPHI_ENGINE_REASONING ||
           event->kind == AMPHI_ENGINE_TOOL_CALL || event->kind == AMPHI_ENGINE_USAGE ||
           event->kind == AMPHI_ENGINE_EXTRA;
}

void amphi__handoff_keep(amphi_handoff *handoff, amphi_queued_event *queued, uint64_t now_us)
{
    if (handoff->held_us == 0)
        handoff->held_us = now_us > 0 ? now_us : 1;
    handoff->bytes += queued->engine.text.size;
    amphi__event_queue_push(&handoff->held, queued);
}

void amphi__handoff_note(amphi_handoff *handoff, const amphi_engine_event *event)
{
    amphi_confidence *confidence = &handoff->confidence;
    amphi__str_copy_to(confidence->judge, sizeof confidence->judge, event->text);
    confidence->tokens = event->usage.completion_tokens;
    confidence->right_permille = event->permille < 1000 ? event->permille : 1000;
    handoff->is_final = event->finish != AMPHI_FINISH_NONE || event->text.size == 0 ||
                        confidence->tokens >= handoff->tokens_max;
}

amphi_handoff_verdict amphi__handoff_rule(
    const amphi_handoff *handoff, bool is_all, uint64_t now_us)
{
    const amphi_confidence *confidence = &handoff->confidence;
    if (!is_all && !handoff->is_final && handoff->bytes <= AMPHI_HANDOFF_BYTES_MAX &&
        now_us < amphi__handoff_until_us(handoff))
        return AMPHI_HANDOFF_HOLD;
    return confidence->judge[0] != '\0' &&
                   confidence->right_permille < confidence->right_min_permille
               ? AMPHI_HANDOFF_MOVE
               : AMPHI_HANDOFF_SHOW;
}

uint64_t amphi__handoff_until_us(const amphi_handoff *handoff)
{
    return handoff->held_us > 0 ? handoff->held_us + handoff->hold_us : UINT64_MAX;
}
