/* SPDX-License-Identifier: Apache-2.0
 *
 * What an endpoint asks for its tokens, and what an answer comes to. Prices are whole millionths of
 * a US dollar ("microdollars") per million tokens, costs are microdollars, rounded up: a sum of
 * many small answers is never too low. A price that is not stated is unknown, which is never 0.
 */
#ifndef AMPHI_CORE_PRICE_H
#define AMPHI_CORE_PRICE_H

#include <amphi/decision.h>

#define AMPHI_PRICE_LIST_BYTES_MAX 1024
#define AMPHI_PRICE_DOLLARS_MAX    1000000u /* per million tokens: a dollar a token */

typedef struct amphi_price {
    bool is_known;
    uint64_t prompt;     /* microdollars per million tokens */
    uint64_t completion; /* likewise */
    uint64_t cached;     /* likewise, of the prompt's tokens that the provider had cached */
} amphi_price;

/* "2.5/10", "2.5/10/1.25", "a=2.5/10|b=0.15/0.6|0/0": in US dollars, with at most six decimals, per
 * model, the one without a name for all others; empty: none is known. AMPHI_E_ARGUMENT quotes the
 * part that is none; AMPHI_E_LIMIT. */
amphi_status amphi__price_list_check(amphi_str list, amphi_error *error);
/* The first model in the list that `models` ("a|b") does not have; empty: there is none. */
amphi_str amphi__price_list_stranger(amphi_str list, amphi_str models);
/* Of a list that passed the check. A model without a price: is_known is false. */
amphi_price amphi__price_list_find(amphi_str list, amphi_str model);
/* cached_tokens are part of prompt_tokens. AMPHI_COST_UNKNOWN when the price is. */
uint64_t amphi__price_cost(const amphi_price *price, uint32_t prompt_tokens, uint32_t cached_tokens,
    uint32_t completion_tokens);
/* "2.50" as microdollars. false: no number of dollars, or above AMPHI_PRICE_DOLLARS_MAX. */
bool amphi__price_parse_dollars(amphi_str text, uint64_t *out);
/* The sum, or the largest that is not AMPHI_COST_UNKNOWN. */
uint64_t amphi__cost_add(uint64_t a, uint64_t b);

#endif
