/* SPDX-License-Identifier: Apache-2.0
 *
 * A large model in no time. Every embedding is all ones and every layer's weights are zero, so the
 * last hidden state is all ones, and the one row of the output matrix that is not zero wins: each
 * token is "tick". What counts is only that the engine holds and computes with all of it. (GGUF:
 * the format's specification in ggml's repository, docs/gguf.md.)
 */
#include "bench_takeover.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    WIDTH = 2048,
    INNER = 5632,
    HEADS = 16,
    CONTROL = 3,
    BYTES = 256,
    VOCABULARY = CONTROL + BYTES + 1,
    TICK = VOCABULARY - 1,
    ALIGNMENT = 32,
};

enum { TYPE_U32 = 4, TYPE_I32 = 5, TYPE_F32 = 6, TYPE_STRING = 8, TYPE_ARRAY = 9 };

#define LAYER_BYTES (4ull * (4ull * WIDTH * WIDTH + 3ull * WIDTH * INNER))

typedef struct model_file {
    FILE *file;
    uint64_t data_size; /* of the tensors named so far */
} model_file;

static void put(model_file *m, const void *data, size_t size)
{
    fwrite(data, 1, size, m->file); /* failures show in ferror at the end */
}

static void put_u32(model_file *m, uint32_t value)
{
    put(m, &value, sizeof value);
}

static void put_u64(model_file *m, uint64_t value)
{
    put(m, &value, sizeof value);
}

static void put_string(model_file *m, const char *text)
{
    put_u64(m, strlen(text));
    put(m, text, strlen(text));
}

static void put_key(model_file *m, const char *key, uint32_t type)
{
    put_string(m, key);
    put_u32(m, type);
}

static void put_number(model_file *m, const char *key, uint32_t value)
{
    put_key(m, key, TYPE_U32);
    put_u32(m, value);
}

static void put_array(model_file *m, const char *key, uint32_t type)
{
    put_key(m, key, TYPE_ARRAY);
    put_u32(m, type);
    put_u64(m, VOCABULARY);
}

static void put_vocabulary(model_file *m)
{
    static const char *const control[CONTROL] = {"<unk>", "<s>", "</s>"};
    char text[8];
    put_key(m, "tokenizer.ggml.model", TYPE_STRING);
    put_string(m, "llama");
    put_array(m, "tokenizer.ggml.tokens", TYPE_STRING);
    for (int i = 0; i < VOCABULARY; i++) {
        snprintf(text, sizeof text, "<0x%02X>", (unsigned)(i - CONTROL) & 0xff);
        put_string(m, i < CONTROL ? control[i] : i == TICK ? "\xE2\x96\x81tick" : text);
    }
    put_array(m, "tokenizer.ggml.scores", TYPE_F32);
    for (int i = 0; i < VOCABULARY; i++)
        put_u32(m, 0); /* 0.0f */
    put_array(m, "tokenizer.ggml.token_type", TYPE_I32);
    for (int i = 0; i < VOCABULARY; i++) /* unknown, control, byte, normal */
        put_u32(m, i == 0 ? 2 : i < CONTROL ? 3 : i == TICK ? 1 : 6);
    put_number(m, "tokenizer.ggml.bos_token_id", 1);
    put_number(m, "tokenizer.ggml.eos_token_id", 2);
}

static void put_settings(model_file *m, uint32_t context)
{
    const float epsilon = 1e-5f;
    put_key(m, "general.architecture", TYPE_STRING);
    put_string(m, "llama");
    put_key(m, "general.name", TYPE_STRING);
    put_string(m, "tick");
    put_number(m, "llama.context_length", context);
    put_number(m, "llama.embedding_length", WIDTH);
    put_number(m, "llama.feed_forward_length", INNER);
    put_number(m, "llama.attention.head_count", HEADS);
    put_number(m, "llama.attention.head_count_kv", HEADS);
    put_key(m, "llama.attention.layer_norm_rms_epsilon", TYPE_F32);
    put(m, &epsilon, sizeof epsilon);
}

enum { SETTINGS = 8, VOCABULARY_SETTINGS = 6 };

/* One tensor's entry; its data lies behind that of the one before. */
static void name_tensor(model_file *m, const char *name, uint64_t columns, uint64_t rows)
{
    put_string(m, name);
    put_u32(m, rows > 0 ? 2 : 1);
    put_u64(m, columns);
    if (rows > 0)
        put_u64(m, rows);
    put_u32(m, 0); /* F32 */
    put_u64(m, m->data_size);
    m->data_size += columns * (rows > 0 ? rows : 1) * 4; /* each a multiple of the alignment */
}

static void name_layer(model_file *m, unsigned layer)
{
    static const struct {
        const char *name;
        uint64_t columns, rows;
    } parts[] = {{"attn_norm", WIDTH, 0}, {"attn_q", WIDTH, WIDTH}, {"attn_k", WIDTH, WIDTH},
        {"attn_v", WIDTH, WIDTH}, {"attn_output", WIDTH, WIDTH}, {"ffn_norm", WIDTH, 0},
        {"ffn_gate", WIDTH, INNER}, {"ffn_up", WIDTH, INNER}, {"ffn_down", INNER, WIDTH}};
    char name[48];
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        snprintf(name, sizeof name, "blk.%u.%s.weight", layer, parts[i].name);
        name_tensor(m, name, parts[i].columns, parts[i].rows);
    }
}

static void put_floats(model_file *m, float value, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        put(m, &value, sizeof value);
}

/* What is not zero: embeddings, the last norm, and the output matrix's one row. */
static void put_data(model_file *m)
{
    put_floats(m, 1, (uint64_t)WIDTH * VOCABULARY);
    put_floats(m, 1, WIDTH);
    put_floats(m, 0, (uint64_t)WIDTH * TICK);
    put_floats(m, 1, WIDTH);
}

bool bench_model_write(const char *path, uint64_t bytes, uint32_t context)
{
    model_file m = {fopen(path, "wb"), 0};
    unsigned layers = (unsigned)((bytes + LAYER_BYTES - 1) / LAYER_BYTES);
    if (m.file == NULL)
        return false;
    put(&m, "GGUF", 4);
    put_u32(&m, 3);
    put_u64(&m, 3 + (uint64_t)layers * 9);
    put_u64(&m, SETTINGS + 1 + VOCABULARY_SETTINGS);
    put_settings(&m, context);
    put_number(&m, "llama.block_count", layers);
    put_vocabulary(&m);
    name_tensor(&m, "token_embd.weight", WIDTH, VOCABULARY);
    name_tensor(&m, "output_norm.weight", WIDTH, 0);
    name_tensor(&m, "output.weight", WIDTH, VOCABULARY);
    for (unsigned i = 0; i < layers; i++)
        name_layer(&m, i);
    while (ftell(m.file) % ALIGNMENT != 0)
        fputc(0, m.file);
    uint64_t data_at = (uint64_t)ftell(m.file);
    put_data(&m);
    bool done =
        fflush(m.file) == 0 && !ferror(m.file) &&
        ftruncate(fileno(m.file), (off_t)(data_at + m.data_size)) == 0; /* the rest is zero */
    return fclose(m.file) == 0 && done;
}
