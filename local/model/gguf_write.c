/* SPDX-License-Identifier: Apache-2.0
 *
 * Metadata is copied as it stands, in its order, but for the two keys about types.
 */
#include "local/model/gguf_write.h"

#include "local/compute/weight_type.h"
#include "local/model/checked.h"
#include "local/model/gguf_file.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#define GGUF_MAGIC           0x46554747u
#define GGUF_VERSION         3u
#define QUANTIZATION_VERSION 2u /* of the block formats */

static void put_u32(amphi_buf *out, uint32_t value)
{
    (void)amphi__buf_append(out, &value, sizeof value);
}

static void put_u64(amphi_buf *out, uint64_t value)
{
    (void)amphi__buf_append(out, &value, sizeof value);
}

static void put_str(amphi_buf *out, amphi_str text)
{
    put_u64(out, text.size);
    (void)amphi__buf_append(out, text.data, text.size);
}

static void put_number(amphi_buf *out, const char *key, uint32_t value)
{
    put_str(out, amphi_str_from(key));
    put_u32(out, AMPHI_GGUF_U32);
    put_u32(out, value);
}

static void put_value(amphi_buf *out, const gguf_value *value)
{
    put_str(out, value->key);
    put_u32(out, (uint32_t)value->type);
    if (value->type == AMPHI_GGUF_ARRAY) {
        put_u32(out, (uint32_t)value->array.type);
        put_u64(out, value->array.count);
        (void)amphi__buf_append(out, value->array.data, value->array.size_bytes);
        return;
    }
    if (value->type == AMPHI_GGUF_STRING)
        put_u64(out, value->size_bytes);
    (void)amphi__buf_append(out, value->data, value->size_bytes);
}

/* Zeros up to the next multiple, which may be a mebibyte away. */
static void put_padding(amphi_buf *out, uint64_t alignment)
{
    static const char zeros[4096];
    while (out->status == AMPHI_OK && out->size % alignment != 0) {
        size_t missing = (size_t)(alignment - out->size % alignment);
        (void)amphi__buf_append(out, zeros, missing < sizeof zeros ? missing : sizeof zeros);
    }
}

static bool is_ours(amphi_str key)
{
    return amphi__str_equal_c(key, "general.file_type") ||
           amphi__str_equal_c(key, "general.quantization_version");
}

static void put_values(amphi_buf *out, const amphi_gguf *gguf, uint32_t file_type)
{
    for (size_t i = 0; i < gguf->values_count; i++)
        if (!is_ours(gguf->values[i].key))
            put_value(out, &gguf->values[i]);
    put_number(out, "general.file_type", file_type);
    put_number(out, "general.quantization_version", QUANTIZATION_VERSION);
}

static uint64_t count_values(const amphi_gguf *gguf)
{
    uint64_t count = 2;
    for (size_t i = 0; i < gguf->values_count; i++)
        count += !is_ours(gguf->values[i].key);
    return count;
}

/* Writes the entry and moves *at (an offset in the data section) past the tensor. */
static bool put_tensor(amphi_buf *out, const amphi_gguf_tensor *tensor, amphi_weight_type type,
    uint64_t alignment, uint64_t *at)
{
    uint64_t rows = tensor->dims[1] * tensor->dims[2] * tensor->dims[3]; /* checked at open */
    put_str(out, tensor->name);
    put_u32(out, tensor->dims_count);
    for (uint32_t i = 0; i < tensor->dims_count; i++)
        put_u64(out, tensor->dims[i]);
    put_u32(out, (uint32_t)type);
    put_u64(out, *at);
    uint64_t bytes = 0;
    uint64_t end = 0;
    return amphi__checked_mul(amphi__weight_row_bytes(type, tensor->dims[0]), rows, &bytes) &&
           amphi__checked_add(*at, bytes, &end) && amphi__checked_align(end, alignment, at);
}

amphi_status amphi__gguf_write_header(amphi_buf *out, const amphi_gguf *gguf,
    const amphi_weight_type *types, uint32_t file_type, uint64_t *offsets, uint64_t *size,
    amphi_error *error)
{
    put_u32(out, GGUF_MAGIC);
    put_u32(out, GGUF_VERSION);
    put_u64(out, gguf->tensors_count);
    put_u64(out, count_values(gguf));
    put_values(out, gguf, file_type);
    uint64_t at = 0;
    for (size_t i = 0; i < gguf->tensors_count; i++) {
        offsets[i] = at;
        if (!put_tensor(out, &gguf->tensors[i], types[i], gguf->alignment, &at))
            return amphi__fail(error, AMPHI_E_LIMIT, 0, "model file: the new one is too large");
    }
    put_padding(out, gguf->alignment);
    if (out->status != AMPHI_OK)
        return amphi__fail(error, out->status, 0, "model file: no memory for its header");
    for (size_t i = 0; i < gguf->tensors_count; i++)
        offsets[i] += out->size;
    *size = out->size + at;
    return AMPHI_OK;
}
