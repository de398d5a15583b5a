/* SPDX-License-Identifier: Apache-2.0
 *
 * A cancel flag and a deadline in one token that is passed down a call tree and polled.
 */
#ifndef AMPHI_CORE_CANCEL_H
#define AMPHI_CORE_CANCEL_H

#include <amphi/error.h>
#include <amphi/ext/clock.h>

#include <stdatomic.h>

typedef struct amphi_cancel {
    atomic_bool cancelled;
    uint64_t deadline_us;     /* monotonic; UINT64_MAX: none */
    const amphi_clock *clock; /* NULL: the system's */
} amphi_cancel;

void amphi__cancel_init(amphi_cancel *cancel, const amphi_clock *clock, uint64_t deadline_us);
void amphi__cancel_now(amphi_cancel *cancel); /* any thread */
/* AMPHI_OK, AMPHI_E_CANCELLED or AMPHI_E_TIMEOUT. NULL is never cancelled. */
amphi_status amphi__cancel_check(const amphi_cancel *cancel);
/* Microseconds until the deadline; UINT64_MAX without one. */
uint64_t amphi__cancel_left_us(const amphi_cancel *cancel);

#endif
