/* SPDX-License-Identifier: Apache-2.0
 *
 * Responses that are one JSON object: how they are queued with their headers, and errors in
 * OpenAI's shape.
 */
#include "json_response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gateway_set_error(amphi_error *error, amphi_status status, const char *message)
{
    if (error == NULL)
        return;
    memset(error, 0, sizeof *error);
    error->status = status;
    snprintf(error->message, sizeof error->message, "%s", message);
}

enum MHD_Result gateway_answer_json(
    struct MHD_Connection *connection, unsigned http_status, char *json, const gateway_extra *extra)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(json), json, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(json);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "application/json");
    if (http_status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (extra != NULL && extra->allow != NULL)
        MHD_add_response_header(response, "Allow", extra->allow);
    if (extra != NULL && extra->retry_after_ms > 0) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%u", (extra->retry_after_ms + 999) / 1000);
        MHD_add_response_header(response, "Retry-After", seconds);
    }
    enum MHD_Result result = MHD_queue_response(connection, http_status, response);
    MHD_destroy_response(response);
    return result;
}

void gateway_write_escaped(char *out, size_t size, const char *text)
{
    size_t at = 0;
    for (; *text != '\0' && at + 3 < size; text++) {
        if (*text == '"' || *text == '\\')
            out[at++] = '\\';
        out[at++] = (unsigned char)*text < 0x20 ? ' ' : *text;
    }
    out[at] = '\0';
}

/* Messages about a request begin with the field's name, "messages[0].role: ..."; OpenAI's errors
 * carry it as "param". Writes "name" with its quotes, or null. */
static void write_param(char *out, size_t size, const amphi_error *error)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123456789[].";
    size_t name = strspn(error->message, letters);
    bool named = error->status == AMPHI_E_ARGUMENT || error->status == AMPHI_E_UNSUPPORTED ||
                 error->status == AMPHI_E_LIMIT;
    if (named && name > 0 && error->message[name] == ':')
        snprintf(out, size, "\"%.*s\"", (int)name, error->message);
    else
        snprintf(out, size, "null");
}

enum MHD_Result gateway_answer_error(
    struct MHD_Connection *connection, unsigned http_status, const amphi_error *error)
{
    char message[2 * sizeof error->message];
    char param[64];
    char *json = malloc(512 + sizeof message);
    if (json == NULL)
        return MHD_NO;
    gateway_write_escaped(message, sizeof message, error->message);
    write_param(param, sizeof param, error);
    snprintf(json, 512 + sizeof message,
        "{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"code\":\"%s\",\"param\":%s}}", message,
        http_status < 500 ? "invalid_request_error" : "amphi_error",
        amphi_status_name(error->status), param);
    const gateway_extra extra = {NULL, error->retry_after_ms};
    return gateway_answer_json(connection, http_status, json, &extra);
}
