/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker process: attach to the shared memory, enter the cage, say hello, describe the model
 * file, then serve requests one after the other until the parent kills it or goes away.
 */
#include "local/engine/model_summary.h"
#include "local/worker/cage.h"
#include "local/worker/event_writer.h"
#include "local/worker/fatal_signals.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct worker {
    amphi_worker_control *control;
    amphi_ring requests;
    amphi_event_writer writer;
    uint64_t model_bytes;
    uint8_t *request; /* being served: AMPHI_WORKER_REQUESTS_BYTES */
    amphi_inference_sink sink;
    amphi_inference inference;
    amphi_memory_need need;
} worker;

static bool attach(worker *w)
{
    uint8_t *memory = mmap(NULL, AMPHI_WORKER_SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
        AMPHI_WORKER_FD_SHARED, 0);
    struct stat model;
    if (memory == MAP_FAILED || fstat(AMPHI_WORKER_FD_MODEL, &model) != 0)
        return false;
    w->control = (amphi_worker_control *)memory;
    w->model_bytes = (uint64_t)model.st_size;
    amphi__ring_init(&w->requests, &w->control->requests, memory + AMPHI_WORKER_CONTROL_BYTES,
        AMPHI_WORKER_REQUESTS_BYTES);
    w->writer.control = w->control;
    amphi__ring_init(&w->writer.events, &w->control->events,
        memory + AMPHI_WORKER_CONTROL_BYTES + AMPHI_WORKER_REQUESTS_BYTES,
        AMPHI_WORKER_EVENTS_BYTES);
    close(AMPHI_WORKER_FD_SHARED);
    return w->control->magic == AMPHI_WORKER_MAGIC && w->control->version == AMPHI_WORKER_VERSION;
}

static void send_event(worker *w, amphi_worker_event kind, const void *data, size_t size)
{
    amphi__event_write(&w->writer, kind, data, size, amphi_str_make(NULL, 0));
}

static void describe(worker *w)
{
    amphi_error error;
    amphi_model_summary summary;
    amphi_status status = amphi__gguf_open_fd(&w->inference.gguf, AMPHI_WORKER_FD_MODEL, &error);
    close(AMPHI_WORKER_FD_MODEL);
    if (status == AMPHI_OK)
        status = amphi__model_summary_read(&summary, w->inference.gguf, &error);
    amphi_worker_described described = {.status = (uint32_t)status};
    if (status != AMPHI_OK) {
        amphi__str_copy_to(
            described.message, sizeof described.message, amphi_str_from(error.message));
    } else {
        w->need = summary.need;
        described.context_tokens_max = summary.need.context_tokens_max;
        described.weights_bytes = summary.need.weights_bytes;
        described.kv_bytes_per_token = summary.need.kv_bytes_per_token;
        described.scratch_bytes = summary.need.scratch_bytes;
        described.has_tools = summary.has_tools;
        described.scope = (uint32_t)summary.scope;
        snprintf(described.family, sizeof described.family, "%s", summary.need.family);
        snprintf(described.name, sizeof described.name, "%s", summary.name);
    }
    send_event(w, AMPHI_WORKER_DESCRIBED, &described, sizeof described);
}

/* The next request into w->request; its kind. */
static uint32_t wait_request(worker *w)
{
    for (;;) {
        uint32_t kind = 0;
        size_t size = 0;
        amphi_status status =
            amphi__ring_read(&w->requests, &kind, w->request, AMPHI_WORKER_REQUESTS_BYTES, &size);
        if (status == AMPHI_OK)
            return kind;
        if (status != AMPHI_E_NOT_FOUND)
            _exit(3); /* the parent never does that: our memory is broken */
        struct pollfd wake = {.fd = AMPHI_WORKER_FD_WAKE, .events = POLLIN};
        poll(&wake, 1, -1);
        uint64_t count = 0;
        ssize_t ignored = read(AMPHI_WORKER_FD_WAKE, &count, sizeof count);
        (void)ignored;
    }
}

static void serve_load(worker *w)
{
    amphi_worker_load load;
    memcpy(&load, w->request, sizeof load);
    const amphi_inference_load_options options = {.threads = load.threads,
        .context_tokens_max = load.context_tokens_max,
        .plain_kernels = load.plain_kernels != 0};
    amphi__cage_limit_memory(amphi__inference_memory_bound(w->inference.gguf, &w->need, &options));
    amphi_error error;
    amphi__error_clear(&error);
    amphi_status status = amphi__inference_load(&w->inference, &options, NULL, &error);
    amphi_worker_ready ready = {.status = (uint32_t)status};
    if (status != AMPHI_OK) { /* the parent ends us after this: nothing to free */
        amphi__str_copy_to(ready.message, sizeof ready.message, amphi_str_from(error.message));
    } else {
        ready.context_tokens = amphi__llm_context_size(w->inference.llm);
        snprintf(ready.kernels, sizeof ready.kernels, "%s", amphi__llm_kernels(w->inference.llm));
    }
    send_event(w, AMPHI_WORKER_READY, &ready, sizeof ready);
}

static void serve_generate(worker *w)
{
    amphi_worker_generate generate;
    memcpy(&generate, w->request, sizeof generate);
    const char *bytes = (const char *)w->request + sizeof generate;
    const amphi_inference_request request = {.body = amphi_str_make(bytes, generate.body_size),
        .prefix = amphi_str_make(bytes + generate.body_size, generate.prefix_size),
        .tokens_per_second_max = generate.tokens_per_second_max,
        .now_s = generate.now_s,
        .cancel = {&w->control->cancel_run, generate.run},
        .judge_tokens = generate.judge_tokens,
        .state_depths = (uint8_t)generate.state_depths};
    w->writer.run = generate.run;
    amphi_inference_result result;
    amphi_error error;
    amphi_status status = amphi__inference_generate(&w->inference, &request, &result, &error);
    if (status == AMPHI_OK) {
        const amphi_worker_usage usage = {.run = generate.run,
            .prompt_tokens = result.usage.prompt_tokens,
            .completion_tokens = result.usage.completion_tokens,
            .cached_tokens = result.usage.cached_tokens};
        const amphi_worker_finish finish = {.run = generate.run, .finish = (uint32_t)result.finish};
        send_event(w, AMPHI_WORKER_USAGE, &usage, sizeof usage);
        send_event(w, AMPHI_WORKER_FINISH, &finish, sizeof finish);
    } else {
        amphi_worker_fail fail = {.run = generate.run,
            .status = (uint32_t)status,
            .prefix_refused = result.prefix_refused};
        amphi__str_copy_to(fail.message, sizeof fail.message, amphi_str_from(error.message));
        send_event(w, AMPHI_WORKER_FAIL, &fail, sizeof fail);
    }
}

static void serve_count(worker *w)
{
    amphi_worker_count count;
    memcpy(&count, w->request, sizeof count);
    amphi_worker_counted counted = {.id = count.id};
    counted.status = (uint32_t)amphi__inference_count_tokens(&w->inference,
        amphi_str_make((const char *)w->request + sizeof count, count.body_size), count.now_s,
        &counted.tokens, NULL);
    send_event(w, AMPHI_WORKER_COUNTED, &counted, sizeof counted);
}

static void serve(worker *w)
{
    for (;;) {
        switch (wait_request(w)) {
        case AMPHI_REQUEST_LOAD:
            serve_load(w);
            break;
        case AMPHI_REQUEST_GENERATE:
            serve_generate(w);
            break;
        case AMPHI_REQUEST_COUNT:
            serve_count(w);
            break;
        default:
            _exit(3);
        }
        atomic_store(&w->control->phase, AMPHI_PHASE_IDLE);
    }
}

int main(int argc, char **argv)
{
    static worker w;
    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return amphi__cage_check();
    if (!attach(&w)) {
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
    amphi__fatal_signals_install();
    const amphi_worker_hello hello = {.magic = AMPHI_WORKER_MAGIC,
        .version = AMPHI_WORKER_VERSION,
        .cage_missing = amphi__cage_enter(w.control->parent_pid, w.model_bytes)};
    send_event(&w, AMPHI_WORKER_HELLO, &hello, sizeof hello);
    w.request = amphi__alloc(AMPHI_WORKER_REQUESTS_BYTES);
    if (w.request == NULL)
        _exit(3);
    w.sink = amphi__event_writer_sink(&w.writer);
    w.inference.sink = &w.sink;
    describe(&w);
    serve(&w);
    return 0;
}
