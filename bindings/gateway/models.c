/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/models: what a request's "model" may be. "amphi" leaves the choice to the policy; then
 * come the routes by name, and the models that they run.
 */
#include "paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODELS_MAX = 512 };

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
    gateway_write_escaped(id, sizeof id, entry->id);
    gateway_write_escaped(owner, sizeof owner, entry->owner);
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

void gateway_path_models(gateway_exchange *exchange)
{
    const char *rest = gateway_url_rest(exchange);
    const char *id = rest[0] == '/' ? rest + 1 : NULL;
    model_list list = {.count = 0};
    amphi_error error;
    char *json = NULL;
    add_model(&list, AMPHI_STR("amphi"), AMPHI_STR("amphi"));
    if (amphi_client_routes(gateway_client(exchange), add_route, &list, &error) != AMPHI_OK) {
        gateway_reply_error(exchange, &error, NULL);
        return;
    }
    if (id == NULL)
        json = write_models(&list);
    for (size_t i = 0; i < list.count && id != NULL && json == NULL; i++)
        if (strcmp(list.models[i].id, id) == 0 && (json = malloc(512)) != NULL)
            write_model(json, 512, &list.models[i]);
    if (json != NULL || id == NULL) {
        gateway_reply_json(exchange, 200, json);
        return;
    }
    const gateway_failure failure = {.http_status = 404,
        .type = "invalid_request_error",
        .code = "model_not_found",
        .param = "model",
        .message = "there is no model of this name here"};
    gateway_reply_failure(exchange, &failure);
}
