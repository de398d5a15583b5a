/* SPDX-License-Identifier: Apache-2.0
 *
 * `amphi-worker --check`: enters the cage and tries to get out, one process for each way, and
 * prints what held. For people who want to know what their kernel or container gives, and for the
 * test of the cage.
 */
#include "local/worker/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each returns true when it got out. */
static bool try_open(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool try_create(void)
{
    char path[] = "/tmp/amphi-worker-check-XXXXXX";
    bool made = mkstemp(path) >= 0;
    if (made)
        unlink(path);
    return made;
}

static bool try_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool try_exec(void)
{
    char name[] = "true";
    char *arguments[] = {name, NULL};
    execv("/bin/true", arguments);
    return errno == ENOENT;
}

static bool try_fork(void)
{
    return fork() >= 0;
}

static bool try_signal(void)
{
    return kill(getppid(), 0) == 0;
}

/* A death that would look as if another process had caused it; SIGCONT stands for SIGKILL, which
 * would hide the result. */
static bool try_signal_itself(void)
{
    return syscall(SYS_tgkill, getpid(), gettid(), SIGCONT) == 0;
}

static bool try_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static bool try_memory(void)
{
    return mmap(NULL, (size_t)1 << 38, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

/* The cage's other side: what the worker must still be able to do. */
static bool try_compute(void)
{
    void *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED && munmap(memory, 1 << 20) == 0;
}

static const struct attempt {
    const char *name;
    bool (*run)(void);
} attempts[] = {
    {"open a file", try_open},
    {"create a file", try_create},
    {"make a socket", try_socket},
    {"start a program", try_exec},
    {"fork", try_fork},
    {"signal the app", try_signal},
    {"feign a kill", try_signal_itself},
    {"map code", try_code},
    {"take 256 GiB", try_memory},
};

/* In a process of its own: some ways out are answered with death. */
static bool held(bool (*run)(void))
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        amphi__cage_enter(parent, 0);
        _exit(run() ? 1 : 0);
    }
    int state = 0;
    return pid > 0 && waitpid(pid, &state, 0) == pid &&
           (WIFSIGNALED(state) || (WIFEXITED(state) && WEXITSTATUS(state) == 0));
}

int amphi__cage_check(void)
{
    int out = 0;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        bool good = held(attempts[i].run);

        printf("%-16s %s\n", attempts[i].name, good ? "refused" : "POSSIBLE");
        out += !good;
    }
    if (held(try_compute)) { /* "held": refused, or killed */
        printf("%-16s %s\n", "compute", "REFUSED");
        out++;
    } else {
        printf("%-16s %s\n", "compute", "possible");
    }
    return out == 0 ? 0 : 1;
}
