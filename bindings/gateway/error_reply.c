/* SPDX-License-Identifier: Apache-2.0
 *
 * Which HTTP status a failed request gets: 4xx where the client can correct it, 429 and 503 where
 * trying again later may help, 502 and 504 where a route failed behind the gateway.
 */
#include "exchange.h"

#include <stdio.h>
#include <string.h>

static unsigned http_status(amphi_status status)
{
    switch (status) {
    case AMPHI_E_ARGUMENT:
    case AMPHI_E_FORMAT:
    case AMPHI_E_LIMIT:
    case AMPHI_E_REQUEST:
    case AMPHI_E_CONTEXT_LENGTH:
    case AMPHI_E_CONTENT_FILTER:
    case AMPHI_E_UNSUPPORTED:
        return 400;
    case AMPHI_E_QUOTA:
        return 402;
    case AMPHI_E_REFUSED:
        return 403;
    case AMPHI_E_NOT_FOUND:
        return 404;
    case AMPHI_E_RATE_LIMITED:
    case AMPHI_E_FULL:
        return 429;
    case AMPHI_E_TIMEOUT:
        return 504;
    case AMPHI_E_OFFLINE:
    case AMPHI_E_BUSY:
    case AMPHI_E_RESOURCE:
        return 503;
    case AMPHI_E_INTERNAL:
    case AMPHI_E_NO_MEMORY:
        return 500;
    default:
        return 502;
    }
}

/* Messages about a request begin with the field's name, "messages[0].role: ..."; OpenAI's errors
 * carry it as "param". */
static const char *param(char *out, size_t size, const amphi_error *error)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123456789[].";
    size_t name = strspn(error->message, letters);
    bool named = error->status == AMPHI_E_ARGUMENT || error->status == AMPHI_E_UNSUPPORTED ||
                 error->status == AMPHI_E_LIMIT;
    if (!named || name == 0 || error->message[name] != ':')
        return NULL;
    snprintf(out, size, "%.*s", (int)name, error->message);
    return out;
}

static const char *code(amphi_status status)
{
    return status == AMPHI_E_CONTEXT_LENGTH ? "context_length_exceeded" : amphi_status_name(status);
}

/* Takes `json`. */
static void reply(gateway_exchange *exchange, const amphi_error *error, char *json)
{
    char name[64];
    unsigned status = http_status(error->status);
    const gateway_failure failure = {.http_status = status,
        .type = status < 500 ? "invalid_request_error" : "amphi_error",
        .code = code(error->status),
        .param = param(name, sizeof name, error),
        .message = error->message,
        .retry_after_ms = error->retry_after_ms,
        .try_again = status == 429 || status == 503,
        .json = json};
    gateway_reply_failure(exchange, &failure);
}

void gateway_reply_error(gateway_exchange *exchange, const amphi_error *error)
{
    reply(exchange, error, NULL);
}

void gateway_reply_failed(
    gateway_exchange *exchange, amphi_stream *stream, const amphi_error *error)
{
    char *json = NULL;
    (void)amphi_stream_completion_json(stream, &json, NULL);
    reply(exchange, error, json != NULL ? strdup(json) : NULL);
    amphi_string_free(json);
}
