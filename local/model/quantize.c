/* SPDX-License-Identifier: Apache-2.0
 *
 * A model file made narrower: read through its mapping, converted by all cores in pieces of a few
 * megabytes, written to a temporary file beside the target, opened again to check it, and only
 * then renamed. Whatever fails, the target is either the old file or the whole new one.
 */
#include "local/compute/dequantize.h"
#include "local/compute/quantize_rows.h"
#include "local/compute/thread_pool.h"
#include "local/model/gguf_write.h"
#include "local/model/quantize_mixture.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <amphi/model.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_ELEMENTS  1024u           /* converted at once; a multiple of every block */
#define PIECE_ELEMENTS (1024u * 1024u) /* written at once */
#define PATH_MORE      48              /* bytes that the temporary name has more */

typedef struct quantization {
    amphi_gguf *gguf;
    const amphi_mixture *mixture;
    amphi_weight_type *types; /* of each tensor in the new file */
    uint64_t *offsets;
    uint64_t size;
    amphi_thread_pool *threads;
    uint8_t *piece; /* room for PIECE_ELEMENTS of any type */
    int fd;
    bool (*progress)(void *user, uint32_t permille);
    void *user;
    amphi_error *error;
} quantization;

/* --- one piece --- */

typedef struct piece_job {
    amphi_weight_type from_type;
    amphi_weight_type to_type;
    const uint8_t *from;
    uint8_t *to;
    uint64_t elements;
    atomic_bool strange; /* a value that is no number was seen */
} piece_job;

/* [from, to) counts steps of STEP_ELEMENTS; the last one may be shorter. */
static void convert_steps(void *arg, size_t from, size_t to, uint32_t thread)
{
    piece_job *job = arg;
    float values[STEP_ELEMENTS];
    for (size_t step = from; step < to; step++) {
        uint64_t at = (uint64_t)step * STEP_ELEMENTS;
        uint64_t left = job->elements - at;
        size_t count = left < STEP_ELEMENTS ? (size_t)left : STEP_ELEMENTS;
        amphi__dequantize(
            job->from_type, job->from + amphi__weight_row_bytes(job->from_type, at), values, count);
        float sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += values[i] * 0; /* NaN and infinity make NaN of it */
        if (sum != 0) {
            atomic_store(&job->strange, true);
            continue;
        }
        amphi__quantize_rows(
            job->to_type, values, job->to + amphi__weight_row_bytes(job->to_type, at), count);
    }
}

static amphi_status write_all(const quantization *q, const void *data, size_t size, uint64_t at)
{
    const uint8_t *next = data;
    while (size > 0) {
        ssize_t written = pwrite(q->fd, next, size, (off_t)at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return amphi__fail(q->error, AMPHI_E_IO, errno, "the new model can't be written: %s",
                errno == ENOSPC ? "the disk is full" : "the system refused it");
        next += written;
        at += (uint64_t)written;
        size -= (size_t)written;
    }
    return AMPHI_OK;
}

static amphi_status convert_piece(const quantization *q, const amphi_gguf_tensor *tensor,
    size_t index, uint64_t at, uint64_t count)
{
    amphi_weight_type type = q->types[index];
    piece_job job = {.from_type = tensor->type,
        .to_type = type,
        .from = (const uint8_t *)tensor->data + amphi__weight_row_bytes(tensor->type, at),
        .to = q->piece,
        .elements = count};
    size_t steps = (size_t)((count + STEP_ELEMENTS - 1) / STEP_ELEMENTS);
    amphi__thread_pool_run(q->threads, steps, 4, convert_steps, &job);
    if (atomic_load(&job.strange)) {
        char shown[65];
        amphi__str_copy_to(shown, sizeof shown, tensor->name);
        return amphi__fail(q->error, AMPHI_E_FORMAT, 0,
            "model file: tensor %s holds values that are no numbers", shown);
    }
    return write_all(q, q->piece, (size_t)amphi__weight_row_bytes(type, count),
        q->offsets[index] + amphi__weight_row_bytes(type, at));
}

static uint64_t elements_of(const amphi_gguf_tensor *tensor)
{
    return tensor->dims[0] * tensor->dims[1] * tensor->dims[2] * tensor->dims[3];
}

static amphi_status convert_tensors(const quantization *q)
{
    size_t count = amphi__gguf_tensors_count(q->gguf);
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += amphi__gguf_tensor_at(q->gguf, i)->size_bytes;
    uint64_t done = 0;
    for (size_t i = 0; i < count; i++) {
        const amphi_gguf_tensor *tensor = amphi__gguf_tensor_at(q->gguf, i);
        uint64_t elements = elements_of(tensor);
        for (uint64_t at = 0; at < elements; at += PIECE_ELEMENTS) {
            uint64_t left = elements - at;
            uint64_t piece = left < PIECE_ELEMENTS ? left : PIECE_ELEMENTS;
            amphi_status status = convert_piece(q, tensor, i, at, piece);
            if (status != AMPHI_OK)
                return status;
            done += amphi__weight_row_bytes(tensor->type, piece);
            if (q->progress != NULL && !q->progress(q->user, (uint32_t)(done * 1000 / total)))
                return amphi__fail(q->error, AMPHI_E_CANCELLED, 0, "the quantizer was stopped");
        }
    }
    return AMPHI_OK;
}

/* --- the plan --- */

/* Narrow weights lost what a second rounding would need. */
static bool is_wide(amphi_weight_type type)
{
    return type == AMPHI_WEIGHT_F32 || type == AMPHI_WEIGHT_F16 || type == AMPHI_WEIGHT_BF16 ||
           type == AMPHI_WEIGHT_Q8_0;
}

static amphi_status choose_types(quantization *q)
{
    size_t count = amphi__gguf_tensors_count(q->gguf);
    amphi_str family = {NULL, 0};
    uint64_t layers = 0;
    char key[64];
    if (amphi__gguf_str(q->gguf, "general.architecture", &family) && family.size <= 32) {
        (void)snprintf(key, sizeof key, "%.*s.block_count", (int)family.size, family.data);
        (void)amphi__gguf_u64(q->gguf, key, &layers);
    }
    if (count == 0)
        return amphi__fail(q->error, AMPHI_E_FORMAT, 0, "model file: it has no weights");
    q->types = amphi__calloc(count, sizeof *q->types);
    q->offsets = amphi__calloc(count, sizeof *q->offsets);
    if (q->types == NULL || q->offsets == NULL)
        return amphi__fail_no_memory(q->error);
    for (size_t i = 0; i < count; i++) {
        const amphi_gguf_tensor *tensor = amphi__gguf_tensor_at(q->gguf, i);
        if (!is_wide(tensor->type))
            return amphi__fail(q->error, AMPHI_E_ARGUMENT, 0,
                "model file: it is quantized already (%s); start from F32, F16, BF16 or Q8_0",
                amphi__weight_info(tensor->type)->name);
        q->types[i] = amphi__mixture_choose(q->mixture, tensor, layers);
    }
    return AMPHI_OK;
}

/* --- the file --- */

/* The result must say what was meant: the same tensors, in the chosen types, within the file. */
static amphi_status check_result(const quantization *q)
{
    amphi_gguf *made = NULL;
    amphi_status status = amphi__gguf_open_fd(&made, q->fd, q->error);
    if (status != AMPHI_OK)
        return status;
    bool good = amphi__gguf_tensors_count(made) == amphi__gguf_tensors_count(q->gguf) &&
                amphi__gguf_file_size(made) == q->size;
    for (size_t i = 0; good && i < amphi__gguf_tensors_count(made); i++) {
        const amphi_gguf_tensor *tensor = amphi__gguf_tensor_at(made, i);
        good = tensor->type == q->types[i] && tensor->offset == q->offsets[i] &&
               elements_of(tensor) == elements_of(amphi__gguf_tensor_at(q->gguf, i));
    }
    amphi__gguf_free(made);
    return good ? AMPHI_OK
                : amphi__fail(q->error, AMPHI_E_INTERNAL, 0,
                      "the new model did not read back as it was written");
}

static amphi_status write_file(quantization *q)
{
    amphi_buf header;
    amphi__buf_init(&header, 0);
    amphi_status status = amphi__gguf_write_header(
        &header, q->gguf, q->types, q->mixture->file_type, q->offsets, &q->size, q->error);
    if (status == AMPHI_OK && ftruncate(q->fd, (off_t)q->size) != 0)
        status = amphi__fail(q->error, AMPHI_E_IO, errno, "the new model can't be written");
    if (status == AMPHI_OK)
        status = write_all(q, header.data, header.size, 0);
    amphi__buf_clear(&header);
    if (status == AMPHI_OK)
        status = convert_tensors(q);
    if (status == AMPHI_OK && fsync(q->fd) != 0)
        status = amphi__fail(q->error, AMPHI_E_IO, errno, "the new model can't be written");
    if (status == AMPHI_OK)
        status = check_result(q);
    return status;
}

/* A new file beside `path`, with the permissions of any file. */
static int create_beside(const char *path, char *temporary, size_t size)
{
    int fd = -1;
    for (int attempt = 0; fd < 0 && attempt < 100; attempt++) {
        (void)snprintf(temporary, size, "%s.new-%ld-%d", path, (long)getpid(), attempt);
        fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            return -1;
    }
    return fd;
}

static amphi_status write_beside(quantization *q, const char *path)
{
    size_t size = strlen(path) + PATH_MORE;
    char *temporary = amphi__alloc(size);
    if (temporary == NULL)
        return amphi__fail_no_memory(q->error);
    q->fd = create_beside(path, temporary, size);
    if (q->fd < 0) {
        amphi_status status = amphi__fail(
            q->error, AMPHI_E_IO, errno, "the new model can't be created in that folder");
        amphi__free(temporary);
        return status;
    }
    amphi_status status = write_file(q);
    if (status == AMPHI_OK && rename(temporary, path) != 0)
        status = amphi__fail(q->error, AMPHI_E_IO, errno, "the new model can't be put in place");
    if (status != AMPHI_OK)
        (void)unlink(temporary);
    close(q->fd);
    amphi__free(temporary);
    return status;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat left;
    struct stat right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

/* A folder, a device, a pipe: the new file would take its place. */
static bool is_something_else(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 && !S_ISREG(file.st_mode);
}

static amphi_status quantize_to(quantization *q, amphi_str in, amphi_str out)
{
    char *from = amphi__str_copy(in);
    char *to = amphi__str_copy(out);
    amphi_status status = AMPHI_OK;
    if (from == NULL || to == NULL) {
        status = amphi__fail_no_memory(q->error);
        goto cleanup;
    }
    if (is_something_else(to)) {
        status = amphi__fail(q->error, AMPHI_E_ARGUMENT, 0, "out: it is not a regular file");
        goto cleanup;
    }
    if (is_same_file(from, to)) {
        status = amphi__fail(q->error, AMPHI_E_ARGUMENT, 0, "out: it is the same file as in");
        goto cleanup;
    }
    status = amphi__gguf_open(&q->gguf, in, q->error);
    if (status == AMPHI_OK)
        status = choose_types(q);
    if (status == AMPHI_OK)
        status = amphi__thread_pool_new(&q->threads, 0, q->error);
    if (status == AMPHI_OK) {
        q->piece = amphi__alloc(PIECE_ELEMENTS * sizeof(float));
        status = q->piece != NULL ? write_beside(q, to) : amphi__fail_no_memory(q->error);
    }
cleanup:
    amphi__free(q->piece);
    amphi__thread_pool_free(q->threads);
    amphi__free(q->types);
    amphi__free(q->offsets);
    amphi__gguf_free(q->gguf);
    amphi__free(from);
    amphi__free(to);
    return status;
}

amphi_status amphi_model_quantize(amphi_str in, amphi_str out, amphi_str type,
    bool (*progress)(void *user, uint32_t permille), void *user, amphi_error *error)
{
    if (in.size == 0 || memchr(in.data, '\0', in.size) != NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "in: empty or not a path");
    if (out.size == 0 || memchr(out.data, '\0', out.size) != NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out: empty or not a path");
    quantization q = {.progress = progress, .user = user, .error = error, .fd = -1};
    q.mixture = amphi__mixture_find(type);
    if (q.mixture == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "type: one of F32 F16 BF16 Q8_0 Q6_K Q5_K Q4_K Q3_K Q2_K Q5_1 Q5_0 Q4_1 Q4_0 IQ4_NL "
            "IQ4_XS");
    return quantize_to(&q, in, out);
}
