/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_race.h"

#include "tests/support/lock_holder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ROLE "race-to-a-store"

extern char **environ;

bool store_race_is_role(int argc, char **argv)
{
    return argc == 4 && strcmp(argv[1], ROLE) == 0;
}

int store_race_main(char **argv, store_race_fn *write_all)
{
    amphi_keys keys;
    amphi_store store;
    char byte;
    if (lock_holder_open(&store, &keys, argv[2]) != AMPHI_OK)
        return 3;
    if (write(STDOUT_FILENO, "r", 1) != 1 || read(STDIN_FILENO, &byte, 1) != 0) /* all are ready */
        return 4;
    amphi_status status = write_all(store, (unsigned)strtoul(argv[3], NULL, 10));
    store.ops->free(store.self);
    keys.ops->free(keys.self);
    return status == AMPHI_OK ? 0 : 5;
}

static pid_t start(const char *data_dir, unsigned number, int ready, int go)
{
    char digits[16];
    pid_t pid;
    char *arguments[] = {"/proc/self/exe", ROLE, (char *)data_dir, digits, NULL};
    posix_spawn_file_actions_t actions;
    snprintf(digits, sizeof digits, "%u", number);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, go, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ready, STDOUT_FILENO);
    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

void store_race(const char *data_dir, unsigned count)
{
    pid_t pids[STORE_RACE_MAX];
    int ready[2], go[2], result;
    char byte;
    assert_true(count <= STORE_RACE_MAX);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    for (unsigned i = 0; i < count; i++)
        pids[i] = start(data_dir, i, ready[1], go[0]);
    close(ready[1]);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(read(ready[0], &byte, 1), 1);
    close(go[1]); /* its end is what they wait for */
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(waitpid(pids[i], &result, 0), pids[i]);
        assert_int_equal(result, 0);
    }
    close(ready[0]);
    close(go[0]);
}
