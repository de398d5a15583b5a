/* SPDX-License-Identifier: Apache-2.0
 *
 * The order is that of the reference implementation: penalties, top-k, typical, top-p, min-p,
 * temperature, draw. Greedy needs no memory but the penalties. Candidates are sorted only as far
 * as top-k and top-p ask: top-k by selection (O(n)), top-p by a heap that stops when enough
 * probability is gathered. Equal logits are ordered by id, so nothing depends on the sort.
 */
#include "local/text/sampler.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"

#include <float.h>
#include <math.h>

#define WINDOW_DEFAULT 64u
#define WINDOW_MAX     8192u

#define TEMPERATURE_MIN 1e-6f /* below it: greedy */

typedef struct candidate {
    int32_t id;
    float logit;
    float probability;
    float surprise; /* typical sampling's distance from the entropy */
} candidate;

struct amphi_sampler {
    amphi_sampler_options options;
    uint32_t vocabulary_size;
    uint64_t state[4]; /* xoshiro256++ */
    candidate *candidates;
    int32_t *window; /* ring of the last tokens */
    uint32_t window_used;
    uint32_t window_next;
    uint16_t *counts; /* per token, how often it is in the window */
};

/* ---- making --------------------------------------------------------------------------------- */

void amphi__sampler_options_init(amphi_sampler_options *options)
{
    memset(options, 0, sizeof *options);
    options->temperature = 0.7f;
    options->top_p = 1.0f;
    options->typical_p = 1.0f;
    options->repetition_penalty = 1.0f;
    options->penalty_window = WINDOW_DEFAULT;
}

/* splitmix64 (https://prng.di.unimi.it/splitmix64.c), to spread the seed. */
static uint64_t spread(uint64_t *x)
{
    *x += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *x;
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

/* xoshiro256++ (Blackman and Vigna, https://prng.di.unimi.it/), as a number in [0, 1). */
static double next_uniform(uint64_t s[4])
{
    uint64_t result = rotate(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return (double)(result >> 11) * 0x1p-53;
}

static const char *bad_field(const amphi_sampler_options *o)
{
    if (!(o->temperature >= 0.0f && o->temperature <= 100.0f))
        return "temperature";
    if (!(o->top_p >= 0.0f && o->top_p <= 1.0f))
        return "top_p";
    if (!(o->min_p >= 0.0f && o->min_p <= 1.0f))
        return "min_p";
    if (!(o->typical_p >= 0.0f && o->typical_p <= 1.0f))
        return "typical_p";
    if (!(o->repetition_penalty > 0.0f && o->repetition_penalty <= 100.0f))
        return "repetition_penalty";
    if (!(fabsf(o->presence_penalty) <= 100.0f))
        return "presence_penalty";
    if (!(fabsf(o->frequency_penalty) <= 100.0f))
        return "frequency_penalty";
    return o->penalty_window <= WINDOW_MAX ? NULL : "penalty_window";
}

static bool has_penalties(const amphi_sampler_options *o)
{
    return o->repetition_penalty != 1.0f || o->presence_penalty != 0.0f ||
           o->frequency_penalty != 0.0f;
}

amphi_status amphi__sampler_new(amphi_sampler **out, const amphi_sampler_options *options,
    uint32_t vocabulary_size, amphi_error *error)
{
    *out = NULL;
    const char *field = bad_field(options);
    if (field != NULL || vocabulary_size == 0 || vocabulary_size > INT32_MAX)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s is out of range",
            field != NULL ? field : "vocabulary_size");
    amphi_status status = AMPHI_OK;
    amphi_sampler *sampler = amphi__calloc(1, sizeof *sampler);
    if (sampler == NULL)
        return amphi__fail_no_memory(error);
    sampler->options = *options;
    sampler->vocabulary_size = vocabulary_size;
    if (sampler->options.penalty_window == 0)
        sampler->options.penalty_window = WINDOW_DEFAULT;
    uint64_t seed = options->seed;
    for (int i = 0; i < 4; i++)
        sampler->state[i] = spread(&seed);
    bool draws = options->temperature >= TEMPERATURE_MIN;
    if (draws)
        sampler->candidates = amphi__calloc(vocabulary_size, sizeof *sampler->candidates);
    if (has_penalties(options)) {
        sampler->window = amphi__calloc(sampler->options.penalty_window, sizeof *sampler->window);
        sampler->counts = amphi__calloc(vocabulary_size, sizeof *sampler->counts);
    }
    if ((draws && sampler->candidates == NULL) ||
        (has_penalties(options) && (sampler->window == NULL || sampler->counts == NULL))) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    *out = sampler;
    sampler = NULL;
cleanup:
    amphi__sampler_free(sampler);
    return status;
}

void amphi__sampler_free(amphi_sampler *sampler)
{
    if (sampler == NULL)
        return;
    amphi__free(sampler->candidates);
    amphi__free(sampler->window);
    amphi__free(sampler->counts);
    amphi__free(sampler);
}

/* ---- penalties ------------------------------------------------------------------------------ */

void amphi__sampler_accept(amphi_sampler *sampler, int32_t token)
{
    if (sampler->window == NULL || token < 0 || (uint32_t)token >= sampler->vocabulary_size)
        return;
    uint32_t size = sampler->options.penalty_window;
    if (sampler->window_used == size)
        sampler->counts[sampler->window[sampler->window_next]]--;
    else
        sampler->window_used++;
    sampler->window[sampler->window_next] = token;
    sampler->window_next = (sampler->window_next + 1) % size;
    sampler->counts[token]++;
}

/* Repetition: CTRL (arXiv 1909.05858), with negative logits multiplied so that they fall as well.
 * Presence and frequency: OpenAI's API reference. Each token once, however often it came. */
static void penalize(const amphi_sampler *sampler, float *logits)
{
    const amphi_sampler_options *o = &sampler->options;
    for (uint32_t i = 0; i < sampler->window_used; i++) {
        int32_t token = sampler->window[i];
        uint16_t count = sampler->counts[token];
        if (count == 0)
            continue; /* done: marked below */
        float logit = logits[token];
        logit = logit <= 0.0f ? logit * o->repetition_penalty : logit / o->repetition_penalty;
        logits[token] = logit - (float)count * o->frequency_penalty - o->presence_penalty;
        sampler->counts[token] = 0;
    }
    for (uint32_t i = 0; i < sampler->window_used; i++)
        sampler->counts[sampler->window[i]]++;
}

/* ---- choosing ------------------------------------------------------------------------------- */

static int32_t greedy(const float *logits, uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++)
        if (logits[i] > logits[best])
            best = i;
    return (int32_t)best;
}

typedef bool before_fn(const candidate *a, const candidate *b);

/* The better one: higher logit, then lower id. */
static bool is_better(const candidate *a, const candidate *b)
{
    return a->logit > b->logit || (a->logit == b->logit && a->id < b->id);
}

static bool is_more_typical(const candidate *a, const candidate *b)
{
    return a->surprise < b->surprise || (a->surprise == b->surprise && is_better(a, b));
}

static void swap(candidate *a, candidate *b)
{
    candidate kept = *a;
    *a = *b;
    *b = kept;
}

/* Restores the heap (the first in order on top) below `at`. */
static void sift(candidate *c, size_t count, size_t at, before_fn *before)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && before(&c[child + 1], &c[child]))
            child++;
        if (!before(&c[child], &c[at]))
            return;
        swap(&c[at], &c[child]);
        at = child;
    }
}

/* Moves the first ones in order to the front, until they are `k` or hold `share` of the
 * probability (`beyond`: more than it). Returns how many. */
static size_t take_first(
    candidate *c, size_t count, size_t k, double share, bool beyond, before_fn *before)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(c, count, i, before);
    /* Taken ones go to the end of the array, which the heap leaves free. */
    double sum = 0.0;
    size_t left = count;
    while (left > 0 && count - left < k) {
        sum += c[0].probability;
        left--;
        swap(&c[0], &c[left]);
        sift(c, left, 0, before);
        if (beyond ? sum > share : sum >= share)
            break;
    }
    size_t taken = count - left;
    for (size_t i = 0; i < taken && i < count - 1 - i; i++)
        swap(&c[i], &c[count - 1 - i]);
    return taken;
}

/* Moves the best k to the front, unsorted: quickselect with the middle of three as the pivot, and
 * a heap when that goes wrong too often. */
static void select_best(candidate *c, size_t count, size_t k)
{
    size_t low = 0;
    size_t high = count;
    for (int round = 0; round < 64; round++) {
        if (high - low <= 1)
            return;
        candidate *middle = &c[low + (high - low) / 2];
        candidate *last = &c[high - 1];
        if (is_better(middle, &c[low]))
            swap(middle, &c[low]);
        if (is_better(last, &c[low]))
            swap(last, &c[low]);
        if (is_better(middle, last))
            swap(middle, last); /* the median is the pivot, at the end */
        size_t edge = low;
        for (size_t i = low; i < high - 1; i++)
            if (is_better(&c[i], last))
                swap(&c[i], &c[edge++]);
        swap(&c[edge], last);
        if (edge == k)
            return;
        if (edge < k)
            low = edge + 1;
        else
            high = edge;
    }
    (void)take_first(c + low, high - low, k - low, INFINITY, true, is_better);
}

static size_t keep_top_k(const amphi_sampler *sampler, candidate *c, size_t count)
{
    size_t k = sampler->options.top_k;
    if (k == 0 || k >= count)
        return count;
    select_best(c, count, k);
    return k;
}

/* probability = softmax(logit * scale) over the candidates. Their largest logit is finite. */
static void softmax(candidate *c, size_t count, float scale)
{
    float largest = c[0].logit;
    for (size_t i = 1; i < count; i++)
        largest = c[i].logit > largest ? c[i].logit : largest;
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        c[i].probability = expf((c[i].logit - largest) * scale);
        sum += c[i].probability;
    }
    for (size_t i = 0; i < count; i++)
        c[i].probability = (float)(c[i].probability / sum);
}

/* Locally typical sampling (arXiv 2202.00666): the tokens whose surprise is nearest to the
 * entropy, until they hold typical_p. */
static size_t keep_typical(const amphi_sampler *sampler, candidate *c, size_t count)
{
    if (sampler->options.typical_p >= 1.0f)
        return count;
    softmax(c, count, 1.0f);
    double entropy = 0.0;
    for (size_t i = 0; i < count; i++)
        if (c[i].probability > 0.0f)
            entropy -= (double)c[i].probability * log((double)c[i].probability);
    for (size_t i = 0; i < count; i++)
        c[i].surprise = c[i].probability > 0.0f
                            ? (float)fabs(-log((double)c[i].probability) - entropy)
                            : INFINITY;
    return take_first(c, count, count, sampler->options.typical_p, true, is_more_typical);
}

/* The fewest best tokens that hold top_p of the probability (arXiv 1904.09751), best first. */
static size_t keep_top_p(const amphi_sampler *sampler, candidate *c, size_t count)
{
    if (sampler->options.top_p >= 1.0f)
        return count;
    softmax(c, count, 1.0f);
    return take_first(c, count, count, sampler->options.top_p, false, is_better);
}

/* Tokens at least min_p times as probable as the best one (arXiv 2407.01082). */
static size_t keep_min_p(const amphi_sampler *sampler, candidate *c, size_t count)
{
    if (sampler->options.min_p <= 0.0f)
        return count;
    float largest = c[0].logit;
    for (size_t i = 1; i < count; i++)
        largest = c[i].logit > largest ? c[i].logit : largest;
    float least = largest + logf(sampler->options.min_p);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (c[i].logit >= least)
            c[kept++] = c[i];
    return kept;
}

static int32_t draw(amphi_sampler *sampler, candidate *c, size_t count)
{
    softmax(c, count, 1.0f / sampler->options.temperature);
    double left = next_uniform(sampler->state);
    int32_t last = c[0].id;
    for (size_t i = 0; i < count; i++) {
        if (c[i].probability <= 0.0f)
            continue;
        last = c[i].id;
        left -= c[i].probability;
        if (left < 0.0)
            return last;
    }
    return last; /* rounding left a crumb */
}

int32_t amphi__sampler_pick(amphi_sampler *sampler, float *logits)
{
    if (sampler->window != NULL)
        penalize(sampler, logits);
    for (uint32_t i = 0; i < sampler->vocabulary_size; i++)
        if (isnan(logits[i]))
            logits[i] = -INFINITY;
        else if (logits[i] == INFINITY)
            logits[i] = FLT_MAX;
    int32_t best = greedy(logits, sampler->vocabulary_size);
    if (sampler->options.temperature < TEMPERATURE_MIN || logits[best] == -INFINITY)
        return best;
    candidate *c = sampler->candidates;
    size_t count = 0;
    for (uint32_t i = 0; i < sampler->vocabulary_size; i++) {
        if (logits[i] == -INFINITY)
            continue;
        c[count].id = (int32_t)i;
        c[count++].logit = logits[i];
    }
    count = keep_top_k(sampler, c, count);
    count = keep_typical(sampler, c, count);
    count = keep_top_p(sampler, c, count);
    count = keep_min_p(sampler, c, count);
    return draw(sampler, c, count);
}
