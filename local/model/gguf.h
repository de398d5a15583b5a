/* SPDX-License-Identifier: Apache-2.0
 *
 * A GGUF model file (v2, v3; https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), mapped
 * read-only. Files are hostile input: every count, size and offset is checked against the file's
 * size before it is used, with the checked arithmetic of checked.h; after open() succeeded every
 * pointer handed out lies inside the mapping. Immutable after open: any thread.
 */
#ifndef AMPHI_MODEL_GGUF_H
#define AMPHI_MODEL_GGUF_H

#include "local/compute/weight_type.h"

typedef struct amphi_gguf amphi_gguf;

typedef enum amphi_gguf_type { /* of metadata values, as in the file */
    AMPHI_GGUF_U8 = 0,
    AMPHI_GGUF_I8,
    AMPHI_GGUF_U16,
    AMPHI_GGUF_I16,
    AMPHI_GGUF_U32,
    AMPHI_GGUF_I32,
    AMPHI_GGUF_F32,
    AMPHI_GGUF_BOOL,
    AMPHI_GGUF_STRING,
    AMPHI_GGUF_ARRAY,
    AMPHI_GGUF_U64,
    AMPHI_GGUF_I64,
    AMPHI_GGUF_F64
} amphi_gguf_type;

typedef struct amphi_gguf_array {
    amphi_gguf_type type; /* of the elements; never ARRAY (nested arrays are refused) */
    uint64_t count;       /* of elements */
    /* Little-endian, unaligned. Strings: length-prefixed, all checked at open. */
    const uint8_t *data;
    size_t size_bytes;
} amphi_gguf_array;

typedef struct amphi_gguf_tensor {
    amphi_str name;
    amphi_weight_type type;
    uint32_t dims_count; /* 1..4 */
    uint64_t dims[4];    /* dims[0] is the row length; unused ones are 1 */
    const void *data;    /* aligned to the file's alignment (32 by default) */
    uint64_t offset;     /* of data, in the file */
    uint64_t size_bytes;
} amphi_gguf_tensor;

/* AMPHI_E_NOT_FOUND, _IO, _FORMAT, _LIMIT, _UNSUPPORTED: one line that says what and where. */
amphi_status amphi__gguf_open(amphi_gguf **out, amphi_str path, amphi_error *error);
/* The descriptor is borrowed for the call. */
amphi_status amphi__gguf_open_fd(amphi_gguf **out, int fd, amphi_error *error);
/* `data` must outlive the result. For tests and fuzzing. */
amphi_status amphi__gguf_open_memory(
    amphi_gguf **out, const void *data, size_t size, amphi_error *error);
void amphi__gguf_free(amphi_gguf *gguf);

/* Lookups by key: false when it is absent or of another kind (any integer type counts as an
 * integer when its value fits; F32 and F64 count as numbers). */
bool amphi__gguf_u64(const amphi_gguf *gguf, const char *key, uint64_t *out);
bool amphi__gguf_f64(const amphi_gguf *gguf, const char *key, double *out);
bool amphi__gguf_bool(const amphi_gguf *gguf, const char *key, bool *out);
bool amphi__gguf_str(const amphi_gguf *gguf, const char *key, amphi_str *out);
bool amphi__gguf_array_get(const amphi_gguf *gguf, const char *key, amphi_gguf_array *out);
/* The string at *cursor (0 at first), advancing it; only for arrays of strings. */
bool amphi__gguf_array_next_str(const amphi_gguf_array *array, size_t *cursor, amphi_str *out);
/* Element i of a numeric array, converted. */
double amphi__gguf_array_f64(const amphi_gguf_array *array, uint64_t i);
int64_t amphi__gguf_array_i64(const amphi_gguf_array *array, uint64_t i);

const amphi_gguf_tensor *amphi__gguf_tensor(const amphi_gguf *gguf, amphi_str name); /* or NULL */
size_t amphi__gguf_tensors_count(const amphi_gguf *gguf);
const amphi_gguf_tensor *amphi__gguf_tensor_at(const amphi_gguf *gguf, size_t i);
/* Bytes of the header, and of the whole file. */
uint64_t amphi__gguf_data_offset(const amphi_gguf *gguf);
uint64_t amphi__gguf_file_size(const amphi_gguf *gguf);

#endif
