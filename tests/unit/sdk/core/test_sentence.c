/* SPDX-License-Identifier: Apache-2.0
 *
 * A sentence that has no room ends behind a whole word and whole characters, whatever the room.
 */
#include "sdk/core/sentence.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void sentence__that_fits_is_kept(void **state)
{
    char out[16];
    amphi__sentence_copy(out, sizeof out, AMPHI_STR("fifteen letters"));
    assert_string_equal(out, "fifteen letters");
    amphi__sentence_copy(out, sizeof out, amphi_str_make(NULL, 0));
    assert_string_equal(out, "");
}

static void sentence__is_cut_behind_a_word(void **state)
{
    char out[16];
    amphi__sentence_copy(out, sizeof out, AMPHI_STR("sixteen letters:"));
    assert_string_equal(out, "sixteen...");
    amphi__sentence_copy(out, sizeof out, AMPHI_STR("it is here, but unreadable"));
    assert_string_equal(out, "it is here...");
    amphi__sentence_copy(out, sizeof out, AMPHI_STR("/a/path/without/a/blank"));
    assert_string_equal(out, "/a/path/with...");
}

static void sentence__grows_at_its_end(void **state)
{
    char out[24] = "";
    amphi__sentence_add(out, sizeof out, "cloud: %d of %d", 3, 4);
    amphi__sentence_add(out, sizeof out, "; fine");
    assert_string_equal(out, "cloud: 3 of 4; fine");
    amphi__sentence_add(out, sizeof out, "; elsewhere");
    assert_string_equal(out, "cloud: 3 of 4; fine...");
    char full[24] = "twenty-three letters 23";
    amphi__sentence_add(full, sizeof full, " and more");
    assert_string_equal(full, "twenty-three letters...");
}

/* Every room from the smallest on: in it, terminated, valid UTF-8, a beginning of the text and
 * dots, and no half word where a whole one had room. */
static void sentence__holds_at_every_size(void **state)
{
    static const char text[] = "Der Schl\u00fcssel wird abgelehnt: \u91d1\u984d\u4e0d\u8db3 "
                               "\U0001f511 (401), \u0441\u043d\u043e\u0432\u0430 later.";
    for (size_t size = 4; size <= sizeof text; size++) {
        char out[sizeof text + 1];
        memset(out, '#', sizeof out);
        amphi__sentence_copy(out, size, amphi_str_from(text));
        assert_int_equal(out[size], '#');
        size_t length = strlen(out);
        assert_true(length < size);
        assert_true(amphi__utf8_is_valid(amphi_str_from(out)));
        if (size == sizeof text) {
            assert_string_equal(out, text);
            continue;
        }
        assert_string_equal(out + length - 3, "...");
        assert_memory_equal(out, text, length - 3);
        const char next = text[length - 3];
        assert_true(size < 8 || strchr(" ,:;(.", next) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentence__that_fits_is_kept),
        cmocka_unit_test(sentence__is_cut_behind_a_word),
        cmocka_unit_test(sentence__grows_at_its_end),
        cmocka_unit_test(sentence__holds_at_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
