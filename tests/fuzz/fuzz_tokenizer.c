/* SPDX-License-Identifier: Apache-2.0
 *
 * A vocabulary out of the input, then text through it: the first byte chooses the algorithm and the
 * pre-split pattern, lines up to an empty one are tokens (first byte: kind), lines up to the next
 * empty one are merges, the rest is text. What was encoded must be valid ids.
 */
#include "fuzz.h"
#include "local/text/tokenizer.h"
#include "tests/support/gguf_builder.h"

enum { LINES_MAX = 300, LINE_MAX_BYTES = 64, TYPE_ARRAY = 9, TYPE_I32 = 5, TYPE_F32 = 6 };

static char lines[LINES_MAX][LINE_MAX_BYTES];
static const char *pointers[LINES_MAX];

/* Lines up to an empty one; their number. */
static size_t take_lines(amphi_str *rest)
{
    size_t count = 0;
    while (rest->size > 0 && count < LINES_MAX) {
        amphi_str line = amphi__str_cut(*rest, '\n', rest);
        if (line.size == 0)
            break;
        if (line.size >= LINE_MAX_BYTES)
            line.size = LINE_MAX_BYTES - 1;
        memcpy(lines[count], line.data, line.size);
        lines[count][line.size] = '\0';
        pointers[count] = lines[count];
        count++;
    }
    return count;
}

static void add_numbers(gguf_builder *builder, const char *key, uint32_t type, size_t count)
{
    amphi_buf value;
    uint64_t length = count;
    amphi__buf_init(&value, 0);
    amphi__buf_append(&value, &type, sizeof type);
    amphi__buf_append(&value, &length, sizeof length);
    for (size_t i = 0; i < count; i++) {
        int32_t kind = (lines[i][0] & 7) % 7;
        float score = (float)(lines[i][0] & 31) - (float)i / 4;
        amphi__buf_append(&value, type == TYPE_I32 ? (void *)&kind : (void *)&score, 4);
    }
    gguf_builder_raw(builder, key, TYPE_ARRAY, value.data, value.size);
    amphi__buf_clear(&value);
}

static void build(gguf_builder *builder, uint8_t choice, amphi_str *rest)
{
    static const char *const patterns[] = {"default", "gpt-2", "llama-bpe", "qwen2", "deepseek-llm",
        "deepseek-coder", "falcon", "starcoder", "refact", "smollm", "glm4", "gpt-4o",
        "chatglm-bpe", "odd"};
    bool is_bpe = choice & 1;
    gguf_builder_init(builder);
    gguf_builder_str(builder, "tokenizer.ggml.model", is_bpe ? "gpt2" : "llama");
    gguf_builder_str(builder, "tokenizer.ggml.pre",
        patterns[(choice >> 1) % (sizeof patterns / sizeof patterns[0])]);
    size_t count = take_lines(rest);
    add_numbers(builder, "tokenizer.ggml.token_type", TYPE_I32, count);
    add_numbers(builder, "tokenizer.ggml.scores", TYPE_F32, count);
    for (size_t i = 0; i < count; i++)
        pointers[i] = lines[i] + 1; /* the first byte was the kind */
    gguf_builder_strings(builder, "tokenizer.ggml.tokens", pointers, count);
    if (choice & 0x80)
        gguf_builder_u32(builder, "tokenizer.ggml.eos_token_id", choice & 0x0F);
    if (choice & 0x40)
        gguf_builder_u32(builder, "tokenizer.ggml.bos_token_id", choice & 0x0F);
    count = take_lines(rest);
    gguf_builder_strings(builder, "tokenizer.ggml.merges", pointers, count);
}

static void encode(const amphi_tokenizer *tokenizer, amphi_str text, bool special)
{
    amphi_tokens tokens = {0};
    char scratch[8];
    if (amphi__tokenizer_encode(tokenizer, text, special, &tokens, NULL) == AMPHI_OK) {
        for (size_t i = 0; i < tokens.size; i++) {
            fuzz_expect(
                tokens.data[i] >= 0 && (uint32_t)tokens.data[i] < amphi__tokenizer_size(tokenizer));
            amphi__tokenizer_piece(tokenizer, tokens.data[i], special, scratch);
        }
    }
    amphi__tokens_clear(&tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gguf_builder builder;
    amphi_buf file;
    amphi_gguf *gguf = NULL;
    amphi_tokenizer *tokenizer = NULL;
    amphi_error error;
    if (size == 0)
        return 0;
    amphi_str rest = fuzz_input(data + 1, size - 1);
    build(&builder, data[0], &rest);
    gguf_builder_finish(&builder, &file);
    gguf_builder_clear(&builder);
    if (amphi__gguf_open_memory(&gguf, file.data, file.size, &error) == AMPHI_OK &&
        amphi__tokenizer_new(&tokenizer, gguf, &error) == AMPHI_OK) {
        encode(tokenizer, rest, false);
        encode(tokenizer, rest, true);
    }
    amphi__tokenizer_free(tokenizer);
    amphi__gguf_free(gguf);
    amphi__buf_clear(&file);
    return 0;
}
