/* SPDX-License-Identifier: Apache-2.0
 *
 * What something in the world does later: a list of times and functions, and the fiber that calls
 * them in their order. The transport has one, the model another one; a function may call the
 * client's sinks, which take locks.
 */
#ifndef AMPHI_TESTS_SIMULATE_AGENDA_H
#define AMPHI_TESTS_SIMULATE_AGENDA_H

#include <stdint.h>

typedef struct sim_agenda sim_agenda;
typedef void sim_agenda_fn(void *owner);

sim_agenda *sim_agenda_start(const char *name);
/* Drops what is left. */
void sim_agenda_stop(sim_agenda *agenda);
/* From now on. */
void sim_agenda_add(sim_agenda *agenda, uint64_t after_us, sim_agenda_fn *fn, void *owner);
/* Nothing of this owner runs, or will. Not from a function of the agenda. */
void sim_agenda_forget(sim_agenda *agenda, const void *owner);
/* Before what it had been going to do. */
void sim_agenda_hurry(sim_agenda *agenda, sim_agenda_fn *fn, void *owner);

#endif
