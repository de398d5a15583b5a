/* SPDX-License-Identifier: Apache-2.0
 *
 * The search index: which message holds which term. It is made of segments, each over a run of
 * message ids and written once: an answer's commit pays nothing for it, messages that no segment
 * covers are read by the search itself. A trigger drops the whole segment of a message that is
 * deleted or changed, so that no word outlives its message; what else it covered is indexed again
 * later. Every function is called with a connection that the caller holds.
 */
#ifndef AMPHI_STORAGE_SEARCH_INDEX_H
#define AMPHI_STORAGE_SEARCH_INDEX_H

#include "storage/search_query.h"
#include "storage/sqlcipher.h"

/* Fewer messages than this wait for more before they become a segment; small segments become one of
 * this many at most. */
#define AMPHI_SEARCH_SEGMENT_MIN 256
#define AMPHI_SEARCH_SEGMENT_MAX 2048

typedef struct amphi_search_segment {
    int64_t first_id; /* every message from here to last_id is in it, and only those */
    int64_t last_id;  /* also its key */
} amphi_search_segment;

/* The next stretch that is worth a segment: the newest messages, and where `everywhere` is set also
 * older ones. *found: there is one. */
amphi_status amphi__search_index_due(
    amphi_db *db, bool everywhere, amphi_search_segment *out, bool *found, amphi_error *error);
/* Indexes that stretch in place of the segments inside it; of very long messages fewer than asked
 * for. In a transaction. */
amphi_status amphi__search_index_build(
    amphi_db *db, const amphi_search_segment *segment, amphi_error *error);
/* Ids of the segment's messages that may match, ascending, as int64_t into `ids`. */
amphi_status amphi__search_index_candidates(amphi_db *db, const amphi_search_segment *segment,
    const amphi_search_pieces *pieces, amphi_buf *ids, amphi_error *error);

#endif
