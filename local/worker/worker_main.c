/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine process: attach to the shared memory, enter the cage, say hello, describe the model
 * file, then serve requests one after the other until the parent kills us or goes away.
 */
#include "local/engine/engine.h"

#include "sdk/core/alloc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Waits while the ring is full. */
static void send_through_ring(
    amphi_child *child, amphi_worker_event kind, const void *data, size_t size, amphi_str more)
{
    const amphi_str parts[] = {amphi_str_make(data, size), more};
    const struct timespec pause = {.tv_nsec = 1000000};
    const uint64_t one = 1;
    ssize_t ignored = 0;

    while (amphi__ring_write(&child->events, kind, parts, 2) == AMPHI_E_BUSY)
        nanosleep(&pause, NULL); /* the parent reads all the time: this is rare */
    ignored = write(AMPHI_WORKER_FD_EVENTS, &one, sizeof one);
    (void)ignored; /* a full counter wakes as well */
}

static bool attach(amphi_child *child)
{
    struct stat model;
    uint8_t *memory = mmap(NULL, AMPHI_WORKER_SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
        AMPHI_WORKER_FD_SHARED, 0);

    if (memory == MAP_FAILED || fstat(AMPHI_WORKER_FD_MODEL, &model) != 0)
        return false;
    child->control = (amphi_worker_control *)memory;
    child->file_size = (uint64_t)model.st_size;
    amphi__ring_init(&child->requests, &child->control->requests,
        memory + AMPHI_WORKER_CONTROL_BYTES, AMPHI_WORKER_REQUESTS_BYTES);
    amphi__ring_init(&child->events, &child->control->events,
        memory + AMPHI_WORKER_CONTROL_BYTES + AMPHI_WORKER_REQUESTS_BYTES,
        AMPHI_WORKER_EVENTS_BYTES);
    close(AMPHI_WORKER_FD_SHARED);
    return child->control->magic == AMPHI_WORKER_MAGIC &&
           child->control->version == AMPHI_WORKER_VERSION;
}

/* The next request into child->request; its kind. */
static uint32_t wait_request(amphi_child *child)
{
    for (;;) {
        struct pollfd wake = {.fd = AMPHI_WORKER_FD_WAKE, .events = POLLIN};
        uint32_t kind = 0;
        uint64_t count = 0;
        ssize_t ignored = 0;
        amphi_status status = amphi__ring_read(&child->requests, &kind, child->request,
            AMPHI_WORKER_REQUESTS_BYTES, &child->request_size);

        if (status == AMPHI_OK)
            return kind;
        if (status != AMPHI_E_NOT_FOUND)
            _exit(3); /* the parent never does that: our memory is broken */
        poll(&wake, 1, -1);
        ignored = read(AMPHI_WORKER_FD_WAKE, &count, sizeof count);
        (void)ignored;
    }
}

static void serve_generate(amphi_child *child)
{
    amphi_worker_generate generate;
    const char *bytes = (const char *)child->request + sizeof generate;

    memcpy(&generate, child->request, sizeof generate);
    amphi__child_generate(child, &generate, amphi_str_make(bytes, generate.body_size),
        amphi_str_make(bytes + generate.body_size, generate.prefix_size));
}

static void serve_count(amphi_child *child)
{
    amphi_worker_count count;

    memcpy(&count, child->request, sizeof count);
    amphi__child_count(child, &count,
        amphi_str_make((const char *)child->request + sizeof count, count.body_size));
}

static void serve(amphi_child *child)
{
    for (;;) {
        switch (wait_request(child)) {
        case AMPHI_REQUEST_LOAD:
            amphi__child_load(child, (const amphi_worker_load *)(const void *)child->request);
            break;
        case AMPHI_REQUEST_GENERATE:
            serve_generate(child);
            break;
        case AMPHI_REQUEST_COUNT:
            serve_count(child);
            break;
        default:
            _exit(3);
        }
        atomic_store(&child->control->phase, AMPHI_PHASE_IDLE);
    }
}

int main(int argc, char **argv)
{
    static amphi_child child;
    amphi_worker_hello hello = {.magic = AMPHI_WORKER_MAGIC, .version = AMPHI_WORKER_VERSION};

    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return amphi__child_check();
    if (!attach(&child)) {
        static const char text[] = "amphi-worker is started by the Amphi library, not by hand; "
                                   "amphi-worker --check tries its cage.\n";
        ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);

        (void)ignored;
        return 2;
    }
#if !defined(__GLIBC__) || !__GLIBC_PREREQ(2, 34)
    for (int fd = AMPHI_WORKER_FD_END; fd < 4096; fd++) /* where posix_spawn can't */
        close(fd);
#endif
    child.send = send_through_ring;
    child.bound_memory = amphi__child_cage_memory;
    amphi__child_signals();
    hello.cage_missing = amphi__child_cage(child.control, child.file_size);
    amphi__child_send(&child, AMPHI_WORKER_HELLO, &hello, sizeof hello, amphi_str_make(NULL, 0));
    child.request = amphi__alloc(AMPHI_WORKER_REQUESTS_BYTES);
    if (child.request == NULL)
        _exit(3);
    amphi__child_describe(&child);
    serve(&child);
    return 0;
}
