/* SPDX-License-Identifier: Apache-2.0
 *
 * A text that identifies a process and differs from that of every other one, also of a later
 * process with the same id. What outlives a process (a row in the store, a lease) states its owner
 * with it.
 */
#ifndef AMPHI_CORE_PROCESS_IDENTITY_H
#define AMPHI_CORE_PROCESS_IDENTITY_H

#include <amphi/types.h>

#define AMPHI_PROCESS_IDENTITY_MAX 128

/* "BOOT/NAMESPACE/PID/START"; empty where the system does not say (no /proc). */
void amphi__process_identity(char out[AMPHI_PROCESS_IDENTITY_MAX]);
/* Has the process with that identity surely ended? false when that is unknown. */
bool amphi__process_has_ended(amphi_str identity);

#endif
