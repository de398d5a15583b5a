/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi_doctor_online: what the key of each endpoint may do. The list of models costs nothing and
 * tells most: the key is known or not, and whether the configured models are there. Only where a
 * service has no such list, or the caller wants it, an answer of one token is asked for.
 */
#include "sdk/client/client.h"
#include "sdk/client/route.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/model_list.h"
#include "sdk/core/str.h"

#include <amphi/chat.h>
#include <amphi/doctor.h>

#include <stdio.h>

/* For the list, and for the question: a person waits. */
#define ANSWER_MS_MAX 10000u

typedef struct visit {
    amphi_client *client;
    const amphi_route *route;
    char name[AMPHI_NAME_MAX];
    amphi_finding_fn *report;
    void *user;
    amphi_str missing; /* of the configured models, those that were not seen yet */
    char missing_text[AMPHI_MODEL_LIST_BYTES_MAX];
    uint32_t models;
} visit;

/* What a failure says about the key, and what to do about it. */
typedef struct verdict {
    amphi_finding_level level;
    const char *text;
    const char *remedy;
} verdict;

static void find(const visit *v, const verdict *what, const char *text)
{
    char part[AMPHI_NAME_MAX + 8];
    snprintf(part, sizeof part, "key %s", v->name);
    const amphi_finding finding = {.struct_size = sizeof finding,
        .level = what->level,
        .part = amphi_str_from(part),
        .text = amphi_str_from(text),
        .remedy = amphi_str_from(what->remedy)};
    v->report(v->user, &finding);
}

static verdict judge(const amphi_error *error)
{
    switch (error->status) {
    case AMPHI_E_AUTH:
        return error->native_code == 403
                   ? (verdict){AMPHI_FINDING_FAULT, "the key is known, but may not do this",
                         "widen what the key may do in the provider's account"}
                   : (verdict){AMPHI_FINDING_FAULT, "the provider refuses the key",
                         "renew the key, or correct the endpoint's URL"};
    case AMPHI_E_QUOTA:
        return (verdict){AMPHI_FINDING_FAULT, "the key is known, but its account is used up",
            "pay the provider's account"};
    case AMPHI_E_RATE_LIMITED:
        return (verdict){AMPHI_FINDING_NOTE, "the key is known; its rate limit is reached",
            "wait, or raise the account's limit"};
    case AMPHI_E_REQUEST:
        return error->native_code == 404
                   ? (verdict){AMPHI_FINDING_FAULT, "there is no such URL or model for this key",
                         "correct the endpoint's URL or model="}
                   : (verdict){AMPHI_FINDING_NOTE, "the key is known; a short question is refused",
                         "the provider's words say why"};
    case AMPHI_E_NO_MEMORY:
        return (verdict){
            AMPHI_FINDING_FAULT, "it could not be asked", "free some memory, then try again"};
    case AMPHI_E_TIMEOUT:
        return (verdict){AMPHI_FINDING_FAULT, "it did not answer in time",
            "look whether its URL is right and its server is up; a server that loads a model first "
            "may need a second try"};
    case AMPHI_E_OFFLINE:
    case AMPHI_E_NETWORK:
        return (verdict){AMPHI_FINDING_FAULT, "it could not be reached",
            "look whether its URL is right, its server is up and the network lets it through"};
    default:
        return (verdict){AMPHI_FINDING_FAULT, "it could not be asked",
            "mend what the message names, then try again"};
    }
}

static void report_failure(
    const visit *v, const verdict *what, const amphi_error *error, const amphi_provider_error *said)
{
    char text[sizeof said->message + 512];
    bool has_words = said != NULL && said->message[0] != '\0';
    snprintf(text, sizeof text, "%s (%s)%s%s", what->text, error->message,
        has_words ? "; the provider said: " : "", has_words ? said->message : "");
    find(v, what, text);
}

/* ---- May it be asked? ------------------------------------------------------------------------ */

/* Rules that keep everything from going there, a question for its models and a key too. The others
 * are about chats, or about what is known of the endpoint, which is to be found out here. */
static bool is_held_back(const amphi_decision_entry *entry)
{
    const uint64_t rules =
        (uint64_t)1 << AMPHI_REASON_KILL_SWITCH | (uint64_t)1 << AMPHI_REASON_MODE |
        (uint64_t)1 << AMPHI_REASON_PRIVATE | (uint64_t)1 << AMPHI_REASON_NETWORK_METERED |
        (uint64_t)1 << AMPHI_REASON_UNAVAILABLE; /* of which the rules say no more */
    return !entry->route.kept && (entry->reasons & rules) != 0;
}

/* Reports it where not. */
static bool may_be_asked(const visit *v, const amphi_decision *decision)
{
    static const verdict held_back = {
        AMPHI_FINDING_NOTE, "", "allow it in the policy, or in another mode or network"};
    static const verdict unavailable = {
        AMPHI_FINDING_FAULT, "", "mend what keeps the endpoint from being used"};
    for (size_t i = 0; i < decision->entries_count; i++) {
        const amphi_decision_entry *entry = &decision->entries[i];
        char text[sizeof entry->route.why + 32];
        if (strcmp(entry->route.route, v->name) != 0 || !is_held_back(entry))
            continue;
        snprintf(text, sizeof text, "its key was not tried: %s", entry->route.why);
        find(v, entry->route.reason == AMPHI_REASON_UNAVAILABLE ? &unavailable : &held_back, text);
        return false;
    }
    return true;
}

static amphi_status decide(amphi_client *client, amphi_decision *out, amphi_error *error)
{
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("Hi")};
    amphi_chat_request request;
    amphi_chat_request_init(&request);
    amphi_decision_init(out);
    request.messages = &message;
    request.messages_count = 1;
    request.no_cache = request.no_queue = true;
    return amphi_route_explain(client, &request, out, error);
}

/* ---- One token ------------------------------------------------------------------------------- */

/* The route alone, without history, cache and outbox. */
static amphi_status start_question(const visit *v, amphi_stream **out, amphi_error *error)
{
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("Hi")};
    amphi_chat_request request;
    amphi_buf extra;
    amphi_json_writer writer;
    amphi__buf_init(&extra, 0);
    amphi__json_writer_init(&writer, &extra);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "model", amphi_str_from(v->name));
    amphi__json_open(&writer, "fallbacks", '[');
    amphi__json_close(&writer, ']');
    amphi__json_close(&writer, '}');
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.mode = AMPHI_MODE_ONLY_CLOUD;
    request.no_cache = request.no_queue = true;
    request.sampling.tokens_max = 1;
    request.budgets.total_ms = ANSWER_MS_MAX;
    request.extra_json = amphi__buf_str(&extra);
    amphi_status status = extra.status == AMPHI_OK
                              ? amphi_chat_start(out, v->client, &request, error)
                              : amphi__fail_no_memory(error);
    amphi__buf_clear(&extra);
    return status;
}

static void ask(const visit *v)
{
    static const verdict no_model = {
        AMPHI_FINDING_NOTE, "no model is configured, so it was asked nothing", "name one: model="};
    static const verdict not_asked = {AMPHI_FINDING_FAULT, "it could not be asked",
        "mend what the message names, then try again"};
    amphi_stream *stream = NULL;
    amphi_error error = {.status = AMPHI_OK};
    amphi_event event;
    amphi_chat_result result;
    if (v->route->model[0] == '\0') { /* it would be asked for a model of the endpoint's name */
        find(v, &no_model, no_model.text);
        return;
    }
    amphi_status status = start_question(v, &stream, &error);
    for (bool more = status == AMPHI_OK; more;) {
        status = amphi_stream_next(stream, AMPHI_WAIT_FOREVER, &event, &error);
        more = status == AMPHI_OK && !amphi_event_is_terminal(&event);
    }
    amphi_chat_result_init(&result);
    if (status == AMPHI_OK)
        status = amphi_stream_result(stream, &result, &error);
    if (status != AMPHI_OK) {
        report_failure(v, &not_asked, &error, NULL);
    } else if (result.error == NULL) {
        const verdict fine = {AMPHI_FINDING_OK, "", ""};
        char text[AMPHI_NAME_MAX + 64];
        snprintf(text, sizeof text, "the key may chat: \"%.*s\" answered after %u ms",
            (int)result.model.size, result.model.data, result.total_ms);
        find(v, &fine, text);
    } else {
        const verdict what = judge(result.error);
        report_failure(v, &what, result.error, result.provider);
    }
    amphi_stream_free(stream);
}

/* ---- The list of models ---------------------------------------------------------------------- */

static void note_model(void *user, amphi_str model)
{
    visit *v = user;
    char rest[sizeof v->missing_text];
    size_t size = 0;
    amphi_str models = v->missing;
    v->models++;
    while (models.size > 0) { /* those that are still missing */
        amphi_str one = amphi__str_cut(models, '|', &models);
        if (amphi__str_equal(one, model))
            continue;
        size += (size_t)snprintf(rest + size, sizeof rest - size, "%s%.*s", size > 0 ? "|" : "",
            (int)one.size, one.data);
    }
    memcpy(v->missing_text, rest, size);
    v->missing = amphi_str_make(v->missing_text, size);
}

static void report_models(const visit *v)
{
    static const verdict fine = {AMPHI_FINDING_OK, "", ""};
    static const verdict odd = {
        AMPHI_FINDING_NOTE, "", "correct model=; --ask shows whether it answers all the same"};
    char text[AMPHI_MODEL_LIST_BYTES_MAX + 128];
    const char *models = v->route->model;
    const char *plural = v->models == 1 ? "" : "s";
    if (models[0] == '\0')
        snprintf(text, sizeof text,
            "the key is good for %u model%s; none is configured, each "
            "request names its own",
            v->models, plural);
    else if (v->missing.size == 0)
        snprintf(text, sizeof text, "the key is good for %u model%s, \"%s\" among them", v->models,
            plural, models);
    else
        snprintf(text, sizeof text,
            "the key is good for %u model%s, but \"%.*s\" is not among them", v->models, plural,
            (int)v->missing.size, v->missing.data);
    find(v, v->missing.size == 0 ? &fine : &odd, text);
}

/* No service answers so to a list of models that it has. */
static bool is_missing(const amphi_error *error)
{
    return error->status == AMPHI_E_PROTOCOL ||
           (error->status == AMPHI_E_REQUEST &&
               (error->native_code == 404 || error->native_code == 405)) ||
           error->native_code == 501;
}

/* Is it to be asked a question? Where it has no list of models only that can tell. What did not
 * answer this is not asked for more. */
static bool list_models(visit *v, bool asks)
{
    const amphi_engine *engine = &v->route->engine;
    amphi_provider_error said = {0};
    amphi_error error = {.status = AMPHI_OK};
    if (engine->ops->list_models == NULL)
        return true;
    v->missing = amphi_str_from(v->route->model);
    amphi_status status =
        engine->ops->list_models(engine->self, ANSWER_MS_MAX, note_model, v, &said, &error);
    if (status == AMPHI_OK) {
        report_models(v);
        return asks;
    }
    if (is_missing(&error))
        return true;
    verdict what = judge(&error);
    if (error.status == AMPHI_E_AUTH && error.native_code == 403)
        what = (verdict){AMPHI_FINDING_NOTE, "the key is known, but may not list the models",
            "--ask shows whether it may chat"};
    report_failure(v, &what, &error, &said);
    return asks && error.status != AMPHI_E_TIMEOUT && error.status != AMPHI_E_OFFLINE &&
           error.status != AMPHI_E_NETWORK;
}

amphi_status amphi_doctor_online(const amphi_client_options *options, bool asks,
    amphi_finding_fn *report, void *user, amphi_error *error)
{
    amphi_client *client = NULL;
    amphi_decision decision;
    amphi__error_clear(error);
    if (options == NULL || report == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "options or report is NULL");
    amphi_status status = amphi_client_new(&client, options, error);
    if (status == AMPHI_OK && client->is_private)
        status = amphi__fail(error, AMPHI_E_REFUSED, 0,
            "trying a key sends something, which a private client does not");
    if (status == AMPHI_OK)
        status = decide(client, &decision, error);
    for (size_t i = 0; status == AMPHI_OK && i < client->routes_count; i++) {
        amphi_engine_info info;
        visit v = {.client = client, .route = &client->routes[i], .report = report, .user = user};
        if (v.route->name[0] == '\0') /* not an endpoint */
            continue;
        amphi__route_describe(v.route, &info);
        amphi__str_copy_to(v.name, sizeof v.name, amphi_str_from(info.name));
        if (info.kind == AMPHI_ENGINE_CLOUD && may_be_asked(&v, &decision) && list_models(&v, asks))
            ask(&v);
    }
    amphi_client_free(client);
    return status;
}
