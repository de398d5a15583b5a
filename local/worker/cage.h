/* SPDX-License-Identifier: Apache-2.0
 *
 * Giving up everything that computing does not need; see cage.c.
 */
#ifndef AMPHI_WORKER_CAGE_H
#define AMPHI_WORKER_CAGE_H

#include <stdint.h>
#include <sys/types.h>

/* Before the first byte of the model is read. Returns what this machine could not give
 * (AMPHI_CAGE_…, protocol.h). Ends the process when its parent is gone already. */
uint32_t amphi__cage_enter(pid_t parent, uint64_t model_bytes);
/* Lowers the address-space limit to what this model needs. */
void amphi__cage_limit_memory(uint64_t bytes);

/* cage_check.c: tries to get out of the cage, prints what held; 0 when all did. */
int amphi__cage_check(void);

#endif
