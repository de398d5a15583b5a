/* SPDX-License-Identifier: Apache-2.0
 *
 * The server of preload.h, and the names of crashes. Its orders come on descriptor 198, its reports
 * go to 199. A process that was not started as a server runs on with nothing but the names.
 */
#include "preload.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ORDERS_FD = 198, REPORTS_FD = 199, FRAMES_MAX = 24 };

static fault_state alone; /* of a process that is no copy of a server */
fault_state *fault = &alone;

bool fault_memory_fails(void)
{
    if (!atomic_load_explicit(&fault->is_armed, memory_order_relaxed))
        return false;
    uint32_t number = atomic_fetch_add(&fault->memory_calls, 1) + 1;
    if (fault->order.memory_first == 0 || number < fault->order.memory_first ||
        number > fault->order.memory_last)
        return false;
    atomic_fetch_add(&fault->fired, 1);
    errno = ENOMEM;
    return true;
}

void fault_note_first(atomic_uint *place)
{
    uint32_t none = 0;
    atomic_compare_exchange_strong(place, &none, atomic_load(&fault->memory_calls));
}

int fault_file_fails(uint32_t kind)
{
    if ((fault->order.file_kinds & kind) == 0 || !atomic_load(&fault->is_armed))
        return 0;
    uint32_t number = atomic_fetch_add(&fault->file_calls, 1) + 1;
    if (fault->order.file_first == 0 || number < fault->order.file_first ||
        number > fault->order.file_last)
        return 0;
    atomic_fetch_add(&fault->fired, 1);
    if (fault->order.file_fault == FAULT_KILL)
        kill(getpid(), SIGKILL);
    return fault->order.file_fault;
}

/* ---- Names of crashes ---- */

/* The frames into ./crash, without an allocation; then the signal takes its course. */
static void name_crash(int number)
{
    void *frames[FRAMES_MAX];
    atomic_store(&fault->is_armed, 0);
    int count = backtrace(frames, FRAMES_MAX);
    int fd =
        (int)syscall(SYS_openat, AT_FDCWD, "crash", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0) {
        backtrace_symbols_fd(frames, count, fd);
        syscall(SYS_close, fd);
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void watch_for_crashes(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    struct sigaction action;
    void *frame[1];
    backtrace(frame, 1); /* loads what it needs, now */
    memset(&action, 0, sizeof action);
    action.sa_handler = name_crash;
    action.sa_flags = SA_NODEFER;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
}

/* ---- The server ---- */

static bool move_to_file(const char *path, int to)
{
    int fd = (int)syscall(
        SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    bool done = fd >= 0 && dup2(fd, to) == to;
    if (fd >= 0 && fd != to)
        syscall(SYS_close, fd);
    return done;
}

static void become_run(void)
{
    const struct rlimit none = {0, 0};
    syscall(SYS_close, ORDERS_FD);
    syscall(SYS_close, REPORTS_FD);
    setrlimit(RLIMIT_CORE, &none);
    if (chdir(fault->order.folder) != 0 || !move_to_file("out", STDOUT_FILENO) ||
        !move_to_file("err", STDERR_FILENO))
        _exit(125);
    if (fault->order.is_traced)
        fault_trace_begin();
    atomic_store(&fault->is_armed, 1);
}

static int64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* Waits for the copy's end, or ends it when its time has come. */
static void await_end(pid_t pid, fault_report *report)
{
    const fault_order *order = &fault->order;
    int64_t limit_us =
        order->kill_after_us > 0 ? order->kill_after_us : (int64_t)order->timeout_ms * 1000;
    int64_t until = now_us() + limit_us;
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    int ready = 0;
    while (ready == 0) {
        int64_t left = until - now_us();
        struct timespec time = {left / 1000000, left % 1000000 * 1000};
        if (left <= 0)
            break;
        ready = ppoll(&ended, 1, &time, NULL);
    }
    if (ready == 0) {
        report->is_hung = order->kill_after_us == 0;
        kill(pid, SIGKILL);
    }
    syscall(SYS_close, ended.fd);
    waitpid(pid, &report->status, 0);
}

static bool read_order(void)
{
    char *at = (char *)&fault->order;
    size_t left = sizeof fault->order;
    while (left > 0) {
        ssize_t got = syscall(SYS_read, ORDERS_FD, at, left);
        if (got <= 0)
            return false;
        at += got;
        left -= (size_t)got;
    }
    return true;
}

static void serve(void)
{
    while (read_order()) {
        fault_report report = {0};
        atomic_store(&fault->memory_calls, 0);
        atomic_store(&fault->file_calls, 0);
        atomic_store(&fault->fired, 0);
        atomic_store(&fault->before_log, 0);
        atomic_store(&fault->before_curl, 0);
        atomic_store(&fault->after_curl, 0);
        pid_t pid = fork();
        if (pid == 0) {
            become_run();
            return; /* to main() */
        }
        await_end(pid, &report);
        atomic_store(&fault->is_armed, 0);
        report.memory_calls = atomic_load(&fault->memory_calls);
        report.file_calls = atomic_load(&fault->file_calls);
        report.fired = atomic_load(&fault->fired);
        report.before_log = atomic_load(&fault->before_log);
        report.before_curl = atomic_load(&fault->before_curl);
        report.after_curl = atomic_load(&fault->after_curl);
        if (syscall(SYS_write, REPORTS_FD, &report, sizeof report) != (long)sizeof report)
            break;
    }
    _exit(0);
}

/* AMPHI_FAULT=serve: a server. Else only crashes are named. What a library allocates before main()
 * is not counted: it is the dynamic linker's and those libraries' own affair. */
__attribute__((constructor)) static void begin(void)
{
    const char *what = getenv("AMPHI_FAULT");
    unsetenv("LD_PRELOAD"); /* not for the programs that it starts */
    watch_for_crashes();
    if (what != NULL && strcmp(what, "serve") == 0) {
        void *shared =
            mmap(NULL, sizeof *fault, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED)
            _exit(126);
        fault = shared;
        serve();
    }
}
