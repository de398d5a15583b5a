/* SPDX-License-Identifier: Apache-2.0
 *
 * The entry `search` of the encrypted store's table, and the index's upkeep.
 */
#ifndef AMPHI_STORAGE_SEARCH_H
#define AMPHI_STORAGE_SEARCH_H

#include "storage/search_hits.h"
#include "storage/search_index.h"
#include "storage/store_sqlcipher.h"

amphi_status amphi__store_search(void *self, const amphi_search_query *query,
    amphi_search_hit_fn *visit, void *user, amphi_error *error);
/* Indexes messages that no segment covers yet, the newest only or everywhere, in transactions of
 * its own; does nothing while others write, or where nothing can be written. Outside of begin and
 * end. */
void amphi__search_catch_up(amphi_store_sqlcipher *store, bool everywhere, size_t builds_max);

/* Writes so many messages into the store and *p50_ms: the median of searches over them. */
amphi_status amphi__search_measure(
    amphi_store_sqlcipher *store, uint32_t messages, double *p50_ms, amphi_error *error);

#endif
