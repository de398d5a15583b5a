/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory is short when two things come together: a large share of it is in use
 * (memory.unload_percent), and little is left (memory.spare_percent, or 1 GiB where that is more).
 * The share alone says little about a large machine: at 81 % a laptop of 64 GiB has 12 GiB left. So
 * what must stay available is the smaller of the two.
 */
#include "policy/memory_reserve.h"

#define SPARE_BYTES_LEAST ((uint64_t)1 << 30)
/* After a refusal, of the whole memory. */
#define MARGIN_PERCENT 5u

static uint64_t percent_of(uint64_t total, uint32_t percent)
{
    return total / 100 * percent + total % 100 * percent / 100;
}

uint64_t amphi__memory_reserve(const amphi_policy *policy, uint64_t total, bool was_refused)
{
    uint32_t use = policy->memory_unload_percent;
    uint64_t spare = percent_of(total, policy->memory_spare_percent);
    spare = spare > SPARE_BYTES_LEAST ? spare : SPARE_BYTES_LEAST;
    if (was_refused) {
        use = use > MARGIN_PERCENT ? use - MARGIN_PERCENT : use;
        spare = spare + percent_of(total, MARGIN_PERCENT) > spare
                    ? spare + percent_of(total, MARGIN_PERCENT)
                    : UINT64_MAX; /* no wrap */
    }
    uint64_t unused = total - percent_of(total, use);
    return unused < spare ? unused : spare;
}
