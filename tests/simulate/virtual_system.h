/* SPDX-License-Identifier: Apache-2.0
 *
 * The number of the app's launch, which stands for its process.
 */
#ifndef AMPHI_TESTS_SIMULATE_VIRTUAL_SYSTEM_H
#define AMPHI_TESTS_SIMULATE_VIRTUAL_SYSTEM_H

#include "sdk/core/buf.h"

void sim_launch_begins(void);
void sim_launches_reset(void);

/* The linker puts them in place of amphi__random and amphi__uuid. */
amphi_status __wrap_amphi__random(void *out, size_t size);
amphi_status __wrap_amphi__uuid(char out[37]);

#endif
