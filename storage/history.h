/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the encrypted store's history share: history_read.c, history_list.c,
 * history_write.c and history_erase.c. Every function runs on a connection that its caller took
 * (see store_sqlcipher.h).
 */
#ifndef AMPHI_STORAGE_HISTORY_H
#define AMPHI_STORAGE_HISTORY_H

#include "storage/store_sqlcipher.h"

/* Bytes that a message counts for in its conversation's size. */
#define AMPHI_HISTORY_BYTES                                                                        \
    "LENGTH(CAST(content AS BLOB)) + LENGTH(CAST(extra_json AS BLOB))"                             \
    " + LENGTH(CAST(decision_json AS BLOB))"

/* Inside a transaction: a turn that has passed amphi__read_turn. */
amphi_status amphi__history_append_within(
    amphi_store_sqlcipher *store, amphi_db *db, const amphi_store_turn *turn, amphi_error *error);

/* *seq: 0 when there is no such conversation. */
amphi_status amphi__history_find(amphi_db *db, amphi_str id, int64_t *seq, amphi_error *error);

/* Inside a transaction, after messages went: counts, times, size, privacy and title of what is
 * left. *is_gone: nothing was left, and the conversation went as well. */
amphi_status amphi__history_refresh(amphi_db *db, int64_t seq, bool *is_gone, amphi_error *error);

/* Inside a transaction: nothing is left of this draft. */
amphi_status amphi__history_drop_draft(amphi_db *db, amphi_str key, amphi_error *error);

/* Inside a transaction: AMPHI_E_NOT_FOUND when the conversation was deleted after `epoch` was
 * noted (0: it was not). */
amphi_status amphi__history_check_erased(
    amphi_store_sqlcipher *store, amphi_db *db, amphi_str id, int64_t epoch, amphi_error *error);

#endif
