/* SPDX-License-Identifier: Apache-2.0
 *
 * The interpreter's arena: alignment, the limit, growing arrays, and texts that grow in place.
 */
#include "local/jinja/arena.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void arena__memory_is_zeroed_and_aligned(void **state)
{
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 1 << 20);
    for (size_t size = 1; size < 3000; size += 37) {
        char *text = amphi__jinja_alloc_text(&arena, size % 7 + 1); /* makes the cursor odd */
        assert_non_null(text);
        memset(text, 0xFF, size % 7 + 1);
        unsigned char *memory = amphi__jinja_alloc(&arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t) % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xFF, size);
    }
    assert_int_equal(arena.status, AMPHI_OK);
    amphi__jinja_arena_clear(&arena);
}

static void arena__the_limit_holds_from_the_first_byte(void **state)
{
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 100000);
    assert_null(amphi__jinja_alloc(&arena, 100001));
    assert_int_equal(arena.status, AMPHI_E_LIMIT);
    amphi__jinja_arena_clear(&arena);
    amphi__jinja_arena_init(&arena, 100000);
    size_t taken = 0;
    while (taken < 1000000 && amphi__jinja_alloc(&arena, 100) != NULL)
        taken += 100;
    assert_int_equal(arena.status, AMPHI_E_LIMIT);
    assert_in_range(taken, 50000, 200000); /* the last chunk may end above the limit */
    amphi__jinja_arena_clear(&arena);
    amphi__jinja_arena_init(&arena, SIZE_MAX);
    assert_null(amphi__jinja_alloc_array(&arena, SIZE_MAX / 2, 4)); /* the product overflows */
    assert_int_not_equal(arena.status, AMPHI_OK);
    amphi__jinja_arena_clear(&arena);
}

static void arena__arrays_grow_and_keep_their_items(void **state)
{
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 1 << 20);
    uint32_t *items = NULL;
    size_t capacity = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        items = amphi__jinja_grow(&arena, items, i, &capacity, sizeof *items);
        assert_non_null(items);
        assert_true(capacity > i);
        items[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    amphi__jinja_arena_clear(&arena);
}

/* Appending to the newest text copies only what is appended. */
static void arena__texts_are_joined_in_place(void **state)
{
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 1 << 20);
    amphi_str text;
    assert_true(amphi__jinja_copy(&arena, AMPHI_STR("begin"), &text));
    const char *begin = text.data;
    for (int i = 0; i < 100; i++)
        assert_true(amphi__jinja_concat(&arena, text, AMPHI_STR("0123456789"), &text));
    assert_ptr_equal(text.data, begin);
    assert_int_equal(text.size, 1005);
    amphi_str other;
    assert_true(amphi__jinja_copy(&arena, AMPHI_STR("between"), &other));
    amphi_str longer;
    assert_true(amphi__jinja_concat(&arena, text, AMPHI_STR("!"), &longer));
    assert_ptr_not_equal(longer.data, begin);
    assert_int_equal(longer.size, 1006);
    assert_int_equal(longer.data[1005], '!');
    assert_true(amphi__str_equal_c(other, "between"));
    assert_memory_equal(longer.data, text.data, text.size);
    amphi_str same;
    assert_true(amphi__jinja_concat(&arena, text, AMPHI_STR(""), &same));
    assert_ptr_equal(same.data, text.data);
    assert_int_equal(same.size, text.size);
    amphi__jinja_arena_clear(&arena);
}

static void arena__failing_allocations_are_remembered(void **state)
{
    failing_alloc_install();
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 1 << 20);
    failing_alloc_at(1);
    assert_null(amphi__jinja_alloc(&arena, 8));
    assert_int_equal(arena.status, AMPHI_E_NO_MEMORY);
    failing_alloc_at(0);
    amphi__jinja_arena_clear(&arena);
    amphi__jinja_arena_init(&arena, 1 << 20);
    assert_non_null(amphi__jinja_alloc(&arena, 8));
    assert_true(failing_alloc_live() > 0);
    amphi__jinja_arena_clear(&arena);
    assert_int_equal(failing_alloc_live(), 0);
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena__memory_is_zeroed_and_aligned),
        cmocka_unit_test(arena__the_limit_holds_from_the_first_byte),
        cmocka_unit_test(arena__arrays_grow_and_keep_their_items),
        cmocka_unit_test(arena__texts_are_joined_in_place),
        cmocka_unit_test(arena__failing_allocations_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
