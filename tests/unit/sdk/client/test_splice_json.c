/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON goes on as its grammar allows, to the end.
 */
#include "sdk/client/splice_judge.h"
#include "sdk/client/splice_words.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static amphi_seam seam(const char *given, const char *after, bool is_all)
{
    amphi_str text = amphi_str_from(given);
    size_t size = amphi__splice_without_blanks(text);
    return (amphi_seam){.before = amphi__str_slice(text, 0, size),
        .blanks = amphi__str_slice(text, size, text.size),
        .after = amphi_str_from(after),
        .is_all = is_all};
}

static amphi_seam_verdict verdict(const char *given, const char *after, bool is_all)
{
    amphi_seam s = seam(given, after, is_all);
    return amphi__seam_look_at_json(&s).verdict;
}

static const char *const town = "{\"town\": \"Oslo\", \"people\": 7";

static void json__what_fits_goes_on(void **state)
{
    assert_int_equal(verdict(town, "09000}", true), AMPHI_SEAM_CONTINUES);
    assert_int_equal(verdict("{\"town\": \"Os", "lo\", \"x\": 1}", true), AMPHI_SEAM_CONTINUES);
    assert_int_equal(verdict("{\"a\": ", "{\"b\": 1}, \"c\": 2}", true), AMPHI_SEAM_CONTINUES);
    assert_int_equal(verdict("[{\"a\": 1}, ", "{\"a\": 2}]", true), AMPHI_SEAM_CONTINUES);
    assert_int_equal(
        verdict("```json\n{\"town\": ", "\"Oslo\"}\n```\n", true), AMPHI_SEAM_CONTINUES);
}

static void json__what_does_not_fit_does_not(void **state)
{
    assert_int_equal(verdict(town, "{\"city\": \"Oslo\"}", true), AMPHI_SEAM_ANEW);
    assert_int_equal(verdict("{\"town\": ", "{\"town\": \"Oslo\"}", true), AMPHI_SEAM_ANEW);
    assert_int_equal(verdict("{\"town\": ", "{\"city\": \"Oslo\"}", true), AMPHI_SEAM_ANEW);
    assert_int_equal(verdict("{\"town\": ", "{\"city\": \"Os", false), AMPHI_SEAM_UNDECIDED);
    assert_int_equal(verdict("[{\"town\": 1}, ", "[1, 2]", true), AMPHI_SEAM_ANEW);
    assert_int_equal(verdict(town, "Sure, here it is: 709000}", true), AMPHI_SEAM_USELESS);
    assert_int_equal(verdict(town, "09000", true), AMPHI_SEAM_USELESS); /* it does not end */
    assert_int_equal(verdict("{\"town\": \"", "{\"town\": \"Oslo\"}", true), AMPHI_SEAM_ANEW);
}

static void json__key_that_comes_twice_or_a_block_in_a_string_is_no_rest(void **state)
{
    static const char *const given = "{\"town\": \"Oslo\", \"people\": ";
    assert_int_equal(verdict(given, "7, \"town\": \"Oslo\"}", true), AMPHI_SEAM_USELESS);
    assert_int_equal(verdict(given, "{\"town\": 1, \"x\": {\"town\": 1}}, \"a\": 2}", true),
        AMPHI_SEAM_ANEW); /* its first key is the whole's */
    assert_int_equal(
        verdict("[{\"a\": 1, \"b\": ", "{\"b\": 1}}, {\"a\": 2}]", true), AMPHI_SEAM_CONTINUES);
    assert_int_equal(
        verdict("{\"town\": \"Os", "```python\nlo\", \"x\": 1}", true), AMPHI_SEAM_USELESS);
}

static void json__is_waited_for_and_prose_is_left_alone(void **state)
{
    assert_int_equal(verdict(town, "0", false), AMPHI_SEAM_UNDECIDED);
    assert_int_equal(verdict("{\"a\": ", "{\"b\"", false), AMPHI_SEAM_UNDECIDED);
    assert_int_equal(verdict("The town of Oslo", " has", false), AMPHI_SEAM_NONE);
    assert_int_equal(verdict("{not JSON", " at all", false), AMPHI_SEAM_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__what_fits_goes_on),
        cmocka_unit_test(json__what_does_not_fit_does_not),
        cmocka_unit_test(json__key_that_comes_twice_or_a_block_in_a_string_is_no_rest),
        cmocka_unit_test(json__is_waited_for_and_prose_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
