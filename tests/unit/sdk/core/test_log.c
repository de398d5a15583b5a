/* SPDX-License-Identifier: Apache-2.0
 *
 * A log line for the app.
 */
#include "sdk/core/log.h"

#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct line {
    char text[1024];
    size_t size;
    int level;
    int count;
} line;

static void note(void *user, int level, amphi_str text)
{
    line *l = user;
    amphi__str_copy_to(l->text, sizeof l->text, text);
    l->size = text.size;
    l->level = level;
    l->count++;
}

static void log__line_reaches_the_app_with_its_level(void **state)
{
    line l = {.count = 0};
    const amphi_log log = {.fn = note, .user = &l};
    amphi__log(&log, AMPHI_LOG_WARNING, "%s %d", "a", 7);
    assert_string_equal(l.text, "a 7");
    assert_int_equal(l.level, AMPHI_LOG_WARNING);
    assert_int_equal(l.count, 1);
}

static void log__without_a_sink_does_nothing(void **state)
{
    const amphi_log none = {.fn = NULL};
    amphi__log(NULL, AMPHI_LOG_INFO, "x");
    amphi__log(&none, AMPHI_LOG_INFO, "x");
}

static void log__long_line_is_cut_between_characters(void **state)
{
    line l = {.count = 0};
    const amphi_log log = {.fn = note, .user = &l};
    for (size_t before = 500; before < 516; before++) {
        char text[600];
        memset(text, 'x', before);
        strcpy(text + before, "\xe2\x82\xac and more of it");
        amphi__log(&log, AMPHI_LOG_INFO, "%s", text);
        assert_true(l.size <= 511);
        assert_true(amphi__utf8_is_valid(amphi_str_make(l.text, l.size)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log__line_reaches_the_app_with_its_level),
        cmocka_unit_test(log__without_a_sink_does_nothing),
        cmocka_unit_test(log__long_line_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
