/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger of local starts as one of the memory store's lists. The caller holds the store's
 * lock; what a visitor shall see is copied into rows and shown after it.
 */
#ifndef AMPHI_STORAGE_STORE_MEMORY_LEDGER_H
#define AMPHI_STORAGE_STORE_MEMORY_LEDGER_H

#include "storage/rows.h"
#include "storage/store_memory_list.h"

#include <amphi/ext/store.h>

amphi_status amphi__memory_ledger_add(
    amphi_list *ledger, const amphi_store_start *start, int64_t id, amphi_error *error);
amphi_status amphi__memory_ledger_set(amphi_list *ledger, int64_t id, amphi_start_phase phase,
    amphi_start_outcome outcome, int64_t now_ms, amphi_error *error);
/* Copies what `ledger_list` shows, newest first, for amphi__visit_starts. */
void amphi__memory_ledger_copy(
    const amphi_list *ledger, amphi_str fingerprint, int64_t since_ms, amphi_rows *out);

#endif
