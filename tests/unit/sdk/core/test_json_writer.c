/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON is written exactly: what it gives is valid, and nothing changes on the way through.
 */
#include "sdk/core/json.h"

#include "sdk/core/str.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void writer__puts_commas_and_escapes(void **state)
{
    amphi_buf out;
    amphi_json_writer w;
    amphi__buf_init(&out, 0);
    amphi__json_writer_init(&w, &out);
    amphi__json_open(&w, NULL, '{');
    amphi__json_put_str(&w, "a", amphi_str_make("x\"\x01\xff", 4));
    amphi__json_open(&w, "b", '[');
    amphi__json_put_int(&w, NULL, -1);
    amphi__json_put_number(&w, NULL, NAN);
    amphi__json_open(&w, NULL, '{');
    amphi__json_close(&w, '}');
    amphi__json_close(&w, ']');
    amphi__json_put_key(&w, AMPHI_STR("k\n"));
    amphi__json_put_bool(&w, NULL, true);
    amphi__json_put_raw(&w, "r", AMPHI_STR("[0]"));
    amphi__json_put_null(&w, "n");
    amphi__json_close(&w, '}');
    assert_string_equal(out.data, "{\"a\":\"x\\\"\\u0001\xef\xbf\xbd\",\"b\":[-1,null,{}],\"k\\n\":"
                                  "true,\"r\":[0],\"n\":null}");
    assert_int_equal(amphi__json_check(amphi__buf_str(&out), "written", NULL), AMPHI_OK);
    amphi__buf_clear(&out);
}

static void expect_number(double value, const char *text)
{
    amphi_buf out;
    amphi_json_writer writer;
    amphi__buf_init(&out, 0);
    amphi__json_writer_init(&writer, &out);
    amphi__json_put_number(&writer, NULL, value);
    assert_string_equal(out.data, text);
    amphi__buf_clear(&out);
}

static void numbers__are_as_short_as_is_exact(void **state)
{
    expect_number(0, "0");
    expect_number(-0.0, "0");
    expect_number(0.1, "0.1");
    expect_number(0.1 + 0.2, "0.30000000000000004");
    expect_number(1e21, "1e+21");
    expect_number(9007199254740991, "9007199254740991");
    expect_number(DBL_MAX, "1.7976931348623157e+308");
    expect_number(5e-324, "4.94065645841247e-324");
    expect_number(INFINITY, "null");
    expect_number(NAN, "null");
    static const double values[] = {1.0 / 3, M_PI, 1e-7, 123456.789, 2.5e15, -7.25e-11};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        amphi_buf out;
        amphi_json_writer writer;
        amphi__buf_init(&out, 0);
        amphi__json_writer_init(&writer, &out);
        amphi__json_put_number(&writer, NULL, values[i]);
        assert_true(strtod(out.data, NULL) == values[i]);
        amphi__buf_clear(&out);
    }
}

static void strings__of_any_bytes_become_valid_text(void **state)
{
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            const char bytes[] = {(char)first, (char)second};
            amphi_buf out;
            amphi__buf_init(&out, 0);
            assert_int_equal(amphi__json_quote(&out, amphi_str_make(bytes, 2)), AMPHI_OK);
            assert_int_equal(amphi__json_check(amphi__buf_str(&out), "quoted", NULL), AMPHI_OK);
            amphi_json *value = NULL;
            assert_int_equal(
                amphi__json_parse(&value, amphi__buf_str(&out), "quoted", NULL), AMPHI_OK);
            if (first != 0 && second != 0 && amphi__utf8_is_valid(amphi_str_make(bytes, 2)))
                assert_true(amphi__str_equal(amphi__json_string(value), amphi_str_make(bytes, 2)));
            amphi__json_free(value);
            amphi__buf_clear(&out);
        }
    }
}

static void writer__above_the_buffers_ceiling_says_so(void **state)
{
    amphi_buf out;
    amphi_json_writer writer;
    amphi__buf_init(&out, 20);
    amphi__json_writer_init(&writer, &out);
    amphi__json_open(&writer, NULL, '{');
    for (int i = 0; i < 10; i++)
        amphi__json_put_int(&writer, "key", i);
    amphi__json_close(&writer, '}');
    assert_int_equal(out.status, AMPHI_E_LIMIT);
    amphi__buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer__puts_commas_and_escapes),
        cmocka_unit_test(numbers__are_as_short_as_is_exact),
        cmocka_unit_test(strings__of_any_bytes_become_valid_text),
        cmocka_unit_test(writer__above_the_buffers_ceiling_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
