/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/sqlcipher_absent_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void absent_log__is_empty_and_takes_nothing(void **state)
{
    sqlite3_file file = {&amphi__absent_log_methods};
    const sqlite3_io_methods *methods = file.pMethods;
    char bytes[4] = "abc";
    sqlite3_int64 size = 7;
    int flag = 1;
    assert_int_equal(methods->xFileSize(&file, &size), SQLITE_OK);
    assert_int_equal(size, 0);
    assert_int_equal(methods->xRead(&file, bytes, sizeof bytes, 0), SQLITE_IOERR_SHORT_READ);
    assert_memory_equal(bytes, "\0\0\0\0", sizeof bytes);
    assert_int_equal(methods->xWrite(&file, bytes, sizeof bytes, 0), SQLITE_READONLY);
    assert_int_equal(methods->xTruncate(&file, 0), SQLITE_READONLY);
    assert_int_equal(methods->xSync(&file, 0), SQLITE_OK);
    assert_int_equal(methods->xCheckReservedLock(&file, &flag), SQLITE_OK);
    assert_int_equal(flag, 0);
    assert_int_equal(methods->xClose(&file), SQLITE_OK);
    assert_null(file.pMethods);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_log__is_empty_and_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
