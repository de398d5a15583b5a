/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/embeddings: passed to the endpoints that serve the model; their answer goes back as they
 * wrote it.
 */
#include "paths.h"

#include <stdlib.h>
#include <string.h>

static bool is_wanted(void *user)
{
    return !gateway_is_unwanted(user);
}

static void note(gateway_exchange *exchange, const amphi_embeddings_result *result,
    const amphi_error *error, bool is_done)
{
    amphi_chat_result answer;
    amphi_chat_result_init(&answer);
    answer.route = amphi_str_from(result->route);
    answer.takeovers = result->takeovers;
    answer.takeovers_count = result->takeovers_count;
    answer.usage = result->usage;
    answer.error = is_done ? NULL : error;
    gateway_note_answer(exchange, is_done ? AMPHI_EVENT_DONE : AMPHI_EVENT_ERROR, &answer);
}

static void reply_failed(
    gateway_exchange *exchange, const amphi_embeddings_result *result, const amphi_error *error)
{
    const gateway_failure no_model = {.http_status = 404,
        .type = "invalid_request_error",
        .code = "model_not_found",
        .param = "model",
        .message = error->message};
    if (result->route[0] != '\0')
        note(exchange, result, error, false);
    else
        gateway_note_refused(exchange, error->status);
    if (error->status == AMPHI_E_NOT_FOUND)
        gateway_reply_failure(exchange, &no_model);
    else
        gateway_reply_error(exchange, error, result->has_provider ? &result->provider : NULL);
}

void gateway_path_embeddings(gateway_exchange *exchange)
{
    amphi_embeddings_request request;
    amphi_embeddings_result result;
    amphi_error error;
    char *json = NULL;
    amphi_embeddings_request_init(&request);
    amphi_embeddings_result_init(&result);
    request.json = gateway_body(exchange);
    request.settings_json = gateway_settings(exchange);
    request.is_wanted = is_wanted;
    request.user = exchange;
    gateway_turn_end(exchange); /* it is made into no tree */
    amphi_status status =
        amphi_embeddings_create(&json, gateway_client(exchange), &request, &result, &error);
    gateway_body_drop(exchange);
    if (status == AMPHI_OK) {
        note(exchange, &result, NULL, true);
        gateway_reply_json(exchange, 200, strdup(json));
    } else {
        reply_failed(exchange, &result, &error);
    }
    amphi_string_free(json);
}
