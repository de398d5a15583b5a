/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/db_number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

int64_t db_number(amphi_db *db, const char *sql)
{
    amphi_query q;
    amphi__query_begin(&q, db, sql);
    int64_t value = amphi__query_row(&q) ? amphi__query_int(&q, 0) : -1;
    assert_int_equal(amphi__query_end(&q, NULL), AMPHI_OK);
    return value;
}
