/* SPDX-License-Identifier: Apache-2.0
 *
 * The records of answers as JSON Lines: what was decided and what came of it, and nothing that was
 * said. A record's members are taken by name, so that a member which a later version adds stays
 * inside until it is known to hold no text; this holds for private answers as for the others.
 */
#include "sdk/client/client.h"
#include "sdk/client/decision_record.h"
#include "sdk/client/history_walk.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <amphi/history.h>

typedef struct exporter {
    int64_t wanted; /* this message alone; 0: all */
    amphi_history_line_fn *write;
    void *user;
    amphi_history_transfer done;
    amphi_buf line;
    bool was_refused; /* by write */
} exporter;

/* ---- A record without its texts ---- */

/* The takeover's words are of its judge, which quotes. */
static void put_takeovers(amphi_json_writer *writer, const amphi_json *takeovers)
{
    static const char *const members[] = {"from", "to", "reason", "mode"};
    amphi__json_open(writer, "takeovers", '[');
    for (const amphi_json *t = amphi__json_first(takeovers); t != NULL; t = amphi__json_next(t)) {
        amphi__json_open(writer, NULL, '{');
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
            if (amphi__json_get(t, members[i]) != NULL)
                amphi__json_put_value(writer, members[i], amphi__json_get(t, members[i]));
        amphi__json_close(writer, '}');
    }
    amphi__json_close(writer, ']');
}

static void put_record(amphi_json_writer *writer, const amphi_json *record)
{
    static const char *const members[] = {"route", "model", "cache", "finish_reason", "usage",
        "cost", "energy", "timing", "turns_omitted", "outbox_before", "confidence", "decision",
        "inputs", "rollout"};
    const amphi_json *error = amphi__json_get(record, "error");
    amphi_str status = amphi__json_string(amphi__json_get(error, "status"));
    amphi__json_put_str(writer, "status", status.size > 0 ? status : AMPHI_STR("ok"));
    put_takeovers(writer, amphi__json_get(record, "takeovers"));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (amphi__json_get(record, members[i]) != NULL)
            amphi__json_put_value(writer, members[i], amphi__json_get(record, members[i]));
}

/* ---- Lines ---- */

/* false: the export ends. */
static bool end_line(exporter *e, amphi_json_writer *writer)
{
    amphi__json_close(writer, '}');
    if (e->line.status == AMPHI_OK)
        e->was_refused = !e->write(e->user, amphi__buf_str(&e->line));
    return e->line.status == AMPHI_OK && !e->was_refused;
}

static amphi_json_writer begin_line(exporter *e)
{
    amphi_json_writer writer;
    amphi__buf_reset(&e->line);
    amphi__json_writer_init(&writer, &e->line);
    amphi__json_open(&writer, NULL, '{');
    return writer;
}

static bool write_row(exporter *e, const amphi_store_row *row, const amphi_json *record)
{
    amphi_json_writer writer = begin_line(e);
    amphi__json_put_int(&writer, "answer", row->id);
    amphi__json_put_int(&writer, "created_ms", row->created_ms);
    amphi__json_put_str(&writer, "privacy", amphi_str_from(amphi_privacy_name(row->privacy)));
    put_record(&writer, record);
    e->done.messages_count++;
    return end_line(e, &writer);
}

static bool write_policy(void *opaque, amphi_str digest, amphi_str document)
{
    exporter *e = opaque;
    amphi_json_writer writer = begin_line(e);
    amphi__json_put_str(&writer, "policy", digest);
    amphi__json_put_raw(&writer, "document", document);
    return end_line(e, &writer);
}

/* What stands before the records: what the file is, and the documents that they name. */
static bool write_head(exporter *e, amphi_store store)
{
    amphi_json_writer writer = begin_line(e);
    amphi__json_put_int(&writer, "amphi_records", 1);
    return end_line(e, &writer) && amphi__decision_record_visit_policies(store, write_policy, e);
}

/* ---- Walking ---- */

static bool visit_conversation(void *opaque, const amphi_history_conversation *item)
{
    (void)item;
    ((exporter *)opaque)->done.conversations_count++;
    return true;
}

static bool visit_row(void *opaque, const amphi_store_row *row)
{
    exporter *e = opaque;
    amphi_json *record = NULL;
    if (!amphi__str_equal_c(row->message.role, "assistant") ||
        (e->wanted != 0 && row->id != e->wanted))
        return true;
    if (row->message.decision_json.size > 0)
        (void)amphi__json_parse(&record, row->message.decision_json, "record", NULL);
    bool goes_on = true;
    if (amphi__json_kind(record) == AMPHI_JSON_OBJECT)
        goes_on = write_row(e, row, record);
    else
        e->done.skipped_count++;
    amphi__json_free(record);
    return goes_on && e->wanted == 0;
}

static amphi_status walk(amphi_client *client, exporter *e, amphi_error *error)
{
    const amphi_history_visitor visitor = {visit_conversation, visit_row, e};
    amphi_status status = amphi__history_walk_check(client->store, "export", error);
    if (status != AMPHI_OK)
        return status;
    amphi__buf_init(&e->line, 0);
    amphi_history_transfer_init(&e->done);
    bool was_ended = e->wanted == 0 && !write_head(e, client->store);
    if (!was_ended)
        status = amphi__history_walk(client->store, &visitor, &was_ended, error);
    if (e->was_refused)
        status = amphi__fail(error, AMPHI_E_IO, 0, "export: a line could not be written");
    else if (e->line.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    amphi__buf_clear(&e->line);
    return status;
}

amphi_status amphi_history_export_records(amphi_client *client, amphi_history_line_fn *write,
    void *user, amphi_history_transfer *transfer, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL || write == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or write is NULL");
    amphi_status status =
        transfer != NULL ? AMPHI__SIZED_CHECK(amphi_history_transfer, transfer, "transfer", error)
                         : AMPHI_OK;
    if (status != AMPHI_OK)
        return status;
    exporter e = {.write = write, .user = user};
    status = walk(client, &e, error);
    if (transfer != NULL && status == AMPHI_OK)
        AMPHI__SIZED_WRITE(transfer, &e.done);
    return status;
}

/* ---- One of them ---- */

static bool keep_line(void *opaque, amphi_str line)
{
    return amphi__buf_append_str(opaque, line) == AMPHI_OK;
}

/* The policy document stands in the record itself, as its last member. */
static void add_document(amphi_store store, amphi_buf *line)
{
    amphi_json *root = NULL;
    amphi_buf document;
    amphi__buf_init(&document, 0);
    (void)amphi__json_parse(&root, amphi__buf_str(line), "record", NULL);
    amphi_str digest =
        amphi__json_string(amphi__json_get(amphi__json_get(root, "inputs"), "policy"));
    if (amphi__decision_record_find_policy(store, digest, &document)) {
        amphi__buf_truncate(line, line->size - 1);
        amphi__buf_append_c(line, ",\"document\":");
        amphi__buf_append_str(line, amphi__buf_str(&document));
        amphi__buf_append_char(line, '}');
    }
    amphi__buf_clear(&document);
    amphi__json_free(root);
}

amphi_status amphi_history_record(
    amphi_client *client, int64_t message_id, char **out, amphi_error *error)
{
    amphi_buf line;
    amphi__error_clear(error);
    if (client == NULL || out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or out is NULL");
    *out = NULL;
    if (message_id <= 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "message_id: 1 or more is expected");
    amphi__buf_init(&line, 0);
    exporter e = {.wanted = message_id, .write = keep_line, .user = &line};
    amphi_status status = walk(client, &e, error);
    if (status == AMPHI_OK && e.done.messages_count == 0)
        status = e.done.skipped_count > 0
                     ? amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
                           "answer %lld: it has no record of its decision", (long long)message_id)
                     : amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
                           "%lld: the history has no answer of this id", (long long)message_id);
    if (status == AMPHI_OK)
        add_document(client->store, &line);
    if (status == AMPHI_OK && (*out = amphi__buf_take(&line)) == NULL)
        status = amphi__fail_no_memory(error);
    amphi__buf_clear(&line);
    return status;
}
