/* SPDX-License-Identifier: Apache-2.0
 *
 * Code blocks and lists at the seam.
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

static amphi_seam_verdict code(const char *given, const char *after)
{
    amphi_seam s = seam(given, after, true);
    return amphi__seam_look_at_code(&s).verdict;
}

static amphi_seam_verdict list(const char *given, const char *after)
{
    amphi_seam s = seam(given, after, true);
    return amphi__seam_look_at_list(&s).verdict;
}

static const char *const open_block = "```c\nint sum(int a, int b)\n{\n    ret";

static void code__block_goes_on_and_is_closed(void **state)
{
    assert_int_equal(code(open_block, "urn a + b;\n}\n```\n"), AMPHI_SEAM_CONTINUES);
    assert_int_equal(code("```c\nint a;\n", "```\nThat is all.\n"), AMPHI_SEAM_CONTINUES);
    assert_int_equal(code("As follows.\n\n", "```c\nint a;\n```\n"), AMPHI_SEAM_CONTINUES);
}

static void code__block_that_is_opened_again_is_a_new_answer(void **state)
{
    assert_int_equal(code(open_block, "```c\nint sum(int x);\n```\n"), AMPHI_SEAM_ANEW);
    assert_int_equal(code("Here:\n\n```c\nint a", "Sure:\n```c\nint b;\n```"), AMPHI_SEAM_USELESS);
    assert_int_equal(code("The river fre", "```c\nint a;\n```\n"), AMPHI_SEAM_USELESS);
}

static void code__sentence_is_no_code_and_an_open_block_no_end(void **state)
{
    assert_int_equal(
        code("```c\nint a;\n", "This function adds two numbers.\n```\n"), AMPHI_SEAM_USELESS);
    assert_int_equal(code(open_block, "urn a + b;\n"), AMPHI_SEAM_USELESS);
    assert_int_equal(code("Plain text, and", " more"), AMPHI_SEAM_NONE);
}

static void code__list_goes_on_with_its_next_number(void **state)
{
    assert_int_equal(list("1. Bread\n2. Milk\n", "3. Butter\n"), AMPHI_SEAM_CONTINUES);
    assert_int_equal(list("1. Bread\n2. Milk", "\n3. Butter\n"), AMPHI_SEAM_CONTINUES);
    assert_int_equal(list("1. Bread\n2. Mi", "1. Eggs\n2. Flour\n"), AMPHI_SEAM_ANEW);
    assert_int_equal(list("1. Bread\n2. Milk\n", "1. Eggs\n"), AMPHI_SEAM_ANEW);
    assert_int_equal(list("Buy:\n\n1. Bread\n2. Mi", "1. Eggs\n"), AMPHI_SEAM_USELESS);
    assert_int_equal(list("1. Bread\n1. Milk\n", "1. Eggs\n"), AMPHI_SEAM_NONE);
    assert_int_equal(list("Buy these:\n\n", "1. Bread\n"), AMPHI_SEAM_CONTINUES);
}

static void code__line_that_begins_inside_another_is_in_doubt(void **state)
{
    static const char *const sum = "```python\ndef add(a, b):\n    return a + ";
    assert_int_equal(code(sum, "def plus(x, y):\n    return x\n```"), AMPHI_SEAM_USELESS);
    assert_int_equal(code(sum, "b\n```"), AMPHI_SEAM_CONTINUES);
    assert_int_equal(
        code("```python\nx = 1\n", "def plus(x):\n    return x\n```"), AMPHI_SEAM_CONTINUES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code__block_goes_on_and_is_closed),
        cmocka_unit_test(code__block_that_is_opened_again_is_a_new_answer),
        cmocka_unit_test(code__sentence_is_no_code_and_an_open_block_no_end),
        cmocka_unit_test(code__list_goes_on_with_its_next_number),
        cmocka_unit_test(code__line_that_begins_inside_another_is_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
