/* SPDX-License-Identifier: Apache-2.0
 *
 * A fatal signal's last words. Tearing down a gigabyte of pages takes the kernel tens of
 * milliseconds before the parent hears of the death; this handler tells it in microseconds, on a
 * stack of its own (the fault may be a stack overflow), with async-signal-safe calls only. Then
 * the signal kills as it would have.
 */
#include "local/worker/child.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS, SIGTRAP};

static alignas(16) uint8_t handler_stack[64 << 10];

static void last_words(int number)
{
    const uint64_t value = (uint64_t)number;
    ssize_t ignored = write(AMPHI_WORKER_FD_DEATH, &value, sizeof value);

    (void)ignored;
    /* SA_RESETHAND restored the default. Raised anew rather than by returning: the signal may have
     * been sent from outside, and then no faulting instruction would raise it again. */
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
    _exit(128 + number);
}

void amphi__child_signals(void)
{
    const stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    struct sigaction action;

    sigaltstack(&stack, NULL);
    memset(&action, 0, sizeof action);
    action.sa_handler = last_words;
    action.sa_flags = SA_ONSTACK | SA_RESETHAND | SA_NODEFER;
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof fatal_signals / sizeof fatal_signals[0]; i++) {
        sigdelset(&action.sa_mask, fatal_signals[i]);
    }
    for (size_t i = 0; i < sizeof fatal_signals / sizeof fatal_signals[0]; i++) {
        sigaction(fatal_signals[i], &action, NULL);
    }
}
