/* SPDX-License-Identifier: Apache-2.0
 *
 * The rule itself, on a struct of its own; tests/contract/test_abi_*.c holds every public
 * struct to it.
 */
#include "sdk/core/sized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct amphi_thing {
    size_t struct_size;
    uint64_t first;
    uint64_t second;
} amphi_thing;

typedef struct later_thing {
    amphi_thing known;
    uint64_t third;
} later_thing;

static void read__what_is_missing_is_zero_and_the_size_becomes_ours(void **state)
{
    size_t *older = calloc(2, sizeof *older);
    amphi_thing own = {0, 9, 9};
    older[0] = 16;
    older[1] = 5;
    assert_int_equal(
        AMPHI__SIZED_READ(amphi_thing, &own, (const amphi_thing *)older, "thing", NULL), AMPHI_OK);
    assert_int_equal(own.struct_size, sizeof own);
    assert_int_equal(own.first, 5);
    assert_int_equal(own.second, 0);
    free(older);
}

static void read__an_unknown_tail_is_refused_only_when_it_is_used(void **state)
{
    later_thing newer = {{sizeof newer, 1, 2}, 0};
    amphi_thing own;
    amphi_error error;
    assert_int_equal(AMPHI__SIZED_READ(amphi_thing, &own, &newer.known, "thing", &error), AMPHI_OK);
    assert_int_equal(own.second, 2);
    newer.third = 1ull << 63;
    assert_int_equal(
        AMPHI__SIZED_READ(amphi_thing, &own, &newer.known, "thing", &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "thing.struct_size: 1 bytes"));
    assert_non_null(strstr(error.message, "update the library"));
    assert_int_equal(own.first, 0);
    assert_int_equal(AMPHI__SIZED_READ_KNOWN(&own, &newer.known, "thing", &error), AMPHI_OK);
    assert_int_equal(own.first, 1);
}

static void read__null_and_memory_that_was_never_initialized_are_refused(void **state)
{
    static const size_t none[] = {0, 7, 20, 0xa5a5a5a5a5a5a5a5};
    amphi_thing own, given = {0};
    amphi_error error;
    assert_int_equal(AMPHI__SIZED_READ(amphi_thing, &own, (amphi_thing *)NULL, "thing", &error),
        AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "thing: NULL"));
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        given.struct_size = none[i];
        assert_int_equal(
            AMPHI__SIZED_READ(amphi_thing, &own, &given, "thing", &error), AMPHI_E_ARGUMENT);
        assert_non_null(strstr(error.message, "amphi_thing_init must be called first"));
        assert_int_equal(AMPHI__SIZED_CHECK(amphi_thing, &given, "thing", NULL), AMPHI_E_ARGUMENT);
    }
}

static void array__elements_of_two_versions_are_refused(void **state)
{
    amphi_thing given[2] = {{sizeof given[0], 1, 2}, {sizeof given[0], 3, 4}}, own[2];
    amphi_error error;
    assert_int_equal(
        AMPHI__SIZED_ARRAY_READ(amphi_thing, &own[0], &given[0], 2, "things", &error), AMPHI_OK);
    assert_int_equal(own[1].second, 4);
    given[1].struct_size = 16;
    assert_int_equal(AMPHI__SIZED_ARRAY_READ(amphi_thing, &own[0], &given[0], 2, "things", &error),
        AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "things[1].struct_size"));
    assert_int_equal(
        AMPHI__SIZED_ARRAY_READ(amphi_thing, own, (amphi_thing *)NULL, 1, "things", NULL),
        AMPHI_E_ARGUMENT);
    assert_int_equal(
        AMPHI__SIZED_ARRAY_READ(amphi_thing, own, (amphi_thing *)NULL, 0, "things", NULL),
        AMPHI_OK);
}

static void write__reaches_as_far_as_both_know(void **state)
{
    const amphi_thing own = {sizeof own, 1, 2};
    later_thing newer = {{sizeof newer, 9, 9}, 9};
    amphi_thing older = {16, 9, 9};
    AMPHI__SIZED_WRITE(&newer.known, &own);
    assert_int_equal(newer.known.struct_size, sizeof newer);
    assert_int_equal(newer.known.second, 2);
    assert_int_equal(newer.third, 9);
    AMPHI__SIZED_WRITE(&older, &own);
    assert_int_equal(older.struct_size, 16);
    assert_int_equal(older.first, 1);
    assert_int_equal(older.second, 9);
    older.struct_size = 0;
    older.first = 9;
    AMPHI__SIZED_WRITE(&older, &own);
    assert_int_equal(older.first, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__what_is_missing_is_zero_and_the_size_becomes_ours),
        cmocka_unit_test(read__an_unknown_tail_is_refused_only_when_it_is_used),
        cmocka_unit_test(read__null_and_memory_that_was_never_initialized_are_refused),
        cmocka_unit_test(array__elements_of_two_versions_are_refused),
        cmocka_unit_test(write__reaches_as_far_as_both_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
