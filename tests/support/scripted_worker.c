/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine process of scripted_worker.h.
 */
#include "tests/support/scripted_worker.h"

#include "local/local.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

void scripted_wake(void)
{
    const uint64_t one = 1;
    ssize_t ignored = write(AMPHI_WORKER_FD_EVENTS, &one, sizeof one);

    (void)ignored;
}

void scripted_send(scripted_worker *worker, uint32_t kind, const void *data, size_t size)
{
    const amphi_str part = amphi_str_make(data, size);

    while (amphi__ring_write(&worker->events, kind, &part, 1) == AMPHI_E_BUSY)
        usleep(500);
    scripted_wake();
}

void scripted_text(scripted_worker *worker, uint32_t run, const char *text)
{
    uint8_t data[1024];
    size_t size = strlen(text);

    size = size > sizeof data - sizeof run ? sizeof data - sizeof run : size;
    memcpy(data, &run, sizeof run);
    memcpy(data + sizeof run, text, size);
    atomic_fetch_add(&worker->control->heartbeat, 1);
    scripted_send(worker, AMPHI_WORKER_TEXT, data, sizeof run + size);
}

void scripted_finish(scripted_worker *worker, uint32_t run, uint32_t finish)
{
    const amphi_worker_finish message = {.run = run, .finish = finish};

    scripted_send(worker, AMPHI_WORKER_FINISH, &message, sizeof message);
}

uint32_t scripted_wait(scripted_worker *worker)
{
    struct pollfd wake = {.fd = AMPHI_WORKER_FD_WAKE, .events = POLLIN};
    uint32_t kind = 0;
    uint64_t count = 0;

    while (amphi__ring_read(&worker->requests, &kind, worker->request, AMPHI_WORKER_REQUESTS_BYTES,
               &worker->request_size) != AMPHI_OK) {
        ssize_t ignored = 0;

        poll(&wake, 1, -1);
        ignored = read(AMPHI_WORKER_FD_WAKE, &count, sizeof count);
        (void)ignored;
    }
    return kind;
}

static void usual_hello(scripted_worker *worker)
{
    const amphi_worker_hello hello = {.magic = AMPHI_WORKER_MAGIC, .version = AMPHI_WORKER_VERSION};

    scripted_send(worker, AMPHI_WORKER_HELLO, &hello, sizeof hello);
}

static void usual_described(scripted_worker *worker)
{
    const amphi_worker_described described = {.context_tokens_max = 2048,
        .weights_bytes = 1 << 20,
        .kv_bytes_per_token = 1024,
        .scratch_bytes = 1 << 16,
        .family = "script",
        .name = "scripted"};

    scripted_send(worker, AMPHI_WORKER_DESCRIBED, &described, sizeof described);
}

static void usual_ready(scripted_worker *worker)
{
    const amphi_worker_ready ready = {.context_tokens = 2048, .kernels = "none"};

    scripted_send(worker, AMPHI_WORKER_READY, &ready, sizeof ready);
}

/* Ten words, then the end; stops when the run is given up. */
static void usual_run(scripted_worker *worker, uint32_t run)
{
    const amphi_worker_usage usage = {.run = run, .prompt_tokens = 5, .completion_tokens = 10};

    for (int i = 0; i < 10; i++) {
        if (atomic_load(&worker->control->cancel_run) == run) {
            const amphi_worker_fail fail = {
                .run = run, .status = AMPHI_E_CANCELLED, .message = "given up"};

            scripted_send(worker, AMPHI_WORKER_FAIL, &fail, sizeof fail);
            return;
        }
        scripted_text(worker, run, "word ");
    }
    scripted_send(worker, AMPHI_WORKER_USAGE, &usage, sizeof usage);
    scripted_finish(worker, run, AMPHI_FINISH_STOP);
}

static void usual_count(scripted_worker *worker)
{
    amphi_worker_count count;
    amphi_worker_counted counted = {.tokens = 42};

    memcpy(&count, worker->request, sizeof count);
    counted.id = count.id;
    scripted_send(worker, AMPHI_WORKER_COUNTED, &counted, sizeof counted);
}

static void play(scripted_worker *worker, const char *script, scripted_step *step)
{
    if (!step(worker, script, "hello", 0))
        usual_hello(worker);
    if (!step(worker, script, "described", 0))
        usual_described(worker);
    for (;;) {
        uint32_t kind = scripted_wait(worker);
        amphi_worker_generate generate = {0};

        if (kind == AMPHI_REQUEST_LOAD && !step(worker, script, "ready", 0)) {
            usual_ready(worker);
        } else if (kind == AMPHI_REQUEST_GENERATE) {
            memcpy(&generate, worker->request, sizeof generate);
            atomic_store(&worker->control->phase, AMPHI_PHASE_TOKEN);
            if (!step(worker, script, "run", generate.run))
                usual_run(worker, generate.run);
        } else if (kind == AMPHI_REQUEST_COUNT && !step(worker, script, "count", 0)) {
            usual_count(worker);
        }
    }
}

void scripted_worker_main(int argc, char **argv, scripted_step *step)
{
    static scripted_worker worker;
    static char script[256];
    uint8_t *memory = NULL;
    ssize_t size = 0;
    sigset_t none;

    if (argc < 1 || strcmp(argv[0], "amphi-worker") != 0)
        return;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* as the real one does once its handlers stand */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    memory = mmap(NULL, AMPHI_WORKER_SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
        AMPHI_WORKER_FD_SHARED, 0);
    size = read(AMPHI_WORKER_FD_MODEL, script, sizeof script - 1);
    worker.request = malloc(AMPHI_WORKER_REQUESTS_BYTES);
    if (memory == MAP_FAILED || size < 0 || worker.request == NULL)
        _exit(9);
    worker.control = (amphi_worker_control *)(void *)memory;
    amphi__ring_init(&worker.requests, &worker.control->requests,
        memory + AMPHI_WORKER_CONTROL_BYTES, AMPHI_WORKER_REQUESTS_BYTES);
    amphi__ring_init(&worker.events, &worker.control->events,
        memory + AMPHI_WORKER_CONTROL_BYTES + AMPHI_WORKER_REQUESTS_BYTES,
        AMPHI_WORKER_EVENTS_BYTES);
    play(&worker, script, step);
    _exit(0);
}

bool scripted_engine_new(scripted_engine *out, const char *script, unsigned stall_ms)
{
    const char *folder = getenv("TMPDIR");
    char self[512];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    amphi_local_options options;
    int fd = -1;

    memset(&options, 0, sizeof options);
    snprintf(
        out->model, sizeof out->model, "%s/amphi-script-XXXXXX", folder != NULL ? folder : "/tmp");
    fd = mkstemp(out->model);
    if (fd < 0 || size < 0 || write(fd, script, strlen(script)) != (ssize_t)strlen(script))
        return false;
    close(fd);
    options.model_path = amphi_str_from(out->model);
    options.worker_path = amphi_str_make(self, (size_t)size);
    options.limits = (amphi_local_limits){stall_ms, stall_ms, stall_ms, stall_ms};
    return amphi__local_engine_new(&out->engine, &options, NULL) == AMPHI_OK;
}

void scripted_engine_free(scripted_engine *engine)
{
    engine->engine.ops->free(engine->engine.self);
    unlink(engine->model);
}
