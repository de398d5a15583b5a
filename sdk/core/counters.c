/* SPDX-License-Identifier: Apache-2.0
 *
 * A text that is damaged counts as nothing, rather than as an error: what it counted is gone either
 * way, and the next addition makes it whole again.
 */
#include "sdk/core/counters.h"

#include "sdk/core/str.h"

#include <inttypes.h>
#include <stdio.h>

amphi_counters amphi__counters_read(amphi_str text, size_t count)
{
    amphi_counters read = {.count = count};
    uint64_t period = 0;
    size_t got = 0;
    bool is_one =
        amphi__str_to_u64(amphi__str_cut(text, ' ', &text), &period) && period <= INT64_MAX;
    while (is_one && text.size > 0 && got < count)
        is_one = amphi__str_to_u64(amphi__str_cut(text, ' ', &text), &read.values[got++]);
    if (!is_one) /* a shorter one is an older version's: the numbers that it lacks are 0 */
        return (amphi_counters){.count = count};
    read.period = (int64_t)period;
    return read;
}

void amphi__counters_turn(amphi_counters *counters, int64_t period)
{
    if (counters->period == period || counters->period == period + 1)
        return;
    *counters = (amphi_counters){.period = period, .count = counters->count};
}

void amphi__counters_add(amphi_counters *counters, const uint64_t *add)
{
    for (size_t i = 0; i < counters->count; i++)
        if (__builtin_add_overflow(counters->values[i], add[i], &counters->values[i]))
            counters->values[i] = UINT64_MAX;
}

void amphi__counters_write(const amphi_counters *counters, amphi_buf *out)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, counters->period);
    amphi__buf_append_c(out, number);
    for (size_t i = 0; i < counters->count; i++) {
        snprintf(number, sizeof number, " %" PRIu64, counters->values[i]);
        amphi__buf_append_c(out, number);
    }
}
