/* SPDX-License-Identifier: Apache-2.0
 *
 * The cancel token.
 */
#include "sdk/core/cancel.h"

#include "sdk/core/clock.h"

void amphi__cancel_init(amphi_cancel *cancel, const amphi_clock *clock, uint64_t deadline_us)
{
    atomic_init(&cancel->cancelled, false);
    cancel->deadline_us = deadline_us;
    cancel->clock = clock;
}

void amphi__cancel_now(amphi_cancel *cancel)
{
    atomic_store_explicit(&cancel->cancelled, true, memory_order_release);
}

amphi_status amphi__cancel_check(const amphi_cancel *cancel)
{
    if (cancel == NULL)
        return AMPHI_OK;
    if (atomic_load_explicit(&cancel->cancelled, memory_order_acquire))
        return AMPHI_E_CANCELLED;
    return amphi__cancel_left_us(cancel) == 0 ? AMPHI_E_TIMEOUT : AMPHI_OK;
}

uint64_t amphi__cancel_left_us(const amphi_cancel *cancel)
{
    if (cancel == NULL || cancel->deadline_us == UINT64_MAX)
        return UINT64_MAX;
    uint64_t now = amphi__clock_us(cancel->clock);
    return now < cancel->deadline_us ? cancel->deadline_us - now : 0;
}
