/* SPDX-License-Identifier: Apache-2.0
 *
 * No floating point: "0.15" is 150,000 microdollars, exactly. A model's name may have a slash or an
 * equals sign in it, so a part is cut at its last equals sign.
 */
#include "sdk/core/price.h"

#include "sdk/core/error.h"
#include "sdk/core/model_list.h"
#include "sdk/core/str.h"

#define MICRO    1000000u
#define DECIMALS 6u

bool amphi__price_parse_dollars(amphi_str text, uint64_t *out)
{
    amphi_str decimals;
    uint64_t whole = 0;
    uint64_t part = 0;
    bool has_point = amphi__str_find(text, AMPHI_STR(".")) != SIZE_MAX;
    amphi_str digits = amphi__str_cut(text, '.', &decimals);
    if (!amphi__str_to_u64(digits, &whole) || whole > AMPHI_PRICE_DOLLARS_MAX)
        return false;
    if (has_point && (decimals.size > DECIMALS || !amphi__str_to_u64(decimals, &part)))
        return false;
    for (size_t i = decimals.size; i < DECIMALS; i++)
        part *= 10;
    *out = whole * MICRO + part;
    return *out <= (uint64_t)AMPHI_PRICE_DOLLARS_MAX * MICRO;
}

/* The next part of a list: its model's name (empty: none) and its numbers. false at the end. */
static bool next_part(amphi_str *list, amphi_str *model, amphi_str *numbers)
{
    if (list->size == 0)
        return false;
    amphi_str part = amphi__str_cut(*list, '|', list);
    size_t at = part.size;
    while (at > 0 && part.data[at - 1] != '=')
        at--;
    *model = at > 0 ? amphi__str_slice(part, 0, at - 1) : amphi_str_make(NULL, 0);
    *numbers = amphi__str_slice(part, at, part.size);
    return true;
}

static bool read_numbers(amphi_str numbers, amphi_price *out)
{
    amphi_str rest;
    amphi_str cached;
    amphi_str prompt = amphi__str_cut(numbers, '/', &rest);
    bool has_cached = amphi__str_find(rest, AMPHI_STR("/")) != SIZE_MAX;
    amphi_str completion = amphi__str_cut(rest, '/', &cached);
    *out = (amphi_price){.is_known = true};
    if (!amphi__price_parse_dollars(prompt, &out->prompt) ||
        !amphi__price_parse_dollars(completion, &out->completion))
        return false;
    out->cached = out->prompt;
    return !has_cached || amphi__price_parse_dollars(cached, &out->cached);
}

/* How many parts of the list are for this model; empty: for all others. */
static size_t count_of(amphi_str list, amphi_str wanted)
{
    amphi_str model;
    amphi_str numbers;
    size_t count = 0;
    while (next_part(&list, &model, &numbers))
        count += amphi__str_equal(model, wanted);
    return count;
}

amphi_status amphi__price_list_check(amphi_str list, amphi_error *error)
{
    amphi_str rest = list;
    amphi_str model;
    amphi_str numbers;
    amphi_price price;
    if (list.size >= AMPHI_PRICE_LIST_BYTES_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "endpoint: prices= takes %d bytes at most",
            AMPHI_PRICE_LIST_BYTES_MAX - 1);
    if (list.size > 0 && list.data[list.size - 1] == '|')
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "endpoint: an empty part in prices=");
    while (next_part(&rest, &model, &numbers)) {
        bool is_nameless = model.size == 0 && numbers.size > 0 && numbers.data != list.data &&
                           numbers.data[-1] == '=';
        if (is_nameless || !read_numbers(numbers, &price))
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "endpoint: prices= takes PROMPT/COMPLETION[/CACHED] in US dollars per million "
                "tokens, 0.15/0.60, or MODEL=0.15/0.60|OTHER=2.5/10; not \"%.*s\"",
                (int)(numbers.size < 40 ? numbers.size : 40), numbers.data);
        if (count_of(list, model) > 1)
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "endpoint: prices= has two prices for \"%.*s\"",
                (int)(model.size < 60 ? model.size : 60), model.size > 0 ? model.data : "");
    }
    return AMPHI_OK;
}

amphi_str amphi__price_list_stranger(amphi_str list, amphi_str models)
{
    amphi_str model;
    amphi_str numbers;
    while (models.size > 0 && next_part(&list, &model, &numbers))
        if (model.size > 0 && !amphi__model_list_has(models, model))
            return model;
    return amphi_str_make(NULL, 0);
}

amphi_price amphi__price_list_find(amphi_str list, amphi_str model)
{
    amphi_price found = {.is_known = false};
    amphi_price price;
    amphi_str name;
    amphi_str numbers;
    while (next_part(&list, &name, &numbers)) {
        if (!read_numbers(numbers, &price))
            continue;
        if (name.size > 0 && amphi__str_equal(name, model))
            return price;
        if (name.size == 0)
            found = price;
    }
    return found;
}

uint64_t amphi__price_cost(const amphi_price *price, uint32_t prompt_tokens, uint32_t cached_tokens,
    uint32_t completion_tokens)
{
    uint32_t cached = cached_tokens < prompt_tokens ? cached_tokens : prompt_tokens;
    const uint64_t tokens[] = {prompt_tokens - cached, cached, completion_tokens};
    const uint64_t prices[] = {price->prompt, price->cached, price->completion};
    uint64_t whole = 0;
    uint64_t parts = 0; /* millionths of a microdollar */
    if (!price->is_known)
        return AMPHI_COST_UNKNOWN;
    for (size_t i = 0; i < 3; i++) { /* a foreign engine's price may be any number */
        uint64_t most = (uint64_t)AMPHI_PRICE_DOLLARS_MAX * MICRO;
        uint64_t bounded = prices[i] < most ? prices[i] : most;
        whole += bounded / MICRO * tokens[i];
        parts += bounded % MICRO * tokens[i];
    }
    return whole + parts / MICRO + (parts % MICRO > 0);
}

uint64_t amphi__cost_add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    bool is_over = __builtin_add_overflow(a, b, &sum);
    return is_over || sum == AMPHI_COST_UNKNOWN ? AMPHI_COST_UNKNOWN - 1 : sum;
}
