/* SPDX-License-Identifier: Apache-2.0
 *
 * A cancel mark that is passed down a call tree and polled: a word of memory, which another thread
 * or, when the memory is shared, another process sets to the number of the job that is to stop.
 */
#ifndef AMPHI_CORE_CANCEL_H
#define AMPHI_CORE_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct amphi_cancel {
    const _Atomic uint32_t *word; /* borrowed; NULL: never cancelled */
    uint32_t job;                 /* cancelled while *word is this */
} amphi_cancel;

/* Any thread; a load of one word. NULL is never cancelled. */
bool amphi__cancel_is_set(const amphi_cancel *cancel);

#endif
