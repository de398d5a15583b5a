/* SPDX-License-Identifier: Apache-2.0
 *
 * The response cache: the same question again is answered with the same answer, at once. What may
 * be answered from it and for how long stands in the policy document ("cache"), and in each request
 * (amphi_chat_request.cache).
 */
#ifndef AMPHI_CACHE_H
#define AMPHI_CACHE_H

#include <amphi/client.h>

AMPHI_BEGIN_DECLS

/* SIZED, filled in. What the cache has done, over every client that used this data directory. */
typedef struct amphi_cache_stats {
    size_t struct_size;    /* in bytes; see amphi/types.h */
    uint64_t misses;       /* requests that could have been answered and were not */
    uint64_t hits_exact;   /* the same question */
    uint64_t hits_folded;  /* but for blanks, case, Unicode form or final punctuation */
    uint64_t hits_near;    /* in other words */
    uint64_t hits_stale;   /* past its time, because nothing else could answer */
    uint64_t joined;       /* equal requests that waited for the first one; also among the hits */
    uint64_t kept;         /* answers that went into it */
    uint64_t tokens_saved; /* of the answers that were given again: prompt and completion */
    uint64_t ms_saved;     /* that these answers took when they were made */
} amphi_cache_stats;

static inline void amphi_cache_stats_init(amphi_cache_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    stats->struct_size = sizeof *stats;
}

/* *out after amphi_cache_stats_init. */
AMPHI_API amphi_status amphi_cache_stats_read(
    amphi_client *client, amphi_cache_stats *out, amphi_error *error);

/* Forgets every answer of the response cache: the store's, the shared one's, and what this client
 * holds in memory. (Another process that uses the same store forgets what it holds in memory before
 * its next answer from there.) AMPHI_E_UNSUPPORTED: a store of the app's without cache_clear;
 * memory is cleared nevertheless. */
AMPHI_API amphi_status amphi_cache_clear(amphi_client *client, amphi_error *error);

/* Judges pairs of questions as the cache does for near hits. `pairs` is JSON Lines, one object
 * {"a": text, "b": text, "same": true or false} each (other members are ignored, empty lines are
 * fine). *report_json:
 *
 * {"pairs","same","different"   rows, and those of each kind
 *  "hits","wrong","missed"      pairs that share an answer; of them those that are not the same;
 *                               same ones that don't
 *  "hit_rate","precision"       hits that are right over same; over hits; null where that is 0
 *  "exact"                      hits that need no near match: equal but for case, blanks, Unicode
 *                               form and final punctuation
 *  "missed_reasons"             {reason: count}
 *  "wrong_rows": [{"line","a","b","score","reason"}]}
 *
 * AMPHI_E_FORMAT: a row is none; the message names its line. Free with amphi_string_free. */
AMPHI_API amphi_status amphi_cache_probe(amphi_str pairs, char **report_json, amphi_error *error);

AMPHI_END_DECLS

#endif
