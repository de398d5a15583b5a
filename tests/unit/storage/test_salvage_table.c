/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/salvage_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* (id INTEGER PRIMARY KEY, name TEXT NOT NULL, data BLOB, added INTEGER NOT NULL DEFAULT 0) */
static const amphi_salvage_table table = {.name = "t",
    .has_rowid = true,
    .rowid_column = 0,
    .count = 4,
    .columns = {{.name = "id", .type = AMPHI_VALUE_INT},
        {.name = "name", .type = AMPHI_VALUE_TEXT, .is_required = true, .is_never_null = true},
        {.name = "data", .type = AMPHI_VALUE_BLOB},
        {.name = "added", .type = AMPHI_VALUE_INT, .is_never_null = true}}};

static bool fits(
    size_t count, amphi_value_type a, amphi_value_type b, amphi_value_type c, amphi_value_type d)
{
    amphi_row row = {.count = count};
    row.values[0].type = a;
    row.values[1].type = b;
    row.values[2].type = c;
    row.values[3].type = d;
    return amphi__salvage_fits(&table, &row);
}

static void salvage__takes_rows_whose_values_the_columns_allow(void **state)
{
    (void)state;
    const amphi_value_type null = AMPHI_VALUE_NULL, number = AMPHI_VALUE_INT;
    const amphi_value_type text = AMPHI_VALUE_TEXT, blob = AMPHI_VALUE_BLOB;
    assert_true(fits(4, null, text, blob, number));
    assert_true(fits(4, null, text, null, number));
    assert_true(fits(4, null, text, text, number)); /* BLOB keeps what it is given */
    assert_true(fits(3, null, text, blob, null));   /* older than the last column */
    assert_true(fits(2, null, text, null, null));
    assert_false(fits(1, null, null, null, null)); /* name has no default */
    assert_false(fits(0, null, null, null, null));
    assert_false(fits(5, null, text, blob, number));
    assert_false(fits(4, number, text, blob, number)); /* a rowid is not in its record */
    assert_false(fits(4, null, null, blob, number));
    assert_false(fits(4, null, number, blob, number));
    assert_false(fits(4, null, text, number, number));
    assert_false(fits(4, null, text, blob, null));
}

static void salvage__knows_declared_types(void **state)
{
    (void)state;
    assert_int_equal(amphi__salvage_type(AMPHI_STR("INTEGER")), AMPHI_VALUE_INT);
    assert_int_equal(amphi__salvage_type(AMPHI_STR("TEXT")), AMPHI_VALUE_TEXT);
    assert_int_equal(amphi__salvage_type(AMPHI_STR("BLOB")), AMPHI_VALUE_BLOB);
    assert_int_equal(amphi__salvage_type(AMPHI_STR("REAL")), AMPHI_VALUE_FLOAT);
    assert_int_equal(amphi__salvage_type(AMPHI_STR("")), AMPHI_VALUE_NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(salvage__takes_rows_whose_values_the_columns_allow),
        cmocka_unit_test(salvage__knows_declared_types),
    };
    return cmocka_run_group_tests_name("unit.storage.salvage_table", tests, NULL, NULL);
}
