/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking JSON as text: members come out as they stand, whatever is inside them.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/buf.h"
#include "sdk/core/json.h"
#include "sdk/core/json_span.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Every member as key=value; in a copy of exact size, so that ASan sees a read behind it. */
static void assert_members(const char *text, const char *expected)
{
    amphi_buf out;
    amphi_json_span span;
    amphi_json_member member;
    size_t size = strlen(text);
    char *copy = amphi__alloc(size);
    assert_non_null(copy);
    memcpy(copy, text, size);
    amphi__buf_init(&out, 0);
    amphi__buf_append_c(&out, "");
    assert_true(amphi__json_span_init(&span, amphi_str_make(copy, size)));
    while (amphi__json_span_next(&span, &member)) {
        amphi__buf_append_str(&out, member.key);
        amphi__buf_append_char(&out, '=');
        amphi__buf_append_str(&out, member.value);
        amphi__buf_append_char(&out, ';');
    }
    assert_string_equal(out.data, expected);
    amphi__buf_clear(&out);
    amphi__free(copy);
}

static void span__members_come_out_as_they_stand(void **state)
{
    assert_members("{}", "");
    assert_members(" [ ] ", "");
    assert_members("{\"a\":1}", "a=1;");
    assert_members(" { \"a\" : 1.50e+3 , \"b\" : null } ", "a=1.50e+3;b=null;");
    assert_members(
        "[1,\"x,y\",[2,[3]],{\"k\":[4]},true]", "=1;=\"x,y\";=[2,[3]];={\"k\":[4]};=true;");
    assert_members("{\"q\\\"}\":\"]\\\\\",\"r\":\"\\\"\"}", "q\\\"}=\"]\\\\\";r=\"\\\"\";");
    assert_members("{\"\":{\"}\":\"{\"},\"z\":[ 1 , 2 ]}", "={\"}\":\"{\"};z=[ 1 , 2 ];");
    assert_members("{\"a\":1,\"a\":2}", "a=1;a=2;");
}

static void span__scalars_have_no_members(void **state)
{
    amphi_json_span span;
    assert_false(amphi__json_span_init(&span, AMPHI_STR("1")));
    assert_false(amphi__json_span_init(&span, AMPHI_STR("\"{\"")));
    assert_false(amphi__json_span_init(&span, AMPHI_STR("")));
}

/* What was never checked must not be read past its end all the same. */
static void span__cut_text_is_not_read_past_its_end(void **state)
{
    static const char text[] = "{\"a\\\"b\":[1,{\"c\":\"d\\\\\"}],\"e\" : tru , \"f\":\"g\"}";
    for (size_t size = 0; size < sizeof text; size++) {
        amphi_json_span span;
        amphi_json_member member;
        char *copy = amphi__alloc(size);
        assert_non_null(copy);
        memcpy(copy, text, size);
        int steps = 0;
        if (amphi__json_span_init(&span, amphi_str_make(copy, size)))
            while (amphi__json_span_next(&span, &member))
                assert_true(++steps < 10);
        amphi__free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(span__members_come_out_as_they_stand),
        cmocka_unit_test(span__scalars_have_no_members),
        cmocka_unit_test(span__cut_text_is_not_read_past_its_end),
    };
    return cmocka_run_group_tests_name("unit.sdk.core.json_span", tests, NULL, NULL);
}
