/* SPDX-License-Identifier: Apache-2.0
 *
 * Estimating costs a walk through the request (message_tokens.h); counting costs the engine a
 * rendered prompt and a tokenizer's run, some milliseconds for a long one. The estimate takes three
 * bytes for a token. English has four, digits and rare scripts one, runs of blanks up to some
 * forty; further from every limit than that, both lead to the same decision.
 */
#include "sdk/client/prompt_tokens.h"

#include "sdk/client/message_tokens.h"
#include "sdk/core/str.h"

#define ESTIMATE_LOW_MAX  3u  /* factor by which an estimate may be too low */
#define ESTIMATE_HIGH_MAX 16u /* or too high */

static uint32_t clamp(uint64_t tokens)
{
    return tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

uint32_t amphi__prompt_tokens_of_tools(const amphi_request *request)
{
    return clamp(amphi__value_tokens(amphi__json_get(request->body, "tools")) +
                 amphi__value_tokens(amphi__json_get(request->body, "functions")));
}

uint32_t amphi__prompt_tokens_estimate(const amphi_request *request)
{
    const amphi_json *messages = amphi__json_get(request->body, "messages");
    const amphi_json *format = amphi__json_get(request->body, "response_format");
    uint64_t tokens = amphi__prompt_tokens_of_tools(request);
    tokens += amphi__value_tokens(amphi__json_get(format, "json_schema"));
    for (const amphi_json *m = amphi__json_first(messages); m != NULL; m = amphi__json_next(m))
        tokens += amphi__message_tokens(m);
    return clamp(tokens);
}

static bool is_near(uint32_t estimate, uint32_t limit)
{
    return limit != 0 && estimate > limit / ESTIMATE_LOW_MAX &&
           estimate / ESTIMATE_HIGH_MAX < limit;
}

static bool may_decide(const amphi_client *client, const amphi_policy_route *routes,
    uint32_t estimate, uint32_t limit_tokens)
{
    bool near = is_near(estimate, limit_tokens);
    for (size_t i = 0; i < client->routes_count && !near; i++)
        near = routes[i].info.available && is_near(estimate, routes[i].info.context_tokens_max);
    return near;
}

bool amphi__prompt_tokens_count(
    amphi_engine engine, const amphi_engine_info *info, amphi_str body, uint32_t *out)
{
    return info->kind == AMPHI_ENGINE_LOCAL && info->available && info->ready &&
           engine.ops->count_tokens != NULL &&
           engine.ops->count_tokens(engine.self, body, out) == AMPHI_OK;
}

amphi_prompt_tokens amphi__prompt_tokens(const amphi_client *client, const amphi_request *request,
    const amphi_policy_route *routes, uint32_t limit_tokens)
{
    uint32_t estimate = amphi__prompt_tokens_estimate(request);
    amphi_prompt_tokens tokens = {
        .count = estimate, .estimate = estimate, .tools = amphi__prompt_tokens_of_tools(request)};
    if (!may_decide(client, routes, estimate, limit_tokens))
        return tokens;
    amphi_buf body;
    amphi__buf_init(&body, 0);
    if (amphi__request_engine_body(request, amphi_str_make(NULL, 0), 0, &body) == AMPHI_OK)
        for (size_t i = 0; i < client->routes_count && !tokens.is_counted; i++)
            tokens.is_counted = amphi__prompt_tokens_count(
                client->routes[i].engine, &routes[i].info, amphi__buf_str(&body), &tokens.count);
    amphi__buf_clear(&body);
    if (tokens.is_counted) /* the answer's beginning is not in the body */
        tokens.count += (uint32_t)(strlen(request->answer_prefix) / AMPHI_BYTES_PER_TOKEN);
    return tokens;
}
