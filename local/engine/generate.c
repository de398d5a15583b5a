/* SPDX-License-Identifier: Apache-2.0
 *
 * One answer: the prompt's tokens that the KV cache does not hold yet go through the model in
 * batches, then token after token until the model ends, a stop string comes, the length is reached,
 * or the answer is cancelled. The heartbeat moves with every step, so silence means that a step
 * hangs.
 */
#include "local/engine/generation.h"

#include "local/engine/healing_search.h"
#include "local/engine/prefix_reuse.h"
#include "local/engine/response_format.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <math.h>
#include <time.h>

enum {
    BATCH_FIRST = 32, /* tokens; then as many as take about BATCH_US */
    BATCH_MAX = 512,
    PACE_SLICE_US = 20000,
};

#define BATCH_US 200000u

/* With every step: alive, and still wanted? */
static amphi_status begin_step(
    const amphi_generation *g, amphi_inference_phase phase, amphi_error *error)
{
    const amphi_inference_sink *sink = g->inference->sink;
    sink->heartbeat(sink->self, phase);
    return amphi__cancel_is_set(g->cancel)
               ? amphi__fail(error, AMPHI_E_CANCELLED, 0, "the request was cancelled")
               : AMPHI_OK;
}

/* ---- prefill ---- */

static size_t next_batch(size_t batch, uint64_t took_us)
{
    if (took_us < BATCH_US / 2)
        batch *= 2;
    else if (took_us > BATCH_US && batch > 8)
        batch /= 2;
    return batch > BATCH_MAX ? BATCH_MAX : batch;
}

static amphi_status prefill(amphi_generation *g, amphi_error *error)
{
    const amphi_inference_sink *sink = g->inference->sink;
    const amphi_tokens *tokens = &g->prompt.tokens;
    amphi_usage *usage = &g->result->usage;
    size_t first = amphi__prefix_reuse(g->inference, tokens);
    usage->cached_tokens =
        (uint32_t)first < usage->prompt_tokens ? (uint32_t)first : usage->prompt_tokens;
    size_t batch = BATCH_FIRST;
    for (size_t at = first; at < tokens->size;) {
        size_t count = tokens->size - at < batch ? tokens->size - at : batch;
        uint64_t from_us = amphi__clock_us(NULL);
        amphi_status status = begin_step(g, AMPHI_INFERENCE_PREFILL, error);
        if (status == AMPHI_OK)
            status = amphi__prefix_extend(g->inference, tokens->data + at, count,
                at + count == tokens->size, g->cancel, error);
        if (status != AMPHI_OK)
            return status;
        at += count;
        batch = next_batch(batch, amphi__clock_us(NULL) - from_us);
        if (at < tokens->size)
            sink->progress(sink->self, AMPHI_INFERENCE_PREFILL,
                (uint32_t)((at - first) * 1000 / (tokens->size - first)));
    }
    return AMPHI_OK;
}

/* ---- decode ---- */

/* Sleeps until the next token is due. */
static amphi_status keep_pace(amphi_generation *g, uint64_t *due_us, amphi_error *error)
{
    if (g->pace_us == 0)
        return AMPHI_OK;
    uint64_t now_us = amphi__clock_us(NULL);
    while (now_us < *due_us) {
        uint64_t left_us = *due_us - now_us;
        const struct timespec pause = {
            .tv_nsec = (long)(left_us < PACE_SLICE_US ? left_us : PACE_SLICE_US) * 1000};
        amphi_status status = begin_step(g, AMPHI_INFERENCE_TOKEN, error);
        if (status != AMPHI_OK)
            return status;
        nanosleep(&pause, NULL);
        now_us = amphi__clock_us(NULL);
    }
    *due_us = now_us + g->pace_us;
    return AMPHI_OK;
}

/* The token's text; a SentencePiece answer begins with a blank that is not part of it. */
static amphi_str text_of(amphi_generation *g, int32_t token, bool first, char scratch[8])
{
    const amphi_tokenizer *tokenizer = g->inference->tokenizer;
    amphi_str piece = amphi__tokenizer_piece(tokenizer, token, false, scratch);
    if (piece.size == 0 && amphi__tokenizer_is_control(tokenizer, token)) {
        piece = amphi__tokenizer_piece(tokenizer, token, true, scratch);
        return amphi__tool_call_marker(piece) ? piece : amphi_str_make(NULL, 0);
    }
    if (!g->prompt.starts_text)
        return amphi__healing_accept(&g->prompt.healing, token, piece);
    if (first && amphi__tokenizer_adds_space(tokenizer) && piece.size > 0 && piece.data[0] == ' ')
        piece = amphi__str_slice(piece, 1, piece.size);
    return piece;
}

/* Tokens that may still come, for the answer's bound and the context's. */
static uint32_t tokens_left(const amphi_generation *g)
{
    const amphi_llm *llm = g->inference->llm;
    uint32_t left = g->tokens_max - g->result->usage.completion_tokens;
    uint32_t room = amphi__llm_context_size(llm) - amphi__llm_position(llm);
    return room < left ? room : left;
}

static void add_biases(amphi_generation *g)
{
    for (size_t i = 0; i < g->biases_count; i++) {
        float *logit = &g->inference->logits[g->biases[i].token];
        *logit = g->biases[i].value <= -100 ? -INFINITY : *logit + g->biases[i].value;
    }
}

static amphi_status sample_token(amphi_generation *g, int32_t *token, amphi_error *error)
{
    amphi_inference *inference = g->inference;
    uint32_t count = amphi__llm_vocabulary_size(inference->llm);
    int32_t spare = -1;
    amphi__logprobs_report_observe(&g->logprobs, inference->logits);
    amphi__certainty_report_observe(&g->certainty, inference);
    if (g->prompt.healing.size > 0 ||
        (!g->constrains && amphi__healing_is_active(&g->prompt.healing)))
        spare =
            amphi__healing_mask(&g->prompt.healing, inference->tokenizer, inference->logits, count);
    add_biases(g);
    if (g->constrains) {
        uint32_t allowed = 0;
        amphi_status status = amphi__constraint_mask(
            g->constraint, tokens_left(g), inference->logits, count, &allowed, error);
        if (status != AMPHI_OK)
            return status;
    }
    *token = amphi__sampler_pick(g->sampler, inference->logits);
    if (spare >= 0 && inference->logits[*token] == -INFINITY)
        *token = spare; /* a bias, or the length that is left, forbade every other */
    return AMPHI_OK;
}

/* A token was chosen, by the sampler or by the format: it counts, and its text goes out. */
static amphi_status emit_token(amphi_generation *g, int32_t token, amphi_error *error)
{
    char scratch[8];
    amphi_str text = text_of(g, token, g->result->usage.completion_tokens == 0, scratch);
    amphi__sampler_accept(g->sampler, token);
    g->result->usage.completion_tokens++;
    amphi__logprobs_report_add(&g->logprobs, g->inference->tokenizer, token, text);
    amphi_status status = amphi__answer_push(&g->answer, text);
    return status == AMPHI_OK
               ? AMPHI_OK
               : amphi__fail(error, status, 0, "the answer could not be kept in memory");
}

/* The letters that were taken back from the answer's beginning, but for the token that ends them:
 * that one is sampled like any other. */
static amphi_status emit_healed(amphi_generation *g, amphi_error *error)
{
    amphi_healing *healing = &g->prompt.healing;
    if (healing->size == 0 || g->batch.size > 0 || tokens_left(g) <= AMPHI_HEALING_TOKENS_MAX)
        return AMPHI_OK;
    amphi_tokens tokens = {0};
    amphi_status status = amphi__healing_search(healing, g->inference, g->cancel, &tokens, error);
    const bool is_found = healing->is_found;
    const bool is_forced = healing->is_forced;
    for (size_t i = 0; i < tokens.size && status == AMPHI_OK; i++) {
        status = emit_token(g, tokens.data[i], error);
        if (status == AMPHI_OK && g->constrains)
            status = amphi__constraint_accept(g->constraint, tokens.data[i], error);
    }
    healing->is_found = is_found;
    healing->is_forced = is_forced;
    amphi__tokens_clear(&tokens);
    return status;
}

/* Computes the chosen tokens before this one, for what the model would have said instead of it. */
static amphi_status observe_alternatives(amphi_generation *g, size_t at, amphi_error *error)
{
    amphi_status status = begin_step(g, AMPHI_INFERENCE_TOKEN, error);
    if (status == AMPHI_OK && g->computed < at) {
        status = amphi__prefix_extend(
            g->inference, g->batch.data + g->computed, at - g->computed, true, g->cancel, error);
        g->computed = at;
    }
    if (status == AMPHI_OK)
        amphi__logprobs_report_observe(&g->logprobs, g->inference->logits);
    return status;
}

/* The tokens behind the chosen one that leave no choice: emitted, and computed together with it;
 * one after the other where their log-probabilities are asked for. */
static amphi_status emit_forced(amphi_generation *g, uint32_t most, amphi_error *error)
{
    size_t at = g->batch.size;
    amphi_status status = amphi__constraint_forced(g->constraint, most, &g->batch, error);
    for (; at < g->batch.size && status == AMPHI_OK && !g->answer.stopped; at++) {
        if (amphi__logprobs_report_is_on(&g->logprobs))
            status = observe_alternatives(g, at, error);
        if (status == AMPHI_OK)
            status = emit_token(g, g->batch.data[at], error);
    }
    return status;
}

/* The format's part of a step. It begins when the model's thoughts end. */
static amphi_status follow_format(amphi_generation *g, int32_t token, amphi_error *error)
{
    uint32_t left = tokens_left(g);
    amphi_status status = AMPHI_OK;
    if (g->constrains) {
        status = amphi__constraint_accept(g->constraint, token, error);
    } else if (amphi__reasoning_is_over(&g->answer.reasoning)) {
        g->constrains = true;
        if (g->answer.reasoning.state == AMPHI_REASONING_TEXT)
            status = amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
                "the model began its answer before the response_format could hold it");
    }
    if (status == AMPHI_OK && g->constrains && left > 1)
        status = emit_forced(g, left - 1, error);
    return status;
}

/* Is the answer over, now that its last token was emitted? */
static bool is_over(amphi_generation *g)
{
    const amphi_llm *llm = g->inference->llm;
    if (g->answer.stopped || (g->constrains && amphi__constraint_must_end(g->constraint))) {
        g->result->finish = AMPHI_FINISH_STOP;
        return true;
    }
    if (g->result->usage.completion_tokens < g->tokens_max &&
        amphi__llm_position(llm) + (g->batch.size - g->computed) < amphi__llm_context_size(llm))
        return false;
    if (g->constrains && amphi__constraint_may_end(g->constraint))
        g->result->finish = AMPHI_FINISH_STOP; /* nothing is missing */
    return true;
}

/* The chosen tokens through the model, and the next one chosen. */
static amphi_status next_token(
    amphi_generation *g, int32_t *token, uint64_t *due_us, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    if (g->batch.size > g->computed)
        status = amphi__prefix_extend(g->inference, g->batch.data + g->computed,
            g->batch.size - g->computed, true, g->cancel, error);
    g->batch.size = 0;
    g->computed = 0;
    if (status == AMPHI_OK)
        status = begin_step(g, AMPHI_INFERENCE_TOKEN, error);
    if (status == AMPHI_OK)
        status = keep_pace(g, due_us, error);
    if (status == AMPHI_OK)
        status = sample_token(g, token, error);
    return status;
}

static amphi_status decode(amphi_generation *g, amphi_error *error)
{
    g->result->finish = AMPHI_FINISH_LENGTH;
    uint64_t due_us = 0;
    amphi_status status = AMPHI_OK;
    while (status == AMPHI_OK && !is_over(g)) {
        int32_t token = 0;
        status = next_token(g, &token, &due_us, error);
        if (status != AMPHI_OK)
            return status;
        if (amphi__tokenizer_is_end(g->inference->tokenizer, token)) {
            g->result->usage.completion_tokens++;
            g->result->finish = AMPHI_FINISH_STOP;
            return AMPHI_OK;
        }
        if (amphi__tokens_append(&g->batch, &token, 1) != AMPHI_OK)
            return amphi__fail_no_memory(error);
        status = emit_token(g, token, error);
        if (status == AMPHI_OK && g->constraint != NULL && !g->answer.stopped)
            status = follow_format(g, token, error);
    }
    return status;
}

/* ---- one request ---- */

static amphi_status check_length(const amphi_generation *g, amphi_error *error)
{
    uint32_t context = amphi__llm_context_size(g->inference->llm);
    if (g->prompt.tokens.size == 0)
        return amphi__fail(error, AMPHI_E_REQUEST, 0, "the request is empty");
    if (g->prompt.tokens.size >= context) {
        return amphi__fail(error, AMPHI_E_CONTEXT_LENGTH, 0,
            "the conversation has %zu tokens, the local model's context holds %u",
            g->prompt.tokens.size, context);
    }
    return AMPHI_OK;
}

/* What a format begins with goes to the model with the prompt; but for log-probabilities, that is
 * read already, and the first tokens are observed one by one. */
static amphi_status begin_format(amphi_generation *g, amphi_error *error)
{
    uint32_t room = amphi__llm_context_size(g->inference->llm) - (uint32_t)g->prompt.tokens.size;
    uint32_t most = g->tokens_max < room ? g->tokens_max : room;
    g->constrains = g->constraint != NULL && amphi__reasoning_is_over(&g->answer.reasoning);
    if (!g->constrains || most <= 1)
        return AMPHI_OK;
    amphi_status status = emit_forced(g, most - 1, error);
    if (status != AMPHI_OK || amphi__logprobs_report_is_on(&g->logprobs))
        return status;
    if (amphi__tokens_append(&g->prompt.tokens, g->batch.data, g->batch.size) != AMPHI_OK)
        return amphi__fail_no_memory(error);
    g->batch.size = 0;
    return AMPHI_OK;
}

static amphi_status prepare(amphi_generation *g, amphi_error *error)
{
    amphi_status status = check_length(g, error);
    if (status == AMPHI_OK)
        status = amphi__response_format_constraint(
            &g->constraint, g->inference, &g->prompt, &g->result->prefix_refused, error);
    if (status == AMPHI_OK)
        status = amphi__generation_read_sampling(g, error);
    if (status == AMPHI_OK)
        status = amphi__generation_open_answer(g, error);
    return status;
}

static amphi_status generate_answer(amphi_generation *g, amphi_error *error)
{
    amphi_status status = prepare(g, error);
    if (status != AMPHI_OK)
        return status;
    g->tokens_max = amphi__generation_tokens_max(g);
    for (size_t i = g->prompt.prefix_at; i < g->prompt.tokens.size; i++)
        amphi__sampler_accept(g->sampler, g->prompt.tokens.data[i]);
    g->result->usage.prompt_tokens = (uint32_t)g->prompt.tokens.size;
    bool reports_logprobs = amphi__logprobs_report_is_on(&g->logprobs);
    if (!reports_logprobs)
        status = begin_format(g, error);
    if (status == AMPHI_OK)
        status = prefill(g, error);
    if (status == AMPHI_OK && reports_logprobs)
        status = begin_format(g, error);
    if (status == AMPHI_OK)
        status = emit_healed(g, error);
    if (status == AMPHI_OK)
        status = decode(g, error);
    if (status == AMPHI_OK)
        status = amphi__answer_finish(&g->answer);
    if (status == AMPHI_OK && g->answer.tools.calls > 0 && g->result->finish == AMPHI_FINISH_STOP)
        g->result->finish = AMPHI_FINISH_TOOL_CALLS;
    return status;
}

amphi_status amphi__inference_generate(amphi_inference *inference,
    const amphi_inference_request *request, amphi_inference_result *result, amphi_error *error)
{
    *result = (amphi_inference_result){0};
    amphi_generation g = {.inference = inference, .cancel = &request->cancel, .result = result};
    amphi__error_clear(error);
    inference->sink->heartbeat(inference->sink->self, AMPHI_INFERENCE_PREFILL);
    if (request->tokens_per_second_max > 0)
        g.pace_us = (uint64_t)(1e6 / (double)request->tokens_per_second_max);
    amphi_status status = amphi__prompt_make(&g.prompt, inference, request, error);
    if (status == AMPHI_OK)
        status = amphi__certainty_report_begin(&g.certainty, inference, request, error);
    if (status == AMPHI_OK)
        status = generate_answer(&g, error);
    if (status == AMPHI_E_NO_MEMORY && error->message[0] == '\0')
        amphi__fail_no_memory(error);
    amphi__sampler_free(g.sampler);
    amphi__constraint_free(g.constraint);
    amphi__tokens_clear(&g.batch);
    amphi__free(g.biases);
    amphi__answer_clear(&g.answer);
    amphi__logprobs_report_clear(&g.logprobs);
    amphi__prompt_clear(&g.prompt);
    return status;
}
