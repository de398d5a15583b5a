/* SPDX-License-Identifier: Apache-2.0
 *
 * From either public form of a request to one owned, validated form, and from there to an engine
 * body.
 */
#include "sdk/client/request.h"

#include "sdk/client/message_tokens.h"
#include "sdk/client/request_fields.h"
#include "sdk/client/request_names.h"
#include "sdk/client/route_preference.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <math.h>

#define COUNT_OF(array)   (sizeof(array) / sizeof((array)[0]))
#define MESSAGES_MAX      10000
#define REQUEST_BYTES_MAX (16u << 20)

void amphi__request_clear(amphi_request *request)
{
    amphi__json_free(request->body);
    amphi__free(request->conversation_id);
    amphi__free(request->answer_prefix);
    amphi__free(request->outbox_id);
    amphi__free(request->outbox_lease);
    memset(request, 0, sizeof *request);
}

/* ---- from JSON ---- */

bool amphi__request_role_is_known(amphi_str role)
{
    static const char *const roles[] = {
        "system", "developer", "user", "assistant", "tool", "function"};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (amphi__str_equal_c(role, roles[i]))
            return true;
    return false;
}

/* What the content parts of a message require of an engine. */
static amphi_status read_parts(amphi_request *out, const amphi_json *parts, amphi_error *error)
{
    for (const amphi_json *part = amphi__json_first(parts); part != NULL;
         part = amphi__json_next(part)) {
        static const char *const names[] = {"type", "text", "image_url", "input_audio"};
        amphi_str type = amphi__json_string(amphi__json_get(part, "type"));
        amphi_status once =
            amphi__fields_check_once(part, names, COUNT_OF(names), "messages[].content[].", error);
        if (once != AMPHI_OK)
            return once;
        if (type.size == 0)
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "messages: a content part has no type");
        out->needs_images |= amphi__str_equal_c(type, "image_url");
        out->needs_audio |= amphi__str_equal_c(type, "input_audio");
    }
    return AMPHI_OK;
}

static amphi_status check_messages(
    amphi_request *out, const amphi_json *messages, amphi_error *error)
{
    size_t count = 0;
    if (amphi__json_kind(messages) != AMPHI_JSON_ARRAY || amphi__json_first(messages) == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "messages: a non-empty array is expected");
    for (const amphi_json *message = amphi__json_first(messages); message != NULL;
         message = amphi__json_next(message)) {
        static const char *const names[] = {
            "role", "content", "tool_calls", "tool_call_id", "name"};
        if (++count > MESSAGES_MAX)
            return amphi__fail(error, AMPHI_E_LIMIT, 0, "messages: more than %d", MESSAGES_MAX);
        amphi_status once =
            amphi__fields_check_once(message, names, COUNT_OF(names), "messages[].", error);
        if (once != AMPHI_OK)
            return once;
        if (!amphi__request_role_is_known(amphi__json_string(amphi__json_get(message, "role"))))
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "messages[%zu].role: system, developer, user, assistant or tool is expected",
                count - 1);
        out->has_tool_turns |= amphi__message_has_tools(message);
        const amphi_json *content = amphi__json_get(message, "content");
        amphi_json_kind kind = amphi__json_kind(content);
        if (kind == AMPHI_JSON_ARRAY) {
            amphi_status status = read_parts(out, content, error);
            if (status != AMPHI_OK)
                return status;
        } else if (kind != AMPHI_JSON_STRING && kind != AMPHI_JSON_NULL &&
                   kind != AMPHI_JSON_NONE) {
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "messages[%zu].content: a string or an array of parts is expected", count - 1);
        }
    }
    return AMPHI_OK;
}

static bool is_null(const amphi_json *value)
{
    return value == NULL || amphi__json_kind(value) == AMPHI_JSON_NULL;
}

/* *out stays as it is when there is no such member. */
static amphi_status read_bool(
    bool *out, const amphi_json *object, const char *key, amphi_error *error)
{
    const amphi_json *value = amphi__json_get(object, key);
    if (value != NULL && amphi__json_kind(value) != AMPHI_JSON_BOOL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "amphi.%s: true or false", key);
    *out = amphi__json_bool(value, *out);
    return AMPHI_OK;
}

static amphi_status read_budgets(amphi_budgets *out, const amphi_json *object, amphi_error *error)
{
    const struct {
        const char *key;
        uint32_t *out;
    } fields[] = {{"connect_ms", &out->connect_ms}, {"first_token_ms", &out->first_token_ms},
        {"idle_ms", &out->idle_ms}, {"total_ms", &out->total_ms}};
    if (is_null(object))
        return AMPHI_OK;
    if (amphi__json_kind(object) != AMPHI_JSON_OBJECT)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "amphi.budgets: an object is expected");
    static const char *const names[] = {"connect_ms", "first_token_ms", "idle_ms", "total_ms"};
    amphi_status status =
        amphi__names_check_only(object, names, COUNT_OF(names), "amphi.budgets.", error);
    if (status != AMPHI_OK)
        return status;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const amphi_json *value = amphi__json_get(object, fields[i].key);
        int64_t number = is_null(value) ? 0 : amphi__json_int(value, -1);
        if (number < 0 || number > UINT32_MAX)
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "amphi.budgets.%s: a whole number from 0 to %u is expected", fields[i].key,
                UINT32_MAX);
        *fields[i].out = (uint32_t)number;
    }
    return AMPHI_OK;
}

/* What the store would refuse at the end is refused before anything is sent. */
static amphi_status check_conversation_id(amphi_str id, const char *name, amphi_error *error)
{
    if (id.size > AMPHI_CONVERSATION_ID_BYTES_MAX)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s: longer than %d bytes", name,
            AMPHI_CONVERSATION_ID_BYTES_MAX);
    if (id.size > 0 && (id.data == NULL || !amphi__utf8_is_valid(id)))
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s: not UTF-8", name);
    /* The JSON reader has U+FFFD in the place of NUL: two ids would become one. */
    if (amphi__str_find(id, amphi_str_make("", 1)) != SIZE_MAX ||
        amphi__str_find(id, AMPHI_STR("\xEF\xBF\xBD")) != SIZE_MAX)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "%s: a NUL character, or U+FFFD, in it", name);
    return AMPHI_OK;
}

static amphi_status read_conversation_id(
    amphi_request *out, const amphi_json *value, amphi_error *error)
{
    static const char name[] = "amphi.conversation_id";
    if (!is_null(value) && !amphi__json_is_string(value))
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s: a string is expected", name);
    amphi_status status = check_conversation_id(amphi__json_string(value), name, error);
    if (status != AMPHI_OK)
        return status;
    out->conversation_id = amphi__str_copy(amphi__json_string(value));
    return out->conversation_id != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
}

static const char *const cache_uses[] = {
    [AMPHI_CACHE_DEFAULT] = NULL,
    [AMPHI_CACHE_OFF] = "off",
    [AMPHI_CACHE_EXACT] = "exact",
    [AMPHI_CACHE_NEAR] = "near",
};

static amphi_status read_cache_use(
    amphi_cache_use *out, const amphi_json *value, amphi_error *error)
{
    if (is_null(value))
        return AMPHI_OK;
    for (unsigned i = AMPHI_CACHE_OFF; i <= AMPHI_CACHE_NEAR; i++)
        if (amphi__json_is_string(value) &&
            amphi__str_equal_c(amphi__json_string(value), cache_uses[i])) {
            *out = (amphi_cache_use)i;
            return AMPHI_OK;
        }
    return amphi__fail(
        error, AMPHI_E_ARGUMENT, 0, "amphi.cache: \"off\", \"exact\" or \"near\" is expected");
}

static amphi_status read_unkept(amphi_request *out, const amphi_json *value, amphi_error *error)
{
    int64_t count = is_null(value) ? 0 : amphi__json_int(value, -1);
    if (count < 0 || count > MESSAGES_MAX)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "amphi.unkept_messages: a whole number from 0 to %d is expected", MESSAGES_MAX);
    out->unkept_count = (uint32_t)count;
    return AMPHI_OK;
}

static amphi_status read_amphi_member(
    amphi_request *out, const amphi_json *member, amphi_error *error)
{
    if (member != NULL && amphi__json_kind(member) != AMPHI_JSON_OBJECT)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "amphi: an object is expected");
    static const char *const names[] = {"mode", "private", "no_cache", "cache", "no_store",
        "no_queue", "conversation_id", "budgets", "unkept_messages", "history_end"};
    amphi_status status = amphi__names_check_only(member, names, COUNT_OF(names), "amphi.", error);
    const amphi_json *mode = amphi__json_get(member, "mode");
    if (status == AMPHI_OK && mode != NULL) {
        status = amphi_mode_parse(&out->mode, amphi__json_string(mode));
        if (status != AMPHI_OK)
            return amphi__fail(error, status, 0,
                "amphi.mode: auto, prefer_local, prefer_cloud, only_local or only_cloud");
    }
    /* A caller that speaks only OpenAI's API would not understand "queued". */
    out->no_queue = member == NULL;
    if (status == AMPHI_OK)
        status = read_bool(&out->is_private, member, "private", error);
    if (status == AMPHI_OK)
        status = read_bool(&out->no_cache, member, "no_cache", error);
    if (status == AMPHI_OK)
        status = read_bool(&out->no_store, member, "no_store", error);
    if (status == AMPHI_OK)
        status = read_cache_use(&out->cache, amphi__json_get(member, "cache"), error);
    if (status == AMPHI_OK)
        status = read_bool(&out->no_queue, member, "no_queue", error);
    if (status == AMPHI_OK)
        status = read_budgets(&out->budgets, amphi__json_get(member, "budgets"), error);
    if (status == AMPHI_OK)
        status = read_conversation_id(out, amphi__json_get(member, "conversation_id"), error);
    if (status == AMPHI_OK)
        status = read_unkept(out, amphi__json_get(member, "unkept_messages"), error);
    const amphi_json *end = amphi__json_get(member, "history_end");
    out->history_end = amphi__json_int(end, -1);
    if (status == AMPHI_OK && !is_null(end) && out->history_end < 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "amphi.history_end: a message's id or 0");
    return status;
}

/* A trailing assistant message is the answer's beginning. */
static amphi_str answer_beginning(const amphi_json *messages)
{
    const amphi_json *last = NULL;
    for (const amphi_json *m = amphi__json_first(messages); m != NULL; m = amphi__json_next(m))
        last = m;
    if (!amphi__str_equal_c(amphi__json_string(amphi__json_get(last, "role")), "assistant") ||
        amphi__json_get(last, "tool_calls") != NULL)
        return amphi_str_make(NULL, 0);
    return amphi__json_string(amphi__json_get(last, "content"));
}

amphi_status amphi__request_from_json(amphi_request *out, amphi_str json, amphi_error *error)
{
    memset(out, 0, sizeof *out);
    if (json.size > REQUEST_BYTES_MAX)
        return amphi__fail(
            error, AMPHI_E_LIMIT, 0, "request: more than %u bytes", REQUEST_BYTES_MAX);
    amphi_status status = amphi__json_parse(&out->body, json, "request", error);
    if (status != AMPHI_OK)
        return status;
    const amphi_json *messages = amphi__json_get(out->body, "messages");
    const amphi_json *n = amphi__json_get(out->body, "n");
    if (amphi__json_kind(out->body) != AMPHI_JSON_OBJECT)
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "request: a JSON object is expected");
    else if (n != NULL && amphi__json_kind(n) != AMPHI_JSON_NULL && amphi__json_int(n, 0) != 1)
        status = amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "n: only 1 is possible");
    else
        status = check_messages(out, messages, error);
    if (status == AMPHI_OK)
        status = amphi__names_check_foreign(out->body, error);
    if (status == AMPHI_OK)
        status = amphi__fields_check(out->body, error);
    if (status == AMPHI_OK)
        status = amphi__preference_check(out->body, error);
    if (status == AMPHI_OK)
        status = read_amphi_member(out, amphi__json_get(out->body, "amphi"), error);
    if (status != AMPHI_OK)
        goto cleanup;

    const amphi_json *limit = amphi__json_get(out->body, "max_completion_tokens");
    if (is_null(limit))
        limit = amphi__json_get(out->body, "max_tokens");
    int64_t tokens_max = amphi__json_int(limit, 0);
    out->tokens_max = tokens_max > 0 && tokens_max < UINT32_MAX ? (uint32_t)tokens_max : 0;
    out->wants_logprobs = amphi__json_bool(amphi__json_get(out->body, "logprobs"), false);
    out->is_shown = amphi__json_bool(amphi__json_get(out->body, "stream"), false);
    out->takes_replace = amphi__json_get(out->body, "amphi") != NULL;
    out->needs_tools = amphi__json_first(amphi__json_get(out->body, "tools")) != NULL;
    out->has_functions =
        !out->needs_tools && amphi__json_first(amphi__json_get(out->body, "functions")) != NULL;
    out->needs_tools |= out->has_functions;
    out->answer_prefix = amphi__str_copy(answer_beginning(messages));
    if (out->answer_prefix == NULL)
        status = amphi__fail_no_memory(error);
cleanup:
    if (status != AMPHI_OK)
        amphi__request_clear(out);
    return status;
}

/* What the caller's settings add: they fill in what the body leaves open, and are never less strict
 * than it is. */
static amphi_status merge(amphi_request *out, amphi_request *settings, amphi_error *error)
{
    uint32_t *ours[] = {&out->budgets.connect_ms, &out->budgets.first_token_ms,
        &out->budgets.idle_ms, &out->budgets.total_ms};
    const uint32_t theirs[] = {settings->budgets.connect_ms, settings->budgets.first_token_ms,
        settings->budgets.idle_ms, settings->budgets.total_ms};
    bool has_both = out->conversation_id[0] != '\0' && settings->conversation_id[0] != '\0';
    if (has_both && strcmp(out->conversation_id, settings->conversation_id) != 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "amphi.conversation_id: the request and its settings name two");
    if (!has_both && settings->conversation_id[0] != '\0') {
        amphi__free(out->conversation_id);
        out->conversation_id = settings->conversation_id;
        settings->conversation_id = NULL;
    }
    if (out->mode == AMPHI_MODE_DEFAULT || settings->mode == AMPHI_MODE_ONLY_LOCAL)
        out->mode = settings->mode;
    if (out->cache == AMPHI_CACHE_DEFAULT || settings->cache == AMPHI_CACHE_OFF)
        out->cache = settings->cache;
    if (out->unkept_count == 0)
        out->unkept_count = settings->unkept_count;
    out->is_private |= settings->is_private;
    out->no_cache |= settings->no_cache;
    out->no_store |= settings->no_store;
    out->no_queue |= settings->no_queue;
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        if (*ours[i] == 0)
            *ours[i] = theirs[i];
    return AMPHI_OK;
}

amphi_status amphi__request_add_settings(amphi_request *out, amphi_str json, amphi_error *error)
{
    amphi_request settings = {.body = NULL};
    if (json.size == 0)
        return AMPHI_OK;
    amphi_status status = amphi__json_parse(&settings.body, json, "settings", error);
    if (status == AMPHI_OK)
        status = read_amphi_member(&settings, settings.body, error);
    if (status == AMPHI_OK)
        status = merge(out, &settings, error);
    amphi__request_clear(&settings);
    return status;
}

/* ---- from the struct: written as JSON first, so that one parser checks both forms ---- */

static const char *role_name(amphi_role role)
{
    static const char *const names[] = {"system", "user", "assistant", "tool"};
    return (unsigned)role < 4 ? names[role] : NULL;
}

static amphi_status put_extra(amphi_json_writer *writer, amphi_str extra_json, amphi_error *error)
{
    static const char *const reserved[] = {"messages", "amphi"};
    amphi_json *extra = NULL;
    amphi_status status = amphi__json_parse(&extra, extra_json, "extra_json", error);
    if (status != AMPHI_OK)
        return status;
    if (amphi__json_kind(extra) != AMPHI_JSON_OBJECT)
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "extra_json: an object is expected");
    for (size_t i = 0; i < 2 && status == AMPHI_OK; i++)
        if (amphi__json_get(extra, reserved[i]) != NULL)
            status = amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "extra_json: \"%s\" has its own field in the request", reserved[i]);
    for (const amphi_json *m = amphi__json_first(extra); m != NULL && status == AMPHI_OK;
         m = amphi__json_next(m)) {
        amphi__json_put_key(writer, amphi__json_key(m));
        amphi__json_put_value(writer, NULL, m);
    }
    amphi__json_free(extra);
    return status;
}

static void put_float(amphi_json_writer *writer, const char *key, float value)
{
    /* JSON has no infinity. A string in its place is refused with the field's name; null would mean
     * the default. */
    if (isinf(value))
        amphi__json_put_str(writer, key, AMPHI_STR("infinity"));
    else if (!isnan(value))
        amphi__json_put_number(writer, key, round((double)value * 1e6) / 1e6);
}

static void put_sampling(amphi_json_writer *writer, const amphi_sampling *sampling)
{
    put_float(writer, "temperature", sampling->temperature);
    put_float(writer, "top_p", sampling->top_p);
    put_float(writer, "min_p", sampling->min_p);
    put_float(writer, "repetition_penalty", sampling->repetition_penalty);
    if (sampling->top_k > 0)
        amphi__json_put_int(writer, "top_k", sampling->top_k);
    if (sampling->tokens_max > 0)
        amphi__json_put_int(writer, "max_tokens", sampling->tokens_max);
    if (sampling->seed >= 0)
        amphi__json_put_int(writer, "seed", sampling->seed);
}

/* What the struct form has of it: all but body, prefix, outbox id and what is derived from them. */
static void put_amphi_member(
    amphi_json_writer *writer, const amphi_request *request, amphi_str conversation_id)
{
    const amphi_budgets *budgets = &request->budgets;
    amphi__json_open(writer, "amphi", '{');
    if (request->mode != AMPHI_MODE_DEFAULT)
        amphi__json_put_str(writer, "mode", amphi_str_from(amphi_mode_name(request->mode)));
    if (request->is_private)
        amphi__json_put_bool(writer, "private", true);
    if (request->no_cache)
        amphi__json_put_bool(writer, "no_cache", true);
    if (request->cache != AMPHI_CACHE_DEFAULT)
        amphi__json_put_str(writer, "cache", amphi_str_from(cache_uses[request->cache]));
    if (request->no_store)
        amphi__json_put_bool(writer, "no_store", true);
    if (request->no_queue)
        amphi__json_put_bool(writer, "no_queue", true);
    if (conversation_id.size > 0)
        amphi__json_put_str(writer, "conversation_id", conversation_id);
    if (request->unkept_count > 0)
        amphi__json_put_int(writer, "unkept_messages", request->unkept_count);
    if (request->history_end >= 0)
        amphi__json_put_int(writer, "history_end", request->history_end);
    amphi__json_open(writer, "budgets", '{');
    amphi__json_put_int(writer, "connect_ms", budgets->connect_ms);
    amphi__json_put_int(writer, "first_token_ms", budgets->first_token_ms);
    amphi__json_put_int(writer, "idle_ms", budgets->idle_ms);
    amphi__json_put_int(writer, "total_ms", budgets->total_ms);
    amphi__json_close(writer, '}');
    amphi__json_close(writer, '}');
}

amphi_status amphi__request_from_struct(
    amphi_request *out, const amphi_chat_request *source, amphi_error *error)
{
    amphi_chat_request own;
    const amphi_chat_request *request = &own;
    memset(out, 0, sizeof *out);
    amphi_status status = AMPHI__SIZED_READ(amphi_chat_request, &own, source, "request", error);
    if (status != AMPHI_OK)
        return status;
    if (request->messages_count > 0 && request->messages == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "request.messages: NULL with a count");
    if ((unsigned)request->mode > AMPHI_MODE_ONLY_CLOUD)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "request.mode: not an amphi_mode");
    if ((unsigned)request->cache > AMPHI_CACHE_NEAR)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "request.cache: not an amphi_cache_use");
    status = check_conversation_id(request->conversation_id, "request.conversation_id", error);
    if (status != AMPHI_OK)
        return status;
    amphi_buf json;
    amphi__buf_init(&json, REQUEST_BYTES_MAX);
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, &json);

    amphi__json_open(&writer, NULL, '{');
    amphi__json_open(&writer, "messages", '[');
    for (size_t i = 0; i < request->messages_count; i++) {
        const char *role = role_name(request->messages[i].role);
        if (role == NULL) {
            status =
                amphi__fail(error, AMPHI_E_ARGUMENT, 0, "messages[%zu].role: not an amphi_role", i);
            goto cleanup;
        }
        amphi__json_open(&writer, NULL, '{');
        amphi__json_put_str(&writer, "role", amphi_str_from(role));
        amphi__json_put_str(&writer, "content", request->messages[i].content);
        amphi__json_close(&writer, '}');
    }
    amphi__json_close(&writer, ']');
    put_sampling(&writer, &request->sampling);
    if (request->extra_json.size > 0)
        status = put_extra(&writer, request->extra_json, error);
    if (status != AMPHI_OK)
        goto cleanup;
    const amphi_request member = {
        .mode = request->mode,
        .is_private = request->is_private,
        .no_cache = request->no_cache,
        .cache = request->cache,
        .no_store = request->no_store,
        .no_queue = request->no_queue,
        .budgets = request->budgets,
        .history_end = -1,
    };
    put_amphi_member(&writer, &member, request->conversation_id);
    amphi__json_close(&writer, '}');
    status = json.status != AMPHI_OK
                 ? amphi__fail(error, json.status, 0, "request: too large, or out of memory")
                 : amphi__request_from_json(out, amphi__buf_str(&json), error);
    if (status == AMPHI_OK) {
        const amphi_json *stream = amphi__json_get(out->body, "stream");
        out->is_shown = amphi__json_bool(stream, true); /* false: it waits for the result */
        out->takes_replace = true;
    }
cleanup:
    amphi__buf_clear(&json);
    return status;
}

/* ---- for an engine and for the outbox ---- */

/* Every member but `messages` and "amphi"; `but` is left out as well. */
static void put_other_members(amphi_json_writer *writer, const amphi_json *body, const char *but)
{
    for (const amphi_json *m = amphi__json_first(body); m != NULL; m = amphi__json_next(m)) {
        amphi_str key = amphi__json_key(m);
        if (amphi__str_equal_c(key, "messages") || amphi__str_equal_c(key, "amphi") ||
            amphi__str_equal_c(key, but))
            continue;
        /* Null means no limit, and the policy's limit may be written under the same name. */
        if (is_null(m) && (amphi__str_equal_c(key, "max_tokens") ||
                              amphi__str_equal_c(key, "max_completion_tokens")))
            continue;
        amphi__json_put_key(writer, key);
        amphi__json_put_value(writer, NULL, m);
    }
}

amphi_status amphi__request_to_json(const amphi_request *request, amphi_buf *out)
{
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_value(&writer, "messages", amphi__json_get(request->body, "messages"));
    put_other_members(&writer, request->body, "");
    put_amphi_member(&writer, request, amphi_str_from(request->conversation_id));
    amphi__json_close(&writer, '}');
    return out->status;
}

amphi_status amphi__request_engine_body(
    const amphi_request *request, amphi_str history, uint32_t answer_tokens_max, amphi_buf *out)
{
    const amphi_json *messages = amphi__json_get(request->body, "messages");
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_open(&writer, "messages", '[');
    const amphi_json *m = amphi__json_first(messages);
    for (uint32_t i = 0; i < request->unkept_count && m != NULL; i++, m = amphi__json_next(m))
        amphi__json_put_value(&writer, NULL, m);
    if (history.size > 0)
        amphi__json_put_raw(&writer, NULL, history);
    for (; m != NULL; m = amphi__json_next(m))
        if (request->answer_prefix[0] == '\0' || amphi__json_next(m) != NULL)
            amphi__json_put_value(&writer, NULL, m);
    amphi__json_close(&writer, ']');
    put_other_members(&writer, request->body, "fallbacks");
    if (request->tokens_max == 0 && answer_tokens_max > 0)
        amphi__json_put_int(&writer, "max_tokens", answer_tokens_max);
    amphi__json_close(&writer, '}');
    return out->status;
}

amphi_status amphi__request_put_stored(amphi_buf *out, const amphi_store_message *message)
{
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "role", message->role);
    if (message->content_is_json)
        amphi__json_put_raw(&writer, "content", message->content);
    else
        amphi__json_put_str(&writer, "content", message->content);
    size_t size = message->extra_json.size;
    amphi_str extra = amphi__str_slice(message->extra_json, 1, size > 2 ? size - 1 : 1);
    extra = amphi__str_trim(extra); /* what is inside {...} */
    if (extra.size > 0) {
        amphi__buf_append_char(out, ',');
        amphi__buf_append_str(out, extra);
    }
    amphi__json_close(&writer, '}');
    return out->status;
}
