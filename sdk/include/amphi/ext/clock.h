/* SPDX-License-Identifier: Apache-2.0
 *
 * Time, so that tests and simulations can bring their own.
 */
#ifndef AMPHI_EXT_CLOCK_H
#define AMPHI_EXT_CLOCK_H

#include <amphi/types.h>

/* TABLE. monotonic_us and wall_ms are required. */
typedef struct amphi_clock {
    size_t struct_size;
    const char *name;
    void *self;
    /* Any thread. Microseconds since an arbitrary start; never goes back. */
    uint64_t (*monotonic_us)(void *self);
    /* Any thread. Unix time in milliseconds; may jump. */
    int64_t (*wall_ms)(void *self);
    /* Any thread. Like monotonic_us, from a start of its own, but goes on while the machine is
     * suspended: for ages and pauses (caches, breakers, queued messages). monotonic_us is for time
     * limits of work, which does not go on then. NULL: monotonic_us is used, and for ages that are
     * stored (the outbox) the system's; those want a start that all processes of a boot share. */
    uint64_t (*boot_us)(void *self);
} amphi_clock;

#endif
