/* SPDX-License-Identifier: Apache-2.0
 *
 * What only the encrypted store promises: keys, damage, secrecy on disk, memory that runs out.
 */
#include "storage/stores.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW   1700000000000
#define S(x)  AMPHI_STR(x)
#define WORDS "the cormorant dives at dawn"

/* ---- A provider whose key a test can choose ---- */

static uint8_t fixed_key[AMPHI_STORE_KEY_BYTES];

static amphi_status give_key(
    void *self, uint8_t out[AMPHI_STORE_KEY_BYTES], bool *created, amphi_error *error)
{
    (void)self;
    (void)error;
    memcpy(out, fixed_key, sizeof fixed_key);
    *created = false;
    return AMPHI_OK;
}

static const amphi_keys_ops fixed_ops = {
    .struct_size = sizeof(amphi_keys_ops), .name = "fixed", .store_key = give_key};

static amphi_status open_in(amphi_store *out, const scratch_dir *dir, amphi_error *error)
{
    amphi_storage_options options = {
        .data_dir = amphi_str_from(dir->path), .keys = {&fixed_ops, NULL}};
    return amphi__store_new(out, &options, error);
}

static amphi_store open_well(const scratch_dir *dir)
{
    amphi_store store = {NULL, NULL};
    amphi_error error = {0};
    if (open_in(&store, dir, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return store;
}

static amphi_status append(amphi_store store, const char *content, amphi_error *error)
{
    amphi_store_message message = {.role = S("user"), .content = amphi_str_from(content)};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW,
        .conversation_id = S("c"),
        .messages = &message,
        .messages_count = 1};
    return store.ops->turn_append(store.self, &turn, error);
}

/* A running checksum over every message, so that a changed one can't pass unseen. */
typedef struct sum {
    uint64_t hash;
    int count;
} sum;

static bool add_to_sum(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    sum *s = user;
    for (size_t i = 0; i < message->content.size; i++)
        s->hash = (s->hash ^ (uint8_t)message->content.data[i]) * 1099511628211u;
    s->hash += (uint64_t)id + (uint64_t)created_ms;
    s->count++;
    return true;
}

static amphi_status read_all(amphi_store store, sum *out)
{
    *out = (sum){.hash = 14695981039346656037u};
    return store.ops->messages(store.self, S("c"), add_to_sum, out, NULL);
}

static void fill(const scratch_dir *dir, int turns, sum *out)
{
    amphi_store store = open_well(dir);
    char content[600];
    for (int i = 0; i < turns; i++) {
        memset(content, 'a' + i % 26, sizeof content);
        snprintf(content, sizeof content, "%d " WORDS, i);
        content[strlen(content)] = '.';
        content[sizeof content - 1] = '\0';
        assert_int_equal(append(store, content, NULL), AMPHI_OK);
    }
    assert_int_equal(read_all(store, out), AMPHI_OK);
    store.ops->free(store.self);
}

static int set_up(void **state)
{
    scratch_dir *dir = calloc(1, sizeof *dir);
    assert_non_null(dir);
    scratch_dir_make(dir);
    for (int i = 0; i < AMPHI_STORE_KEY_BYTES; i++)
        fixed_key[i] = (uint8_t)(i * 7 + 1);
    *state = dir;
    return 0;
}

static int tear_down(void **state)
{
    scratch_dir_remove(*state);
    free(*state);
    return 0;
}

/* ---- Opening ---- */

static void store__what_was_written_is_there_after_a_restart(void **state)
{
    scratch_dir *dir = *state;
    sum before, after;
    fill(dir, 20, &before);
    amphi_store store = open_well(dir);
    assert_int_equal(read_all(store, &after), AMPHI_OK);
    store.ops->free(store.self);
    assert_int_equal(after.count, 20);
    assert_true(after.hash == before.hash);
}

static void store__files_are_private_whatever_the_umask(void **state)
{
    scratch_dir *dir = *state;
    scratch_dir inner;
    mode_t old = umask(0);
    scratch_dir_inner(&inner, dir, "a/b");
    amphi_store store = open_well(&inner);
    assert_int_equal(append(store, "x", NULL), AMPHI_OK);
    assert_int_equal(scratch_mode(scratch_dir_file(dir, "a")), 0700);
    assert_int_equal(scratch_mode(inner.path), 0700);
    assert_int_equal(scratch_mode(scratch_dir_file(&inner, AMPHI_STORE_FILE)), 0600);
    assert_int_equal(scratch_mode(scratch_dir_file(&inner, AMPHI_STORE_FILE "-wal")), 0600);
    assert_int_equal(scratch_mode(scratch_dir_file(&inner, AMPHI_STORE_FILE "-shm")), 0600);
    store.ops->free(store.self);
    umask(old);
}

/* Opens and reads: what is wrong with a file may be said by either. */
static amphi_status open_and_read(const scratch_dir *dir, amphi_error *error)
{
    amphi_store store = {NULL, NULL};
    sum ignored = {0};
    amphi_status status = open_in(&store, dir, error);
    if (status != AMPHI_OK)
        return status;
    status = store.ops->messages(store.self, S("c"), add_to_sum, &ignored, error);
    store.ops->free(store.self);
    return status;
}

static void expect_refused_unchanged(const scratch_dir *dir, amphi_status wanted, const char *word)
{
    const char *path = scratch_dir_file(dir, AMPHI_STORE_FILE);
    amphi_error error = {0};
    size_t before_size, after_size;
    char *before = scratch_read(path, &before_size);
    amphi_status status = open_and_read(dir, &error);
    char *after = scratch_read(path, &after_size);
    if (status != wanted)
        print_message("size %zu: %d %s\n", before_size, (int)status, error.message);
    assert_int_equal(status, wanted);
    assert_non_null(strstr(error.message, word));
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    free(before);
    free(after);
}

static void store__a_wrong_key_is_told_and_the_file_left_alone(void **state)
{
    scratch_dir *dir = *state;
    sum before, after;
    fill(dir, 5, &before);
    fixed_key[31] ^= 1;
    expect_refused_unchanged(dir, AMPHI_E_KEY, "key does not open");
    fixed_key[31] ^= 1;
    amphi_store store = open_well(dir);
    assert_int_equal(read_all(store, &after), AMPHI_OK);
    assert_true(after.hash == before.hash);
    store.ops->free(store.self);
}

static void store__a_plain_database_is_told_and_left_alone(void **state)
{
    scratch_dir *dir = *state;
    char plain[4096] = "SQLite format 3";
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), plain, sizeof plain, 0644);
    expect_refused_unchanged(dir, AMPHI_E_KEY, "plain");
    assert_int_equal(scratch_mode(scratch_dir_file(dir, AMPHI_STORE_FILE)), 0644);
}

/* The first bytes alone, or the whole first page, are ruined: the key is known by other pages, and
 * a plain database by what stands behind its first words. */
static void store__a_ruined_beginning_is_neither_a_wrong_key_nor_a_plain_file(void **state)
{
    scratch_dir *dir = *state;
    sum before, after;
    size_t size;
    char plain[4096] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\1\1\0@  ";
    fill(dir, 30, &before);
    char *whole = scratch_read(scratch_dir_file(dir, AMPHI_STORE_FILE), &size);
    memset(whole, 0x55, 16);
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), whole, size, 0600);
    amphi_store store = open_well(dir);
    assert_int_equal(read_all(store, &after), AMPHI_OK);
    assert_true(after.hash == before.hash);
    store.ops->free(store.self);
    memset(whole, 0x55, 4096);
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), whole, size, 0600);
    expect_refused_unchanged(dir, AMPHI_E_CORRUPT, "amphi history repair");
    fixed_key[3] ^= 1;
    expect_refused_unchanged(dir, AMPHI_E_KEY, "key does not open");
    fixed_key[3] ^= 1;
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), plain, sizeof plain, 0600);
    expect_refused_unchanged(dir, AMPHI_E_KEY, "plain");
    free(whole);
}

static void store__an_empty_file_becomes_a_store(void **state)
{
    scratch_dir *dir = *state;
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), "", 0, 0644);
    amphi_store store = open_well(dir);
    assert_int_equal(append(store, "x", NULL), AMPHI_OK);
    store.ops->free(store.self);
    assert_int_equal(scratch_mode(scratch_dir_file(dir, AMPHI_STORE_FILE)), 0600);
}

static void store__without_a_folder_it_is_empty_and_writes_say_why(void **state)
{
    scratch_dir *dir = *state;
    scratch_dir inner;
    sum got;
    amphi_error error = {0};
    scratch_write(scratch_dir_file(dir, "file"), "", 0, 0600);
    scratch_dir_inner(&inner, dir, "file/below");
    amphi_store store = open_well(&inner);
    assert_int_equal(read_all(store, &got), AMPHI_E_NOT_FOUND);
    assert_int_equal(append(store, "x", &error), AMPHI_E_IO);
    assert_non_null(strstr(error.message, "data folder"));
    assert_true(error.native_code != 0);
    store.ops->free(store.self);
}

/* ---- Damage ---- */

static void store__a_truncated_file_is_refused_and_left_alone(void **state)
{
    scratch_dir *dir = *state;
    size_t size;
    sum ignored;
    fill(dir, 100, &ignored);
    const char *path = scratch_dir_file(dir, AMPHI_STORE_FILE);
    char *whole = scratch_read(path, &size);
    const size_t sizes[] = {10, 16, 100, 4095, 4096, 8192, size / 2, size - 4096};
    assert_true(size > 10 * 4096);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), whole, sizes[i], 0600);
        expect_refused_unchanged(dir, AMPHI_E_CORRUPT, "amphi history repair");
    }
    free(whole);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Opens the damaged file and reads it; true when the damage was noticed. */
static bool damage_is_noticed(const scratch_dir *dir, const sum *wanted)
{
    amphi_store store = {NULL, NULL};
    sum got;
    amphi_status status = open_in(&store, dir, NULL);
    if (status == AMPHI_OK) {
        status = read_all(store, &got);
        if (status == AMPHI_OK) { /* then the bit was in a place that nothing depends on */
            assert_int_equal(got.count, wanted->count);
            assert_true(got.hash == wanted->hash);
        }
        store.ops->free(store.self);
    }
    assert_true(status == AMPHI_OK || status == AMPHI_E_CORRUPT);
    return status != AMPHI_OK;
}

static void store__damage_inside_is_corrupt_or_harmless_never_wrong_text(void **state)
{
    scratch_dir *dir = *state;
    sum wanted;
    size_t size;
    uint32_t seed = 1;
    int noticed = 0;
    fill(dir, 100, &wanted);
    char *whole = scratch_read(scratch_dir_file(dir, AMPHI_STORE_FILE), &size);
    for (int i = 0; i < 150; i++) {
        size_t at = i < 20 ? (size_t)i * 7 : next_random(&seed) % size;
        char bit = (char)(1 << next_random(&seed) % 8);
        whole[at] ^= bit;
        scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), whole, size, 0600);
        whole[at] ^= bit;
        noticed += damage_is_noticed(dir, &wanted);
    }
    /* Less than a page is missing: noticed when that page is read, like any other damage. */
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), whole, size - 1, 0600);
    damage_is_noticed(dir, &wanted);
    free(whole);
    print_message("noticed %d of 150\n", noticed);
    assert_true(noticed > 75); /* the others hit pages that nothing reads */
}

static void store__a_damaged_salt_does_not_lose_the_store(void **state)
{
    scratch_dir *dir = *state;
    sum wanted, got;
    size_t size;
    fill(dir, 3, &wanted);
    char *whole = scratch_read(scratch_dir_file(dir, AMPHI_STORE_FILE), &size);
    memset(whole + 4, 0x55, 5);
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), whole, size, 0600);
    free(whole);
    amphi_store store = open_well(dir);
    assert_int_equal(read_all(store, &got), AMPHI_OK);
    assert_true(got.hash == wanted.hash);
    store.ops->free(store.self);
}

/* ---- Secrecy ---- */

static void store__no_file_holds_a_word_of_it(void **state)
{
    scratch_dir *dir = *state;
    uint8_t key[AMPHI_CACHE_KEY_BYTES] = {1};
    amphi_store store = open_well(dir);
    amphi_store_outbox_item item = {.struct_size = sizeof item,
        .id = S("i"),
        .conversation_id = S("c"),
        .request_json = S(WORDS),
        .created_ms = NOW};
    for (int i = 0; i < 10; i++)
        assert_int_equal(append(store, WORDS, NULL), AMPHI_OK);
    assert_int_equal(store.ops->outbox_add(store.self, &item, NULL), AMPHI_OK);
    assert_int_equal(
        store.ops->cache_put(store.self, key, S(WORDS), NOW, NOW + 1000, NULL), AMPHI_OK);
    assert_int_equal(store.ops->setting_put(store.self, S(WORDS), S(WORDS), NULL), AMPHI_OK);
    /* While it is open there is a log beside it. */
    assert_true(scratch_exists(scratch_dir_file(dir, AMPHI_STORE_FILE "-wal")));
    scratch_write(scratch_dir_file(dir, "control"), WORDS, strlen(WORDS), 0600);
    assert_int_equal(scratch_files_with(dir, WORDS), 1); /* only the control */
    assert_int_equal(scratch_files_with(dir, "cormorant"), 1);
    assert_int_equal(scratch_files_with(dir, "CREATE TABLE"), 0);
    assert_int_equal(scratch_files_with(dir, "SQLite format 3"), 0);
    store.ops->free(store.self);
    assert_int_equal(scratch_files_with(dir, "cormorant"), 1);
    assert_int_equal(scratch_files_with(dir, "SQLite format 3"), 0);
    assert_false(scratch_exists(scratch_dir_file(dir, AMPHI_STORE_FILE "-wal")));
}

static void store__deleting_empties_the_log(void **state)
{
    scratch_dir *dir = *state;
    size_t size;
    amphi_store store = open_well(dir);
    assert_int_equal(append(store, WORDS, NULL), AMPHI_OK);
    assert_int_equal(store.ops->conversation_delete(store.self, S("c"), NULL), AMPHI_OK);
    free(scratch_read(scratch_dir_file(dir, AMPHI_STORE_FILE "-wal"), &size));
    assert_int_equal(size, 0);
    store.ops->free(store.self);
}

static void store__derived_keys_stay_the_same_over_a_restart(void **state)
{
    scratch_dir *dir = *state;
    uint8_t before[32], after[32];
    for (int i = 0; i < 2; i++) {
        amphi_store store = open_well(dir);
        assert_int_equal(
            store.ops->derive_key(store.self, S("cache"), i ? after : before, NULL), AMPHI_OK);
        store.ops->free(store.self);
    }
    assert_memory_equal(before, after, 32);
    assert_memory_not_equal(before, fixed_key, 32);
}

/* ---- Memory ---- */

/* Opens, writes, reads and closes; returns the first status that is not OK. */
static amphi_status live_once(const scratch_dir *dir, size_t fail_at)
{
    amphi_store store = {NULL, NULL};
    sum got;
    uint8_t key[AMPHI_CACHE_KEY_BYTES] = {2};
    amphi_store_outbox_item item = {.struct_size = sizeof item,
        .id = S("i"),
        .conversation_id = S("c"),
        .request_json = S("{}"),
        .created_ms = NOW};
    failing_alloc_at(fail_at);
    amphi_status status = open_in(&store, dir, NULL);
    if (status != AMPHI_OK)
        return status;
    status = append(store, WORDS, NULL);
    if (status == AMPHI_OK)
        status = read_all(store, &got);
    if (status == AMPHI_OK)
        status = store.ops->cache_put(store.self, key, S(WORDS), NOW, NOW + 1000, NULL);
    if (status == AMPHI_OK)
        status = store.ops->outbox_add(store.self, &item, NULL);
    if (status == AMPHI_OK)
        status = store.ops->outbox_remove(store.self, S("i"), NULL);
    store.ops->free(store.self);
    return status;
}

static void store__every_allocation_may_fail_and_nothing_leaks(void **state)
{
    scratch_dir *dir = *state;
    amphi_status status;
    size_t n = 0;
    failing_alloc_install();
    do {
        status = live_once(dir, ++n);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        assert_true((status == AMPHI_OK) == !failing_alloc_failed());
        assert_int_equal(failing_alloc_live(), 0);
    } while (status != AMPHI_OK);
    failing_alloc_remove();
    print_message("%zu allocations failed in turn\n", n - 1);
    assert_true(n > 5);
    amphi_store store = open_well(dir); /* no lock, no lease, no half-written turn is left */
    assert_int_equal(append(store, "x", NULL), AMPHI_OK);
    store.ops->free(store.self);
}

static void store__its_version_is_known(void **state)
{
    char version[64] = "";
    (void)state;
    assert_int_equal(amphi__storage_version(version, sizeof version, NULL), AMPHI_OK);
    print_message("%s\n", version);
    assert_memory_equal(version, "SQLCipher ", 10);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(store__what_was_written_is_there_after_a_restart),
        T(store__files_are_private_whatever_the_umask),
        T(store__a_wrong_key_is_told_and_the_file_left_alone),
        T(store__a_plain_database_is_told_and_left_alone),
        T(store__a_ruined_beginning_is_neither_a_wrong_key_nor_a_plain_file),
        T(store__an_empty_file_becomes_a_store),
        T(store__without_a_folder_it_is_empty_and_writes_say_why),
        T(store__a_truncated_file_is_refused_and_left_alone),
        T(store__damage_inside_is_corrupt_or_harmless_never_wrong_text),
        T(store__a_damaged_salt_does_not_lose_the_store),
        T(store__no_file_holds_a_word_of_it),
        T(store__deleting_empties_the_log),
        T(store__derived_keys_stay_the_same_over_a_restart),
        T(store__every_allocation_may_fail_and_nothing_leaks),
        T(store__its_version_is_known),
    };
    return cmocka_run_group_tests_name("unit.storage.store_sqlcipher", tests, NULL, NULL);
}
