/* SPDX-License-Identifier: Apache-2.0
 *
 * The cage: a model file is hostile input, so the process that reads it can compute and talk to
 * its parent through memory that it already has, and nothing else. It can't open a file, make a
 * socket, start a program, read another process, gain privileges, dump core, outgrow its
 * memory limit or outlive its parent. Whatever this kernel or container does not offer is
 * reported, and the worker goes on without it.
 */
#include "local/worker/cage.h"

#include "local/worker/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What computing, threads and the rings need. Beside these: mmap, mprotect, clone, prctl,
 * prlimit64 and tgkill with bounded arguments (below). */
static const int calls_allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(pread64),
    SCMP_SYS(fstat),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(mincore),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sysinfo),
    SCMP_SYS(membarrier),
    SCMP_SYS(newfstatat), /* fstat of glibc 2.33+; shows at most that a path exists */
#ifdef __x86_64__
    SCMP_SYS(arch_prctl), /* asking for AMX tiles */
#endif
#ifdef AMPHI_SANITIZE /* a report reads its own maps and symbols */
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(ioctl),
    SCMP_SYS(getdents64),
    SCMP_SYS(uname),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
#endif
};

#ifndef AMPHI_SANITIZE
/* The worker never does these: an attempt means that hostile code runs in it. */
static const int calls_deadly[] = {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace),
    SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(bpf), SCMP_SYS(fork), SCMP_SYS(vfork)};
#endif

/* To die of what its handler reported, and of nothing else: so a SIGKILL, a SIGSTOP or a SIGTERM
 * that the parent sees did come from outside. */
static int allow_own_end(scmp_filter_ctx filter)
{
    static const int fatal_signals[] = AMPHI_DEATH_SIGNALS;
    int rc = 0;
    for (size_t i = 0; i < sizeof fatal_signals / sizeof fatal_signals[0] && rc == 0; i++) {
        const struct scmp_arg_cmp bounds[] = {SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()),
            SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)fatal_signals[i])};

        rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2, bounds);
    }
    return rc;
}

static int allow_bounded(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp thread =
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
    const struct scmp_arg_cmp set_name = SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME);
    const struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, 0);
    int rc = 0;
    rc = rc != 0
             ? rc
             : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &not_executable);
    rc = rc != 0 ? rc
                 : seccomp_rule_add_array(
                       filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &not_executable);
    rc = rc != 0 ? rc : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &thread);
    /* clone3's flags lie in memory, where no filter can see them; glibc then takes clone. */
    rc = rc != 0
             ? rc
             : seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, NULL);
    rc = rc != 0 ? rc
                 : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, &set_name);
    rc = rc != 0 ? rc
                 : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, &self);
    rc = rc != 0 ? rc : allow_own_end(filter);
#ifdef AMPHI_SANITIZE
    const struct scmp_arg_cmp read_only =
        SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY);

    rc = rc != 0 ? rc
                 : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, &read_only);
#endif
    return rc;
}

static bool seccomp_on(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter == NULL ? -1 : 0;
    for (size_t i = 0; i < sizeof calls_allowed / sizeof calls_allowed[0] && rc == 0; i++)
        if (calls_allowed[i] >= 0) /* negative: this architecture has no such call */
            rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, calls_allowed[i], 0, NULL);
#ifndef AMPHI_SANITIZE
    for (size_t i = 0; i < sizeof calls_deadly / sizeof calls_deadly[0] && rc == 0; i++)
        if (calls_deadly[i] >= 0)
            rc = seccomp_rule_add_array(filter, SCMP_ACT_KILL_PROCESS, calls_deadly[i], 0, NULL);
#endif
    rc = rc != 0 ? rc : allow_bounded(filter);
    rc = rc != 0 ? rc : seccomp_load(filter);
    if (filter != NULL)
        seccomp_release(filter);
    return rc == 0;
}

static bool limit(int resource, uint64_t value)
{
    const struct rlimit bound = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};
    return setrlimit(resource, &bound) == 0;
}

static bool limit_memory(uint64_t bytes)
{
#ifdef AMPHI_SANITIZE
    return false; /* a sanitizer's shadow is larger than any limit */
#else
    return limit(RLIMIT_AS, bytes);
#endif
}

void amphi__cage_limit_memory(uint64_t bytes)
{
    (void)limit_memory(bytes);
}

/* When memory runs out, the kernel kills the worker before the app. */
static bool oom_score(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, "800", 3) == 3;
    if (fd >= 0)
        close(fd);
    return done;
}

/* The worker of an app that runs as root (a server in a container) has no capabilities either,
 * above all where seccomp is missing. A process without any has nothing to give up: it can't
 * fail. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
    memset(none, 0, sizeof none);
    (void)syscall(SYS_capset, &header, none);
}

uint32_t amphi__cage_enter(pid_t parent, uint64_t model_bytes)
{
    /* What the model needs is known once its header was read: a generous first bound. */
    const uint64_t memory_bytes = model_bytes * 3 + ((uint64_t)16 << 30);
    int ignored = chdir("/"); /* so that no folder is kept busy */

    (void)ignored;
    uint32_t missing = 0;
    missing |= oom_score() ? 0 : AMPHI_CAGE_OOM_SCORE;
    missing |= prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 ? 0 : AMPHI_CAGE_DEATH_SIGNAL;
    if (getppid() != parent)
        _exit(0); /* it died before the request above */
    missing |= limit(RLIMIT_CORE, 0) ? 0 : AMPHI_CAGE_CORE_LIMIT;
    missing |= limit_memory(memory_bytes) ? 0 : AMPHI_CAGE_MEMORY_LIMIT;
#ifdef AMPHI_SANITIZE
    missing |= limit(RLIMIT_NOFILE, 64) ? 0 : AMPHI_CAGE_FILES_LIMIT;
#else
    missing |= limit(RLIMIT_NOFILE, AMPHI_WORKER_FD_END) ? 0 : AMPHI_CAGE_FILES_LIMIT;
#endif
    missing |= prctl(PR_SET_DUMPABLE, 0) == 0 ? 0 : AMPHI_CAGE_NOT_DUMPABLE;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        drop_capabilities();
    else /* then seccomp needs one of them */
        missing |= AMPHI_CAGE_NO_NEW_PRIVS;
    missing |= seccomp_on() ? 0 : AMPHI_CAGE_SECCOMP;
    return missing;
}
