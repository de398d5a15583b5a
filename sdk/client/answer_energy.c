/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts are up to a second old, so the counter's two readings lie about the answer, not at its
 * ends: what was used between them is taken for as long as the answer took.
 */
#include "sdk/client/answer_energy.h"

/* The place of a fact's bit in age_ms. */
enum { ENERGY_BIT = 12 };
_Static_assert(AMPHI_FACT_ENERGY == 1 << ENERGY_BIT, "its age is found by its bit");

amphi_energy_reading amphi__energy_read(const amphi_device_facts *facts, uint64_t now_ms)
{
    amphi_energy_reading out = {.counter_uj = facts->energy_uj,
        .at_ms = now_ms,
        .draw_mw = facts->draw_mw,
        .has_counter = (facts->known & AMPHI_FACT_ENERGY) != 0,
        .has_draw = (facts->known & AMPHI_FACT_DRAW) != 0 && facts->draw_mw > 0};
    uint64_t age_ms = facts->age_ms[ENERGY_BIT];
    out.at_ms -= age_ms < now_ms ? age_ms : now_ms;
    return out;
}

amphi_answer_energy amphi__energy_between(
    const amphi_energy_reading *begin, const amphi_energy_reading *end, uint64_t took_ms)
{
    amphi_answer_energy out = {0};
    uint64_t span_ms = end->at_ms > begin->at_ms ? end->at_ms - begin->at_ms : 0;
    if (begin->has_counter && end->has_counter && end->counter_uj > begin->counter_uj &&
        span_ms >= AMPHI_ENERGY_SPAN_MIN_MS) {
        double used_uj = (double)(end->counter_uj - begin->counter_uj);
        out.joules = used_uj / 1e6 * (double)took_ms / (double)span_ms;
        out.source = "processor";
    } else if (begin->has_draw && end->has_draw) {
        double mean_mw = ((double)begin->draw_mw + (double)end->draw_mw) / 2;
        out.joules = mean_mw * (double)took_ms / 1e6;
        out.source = "battery";
    }
    return out;
}
