/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi_storage_measure: the store's figures come from the store; what the client keeps in front of
 * it, answers in memory, is measured here.
 */
#include "sdk/client/client.h"
#include "sdk/client/response_cache.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"

#include <amphi/doctor.h>

#include <stdlib.h>

enum { BATCHES = 400, READS = 16 };

static amphi_status give_key(void *self, amphi_str purpose, uint8_t out[32], amphi_error *error)
{
    memset(out, 7, 32);
    return AMPHI_OK;
}

static amphi_status put_nowhere(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    amphi_str value, int64_t now_ms, int64_t expires_ms, amphi_error *error)
{
    return AMPHI_OK;
}

static amphi_status find_nothing(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    int64_t now_ms, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    return AMPHI_E_NOT_FOUND;
}

/* A store that holds nothing, so that every hit is memory's. */
static const amphi_store_ops nothing = {.struct_size = sizeof nothing,
    .name = "nothing",
    .derive_key = give_key,
    .cache_put = put_nowhere,
    .cache_get = find_nothing};

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static amphi_status fill(amphi_response_cache *cache, uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    char text[600];
    amphi_chat_result answer;
    memset(text, 't', sizeof text);
    amphi_chat_result_init(&answer);
    answer.text = amphi_str_make(text, sizeof text);
    answer.model = AMPHI_STR("model");
    answer.route = AMPHI_STR("local");
    amphi_status status = AMPHI_OK;
    for (uint32_t i = 0; status == AMPHI_OK && i < AMPHI_RESPONSE_CACHE_MEMORY_ENTRIES; i++) {
        memcpy(key, &i, sizeof i);
        status = amphi__response_cache_put(cache, key, &answer, AMPHI_STR("f"), 3600);
    }
    return status;
}

static amphi_status measure_memory(double *p50_us, amphi_error *error)
{
    uint64_t took_us[BATCHES];
    uint8_t key[AMPHI_CACHE_KEY_BYTES] = {0};
    amphi_response_cache *cache = NULL;
    amphi_status status =
        amphi__response_cache_new(&cache, (amphi_store){&nothing, NULL}, NULL, error);
    if (status != AMPHI_OK)
        return status;
    status = fill(cache, key);
    for (uint32_t i = 0; status == AMPHI_OK && i < BATCHES; i++) {
        uint64_t begun_us = amphi__clock_us(NULL);
        for (uint32_t k = 0; status == AMPHI_OK && k < READS; k++) {
            amphi_cached_answer answer;
            uint32_t number = (i * READS + k) * 7 % AMPHI_RESPONSE_CACHE_MEMORY_ENTRIES;
            memcpy(key, &number, sizeof number);
            status = amphi__response_cache_get(cache, key, &answer);
            if (status == AMPHI_OK)
                amphi__cached_answer_clear(&answer);
        }
        took_us[i] = amphi__clock_us(NULL) - begun_us;
    }
    amphi__response_cache_free(cache);
    if (status != AMPHI_OK)
        return amphi__fail(error, status, 0, "the cache in memory lost an answer");
    qsort(took_us, BATCHES, sizeof took_us[0], by_value);
    *p50_us = (double)took_us[BATCHES / 2] / READS;
    return AMPHI_OK;
}

amphi_status amphi_storage_measure(
    char **out, amphi_str folder, uint64_t large_bytes, amphi_error *error)
{
    double l1_us = 0;
    amphi_buf json;
    amphi_json_writer writer;
    amphi__error_clear(error);
    if (out == NULL || folder.size == 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out is NULL, or folder is empty");
    *out = NULL;
    amphi__buf_init(&json, 0);
    amphi__json_writer_init(&writer, &json);
    amphi_status status = measure_memory(&l1_us, error);
    if (status == AMPHI_OK) {
        amphi__json_open(&writer, NULL, '{');
        amphi__json_put_number(&writer, "l1_hit_p50_us", l1_us);
        status = amphi__compose_measure_storage(&writer, folder, large_bytes, error);
        amphi__json_close(&writer, '}');
    }
    if (status == AMPHI_OK) {
        *out = amphi__buf_take(&json);
        status = *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
    }
    amphi__buf_clear(&json);
    return status;
}
