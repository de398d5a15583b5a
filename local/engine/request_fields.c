/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request's fields say about how its answer is made. The client has refused what is out of
 * range (sdk/client/request_fields.c); here everything is brought within bounds once more, since an
 * engine may be used without that client.
 */
#include "local/engine/generation.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <math.h>
#include <sys/random.h>

enum {
    ANSWER_TOKENS = 1024,                   /* when the request says nothing */
    STOPS_MAX = AMPHI_STOP_STRINGS_MAX + 1, /* one more, so that too many is noticed */
};

static float number_or(
    const amphi_json *root, const char *key, float otherwise, float low, float high)
{
    double value = amphi__json_number(amphi__json_get(root, key), otherwise);
    return value < low ? low : value > high ? high : (float)value; /* NaN is no JSON */
}

static uint64_t seed_of(const amphi_json *root)
{
    const amphi_json *seed = amphi__json_get(root, "seed");
    if (amphi__json_kind(seed) == AMPHI_JSON_NUMBER) /* any number: the same text each time */
        return (uint64_t)amphi__json_int(seed, 0);
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = amphi__clock_us(NULL);
    return random;
}

static amphi_status make_sampler(amphi_generation *g, amphi_error *error)
{
    const amphi_json *root = g->prompt.root;
    amphi_sampler_options options;
    amphi__sampler_options_init(&options);
    double temp = 0; /* what the model's maker suggests */
    if (amphi__gguf_f64(g->inference->gguf, "general.sampling.temp", &temp) && temp >= 0 &&
        temp <= 100)
        options.temperature = (float)temp;
    options.temperature = number_or(root, "temperature", options.temperature, 0, 100);
    options.top_p = number_or(root, "top_p", options.top_p, 0, 1);
    options.min_p = number_or(root, "min_p", options.min_p, 0, 1);
    options.typical_p = number_or(root, "typical_p", options.typical_p, 0, 1);
    options.top_k = (uint32_t)number_or(root, "top_k", (float)options.top_k, 0, 1 << 20);
    options.repetition_penalty = number_or(root, "repetition_penalty",
        number_or(root, "repeat_penalty", options.repetition_penalty, 0.01f, 100), 0.01f, 100);
    options.presence_penalty = number_or(root, "presence_penalty", 0, -100, 100);
    options.frequency_penalty = number_or(root, "frequency_penalty", 0, -100, 100);
    options.seed = seed_of(root);
    return amphi__sampler_new(
        &g->sampler, &options, amphi__llm_vocabulary_size(g->inference->llm), error);
}

/* {"token id": -100..100}; -100 bans the token. */
static amphi_status read_biases(amphi_generation *g, amphi_error *error)
{
    const amphi_json *map = amphi__json_get(g->prompt.root, "logit_bias");
    size_t count = amphi__json_kind(map) == AMPHI_JSON_OBJECT ? amphi__json_count(map) : 0;
    if (count == 0)
        return AMPHI_OK;
    g->biases = amphi__calloc(count, sizeof *g->biases);
    if (g->biases == NULL)
        return amphi__fail_no_memory(error);
    for (map = amphi__json_first(map); map != NULL; map = amphi__json_next(map)) {
        double value = amphi__json_number(map, NAN);
        uint64_t token = 0;
        if (!amphi__str_to_u64(amphi__json_key(map), &token) ||
            token >= amphi__llm_vocabulary_size(g->inference->llm) || !(fabs(value) <= 100)) {
            return amphi__fail(error, AMPHI_E_REQUEST, 0,
                "logit_bias: token ids of this model, with numbers from -100 to 100");
        }
        g->biases[g->biases_count++] = (amphi_bias){(int32_t)token, (float)value};
    }
    return AMPHI_OK;
}

/* Empty stop strings stop nothing. */
static size_t add_stop(amphi_str *stops, size_t count, amphi_str stop)
{
    if (stop.size > 0 && count < STOPS_MAX)
        stops[count++] = stop;
    return count;
}

amphi_status amphi__generation_open_answer(amphi_generation *g, amphi_error *error)
{
    const amphi_json *stop = amphi__json_get(g->prompt.root, "stop");
    size_t count = 0;
    amphi_str stops[STOPS_MAX];
    if (g->inference->uses_chatml) {
        count = add_stop(stops, count, AMPHI_STR("<|im_end|>"));
        count = add_stop(stops, count, AMPHI_STR("<|im_start|>"));
    }
    if (amphi__json_kind(stop) == AMPHI_JSON_ARRAY)
        for (stop = amphi__json_first(stop); stop != NULL; stop = amphi__json_next(stop))
            count = add_stop(stops, count, amphi__json_string(stop));
    else
        count = add_stop(stops, count, amphi__json_string(stop));
    return amphi__answer_init(&g->answer, g->inference->sink, &g->prompt, g->constraint != NULL,
        stops, count, &g->logprobs, error);
}

uint32_t amphi__generation_tokens_max(const amphi_generation *g)
{
    const amphi_json *root = g->prompt.root;
    int64_t beginning = (int64_t)(g->prompt.tokens.size - g->prompt.prefix_at);
    int64_t most = amphi__json_int(amphi__json_get(root, "max_completion_tokens"),
        amphi__json_int(amphi__json_get(root, "max_tokens"), 0));
    if (most <= 0)
        most = ANSWER_TOKENS;
    most = most > beginning ? most - beginning : 0;
    return most > (1 << 24) ? 1 << 24 : (uint32_t)most;
}

amphi_status amphi__generation_read_sampling(amphi_generation *g, amphi_error *error)
{
    const amphi_json *root = g->prompt.root;
    uint32_t vocabulary_size = amphi__llm_vocabulary_size(g->inference->llm);
    amphi_status status = make_sampler(g, error);
    if (status == AMPHI_OK)
        status = read_biases(g, error);
    if (status == AMPHI_OK && amphi__json_bool(amphi__json_get(root, "logprobs"), false)) {
        int64_t top = amphi__json_int(amphi__json_get(root, "top_logprobs"), 0);
        status = amphi__logprobs_report_begin(&g->logprobs, top, vocabulary_size, error);
    }
    return status;
}
