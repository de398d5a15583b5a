/* SPDX-License-Identifier: Apache-2.0
 *
 * Local engines give their memory back when the device is short of it: an idle one always, one that
 * is answering only when the pressure is critical. Called after every request, by the background
 * thread every few seconds while an engine may be loaded, and when the app reports memory pressure.
 */
#ifndef AMPHI_CLIENT_MEMORY_MONITOR_H
#define AMPHI_CLIENT_MEMORY_MONITOR_H

#include "sdk/client/client.h"

/* Unloads idle local engines if the policy says so for the device's state. true: it did, and none
 * was busy, so that no local engine holds memory now. */
bool amphi__memory_monitor_release(amphi_client *client);
/* Unloads at once, without asking the policy: the app reported memory pressure of this level. 1:
 * idle engines; 2: running ones too, whose answers stop. */
void amphi__memory_monitor_relieve(amphi_client *client, unsigned level);

#endif
