/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/key_race.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { CHILDREN = 6, KEY_BYTES = 32, ANSWER_BYTES = KEY_BYTES + 1 };

static void ask(const scratch_dir *dir, key_race_fn *get_key, const int go[2], int answers)
{
    uint8_t answer[ANSWER_BYTES] = {0}, c;
    bool created = false;
    close(go[1]);
    while (read(go[0], &c, 1) > 0) /* until the parent closes its end */
        ;
    if (get_key(dir, answer, &created, NULL) != AMPHI_OK)
        _exit(1);
    answer[KEY_BYTES] = created;
    _exit(write(answers, answer, sizeof answer) == sizeof answer ? 0 : 2);
}

void key_race(const scratch_dir *dir, key_race_fn *get_key)
{
    int go[2], answers[2], made = 0;
    uint8_t seen[CHILDREN][ANSWER_BYTES];
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(answers), 0);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            ask(dir, get_key, go, answers[1]);
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < CHILDREN; i++) {
        int how;
        assert_true(wait(&how) > 0);
        assert_int_equal(how, 0);
        assert_int_equal(read(answers[0], seen[i], ANSWER_BYTES), ANSWER_BYTES);
        assert_memory_equal(seen[i], seen[0], KEY_BYTES);
        made += seen[i][KEY_BYTES];
    }
    assert_int_equal(made, 1);
    close(answers[0]);
    close(answers[1]);
}
