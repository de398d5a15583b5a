/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/gguf_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void put(gguf_writer *w, const void *data, size_t size)
{
    if (w->size + size > w->capacity) {
        w->capacity = 2 * (w->size + size);
        w->data = realloc(w->data, w->capacity);
        assert_non_null(w->data);
    }
    if (size > 0)
        memcpy(w->data + w->size, data, size);
    w->size += size;
}

static void put_u32(gguf_writer *w, uint32_t value)
{
    put(w, &value, sizeof value);
}

static void put_u64(gguf_writer *w, uint64_t value)
{
    put(w, &value, sizeof value);
}

static void put_text(gguf_writer *w, amphi_str text)
{
    put_u64(w, text.size);
    put(w, text.data, text.size);
}

static void put_key(gguf_writer *w, const char *key, amphi_gguf_type type)
{
    put_text(w, amphi_str_from(key));
    put_u32(w, type);
    w->keys++;
}

static void put_array(gguf_writer *w, const char *key, amphi_gguf_type type, size_t count)
{
    put_key(w, key, AMPHI_GGUF_ARRAY);
    put_u32(w, type);
    put_u64(w, count);
}

void gguf_writer_init(gguf_writer *w)
{
    memset(w, 0, sizeof *w);
    put(w, "GGUF", 4);
    put_u32(w, 3);
    put_u64(w, 0); /* tensors */
    put_u64(w, 0); /* keys, known at the end */
}

void gguf_writer_clear(gguf_writer *w)
{
    free(w->data);
    memset(w, 0, sizeof *w);
}

void gguf_writer_str(gguf_writer *w, const char *key, const char *value)
{
    put_key(w, key, AMPHI_GGUF_STRING);
    put_text(w, amphi_str_from(value));
}

void gguf_writer_u32(gguf_writer *w, const char *key, uint32_t value)
{
    put_key(w, key, AMPHI_GGUF_U32);
    put_u32(w, value);
}

void gguf_writer_bool(gguf_writer *w, const char *key, bool value)
{
    uint8_t byte = value;
    put_key(w, key, AMPHI_GGUF_BOOL);
    put(w, &byte, 1);
}

void gguf_writer_strs(gguf_writer *w, const char *key, const char *const *values, size_t count)
{
    put_array(w, key, AMPHI_GGUF_STRING, count);
    for (size_t i = 0; i < count; i++)
        put_text(w, amphi_str_from(values[i]));
}

void gguf_writer_str_array(gguf_writer *w, const char *key, const amphi_str *values, size_t count)
{
    put_array(w, key, AMPHI_GGUF_STRING, count);
    for (size_t i = 0; i < count; i++)
        put_text(w, values[i]);
}

void gguf_writer_i32s(gguf_writer *w, const char *key, const int32_t *values, size_t count)
{
    put_array(w, key, AMPHI_GGUF_I32, count);
    put(w, values, count * sizeof *values);
}

void gguf_writer_f32s(gguf_writer *w, const char *key, const float *values, size_t count)
{
    put_array(w, key, AMPHI_GGUF_F32, count);
    put(w, values, count * sizeof *values);
}

amphi_gguf *gguf_writer_open(gguf_writer *w)
{
    amphi_gguf *gguf = NULL;
    amphi_error error;
    memcpy(w->data + 16, &w->keys, sizeof w->keys);
    if (amphi__gguf_open_memory(&gguf, w->data, w->size, &error) != AMPHI_OK)
        fail_msg("the written file does not open: %s", error.message);
    return gguf;
}
