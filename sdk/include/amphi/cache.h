/* SPDX-License-Identifier: Apache-2.0
 *
 * When the response cache takes one question for another. Pure: no client, no store, any thread.
 */
#ifndef AMPHI_CACHE_H
#define AMPHI_CACHE_H

#include <amphi/error.h>

AMPHI_BEGIN_DECLS

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
