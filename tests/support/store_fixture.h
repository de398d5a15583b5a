/* SPDX-License-Identifier: Apache-2.0
 *
 * A fresh store for each test of the store's contract, once in memory and once the build's own, and
 * what it holds as text.
 *
 *     const struct CMUnitTest tests[] = {BOTH_STORES(history__is_kept), ...};
 */
#ifndef AMPHI_TESTS_STORE_FIXTURE_H
#define AMPHI_TESTS_STORE_FIXTURE_H

#include "storage/stores.h"
#include "tests/support/scratch_dir.h"

#define NOW  1700000000000
#define DAY  (24ll * 3600 * 1000)
#define S(x) AMPHI_STR(x)

typedef amphi_status store_new_fn(amphi_store *, const amphi_storage_options *, amphi_error *);

typedef struct store_fixture {
    store_new_fn *make;
    scratch_dir dir;
    amphi_keys keys;
    amphi_store store;
    amphi_clock clock; /* the store's */
    int64_t boot_ms;   /* what it says */
    int64_t wall_ms;
} store_fixture;

/* Time passes on both clocks; the wall clock alone jumps; what it says. */
void store_pass(store_fixture *f, int64_t ms);
void store_jump(store_fixture *f, int64_t ms);
int64_t store_wall(const store_fixture *f);

/* Visitors write what they see as text, one line each. */
typedef struct store_text {
    char data[20000];
    size_t size;
    int stop_after; /* lines; 0: never */
    int lines;
    int64_t last_id; /* of the row that was seen last, by visitors that note it */
} store_text;

/* The same folder and keys with other limits. */
void store_reopen_with(store_fixture *f, amphi_storage_options options);
/* A turn of one message. */
amphi_status store_say(
    store_fixture *f, const char *conversation, int64_t now, const char *role, amphi_str content);
amphi_status store_queue(store_fixture *f, const char *id, const char *conversation, int64_t now);

/* Visitors; user is a store_text. */
bool store_see_message(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms);
void store_see_value(void *user, amphi_str value);

/* What the store holds; valid as long as *t. */
const char *store_messages_of(store_fixture *f, const char *conversation, store_text *t);
const char *store_conversations_of(store_fixture *f, store_text *t);
const char *store_entries_of(store_fixture *f, store_text *t);
/* "id/attempts\n", or "" when nothing can be claimed. */
const char *store_claim(store_fixture *f, uint32_t lease, store_text *t);

/* Key number n. */
void store_cache_key(uint8_t key[AMPHI_CACHE_KEY_BYTES], int n);
amphi_status store_cache_put(store_fixture *f, int n, amphi_str value, int64_t expires);
amphi_status store_cache_get(store_fixture *f, int n, int64_t now, store_text *t);
/* *state is a store_fixture on a fresh folder. */
int store_set_up_memory(void **state);
int store_set_up_own(void **state);
int store_tear_down(void **state);

#define BOTH_STORES(test)                                                                          \
    {"memory: " #test, test, store_set_up_memory, store_tear_down, NULL},                          \
    {                                                                                              \
        "own: " #test, test, store_set_up_own, store_tear_down, NULL                               \
    }

#endif
