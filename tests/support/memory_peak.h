/* SPDX-License-Identifier: Apache-2.0
 *
 * The most memory that this process had resident since a point in time. (ru_maxrss knows only the
 * most ever: what came before would hide what is to be measured.)
 */
#ifndef AMPHI_TESTS_SUPPORT_MEMORY_PEAK_H
#define AMPHI_TESTS_SUPPORT_MEMORY_PEAK_H

#include <stdint.h>

/* Begins anew; returns what is resident now, in bytes. */
uint64_t memory_peak_begin(void);
/* The most since then, in bytes. */
uint64_t memory_peak_bytes(void);
/* The same less what memory_peak_begin gave. The kernel counts pages in batches, so the peak may
 * stand a little below what was resident: that is 0. */
uint64_t memory_peak_growth(uint64_t before);

#endif
