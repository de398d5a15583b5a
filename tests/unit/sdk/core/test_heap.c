/* SPDX-License-Identifier: Apache-2.0
 *
 * malloc's family, wiped. What a freed block holds can't be looked at, so the library's allocator
 * is looked at through a table of the app's, whose free() sees each block before it goes.
 */
#include "sdk/core/heap.h"

#include "sdk/core/alloc.h"
#include "sdk/core/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static int dirty; /* blocks that held a secret when they were freed */
static int freed;

static void *app_alloc(void *self, size_t size_bytes)
{
    return calloc(1, size_bytes);
}

static void *app_realloc(void *self, void *old, size_t size_bytes)
{
    fail_msg("%s", "a block that moves leaves its old place unwiped");
    return NULL;
}

static void app_free(void *self, void *memory)
{
    const char *bytes = memory;
    size_t size = amphi__heap_size(memory);
    for (size_t i = 0; i + 6 <= size; i++)
        dirty += memcmp(bytes + i, "secret", 6) == 0;
    freed++;
    free(memory);
}

static const amphi_allocator app = {.struct_size = sizeof app,
    .name = "app",
    .alloc = app_alloc,
    .realloc = app_realloc,
    .free = app_free};

static void heap__every_block_that_an_app_gets_back_is_wiped(void **state)
{
    amphi_buf buf;
    assert_int_equal(amphi_allocator_set(&app, NULL), AMPHI_OK);
    amphi__buf_init(&buf, 0);
    for (int i = 0; i < 5000; i++) /* grows many times */
        assert_int_equal(amphi__buf_append_c(&buf, "secret "), AMPHI_OK);
    char *kept = amphi__alloc(7);
    assert_non_null(kept);
    memcpy(kept, "secret", 7);
    kept = amphi__realloc(kept, 3);
    assert_memory_equal(kept, "sec", 3);
    amphi__free(kept);
    amphi__buf_clear(&buf);
    assert_int_equal(amphi_allocator_set(NULL, NULL), AMPHI_OK);
    assert_true(freed > 8);
    assert_int_equal(dirty, 0);
}

static void heap__blocks_keep_their_content_when_they_grow_and_shrink(void **state)
{
    static const size_t sizes[] = {1, 100, 5000, 70000, 3u << 20, AMPHI_HEAP_MAPPED_BYTES + 9,
        AMPHI_HEAP_MAPPED_BYTES * 2, 400, 4};
    unsigned char *block = amphi__heap_realloc(NULL, 1);
    size_t had = 1;
    assert_non_null(block);
    block[0] = 7;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        block = amphi__heap_realloc(block, sizes[i]);
        assert_non_null(block);
        assert_true(amphi__heap_size(block) >= sizes[i]);
        size_t kept = had < sizes[i] ? had : sizes[i];
        assert_int_equal(block[0], 7);
        assert_int_equal(block[kept - 1], 7);
        memset(block, 7, sizes[i]);
        had = sizes[i];
    }
    amphi__heap_free(block);
}

static void heap__a_string_is_copied_and_plain_free_takes_it(void **state)
{
    char *copy = amphi__heap_strdup("as it was");
    assert_string_equal(copy, "as it was");
    free(copy);
    copy = amphi__heap_strdup("");
    assert_string_equal(copy, "");
    amphi__heap_free(copy);
    amphi__heap_free(NULL);
    assert_int_equal(amphi__heap_size(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap__every_block_that_an_app_gets_back_is_wiped),
        cmocka_unit_test(heap__blocks_keep_their_content_when_they_grow_and_shrink),
        cmocka_unit_test(heap__a_string_is_copied_and_plain_free_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
