/* SPDX-License-Identifier: Apache-2.0
 *
 * posix_spawn with everything that the worker may have, and nothing else. Called on the
 * supervisor's thread only: the worker is to die with the thread that started it
 * (PR_SET_PDEATHSIG), and that one lives as long as the engine.
 */
#include "local/parent/spawn.h"

#include "sdk/core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum { FDS_COUNT = AMPHI_WORKER_FD_END - AMPHI_WORKER_FD_SHARED };

/* Variables that the dynamic linker and the sanitizers need; the worker reads none itself. */
static const char *const environment_names[] = {
    "LD_LIBRARY_PATH",
#ifdef AMPHI_SANITIZE
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
#endif
};

enum { ENVIRONMENT_MAX = sizeof environment_names / sizeof environment_names[0] };

static int pidfd_open_native(pid_t pid)
{
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    return -1;
#endif
}

/* Copies of the descriptors above every target number, so that dup2 overwrites none of them. */
static int raise_fds(const int fds[FDS_COUNT], int raised[FDS_COUNT])
{
    for (int i = 0; i < FDS_COUNT; i++) {
        raised[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 32);
        if (raised[i] < 0)
            return errno;
    }
    return 0;
}

static int fill_actions(posix_spawn_file_actions_t *actions, const int raised[FDS_COUNT])
{
    int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    rc = rc != 0 ? rc : posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
#ifndef AMPHI_SANITIZE /* a sanitizer's report is worth reading */
    rc = rc != 0 ? rc : posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0);
#endif
    for (int i = 0; i < FDS_COUNT && rc == 0; i++)
        rc = posix_spawn_file_actions_adddup2(actions, raised[i], AMPHI_WORKER_FD_SHARED + i);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    rc = rc != 0 ? rc : posix_spawn_file_actions_addclosefrom_np(actions, AMPHI_WORKER_FD_END);
#endif
    return rc; /* elsewhere the worker itself closes the rest first */
}

static int fill_attributes(posix_spawnattr_t *attributes)
{
    static const int fatal_signals[] = AMPHI_DEATH_SIGNALS;
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
    sigset_t fatal;
    sigemptyset(&fatal);
    for (size_t i = 0; i < sizeof fatal_signals / sizeof fatal_signals[0]; i++)
        sigaddset(&fatal, fatal_signals[i]);
    sigset_t all;
    sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(attributes, &fatal);
    rc = rc != 0 ? rc : posix_spawnattr_setsigdefault(attributes, &all);
    rc = rc != 0 ? rc : posix_spawnattr_setpgroup(attributes, 0);
    return rc != 0 ? rc : posix_spawnattr_setflags(attributes, flags);
}

/* "NAME=value" strings into `text`; what does not fit is left out. */
static void fill_environment(char *environment[ENVIRONMENT_MAX + 1], char *text, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < ENVIRONMENT_MAX; i++) {
        const char *value = getenv(environment_names[i]);
        int size =
            value == NULL ? -1 : snprintf(text, capacity, "%s=%s", environment_names[i], value);

        if (size > 0 && (size_t)size < capacity) {
            environment[count++] = text;
            text += size + 1;
            capacity -= (size_t)size + 1;
        }
    }
    environment[count] = NULL;
}

amphi_status amphi__process_spawn(
    amphi_process *out, const char *path, const int fds[FDS_COUNT], amphi_error *error)
{
    char name[] = "amphi-worker";
    char *arguments[] = {name, NULL};
    out->pid = 0;
    out->pidfd = -1;
    int raised[FDS_COUNT];
    memset(raised, -1, sizeof raised);
    char text[2048];
    char *environment[ENVIRONMENT_MAX + 1];
    fill_environment(environment, text, sizeof text);
    int rc = raise_fds(fds, raised);
    bool have_actions = false;
    posix_spawn_file_actions_t actions;
    if (rc == 0) {
        rc = posix_spawn_file_actions_init(&actions);
        have_actions = rc == 0;
    }
    bool have_attributes = false;
    posix_spawnattr_t attributes;
    if (rc == 0) {
        rc = posix_spawnattr_init(&attributes);
        have_attributes = rc == 0;
    }
    rc = rc != 0 ? rc : fill_actions(&actions, raised);
    rc = rc != 0 ? rc : fill_attributes(&attributes);
    rc = rc != 0 ? rc : posix_spawn(&out->pid, path, &actions, &attributes, arguments, environment);
    if (rc == 0)
        out->pidfd = pidfd_open_native(out->pid);
    else
        out->pid = 0;
    if (have_attributes)
        posix_spawnattr_destroy(&attributes);
    if (have_actions)
        posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < FDS_COUNT; i++)
        if (raised[i] >= 0)
            close(raised[i]);
    if (rc != 0) {
        return amphi__fail(error, rc == ENOENT ? AMPHI_E_NOT_FOUND : AMPHI_E_IO, rc,
            "can't start the engine process %.80s (error %d)", path, rc);
    }
    return AMPHI_OK;
}

void amphi__process_kill(const amphi_process *process)
{
    if (process->pid <= 0)
        return;
#ifdef SYS_pidfd_send_signal
    /* A pid may belong to another process when the app reaped our child; a pidfd can't. */
    if (process->pidfd >= 0) {
        syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
        return;
    }
#endif
    kill(process->pid, SIGKILL);
}

static int wait_for(const amphi_process *process, siginfo_t *info, int options)
{
    memset(info, 0, sizeof *info);
    int rc = -1;
    do {
        rc = process->pidfd >= 0 ? waitid((idtype_t)P_PIDFD, (id_t)process->pidfd, info, options)
                                 : waitid(P_PID, (id_t)process->pid, info, options);
        if (rc != 0 && errno == EINVAL && process->pidfd >= 0) /* Linux 5.3 */
            rc = waitid(P_PID, (id_t)process->pid, info, options);
    } while (rc != 0 && errno == EINTR);
    return rc;
}

bool amphi__process_reap(amphi_process *process, amphi_process_end *end)
{
    end->signal = 0;
    end->exit_code = -1;
    siginfo_t info;
    if (process->pid > 0) {
        int rc = wait_for(process, &info, WEXITED | WNOHANG);
        if (rc == 0 && info.si_pid == 0)
            return false;
        if (rc == 0 && info.si_code == CLD_EXITED) {
            end->exit_code = info.si_status;
        } else if (rc == 0) {
            end->signal = info.si_status;
        } /* else: the app ignores SIGCHLD or reaped it; it is gone all the same */
    }
    amphi__process_abandon(process);
    return true;
}

void amphi__process_abandon(amphi_process *process)
{
    if (process->pidfd >= 0)
        close(process->pidfd);
    process->pid = 0;
    process->pidfd = -1;
}

const char *amphi__signal_name(int number, char scratch[24])
{
    static const char *const names[] = {
        [SIGHUP] = "SIGHUP",
        [SIGINT] = "SIGINT",
        [SIGQUIT] = "SIGQUIT",
        [SIGILL] = "SIGILL",
        [SIGTRAP] = "SIGTRAP",
        [SIGABRT] = "SIGABRT",
        [SIGBUS] = "SIGBUS",
        [SIGFPE] = "SIGFPE",
        [SIGKILL] = "SIGKILL",
        [SIGUSR1] = "SIGUSR1",
        [SIGSEGV] = "SIGSEGV",
        [SIGUSR2] = "SIGUSR2",
        [SIGPIPE] = "SIGPIPE",
        [SIGALRM] = "SIGALRM",
        [SIGTERM] = "SIGTERM",
        [SIGXCPU] = "SIGXCPU",
        [SIGSYS] = "SIGSYS",
    };
    if (number > 0 && (size_t)number < sizeof names / sizeof names[0] && names[number] != NULL)
        return names[number];
    snprintf(scratch, 24, "signal %d", number);
    return scratch;
}

bool amphi__signal_is_reported(int number)
{
    static const int fatal_signals[] = AMPHI_DEATH_SIGNALS;
    for (size_t i = 0; i < sizeof fatal_signals / sizeof fatal_signals[0]; i++)
        if (fatal_signals[i] == number)
            return true;
    return false;
}
