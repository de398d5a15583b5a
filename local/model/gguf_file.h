/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of an opened model file, shared by what reads it (gguf.c) and what answers questions
 * about it (gguf_lookup.c).
 */
#ifndef AMPHI_MODEL_GGUF_FILE_H
#define AMPHI_MODEL_GGUF_FILE_H

#include "local/model/gguf.h"

typedef struct gguf_value {
    amphi_str key;
    amphi_gguf_type type;
    const uint8_t *data; /* of a scalar or a string's bytes */
    size_t size_bytes;
    amphi_gguf_array array; /* when type is ARRAY */
} gguf_value;

struct amphi_gguf {
    const uint8_t *data;
    size_t size;
    bool mapped;
    uint64_t data_offset;
    uint64_t alignment;
    gguf_value *values;
    uint32_t *values_order; /* indexes sorted by key */
    size_t values_count;
    amphi_gguf_tensor *tensors;
    uint32_t *tensors_order; /* indexes sorted by name */
    size_t tensors_count;
};

/* Bytes of a scalar; 0 for strings, arrays and types that do not exist. */
size_t amphi__gguf_scalar_bytes(uint32_t type);
/* Order of names, by bytes. */
int amphi__gguf_compare(amphi_str a, amphi_str b);

#endif
