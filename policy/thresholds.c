/* SPDX-License-Identifier: Apache-2.0
 *
 * See thresholds.h. A clock that stands before what is remembered (another boot) counts as one that
 * has waited long enough.
 */
#include "policy/thresholds.h"

static bool has_passed(uint64_t since_ms, const amphi_dwell *dwell)
{
    return since_ms == 0 || dwell->now_ms < since_ms || dwell->now_ms - since_ms >= dwell->dwell_ms;
}

bool amphi__threshold_judge(amphi_thresholds *memory, amphi_threshold which,
    const amphi_crossing *crossing, const amphi_dwell *dwell)
{
    const uint32_t bit = (uint32_t)1 << which;
    bool was_over = (memory->over & bit) != 0;
    bool is_first = (memory->judged & bit) == 0;
    bool rests = has_passed(memory->changed_ms[which], dwell);
    bool over = was_over;
    if (is_first)
        over = crossing->enters;
    else if (!was_over && crossing->enters)
        over = crossing->urgent || rests;
    else if (was_over && crossing->leaves)
        over = !rests || !has_passed(memory->seen_ms[which], dwell);
    if (crossing->enters)
        memory->seen_ms[which] = dwell->now_ms;
    if (!is_first && over != was_over)
        memory->changed_ms[which] = dwell->now_ms;
    memory->judged |= bit;
    memory->over = over ? memory->over | bit : memory->over & ~bit;
    return over;
}

bool amphi__threshold_judge_unknown(
    amphi_thresholds *memory, amphi_threshold which, const amphi_dwell *dwell)
{
    static const amphi_crossing nothing = {.leaves = true};
    bool has_side = (memory->judged & (uint32_t)1 << which) != 0;
    return has_side && amphi__threshold_judge(memory, which, &nothing, dwell);
}

uint64_t amphi__threshold_room(
    amphi_thresholds *memory, uint64_t room, uint64_t margin, const amphi_dwell *dwell)
{
    uint64_t was = memory->room_bytes;
    uint64_t apart = room > was ? room - was : was - room;
    memory->room_seen_ms = dwell->now_ms;
    if (memory->room_ms != 0 && apart <= margin && !has_passed(memory->room_ms, dwell))
        return was;
    memory->room_bytes = room;
    memory->room_ms = dwell->now_ms;
    return room;
}

uint64_t amphi__threshold_room_unknown(const amphi_thresholds *memory, const amphi_dwell *dwell)
{
    return has_passed(memory->room_seen_ms, dwell) ? UINT64_MAX : memory->room_bytes;
}
