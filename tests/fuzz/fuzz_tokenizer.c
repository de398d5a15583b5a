/* SPDX-License-Identifier: Apache-2.0
 *
 * A vocabulary out of the input, then text through it: the first byte chooses the algorithm, the
 * pre-split pattern and special ids, the second what is odd about the file (see add_arrays and
 * build), lines up to an empty one are tokens (first byte: kind and score), lines up to the next
 * empty one are merges, the rest is text. What was encoded must be valid ids.
 *
 * Compiling a pattern takes a hundred times as long as everything else and depends on nothing but
 * its name, so most inputs share what was compiled at the start (the linker puts the functions
 * __wrap_... in place of the pre-tokenizer's own); one in 64 compiles its own.
 */
#include "tests/fuzz/fuzz.h"

#include "local/tokens/pretokenizer.h"
#include "local/tokens/tokenizer.h"
#include "tests/support/gguf_builder.h"

enum { LINES_MAX = 300, LINE_MAX_BYTES = 64 };
enum { TYPE_I8 = 1, TYPE_I32 = 5, TYPE_F32 = 6, TYPE_ARRAY = 9, TYPE_F64 = 12 };
enum { HAS_BOS = 0x40, HAS_EOS = 0x80 };

static const char *const patterns[] = {"default", "gpt-2", "llama-bpe", "qwen2", "deepseek-llm",
    "deepseek-coder", "falcon", "starcoder", "refact", "smollm", "glm4", "gpt-4o", "chatglm-bpe",
    "deepseek-v3", "tekken", "bloom", "odd", ""};

#define PATTERNS (sizeof patterns / sizeof patterns[0])

/* ---- the compiled patterns that inputs share ------------------------------------------------- */

amphi_status __real_amphi__pretokenizer_new(
    amphi_pretokenizer **out, amphi_str name, amphi_error *error);
void __real_amphi__pretokenizer_free(amphi_pretokenizer *pretokenizer);
amphi_status __wrap_amphi__pretokenizer_new(
    amphi_pretokenizer **out, amphi_str name, amphi_error *error);
void __wrap_amphi__pretokenizer_free(amphi_pretokenizer *pretokenizer);

static amphi_pretokenizer *shared[PATTERNS];
static bool shares;

amphi_status __wrap_amphi__pretokenizer_new(
    amphi_pretokenizer **out, amphi_str name, amphi_error *error)
{
    for (size_t i = 0; shares && i < PATTERNS; i++) {
        if (shared[i] != NULL && amphi__str_equal_c(name, patterns[i])) {
            *out = shared[i];
            return AMPHI_OK;
        }
    }
    return __real_amphi__pretokenizer_new(out, name, error);
}

void __wrap_amphi__pretokenizer_free(amphi_pretokenizer *pretokenizer)
{
    for (size_t i = 0; i < PATTERNS; i++)
        if (pretokenizer != NULL && pretokenizer == shared[i])
            return;
    __real_amphi__pretokenizer_free(pretokenizer);
}

/* ---- the vocabulary -------------------------------------------------------------------------- */

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
    uint64_t length = count;
    amphi_buf value;
    amphi__buf_init(&value, 0);
    amphi__buf_append(&value, &type, sizeof type);
    amphi__buf_append(&value, &length, sizeof length);
    for (size_t i = 0; i < count; i++) {
        int32_t kind = (lines[i][0] & 7) % 7;
        float single = (float)(lines[i][0] & 31) - (float)i / 4;
        double number = (double)single;
        const void *bytes = type == TYPE_F32 ? &single : (void *)&number;
        bool is_integer = type == TYPE_I32 || type == TYPE_I8;
        amphi__buf_append(
            &value, is_integer ? &kind : bytes, type == TYPE_F64 ? 8 : (type == TYPE_I8 ? 1 : 4));
    }
    gguf_builder_raw(builder, key, TYPE_ARRAY, value.data, value.size);
    amphi__buf_clear(&value);
}

/* Kinds and scores, as they should be, or of another type or length, or none. */
static void add_arrays(gguf_builder *builder, uint8_t odd, size_t count)
{
    size_t other = odd & 0x10 ? count + 1 : count;
    if (other > LINES_MAX)
        other = count;
    if (odd & 1)
        add_numbers(builder, "tokenizer.ggml.token_type", odd & 2 ? TYPE_I8 : TYPE_F32, other);
    else if (!(odd & 2))
        add_numbers(builder, "tokenizer.ggml.token_type", TYPE_I32, count);
    if (odd & 4)
        add_numbers(builder, "tokenizer.ggml.scores", odd & 8 ? TYPE_F64 : TYPE_I32, other);
    else if (!(odd & 8))
        add_numbers(builder, "tokenizer.ggml.scores", TYPE_F32, count);
    if (odd & 0x20)
        gguf_builder_str(builder, "general.name", odd & 1 ? "Phi-3 mini" : "other");
    if (odd & 0x40)
        gguf_builder_u32(builder, "tokenizer.ggml.eot_token_id", odd & 3);
}

static void build(gguf_builder *builder, uint8_t choice, uint8_t odd, amphi_str *rest)
{
    bool is_bpe = choice & 1;
    const char *model = is_bpe ? "gpt2" : "llama";
    const char *pre = patterns[(choice >> 1) % PATTERNS];
    gguf_builder_init(builder);
    if (odd != 0xFF)
        gguf_builder_str(builder, "tokenizer.ggml.model", odd == 0xFE ? "bert" : model);
    if (pre[0] != '\0')
        gguf_builder_str(builder, "tokenizer.ggml.pre", pre);
    size_t count = take_lines(rest);
    add_arrays(builder, odd, count);
    for (size_t i = 0; i < count; i++)
        pointers[i] = lines[i] + 1; /* the first byte was the kind */
    if (odd == 0xFD)
        add_numbers(builder, "tokenizer.ggml.tokens", TYPE_I32, count);
    else
        gguf_builder_strings(builder, "tokenizer.ggml.tokens", pointers, count);
    if (choice & HAS_EOS)
        gguf_builder_u32(builder, "tokenizer.ggml.eos_token_id", choice & 0x0F);
    if (choice & HAS_BOS)
        gguf_builder_u32(builder, "tokenizer.ggml.bos_token_id", choice & 0x0F);
    count = take_lines(rest);
    if (odd == 0xFC)
        add_numbers(builder, "tokenizer.ggml.merges", TYPE_I32, count);
    else if (odd != 0xFB)
        gguf_builder_strings(builder, "tokenizer.ggml.merges", pointers, count);
}

/* ---- its use --------------------------------------------------------------------------------- */

static void encode(const amphi_tokenizer *tokenizer, amphi_str text, bool special, bool inside)
{
    amphi_tokens tokens = {0};
    amphi_status status =
        inside ? amphi__tokenizer_encode_inside(tokenizer, text, NULL, &tokens, NULL)
               : amphi__tokenizer_encode(tokenizer, text, special, NULL, &tokens, NULL);
    fuzz_expect(status == AMPHI_OK || (fuzz_starved() && tokens.size == 0));
    char scratch[8];
    for (size_t i = 0; i < tokens.size; i++) {
        fuzz_expect(
            tokens.data[i] >= 0 && (uint32_t)tokens.data[i] < amphi__tokenizer_size(tokenizer));
        amphi_str piece = amphi__tokenizer_piece(tokenizer, tokens.data[i], special, scratch);
        fuzz_expect(piece.size < LINE_MAX_BYTES);
    }
    amphi__tokens_clear(&tokens);
}

static void ask(const amphi_tokenizer *tokenizer)
{
    int32_t size = (int32_t)amphi__tokenizer_size(tokenizer);
    int32_t eos = amphi__tokenizer_eos(tokenizer);
    int32_t bos = amphi__tokenizer_bos(tokenizer);
    fuzz_expect(bos >= -1 && bos < size && eos >= -1 && eos < size);
    fuzz_expect(eos < 0 || amphi__tokenizer_is_end(tokenizer, eos));
    fuzz_expect(bos >= 0 || !amphi__tokenizer_adds_bos(tokenizer));
    fuzz_expect(amphi__tokenizer_kind(tokenizer)[0] != '\0');
    (void)amphi__tokenizer_adds_space(tokenizer);
    char scratch[8];
    for (int32_t id = -1; id <= size; id++) {
        amphi_str piece = amphi__tokenizer_piece(tokenizer, id, false, scratch);
        fuzz_expect(piece.size == 0 || !amphi__tokenizer_is_control(tokenizer, id));
    }
}

static void body(const uint8_t *data, size_t size)
{
    amphi_gguf *gguf = NULL;
    amphi_tokenizer *tokenizer = NULL;
    amphi_error error = {0};
    if (size < 2)
        return;
    amphi_str rest = fuzz_input(data + 2, size - 2);
    gguf_builder builder;
    build(&builder, data[0], data[1], &rest);
    amphi_buf file;
    gguf_builder_finish(&builder, &file);
    gguf_builder_clear(&builder);
    fuzz_expect(amphi__gguf_open_memory(&gguf, file.data, file.size, NULL) == AMPHI_OK);
    shares = fuzz_hash(data, size) % 64 != 0;
    fuzz_starve();
    amphi_status status = amphi__tokenizer_new(&tokenizer, gguf, &error);
    fuzz_expect((status == AMPHI_OK) == (tokenizer != NULL));
    fuzz_expect(status == AMPHI_OK || error.message[0] != '\0');
    if (status == AMPHI_OK) {
        ask(tokenizer);
        encode(tokenizer, rest, false, false);
        encode(tokenizer, rest, true, false);
        if (data[1] & 1)
            encode(tokenizer, rest, false, true);
    }
    amphi__tokenizer_free(tokenizer);
    amphi__gguf_free(gguf);
    amphi__buf_clear(&file);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_begin();
    for (size_t i = 0; i < PATTERNS; i++) {
        amphi_status status =
            __real_amphi__pretokenizer_new(&shared[i], amphi_str_from(patterns[i]), NULL);
        fuzz_expect(status == AMPHI_OK || amphi__str_equal_c(AMPHI_STR("odd"), patterns[i]));
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(body, data, size);
}
