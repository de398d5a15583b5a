/* SPDX-License-Identifier: Apache-2.0
 *
 * Time, so that tests and simulations can bring their own.
 */
#ifndef AMPHI_EXT_CLOCK_H
#define AMPHI_EXT_CLOCK_H

#include <amphi/types.h>

/* TABLE. Both functions are required. */
typedef struct amphi_clock {
    size_t struct_size;
    const char *name;
    void *self;
    /* Any thread. Microseconds since an arbitrary start; never goes back. */
    uint64_t (*monotonic_us)(void *self);
    /* Any thread. Unix time in milliseconds; may jump. */
    int64_t (*wall_ms)(void *self);
} amphi_clock;

#endif
