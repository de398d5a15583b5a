/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file's metadata may change about its family, on one tiny model whose right answer follows
 * from the same model without the change: a cap bends the logits that were there, a bias is added
 * to them, scaled rotations are scaled queries, turned halves are turned neighbours in other rows.
 * And what has no place in a family is refused, since it would compute something else.
 */
#include "local/graph/llm.h"
#include "tests/support/gguf_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

#define WIDTH      32
#define INNER      64
#define HEADS      4
#define HEAD       8
#define LAYERS     4
#define VOCABULARY 40
#define TOKENS     12

typedef struct recipe {
    const char *family;
    float base;          /* rope.freq_base */
    float cap;           /* final_logit_softcapping */
    float attn_factor;   /* rope.scaling.attn_factor */
    float query_scale;   /* every weight of q times this */
    uint32_t window;     /* attention.sliding_window */
    uint32_t pattern;    /* attention.sliding_window_pattern */
    const char *locals;  /* the same for each layer: '1' is local */
    bool sections;       /* rope.dimension_sections */
    bool turned;         /* rows of q and k in the order that halves want */
    bool output_bias;    /* token i has i / 10 more */
    const char *strange; /* one more tensor */
} recipe;

static float weight_at(uint32_t seed, size_t i)
{
    uint32_t x = (uint32_t)(i * 2654435761u) ^ seed * 40503u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return ((float)(x & 0xffff) / 65536.0f - 0.5f) * 0.5f;
}

static void put(gguf_builder *builder, const char *name, uint64_t columns, uint64_t rows)
{
    static float data[WIDTH * INNER * 2];
    const uint64_t dims[2] = {columns, rows};
    uint32_t seed = 0;
    for (const char *c = name; *c != '\0'; c++)
        seed = seed * 31 + (uint8_t)*c;
    for (size_t i = 0; i < columns * rows; i++)
        data[i] = (rows == 1 ? 1.0f : 0.0f) + weight_at(seed, i);
    gguf_builder_tensor(builder, name, 0, rows > 1 ? 2 : 1, dims, data, columns * rows * 4);
}

/* q or k. Of each head the first four rows are rotated: as (0, 1), (2, 3) by one kind of family,
 * as (0, 2), (1, 3) by the other. */
static void put_heads(
    gguf_builder *builder, const recipe *r, const char *name, size_t rows, float scale)
{
    static const size_t order[HEAD] = {0, 2, 1, 3, 4, 5, 6, 7};
    static float data[WIDTH * WIDTH];
    const uint64_t dims[2] = {WIDTH, rows};
    for (size_t row = 0; row < rows; row++) {
        size_t from = r->turned ? row / HEAD * HEAD + order[row % HEAD] : row;
        for (size_t i = 0; i < WIDTH; i++)
            data[row * WIDTH + i] = scale * weight_at((uint32_t)rows, from * WIDTH + i);
    }
    gguf_builder_tensor(builder, name, 0, 2, dims, data, rows * WIDTH * 4);
}

static void put_layer(gguf_builder *builder, const recipe *r, int layer)
{
    char name[64];
    bool gemma = strcmp(r->family, "gemma3") == 0;
    bool glm = strcmp(r->family, "glm4") == 0;
    const struct {
        const char *part;
        uint64_t columns;
        uint64_t rows;
        bool wanted;
    } parts[] = {{"attn_norm", WIDTH, 1, true}, {"attn_v", WIDTH, WIDTH / 2, true},
        {"attn_output", WIDTH, WIDTH, true}, {"ffn_norm", WIDTH, 1, true},
        {"ffn_gate", WIDTH, INNER, !glm}, {"ffn_up", WIDTH, glm ? 2 * INNER : INNER, true},
        {"ffn_down", INNER, WIDTH, true}, {"attn_q_norm", HEAD, 1, gemma},
        {"attn_k_norm", HEAD, 1, gemma}, {"post_attention_norm", WIDTH, 1, gemma || glm},
        {"post_ffw_norm", WIDTH, 1, gemma || glm}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        (void)snprintf(name, sizeof name, "blk.%d.%s.weight", layer, parts[i].part);
        if (parts[i].wanted)
            put(builder, name, parts[i].columns, parts[i].rows);
    }
    (void)snprintf(name, sizeof name, "blk.%d.attn_q.weight", layer);
    put_heads(builder, r, name, WIDTH, r->query_scale != 0 ? r->query_scale : 1);
    (void)snprintf(name, sizeof name, "blk.%d.attn_k.weight", layer);
    put_heads(builder, r, name, WIDTH / 2, 1);
}

static void put_number(gguf_builder *builder, const recipe *r, const char *suffix, uint32_t value)
{
    char key[64];
    (void)snprintf(key, sizeof key, "%s.%s", r->family, suffix);
    if (value > 0)
        gguf_builder_u32(builder, key, value);
}

static void put_float(gguf_builder *builder, const recipe *r, const char *suffix, float value)
{
    char key[64];
    (void)snprintf(key, sizeof key, "%s.%s", r->family, suffix);
    if (value != 0)
        gguf_builder_f32(builder, key, value);
}

static void put_sections(gguf_builder *builder)
{
    /* an array of I32, its count, 1 1 0 0 */
    const uint32_t array[] = {AMPHI_GGUF_I32, 4, 0, 1, 1, 0, 0};
    gguf_builder_raw(
        builder, "glm4.rope.dimension_sections", AMPHI_GGUF_ARRAY, array, sizeof array);
}

static void put_locals(gguf_builder *builder, const char *locals)
{
    uint8_t array[12 + LAYERS + 1] = {AMPHI_GGUF_BOOL}; /* its type, its count in eight bytes */
    array[4] = (uint8_t)strlen(locals);
    for (size_t i = 0; i < strlen(locals); i++)
        array[12 + i] = locals[i] == '1';
    gguf_builder_raw(builder, "gemma3.attention.sliding_window_pattern", AMPHI_GGUF_ARRAY, array,
        12 + strlen(locals));
}

static void build(gguf_builder *builder, const recipe *r)
{
    gguf_builder_str(builder, "general.architecture", r->family);
    put_number(builder, r, "block_count", LAYERS);
    put_number(builder, r, "context_length", 64);
    put_number(builder, r, "embedding_length", WIDTH);
    put_number(builder, r, "feed_forward_length", INNER);
    put_number(builder, r, "attention.head_count", HEADS);
    put_number(builder, r, "attention.head_count_kv", HEADS / 2);
    put_number(builder, r, "rope.dimension_count", strcmp(r->family, "glm4") == 0 ? HEAD / 2 : 0);
    put_number(builder, r, "attention.sliding_window", r->window);
    put_number(builder, r, "attention.sliding_window_pattern", r->pattern);
    put_float(builder, r, "attention.layer_norm_rms_epsilon", 1e-5f);
    put_float(builder, r, "rope.freq_base", r->base);
    put_float(builder, r, "rope.scaling.attn_factor", r->attn_factor);
    put_float(builder, r, "final_logit_softcapping", r->cap);
    if (r->locals != NULL)
        put_locals(builder, r->locals);
    if (r->sections)
        put_sections(builder);
    put(builder, "token_embd.weight", WIDTH, VOCABULARY);
    for (int layer = 0; layer < LAYERS; layer++)
        put_layer(builder, r, layer);
    put(builder, "output_norm.weight", WIDTH, 1);
    if (r->output_bias) {
        float bias[VOCABULARY];
        const uint64_t size = VOCABULARY;
        for (int i = 0; i < VOCABULARY; i++)
            bias[i] = (float)i / 10;
        gguf_builder_tensor(builder, "output.bias", 0, 1, &size, bias, sizeof bias);
    }
    if (r->strange != NULL)
        put(builder, r->strange, WIDTH, 1);
}

static amphi_status logits_of(const recipe *r, float *logits, amphi_error *error)
{
    static const int32_t tokens[TOKENS] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 35, 8, 39};
    const amphi_llm_options options = {.threads = 2};
    gguf_builder builder;
    amphi_buf file;
    amphi_gguf *gguf = NULL;
    amphi_llm *llm = NULL;
    gguf_builder_init(&builder);
    build(&builder, r);
    gguf_builder_finish(&builder, &file);
    amphi_status status = amphi__gguf_open_memory(&gguf, file.data, file.size, error);
    if (status == AMPHI_OK)
        status = amphi__llm_new(&llm, gguf, &options, error);
    if (status == AMPHI_OK)
        status = amphi__llm_eval(llm, tokens, TOKENS, false, logits, NULL, error);
    amphi__llm_free(llm);
    amphi__gguf_free(gguf);
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);
    return status;
}

static void compute(const recipe *r, float *logits)
{
    amphi_error error = {0};
    if (logits_of(r, logits, &error) != AMPHI_OK)
        fail_msg("%s: %s", r->family, error.message);
}

static double distance(const float *a, const float *b)
{
    double error = 0;
    double power = 0;
    for (int i = 0; i < VOCABULARY; i++) {
        error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        power += (double)b[i] * (double)b[i];
    }
    return error / power;
}

static void assert_same(const recipe *a, const recipe *b)
{
    float left[VOCABULARY];
    float right[VOCABULARY];
    compute(a, left);
    compute(b, right);
    assert_true(distance(left, right) < 1e-6);
}

static void assert_different(const recipe *a, const recipe *b)
{
    float left[VOCABULARY];
    float right[VOCABULARY];
    compute(a, left);
    compute(b, right);
    assert_true(distance(left, right) > 1e-5);
}

static void families__a_factor_on_rotations_is_one_on_queries(void **state)
{
    const recipe plain = {.family = "llama"};
    const recipe factor = {.family = "llama", .attn_factor = 2};
    const recipe scaled = {.family = "llama", .query_scale = 4}; /* q and k, 2 each */
    assert_same(&factor, &scaled);
    assert_different(&factor, &plain);
}

static void families__an_output_bias_is_added(void **state)
{
    float plain[VOCABULARY];
    float biased[VOCABULARY];
    compute(&(recipe){.family = "llama"}, plain);
    compute(&(recipe){.family = "llama", .output_bias = true}, biased);
    for (int i = 0; i < VOCABULARY; i++)
        assert_true(fabsf(biased[i] - plain[i] - (float)i / 10) < 1e-5f);
}

static void gemma3__a_cap_bends_the_logits(void **state)
{
    float plain[VOCABULARY];
    float capped[VOCABULARY];
    compute(&(recipe){.family = "gemma3", .window = 64}, plain);
    compute(&(recipe){.family = "gemma3", .window = 64, .cap = 0.5f}, capped);
    for (int i = 0; i < VOCABULARY; i++)
        assert_true(fabsf(capped[i] - 0.5f * tanhf(plain[i] / 0.5f)) < 1e-5f);
    assert_true(distance(capped, plain) > 1e-4);
}

static void gemma3__without_a_window_every_layer_is_global(void **state)
{
    const recipe none = {.family = "gemma3", .base = 500000};
    const recipe all_global = {.family = "gemma3", .base = 500000, .window = 2, .pattern = 1};
    const recipe some_local = {.family = "gemma3", .base = 500000, .window = 2};
    const recipe every_other = {.family = "gemma3", .base = 500000, .window = 2, .pattern = 2};
    assert_same(&none, &all_global);
    assert_different(&some_local, &none);
    assert_different(&every_other, &some_local);
    /* wide enough for all, and the local base is the global one: no window either */
    assert_same(&(recipe){.family = "gemma3", .base = 10000, .window = 64},
        &(recipe){.family = "gemma3", .base = 10000});
}

static void gemma3__local_layers_may_be_listed(void **state)
{
    static const char *const odd[] = {"1001", "0110", "101", "10101"};
    assert_same(&(recipe){.family = "gemma3", .window = 2, .pattern = 2},
        &(recipe){.family = "gemma3", .window = 2, .locals = "1010"});
    assert_same(&(recipe){.family = "gemma3", .window = 2},
        &(recipe){.family = "gemma3", .window = 2, .locals = "1111"});
    assert_same(&(recipe){.family = "gemma3", .window = 2, .pattern = 1},
        &(recipe){.family = "gemma3", .window = 2, .locals = "0000"});
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        float logits[VOCABULARY];
        amphi_error error = {0};
        const recipe r = {.family = "gemma3", .window = 2, .locals = odd[i]};
        assert_int_equal(logits_of(&r, logits, &error), AMPHI_E_UNSUPPORTED);
        assert_non_null(strstr(error.message, "sliding_window_pattern"));
    }
}

static void glm4__with_sections_halves_rotate_together(void **state)
{
    const recipe plain = {.family = "glm4"};
    const recipe sections = {.family = "glm4", .sections = true};
    const recipe both = {.family = "glm4", .sections = true, .turned = true};
    assert_same(&both, &plain);
    assert_different(&sections, &plain);
}

static void families__a_tensor_without_a_place_is_refused_by_its_name(void **state)
{
    static const char *const strange[] = {"blk.0.attn_sub_norm.weight",
        "blk.0.ffn_gate_shexp.weight", "blk.4.nextn.enorm.weight", "rope_factors_long.weight",
        "blk.0.ffn_gate.0.weight"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        float logits[VOCABULARY];
        amphi_error error = {0};
        const recipe r = {.family = "llama", .strange = strange[i]};
        assert_int_equal(logits_of(&r, logits, &error), AMPHI_E_UNSUPPORTED);
        assert_non_null(strstr(error.message, strange[i]));
    }
}

static void families__senseless_numbers_are_refused(void **state)
{
    const recipe bad[] = {{.family = "gemma3", .cap = -1}, {.family = "gemma3", .cap = NAN},
        {.family = "llama", .attn_factor = -1}, {.family = "llama", .attn_factor = INFINITY}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        float logits[VOCABULARY];
        amphi_error error = {0};
        assert_int_equal(logits_of(&bad[i], logits, &error), AMPHI_E_FORMAT);
        assert_true(error.message[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families__a_factor_on_rotations_is_one_on_queries),
        cmocka_unit_test(families__an_output_bias_is_added),
        cmocka_unit_test(gemma3__a_cap_bends_the_logits),
        cmocka_unit_test(gemma3__without_a_window_every_layer_is_global),
        cmocka_unit_test(gemma3__local_layers_may_be_listed),
        cmocka_unit_test(glm4__with_sections_halves_rotate_together),
        cmocka_unit_test(families__a_tensor_without_a_place_is_refused_by_its_name),
        cmocka_unit_test(families__senseless_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
