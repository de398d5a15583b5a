/* SPDX-License-Identifier: Apache-2.0
 *
 * What an answer on this device took in energy, for its record: from the processor's counter, else
 * from what the batteries gave. Whatever else runs meanwhile is in it; a counter that was read less
 * than half a second apart tells nothing.
 */
#ifndef AMPHI_CLIENT_ANSWER_ENERGY_H
#define AMPHI_CLIENT_ANSWER_ENERGY_H

#include <amphi/device.h>

#define AMPHI_ENERGY_SPAN_MIN_MS 500u

/* What the device said at a moment. */
typedef struct amphi_energy_reading {
    uint64_t counter_uj;
    uint64_t at_ms; /* when the counter was read */
    uint32_t draw_mw;
    bool has_counter, has_draw;
} amphi_energy_reading;

typedef struct amphi_answer_energy {
    double joules;
    const char *source; /* "processor", "battery"; NULL: unknown */
} amphi_answer_energy;

/* From facts as they are `now_ms`, on the clock of their ages. */
amphi_energy_reading amphi__energy_read(const amphi_device_facts *facts, uint64_t now_ms);
/* Of an answer that took so long between these two readings. Pure. */
amphi_answer_energy amphi__energy_between(
    const amphi_energy_reading *begin, const amphi_energy_reading *end, uint64_t took_ms);

#endif
