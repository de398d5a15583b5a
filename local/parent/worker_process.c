/* SPDX-License-Identifier: Apache-2.0
 *
 * One engine process as the parent sees it, and the check of its messages: amphi__worker_receive
 * hands out only messages whose kind, size and every field lie within what protocol.h allows,
 * strings terminated and whole UTF-8. What remains, whether a message fits the state, is checked by
 * the supervisor.
 */
#include "local/parent/worker_process.h"

#include "local/text/logprobs_record.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <amphi/ext/engine.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

void amphi__worker_init(amphi_worker *worker)
{
    memset(worker, 0, sizeof *worker);
    worker->process.pidfd = -1;
    worker->wake_fd = -1;
    worker->events_fd = -1;
    worker->death_fd = -1;
}

/* A memfd whose size is sealed: else the worker could shrink it and have the parent die of
 * SIGBUS. */
static int shared_new(amphi_worker_control **control)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    int fd = memfd_create("amphi-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    void *memory = MAP_FAILED;
    if (ftruncate(fd, AMPHI_WORKER_SHARED_BYTES) == 0 && fcntl(fd, F_ADD_SEALS, seals) == 0)
        memory = mmap(NULL, AMPHI_WORKER_SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    *control = memory;
    return fd;
}

static void control_fill(amphi_worker *worker)
{
    amphi_worker_control *control = worker->control;
    uint8_t *rings = (uint8_t *)control + AMPHI_WORKER_CONTROL_BYTES;
    control->magic = AMPHI_WORKER_MAGIC;
    control->version = AMPHI_WORKER_VERSION;
    control->parent_pid = (int32_t)getpid();
    amphi__ring_init(&worker->requests, &control->requests, rings, AMPHI_WORKER_REQUESTS_BYTES);
    amphi__ring_init(&worker->events, &control->events, rings + AMPHI_WORKER_REQUESTS_BYTES,
        AMPHI_WORKER_EVENTS_BYTES);
}

amphi_status amphi__worker_start(
    amphi_worker *worker, const char *path, int model_fd, amphi_error *error)
{
    amphi__worker_init(worker);
    int shared = shared_new(&worker->control);
    worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->events_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->death_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    amphi_status status = AMPHI_OK;
    if (shared < 0 || worker->wake_fd < 0 || worker->events_fd < 0 || worker->death_fd < 0) {
        status = amphi__fail(error, AMPHI_E_IO, errno,
            "can't make shared memory for the engine process (error %d)", errno);
    } else {
        const int fds[] = {shared, worker->wake_fd, worker->events_fd, worker->death_fd, model_fd};

        control_fill(worker);
        status = amphi__process_spawn(&worker->process, path, fds, error);
    }
    if (shared >= 0)
        close(shared);
    amphi_process none;
    if (status != AMPHI_OK)
        amphi__worker_clear(worker, &none);
    return status;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void amphi__worker_clear(amphi_worker *worker, amphi_process *process)
{
    *process = worker->process;
    if (worker->control != NULL)
        munmap(worker->control, AMPHI_WORKER_SHARED_BYTES);
    close_fd(&worker->wake_fd);
    close_fd(&worker->events_fd);
    close_fd(&worker->death_fd);
    amphi__worker_init(worker);
}

amphi_status amphi__worker_send(
    amphi_worker *worker, amphi_worker_request kind, const amphi_str *parts, size_t parts_count)
{
    amphi_status status = amphi__ring_write(&worker->requests, kind, parts, parts_count);
    const uint64_t one = 1;
    if (status == AMPHI_OK && write(worker->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        return AMPHI_E_IO; /* EAGAIN: the counter is at its end, so it is awake already */
    return status;
}

void amphi__worker_cancel(amphi_worker *worker, uint32_t run)
{
    atomic_store(&worker->control->cancel_run, run);
}

amphi_death_report amphi__worker_death_report(amphi_worker *worker)
{
    amphi_death_report report = {0};
    uint64_t value = 0;
    if (read(worker->death_fd, &value, sizeof value) != (ssize_t)sizeof value)
        return report;
    report.signal = (int)(value & AMPHI_DEATH_SIGNAL_MASK);
    report.foreign = (value & AMPHI_DEATH_FOREIGN) != 0;
    uint64_t sender = value >> AMPHI_DEATH_SENDER_SHIFT;
    if ((value & ~(uint64_t)0 >> AMPHI_DEATH_SENDER_SHIFT) >
            (AMPHI_DEATH_SIGNAL_MASK | AMPHI_DEATH_FOREIGN) ||
        !amphi__signal_is_reported(report.signal) || sender > INT32_MAX ||
        (sender != 0 && !report.foreign))
        return (amphi_death_report){.signal = -1};
    report.sender_pid = (int)sender;
    return report;
}

/* ---- the border check ---- */

/* Terminates a text of the worker's and makes it fit to be shown: printable, whole UTF-8. */
static void text_clean(char *text, size_t capacity)
{
    text[capacity - 1] = '\0';
    size_t size = amphi__utf8_complete_size(amphi_str_from(text));
    text[size] = '\0';
    if (!amphi__utf8_is_valid(amphi_str_make(text, size)))
        for (size_t i = 0; i < size; i++)
            text[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = ' ';
}

static bool status_is_known(uint32_t status)
{
    return status <= (uint32_t)AMPHI_E_INTERNAL;
}

static bool hello_is_sound(const amphi_worker_hello *hello)
{
    return hello->magic == AMPHI_WORKER_MAGIC &&
           (hello->cage_missing & ~(uint32_t)AMPHI_CAGE_ALL) == 0;
}

/* Sizes that policy adds and multiplies: far below any overflow, far above any device. */
static bool described_is_sound(const amphi_worker_described *described)
{
    const uint64_t bytes_max = (uint64_t)1 << 46;
    return status_is_known(described->status) && described->weights_bytes <= bytes_max &&
           described->kv_bytes_per_token <= ((uint64_t)1 << 30) &&
           described->scratch_bytes <= bytes_max && described->context_tokens_max <= (1u << 26) &&
           described->scope <= AMPHI_SCOPE_HELP;
}

static bool ready_is_sound(const amphi_worker_ready *ready)
{
    return status_is_known(ready->status) && ready->context_tokens <= (1u << 26);
}

static bool usage_is_sound(const amphi_worker_usage *usage)
{
    return usage->prompt_tokens <= (1u << 26) && usage->completion_tokens <= (1u << 26) &&
           usage->cached_tokens <= usage->prompt_tokens;
}

/* The size that a kind must have; 0: unknown kind. */
static size_t payload_size(uint32_t kind, size_t size)
{
    switch (kind) {
    case AMPHI_WORKER_HELLO:
        return sizeof(amphi_worker_hello);
    case AMPHI_WORKER_DESCRIBED:
        return sizeof(amphi_worker_described);
    case AMPHI_WORKER_PROGRESS:
        return sizeof(amphi_worker_progress);
    case AMPHI_WORKER_READY:
        return sizeof(amphi_worker_ready);
    case AMPHI_WORKER_TEXT: /* any, but some */
    case AMPHI_WORKER_REASONING:
    case AMPHI_WORKER_TOOL_CALL:
    case AMPHI_WORKER_LOGPROBS:
        return size > sizeof(uint32_t) ? size : 0;
    case AMPHI_WORKER_STATE: /* and some values */
        return size > sizeof(amphi_worker_state) ? size : 0;
    case AMPHI_WORKER_CERTAINTY:
        return sizeof(amphi_worker_certainty);
    case AMPHI_WORKER_USAGE:
        return sizeof(amphi_worker_usage);
    case AMPHI_WORKER_FINISH:
        return sizeof(amphi_worker_finish);
    case AMPHI_WORKER_FAIL:
        return sizeof(amphi_worker_fail);
    case AMPHI_WORKER_COUNTED:
        return sizeof(amphi_worker_counted);
    default:
        return 0;
    }
}

static bool message_is_sound(amphi_worker_message *message)
{
    switch (message->kind) {
    case AMPHI_WORKER_HELLO:
        return hello_is_sound(&message->as.hello);
    case AMPHI_WORKER_DESCRIBED:
        text_clean(message->as.described.family, AMPHI_WORKER_FAMILY_MAX);
        text_clean(message->as.described.name, AMPHI_WORKER_NAME_MAX);
        text_clean(message->as.described.message, AMPHI_WORKER_MESSAGE_MAX);
        return described_is_sound(&message->as.described);
    case AMPHI_WORKER_PROGRESS:
        return message->as.progress.permille <= 1000 &&
               (message->as.progress.phase == AMPHI_PHASE_LOAD ||
                   message->as.progress.phase == AMPHI_PHASE_PREFILL);
    case AMPHI_WORKER_READY:
        text_clean(message->as.ready.kernels, AMPHI_WORKER_FAMILY_MAX);
        text_clean(message->as.ready.message, AMPHI_WORKER_MESSAGE_MAX);
        return ready_is_sound(&message->as.ready);
    case AMPHI_WORKER_TEXT:
    case AMPHI_WORKER_REASONING:
        return amphi__utf8_is_valid(message->text);
    case AMPHI_WORKER_TOOL_CALL:
        return message->text.data[0] == '[' &&
               amphi__json_check(message->text, "tool call", NULL) == AMPHI_OK;
    case AMPHI_WORKER_LOGPROBS:
        return amphi__logprobs_record_is_sound(message->text);
    case AMPHI_WORKER_STATE: /* whether it was asked for, and its values: local/judge/evidence.c */
        message->run = message->as.state.run;
        return true;
    case AMPHI_WORKER_CERTAINTY: /* likewise */
        message->run = message->as.certainty.run;
        return true;
    case AMPHI_WORKER_USAGE:
        message->run = message->as.usage.run;
        return usage_is_sound(&message->as.usage);
    case AMPHI_WORKER_FINISH:
        message->run = message->as.finish.run;
        return message->as.finish.finish >= AMPHI_FINISH_STOP &&
               message->as.finish.finish <= AMPHI_FINISH_TOOL_CALLS;
    case AMPHI_WORKER_FAIL:
        message->run = message->as.fail.run;
        text_clean(message->as.fail.message, AMPHI_WORKER_MESSAGE_MAX);
        return message->as.fail.status != AMPHI_OK && status_is_known(message->as.fail.status);
    case AMPHI_WORKER_COUNTED:
        return status_is_known(message->as.counted.status) &&
               message->as.counted.tokens <= (1u << 26);
    default:
        return false;
    }
}

amphi_status amphi__worker_receive(amphi_worker *worker, amphi_worker_message *out, uint8_t *buffer)
{
    uint32_t kind = 0;
    size_t size = 0;
    amphi_status status =
        amphi__ring_read(&worker->events, &kind, buffer, AMPHI_WORKER_EVENT_MAX, &size);
    if (status == AMPHI_E_NOT_FOUND)
        return status;
    if (status != AMPHI_OK || payload_size(kind, size) == 0 || payload_size(kind, size) != size)
        return AMPHI_E_PROTOCOL;
    memset(out, 0, sizeof *out);
    out->kind = (amphi_worker_event)kind;
    if (kind == AMPHI_WORKER_TEXT || kind == AMPHI_WORKER_REASONING ||
        kind == AMPHI_WORKER_TOOL_CALL || kind == AMPHI_WORKER_LOGPROBS) {
        memcpy(&out->run, buffer, sizeof out->run);
        out->text = amphi_str_make((const char *)buffer + sizeof out->run, size - sizeof out->run);
    } else if (kind == AMPHI_WORKER_STATE) {
        size_t head = sizeof out->as.state;
        memcpy(&out->as.state, buffer, head);
        out->text = amphi_str_make((const char *)buffer + head, size - head);
    } else {
        memcpy(&out->as, buffer, size);
    }
    return message_is_sound(out) ? AMPHI_OK : AMPHI_E_PROTOCOL;
}
