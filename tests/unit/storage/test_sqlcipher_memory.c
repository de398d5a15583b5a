/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/sqlcipher_memory.h"
#include "tests/support/scratch_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const amphi_sqlite *lib;

static void memory__keeps_what_it_is_told(void **state)
{
    (void)state;
    void *(*resize)(void *, int) = lib->realloc;
    unsigned char *block = lib->malloc(100);
    assert_non_null(block);
    for (int i = 0; i < 100; i++)
        block[i] = (unsigned char)i;
    block = resize(block, 5000);
    assert_non_null(block);
    for (int i = 0; i < 100; i++)
        assert_int_equal(block[i], i);
    block = resize(block, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(block[i], i);
    lib->free(block);
    lib->free(NULL);
}

/* A static buffer in place of malloc shows what stands there after a block was freed. */
static void memory__is_wiped_when_freed(void **state)
{
    (void)state;
    amphi__sqlite_reserve_enter();
    amphi__sqlite_reserve_only(true);
    char *block = lib->malloc(64);
    amphi__sqlite_reserve_only(false);
    amphi__sqlite_reserve_leave();
    assert_non_null(block);
    assert_int_equal(amphi__sqlite_reserve_blocks(), 1);
    memset(block, 's', 64);
    lib->free(block);
    assert_int_equal(amphi__sqlite_reserve_blocks(), 0);
    for (int i = 0; i < 64; i++) /* the reserve is static memory: it may be read */
        assert_int_equal(block[i], 0);
}

int main(void)
{
    amphi_error error = {0};
    if (amphi__sqlite_load(&lib, &error) != AMPHI_OK) {
        printf("skipped: %s\n", error.message);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory__keeps_what_it_is_told),
        cmocka_unit_test(memory__is_wiped_when_freed),
    };
    return cmocka_run_group_tests_name("unit.storage.sqlcipher_memory", tests, NULL, NULL);
}
