/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/lock_holder.h"

#include "storage/store_sqlcipher.h"
#include "storage/stores.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROLE "hold-the-write-lock"

extern char **environ;

static void must(bool done, const char *what)
{
    if (done)
        return;
    fprintf(stderr, "lock_holder: %s\n", what);
    exit(3);
}

amphi_status lock_holder_open(amphi_store *store, amphi_keys *keys, const char *data_dir)
{
    amphi_str path = amphi_str_from(data_dir);
    if (amphi__keys_file_new(keys, path, NULL) != AMPHI_OK)
        return AMPHI_E_INTERNAL;
    amphi_storage_options options = {.data_dir = path, .keys = *keys};
    return amphi__store_sqlcipher_new(store, &options, NULL);
}

bool lock_holder_is_role(int argc, char **argv)
{
    return argc == 3 && strcmp(argv[1], ROLE) == 0;
}

/* Takes the write lock, says so, and keeps it until its standard input ends. */
int lock_holder_main(char **argv)
{
    amphi_keys keys;
    amphi_store store;
    amphi_db *db;
    char byte = 'h';
    if (lock_holder_open(&store, &keys, argv[2]) != AMPHI_OK ||
        amphi__store_write_begin(store.self, AMPHI_PATIENCE_LONG_MS, &db, NULL) != AMPHI_OK ||
        write(STDOUT_FILENO, &byte, 1) != 1)
        return 3;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    (void)amphi__store_write_end(store.self, AMPHI_E_CANCELLED, NULL);
    store.ops->free(store.self);
    keys.ops->free(keys.self);
    return 0;
}

void lock_holder_begin(lock_holder *holder, const char *data_dir)
{
    int in[2], out[2];
    char byte;
    char path[512];
    char *arguments[] = {"/proc/self/exe", ROLE, path, NULL};
    posix_spawn_file_actions_t actions;
    snprintf(path, sizeof path, "%s", data_dir);
    must(pipe(in) == 0 && pipe(out) == 0, "pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, in[1]);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    must(posix_spawn(&holder->pid, "/proc/self/exe", &actions, NULL, arguments, environ) == 0,
        "spawn");
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    must(read(out[0], &byte, 1) == 1, "it could not take the lock");
    holder->in = in[1];
    holder->out = out[0];
}

void lock_holder_end(lock_holder *holder)
{
    int status;
    kill(holder->pid, SIGCONT);
    close(holder->in);
    close(holder->out);
    must(waitpid(holder->pid, &status, 0) == holder->pid && status == 0, "it failed");
}
