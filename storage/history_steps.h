/* SPDX-License-Identifier: Apache-2.0
 *
 * A deletion in steps, where it does not fit the disk in one transaction. Each step is a
 * transaction of its own, and the log is emptied behind it. The first one notes the erasure, so
 * that nothing comes back; what a killed one leaves is there to be deleted again.
 */
#ifndef AMPHI_STORAGE_HISTORY_STEPS_H
#define AMPHI_STORAGE_HISTORY_STEPS_H

#include "storage/history.h"

/* Takes most of what the erasure names away, and adds it to the receipt; the rest fits one
 * transaction. AMPHI_E_IO: a single row does not fit. */
amphi_status amphi__history_erase_in_steps(amphi_store_sqlcipher *store,
    const amphi_store_erasure *what, amphi_history_receipt *receipt, amphi_error *error);
/* The same for the whole response cache. */
amphi_status amphi__cache_clear_in_steps(amphi_store_sqlcipher *store, amphi_error *error);

/* history_erase.c, inside a transaction: so that no request under way brings it back. */
amphi_status amphi__history_note_erasure(amphi_store_sqlcipher *store, amphi_db *db,
    const amphi_store_erasure *what, amphi_error *error);
/* history_erase.c: names the keys of a conversation's cached answers (0: of all). */
amphi_status amphi__history_visit_keys(
    amphi_db *db, const amphi_store_erasure *what, int64_t seq, amphi_error *error);
/* history_erase.c, inside a transaction: every process forgets the answers in its memory. */
amphi_status amphi__history_grow_epoch(amphi_db *db, amphi_error *error);
void amphi__history_add_receipt(amphi_history_receipt *to, const amphi_history_receipt *part);

#endif
