/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a GGUF file: one pass over the header that checks every count, size and offset against
 * the bytes that are left, remembers where each value lies, and builds two sorted indexes, so that
 * a lookup is a binary search and a duplicate shows itself as an equal neighbour. Nothing is
 * copied out of the mapping, and no loop runs longer than the file is.
 */
#include "local/model/gguf.h"

#include "local/compute/weight_type.h"
#include "local/model/checked.h"
#include "local/model/gguf_file.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define GGUF_MAGIC          0x46554747u /* "GGUF" */
#define GGUF_KEYS_MAX       65536u
#define GGUF_TENSORS_MAX    65536u
#define GGUF_KEY_BYTES_MAX  65535u
#define GGUF_NAME_BYTES_MAX 255u
#define GGUF_ALIGNMENT_MIN  8u
#define GGUF_ALIGNMENT_MAX  (1u << 20)
#define GGUF_KEY_SHOWN_MAX  64 /* of a name in a message */

/* A cursor over the header that never passes its end. */
typedef struct gguf_reader {
    const uint8_t *data;
    size_t size;
    size_t at;
} gguf_reader;

static size_t reader_left(const gguf_reader *reader)
{
    return reader->size - reader->at;
}

static bool read_bytes(gguf_reader *reader, void *out, size_t size)
{
    if (reader_left(reader) < size)
        return false;
    memcpy(out, reader->data + reader->at, size);
    reader->at += size;
    return true;
}

static bool read_u32(gguf_reader *reader, uint32_t *out)
{
    return read_bytes(reader, out, sizeof *out);
}

static bool read_u64(gguf_reader *reader, uint64_t *out)
{
    return read_bytes(reader, out, sizeof *out);
}

static bool read_str(gguf_reader *reader, amphi_str *out)
{
    uint64_t size = 0;
    if (!read_u64(reader, &size) || size > reader_left(reader))
        return false;
    *out = amphi_str_make((const char *)reader->data + reader->at, (size_t)size);
    reader->at += (size_t)size;
    return true;
}

/* A name of the file inside a message: cut, and with anything that is not plain text hidden. */
typedef struct shown_name {
    char text[GGUF_KEY_SHOWN_MAX + 1];
} shown_name;

static shown_name show(amphi_str name)
{
    size_t size = name.size < GGUF_KEY_SHOWN_MAX ? name.size : GGUF_KEY_SHOWN_MAX;
    shown_name shown;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)name.data[i];
        shown.text[i] = c > 32 && c < 127 ? (char)c : '?';
    }
    shown.text[size] = '\0';
    return shown;
}

static amphi_status truncated(amphi_error *error, const char *what, uint64_t index, size_t at)
{
    return amphi__fail(error, AMPHI_E_FORMAT, 0,
        "model file: %s %llu near byte %zu is damaged or the file is truncated", what,
        (unsigned long long)index, at);
}

/* --- sorting: a heap sort, so that no input makes it slow and none of it allocates --- */

typedef int (*compare_fn)(const amphi_gguf *gguf, uint32_t a, uint32_t b);

static int compare_values(const amphi_gguf *gguf, uint32_t a, uint32_t b)
{
    return amphi__gguf_compare(gguf->values[a].key, gguf->values[b].key);
}

static int compare_tensors(const amphi_gguf *gguf, uint32_t a, uint32_t b)
{
    return amphi__gguf_compare(gguf->tensors[a].name, gguf->tensors[b].name);
}

static int compare_offsets(const amphi_gguf *gguf, uint32_t a, uint32_t b)
{
    uint64_t x = gguf->tensors[a].offset;
    uint64_t y = gguf->tensors[b].offset;
    return (x > y) - (x < y);
}

static void sift_down(
    const amphi_gguf *gguf, uint32_t *order, size_t root, size_t count, compare_fn compare)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count)
            return;
        if (child + 1 < count && compare(gguf, order[child], order[child + 1]) < 0)
            child++;
        if (compare(gguf, order[root], order[child]) >= 0)
            return;
        uint32_t swapped = order[root];
        order[root] = order[child];
        order[child] = swapped;
        root = child;
    }
}

static void sort_order(const amphi_gguf *gguf, uint32_t *order, size_t count, compare_fn compare)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    for (size_t i = count / 2; i-- > 0;)
        sift_down(gguf, order, i, count, compare);
    for (size_t end = count; end-- > 1;) {
        uint32_t largest = order[0];
        order[0] = order[end];
        order[end] = largest;
        sift_down(gguf, order, 0, end, compare);
    }
}

/* --- metadata --- */

static bool read_array(gguf_reader *reader, amphi_gguf_array *out)
{
    uint32_t type = 0;
    uint64_t count = 0;
    if (!read_u32(reader, &type) || !read_u64(reader, &count))
        return false;
    size_t begin = reader->at;
    if (type == AMPHI_GGUF_STRING) {
        if (count > reader_left(reader) / sizeof(uint64_t))
            return false;
        amphi_str ignored;
        for (uint64_t i = 0; i < count; i++)
            if (!read_str(reader, &ignored))
                return false;
    } else {
        size_t bytes = amphi__gguf_scalar_bytes(type);
        if (bytes == 0 || count > reader_left(reader) / bytes)
            return false; /* nested arrays end here as well */
        reader->at += (size_t)count * bytes;
    }
    out->type = (amphi_gguf_type)type;
    out->count = count;
    out->data = reader->data + begin;
    out->size_bytes = reader->at - begin;
    return true;
}

static bool read_value(gguf_reader *reader, gguf_value *out)
{
    uint32_t type = 0;
    if (!read_str(reader, &out->key) || out->key.size == 0 || out->key.size > GGUF_KEY_BYTES_MAX ||
        !read_u32(reader, &type))
        return false;
    out->type = (amphi_gguf_type)type;
    if (type == AMPHI_GGUF_ARRAY)
        return read_array(reader, &out->array);
    if (type == AMPHI_GGUF_STRING) {
        amphi_str text = {NULL, 0};
        if (!read_str(reader, &text))
            return false;
        out->data = (const uint8_t *)text.data;
        out->size_bytes = text.size;
        return true;
    }
    size_t bytes = amphi__gguf_scalar_bytes(type);
    if (bytes == 0 || bytes > reader_left(reader))
        return false;
    out->data = reader->data + reader->at;
    out->size_bytes = bytes;
    reader->at += bytes;
    return true;
}

static amphi_status read_values(amphi_gguf *gguf, gguf_reader *reader, amphi_error *error)
{
    gguf->values = amphi__calloc(gguf->values_count + 1, sizeof *gguf->values);
    gguf->values_order = amphi__calloc(gguf->values_count + 1, sizeof *gguf->values_order);
    if (gguf->values == NULL || gguf->values_order == NULL)
        return amphi__fail_no_memory(error);
    for (size_t i = 0; i < gguf->values_count; i++) {
        size_t begin = reader->at;
        if (!read_value(reader, &gguf->values[i]))
            return truncated(error, "metadata entry", i, begin);
    }
    sort_order(gguf, gguf->values_order, gguf->values_count, compare_values);
    for (size_t i = 1; i < gguf->values_count; i++) {
        if (compare_values(gguf, gguf->values_order[i - 1], gguf->values_order[i]) == 0)
            return amphi__fail(error, AMPHI_E_FORMAT, 0,
                "model file: the key \"%s\" is there twice",
                show(gguf->values[gguf->values_order[i]].key).text);
    }
    return AMPHI_OK;
}

static amphi_status read_alignment(amphi_gguf *gguf, amphi_error *error)
{
    amphi_str key = AMPHI_STR("general.alignment");
    uint64_t alignment = 32;
    for (size_t i = 0; i < gguf->values_count; i++) {
        if (!amphi__str_equal(gguf->values[i].key, key))
            continue;
        if (!amphi__gguf_u64(gguf, "general.alignment", &alignment))
            alignment = 0;
    }
    if (alignment < GGUF_ALIGNMENT_MIN || alignment > GGUF_ALIGNMENT_MAX ||
        (alignment & (alignment - 1)) != 0)
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "model file: general.alignment is not a power of two from %u to %u", GGUF_ALIGNMENT_MIN,
            GGUF_ALIGNMENT_MAX);
    gguf->alignment = alignment;
    return AMPHI_OK;
}

/* --- tensors --- */

static amphi_status measure_tensor(amphi_gguf_tensor *tensor, uint32_t type, amphi_error *error)
{
    const amphi_weight_info *info = amphi__weight_info(type);
    shown_name name = show(tensor->name);
    if (info == NULL)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, (int32_t)type,
            "model file: tensor %s has weight type %u, which this build lacks", name.text, type);
    tensor->type = (amphi_weight_type)type;
    uint64_t elements = 1;
    for (uint32_t i = 0; i < 4; i++) {
        if (tensor->dims[i] == 0 || !amphi__checked_mul(elements, tensor->dims[i], &elements) ||
            elements > (uint64_t)INT64_MAX)
            return amphi__fail(error, AMPHI_E_FORMAT, 0,
                "model file: tensor %s has an impossible shape", name.text);
    }
    if (tensor->dims[0] % info->block_elements != 0)
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "model file: rows of tensor %s are no multiple of %u, as %s needs", name.text,
            info->block_elements, info->name);
    if (!amphi__checked_mul(
            elements / info->block_elements, info->block_bytes, &tensor->size_bytes))
        return amphi__fail(
            error, AMPHI_E_FORMAT, 0, "model file: tensor %s has an impossible size", name.text);
    return AMPHI_OK;
}

static amphi_status read_tensor(
    amphi_gguf *gguf, gguf_reader *reader, size_t index, amphi_error *error)
{
    amphi_gguf_tensor *tensor = &gguf->tensors[index];
    size_t begin = reader->at;
    if (!read_str(reader, &tensor->name) || tensor->name.size == 0 ||
        tensor->name.size > GGUF_NAME_BYTES_MAX || !read_u32(reader, &tensor->dims_count) ||
        tensor->dims_count < 1 || tensor->dims_count > 4)
        return truncated(error, "tensor entry", index, begin);
    for (uint32_t i = 0; i < 4; i++) {
        tensor->dims[i] = 1;
        if (i < tensor->dims_count && !read_u64(reader, &tensor->dims[i]))
            return truncated(error, "tensor entry", index, begin);
    }
    uint32_t type = 0;
    if (!read_u32(reader, &type) || !read_u64(reader, &tensor->offset))
        return truncated(error, "tensor entry", index, begin);
    return measure_tensor(tensor, type, error);
}

/* Turns offsets within the data section into offsets within the file. */
static amphi_status place_tensor(amphi_gguf *gguf, amphi_gguf_tensor *tensor, amphi_error *error)
{
    if (tensor->offset % gguf->alignment != 0)
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "model file: tensor %s is not aligned",
            show(tensor->name).text);
    uint64_t offset = 0;
    if (!amphi__checked_add(gguf->data_offset, tensor->offset, &offset) ||
        !amphi__checked_range(offset, tensor->size_bytes, gguf->size))
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "model file: tensor %s lies outside the file (truncated?)", show(tensor->name).text);
    tensor->offset = offset;
    tensor->data = gguf->data + offset;
    return AMPHI_OK;
}

static amphi_status check_tensor_order(amphi_gguf *gguf, amphi_error *error)
{
    sort_order(gguf, gguf->tensors_order, gguf->tensors_count, compare_offsets);
    for (size_t i = 1; i < gguf->tensors_count; i++) {
        const amphi_gguf_tensor *left = &gguf->tensors[gguf->tensors_order[i - 1]];
        const amphi_gguf_tensor *right = &gguf->tensors[gguf->tensors_order[i]];
        if (left->offset + left->size_bytes > right->offset)
            return amphi__fail(error, AMPHI_E_FORMAT, 0,
                "model file: tensor %s overlaps another one", show(right->name).text);
    }
    sort_order(gguf, gguf->tensors_order, gguf->tensors_count, compare_tensors);
    for (size_t i = 1; i < gguf->tensors_count; i++) {
        uint32_t right = gguf->tensors_order[i];
        if (compare_tensors(gguf, gguf->tensors_order[i - 1], right) == 0)
            return amphi__fail(error, AMPHI_E_FORMAT, 0, "model file: the tensor %s is there twice",
                show(gguf->tensors[right].name).text);
    }
    return AMPHI_OK;
}

static amphi_status read_tensors(amphi_gguf *gguf, gguf_reader *reader, amphi_error *error)
{
    gguf->tensors = amphi__calloc(gguf->tensors_count + 1, sizeof *gguf->tensors);
    gguf->tensors_order = amphi__calloc(gguf->tensors_count + 1, sizeof *gguf->tensors_order);
    if (gguf->tensors == NULL || gguf->tensors_order == NULL)
        return amphi__fail_no_memory(error);
    for (size_t i = 0; i < gguf->tensors_count; i++) {
        amphi_status status = read_tensor(gguf, reader, i, error);
        if (status != AMPHI_OK)
            return status;
    }
    if (!amphi__checked_align(reader->at, gguf->alignment, &gguf->data_offset))
        return truncated(error, "tensor entry", gguf->tensors_count, reader->at);
    for (size_t i = 0; i < gguf->tensors_count; i++) {
        amphi_status status = place_tensor(gguf, &gguf->tensors[i], error);
        if (status != AMPHI_OK)
            return status;
    }
    return check_tensor_order(gguf, error);
}

static amphi_status read_header(amphi_gguf *gguf, gguf_reader *reader, amphi_error *error)
{
    uint32_t magic = 0;
    if (!read_u32(reader, &magic) || magic != GGUF_MAGIC)
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "not a GGUF model file");
    uint32_t version = 0;
    if (!read_u32(reader, &version))
        return truncated(error, "header", 0, 0);
    if (version < 2 || version > 3)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, (int32_t)(version & 0xffff),
            "model file: GGUF version %u is not 2 or 3%s", version,
            (version & 0xffff) == 0 ? " (a big-endian file?)" : "");
    uint64_t tensors = 0;
    uint64_t values = 0;
    if (!read_u64(reader, &tensors) || !read_u64(reader, &values))
        return truncated(error, "header", 0, 0);
    if (tensors > GGUF_TENSORS_MAX || values > GGUF_KEYS_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0,
            "model file: %llu tensors and %llu keys are more than we accept",
            (unsigned long long)tensors, (unsigned long long)values);
    /* The smallest entry of either kind takes more than 8 bytes. */
    if (tensors + values > reader_left(reader) / 8)
        return truncated(error, "header", 0, 0);
    gguf->tensors_count = (size_t)tensors;
    gguf->values_count = (size_t)values;
    return AMPHI_OK;
}

static amphi_status parse(amphi_gguf *gguf, amphi_error *error)
{
    gguf_reader reader = {gguf->data, gguf->size, 0};
    amphi_status status = read_header(gguf, &reader, error);
    if (status == AMPHI_OK)
        status = read_values(gguf, &reader, error);
    if (status == AMPHI_OK)
        status = read_alignment(gguf, error);
    if (status == AMPHI_OK)
        status = read_tensors(gguf, &reader, error);
    return status;
}

/* --- opening --- */

static amphi_status open_bytes(
    amphi_gguf **out, const void *data, size_t size, bool mapped, amphi_error *error)
{
    *out = NULL;
    amphi_gguf *gguf = amphi__calloc(1, sizeof *gguf);
    if (gguf == NULL) {
        if (mapped)
            munmap((void *)data, size);
        return amphi__fail_no_memory(error);
    }
    gguf->data = data;
    gguf->size = size;
    gguf->mapped = mapped;
    amphi_status status = parse(gguf, error);
    if (status == AMPHI_OK) {
        *out = gguf;
        gguf = NULL;
    }
    amphi__gguf_free(gguf);
    return status;
}

amphi_status amphi__gguf_open_memory(
    amphi_gguf **out, const void *data, size_t size, amphi_error *error)
{
    return open_bytes(out, data, size, false, error);
}

amphi_status amphi__gguf_open_fd(amphi_gguf **out, int fd, amphi_error *error)
{
    *out = NULL;
    struct stat info;
    if (fstat(fd, &info) != 0)
        return amphi__fail(error, AMPHI_E_IO, errno, "model file: its size can't be read");
    if (!S_ISREG(info.st_mode))
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "model file: not a regular file");
    if (info.st_size <= 0)
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "model file: it is empty");
    if ((uint64_t)info.st_size > SIZE_MAX / 2)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "model file: too large for this machine");
    size_t size = (size_t)info.st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return amphi__fail(error, AMPHI_E_IO, errno, "model file: it can't be mapped");
    return open_bytes(out, data, size, true, error);
}

amphi_status amphi__gguf_open(amphi_gguf **out, amphi_str path, amphi_error *error)
{
    *out = NULL;
    if (path.size == 0 || memchr(path.data, '\0', path.size) != NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "model path: empty or not a path");
    char *name = amphi__str_copy(path);
    if (name == NULL)
        return amphi__fail_no_memory(error);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    int code = errno;
    amphi__free(name);
    if (fd < 0 && (code == ENOENT || code == ENOTDIR))
        return amphi__fail(error, AMPHI_E_NOT_FOUND, code, "model file: no such file");
    if (fd < 0)
        return amphi__fail(error, AMPHI_E_IO, code, "model file: it can't be opened");
    amphi_status status = amphi__gguf_open_fd(out, fd, error);
    close(fd);
    return status;
}

void amphi__gguf_free(amphi_gguf *gguf)
{
    if (gguf == NULL)
        return;
    if (gguf->mapped)
        munmap((void *)gguf->data, gguf->size);
    amphi__free(gguf->values);
    amphi__free(gguf->values_order);
    amphi__free(gguf->tensors);
    amphi__free(gguf->tensors_order);
    amphi__free(gguf);
}
