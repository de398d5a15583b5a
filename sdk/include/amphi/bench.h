/* SPDX-License-Identifier: Apache-2.0
 *
 * What things cost on this machine: for benches, not for apps.
 */
#ifndef AMPHI_BENCH_H
#define AMPHI_BENCH_H

#include <amphi/error.h>

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

/* Sorts the values and returns the middle one, or the mean of the two in the middle; 0 of none. */
AMPHI_API double amphi_bench_median(double *values, size_t count);

AMPHI_END_DECLS

#endif
