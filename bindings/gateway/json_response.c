/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that are one JSON object: errors in OpenAI's shape, with the HTTP status that fits, and
 * the list of what a request's "model" may be.
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

/* Our own messages have no quotes or control characters, except names that a caller chose. */
static void write_escaped(char *out, size_t size, const char *text)
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
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789[].";
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
    write_escaped(message, sizeof message, error->message);
    write_param(param, sizeof param, error);
    snprintf(json, 512 + sizeof message,
        "{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"code\":\"%s\",\"param\":%s}}", message,
        http_status < 500 ? "invalid_request_error" : "amphi_error",
        amphi_status_name(error->status), param);
    const gateway_extra extra = {NULL, error->retry_after_ms};
    return gateway_answer_json(connection, http_status, json, &extra);
}

unsigned gateway_http_status(amphi_status status)
{
    switch (status) {
    case AMPHI_E_ARGUMENT:
    case AMPHI_E_FORMAT:
    case AMPHI_E_LIMIT:
    case AMPHI_E_REQUEST:
    case AMPHI_E_CONTEXT_LENGTH:
    case AMPHI_E_CONTENT_FILTER:
    case AMPHI_E_UNSUPPORTED:
        return MHD_HTTP_BAD_REQUEST;
    case AMPHI_E_REFUSED:
        return MHD_HTTP_FORBIDDEN;
    case AMPHI_E_RATE_LIMITED:
    case AMPHI_E_FULL:
        return MHD_HTTP_TOO_MANY_REQUESTS;
    case AMPHI_E_TIMEOUT:
        return MHD_HTTP_GATEWAY_TIMEOUT;
    case AMPHI_E_OFFLINE:
    case AMPHI_E_BUSY:
    case AMPHI_E_RESOURCE:
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    case AMPHI_E_INTERNAL:
    case AMPHI_E_NO_MEMORY:
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    default:
        return MHD_HTTP_BAD_GATEWAY;
    }
}

/* ---- models ---- */

enum { MODELS_MAX = 2 * AMPHI_ROUTES_MAX + 1 };

typedef struct model {
    char id[AMPHI_NAME_MAX];
    char owner[AMPHI_NAME_MAX];
} model;

typedef struct model_list {
    model models[MODELS_MAX];
    size_t count;
} model_list;

static void add_model(model_list *list, amphi_str id, amphi_str owner)
{
    if (id.size == 0 || id.size >= AMPHI_NAME_MAX || list->count == MODELS_MAX)
        return;
    for (size_t i = 0; i < list->count; i++)
        if (strlen(list->models[i].id) == id.size &&
            memcmp(list->models[i].id, id.data, id.size) == 0)
            return;
    model *entry = &list->models[list->count++];
    snprintf(entry->id, sizeof entry->id, "%.*s", (int)id.size, id.data);
    snprintf(entry->owner, sizeof entry->owner, "%.*s", (int)owner.size, owner.data);
}

static bool add_route(void *user, amphi_str route, amphi_str runs)
{
    add_model(user, route, AMPHI_STR("amphi"));
    add_model(user, runs, route);
    return true;
}

static void write_model(char *out, size_t size, const model *entry)
{
    char id[2 * AMPHI_NAME_MAX], owner[2 * AMPHI_NAME_MAX];
    write_escaped(id, sizeof id, entry->id);
    write_escaped(owner, sizeof owner, entry->owner);
    snprintf(out, size, "{\"id\":\"%s\",\"object\":\"model\",\"created\":0,\"owned_by\":\"%s\"}",
        id, owner);
}

static char *write_models(const model_list *list)
{
    enum { ENTRY_MAX = 64 + 4 * AMPHI_NAME_MAX };
    size_t size = 64 + list->count * (ENTRY_MAX + 1);
    char *json = malloc(size);
    if (json == NULL)
        return NULL;
    size_t at = (size_t)snprintf(json, size, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            json[at++] = ',';
        write_model(json + at, size - at, &list->models[i]);
        at += strlen(json + at);
    }
    snprintf(json + at, size - at, "]}");
    return json;
}

enum MHD_Result gateway_answer_models(
    struct MHD_Connection *connection, amphi_client *client, const char *id)
{
    model_list list = {.count = 0};
    amphi_error error;
    char *json = NULL;
    add_model(&list, AMPHI_STR("amphi"), AMPHI_STR("amphi"));
    if (amphi_client_routes(client, add_route, &list, &error) != AMPHI_OK)
        return gateway_answer_error(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, &error);
    if (id == NULL)
        json = write_models(&list);
    for (size_t i = 0; i < list.count && id != NULL && json == NULL; i++)
        if (strcmp(list.models[i].id, id) == 0 && (json = malloc(512)) != NULL)
            write_model(json, 512, &list.models[i]);
    if (json == NULL && id != NULL) {
        gateway_set_error(&error, AMPHI_E_NOT_FOUND, "there is no model of this name here");
        return gateway_answer_error(connection, MHD_HTTP_NOT_FOUND, &error);
    }
    return json != NULL ? gateway_answer_json(connection, MHD_HTTP_OK, json, NULL) : MHD_NO;
}
