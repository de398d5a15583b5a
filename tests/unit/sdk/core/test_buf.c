/* SPDX-License-Identifier: Apache-2.0
 *
 * A growing buffer: its ceiling, its sticky status, taking its bytes.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void buf__never_grows_past_its_ceiling(void **state)
{
    amphi_buf buf;
    amphi__buf_init(&buf, 5);
    assert_int_equal(amphi__buf_append_c(&buf, "abc"), AMPHI_OK);
    assert_int_equal(amphi__buf_append_c(&buf, "def"), AMPHI_E_LIMIT);
    assert_int_equal(buf.size, 3);
    assert_string_equal(buf.data, "abc");
    assert_int_equal(amphi__buf_append_c(&buf, "de"), AMPHI_OK);
    assert_int_equal(buf.status, AMPHI_E_LIMIT);
    assert_null(amphi__buf_take(&buf));
    assert_int_equal(buf.size, 0);
}

static void buf__consume_and_take(void **state)
{
    amphi_buf buf;
    amphi__buf_init(&buf, 0);
    amphi__buf_printf(&buf, "%s-%d", "abc", 42);
    amphi__buf_consume(&buf, 2);
    assert_string_equal(buf.data, "c-42");
    amphi__buf_consume(&buf, 99);
    assert_int_equal(buf.size, 0);
    char *taken = amphi__buf_take(&buf);
    assert_string_equal(taken, "");
    amphi__free(taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf__never_grows_past_its_ceiling),
        cmocka_unit_test(buf__consume_and_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
