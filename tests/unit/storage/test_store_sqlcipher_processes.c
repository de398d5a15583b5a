/* SPDX-License-Identifier: Apache-2.0
 *
 * Several processes on one data folder, and processes that are killed. The program starts itself
 * again in a role (argv[1]); a child reports through its standard output, one line per fact, and
 * never asserts.
 */
#include "sdk/core/clock.h"
#include "sdk/core/thread.h"
#include "storage/storage.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/sqlcipher_missing.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW  1700000000000
#define S(x) AMPHI_STR(x)

extern char **environ;

/* ---- Both sides ---- */

/* The boot clock, ahead by as much time as a test lets pass. */
static uint64_t passed_us;

static uint64_t boot_us(void *self)
{
    return amphi__clock_boot_us(NULL) + passed_us;
}

static int64_t wall_ms(void *self)
{
    return NOW;
}

static const amphi_clock test_clock = {.struct_size = sizeof test_clock,
    .name = "test",
    .monotonic_us = boot_us,
    .wall_ms = wall_ms,
    .boot_us = boot_us};

typedef struct opened {
    amphi_keys keys;
    amphi_store store;
} opened;

static amphi_status open_in(opened *out, const char *path, amphi_error *error)
{
    amphi_status status = amphi__keys_file_new(&out->keys, amphi_str_from(path), error);
    if (status != AMPHI_OK)
        return status;
    amphi_storage_options options = {
        .data_dir = amphi_str_from(path), .keys = out->keys, .clock = &test_clock};
    status = amphi__store_new(&out->store, &options, error);
    if (status != AMPHI_OK)
        out->keys.ops->free(out->keys.self);
    return status;
}

static void close_all(opened *o)
{
    o->store.ops->free(o->store.self);
    o->keys.ops->free(o->keys.self);
}

static amphi_status append(opened *o, const char *conversation, int number, amphi_str outbox_id)
{
    char question[64], answer[64];
    snprintf(question, sizeof question, "%d", number);
    snprintf(answer, sizeof answer, "answer %d", number);
    amphi_store_message messages[] = {
        {.role = S("user"), .content = amphi_str_from(question)},
        {.role = S("assistant"), .content = amphi_str_from(answer), .route = S("local")},
    };
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW + number,
        .conversation_id = amphi_str_from(conversation),
        .messages = messages,
        .messages_count = 2,
        .outbox_id = outbox_id};
    return o->store.ops->turn_append(o->store.self, &turn, NULL);
}

/* ---- Roles of the children ---- */

static void report(int number) /* a write of its own: nothing is lost in a buffer */
{
    char line[16];
    int size = snprintf(line, sizeof line, "%d\n", number);
    if (write(STDOUT_FILENO, line, (size_t)size) != size)
        _exit(3);
}

/* Appends turns and says each number once it is acknowledged. */
static int role_append(const char *path, const char *conversation, int count)
{
    opened o;
    if (open_in(&o, path, NULL) != AMPHI_OK)
        return 4;
    for (int i = 0; i < count; i++) {
        if (append(&o, conversation, i, S("")) != AMPHI_OK)
            return 5;
        report(i);
    }
    close_all(&o);
    return 0;
}

typedef struct claimed {
    char id[32];
    int number;
} claimed;

static bool see_claimed(void *user, const amphi_store_outbox_item *item)
{
    claimed *out = user;
    snprintf(out->id, sizeof out->id, "%.*s", (int)item->id.size, item->id.data);
    out->number = atoi(out->id);
    return true;
}

/* Claims entries and "sends" them until none is left; says each number that it sent. */
static int role_deliver(const char *path)
{
    opened o;
    claimed got;
    amphi_status status;
    if (open_in(&o, path, NULL) != AMPHI_OK)
        return 4;
    while ((status = o.store.ops->outbox_claim(
                o.store.self, NOW, 3600000, see_claimed, &got, NULL)) == AMPHI_OK) {
        report(got.number);
        if (append(&o, "sent", got.number, amphi_str_from(got.id)) != AMPHI_OK)
            return 5;
    }
    close_all(&o);
    return status == AMPHI_E_NOT_FOUND ? 0 : 6;
}

/* Claims one entry, says its number and sends it for ever. */
static int role_hold(const char *path)
{
    opened o;
    claimed got;
    if (open_in(&o, path, NULL) != AMPHI_OK ||
        o.store.ops->outbox_claim(o.store.self, NOW, 3600000, see_claimed, &got, NULL) != AMPHI_OK)
        return 4;
    report(got.number);
    for (;;)
        pause();
}

static int play(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "append") == 0)
        return role_append(argv[2], argv[3], atoi(argv[4]));
    if (argc == 3 && strcmp(argv[1], "deliver") == 0)
        return role_deliver(argv[2]);
    if (argc == 3 && strcmp(argv[1], "hold") == 0)
        return role_hold(argv[2]);
    return 2;
}

/* ---- The parent's side ---- */

typedef struct child {
    pid_t pid;
    int output;
} child;

static child start(const char *role, const char *path, const char *more, const char *last)
{
    child out = {0};
    int pair[2];
    char *argv[] = {(char *)"self", (char *)role, (char *)path, (char *)more, (char *)last, NULL};
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, pair[1], STDOUT_FILENO), 0);
    assert_int_equal(posix_spawn(&out.pid, "/proc/self/exe", &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pair[1]);
    out.output = pair[0];
    return out;
}

/* Reads numbers until the child's end (or `at_most` of them), marks them in `seen`, counts them. */
static int listen_to(child *c, int *seen, int seen_size, int at_most)
{
    int count = 0, number = 0;
    char byte;
    while (count < at_most && read(c->output, &byte, 1) == 1) {
        if (byte != '\n') {
            number = number * 10 + (byte - '0');
            continue;
        }
        assert_in_range(number, 0, seen_size - 1);
        seen[number]++;
        number = 0;
        count++;
    }
    return count;
}

static int end_of(child *c)
{
    int how;
    close(c->output);
    assert_int_equal(waitpid(c->pid, &how, 0), c->pid);
    return how;
}

typedef struct turns {
    int seen[1000]; /* messages that name this turn: 2 each */
    int count;
} turns;

static bool count_turn(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    turns *t = user;
    (void)id;
    t->seen[(created_ms - NOW) % 1000]++;
    t->count += message->content.size > 0;
    return true;
}

static void processes__an_acknowledged_turn_survives_kill_9(void **state)
{
    enum { TURNS = 200, KILLS = 8 };
    scratch_dir *dir = *state;
    int acknowledged_all = 0;
    for (int round = 0; round < KILLS; round++) {
        int acknowledged[TURNS] = {0};
        char conversation[16];
        turns stored = {.count = 0};
        opened o;
        snprintf(conversation, sizeof conversation, "c%d", round);
        child c = start("append", dir->path, conversation, "200");
        int count = listen_to(&c, acknowledged, TURNS, 1 + round * 24);
        assert_true(count > 0);
        struct timespec moment = {.tv_nsec = round * 700000}; /* somewhere inside a turn */
        nanosleep(&moment, NULL);
        kill(c.pid, SIGKILL);
        count += listen_to(&c, acknowledged, TURNS, TURNS); /* what was still in the pipe */
        assert_int_equal(WTERMSIG(end_of(&c)), SIGKILL);
        assert_int_equal(open_in(&o, dir->path, NULL), AMPHI_OK);
        assert_int_equal(o.store.ops->messages(
                             o.store.self, amphi_str_from(conversation), count_turn, &stored, NULL),
            AMPHI_OK);
        for (int i = 0; i < TURNS; i++) {
            assert_true(stored.seen[i] == 0 || stored.seen[i] == 2); /* whole turns only */
            if (acknowledged[i])
                assert_int_equal(stored.seen[i], 2);
        }
        assert_in_range(stored.count, 2 * count, 2 * (count + 1)); /* one may be unsaid */
        acknowledged_all += count;
        close_all(&o);
    }
    print_message("%d turns acknowledged before %d kills: all there\n", acknowledged_all, KILLS);
}

static void processes__several_open_and_write_a_new_store_at_once(void **state)
{
    enum { CHILDREN = 5, TURNS = 20 };
    scratch_dir *dir = *state, inner;
    for (int round = 0; round < 3; round++) {
        child children[CHILDREN];
        char name[16];
        opened o;
        snprintf(name, sizeof name, "new%d", round);
        scratch_dir_inner(&inner, dir, name);
        for (int i = 0; i < CHILDREN; i++)
            children[i] = start("append", inner.path, "shared", "20");
        for (int i = 0; i < CHILDREN; i++) {
            int seen[TURNS] = {0};
            assert_int_equal(listen_to(&children[i], seen, TURNS, TURNS + 1), TURNS);
            assert_int_equal(end_of(&children[i]), 0);
        }
        turns stored = {.count = 0};
        assert_int_equal(open_in(&o, inner.path, NULL), AMPHI_OK);
        assert_int_equal(
            o.store.ops->messages(o.store.self, S("shared"), count_turn, &stored, NULL), AMPHI_OK);
        assert_int_equal(stored.count, 2 * CHILDREN * TURNS);
        close_all(&o);
    }
}

static void processes__two_that_deliver_never_get_the_same_entry(void **state)
{
    enum { ENTRIES = 80, CHILDREN = 3 };
    scratch_dir *dir = *state;
    opened o;
    int sent[ENTRIES] = {0};
    child children[CHILDREN];
    claimed got;
    assert_int_equal(open_in(&o, dir->path, NULL), AMPHI_OK);
    for (int i = 0; i < ENTRIES; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        amphi_store_outbox_item item = {.struct_size = sizeof item,
            .id = amphi_str_from(id),
            .request_json = S("{}"),
            .created_ms = NOW};
        assert_int_equal(o.store.ops->outbox_add(o.store.self, &item, NULL), AMPHI_OK);
    }
    for (int i = 0; i < CHILDREN; i++)
        children[i] = start("deliver", dir->path, NULL, NULL);
    for (int i = 0; i < CHILDREN; i++) {
        listen_to(&children[i], sent, ENTRIES, ENTRIES + 1);
        assert_int_equal(end_of(&children[i]), 0);
    }
    for (int i = 0; i < ENTRIES; i++)
        assert_int_equal(sent[i], 1);
    assert_int_equal(o.store.ops->outbox_claim(o.store.self, NOW, 1, see_claimed, &got, NULL),
        AMPHI_E_NOT_FOUND);
    close_all(&o);
}

/* A lease that a killed process held runs out, and only then another process sends the entry. */
static void processes__a_lease_outlives_its_process_only_until_it_runs_out(void **state)
{
    scratch_dir *dir = *state;
    opened a, b;
    claimed got = {.number = -1};
    amphi_store_outbox_item item = {
        .struct_size = sizeof item, .id = S("7"), .request_json = S("{}"), .created_ms = NOW};
    assert_int_equal(open_in(&a, dir->path, NULL), AMPHI_OK);
    assert_int_equal(open_in(&b, dir->path, NULL), AMPHI_OK);
    assert_int_equal(a.store.ops->outbox_add(a.store.self, &item, NULL), AMPHI_OK);
    assert_int_equal(
        a.store.ops->outbox_claim(a.store.self, NOW, 100000, see_claimed, &got, NULL), AMPHI_OK);
    passed_us += 90000000;
    assert_int_equal(b.store.ops->outbox_claim(b.store.self, NOW, 1, see_claimed, &got, NULL),
        AMPHI_E_NOT_FOUND);
    passed_us += 10000000;
    assert_int_equal(
        b.store.ops->outbox_claim(b.store.self, NOW, 1000, see_claimed, &got, NULL), AMPHI_OK);
    /* Both answer: the one that comes second learns that it is late, and nothing is doubled. */
    assert_int_equal(append(&b, "c", 7, S("7")), AMPHI_OK);
    assert_int_equal(append(&a, "c", 7, S("7")), AMPHI_E_NOT_FOUND);
    close_all(&a);
    /* Closing one of two connections of a process must not drop the other's locks. */
    child c = start("append", dir->path, "d", "3");
    int seen[3] = {0};
    assert_int_equal(listen_to(&c, seen, 3, 4), 3);
    assert_int_equal(end_of(&c), 0);
    assert_true(scratch_exists(scratch_dir_file(dir, AMPHI_STORE_FILE "-wal")));
    turns stored = {.count = 0};
    assert_int_equal(
        b.store.ops->messages(b.store.self, S("d"), count_turn, &stored, NULL), AMPHI_OK);
    assert_int_equal(stored.count, 6);
    close_all(&b);
}

typedef struct heir {
    amphi_thread thread;
    pthread_barrier_t *start;
    opened o;
    int claims;
} heir;

static void inherit(void *opaque)
{
    heir *h = opaque;
    claimed got;
    pthread_barrier_wait(h->start);
    h->claims = h->o.store.ops->outbox_claim(
                    h->o.store.self, NOW, 3600000, see_claimed, &got, NULL) == AMPHI_OK;
}

/* Connections of their own, as other processes have them: all find the dead one's lease at once. */
static void processes__a_killed_senders_entry_has_one_heir(void **state)
{
    enum { HEIRS = 4, ROUNDS = 20 };
    scratch_dir *dir = *state;
    pthread_barrier_t start_line;
    heir heirs[HEIRS];
    memset(heirs, 0, sizeof heirs);
    assert_int_equal(pthread_barrier_init(&start_line, NULL, HEIRS), 0);
    for (int i = 0; i < HEIRS; i++) {
        heirs[i].start = &start_line;
        assert_int_equal(open_in(&heirs[i].o, dir->path, NULL), AMPHI_OK);
    }
    amphi_store *store = &heirs[0].o.store;
    amphi_store_outbox_item item = {
        .struct_size = sizeof item, .id = S("7"), .request_json = S("{}"), .created_ms = NOW};
    for (int round = 0; round < ROUNDS; round++) {
        int seen[8] = {0}, claims = 0;
        assert_int_equal(store->ops->outbox_add(store->self, &item, NULL), AMPHI_OK);
        child c = start("hold", dir->path, NULL, NULL);
        assert_int_equal(listen_to(&c, seen, 8, 1), 1);
        kill(c.pid, SIGKILL);
        assert_int_equal(WTERMSIG(end_of(&c)), SIGKILL);
        for (int i = 0; i < HEIRS; i++)
            assert_int_equal(
                amphi__thread_start(&heirs[i].thread, "heir", inherit, &heirs[i]), AMPHI_OK);
        for (int i = 0; i < HEIRS; i++) {
            amphi__thread_join(&heirs[i].thread);
            claims += heirs[i].claims;
        }
        assert_int_equal(claims, 1);
        assert_int_equal(store->ops->outbox_remove(store->self, S("7"), NULL), AMPHI_OK);
    }
    for (int i = 0; i < HEIRS; i++)
        close_all(&heirs[i].o);
    pthread_barrier_destroy(&start_line);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return play(argc, argv);
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_dir_set_up, scratch_dir_tear_down)
    const struct CMUnitTest tests[] = {
        T(processes__an_acknowledged_turn_survives_kill_9),
        T(processes__several_open_and_write_a_new_store_at_once),
        T(processes__two_that_deliver_never_get_the_same_entry),
        T(processes__a_lease_outlives_its_process_only_until_it_runs_out),
        T(processes__a_killed_senders_entry_has_one_heir),
    };
    return cmocka_run_group_tests_name("unit.storage.store_sqlcipher_processes", tests, NULL, NULL);
}
