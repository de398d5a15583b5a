/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and values of every position, as binary16, laid out so that one head of one layer is one
 * contiguous run. Reserved whole at the start; the system gives pages as they are first written,
 * so an unused context costs nothing.
 */
#ifndef AMPHI_GRAPH_KV_CACHE_H
#define AMPHI_GRAPH_KV_CACHE_H

#include "local/graph/hparams.h"

typedef struct amphi_kv_cache {
    uint16_t *memory;
    size_t positions;
    size_t heads;
    size_t key_size;
    size_t value_size;
} amphi_kv_cache;

uint64_t amphi__kv_cache_bytes_per_token(const amphi_hparams *hparams);
amphi_status amphi__kv_cache_init(
    amphi_kv_cache *cache, const amphi_hparams *hparams, uint32_t positions, amphi_error *error);
void amphi__kv_cache_clear(amphi_kv_cache *cache);

/* Position 0 of a head's run; position p lies p * key_size (value_size) further. */
uint16_t *amphi__kv_cache_keys(const amphi_kv_cache *cache, size_t layer, size_t head);
uint16_t *amphi__kv_cache_values(const amphi_kv_cache *cache, size_t layer, size_t head);

#endif
