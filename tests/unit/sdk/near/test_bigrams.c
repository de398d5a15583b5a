/* SPDX-License-Identifier: Apache-2.0
 *
 * 2-grams: their number, and the Jaccard index of small texts worked out by hand.
 */
#include "sdk/near/bigrams.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static double jaccard(const char *a, const char *b)
{
    double out = -1;
    assert_int_equal(amphi__bigrams_jaccard(&out, amphi_str_from(a), amphi_str_from(b)), AMPHI_OK);
    return out;
}

static void bigrams__are_pairs_of_characters_each_once(void **state)
{
    amphi_bigrams found;
    assert_int_equal(amphi__bigrams_of(&found, AMPHI_STR("aaaa")), AMPHI_OK);
    assert_int_equal(found.count, 3); /* the border and a, a and a, a and the border */
    amphi__bigrams_clear(&found);
    assert_int_equal(amphi__bigrams_of(&found, AMPHI_STR("中文")), AMPHI_OK);
    assert_int_equal(found.count, 3);
    amphi__bigrams_clear(&found);
}

static void bigrams__jaccard_is_shared_over_all(void **state)
{
    assert_true(jaccard("", "") == 1 && jaccard("ab", "ab") == 1);
    assert_true(jaccard("ab", "cd") == 0);
    assert_true(jaccard("ab", "ac") == 1.0 / 5); /* of five, "a at the border" is shared */
    assert_true(jaccard("\xff", "\xff") == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bigrams__are_pairs_of_characters_each_once),
        cmocka_unit_test(bigrams__jaccard_is_shared_over_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
