/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi_storage_measure: the store's figures come from the store; what the client keeps in front of
 * it, answers in memory, is measured here.
 */
#include "sdk/client/cache_memory.h"
#include "sdk/client/client.h"
#include "sdk/client/response_cache.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <amphi/bench.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

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

static amphi_status get_no_setting(
    void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    return AMPHI_E_NOT_FOUND;
}

static amphi_status put_no_setting(void *self, amphi_str name, amphi_str value, amphi_error *error)
{
    return AMPHI_OK;
}

static amphi_status get_epoch(void *self, int64_t *epoch, amphi_error *error)
{
    *epoch = 1;
    return AMPHI_OK;
}

/* As the store's: a hit asks whether another process has deleted something. */
static uint64_t read_hint(void *self)
{
    uint64_t value = 0;
    return pread(*(const int *)self, &value, sizeof value, 0) == (ssize_t)sizeof value ? value : 0;
}

/* A store that holds nothing, so that every hit is memory's. */
static const amphi_store_ops nothing = {.struct_size = sizeof nothing,
    .name = "nothing",
    .derive_key = give_key,
    .cache_put = put_nowhere,
    .cache_get = find_nothing,
    .erasure_epoch = get_epoch,
    .erasure_hint = read_hint,
    .setting_get = get_no_setting,
    .setting_put = put_no_setting};

static void number_keys(amphi_cache_keys *keys, uint32_t number)
{
    memcpy(keys->exact, &number, sizeof number);
}

/* Prepare takes the strings. */
static amphi_status fill(amphi_response_cache *cache, amphi_cache_keys *keys)
{
    static const amphi_cache_terms terms = {.ttl_s = 3600};
    char text[600];
    memset(text, 't', sizeof text);
    for (uint32_t i = 0; i < AMPHI_CACHE_MEMORY_ENTRIES; i++) {
        amphi_cache_keeping keeping;
        amphi_cached_answer answer = {.text = amphi__str_copy(amphi_str_make(text, sizeof text)),
            .question = amphi__str_copy(AMPHI_STR("")),
            .model = amphi__str_copy(AMPHI_STR("model")),
            .route = amphi__str_copy(AMPHI_STR("local")),
            .identity = amphi__str_copy(AMPHI_STR("f"))};
        number_keys(keys, i);
        amphi__response_cache_prepare(&keeping, cache, &answer, &terms);
        amphi__response_cache_remember(cache, keys, &keeping);
        bool kept = keeping.answer.text != NULL;
        amphi__cache_keeping_clear(&keeping);
        if (!kept)
            return AMPHI_E_NO_MEMORY;
    }
    return AMPHI_OK;
}

static int open_hint(amphi_str folder)
{
    static const char value[8] = {1};
    char path[4200];
    int size = snprintf(path, sizeof path, "%.*s/hint", (int)folder.size, folder.data);
    if (size < 0 || size >= (int)sizeof path)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)!pwrite(fd, value, sizeof value, 0);
    return fd;
}

static amphi_status measure_memory(double *p50_us, amphi_str folder, amphi_error *error)
{
    int hint = open_hint(folder);
    double took_us[BATCHES];
    amphi_cache_keys keys = {.has_near = false};
    amphi_response_cache *cache = NULL;
    amphi_status status = amphi__response_cache_new(
        &cache, (amphi_store){&nothing, &hint}, (amphi_shared_cache){NULL, NULL}, NULL, error);
    if (status == AMPHI_OK)
        status = fill(cache, &keys);
    for (uint32_t i = 0; status == AMPHI_OK && i < BATCHES; i++) {
        uint64_t begun_us = amphi__clock_us(NULL);
        for (uint32_t k = 0; status == AMPHI_OK && k < READS; k++) {
            amphi_cached_answer answer;
            uint32_t number = (i * READS + k) * 7 % AMPHI_CACHE_MEMORY_ENTRIES;
            number_keys(&keys, number);
            status = amphi__response_cache_find(cache, &keys, keys.exact, false, &answer);
            if (status == AMPHI_OK)
                amphi__cached_answer_clear(&answer);
        }
        took_us[i] = (double)(amphi__clock_us(NULL) - begun_us);
    }
    amphi__response_cache_free(cache);
    if (hint >= 0)
        close(hint);
    if (status != AMPHI_OK)
        return amphi__fail(error, status, 0, "the cache in memory lost an answer");
    *p50_us = amphi_bench_median(took_us, BATCHES) / READS;
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
    amphi_status status = measure_memory(&l1_us, folder, error);
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
