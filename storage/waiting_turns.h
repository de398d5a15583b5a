/* SPDX-License-Identifier: Apache-2.0
 *
 * Turns that could not be written when their answers ended: another process held the database, or
 * the disk was full. Their callers know (turn_append failed); here they wait, in memory and
 * bounded, until they can be written, and meanwhile belong to their conversation for this store's
 * readers.
 */
#ifndef AMPHI_STORAGE_WAITING_TURNS_H
#define AMPHI_STORAGE_WAITING_TURNS_H

#include "storage/store_sqlcipher.h"

/* Is it a failure that passes? Then copies the turn, and *error says so too. */
void amphi__waiting_turns_keep(
    amphi_store_sqlcipher *store, const amphi_store_turn *turn, amphi_error *error);
/* Writes all that wait, oldest first, in one transaction. */
amphi_status amphi__waiting_turns_flush(
    amphi_store_sqlcipher *store, uint32_t patience_ms, amphi_error *error);
/* Those of a conversation, or all (an empty id). Returns how many messages went. */
uint32_t amphi__waiting_turns_forget(amphi_store_sqlcipher *store, amphi_str conversation_id);
/* Overwrites and frees what still waits; returns how many turns. The store is used by no other
 * thread. */
uint32_t amphi__waiting_turns_clear(amphi_store_sqlcipher *store);

/* Does the conversation have any? Then none is written until release, so that a reader sees each
 * turn once: in the database or here. false: nothing is held. */
bool amphi__waiting_turns_hold(amphi_store_sqlcipher *store, amphi_str conversation_id);
void amphi__waiting_turns_release(amphi_store_sqlcipher *store);
/* While held: the rows that `at` asks for (its limit and from_id hold for them too; their ids are
 * larger than any in the database). false: the visitor wants no more. */
bool amphi__waiting_turns_visit(
    amphi_store_sqlcipher *store, amphi_store_row_query *at, amphi_store_row_fn *visit, void *user);

#endif
