/* SPDX-License-Identifier: Apache-2.0
 *
 * The system's clock as an ext/clock.h table, and short functions that read a clock.
 */
#ifndef AMPHI_CORE_CLOCK_H
#define AMPHI_CORE_CLOCK_H

#include <amphi/ext/clock.h>

extern const amphi_clock amphi__clock_system;

/* clock NULL: the system's. Which clock for what: sdk/docs/decisions/0011-frozen-time.md. */

/* Stands still while the machine is suspended. For budgets: awake.h. */
uint64_t amphi__clock_us(const amphi_clock *clock);
uint64_t amphi__clock_ms(const amphi_clock *clock);
/* Goes on meanwhile: for ages and pauses. */
uint64_t amphi__clock_boot_us(const amphi_clock *clock);
uint64_t amphi__clock_boot_ms(const amphi_clock *clock);
/* Unix time. */
int64_t amphi__clock_wall_ms(const amphi_clock *clock);

#endif
