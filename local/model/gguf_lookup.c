/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions about an opened model file: a binary search by name, then a value that is converted
 * when its kind allows it. Everything was checked when the file was opened.
 */
#include "local/model/gguf_file.h"

size_t amphi__gguf_scalar_bytes(uint32_t type)
{
    static const uint8_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof bytes ? bytes[type] : 0;
}

int amphi__gguf_compare(amphi_str a, amphi_str b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared > 0 ? memcmp(a.data, b.data, shared) : 0;
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

static const gguf_value *find_value(const amphi_gguf *gguf, const char *key)
{
    amphi_str wanted = amphi_str_from(key);
    size_t high = gguf->values_count;
    size_t low = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const gguf_value *value = &gguf->values[gguf->values_order[middle]];
        int order = amphi__gguf_compare(value->key, wanted);
        if (order == 0)
            return value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Any integer type as a sign and a magnitude. */
static bool load_integer(const uint8_t *data, amphi_gguf_type type, bool *negative, uint64_t *out)
{
    size_t bytes = amphi__gguf_scalar_bytes(type);
    if (bytes == 0)
        return false;
    union {
        uint8_t u8;
        int8_t i8;
        uint16_t u16;
        int16_t i16;
        uint32_t u32;
        int32_t i32;
        uint64_t u64;
        int64_t i64;
    } raw;
    memcpy(&raw, data, bytes);
    *negative = false;
    int64_t value = 0;
    switch (type) {
    case AMPHI_GGUF_U8:
        value = raw.u8;
        break;
    case AMPHI_GGUF_I8:
        value = (int64_t)raw.i8;
        break;
    case AMPHI_GGUF_U16:
        value = raw.u16;
        break;
    case AMPHI_GGUF_I16:
        value = raw.i16;
        break;
    case AMPHI_GGUF_U32:
        value = raw.u32;
        break;
    case AMPHI_GGUF_I32:
        value = raw.i32;
        break;
    case AMPHI_GGUF_I64:
        value = raw.i64;
        break;
    case AMPHI_GGUF_U64:
        *out = raw.u64;
        return true;
    default:
        return false;
    }
    *negative = value < 0;
    *out = (uint64_t)value;
    return true;
}

bool amphi__gguf_u64(const amphi_gguf *gguf, const char *key, uint64_t *out)
{
    const gguf_value *value = find_value(gguf, key);
    bool negative = false;
    uint64_t loaded = 0;
    if (value == NULL || value->type == AMPHI_GGUF_STRING || value->type == AMPHI_GGUF_ARRAY ||
        !load_integer(value->data, value->type, &negative, &loaded) || negative)
        return false;
    *out = loaded;
    return true;
}

static double load_number(const uint8_t *data, amphi_gguf_type type)
{
    if (type == AMPHI_GGUF_F32) {
        float single = 0;
        memcpy(&single, data, sizeof single);
        return (double)single;
    }
    if (type == AMPHI_GGUF_F64) {
        double number = 0;
        memcpy(&number, data, sizeof number);
        return number;
    }
    if (type == AMPHI_GGUF_BOOL)
        return data[0] != 0;
    bool negative = false;
    uint64_t integer = 0;
    if (!load_integer(data, type, &negative, &integer))
        return 0;
    return negative ? (double)(int64_t)integer : (double)integer;
}

bool amphi__gguf_f64(const amphi_gguf *gguf, const char *key, double *out)
{
    const gguf_value *value = find_value(gguf, key);
    if (value == NULL || (value->type != AMPHI_GGUF_F32 && value->type != AMPHI_GGUF_F64))
        return false;
    *out = load_number(value->data, value->type);
    return true;
}

bool amphi__gguf_bool(const amphi_gguf *gguf, const char *key, bool *out)
{
    const gguf_value *value = find_value(gguf, key);
    if (value == NULL || value->type != AMPHI_GGUF_BOOL)
        return false;
    *out = value->data[0] != 0;
    return true;
}

bool amphi__gguf_str(const amphi_gguf *gguf, const char *key, amphi_str *out)
{
    const gguf_value *value = find_value(gguf, key);
    if (value == NULL || value->type != AMPHI_GGUF_STRING)
        return false;
    *out = amphi_str_make((const char *)value->data, value->size_bytes);
    return true;
}

bool amphi__gguf_array_get(const amphi_gguf *gguf, const char *key, amphi_gguf_array *out)
{
    const gguf_value *value = find_value(gguf, key);
    if (value == NULL || value->type != AMPHI_GGUF_ARRAY)
        return false;
    *out = value->array;
    return true;
}

bool amphi__gguf_array_next_str(const amphi_gguf_array *array, size_t *cursor, amphi_str *out)
{
    if (array->type != AMPHI_GGUF_STRING || *cursor > array->size_bytes)
        return false;
    size_t left = array->size_bytes - *cursor;
    uint64_t size = 0;
    if (left < sizeof size)
        return false;
    memcpy(&size, array->data + *cursor, sizeof size);
    left -= sizeof size;
    if (size > left)
        return false;
    *out = amphi_str_make((const char *)array->data + *cursor + sizeof size, (size_t)size);
    *cursor += sizeof size + (size_t)size;
    return true;
}

double amphi__gguf_array_f64(const amphi_gguf_array *array, uint64_t i)
{
    size_t bytes = amphi__gguf_scalar_bytes(array->type);
    if (bytes == 0 || i >= array->count)
        return 0;
    return load_number(array->data + i * bytes, array->type);
}

int64_t amphi__gguf_array_i64(const amphi_gguf_array *array, uint64_t i)
{
    size_t bytes = amphi__gguf_scalar_bytes(array->type);
    if (bytes == 0 || i >= array->count)
        return 0;
    const uint8_t *data = array->data + i * bytes;
    bool negative = false;
    uint64_t value = 0;
    if (load_integer(data, array->type, &negative, &value)) {
        if (!negative && value > (uint64_t)INT64_MAX)
            return INT64_MAX;
        return (int64_t)value;
    }
    double number = load_number(data, array->type);
    if (!(number > -9.2e18 && number < 9.2e18))
        return 0;
    return (int64_t)number;
}

const amphi_gguf_tensor *amphi__gguf_tensor(const amphi_gguf *gguf, amphi_str name)
{
    size_t high = gguf->tensors_count;
    size_t low = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const amphi_gguf_tensor *tensor = &gguf->tensors[gguf->tensors_order[middle]];
        int order = amphi__gguf_compare(tensor->name, name);
        if (order == 0)
            return tensor;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

size_t amphi__gguf_tensors_count(const amphi_gguf *gguf)
{
    return gguf->tensors_count;
}

const amphi_gguf_tensor *amphi__gguf_tensor_at(const amphi_gguf *gguf, size_t i)
{
    return i < gguf->tensors_count ? &gguf->tensors[i] : NULL;
}

uint64_t amphi__gguf_data_offset(const amphi_gguf *gguf)
{
    return gguf->data_offset;
}

uint64_t amphi__gguf_file_size(const amphi_gguf *gguf)
{
    return gguf->size;
}
