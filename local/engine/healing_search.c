/* SPDX-License-Identifier: Apache-2.0
 *
 * Best first: a stem is a row of tokens that spell a part of the letters; its probability bounds
 * that of every spelling that begins with it. Looking at a stem costs one step of the model, and
 * gives the probability of all tokens that reach the letters' end or go behind it, and of stems
 * that are one token longer. It is over when no stem is likelier than the best whole spelling: a
 * few steps nearly always.
 *
 * First of all the model is followed as long as its own first choices spell the letters: what it
 * would have written itself is gone on with as it would have.
 */
#include "local/engine/healing_search.h"

#include "local/engine/prefix_reuse.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"

#include <math.h>

enum {
    STEMS_MAX = 512,
    LOOKS_MAX = 12 /* steps of the model, when the letters are not its own */
};

typedef struct stem {
    int32_t tokens[AMPHI_HEALING_TOKENS_MAX];
    size_t count;
    size_t spelled; /* letters */
    double logprob;
    double whole; /* of all spellings that are one token longer; -INFINITY: none, or not seen */
    bool is_seen;
} stem;

typedef struct search {
    const amphi_healing *healing;
    amphi_inference *inference;
    const amphi_cancel *cancel;
    uint32_t vocabulary_size;
    size_t base;    /* tokens before the letters */
    stem *stems;    /* the first is empty */
    size_t count;   /* of them */
    size_t shown;   /* whose logits are at hand */
    int32_t likely; /* the first choice there */
} search;

/* Makes the model read what the stem is made of. */
static amphi_status go_to(search *s, size_t index, amphi_error *error)
{
    amphi_inference *inference = s->inference;
    const stem *at = &s->stems[index];
    if (s->shown == index)
        return AMPHI_OK;
    if (amphi__cancel_is_set(s->cancel))
        return amphi__fail(error, AMPHI_E_CANCELLED, 0, "the request was cancelled");
    inference->sink->heartbeat(inference->sink->self, AMPHI_INFERENCE_TOKEN);
    size_t common = 0;
    while (common < at->count && s->base + common < inference->cached.size &&
           inference->cached.data[s->base + common] == at->tokens[common])
        common++;
    common -= common == at->count && common > 0 ? 1 : 0; /* the last one's logits are wanted */
    s->shown = index;
    if (at->count > 0) {
        amphi__prefix_cut(inference, s->base + common);
        return amphi__prefix_extend(
            inference, at->tokens + common, at->count - common, true, s->cancel, error);
    }
    int32_t last = inference->cached.data[s->base - 1];
    amphi__prefix_cut(inference, s->base - 1);
    return amphi__prefix_extend(inference, &last, 1, true, s->cancel, error);
}

/* Remembers a stem with one token more. false: there is no room. */
static bool add(search *s, const stem *from, int32_t token, size_t letters, double logprob)
{
    if (s->count == STEMS_MAX || from->count == AMPHI_HEALING_TOKENS_MAX)
        return false;
    stem *next = &s->stems[s->count++];
    *next = *from;
    next->tokens[next->count++] = token;
    next->spelled += letters;
    next->logprob = logprob;
    next->whole = -INFINITY;
    next->is_seen = false;
    return true;
}

/* log of the sum over all tokens, and the likeliest. */
static double log_total(search *s)
{
    const float *logits = s->inference->logits;
    s->likely = 0;
    for (uint32_t i = 1; i < s->vocabulary_size; i++)
        if (logits[i] > logits[s->likely])
            s->likely = (int32_t)i;
    double most = logits[s->likely];
    double sum = 0;
    for (uint32_t i = 0; i < s->vocabulary_size; i++)
        sum += exp(logits[i] - most);
    return most + log(sum);
}

/* One look. *own: the stem that the model's first choice makes of it; SIZE_MAX: none; `index`: that
 * choice reaches the letters' end. */
static amphi_status look(search *s, size_t index, size_t *own, amphi_error *error)
{
    amphi_status status = go_to(s, index, error);
    *own = SIZE_MAX;
    if (status != AMPHI_OK)
        return status;
    double total = log_total(s);
    double sum = 0;
    s->stems[index].is_seen = true;
    for (uint32_t token = 0; token < s->vocabulary_size; token++) {
        size_t letters = 0;
        amphi_healing_match match = amphi__healing_match(
            s->healing, s->inference->tokenizer, (int32_t)token, s->stems[index].spelled, &letters);
        if (match == AMPHI_HEALING_NO || letters == 0)
            continue;
        double logprob = s->inference->logits[token] - total;
        if (match == AMPHI_HEALING_WHOLE)
            sum += exp(logprob);
        else if (!add(s, &s->stems[index], (int32_t)token, letters,
                     s->stems[index].logprob + logprob))
            continue;
        if ((int32_t)token == s->likely)
            *own = match == AMPHI_HEALING_WHOLE ? index : s->count - 1;
    }
    s->stems[index].whole = sum > 0 ? s->stems[index].logprob + log(sum) : -INFINITY;
    return AMPHI_OK;
}

/* The stem with the best whole spelling; `seen` false: the likeliest that was not looked at. */
static size_t best(const search *s, bool seen)
{
    size_t found = SIZE_MAX;
    double most = -INFINITY;
    for (size_t i = 0; i < s->count; i++) {
        double own = seen ? s->stems[i].whole : s->stems[i].logprob;
        if (s->stems[i].is_seen == seen && own > most) {
            most = own;
            found = i;
        }
    }
    return found;
}

static amphi_status find(search *s, size_t *found, bool *is_own, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    size_t own = 0;
    size_t at = 0;
    do {
        at = own;
        status = look(s, at, &own, error);
    } while (status == AMPHI_OK && own != SIZE_MAX && own != at);
    *found = own;
    *is_own = own != SIZE_MAX;
    for (int looks = 0; !*is_own && looks < LOOKS_MAX && status == AMPHI_OK; looks++) {
        size_t next = best(s, false);
        *found = best(s, true);
        if (next == SIZE_MAX ||
            (*found != SIZE_MAX && s->stems[*found].whole >= s->stems[next].logprob))
            break;
        status = look(s, next, &own, error);
        *found = best(s, true);
    }
    return status;
}

amphi_status amphi__healing_search(amphi_healing *healing, amphi_inference *inference,
    const amphi_cancel *cancel, amphi_tokens *out, amphi_error *error)
{
    size_t found = SIZE_MAX;
    bool is_own = false;
    search s = {.healing = healing,
        .inference = inference,
        .cancel = cancel,
        .vocabulary_size = amphi__llm_vocabulary_size(inference->llm),
        .base = inference->cached.size,
        .count = 1};
    s.stems = amphi__calloc(STEMS_MAX, sizeof *s.stems);
    if (s.stems == NULL)
        return amphi__fail_no_memory(error);
    s.stems[0].whole = -INFINITY;
    amphi_status status = find(&s, &found, &is_own, error);
    if (status == AMPHI_OK)
        status = go_to(&s, found == SIZE_MAX ? 0 : found, error);
    if (status == AMPHI_OK && found != SIZE_MAX &&
        amphi__tokens_append(out, s.stems[found].tokens, s.stems[found].count) != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    healing->is_found = status == AMPHI_OK && found != SIZE_MAX;
    healing->is_forced = !is_own;
    amphi__free(s.stems);
    return status;
}
