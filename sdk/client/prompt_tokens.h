/* SPDX-License-Identifier: Apache-2.0
 *
 * How many tokens a request's prompt has: an estimate from its bytes, or the count of a loaded
 * local model, which is called only where the difference could change the plan.
 */
#ifndef AMPHI_CLIENT_PROMPT_TOKENS_H
#define AMPHI_CLIENT_PROMPT_TOKENS_H

#include "sdk/client/client.h"
#include "sdk/client/request.h"

typedef struct amphi_prompt_tokens {
    uint32_t count;
    bool is_counted; /* by a tokenizer; else estimated */
    uint32_t estimate;
    uint32_t tools; /* of the estimate: its tool schemas */
} amphi_prompt_tokens;

/* All of the request's own messages, its tools and its schema (message_tokens.h). What came before
 * in the conversation does not count against a route: the oldest turns can be left out. */
uint32_t amphi__prompt_tokens_estimate(const amphi_request *request);

/* Of the estimate: its tool schemas. */
uint32_t amphi__prompt_tokens_of_tools(const amphi_request *request);

/* The same, counted by the first engine of `routes` (client->routes_count of them) that has its
 * model loaded and is idle, when the estimate is within a factor of three of a limit: a route's
 * context, or limit_tokens (0: none). May take 100 ms then. */
amphi_prompt_tokens amphi__prompt_tokens(const amphi_client *client, const amphi_request *request,
    const amphi_policy_route *routes, uint32_t limit_tokens);

/* What an engine whose model is loaded counts in this body. false: it can't, or is at work. May
 * take 100 ms. */
bool amphi__prompt_tokens_count(
    amphi_engine engine, const amphi_engine_info *info, amphi_str body, uint32_t *out);

#endif
