/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers that many processes add to, and that begin anew with each period (a day), as the text of
 * a setting: "PERIOD FIRST SECOND ...". Pure.
 */
#ifndef AMPHI_CORE_COUNTERS_H
#define AMPHI_CORE_COUNTERS_H

#include "sdk/core/buf.h"

#define AMPHI_COUNTERS_MAX       8
#define AMPHI_COUNTERS_BYTES_MAX (21 * (AMPHI_COUNTERS_MAX + 1))

typedef struct amphi_counters {
    int64_t period;
    uint64_t values[AMPHI_COUNTERS_MAX];
    size_t count;
} amphi_counters;

/* What a setting holds; anything else than such a text counts as nothing. */
amphi_counters amphi__counters_read(amphi_str text, size_t count);
/* Those of `period`. A text of the next period stands: who adds to yesterday is late by a moment,
 * or the clock was set back by one. Of any other period nothing is left. */
void amphi__counters_turn(amphi_counters *counters, int64_t period);
/* Adds without overflow: a sum that is too large stays the largest. */
void amphi__counters_add(amphi_counters *counters, const uint64_t *add);
void amphi__counters_write(const amphi_counters *counters, amphi_buf *out);

#endif
