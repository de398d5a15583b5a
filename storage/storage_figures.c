/* SPDX-License-Identifier: Apache-2.0
 *
 * What the encrypted store costs on this machine, beside the same library without a key: the same
 * rows through the same statements, in turns, so that a machine that slows down slows both.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "storage/data_dir.h"
#include "storage/history.h"
#include "storage/schema.h"
#include "storage/search.h"
#include "storage/stores.h"

#include <amphi/bench.h>

#include <stdio.h>

enum { CACHE_ENTRIES = 1000, CACHE_READS = 4000, TURNS = 150, OPENS = 7, TEXT_BYTES = 600 };
enum { THREADS_MAX = 16, TURNS_AT_ONCE = 480, SEARCH_MESSAGES_MAX = 100000 };
#define FILLER_BYTES (256u << 10)

/* ---- The cache's table ---- */

static void take_value(void *user, amphi_str value)
{
    *(size_t *)user += value.size;
}

static amphi_status measure_cache(
    amphi_store store, amphi_storage_figures *out, char *text, amphi_error *error)
{
    static const int64_t now_ms = 1;
    double took_ns[CACHE_READS];
    uint8_t keys[CACHE_ENTRIES][AMPHI_CACHE_KEY_BYTES];
    size_t seen = 0;
    amphi_status status = amphi__random(keys, sizeof keys);
    for (int i = 0; status == AMPHI_OK && i < CACHE_ENTRIES; i++)
        status = store.ops->cache_put(
            store.self, keys[i], amphi_str_make(text, TEXT_BYTES), now_ms, INT64_MAX, error);
    for (int i = 0; status == AMPHI_OK && i < CACHE_READS; i++) {
        uint64_t begun_us = amphi__clock_us(NULL);
        for (int k = 0; status == AMPHI_OK && k < 4; k++) /* the clock counts in microseconds */
            status = store.ops->cache_get(store.self, keys[(i * 4 + k) * 7 % CACHE_ENTRIES], now_ms,
                take_value, &seen, error);
        took_ns[i] = (double)(amphi__clock_us(NULL) - begun_us) * 1000 / 4;
    }
    if (status == AMPHI_OK)
        out->l2_hit_p50_us = amphi_bench_median(took_ns, CACHE_READS) / 1000;
    return status;
}

/* ---- A turn's commit ---- */

static void fill_turn(amphi_store_turn *turn, amphi_store_message messages[2], const char *text)
{
    messages[0] = (amphi_store_message){
        .role = AMPHI_STR("user"), .content = amphi_str_make(text, TEXT_BYTES / 4)};
    messages[1] = (amphi_store_message){.role = AMPHI_STR("assistant"),
        .content = amphi_str_make(text, TEXT_BYTES),
        .route = AMPHI_STR("local"),
        .model = AMPHI_STR("model"),
        .decision_json = amphi_str_make(text, TEXT_BYTES)};
    amphi_store_turn_init(turn);
    turn->conversation_id = AMPHI_STR("bench");
    turn->now_ms = 1;
    turn->messages = messages;
    turn->messages_count = 2;
}

static amphi_status append_plain(
    amphi_store_sqlcipher *store, amphi_db *plain, const amphi_store_turn *turn, amphi_error *error)
{
    amphi_status status = amphi__db_begin(plain, error);
    if (status != AMPHI_OK)
        return status;
    return amphi__db_finish(plain, amphi__history_append_within(store, plain, turn, error), error);
}

static amphi_status measure_turns(amphi_store store, amphi_db *plain, const char *text,
    amphi_storage_figures *out, amphi_error *error)
{
    amphi_store_turn turn;
    amphi_store_message messages[2];
    double own_us[TURNS], plain_us[TURNS];
    amphi_status status = AMPHI_OK;
    fill_turn(&turn, messages, text);
    for (int i = 0; status == AMPHI_OK && i < TURNS; i++) {
        uint64_t begun_us = amphi__clock_us(NULL);
        status = store.ops->turn_append(store.self, &turn, error);
        uint64_t ended_us = amphi__clock_us(NULL);
        own_us[i] = (double)(ended_us - begun_us);
        if (status == AMPHI_OK)
            status = append_plain(store.self, plain, &turn, error);
        plain_us[i] = (double)(amphi__clock_us(NULL) - ended_us);
    }
    if (status != AMPHI_OK)
        return status;
    out->turn_commit_us = amphi_bench_median(own_us, TURNS);
    out->plain_commit_us = amphi_bench_median(plain_us, TURNS);
    out->turn_commit_ratio = out->turn_commit_us / (out->plain_commit_us + 0.001);
    return AMPHI_OK;
}

/* ---- Turns from several threads ---- */

typedef struct writer {
    amphi_store store;
    amphi_thread thread;
    const char *text;
    int turns;
    amphi_status status;
} writer;

static void write_turns(void *arg)
{
    writer *w = arg;
    amphi_store_turn turn;
    amphi_store_message messages[2];
    fill_turn(&turn, messages, w->text);
    for (int i = 0; i < w->turns && w->status == AMPHI_OK; i++)
        w->status = w->store.ops->turn_append(w->store.self, &turn, NULL);
}

static amphi_status measure_threads(
    amphi_store store, int count, const char *text, double *per_s, amphi_error *error)
{
    writer writers[THREADS_MAX];
    amphi_status status = AMPHI_OK;
    uint64_t begun_us = amphi__clock_us(NULL);
    for (int i = 0; i < count; i++) {
        writers[i] = (writer){.store = store, .text = text, .turns = TURNS_AT_ONCE / count};
        if (amphi__thread_start(&writers[i].thread, "amphi-bench", write_turns, &writers[i]) !=
            AMPHI_OK)
            writers[i].status = AMPHI_E_NO_MEMORY;
    }
    for (int i = 0; i < count; i++) {
        amphi__thread_join(&writers[i].thread);
        status = status == AMPHI_OK ? writers[i].status : status;
    }
    *per_s = TURNS_AT_ONCE * 1e6 / (double)(amphi__clock_us(NULL) - begun_us + 1);
    return status == AMPHI_OK ? status : amphi__fail(error, status, 0, "a turn was not written");
}

/* ---- Opening a large store ---- */

/* Rows until the file has its size, without a log: it is made once and thrown away. */
static amphi_status fill(amphi_store store, uint64_t bytes, amphi_error *error)
{
    amphi_db *db;
    char *filler = amphi__alloc(FILLER_BYTES);
    if (filler == NULL)
        return amphi__fail_no_memory(error);
    memset(filler, 'f', FILLER_BYTES);
    amphi_status status = AMPHI_OK;
    for (uint64_t written = 0; status == AMPHI_OK && written < bytes; written += FILLER_BYTES) {
        amphi_store_message message = {
            .role = AMPHI_STR("user"), .content = amphi_str_make(filler, FILLER_BYTES)};
        amphi_store_turn turn;
        amphi_store_turn_init(&turn);
        turn.conversation_id = AMPHI_STR("large");
        turn.now_ms = 1;
        turn.messages = &message;
        turn.messages_count = 1;
        status = amphi__store_write_begin_unsynced(store.self, AMPHI_PATIENCE_LONG_MS, &db, error);
        if (status == AMPHI_OK)
            status = amphi__store_write_end(
                store.self, amphi__history_append_within(store.self, db, &turn, error), error);
    }
    amphi__free(filler);
    return status;
}

static amphi_status measure_opening(
    const amphi_storage_options *options, amphi_storage_figures *out, amphi_error *error)
{
    double took_us[OPENS];
    amphi_status status = AMPHI_OK;
    for (int i = 0; status == AMPHI_OK && i < OPENS; i++) {
        amphi_store store;
        uint64_t begun_us = amphi__clock_us(NULL);
        status = amphi__store_sqlcipher_new(&store, options, error);
        took_us[i] = (double)(amphi__clock_us(NULL) - begun_us);
        if (status == AMPHI_OK)
            store.ops->free(store.self);
    }
    if (status == AMPHI_OK)
        out->open_ms = amphi_bench_median(took_us, OPENS) / 1000;
    return status;
}

/* ---- The whole ---- */

/* 100,000 of a gigabyte. */
static uint32_t search_messages(uint64_t large_bytes)
{
    uint64_t messages = large_bytes / 10737;
    return messages < SEARCH_MESSAGES_MAX ? (uint32_t)messages : SEARCH_MESSAGES_MAX;
}

static amphi_status measure_open_store(amphi_store store, amphi_str dir, uint64_t large_bytes,
    amphi_storage_figures *out, amphi_error *error)
{
    char text[TEXT_BYTES];
    char *path = NULL;
    amphi_db *plain = NULL;
    for (int i = 0; i < TEXT_BYTES; i++)
        text[i] = (char)('a' + i % 26);
    amphi_status status = amphi__data_dir_path(&path, dir, "plain.db", error);
    if (status == AMPHI_OK)
        status = amphi__db_open_plain(&plain, path, error);
    if (status == AMPHI_OK)
        status = amphi__schema_migrate(plain, error);
    if (status == AMPHI_OK)
        status = measure_turns(store, plain, text, out, error);
    if (status == AMPHI_OK)
        status = measure_cache(store, out, text, error);
    for (int i = 0; status == AMPHI_OK && i < 3; i++)
        status = measure_threads(store, 1 << 2 * i, text, &out->grouped_tps[i], error);
    if (status == AMPHI_OK)
        status = amphi__search_measure(
            store.self, search_messages(large_bytes), &out->search_p50_ms, error);
    if (status == AMPHI_OK)
        status = fill(store, large_bytes, error);
    amphi__db_close(plain);
    amphi__free(path);
    return status;
}

amphi_status amphi__storage_measure_sqlcipher(
    amphi_storage_figures *out, amphi_str dir, uint64_t large_bytes, amphi_error *error)
{
    amphi_keys keys = {NULL, NULL};
    amphi_store store = {NULL, NULL};
    amphi_status status = amphi__keys_file_new(&keys, dir, error);
    if (status != AMPHI_OK)
        return status;
    amphi_storage_options options = {.data_dir = dir, .keys = keys};
    status = amphi__store_sqlcipher_new(&store, &options, error);
    if (status == AMPHI_OK) {
        status = measure_open_store(store, dir, large_bytes, out, error);
        store.ops->free(store.self);
    }
    if (status == AMPHI_OK)
        status = measure_opening(&options, out, error);
    keys.ops->free(keys.self);
    return status;
}
