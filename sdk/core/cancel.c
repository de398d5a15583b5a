/* SPDX-License-Identifier: Apache-2.0
 *
 * Polling the cancel mark of cancel.h.
 */
#include "sdk/core/cancel.h"

#include <stddef.h>

bool amphi__cancel_is_set(const amphi_cancel *cancel)
{
    return cancel != NULL && cancel->word != NULL &&
           atomic_load_explicit(cancel->word, memory_order_relaxed) == cancel->job;
}
