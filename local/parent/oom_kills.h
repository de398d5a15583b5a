/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence about a SIGKILL: did the kernel run out of memory in between?
 */
#ifndef AMPHI_PARENT_OOM_KILLS_H
#define AMPHI_PARENT_OOM_KILLS_H

#include <stdint.h>

/* How often the kernel has killed a process for its memory, where this process (and so the worker)
 * lives: the control group's count, else the machine's, 0 where neither can be read. A count that
 * has changed is evidence about a SIGKILL in between. */
uint64_t amphi__oom_kills(void);

#endif
