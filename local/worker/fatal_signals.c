/* SPDX-License-Identifier: Apache-2.0
 *
 * The handler of fatal signals. Tearing down a gigabyte of pages takes the kernel tens of
 * milliseconds before the parent sees the death; this handler reports it in microseconds, on a
 * stack of its own (the fault may be a stack overflow), with async-signal-safe calls only. The
 * report names the sender of the signal: a fault is the model's crash, a kill(1) is not. Then the
 * signal kills as it would have.
 */
#include "local/worker/fatal_signals.h"

#include "local/worker/protocol.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const int fatal_signals[] = AMPHI_DEATH_SIGNALS;

static alignas(16) uint8_t handler_stack[64 << 10];
static atomic_flag has_reported = ATOMIC_FLAG_INIT;

/* Sent by kill, sigqueue or tgkill, and not by this process (abort and raise are tgkill). The
 * kernel's own codes are above zero. */
static bool is_foreign(const siginfo_t *info)
{
    return (info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL) &&
           info->si_pid != getpid();
}

static void report_and_die(int number, siginfo_t *info, void *context)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    uint64_t value = (uint64_t)number;
    (void)context;
    if (is_foreign(info))
        value |= AMPHI_DEATH_FOREIGN | (uint64_t)(uint32_t)info->si_pid << AMPHI_DEATH_SENDER_SHIFT;
    ssize_t ignored = 0;
    if (atomic_flag_test_and_set(&has_reported))
        nanosleep(
            &moment, NULL); /* two threads faulted at once: an eventfd would add their numbers */
    else
        ignored = write(AMPHI_WORKER_FD_DEATH, &value, sizeof value);
    (void)ignored;
    /* SA_RESETHAND restored the default. Raised anew rather than by returning: the signal may have
     * been sent from outside, and then no faulting instruction would raise it again. */
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
    _exit(128 + number);
}

void amphi__fatal_signals_install(void)
{
    const stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    sigaltstack(&stack, NULL);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = report_and_die;
    action.sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
    sigfillset(&action.sa_mask);
    sigset_t fatal;
    sigemptyset(&fatal);
    for (size_t i = 0; i < sizeof fatal_signals / sizeof fatal_signals[0]; i++) {
        sigdelset(&action.sa_mask, fatal_signals[i]);
        sigaddset(&fatal, fatal_signals[i]);
    }
    for (size_t i = 0; i < sizeof fatal_signals / sizeof fatal_signals[0]; i++)
        sigaction(fatal_signals[i], &action, NULL);
    sigprocmask(SIG_UNBLOCK, &fatal, NULL); /* spawn.c blocked them */
}
