/* SPDX-License-Identifier: Apache-2.0
 *
 * A response's id is "resp_" TOKEN "_" PLACE: the token names the conversation ("resp_" and the
 * token is its id, or 'c' and the id in hex where the app chose it), the place is the id of the
 * message in front of its turn, in hex. So an id is known before its answer is stored, and no table
 * has to remember it. The answer is the first message behind that place that has a record of its
 * decision.
 *
 * A history is a line, but any response may be gone on with, also twice. Only the last one of a
 * conversation that no other request is writing to is continued in place; otherwise what was said
 * is copied in front of the request, which gets a conversation of its own. With "store": false the
 * same is done without a conversation. Copies are as private as what they were made of.
 */
#include "responses_place.h"

#include "exchange_state.h"
#include "json_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { TOKEN_BYTES = 12 };

static const char prefix[] = "resp_";

static bool fail_not_found(responses_request *request, amphi_str id)
{
    (void)responses_refuse(request, "previous_response_id",
        "Previous response with id '%.*s' not found.", id.size < 160 ? (int)id.size : 160, id.data);
    request->failure.http_status = 404;
    request->failure.code = "previous_response_not_found";
    return false;
}

static bool fail_on_store(responses_request *request, const amphi_error *error)
{
    (void)responses_refuse(request, "previous_response_id", "%s", error->message);
    request->failure.http_status = 500;
    request->failure.type = "server_error";
    return false;
}

/* ---- ids ---- */

static void write_hex(char *out, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        snprintf(out + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
}

static bool make_token(char out[2 * TOKEN_BYTES + 1])
{
    unsigned char random[TOKEN_BYTES];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return false;
    write_hex(out, random, sizeof random);
    return true;
}

static bool is_token(const char *text)
{
    return strlen(text) == 2 * TOKEN_BYTES && strspn(text, "0123456789abcdef") == 2 * TOKEN_BYTES;
}

bool responses_place_is_secret(const responses_place *place)
{
    const char *name = place->conversation;
    return strncmp(name, prefix, sizeof prefix - 1) == 0 && is_token(name + sizeof prefix - 1);
}

static void write_id(responses_place *place)
{
    const char *name = place->conversation;
    char token[2 * AMPHI_CONVERSATION_ID_BYTES_MAX + 2];
    if (responses_place_is_secret(place)) {
        snprintf(token, sizeof token, "%s", name + sizeof prefix - 1);
    } else {
        token[0] = 'c';
        token[1] = '\0';
        write_hex(token + 1, name, strlen(name));
    }
    snprintf(
        place->id, sizeof place->id, "%s%s_%llx", prefix, token, (unsigned long long)place->after);
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

/* false: it is no id from here. */
static bool read_token(responses_place *place, const char *token)
{
    size_t size = strlen(token);
    if (is_token(token)) {
        snprintf(place->conversation, sizeof place->conversation, "%s%.*s", prefix, 2 * TOKEN_BYTES,
            token);
        return true;
    }
    if (token[0] != 'c' || size < 3 || size % 2 == 0 || size / 2 > AMPHI_CONVERSATION_ID_BYTES_MAX)
        return false;
    for (size_t i = 0; i < size / 2; i++) {
        int high = hex_digit(token[1 + 2 * i]), low = hex_digit(token[2 + 2 * i]);
        if (high < 0 || low < 0 || high + low == 0)
            return false;
        place->conversation[i] = (char)(16 * high + low);
    }
    place->conversation[size / 2] = '\0';
    return true;
}

bool responses_place_read(responses_place *place, amphi_str id)
{
    char text[sizeof place->id];
    if (id.size >= sizeof text || id.size < sizeof prefix ||
        memcmp(id.data, prefix, sizeof prefix - 1) != 0)
        return false;
    memcpy(text, id.data, id.size);
    text[id.size] = '\0';
    char *place_text = strrchr(text, '_');
    if (place_text < text + sizeof prefix || strlen(place_text + 1) > 15 ||
        strspn(place_text + 1, "0123456789abcdef") != strlen(place_text + 1) ||
        place_text[1] == '\0')
        return false;
    *place_text = '\0';
    place->after = (int64_t)strtoull(place_text + 1, NULL, 16);
    return read_token(place, text + sizeof prefix - 1);
}

/* ---- the history ---- */

typedef struct walk {
    int64_t answer_id; /* 0: not found yet */
    int64_t next_id;   /* behind it; 0: nothing */
    int64_t until;     /* of a copy: the last message */
    gateway_json *copy;
    amphi_privacy privacy;
    gateway_json *content; /* of the answer, where it is wanted */
    gateway_json *call;    /* likewise, one of its calls */
    unsigned call_index;
} walk;

static void take_item(walk *w, const amphi_history_message *m)
{
    amphi_str call;
    gateway_json_walk calls = gateway_json_begin(gateway_json_get(m->extra_json, "tool_calls"));
    if (w->content == NULL && w->call == NULL)
        return;
    w->privacy = m->privacy;
    if (w->content != NULL && m->content_is_json)
        gateway_json_raw(w->content, NULL, m->content);
    else if (w->content != NULL)
        gateway_json_str(w->content, NULL, m->content);
    for (unsigned i = 0; w->call != NULL && gateway_json_next(&calls, NULL, &call); i++)
        if (i == w->call_index)
            gateway_json_raw(w->call, NULL, call);
}

static bool see_message(void *user, const amphi_history_message *m)
{
    walk *w = user;
    if (w->answer_id != 0) {
        w->next_id = m->id;
        return false;
    }
    if (m->decision_json.size > 0 && m->state == AMPHI_MESSAGE_COMPLETE)
        w->answer_id = m->id;
    if (w->answer_id != 0)
        take_item(w, m);
    return true;
}

static bool copy_message(void *user, const amphi_history_message *m)
{
    walk *w = user;
    if (m->id > w->until)
        return false;
    if (m->privacy > w->privacy)
        w->privacy = m->privacy;
    gateway_json_open(w->copy, NULL, '{');
    gateway_json_str(w->copy, "role", m->role);
    if (m->content_is_json)
        gateway_json_raw(w->copy, "content", m->content);
    else
        gateway_json_str(w->copy, "content", m->content);
    if (m->extra_json.size > 2)
        gateway_json_members(
            w->copy, amphi_str_make(m->extra_json.data + 1, m->extra_json.size - 2));
    gateway_json_close(w->copy, '}');
    return true;
}

/* The answer of the turn behind place->after. AMPHI_E_NOT_FOUND. */
static amphi_status find_answer(
    const responses_place *place, amphi_client *client, walk *w, amphi_error *error)
{
    amphi_history_message_query query;
    amphi_history_message_query_init(&query);
    query.conversation_id = amphi_str_from(place->conversation);
    query.from_id = place->after;
    amphi_status status = amphi_history_read(client, &query, see_message, w, error);
    return status == AMPHI_OK && w->answer_id == 0 ? AMPHI_E_NOT_FOUND : status;
}

typedef struct turn {
    amphi_history_message_fn *visit;
    void *user;
    bool has_answer;
    bool has_more;
} turn;

static bool see_turn(void *user, const amphi_history_message *m)
{
    turn *t = user;
    t->has_more = t->has_answer;
    if (t->has_answer)
        return false;
    t->has_answer = m->decision_json.size > 0 && m->state == AMPHI_MESSAGE_COMPLETE;
    return t->visit(t->user, m);
}

amphi_status responses_place_turn(const responses_place *place, amphi_client *client,
    amphi_history_message_fn *visit, void *user, bool *is_last, amphi_error *error)
{
    turn t = {.visit = visit, .user = user};
    amphi_history_message_query query;
    amphi_history_message_query_init(&query);
    query.conversation_id = amphi_str_from(place->conversation);
    query.from_id = place->after;
    amphi_status status = amphi_history_read(client, &query, see_turn, &t, error);
    *is_last = !t.has_more;
    return status == AMPHI_OK && !t.has_answer ? AMPHI_E_NOT_FOUND : status;
}

/* Its last message, or 0. */
static bool see_last(void *user, const amphi_history_message *m)
{
    *(int64_t *)user = m->id;
    return false;
}

static amphi_status find_last(responses_place *place, amphi_client *client, amphi_error *error)
{
    amphi_history_message_query query;
    amphi_history_message_query_init(&query);
    query.conversation_id = amphi_str_from(place->conversation);
    query.newest_first = true;
    query.limit = 1;
    amphi_status status = amphi_history_read(client, &query, see_last, &place->after, error);
    return status == AMPHI_E_NOT_FOUND ? AMPHI_OK : status;
}

/* ---- conversations in work ---- */

bool responses_place_hold(responses_place *place, gateway_exchange *exchange)
{
    gateway_server *server = exchange->server;
    pthread_mutex_lock(&server->places_lock);
    bool is_free = true;
    for (const responses_place *p = server->places; p != NULL; p = p->next)
        is_free &= strcmp(p->conversation, place->conversation) != 0;
    if (is_free) {
        place->next = server->places;
        server->places = place;
        place->is_held = true;
    }
    pthread_mutex_unlock(&server->places_lock);
    return is_free;
}

void responses_place_leave(responses_place *place, gateway_exchange *exchange)
{
    gateway_server *server = exchange->server;
    gateway_json_wipe(&place->history);
    if (!place->is_held)
        return;
    pthread_mutex_lock(&server->places_lock);
    responses_place **at = &server->places;
    while (*at != place)
        at = &(*at)->next;
    *at = place->next;
    pthread_mutex_unlock(&server->places_lock);
    place->is_held = false;
}

/* ---- finding ---- */

/* A conversation of its own, or none. */
static bool begin_anew(responses_place *place, responses_request *request)
{
    char token[2 * TOKEN_BYTES + 1];
    place->conversation[0] = '\0';
    place->after = 0;
    if (!make_token(token))
        return responses_refuse(request, "", "no random numbers could be had");
    snprintf(place->id, sizeof place->id, "%s%s", prefix, token);
    if (request->stores) {
        snprintf(place->conversation, sizeof place->conversation, "%s%s", prefix, token);
        write_id(place);
    }
    return true;
}

static bool go_on(responses_place *place, gateway_exchange *exchange, responses_request *request)
{
    amphi_error error;
    amphi_str id = gateway_json_inner(request->fields[RESPONSES_PREVIOUS]);
    walk w = {.copy = &place->history};
    if (!responses_place_read(place, id))
        return fail_not_found(request, id);
    bool is_ours = request->stores && responses_place_hold(place, exchange);
    amphi_status status = find_answer(place, gateway_client(exchange), &w, &error);
    if (status == AMPHI_E_NOT_FOUND)
        return fail_not_found(request, id);
    if (status != AMPHI_OK)
        return fail_on_store(request, &error);
    if (is_ours && w.next_id == 0) {
        place->after = w.answer_id;
        write_id(place);
        return true;
    }
    w.until = w.answer_id;
    status = amphi_history_messages(
        gateway_client(exchange), amphi_str_from(place->conversation), copy_message, &w, &error);
    if (status != AMPHI_OK)
        return fail_on_store(request, &error);
    gateway_json copied = place->history;
    place->history = (gateway_json){.data = NULL};
    responses_place_leave(place, exchange);
    place->history = copied;
    place->privacy = w.privacy;
    return begin_anew(place, request);
}

bool responses_place_find(
    responses_place *place, gateway_exchange *exchange, responses_request *request)
{
    amphi_error error;
    amphi_str named = gateway_json_get(request->fields[RESPONSES_AMPHI], "conversation_id");
    if (gateway_json_is_null(named))
        named = gateway_json_get(gateway_settings(exchange), "conversation_id");
    amphi_str name = gateway_json_inner(named);
    bool goes_on = !gateway_json_is_null(request->fields[RESPONSES_PREVIOUS]);
    if (name.size > 0 && goes_on)
        return responses_refuse(request, "previous_response_id",
            "previous_response_id: not together with a conversation that has a name");
    if (name.size > 0 && !request->stores)
        return responses_refuse(
            request, "store", "store: false, but the request names a conversation to keep it in");
    if (goes_on)
        return go_on(place, exchange, request);
    if (!begin_anew(place, request))
        return false;
    if (name.size == 0 || name.size > AMPHI_CONVERSATION_ID_BYTES_MAX ||
        memchr(name.data, '\\', name.size) != NULL)
        return true; /* the client has its own words for a name that is too long */
    memcpy(place->conversation, name.data, name.size);
    place->conversation[name.size] = '\0';
    if (find_last(place, gateway_client(exchange), &error) != AMPHI_OK)
        return fail_on_store(request, &error);
    write_id(place);
    return true;
}

bool responses_place_item(
    responses_request *request, amphi_str id, gateway_json *content, gateway_json *call)
{
    static const char own[] = RESPONSES_OWN_REASONING;
    responses_place place = {.after = 0};
    char text[sizeof place.id + 16];
    walk w = {.answer_id = 0};
    bool is_custom = id.size > 4 && memcmp(id.data, "ctc_", 4) == 0;
    bool is_call = is_custom || (id.size > 3 && memcmp(id.data, "fc_", 3) == 0);
    int skip = is_call && !is_custom ? 3 : 4;
    if (id.size >= sizeof own && memcmp(id.data, own, sizeof own - 1) == 0)
        return true;
    if (id.size >= sizeof place.id ||
        (!is_call && (id.size < 4 || memcmp(id.data, "msg_", 4) != 0)))
        return false;
    snprintf(text, sizeof text, "%s%.*s", prefix, (int)id.size - skip, id.data + skip);
    char *index = strrchr(text, '_');
    *index = '\0'; /* at least the prefix has one */
    if (!responses_place_read(&place, amphi_str_from(text)))
        return false;
    w.call_index = (unsigned)strtoul(index + 1, NULL, 10);
    w.content = is_call ? NULL : content;
    w.call = is_call ? call : NULL;
    size_t before = call->size;
    if (find_answer(&place, request->client, &w, NULL) != AMPHI_OK ||
        (is_call && call->size == before))
        return false;
    if (w.privacy > request->privacy)
        request->privacy = w.privacy;
    return true;
}

void responses_place_settings(const responses_place *place, gateway_exchange *exchange,
    unsigned unkept_count, gateway_json *out)
{
    amphi_str key, value;
    bool is_private = place->privacy == AMPHI_PRIVACY_PRIVATE;
    bool is_local = place->privacy == AMPHI_PRIVACY_ONLY_LOCAL;
    gateway_json_walk settings = gateway_json_begin(gateway_settings(exchange));
    gateway_json_open(out, NULL, '{');
    while (gateway_json_next(&settings, &key, &value))
        if (!gateway_json_is(key, "conversation_id") &&
            !(is_private && gateway_json_is(key, "private")) &&
            !(is_local && gateway_json_is(key, "mode")))
            gateway_json_member(out, key, value);
    if (is_private)
        gateway_json_bool(out, "private", true);
    if (is_local)
        gateway_json_c(out, "mode", "only_local");
    if (place->conversation[0] != '\0')
        gateway_json_c(out, "conversation_id", place->conversation);
    if (unkept_count > 0)
        gateway_json_int(out, "unkept_messages", unkept_count);
    gateway_json_close(out, '}');
}
