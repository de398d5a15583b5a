/* SPDX-License-Identifier: Apache-2.0
 *
 * Which process wrote a row, and has it surely ended? With real processes.
 */
#include "sdk/core/process_identity.h"

#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char own[AMPHI_PROCESS_IDENTITY_MAX];

static int set_up(void **state)
{
    amphi__process_identity(own);
    return 0;
}

/* The identity of this process with one of its four parts replaced. */
static const char *with_part(int number, const char *part)
{
    static char text[4 * AMPHI_PROCESS_IDENTITY_MAX];
    amphi_str rest = amphi_str_from(own);
    text[0] = '\0';
    for (int i = 0; i < 4; i++) {
        amphi_str own_part = amphi__str_cut(rest, '/', &rest);
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%.*s", i > 0 ? "/" : "",
            i == number ? (int)strlen(part) : (int)own_part.size,
            i == number ? part : own_part.data);
    }
    return text;
}

static bool has_ended(const char *identity)
{
    return amphi__process_has_ended(amphi_str_from(identity));
}

static void identity__is_the_same_each_time_and_has_not_ended(void **state)
{
    char again[AMPHI_PROCESS_IDENTITY_MAX];
    amphi__process_identity(again);
    assert_string_equal(own, again);
    assert_true(own[0] != '\0');
    assert_string_equal(with_part(-1, ""), own);
    assert_false(has_ended(own));
}

static void identity__of_another_boot_has_ended(void **state)
{
    assert_true(has_ended(with_part(0, "00000000-0000-0000-0000-000000000000")));
}

static void identity__of_another_namespace_is_unknown(void **state)
{
    assert_false(has_ended(with_part(1, "pid:[1]")));
}

static void identity__of_a_reused_id_has_ended(void **state)
{
    assert_true(has_ended(with_part(3, "1"))); /* the same id, started at another time */
}

static void identity__of_no_process_has_ended(void **state)
{
    assert_true(has_ended(with_part(2, "2147483646")));
}

static void identity__that_is_garbage_is_unknown(void **state)
{
    static const char *const texts[] = {"", "/", "a", "///"};
    for (size_t i = 1; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(strcmp(texts[i], own) == 0);
    assert_false(has_ended(""));
    assert_false(has_ended("host-1234"));
    assert_false(has_ended(with_part(2, "abc")));
    assert_false(has_ended(with_part(2, "-1")));
    assert_false(has_ended(with_part(3, "")));
    assert_false(has_ended(with_part(3, "99999999999999999999999")));
}

static void identity__of_a_child_ends_with_it(void **state)
{
    int to_child[2];
    int from_child[2];
    assert_int_equal(pipe(to_child), 0);
    assert_int_equal(pipe(from_child), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char identity[AMPHI_PROCESS_IDENTITY_MAX] = "";
        char byte;
        amphi__process_identity(identity);
        ssize_t done = write(from_child[1], identity, sizeof identity);
        close(to_child[1]);
        done += read(to_child[0], &byte, 1); /* until the parent has seen it alive */
        _exit(done > 0 ? 0 : 1);
    }
    close(to_child[0]);
    char identity[AMPHI_PROCESS_IDENTITY_MAX];
    assert_int_equal(read(from_child[0], identity, sizeof identity), sizeof identity);
    assert_string_not_equal(identity, own);
    assert_false(has_ended(identity));
    close(to_child[1]);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_true(has_ended(identity)); /* a zombie counts as ended */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(has_ended(identity));
    close(from_child[0]);
    close(from_child[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity__is_the_same_each_time_and_has_not_ended),
        cmocka_unit_test(identity__of_another_boot_has_ended),
        cmocka_unit_test(identity__of_another_namespace_is_unknown),
        cmocka_unit_test(identity__of_a_reused_id_has_ended),
        cmocka_unit_test(identity__of_no_process_has_ended),
        cmocka_unit_test(identity__that_is_garbage_is_unknown),
        cmocka_unit_test(identity__of_a_child_ends_with_it),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
