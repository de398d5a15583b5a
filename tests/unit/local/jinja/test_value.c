/* SPDX-License-Identifier: Apache-2.0
 *
 * Values: truth, equality, order, keys of mappings, and walks that end at their bounds.
 */
#include "local/jinja/value.h"
#include "sdk/core/str.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static jinja_work plenty(void)
{
    return (jinja_work){.steps_left = 1000000, .depth_left = 100};
}

static jinja_value text(const char *c)
{
    return amphi__jinja_str(amphi_str_from(c));
}

/* A list of these values. */
static jinja_value list_of(jinja_arena *arena, jinja_kind kind, size_t count, ...)
{
    jinja_list *list = NULL;
    assert_true(amphi__jinja_list_new(arena, 0, &list));
    va_list items;
    va_start(items, count);
    for (size_t i = 0; i < count; i++)
        assert_true(amphi__jinja_list_push(arena, list, va_arg(items, jinja_value)));
    va_end(items);
    return amphi__jinja_list_value(kind, list);
}

static void value__truth_is_pythons(void **state)
{
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 1 << 20);
    assert_false(amphi__jinja_truth(amphi__jinja_none()));
    assert_false(amphi__jinja_truth(amphi__jinja_undefined(AMPHI_STR("x"))));
    assert_false(amphi__jinja_truth(amphi__jinja_int(0)));
    assert_false(amphi__jinja_truth(amphi__jinja_float(-0.0)));
    assert_false(amphi__jinja_truth(text("")));
    assert_false(amphi__jinja_truth(list_of(&arena, JINJA_LIST, 0)));
    assert_true(amphi__jinja_truth(amphi__jinja_int(-1)));
    assert_true(amphi__jinja_truth(amphi__jinja_float(NAN)));
    assert_true(amphi__jinja_truth(text("0")));
    assert_true(amphi__jinja_truth(list_of(&arena, JINJA_TUPLE, 1, amphi__jinja_none())));
    amphi__jinja_arena_clear(&arena);
}

static void value__numbers_are_equal_across_kinds_and_lists_by_item(void **state)
{
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 1 << 20);
    jinja_work work = plenty();
    jinja_value one = amphi__jinja_int(1);
    assert_true(amphi__jinja_equal(one, amphi__jinja_float(1.0), &work));
    assert_true(amphi__jinja_equal(one, amphi__jinja_bool(true), &work));
    assert_false(amphi__jinja_equal(one, text("1"), &work));
    assert_false(amphi__jinja_equal(amphi__jinja_float(NAN), amphi__jinja_float(NAN), &work));
    assert_true(amphi__jinja_equal(list_of(&arena, JINJA_LIST, 2, one, text("a")),
        list_of(&arena, JINJA_LIST, 2, amphi__jinja_float(1), text("a")), &work));
    assert_false(amphi__jinja_equal(
        list_of(&arena, JINJA_LIST, 1, one), list_of(&arena, JINJA_TUPLE, 1, one), &work));
    assert_false(work.spent);
    amphi__jinja_arena_clear(&arena);
}

static void value__order_is_pythons_or_there_is_none(void **state)
{
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 1 << 20);
    jinja_work work = plenty();
    int order = 7;
    assert_true(amphi__jinja_order(amphi__jinja_int(2), amphi__jinja_float(2.5), &order, &work));
    assert_int_equal(order, -1);
    assert_true(amphi__jinja_order(text("b"), text("ab"), &order, &work));
    assert_int_equal(order, 1);
    assert_true(amphi__jinja_order(text("a"), text("a"), &order, &work));
    assert_int_equal(order, 0);
    assert_true(amphi__jinja_order(amphi__jinja_float(NAN), amphi__jinja_int(1), &order, &work));
    assert_int_equal(order, 2);
    assert_true(amphi__jinja_order(list_of(&arena, JINJA_LIST, 1, amphi__jinja_int(1)),
        list_of(&arena, JINJA_LIST, 2, amphi__jinja_int(1), amphi__jinja_int(0)), &order, &work));
    assert_int_equal(order, -1);
    assert_false(amphi__jinja_order(amphi__jinja_int(1), text("1"), &order, &work));
    assert_false(amphi__jinja_order(amphi__jinja_none(), amphi__jinja_none(), &order, &work));
    amphi__jinja_arena_clear(&arena);
}

static void value__mappings_find_their_keys_and_keep_their_order(void **state)
{
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 16 << 20);
    jinja_work work = plenty();
    jinja_dict *dict = amphi__jinja_dict_new(&arena);
    assert_non_null(dict);
    static char names[2000][16];
    for (int i = 0; i < 2000; i++) { /* past the size from which there is an index */
        (void)snprintf(names[i], sizeof names[i], "k%d", i);
        assert_true(
            amphi__jinja_dict_set(&arena, dict, text(names[i]), amphi__jinja_int(i), &work));
    }
    assert_int_equal(dict->count, 2000);
    for (int i = 0; i < 2000; i++) {
        const jinja_value *found = amphi__jinja_dict_get_str(dict, amphi_str_from(names[i]));
        assert_non_null(found);
        assert_int_equal(found->as.integer, i);
        assert_true(amphi__str_equal_c(dict->entries[i].key.as.text, names[i]));
    }
    assert_null(amphi__jinja_dict_get_str(dict, AMPHI_STR("k2000")));
    assert_true(amphi__jinja_dict_set(&arena, dict, text("k7"), amphi__jinja_int(-7), &work));
    assert_int_equal(dict->count, 2000);
    assert_int_equal(dict->entries[7].value.as.integer, -7);
    /* 1, 1.0 and true are one key. */
    assert_true(amphi__jinja_dict_set(&arena, dict, amphi__jinja_int(1), text("int"), &work));
    assert_true(amphi__jinja_dict_set(&arena, dict, amphi__jinja_bool(true), text("bool"), &work));
    assert_int_equal(dict->count, 2001);
    const jinja_value *one = amphi__jinja_dict_get(dict, amphi__jinja_float(1.0), &work);
    assert_non_null(one);
    assert_true(amphi__str_equal_c(one->as.text, "bool"));
    amphi__jinja_arena_clear(&arena);
}

static void value__only_immutable_values_are_keys(void **state)
{
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 1 << 20);
    jinja_value list = list_of(&arena, JINJA_LIST, 1, amphi__jinja_int(1));
    assert_false(amphi__jinja_is_hashable(list));
    assert_false(amphi__jinja_is_hashable(list_of(&arena, JINJA_TUPLE, 1, list)));
    assert_true(amphi__jinja_is_hashable(list_of(&arena, JINJA_TUPLE, 1, text("a"))));
    assert_true(amphi__jinja_is_hashable(amphi__jinja_none()));
    amphi__jinja_arena_clear(&arena);
}

/* x = [x, x], forty times over: 2^40 items that a walk would visit. */
static void value__walks_end_at_their_bounds(void **state)
{
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 1 << 20);
    jinja_value a = amphi__jinja_int(1);
    jinja_value b = amphi__jinja_int(1);
    for (int i = 0; i < 40; i++) {
        a = list_of(&arena, JINJA_LIST, 2, a, a);
        b = list_of(&arena, JINJA_LIST, 2, b, b);
    }
    jinja_work work = plenty();
    (void)amphi__jinja_equal(a, b, &work);
    assert_true(work.spent);
    assert_false(work.too_deep);
    work = plenty();
    work.depth_left = 10;
    (void)amphi__jinja_equal(a, b, &work);
    assert_true(work.spent);
    assert_true(work.too_deep);
    work = (jinja_work){.steps_left = 3, .depth_left = 1};
    assert_true(amphi__jinja_work_take(&work, 3));
    assert_false(amphi__jinja_work_take(&work, 1));
    assert_true(work.spent);
    amphi__jinja_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value__truth_is_pythons),
        cmocka_unit_test(value__numbers_are_equal_across_kinds_and_lists_by_item),
        cmocka_unit_test(value__order_is_pythons_or_there_is_none),
        cmocka_unit_test(value__mappings_find_their_keys_and_keep_their_order),
        cmocka_unit_test(value__only_immutable_values_are_keys),
        cmocka_unit_test(value__walks_end_at_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
