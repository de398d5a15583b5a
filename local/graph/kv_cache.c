/* SPDX-License-Identifier: Apache-2.0
 *
 * For each layer: for each head its keys, then for each head its values.
 */
#include "local/graph/kv_cache.h"

#include "local/model/checked.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"

uint64_t amphi__kv_cache_bytes_per_token(const amphi_hparams *hparams)
{
    /* Below 2^10 * 2^10 * 2^11 * 2: hparams.c has checked the factors. */
    return (uint64_t)hparams->layers * hparams->kv_heads *
           (hparams->key_size + hparams->value_size) * sizeof(uint16_t);
}

amphi_status amphi__kv_cache_init(
    amphi_kv_cache *cache, const amphi_hparams *hparams, uint32_t positions, amphi_error *error)
{
    memset(cache, 0, sizeof *cache);
    uint64_t bytes = 0;
    if (!amphi__checked_mul(amphi__kv_cache_bytes_per_token(hparams), positions, &bytes) ||
        bytes > SIZE_MAX / 2)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "model: its context needs too much memory");
    cache->memory = amphi__alloc((size_t)bytes);
    if (cache->memory == NULL)
        return amphi__fail_no_memory(error);
    cache->positions = positions;
    cache->heads = hparams->kv_heads;
    cache->key_size = hparams->key_size;
    cache->value_size = hparams->value_size;
    return AMPHI_OK;
}

void amphi__kv_cache_clear(amphi_kv_cache *cache)
{
    amphi__free(cache->memory);
    memset(cache, 0, sizeof *cache);
}

uint16_t *amphi__kv_cache_keys(const amphi_kv_cache *cache, size_t layer, size_t head)
{
    size_t layer_size = cache->positions * cache->heads * (cache->key_size + cache->value_size);
    return cache->memory + layer * layer_size + head * cache->positions * cache->key_size;
}

uint16_t *amphi__kv_cache_values(const amphi_kv_cache *cache, size_t layer, size_t head)
{
    uint16_t *values = amphi__kv_cache_keys(cache, layer, cache->heads);
    return values + head * cache->positions * cache->value_size;
}
