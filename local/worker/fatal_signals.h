/* SPDX-License-Identifier: Apache-2.0
 *
 * Fatal signals are reported through AMPHI_WORKER_FD_DEATH before they kill.
 */
#ifndef AMPHI_WORKER_FATAL_SIGNALS_H
#define AMPHI_WORKER_FATAL_SIGNALS_H

void amphi__fatal_signals_install(void);

#endif
