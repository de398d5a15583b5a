/* SPDX-License-Identifier: Apache-2.0
 *
 * Which process this is, in words that tell it from every other one, also from a later one with
 * the same number: what outlives a process can say whose it was.
 */
#ifndef AMPHI_CORE_PROCESS_IDENTITY_H
#define AMPHI_CORE_PROCESS_IDENTITY_H

#include <amphi/types.h>

#define AMPHI_HOST_NAME_MAX 128

/* "BOOT/NAMESPACE/PID/START"; empty where the system does not tell (no /proc). */
void amphi__host_name(char out[AMPHI_HOST_NAME_MAX]);
/* Has the process with that name surely ended? false when it can't be told. */
bool amphi__host_is_gone(amphi_str name);

#endif
