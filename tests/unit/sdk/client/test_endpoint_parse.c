/* SPDX-License-Identifier: Apache-2.0
 *
 * What people type for an endpoint: every option, and one clear line for a mistake.
 */
#include "sdk/client/client.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void endpoint__every_option_is_understood(void **state)
{
    amphi_endpoint_options o;
    amphi_endpoint_options_init(&o);
    char pins[128];
    amphi_error error = {.status = AMPHI_E_INTERNAL}; /* of an earlier call */
    assert_int_equal(
        amphi_endpoint_parse(&o,
            AMPHI_STR("work=https://api.example.com/v1,model=m-1,key-file=/k,ca=/c,"
                      "pin=sha256//AAA=,pin=sha256//BBB=,context=8192,priority=2,weight=3,"
                      "prefix=no,tls12=yes,prices=m-1=0.15/0.60|2.5/10"),
            pins, sizeof pins, &error),
        AMPHI_OK);
    assert_int_equal(error.status, AMPHI_OK);
    assert_true(amphi__str_equal_c(o.name, "work"));
    assert_true(amphi__str_equal_c(o.url, "https://api.example.com/v1"));
    assert_true(amphi__str_equal_c(o.model, "m-1"));
    assert_true(amphi__str_equal_c(o.key_file, "/k"));
    assert_true(amphi__str_equal_c(o.ca_file, "/c"));
    assert_true(amphi__str_equal_c(o.pins, "sha256//AAA=;sha256//BBB="));
    assert_int_equal(o.context_tokens_max, 8192);
    assert_int_equal(o.priority, 2);
    assert_int_equal(o.weight, 3);
    assert_int_equal(o.prefix, AMPHI_NO);
    assert_true(o.tls12);
    assert_true(amphi__str_equal_c(o.prices, "m-1=0.15/0.60|2.5/10"));
}

static void endpoint__headers_are_joined_as_lines(void **state)
{
    amphi_endpoint_options o;
    char room[64];
    amphi_endpoint_options_init(&o);
    assert_int_equal(amphi_endpoint_parse(&o,
                         AMPHI_STR("w=https://x,header=X-Team: a=b,pin=p1,header=X-Tier: 2,pin=p2,"
                                   "headers-file=/h"),
                         room, sizeof room, NULL),
        AMPHI_OK);
    assert_true(amphi__str_equal_c(o.headers, "X-Team: a=b\nX-Tier: 2"));
    assert_true(amphi__str_equal_c(o.pins, "p1;p2"));
    assert_true(amphi__str_equal_c(o.headers_file, "/h"));
    assert_int_equal(amphi_endpoint_parse(&o,
                         AMPHI_STR("w=https://x,header=X-Team: a,header=X-Tier: 2"), room, 8, NULL),
        AMPHI_E_LIMIT);
}

static void endpoint__models_are_joined_as_a_list(void **state)
{
    amphi_endpoint_options o;
    char room[64];
    amphi_endpoint_options_init(&o);
    assert_int_equal(amphi_endpoint_parse(&o,
                         AMPHI_STR("w=https://x,model=a,header=A: 1,model=b,header=B: 2,model=c|d"),
                         room, sizeof room, NULL),
        AMPHI_OK);
    assert_true(amphi__str_equal_c(o.model, "a|b|c|d"));
    assert_true(amphi__str_equal_c(o.headers, "A: 1\nB: 2"));
    assert_int_equal(
        amphi_endpoint_parse(&o, AMPHI_STR("w=https://x,model=a,model=b"), NULL, 0, NULL),
        AMPHI_E_LIMIT);
}

static void endpoint__mistakes_are_named(void **state)
{
    static const char *const cases[] = {"", "work", "=https://x", "work=", "w=https://x,colour=red",
        "w=https://x,context=many", "w=https://x,tls12=maybe", "w=https://x,weight=4294967296",
        "w=https://x,prefix=", "w=https://x,continue=", "w=https://x,continue=maybe",
        "w=https://x,pin=", "w=https://x,ca=,model=m",
        "w=https://x,key-file=", "w=https://x,header=", "w=https://x,header=X-Team",
        "w=https://x,header=X-Team: ", "w=https://x,headers-file=", "w=https://x,prices=",
        "w=https://x,prices=0.15", "w=https://x,prices=cheap/dear",
        "w=https://x,prices=1/2,prices=3/4"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_endpoint_options o;
        amphi_endpoint_options_init(&o);
        amphi_error error;
        assert_int_equal(
            amphi_endpoint_parse(&o, amphi_str_from(cases[i]), NULL, 0, &error), AMPHI_E_ARGUMENT);
        assert_int_equal(strncmp(error.message, "endpoint: ", 10), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoint__every_option_is_understood),
        cmocka_unit_test(endpoint__headers_are_joined_as_lines),
        cmocka_unit_test(endpoint__models_are_joined_as_a_list),
        cmocka_unit_test(endpoint__mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
