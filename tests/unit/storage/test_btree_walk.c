/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages with a good seal and nonsense in them: every number that a tree is made of may be wrong. No
 * walk may leave a page, loop, or give a row that is none.
 */
#include "sdk/core/crypto_page.h"
#include "storage/btree_walk.h"
#include "storage/sqlcipher.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAGES  24
#define USABLE (AMPHI_DB_PAGE_BYTES - 48)

static const amphi_db_key key = {{7, 2, 3}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void put_two(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* The plain page becomes page `number` of a file, in the format of SQLCipher 3. */
static void seal(uint8_t *out, const uint8_t *plain, uint32_t number)
{
    amphi_page_seal seal;
    uint32_t start = number == 1 ? 16 : 0;
    const uint8_t last[4] = {(uint8_t)number, 0, 0, 0};
    amphi__page_seal_init(&seal, AMPHI_PAGE_FORMAT_3, &key);
    memcpy(out, key.salt, sizeof key.salt);
    assert_true(amphi__page_random(out + USABLE, 48));
    assert_true(amphi__page_cipher(key.key, out + USABLE, AMPHI_PAGE_ENCRYPT,
        (amphi_bytes){plain + start, USABLE - start}, out + start));
    assert_true(
        amphi__page_hmac(AMPHI_HASH_SHA1, (amphi_bytes){seal.hmac_key, sizeof seal.hmac_key},
            (amphi_bytes){out + start, USABLE + 16 - start}, (amphi_bytes){last, 4},
            out + USABLE + 16));
    assert_true(amphi__page_seal_holds(&seal, number, out));
}

/* Looks like a page of a tree: a type that there is, cells that lie somewhere, children that may
 * be any page, and payloads of any length. */
static void make_nonsense(uint8_t *plain, uint32_t number, uint32_t *seed)
{
    static const uint8_t types[] = {2, 5, 10, 13};
    uint32_t start = number == 1 ? 100 : 0;
    for (size_t i = 0; i < AMPHI_DB_PAGE_BYTES; i++)
        plain[i] = (uint8_t)(next_random(seed) % (next_random(seed) % 3 == 0 ? 256 : 30));
    uint8_t type = types[next_random(seed) % 4];
    uint32_t cells = next_random(seed) % 40;
    uint32_t pointers = start + (type < 10 ? 12 : 8);
    plain[start] = type;
    put_two(plain + start + 3, cells);
    for (uint32_t i = 0; i < cells; i++) {
        uint32_t at = next_random(seed) % AMPHI_DB_PAGE_BYTES;
        put_two(plain + pointers + 2 * i, at);
        if (at > pointers + 80 && at + 8 < AMPHI_DB_PAGE_BYTES && next_random(seed) % 2 == 0) {
            memset(plain + at, 0, 4);
            plain[at + 3] = (uint8_t)(next_random(seed) % (PAGES + 2));
        }
    }
}

typedef struct counts {
    int rows;
    size_t bytes;
} counts;

static bool count_row(void *user, const amphi_row *row)
{
    counts *c = user;
    c->rows++;
    assert_true(row->count <= AMPHI_ROW_VALUES_MAX);
    for (size_t i = 0; i < row->count; i++)
        for (size_t j = 0; j < row->values[i].bytes.size; j++) /* it may be read */
            c->bytes += (uint8_t)row->values[i].bytes.data[j];
    return true;
}

static void walk__over_nonsense_ends_and_stays_inside(void **state)
{
    scratch_dir *dir = *state;
    const char *path = scratch_dir_file(dir, "db");
    static uint8_t file[PAGES][AMPHI_DB_PAGE_BYTES];
    uint8_t plain[AMPHI_DB_PAGE_BYTES];
    counts c = {0};
    for (uint32_t seed = 1; seed <= 150; seed++) {
        uint32_t random = seed;
        for (uint32_t number = 1; number <= PAGES; number++) {
            make_nonsense(plain, number, &random);
            seal(file[number - 1], plain, number);
        }
        scratch_write(path, file, sizeof file, 0600);
        amphi_db_pages *pages = NULL;
        amphi_walk walk;
        assert_int_equal(amphi__db_pages_open(&pages, path, &key, NULL), AMPHI_OK);
        assert_int_equal(amphi__db_pages_count(pages), PAGES);
        assert_int_equal(amphi__walk_init(&walk, pages, NULL), AMPHI_OK);
        for (uint32_t root = 0; root <= PAGES + 1; root++)
            assert_int_equal(amphi__walk_table(&walk, root, count_row, &c, NULL), AMPHI_OK);
        for (uint32_t number = 1; number <= PAGES; number++)
            assert_int_equal(amphi__walk_orphan(&walk, number, count_row, &c, NULL), AMPHI_OK);
        amphi__walk_clear(&walk);
        amphi__db_pages_close(pages);
    }
    assert_true(c.rows > 0); /* some of it makes sense by chance */
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            walk__over_nonsense_ends_and_stays_inside, scratch_dir_set_up, scratch_dir_tear_down),
    };
    return cmocka_run_group_tests_name("unit.storage.btree_walk", tests, NULL, NULL);
}
