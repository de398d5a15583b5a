/* SPDX-License-Identifier: Apache-2.0
 *
 * What things cost on this machine: for benches, not for apps.
 */
#ifndef AMPHI_BENCH_H
#define AMPHI_BENCH_H

#include <amphi/client.h>

AMPHI_BEGIN_DECLS

/* What keeping things costs on this machine: medians, as one JSON object in *out (freed with
 * amphi_string_free). l1_hit_p50_us and l2_hit_p50_us: an answer from the cache in memory and from
 * its table; turn_commit_ratio: a turn's commit against the same rows in the same library without
 * encryption, in turns (turn_commit_us, plain_commit_us); turns_per_s_1, _4, _16: turns from so
 * many threads at once; search_p50_ms: a search over 100,000 messages (fewer where large_bytes is
 * below a gigabyte); open_ms: opening a store of large_bytes. Writes that much into `folder`, which
 * should hold nothing else and stays; takes a minute for a gigabyte. AMPHI_E_UNSUPPORTED: this
 * build keeps nothing on disk. */
AMPHI_API amphi_status amphi_storage_measure(
    char **out, amphi_str folder, uint64_t large_bytes, amphi_error *error);

/* What a decision costs on this machine, as one JSON object in *out (freed with
 * amphi_string_free), in microseconds: decide_p50_us and decide_p99_us over six routes in eight
 * situations; explain_p50_us and explain_p99_us, the same with its words, as a request's record has
 * them; snapshot_us, what is known of the device from a moment ago, and refresh_us, probed again
 * (medians). Takes a second. */
AMPHI_API amphi_status amphi_policy_measure(amphi_client *client, char **out, amphi_error *error);

/* Sorts the values and returns the middle one, or the mean of the two in the middle; 0 of none. */
AMPHI_API double amphi_bench_median(double *values, size_t count);

AMPHI_END_DECLS

#endif
