/* SPDX-License-Identifier: Apache-2.0
 *
 * A backup of a store in use is whole: while threads write, and whenever its process is killed. The
 * program starts itself again as the process that is killed; such a child never asserts.
 */
#include "sdk/core/thread.h"
#include "tests/support/lock_holder.h"
#include "tests/support/own_store.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define S(x) AMPHI_STR(x)
#define ROLE "back-up"

extern char **environ;

typedef struct fixture {
    own_store own;
    scratch_dir copy; /* another data folder */
    atomic_bool stop;
    atomic_int said;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    own_store_begin(&f->own);
    scratch_dir_inner(&f->copy, &f->own.dir, "copy");
    assert_int_equal(mkdir(f->copy.path, 0700), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    own_store_end(&f->own);
    free(f);
    return 0;
}

/* A question and an answer, which only a torn copy could part. */
static amphi_status say(amphi_store store)
{
    char text[2000];
    memset(text, 'x', sizeof text);
    amphi_store_message messages[] = {
        {.role = S("user"), .content = amphi_str_make(text, sizeof text)},
        {.role = S("assistant"), .content = amphi_str_make(text, sizeof text)}};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = 1,
        .conversation_id = S("c"),
        .messages = messages,
        .messages_count = 2};
    return store.ops->turn_append(store.self, &turn, NULL);
}

static bool count_message(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    ++*(int *)user;
    return message->content.size == 2000;
}

/* Messages in the copy, opened as a store of its own. */
static int messages_in_copy(const fixture *f)
{
    amphi_keys keys;
    amphi_store store;
    size_t size;
    int count = 0;
    char *key = scratch_read(scratch_dir_file(&f->own.dir, AMPHI_KEY_FILE), &size);
    scratch_write(scratch_dir_file(&f->copy, AMPHI_KEY_FILE), key, size, 0600);
    free(key);
    assert_int_equal(lock_holder_open(&store, &keys, f->copy.path), AMPHI_OK);
    assert_int_equal(
        store.ops->messages(store.self, S("c"), count_message, &count, NULL), AMPHI_OK);
    assert_int_equal(store.ops->health(store.self, NULL), AMPHI_OK);
    store.ops->free(store.self);
    amphi_history_check_report report;
    amphi_storage_options options = {.data_dir = amphi_str_from(f->copy.path), .keys = keys};
    assert_int_equal(amphi__store_check(&report, &options, false, NULL), AMPHI_OK);
    assert_true(report.is_whole);
    keys.ops->free(keys.self);
    return count;
}

static void keep_saying(void *arg)
{
    fixture *f = arg;
    while (!atomic_load(&f->stop))
        if (say(f->own.store) == AMPHI_OK)
            atomic_fetch_add(&f->said, 1);
}

static void backup__is_whole_while_turns_are_written(void **state)
{
    fixture *f = *state;
    amphi_thread thread;
    amphi_str path = amphi_str_from(scratch_dir_file(&f->copy, AMPHI_STORE_FILE));
    assert_int_equal(amphi__thread_start(&thread, "say", keep_saying, f), AMPHI_OK);
    while (atomic_load(&f->said) < 20)
        usleep(1000);
    int before = atomic_load(&f->said);
    amphi_status status = f->own.store.ops->backup(f->own.store.self, path, NULL);
    atomic_store(&f->stop, true);
    amphi__thread_join(&thread);
    assert_int_equal(status, AMPHI_OK);
    int count = messages_in_copy(f);
    print_message("%d turns in it, %d were there before\n", count / 2, before);
    assert_true(count % 2 == 0 && count / 2 >= before);
}

static void backup__replaces_no_file_and_says_what_is_wrong(void **state)
{
    fixture *f = *state;
    amphi_error error = {0};
    const char *path = scratch_dir_file(&f->own.dir, "mine");
    size_t size;
    scratch_write(path, "mine", 4, 0600);
    assert_int_equal(f->own.store.ops->backup(f->own.store.self, amphi_str_from(path), &error),
        AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "file of that name"));
    char *still = scratch_read(path, &size);
    assert_int_equal(size, 4);
    free(still);
    path = scratch_dir_file(&f->own.dir, "no-folder/file");
    assert_int_equal(
        f->own.store.ops->backup(f->own.store.self, amphi_str_from(path), &error), AMPHI_E_IO);
}

static int back_up(char **argv)
{
    amphi_keys keys;
    amphi_store store;
    if (lock_holder_open(&store, &keys, argv[2]) != AMPHI_OK || write(1, "b", 1) != 1)
        return 3;
    amphi_status status = store.ops->backup(store.self, amphi_str_from(argv[3]), NULL);
    store.ops->free(store.self);
    keys.ops->free(keys.self);
    return status == AMPHI_OK ? 0 : 4;
}

static void backup_in_child_killed_after(fixture *f, const char *path, useconds_t us)
{
    int out[2];
    pid_t pid;
    char byte;
    char *arguments[] = {"/proc/self/exe", ROLE, f->own.dir.path, (char *)path, NULL};
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe(out), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    assert_int_equal(read(out[0], &byte, 1), 1);
    usleep(us);
    kill(pid, SIGKILL);
    close(out[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void backup__killed_at_any_moment_leaves_a_whole_file_or_none(void **state)
{
    fixture *f = *state;
    const char *path = scratch_dir_file(&f->copy, AMPHI_STORE_FILE);
    char name[300];
    int whole = 0;
    snprintf(name, sizeof name, "%s", path);
    for (int i = 0; i < 60; i++)
        assert_int_equal(say(f->own.store), AMPHI_OK);
    for (int round = 0; round < 12; round++) {
        unlink(name);
        backup_in_child_killed_after(f, name, 500u << round);
        if (!scratch_exists(name))
            continue;
        whole++;
        assert_int_equal(messages_in_copy(f), 120);
    }
    print_message("%d of 12 were complete\n", whole);
    unlink(name);
    assert_int_equal(
        f->own.store.ops->backup(f->own.store.self, amphi_str_from(name), NULL), AMPHI_OK);
    assert_int_equal(messages_in_copy(f), 120);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], ROLE) == 0)
        return back_up(argv);
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(backup__is_whole_while_turns_are_written),
        T(backup__replaces_no_file_and_says_what_is_wrong),
        T(backup__killed_at_any_moment_leaves_a_whole_file_or_none),
    };
    return cmocka_run_group_tests_name("unit.storage.store_backup", tests, NULL, NULL);
}
