/* SPDX-License-Identifier: Apache-2.0
 *
 * Hits, gathered while the store is held and handed to the visitor after it; the same for both
 * stores.
 */
#ifndef AMPHI_STORAGE_SEARCH_HITS_H
#define AMPHI_STORAGE_SEARCH_HITS_H

#include "storage/rows.h"
#include "storage/search_query.h"

/* A failure stays in hits->bytes.status. */
void amphi__search_put_hit(amphi_rows *hits, const amphi_search_snippet *snippet, int64_t id,
    amphi_str conversation_id, amphi_str title, amphi_str role, int64_t created_ms);
void amphi__search_visit_hits(amphi_rows *hits, amphi_search_hit_fn *visit, void *user);

#endif
