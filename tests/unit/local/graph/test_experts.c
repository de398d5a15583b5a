/* SPDX-License-Identifier: Apache-2.0
 *
 * Mixtures of experts on tiny models whose right answer is known: equal experts are one plain
 * feed-forward, and a router that always chooses one expert gives that expert's model. Also the
 * other families that have no vectors: that they load, compute and refuse what does not fit.
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
#define VOCABULARY 40
#define EXPERTS    4
#define TOKENS     7

typedef struct recipe {
    const char *family;
    uint32_t experts; /* 0: plain */
    uint32_t used;
    bool equal;     /* all experts are the first one */
    int favourite;  /* the router prefers it; -1: none */
    uint32_t first; /* the plain model has this expert */
    bool no_router; /* the tensor is left out */
    bool apart;     /* each expert has tensors of its own */
    bool one_short; /* and the last one lacks its way down */
    bool fused;     /* ffn_up holds gate and up; post norms */
} recipe;

static float weight_at(uint32_t seed, size_t i)
{
    uint32_t x = (uint32_t)(i * 2654435761u) ^ seed * 40503u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return ((float)(x & 0xffff) / 65536.0f - 0.5f) * 0.4f;
}

static void put(gguf_builder *builder, const char *name, uint32_t seed, uint64_t columns,
    uint64_t rows, uint64_t depth)
{
    static float data[WIDTH * INNER * 2 * EXPERTS];
    const uint64_t dims[3] = {columns, rows, depth};
    size_t count = (size_t)(columns * rows * depth);
    for (size_t i = 0; i < count; i++)
        data[i] = (rows == 1 ? 1.0f : 0.0f) + weight_at(seed, i);
    gguf_builder_tensor(builder, name, 0, depth > 1 ? 3 : rows > 1 ? 2 : 1, dims, data, count * 4);
}

/* Each expert's matrix with a seed of its own, or the first one's. */
static void put_experts(gguf_builder *builder, const recipe *r, const char *part, uint32_t seed,
    size_t columns, size_t rows)
{
    static float data[WIDTH * INNER * EXPERTS];
    const uint64_t dims[3] = {columns, rows, r->experts};
    char name[64];
    size_t count = columns * rows;
    for (uint32_t e = 0; e < r->experts; e++)
        for (size_t i = 0; i < count; i++)
            data[e * count + i] = weight_at(seed + (r->equal ? 0 : e), i);
    for (uint32_t e = 0; e < r->experts && r->apart; e++) {
        (void)snprintf(name, sizeof name, "blk.0.ffn_%s.%u.weight", part, e);
        if (!r->one_short || e + 1 < r->experts || strcmp(part, "down") != 0)
            gguf_builder_tensor(builder, name, 0, 2, dims, data + e * count, count * 4);
    }
    if (r->apart)
        return;
    (void)snprintf(name, sizeof name, "blk.0.ffn_%s_exps.weight", part);
    gguf_builder_tensor(builder, name, 0, 3, dims, data, count * r->experts * 4);
}

static void put_feed_forward(gguf_builder *builder, const recipe *r)
{
    if (r->experts == 0) {
        if (!r->fused)
            put(builder, "blk.0.ffn_gate.weight", 100 + r->first, WIDTH, INNER, 1);
        put(builder, "blk.0.ffn_up.weight", 200 + r->first, WIDTH, r->fused ? INNER * 2 : INNER, 1);
        put(builder, "blk.0.ffn_down.weight", 300 + r->first, INNER, WIDTH, 1);
        return;
    }
    put_experts(builder, r, "gate", 100, WIDTH, INNER);
    put_experts(builder, r, "up", 200, WIDTH, INNER);
    put_experts(builder, r, "down", 300, INNER, WIDTH);
    if (!r->no_router)
        put(builder, "blk.0.ffn_gate_inp.weight", 400, WIDTH, r->experts, 1);
    if (r->favourite >= 0) {
        float bias[EXPERTS] = {0};
        const uint64_t size = EXPERTS;
        bias[r->favourite] = 100;
        gguf_builder_tensor(builder, "blk.0.ffn_gate_inp.bias", 0, 1, &size, bias, sizeof bias);
    }
}

static void put_number(gguf_builder *builder, const recipe *r, const char *suffix, uint32_t value)
{
    char key[64];
    (void)snprintf(key, sizeof key, "%s.%s", r->family, suffix);
    gguf_builder_u32(builder, key, value);
}

static void put_numbers(gguf_builder *builder, const recipe *r)
{
    char key[64];
    gguf_builder_str(builder, "general.architecture", r->family);
    put_number(builder, r, "block_count", 1);
    put_number(builder, r, "context_length", 64);
    put_number(builder, r, "embedding_length", WIDTH);
    put_number(builder, r, "feed_forward_length", INNER);
    put_number(builder, r, "attention.head_count", 4);
    put_number(builder, r, "attention.head_count_kv", 2);
    if (r->fused)
        put_number(builder, r, "rope.dimension_count", 4);
    if (r->experts > 0) {
        put_number(builder, r, "expert_count", r->experts);
        put_number(builder, r, "expert_used_count", r->used);
        if (strcmp(r->family, "qwen3moe") == 0) /* else the experts in use make up the whole */
            put_number(builder, r, "expert_feed_forward_length", INNER);
    }
    (void)snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", r->family);
    gguf_builder_f32(builder, key, 1e-5f);
}

static amphi_status logits_of(const recipe *r, bool one_by_one, float *logits, amphi_error *error)
{
    const int32_t tokens[TOKENS] = {3, 1, 4, 1, 5, 9, 2};
    const amphi_llm_options options = {.threads = 2};
    gguf_builder builder;
    amphi_buf file;
    amphi_gguf *gguf = NULL;
    amphi_llm *llm = NULL;
    gguf_builder_init(&builder);
    put_numbers(&builder, r);
    put(&builder, "token_embd.weight", 1, WIDTH, VOCABULARY, 1);
    put(&builder, "blk.0.attn_norm.weight", 2, WIDTH, 1, 1);
    put(&builder, "blk.0.attn_q.weight", 3, WIDTH, WIDTH, 1);
    put(&builder, "blk.0.attn_k.weight", 4, WIDTH, WIDTH / 2, 1);
    put(&builder, "blk.0.attn_v.weight", 5, WIDTH, WIDTH / 2, 1);
    put(&builder, "blk.0.attn_output.weight", 6, WIDTH, WIDTH, 1);
    put(&builder, "blk.0.ffn_norm.weight", 7, WIDTH, 1, 1);
    put(&builder, "output_norm.weight", 8, WIDTH, 1, 1);
    if (r->fused) {
        put(&builder, "blk.0.post_attention_norm.weight", 9, WIDTH, 1, 1);
        put(&builder, "blk.0.post_ffw_norm.weight", 10, WIDTH, 1, 1);
    }
    if (strcmp(r->family, "qwen3moe") == 0) {
        put(&builder, "blk.0.attn_q_norm.weight", 11, WIDTH / 4, 1, 1);
        put(&builder, "blk.0.attn_k_norm.weight", 12, WIDTH / 4, 1, 1);
    }
    put_feed_forward(&builder, r);
    gguf_builder_finish(&builder, &file);
    amphi_status status = amphi__gguf_open_memory(&gguf, file.data, file.size, error);
    if (status == AMPHI_OK)
        status = amphi__llm_new(&llm, gguf, &options, error);
    for (size_t i = 0; status == AMPHI_OK && one_by_one && i + 1 < TOKENS; i++)
        status = amphi__llm_eval(llm, tokens + i, 1, false, NULL, NULL, error);
    if (status == AMPHI_OK)
        status = amphi__llm_eval(llm, one_by_one ? tokens + TOKENS - 1 : tokens,
            one_by_one ? 1 : TOKENS, false, logits, NULL, error);
    amphi__llm_free(llm);
    amphi__gguf_free(gguf);
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);
    return status;
}

static void assert_same_logits(const recipe *a, const recipe *b)
{
    float left[VOCABULARY];
    float right[VOCABULARY];
    amphi_error error = {0};
    if (logits_of(a, false, left, &error) != AMPHI_OK ||
        logits_of(b, false, right, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    for (int i = 0; i < VOCABULARY; i++)
        assert_true(fabsf(left[i] - right[i]) < 1e-4f * (1 + fabsf(right[i])));
}

static void experts__equal_ones_are_a_plain_feed_forward(void **state)
{
    const recipe plain = {.family = "llama"};
    for (uint32_t used = 1; used <= EXPERTS; used++) {
        const recipe mixed = {
            .family = "llama", .experts = EXPERTS, .used = used, .equal = true, .favourite = -1};
        assert_same_logits(&mixed, &plain);
    }
}

static void experts__a_favourite_alone_is_that_experts_model(void **state)
{
    for (int e = 0; e < EXPERTS; e++) {
        const recipe plain = {.family = "llama", .first = (uint32_t)e};
        const recipe mixed = {.family = "llama", .experts = EXPERTS, .used = 1, .favourite = e};
        assert_same_logits(&mixed, &plain);
    }
}

static void experts__a_token_gives_the_same_bits_alone_and_in_a_batch(void **state)
{
    static const char *const families[] = {"llama", "qwen3moe"};
    for (size_t f = 0; f < 2; f++) {
        const recipe mixed = {
            .family = families[f], .experts = EXPERTS, .used = 2, .favourite = -1};
        float batch[VOCABULARY];
        float alone[VOCABULARY];
        assert_int_equal(logits_of(&mixed, false, batch, NULL), AMPHI_OK);
        assert_int_equal(logits_of(&mixed, true, alone, NULL), AMPHI_OK);
        assert_memory_equal(batch, alone, sizeof batch);
        assert_true(isfinite(batch[0]));
    }
}

/* Mixtral files from before experts shared a tensor. */
static void experts__with_tensors_of_their_own_give_the_same_bits(void **state)
{
    const recipe together = {.family = "llama", .experts = EXPERTS, .used = 2, .favourite = -1};
    recipe apart = together;
    float left[VOCABULARY];
    float right[VOCABULARY];
    amphi_error error = {0};
    apart.apart = true;
    assert_int_equal(logits_of(&together, false, left, NULL), AMPHI_OK);
    if (logits_of(&apart, false, right, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    assert_memory_equal(left, right, sizeof left);
    apart.one_short = true;
    assert_int_equal(logits_of(&apart, false, right, &error), AMPHI_E_FORMAT);
    assert_non_null(strstr(error.message, "blk.0.ffn_down.3.weight"));
}

static void experts__impossible_mixtures_are_refused_with_a_reason(void **state)
{
    const recipe bad[] = {
        {.family = "llama", .experts = EXPERTS, .used = EXPERTS + 1, .favourite = -1},
        {.family = "llama", .experts = EXPERTS, .used = 0, .favourite = -1},
        {.family = "llama", .experts = EXPERTS, .used = 2, .favourite = -1, .no_router = true},
        {.family = "qwen2", .experts = EXPERTS, .used = 2, .favourite = -1}, {.family = "qwen3moe"},
        {.family = "glm4"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        float logits[VOCABULARY];
        amphi_error error = {0};
        amphi_status status = logits_of(&bad[i], false, logits, &error);
        assert_true(status == AMPHI_E_FORMAT || status == AMPHI_E_UNSUPPORTED);
        assert_true(error.message[0] != '\0');
    }
}

static void glm4__a_tiny_model_computes_the_same_alone_and_in_a_batch(void **state)
{
    const recipe tiny = {.family = "glm4", .fused = true};
    float batch[VOCABULARY];
    float alone[VOCABULARY];
    amphi_error error = {0};
    if (logits_of(&tiny, false, batch, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    assert_int_equal(logits_of(&tiny, true, alone, NULL), AMPHI_OK);
    assert_memory_equal(batch, alone, sizeof batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(experts__equal_ones_are_a_plain_feed_forward),
        cmocka_unit_test(experts__a_favourite_alone_is_that_experts_model),
        cmocka_unit_test(experts__a_token_gives_the_same_bits_alone_and_in_a_batch),
        cmocka_unit_test(experts__with_tensors_of_their_own_give_the_same_bits),
        cmocka_unit_test(experts__impossible_mixtures_are_refused_with_a_reason),
        cmocka_unit_test(glm4__a_tiny_model_computes_the_same_alone_and_in_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
