/* SPDX-License-Identifier: Apache-2.0
 *
 * One answer: the prompt's tokens that the KV cache does not hold yet go through the model in
 * batches (a conversation's next turn computes only what is new), then token after token until the
 * model ends, a stop string comes, the length is reached, or the parent gives the run up. The
 * heartbeat moves with every step, so silence means that a step hangs.
 */
#include "local/engine/generation.h"

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

static bool is_cancelled(const amphi_generation *g)
{
    return atomic_load_explicit(&g->child->control->cancel_run, memory_order_relaxed) == g->run;
}

static amphi_status cancelled(amphi_error *error)
{
    return amphi__fail(error, AMPHI_E_CANCELLED, 0, "the request was cancelled");
}

/* ---- prefill ---- */

/* Tokens at the front that the KV cache holds already; at least one is left to compute. */
static size_t reuse(amphi_generation *g)
{
    const amphi_tokens *fed = &g->child->fed;
    const amphi_tokens *tokens = &g->prompt.tokens;
    size_t common = 0;

    while (common < fed->size && common + 1 < tokens->size &&
           fed->data[common] == tokens->data[common])
        common++;
    amphi__llm_truncate(g->child->llm, (uint32_t)common);
    g->child->fed.size = common;
    return common;
}

static amphi_status feed(
    amphi_generation *g, const int32_t *tokens, size_t count, bool logits, amphi_error *error)
{
    amphi_child *child = g->child;
    const amphi_cancel cancel = {&child->control->cancel_run, g->run};
    uint32_t before = amphi__llm_position(child->llm);
    amphi_status status = amphi__llm_eval(
        child->llm, tokens, count, false, logits ? child->logits : NULL, &cancel, error);

    /* Also of a cancelled evaluation: what is in the cache whole serves the next request. */
    size_t fed = amphi__llm_position(child->llm) - before;
    if (amphi__tokens_append(&child->fed, tokens, fed) != AMPHI_OK) {
        amphi__llm_truncate(child->llm, before);
        return amphi__fail_no_memory(error);
    }
    return status;
}

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
    const amphi_tokens *tokens = &g->prompt.tokens;
    size_t at = reuse(g);
    size_t batch = BATCH_FIRST;
    size_t first = at;

    g->usage.cached_tokens =
        (uint32_t)at < g->usage.prompt_tokens ? (uint32_t)at : g->usage.prompt_tokens;
    while (at < tokens->size) {
        size_t count = tokens->size - at < batch ? tokens->size - at : batch;
        uint64_t from_us = amphi__clock_us(NULL);
        amphi_status status = AMPHI_OK;

        amphi__child_beat(g->child, AMPHI_PHASE_PREFILL);
        if (is_cancelled(g))
            return cancelled(error);
        status = feed(g, tokens->data + at, count, at + count == tokens->size, error);
        if (status != AMPHI_OK)
            return status;
        at += count;
        batch = next_batch(batch, amphi__clock_us(NULL) - from_us);
        if (at < tokens->size) {
            const amphi_worker_progress progress = {.phase = AMPHI_PHASE_PREFILL,
                .permille = (uint32_t)((at - first) * 1000 / (tokens->size - first))};

            amphi__child_send(g->child, AMPHI_WORKER_PROGRESS, &progress, sizeof progress,
                amphi_str_make(NULL, 0));
        }
    }
    return AMPHI_OK;
}

/* ---- decode ---- */

/* Sleeps until the next token is due. */
static amphi_status keep_pace(amphi_generation *g, uint64_t *due_us, amphi_error *error)
{
    uint64_t now_us = amphi__clock_us(NULL);

    if (g->pace_us == 0)
        return AMPHI_OK;
    while (now_us < *due_us) {
        uint64_t left_us = *due_us - now_us;
        const struct timespec pause = {
            .tv_nsec = (long)(left_us < PACE_SLICE_US ? left_us : PACE_SLICE_US) * 1000};

        amphi__child_beat(g->child, AMPHI_PHASE_TOKEN);
        if (is_cancelled(g))
            return cancelled(error);
        nanosleep(&pause, NULL);
        now_us = amphi__clock_us(NULL);
    }
    *due_us = now_us + g->pace_us;
    return AMPHI_OK;
}

/* Leaves only the tokens that spell on what was taken back from the answer's beginning. */
static void allow_healing_only(amphi_generation *g)
{
    const amphi_str heal = amphi_str_make(g->prompt.heal, g->prompt.heal_size);
    const amphi_tokenizer *tokenizer = g->child->tokenizer;
    uint32_t known = amphi__tokenizer_size(tokenizer);
    uint32_t count = amphi__llm_vocabulary_size(g->child->llm);
    char scratch[8];

    for (uint32_t token = 0; token < count; token++) {
        amphi_str piece = token < known
                              ? amphi__tokenizer_piece(tokenizer, (int32_t)token, false, scratch)
                              : amphi_str_make(NULL, 0);

        if (piece.size == 0 ||
            (!amphi__str_starts_with(piece, heal) && !amphi__str_starts_with(heal, piece)))
            g->child->logits[token] = -INFINITY;
    }
}

/* What of a piece was not shown before. */
static amphi_str after_healing(amphi_generation *g, amphi_str piece)
{
    amphi_prompt *prompt = &g->prompt;
    size_t shown = piece.size < prompt->heal_size ? piece.size : prompt->heal_size;

    prompt->heal_size -= shown;
    memmove(prompt->heal, prompt->heal + shown, prompt->heal_size);
    return amphi__str_slice(piece, shown, piece.size);
}

/* The token's text; a SentencePiece answer begins with a blank that nobody wrote. */
static amphi_str text_of(amphi_generation *g, int32_t token, bool first, char scratch[8])
{
    amphi_str piece = amphi__tokenizer_piece(g->child->tokenizer, token, false, scratch);

    if (piece.size == 0 && amphi__tokenizer_is_control(g->child->tokenizer, token)) {
        piece = amphi__tokenizer_piece(g->child->tokenizer, token, true, scratch);
        return amphi__tool_call_marker(piece) ? piece : amphi_str_make(NULL, 0);
    }
    if (g->prompt.heal_size > 0)
        return after_healing(g, piece);
    if (first && g->prompt.starts_text && amphi__tokenizer_adds_space(g->child->tokenizer) &&
        piece.size > 0 && piece.data[0] == ' ')
        piece = amphi__str_slice(piece, 1, piece.size);
    return piece;
}

/* Tokens that may still come, for the answer's bound and the context's. */
static uint32_t tokens_left(const amphi_generation *g)
{
    uint32_t left = g->tokens_max - g->usage.completion_tokens;
    uint32_t room = amphi__llm_context_size(g->child->llm) - amphi__llm_position(g->child->llm);

    return room < left ? room : left;
}

static void add_biases(amphi_generation *g)
{
    for (size_t i = 0; i < g->biases_count; i++) {
        float *logit = &g->child->logits[g->biases[i].token];

        *logit = g->biases[i].value <= -100 ? -INFINITY : *logit + g->biases[i].value;
    }
}

static amphi_status pick(amphi_generation *g, int32_t *token, amphi_error *error)
{
    amphi_child *child = g->child;
    amphi_status status = AMPHI_OK;

    amphi__told_look(&g->told, child->logits);
    add_biases(g);
    if (g->prompt.heal_size > 0)
        allow_healing_only(g);
    if (g->constrains) {
        uint32_t allowed = 0;

        status = amphi__constraint_mask(g->constraint, tokens_left(g), child->logits,
            amphi__llm_vocabulary_size(child->llm), &allowed, error);
    }
    if (status == AMPHI_OK)
        *token = amphi__sampler_pick(g->sampler, child->logits);
    return status;
}

/* A token was chosen, by whomever: it counts, and its text goes out. */
static amphi_status say(amphi_generation *g, int32_t token, amphi_error *error)
{
    bool first = g->usage.completion_tokens == 0;
    char scratch[8];
    amphi_str text = text_of(g, token, first, scratch);
    amphi_status status = AMPHI_OK;

    amphi__sampler_accept(g->sampler, token);
    g->usage.completion_tokens++;
    amphi__told_add(&g->told, g->child->tokenizer, token, text);
    status = amphi__answer_push(&g->answer, text);
    return status == AMPHI_OK
               ? AMPHI_OK
               : amphi__fail(error, status, 0, "the answer could not be kept in memory");
}

/* Computes the chosen tokens before this one, for what the model would have said instead of it. */
static amphi_status look_before(amphi_generation *g, size_t at, amphi_error *error)
{
    size_t first = g->computed;
    amphi_status status = AMPHI_OK;

    amphi__child_beat(g->child, AMPHI_PHASE_TOKEN);
    if (is_cancelled(g))
        return cancelled(error);
    if (first < at) {
        status = feed(g, g->batch.data + first, at - first, true, error);
        g->computed = at;
    }
    if (status == AMPHI_OK)
        amphi__told_look(&g->told, g->child->logits);
    return status;
}

/* The tokens behind the chosen one that leave no choice: said, and computed together with it; one
 * after the other where their log-probabilities are asked for. */
static amphi_status say_forced(amphi_generation *g, uint32_t most, amphi_error *error)
{
    size_t at = g->batch.size;
    amphi_status status = amphi__constraint_forced(g->constraint, most, &g->batch, error);

    for (; at < g->batch.size && status == AMPHI_OK && !g->answer.stopped; at++) {
        if (amphi__told_is_on(&g->told))
            status = look_before(g, at, error);
        if (status != AMPHI_OK)
            break;
        status = say(g, g->batch.data[at], error);
    }
    return status;
}

/* The format's part of a step. It begins when the model's thoughts end. */
static amphi_status follow_format(amphi_generation *g, int32_t token, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    uint32_t left = tokens_left(g);

    if (g->constrains) {
        status = amphi__constraint_accept(g->constraint, token, error);
    } else if (amphi__reasoning_is_over(&g->answer.reasoning)) {
        g->constrains = true;
        if (g->answer.reasoning.state == AMPHI_REASONING_TEXT) {
            status = amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
                "the model began its answer before the response_format could hold it");
        }
    }
    if (status == AMPHI_OK && g->constrains && left > 1)
        status = say_forced(g, left - 1, error);
    return status;
}

/* Is the answer over, now that its last token was said? */
static bool is_over(amphi_generation *g)
{
    if (g->answer.stopped || (g->constrains && amphi__constraint_must_end(g->constraint))) {
        g->finish = AMPHI_FINISH_STOP;
        return true;
    }
    if (g->usage.completion_tokens < g->tokens_max &&
        amphi__llm_position(g->child->llm) + (g->batch.size - g->computed) <
            amphi__llm_context_size(g->child->llm))
        return false;
    if (g->constrains && amphi__constraint_may_end(g->constraint))
        g->finish = AMPHI_FINISH_STOP; /* nothing is missing */
    return true;
}

static amphi_status decode(amphi_generation *g, amphi_error *error)
{
    amphi_child *child = g->child;
    uint64_t due_us = 0;
    amphi_status status = AMPHI_OK;

    g->finish = AMPHI_FINISH_LENGTH;
    while (status == AMPHI_OK && !is_over(g)) {
        int32_t token = 0;

        if (g->batch.size > g->computed)
            status = feed(g, g->batch.data + g->computed, g->batch.size - g->computed, true, error);
        g->batch.size = g->computed = 0;
        amphi__child_beat(child, AMPHI_PHASE_TOKEN);
        if (status == AMPHI_OK && is_cancelled(g))
            return cancelled(error);
        status = status == AMPHI_OK ? keep_pace(g, &due_us, error) : status;
        status = status == AMPHI_OK ? pick(g, &token, error) : status;
        if (status != AMPHI_OK)
            return status;
        if (amphi__tokenizer_is_end(child->tokenizer, token)) {
            g->usage.completion_tokens++;
            g->finish = AMPHI_FINISH_STOP;
            return AMPHI_OK;
        }
        if (amphi__tokens_append(&g->batch, &token, 1) != AMPHI_OK)
            return amphi__fail_no_memory(error);
        status = say(g, token, error);
        if (status == AMPHI_OK && g->constraint != NULL && !g->answer.stopped)
            status = follow_format(g, token, error);
    }
    return status;
}

/* ---- one request ---- */

static amphi_status check_length(const amphi_generation *g, amphi_error *error)
{
    uint32_t context = amphi__llm_context_size(g->child->llm);

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
 * read already, and the first tokens are to be looked at one by one. */
static amphi_status begin_format(amphi_generation *g, amphi_error *error)
{
    uint32_t room = amphi__llm_context_size(g->child->llm) - (uint32_t)g->prompt.tokens.size;
    uint32_t most = g->tokens_max < room ? g->tokens_max : room;
    amphi_status status = AMPHI_OK;

    g->constrains = g->constraint != NULL && amphi__reasoning_is_over(&g->answer.reasoning);
    if (!g->constrains || most <= 1)
        return AMPHI_OK;
    status = say_forced(g, most - 1, error);
    if (status != AMPHI_OK || amphi__told_is_on(&g->told))
        return status;
    if (amphi__tokens_append(&g->prompt.tokens, g->batch.data, g->batch.size) != AMPHI_OK)
        return amphi__fail_no_memory(error);
    g->batch.size = 0;
    return AMPHI_OK;
}

static amphi_status prepare(amphi_generation *g, amphi_error *error)
{
    amphi_status status = check_length(g, error);

    if (status == AMPHI_OK) {
        status = amphi__child_constraint(
            &g->constraint, g->child, &g->prompt, &g->prefix_refused, error);
    }
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
    g->usage.prompt_tokens = (uint32_t)g->prompt.tokens.size;
    if (!amphi__told_is_on(&g->told))
        status = begin_format(g, error);
    if (status == AMPHI_OK)
        status = prefill(g, error);
    if (status == AMPHI_OK && amphi__told_is_on(&g->told))
        status = begin_format(g, error);
    if (status == AMPHI_OK)
        status = decode(g, error);
    if (status == AMPHI_OK)
        status = amphi__answer_finish(&g->answer);
    if (status == AMPHI_OK && g->answer.tools.calls > 0 && g->finish == AMPHI_FINISH_STOP)
        g->finish = AMPHI_FINISH_TOOL_CALLS;
    return status;
}

static void send_end(const amphi_generation *g, amphi_status status, const amphi_error *error)
{
    const amphi_str none = amphi_str_make(NULL, 0);

    if (status == AMPHI_OK) {
        const amphi_worker_finish finish = {.run = g->run, .finish = (uint32_t)g->finish};

        amphi__child_send(g->child, AMPHI_WORKER_USAGE, &g->usage, sizeof g->usage, none);
        amphi__child_send(g->child, AMPHI_WORKER_FINISH, &finish, sizeof finish, none);
    } else {
        amphi_worker_fail fail = {
            .run = g->run, .status = (uint32_t)status, .prefix_refused = g->prefix_refused};

        amphi__str_copy_to(fail.message, sizeof fail.message, amphi_str_from(error->message));
        amphi__child_send(g->child, AMPHI_WORKER_FAIL, &fail, sizeof fail, none);
    }
}

void amphi__child_generate(
    amphi_child *child, const amphi_worker_generate *request, amphi_str body, amphi_str prefix)
{
    amphi_generation g = {.child = child, .run = request->run, .usage = {.run = request->run}};
    amphi_error error;
    amphi_status status = AMPHI_OK;

    amphi__error_clear(&error);
    amphi__child_beat(child, AMPHI_PHASE_PREFILL);
    if (request->tokens_per_second_max > 0)
        g.pace_us = (uint64_t)(1e6 / (double)request->tokens_per_second_max);
    status = amphi__child_prompt(&g.prompt, child, body, prefix, request->now_s, &error);
    if (status == AMPHI_OK)
        status = generate_answer(&g, &error);
    if (status == AMPHI_E_NO_MEMORY && error.message[0] == '\0')
        amphi__fail_no_memory(&error);
    send_end(&g, status, &error);
    amphi__sampler_free(g.sampler);
    amphi__constraint_free(g.constraint);
    amphi__tokens_clear(&g.batch);
    amphi__free(g.biases);
    amphi__answer_clear(&g.answer);
    amphi__told_clear(&g.told);
    amphi__child_prompt_clear(&g.prompt);
}

void amphi__child_count(amphi_child *child, const amphi_worker_count *count, amphi_str body)
{
    amphi_worker_counted counted = {.id = count->id};
    amphi_prompt prompt;
    amphi_error error;

    amphi__child_beat(child, AMPHI_PHASE_PREFILL);
    counted.status =
        (uint32_t)amphi__child_prompt(&prompt, child, body, amphi_str_make(NULL, 0), 0, &error);
    if (counted.status == AMPHI_OK) {
        counted.tokens = (uint32_t)prompt.tokens.size;
        amphi__child_prompt_clear(&prompt);
    }
    amphi__child_send(
        child, AMPHI_WORKER_COUNTED, &counted, sizeof counted, amphi_str_make(NULL, 0));
}
