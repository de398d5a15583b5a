/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of the shared level that were to be taken out and are still there, since a client
 * deleted them that does not have that level, or could not reach it. Their keys are kept in a
 * setting of the store until a client that reaches it takes them out. Processes that change it at
 * the same moment lose none of it. (An app's own store without setting_swap may; those answers end
 * by their time.)
 */
#ifndef AMPHI_CLIENT_SHARED_REMOVALS_H
#define AMPHI_CLIENT_SHARED_REMOVALS_H

#include "sdk/core/buf.h"

#include <amphi/ext/store.h>

/* The oldest go. */
#define AMPHI_SHARED_REMOVALS_MAX 4096

/* Appends the keys, one behind the other. */
void amphi__shared_removals_read(amphi_store store, amphi_buf *keys);
/* Takes some away, then adds others; both stand one behind the other, none twice. AMPHI_E_BUSY:
 * others kept the store for seconds; what was to be added is not kept. */
amphi_status amphi__shared_removals_change(amphi_store store, amphi_str done, amphi_str added);

#endif
