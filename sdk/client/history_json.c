/* SPDX-License-Identifier: Apache-2.0
 *
 * The history's calls as JSON, for bindings and the command. A request names an op; each op takes
 * the members of its list, and nothing else.
 */
#include "sdk/client/client.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <amphi/history.h>
#include <amphi/search.h>

#include <stdio.h>

/* What a request may say; strings point into its document. */
typedef struct arguments {
    amphi_str conversation_id, cursor, title, jsonl, words;
    int64_t limit, from_id, before_id, message_id, max_age_ms, max_bytes;
    bool backwards, archived, pinned, newest_first, private_too;
} arguments;

typedef struct member {
    const char *name;
    amphi_json_kind kind;
    size_t offset;
} member;

#define MEMBER(name, kind, field)                                                                  \
    {                                                                                              \
        (name), AMPHI_JSON_##kind, offsetof(arguments, field)                                      \
    }
static const member members[] = {
    MEMBER("conversation_id", STRING, conversation_id),
    MEMBER("cursor", STRING, cursor),
    MEMBER("title", STRING, title),
    MEMBER("jsonl", STRING, jsonl),
    MEMBER("words", STRING, words),
    MEMBER("limit", NUMBER, limit),
    MEMBER("before_id", NUMBER, before_id),
    MEMBER("from_id", NUMBER, from_id),
    MEMBER("message_id", NUMBER, message_id),
    MEMBER("max_age_ms", NUMBER, max_age_ms),
    MEMBER("max_bytes", NUMBER, max_bytes),
    MEMBER("backwards", BOOL, backwards),
    MEMBER("archived", BOOL, archived),
    MEMBER("pinned", BOOL, pinned),
    MEMBER("newest_first", BOOL, newest_first),
    MEMBER("private", BOOL, private_too),
};

typedef struct answer {
    amphi_client *client;
    arguments given;
    amphi_json_writer writer;
    amphi_buf lines; /* of an export */
} answer;

/* ---- Items ---- */

static bool put_conversation(void *user, const amphi_history_conversation *item)
{
    amphi_json_writer *w = &((answer *)user)->writer;
    amphi__json_open(w, NULL, '{');
    amphi__json_put_str(w, "id", item->id);
    amphi__json_put_str(w, "title", item->title);
    amphi__json_put_bool(w, "title_is_own", item->title_is_own);
    amphi__json_put_bool(w, "pinned", item->is_pinned);
    amphi__json_put_bool(w, "archived", item->is_archived);
    amphi__json_put_int(w, "messages", (int64_t)item->messages_count);
    amphi__json_put_int(w, "text_bytes", (int64_t)item->text_bytes);
    amphi__json_put_str(w, "privacy", amphi_str_from(amphi_privacy_name(item->privacy)));
    amphi__json_put_int(w, "created_ms", item->created_ms);
    amphi__json_put_int(w, "updated_ms", item->updated_ms);
    amphi__json_put_str(w, "cursor", item->cursor);
    amphi__json_close(w, '}');
    return w->out->status == AMPHI_OK;
}

static bool put_message(void *user, const amphi_history_message *item)
{
    amphi_json_writer *w = &((answer *)user)->writer;
    amphi__json_open(w, NULL, '{');
    amphi__json_put_int(w, "id", item->id);
    amphi__json_put_str(w, "role", item->role);
    amphi__json_put_str(w, "content", item->content);
    amphi__json_put_str(w, "route", item->route);
    amphi__json_put_str(w, "model", item->model);
    amphi__json_put_int(w, "created_ms", item->created_ms);
    amphi__json_put_str(w, "privacy", amphi_str_from(amphi_privacy_name(item->privacy)));
    amphi__json_put_bool(w, "partial", item->state == AMPHI_MESSAGE_PARTIAL);
    if (item->decision_json.size > 0)
        amphi__json_put_raw(w, "record", item->decision_json);
    else
        amphi__json_put_null(w, "record");
    amphi__json_close(w, '}');
    return w->out->status == AMPHI_OK;
}

static bool put_hit(void *user, const amphi_search_hit *hit)
{
    amphi_json_writer *w = &((answer *)user)->writer;
    amphi__json_open(w, NULL, '{');
    amphi__json_put_int(w, "id", hit->message_id);
    amphi__json_put_str(w, "conversation_id", hit->conversation_id);
    amphi__json_put_str(w, "title", hit->conversation_title);
    amphi__json_put_str(w, "role", hit->role);
    amphi__json_put_str(w, "snippet", hit->snippet);
    amphi__json_put_int(w, "created_ms", hit->created_ms);
    amphi__json_open(w, "matches", '[');
    for (size_t i = 0; i < hit->matches_count; i++) {
        amphi__json_open(w, NULL, '{');
        amphi__json_put_int(w, "offset", hit->matches[i].offset);
        amphi__json_put_int(w, "size", hit->matches[i].size);
        amphi__json_close(w, '}');
    }
    amphi__json_close(w, ']');
    amphi__json_close(w, '}');
    return w->out->status == AMPHI_OK;
}

static void put_receipt(answer *a, const amphi_history_receipt *receipt)
{
    amphi_json_writer *w = &a->writer;
    amphi__json_put_int(w, "conversations", (int64_t)receipt->conversations_count);
    amphi__json_put_int(w, "messages", (int64_t)receipt->messages_count);
    amphi__json_put_int(w, "cached", (int64_t)receipt->cached_count);
    amphi__json_put_int(w, "queued", (int64_t)receipt->outbox_count);
    amphi__json_put_int(w, "text_bytes", (int64_t)receipt->text_bytes);
    amphi__json_put_int(w, "erased_ms", receipt->erased_ms);
    amphi__json_put_bool(w, "log_wiped", receipt->log_is_wiped);
    amphi__json_put_int(w, "damaged", (int64_t)receipt->damaged_count);
    amphi__json_put_int(w, "shared", (int64_t)receipt->shared_count);
    amphi__json_put_int(w, "shared_left", (int64_t)receipt->shared_left_count);
    if (receipt->damaged_path[0] != '\0')
        amphi__json_put_str(w, "damaged_path", amphi_str_from(receipt->damaged_path));
}

static void put_transfer(answer *a, const amphi_history_transfer *transfer)
{
    amphi_json_writer *w = &a->writer;
    amphi__json_put_int(w, "conversations", (int64_t)transfer->conversations_count);
    amphi__json_put_int(w, "messages", (int64_t)transfer->messages_count);
    amphi__json_put_int(w, "skipped", (int64_t)transfer->skipped_count);
    amphi__json_put_int(w, "left_out", (int64_t)transfer->left_out_count);
}

/* ---- Ops ---- */

static amphi_status run_list(answer *a, amphi_error *error)
{
    amphi_history_query query;
    amphi_history_query_init(&query);
    query.conversation_id = a->given.conversation_id;
    query.cursor = a->given.cursor;
    query.limit = (uint32_t)a->given.limit;
    query.backwards = a->given.backwards;
    query.with_archived = a->given.archived;
    amphi__json_open(&a->writer, "conversations", '[');
    amphi_status status = amphi_history_list(a->client, &query, put_conversation, a, error);
    amphi__json_close(&a->writer, ']');
    return status;
}

static amphi_status run_show(answer *a, amphi_error *error)
{
    amphi_history_message_query query;
    amphi_history_message_query_init(&query);
    query.conversation_id = a->given.conversation_id;
    query.from_id = a->given.from_id;
    query.limit = (uint32_t)a->given.limit;
    query.newest_first = a->given.newest_first;
    amphi__json_open(&a->writer, "messages", '[');
    amphi_status status = amphi_history_read(a->client, &query, put_message, a, error);
    amphi__json_close(&a->writer, ']');
    return status;
}

static amphi_status run_rename(answer *a, amphi_error *error)
{
    amphi__json_put_str(&a->writer, "renamed", a->given.conversation_id);
    return amphi_history_rename(a->client, a->given.conversation_id, a->given.title, error);
}

static amphi_status run_pin(answer *a, amphi_error *error)
{
    amphi__json_put_bool(&a->writer, "pinned", a->given.pinned);
    return amphi_history_pin(a->client, a->given.conversation_id, a->given.pinned, error);
}

static amphi_status run_archive(answer *a, amphi_error *error)
{
    amphi__json_put_bool(&a->writer, "archived", a->given.archived);
    return amphi_history_archive(a->client, a->given.conversation_id, a->given.archived, error);
}

static amphi_status run_delete(answer *a, amphi_error *error)
{
    amphi_history_receipt receipt;
    amphi_history_receipt_init(&receipt);
    amphi_str id = a->given.conversation_id;
    amphi_status status =
        a->given.message_id != 0
            ? amphi_history_erase_message(a->client, id, a->given.message_id, &receipt, error)
            : amphi_history_erase(a->client, id, &receipt, error);
    amphi__json_put_str(&a->writer, "deleted", id);
    put_receipt(a, &receipt);
    return status;
}

static amphi_status run_erase_all(answer *a, amphi_error *error)
{
    amphi_history_receipt receipt;
    amphi_history_receipt_init(&receipt);
    amphi_status status = amphi_history_erase_all(a->client, &receipt, error);
    put_receipt(a, &receipt);
    return status;
}

static amphi_status run_prune(answer *a, amphi_error *error)
{
    amphi_history_receipt receipt;
    amphi_history_retention keep;
    amphi_history_receipt_init(&receipt);
    amphi_history_retention_init(&keep);
    keep.max_age_ms = (uint64_t)a->given.max_age_ms;
    keep.max_bytes = (uint64_t)a->given.max_bytes;
    amphi_status status = amphi_history_prune(a->client, &keep, &receipt, error);
    put_receipt(a, &receipt);
    return status;
}

static bool gather_line(void *user, amphi_str line)
{
    amphi_buf *lines = user;
    amphi__buf_append_str(lines, line);
    return amphi__buf_append_char(lines, '\n') == AMPHI_OK;
}

static amphi_status run_export(answer *a, amphi_error *error)
{
    amphi_history_transfer transfer;
    amphi_history_transfer_init(&transfer);
    amphi_status status = amphi_history_export(
        a->client, a->given.private_too, gather_line, &a->lines, &transfer, error);
    put_transfer(a, &transfer);
    amphi__json_put_str(&a->writer, "jsonl", amphi__buf_str(&a->lines));
    return status;
}

static bool next_line(void *user, amphi_str *line)
{
    amphi_str *rest = user;
    if (rest->size == 0)
        return false;
    *line = amphi__str_cut(*rest, '\n', rest);
    return true;
}

static amphi_status run_import(answer *a, amphi_error *error)
{
    amphi_history_transfer transfer;
    amphi_history_transfer_init(&transfer);
    amphi_str rest = a->given.jsonl;
    amphi_status status = amphi_history_import(a->client, next_line, &rest, &transfer, error);
    put_transfer(a, &transfer);
    return status;
}

static amphi_status run_search(answer *a, amphi_error *error)
{
    amphi_search_query query;
    amphi_search_query_init(&query);
    query.words = a->given.words;
    query.conversation_id = a->given.conversation_id;
    query.before_id = a->given.before_id;
    query.limit = (uint32_t)a->given.limit;
    amphi__json_open(&a->writer, "hits", '[');
    amphi_status status = amphi_history_search(a->client, &query, put_hit, a, error);
    amphi__json_close(&a->writer, ']');
    return status;
}

/* The names that an op takes, "!" before those that it needs. */
static const struct op {
    const char *name;
    const char *takes;
    amphi_status (*run)(answer *a, amphi_error *error);
} ops[] = {
    {"list", " conversation_id cursor limit backwards archived ", run_list},
    {"show", " !conversation_id from_id limit newest_first ", run_show},
    {"search", " !words conversation_id before_id limit ", run_search},
    {"rename", " !conversation_id !title ", run_rename},
    {"pin", " !conversation_id !pinned ", run_pin},
    {"archive", " !conversation_id !archived ", run_archive},
    {"delete", " !conversation_id message_id ", run_delete},
    {"erase_all", " ", run_erase_all},
    {"prune", " max_age_ms max_bytes ", run_prune},
    {"export", " private ", run_export},
    {"import", " !jsonl ", run_import},
};

/* ---- The request ---- */

static bool takes(const struct op *op, const char *mark, const char *name)
{
    char word[32];
    snprintf(word, sizeof word, "%s%s ", mark, name);
    return strstr(op->takes, word) != NULL;
}

static amphi_status take_member(
    const struct op *op, const amphi_json *value, arguments *out, amphi_error *error)
{
    amphi_str key = amphi__json_key(value);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const member *m = &members[i];
        void *field = (char *)out + m->offset;
        if (!amphi__str_equal_c(key, m->name) ||
            !(takes(op, " ", m->name) || takes(op, " !", m->name)))
            continue;
        bool fits = amphi__json_kind(value) == m->kind;
        if (fits && m->kind == AMPHI_JSON_STRING) {
            *(amphi_str *)field = amphi__json_string(value);
        } else if (fits && m->kind == AMPHI_JSON_BOOL) {
            *(bool *)field = amphi__json_bool(value, false);
        } else if (fits) {
            int64_t most = strcmp(m->name, "limit") == 0 ? UINT32_MAX : INT64_MAX;
            *(int64_t *)field = amphi__json_int(value, -1);
            fits = *(int64_t *)field >= 0 && *(int64_t *)field <= most;
            if (fits && *(int64_t *)field == 0 && strcmp(m->name, "message_id") == 0)
                return amphi__fail(error, AMPHI_E_ARGUMENT, 0, /* 0: not given, so all would go */
                    "message_id: a message's id is expected, 1 or more");
        }
        return fits ? AMPHI_OK
                    : amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s: %s is expected", m->name,
                          m->kind == AMPHI_JSON_STRING ? "a string"
                          : m->kind == AMPHI_JSON_BOOL ? "true or false"
                                                       : "a whole number, not negative");
    }
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%.*s: unknown to the op \"%s\"",
        key.size < 40 ? (int)key.size : 40, key.data, op->name);
}

static amphi_status read_request(
    const amphi_json *root, const struct op **op, arguments *out, amphi_error *error)
{
    amphi_str name = amphi__json_string(amphi__json_get(root, "op"));
    *op = NULL;
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (amphi__str_equal_c(name, ops[i].name))
            *op = &ops[i];
    if (*op == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "op: list, show, search, rename, pin, archive, delete, erase_all, prune, export or "
            "import");
    for (const amphi_json *m = amphi__json_first(root); m != NULL; m = amphi__json_next(m)) {
        for (const amphi_json *b = amphi__json_next(m); b != NULL; b = amphi__json_next(b))
            if (amphi__str_equal(amphi__json_key(m), amphi__json_key(b)))
                return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%.*s: given twice",
                    amphi__json_key(m).size < 40 ? (int)amphi__json_key(m).size : 40,
                    amphi__json_key(m).data);
        amphi_status status = amphi__str_equal_c(amphi__json_key(m), "op")
                                  ? AMPHI_OK
                                  : take_member(*op, m, out, error);
        if (status != AMPHI_OK)
            return status;
    }
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (takes(*op, " !", members[i].name) && amphi__json_get(root, members[i].name) == NULL)
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s: missing", members[i].name);
    return AMPHI_OK;
}

amphi_status amphi_history_json(
    amphi_client *client, amphi_str request_json, char **out, amphi_error *error)
{
    amphi_json *root = NULL;
    const struct op *op = NULL;
    answer a = {.client = client};
    amphi_buf text;
    amphi__error_clear(error);
    if (client == NULL || out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or out is NULL");
    *out = NULL;
    amphi__buf_init(&text, 0);
    amphi__buf_init(&a.lines, 0);
    amphi_status status = amphi__json_parse(&root, request_json, "request", error);
    if (status == AMPHI_OK)
        status = read_request(root, &op, &a.given, error);
    if (status == AMPHI_OK) {
        amphi__json_writer_init(&a.writer, &text);
        amphi__json_open(&a.writer, NULL, '{');
        status = op->run(&a, error);
        amphi__json_close(&a.writer, '}');
    }
    if (status == AMPHI_OK && (*out = amphi__buf_take(&text)) == NULL)
        status = amphi__fail_no_memory(error);
    amphi__buf_wipe(&text);
    amphi__buf_wipe(&a.lines);
    amphi__json_free(root);
    return status;
}
