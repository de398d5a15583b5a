/* SPDX-License-Identifier: Apache-2.0
 *
 * From JSON messages and a result to the store's turn. Contents that are not plain text, and
 * members without a column (tool_calls, tool_call_id, name), are kept as JSON.
 */
#include "sdk/client/history_write.h"

#include "sdk/client/decision_record.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

/* The first of the request's messages that the conversation keeps, and how many they are: without
 * those that are for this request alone, and the answer's beginning. */
static const amphi_json *own_messages(const amphi_request *request, size_t *count)
{
    const amphi_json *messages = amphi__json_get(request->body, "messages");
    const amphi_json *m = amphi__json_first(messages);
    size_t last = request->answer_prefix[0] != '\0' ? 1 : 0;
    *count = amphi__json_count(messages);
    for (uint32_t i = 0; i<request->unkept_count && * count> last; i++, (*count)--)
        m = amphi__json_next(m);
    *count -= last;
    return m;
}

/* A message to be stored, with the buffers that its strings point into. */
typedef struct kept {
    amphi_buf content;
    amphi_buf extra;
} kept;

static amphi_status keep_message(const amphi_json *message, kept *texts, amphi_store_message *out)
{
    amphi_json_writer writer;
    const amphi_json *content = amphi__json_get(message, "content");
    out->role = amphi__json_string(amphi__json_get(message, "role"));
    out->content = amphi__json_string(content);
    if (amphi__json_kind(content) == AMPHI_JSON_ARRAY) {
        amphi__json_write(&texts->content, content);
        out->content = amphi__buf_str(&texts->content);
        out->content_is_json = true;
    }
    amphi__json_writer_init(&writer, &texts->extra);
    amphi__json_open(&writer, NULL, '{');
    for (const amphi_json *m = amphi__json_first(message); m != NULL; m = amphi__json_next(m)) {
        amphi_str key = amphi__json_key(m);
        if (amphi__str_equal_c(key, "role") || amphi__str_equal_c(key, "content"))
            continue;
        amphi__json_put_key(&writer, key);
        amphi__json_put_value(&writer, NULL, m);
    }
    amphi__json_close(&writer, '}');
    if (texts->extra.size > 2)
        out->extra_json = amphi__buf_str(&texts->extra);
    return texts->content.status != AMPHI_OK ? texts->content.status : texts->extra.status;
}

/* The answer: the beginning that the caller's request brought, and what was generated. */
static amphi_status keep_answer(const amphi_stream *stream, const amphi_chat_result *result,
    kept *texts, amphi_buf *record, amphi_store_message *out)
{
    amphi_chat_result without_text = *result;
    without_text.text = without_text.reasoning = amphi_str_make(NULL, 0);
    without_text.cache_question = amphi_str_make(NULL, 0); /* another conversation's words */
    if (result->inputs_json.size > 0)
        amphi__decision_record_keep_policy(stream->client, &stream->privacy.policy);
    amphi__record_result_json(&without_text, record);
    amphi__buf_append_c(&texts->content, stream->request.answer_prefix);
    amphi__buf_append_str(&texts->content, result->text);
    if (result->tool_calls_json.size > 0) {
        amphi__buf_append_c(&texts->extra, "{\"tool_calls\":");
        amphi__buf_append_str(&texts->extra, result->tool_calls_json);
        amphi__buf_append_char(&texts->extra, '}');
    }
    out->role = AMPHI_STR("assistant");
    out->content = amphi__buf_str(&texts->content);
    out->extra_json = amphi__buf_str(&texts->extra);
    out->route = result->route;
    out->model = result->model;
    out->decision_json = amphi__buf_str(record);
    out->usage = result->usage;
    if (record->status != AMPHI_OK)
        return record->status;
    return texts->content.status != AMPHI_OK ? texts->content.status : texts->extra.status;
}

amphi_status amphi__history_write_turn(amphi_stream *stream, const amphi_chat_result *result,
    const amphi_store_cache_entry *cached, bool *is_in_table, amphi_error *error)
{
    amphi_store store = stream->client->store;
    size_t count = 0;
    const amphi_json *own = own_messages(&stream->request, &count);
    amphi_status status = AMPHI_OK;
    amphi_buf record;
    *is_in_table = false;
    if (stream->request.conversation_id[0] == '\0' && stream->request.outbox_id == NULL)
        return AMPHI_OK;
    status = amphi__privacy_check_store(&store, stream->privacy.turn, error);
    if (status != AMPHI_OK)
        return status;
    amphi__buf_init(&record, 0);
    amphi_store_message *messages = amphi__calloc(count + 1, sizeof *messages);
    kept *texts = amphi__calloc(count + 1, sizeof *texts);
    if (messages == NULL || texts == NULL)
        status = AMPHI_E_NO_MEMORY;
    size_t i = 0;
    for (const amphi_json *m = own; status == AMPHI_OK && i < count; m = amphi__json_next(m), i++)
        status = keep_message(m, &texts[i], &messages[i]);
    if (status == AMPHI_OK)
        status = keep_answer(stream, result, &texts[count], &record, &messages[count]);
    amphi_store_turn turn = {
        .struct_size = sizeof turn,
        .conversation_id = amphi_str_from(stream->request.conversation_id),
        .now_ms = amphi__clock_wall_ms(stream->client->clock),
        .messages = messages,
        .messages_count = count + 1,
        .outbox_id = amphi_str_from(stream->request.outbox_id),
        .privacy = stream->privacy.turn,
        .outbox_lease = amphi_str_from(stream->request.outbox_lease),
    };
    if (store.ops->erase != NULL) { /* else it does not know these */
        *is_in_table = cached != NULL;
        turn.cached = cached;
        turn.erasure_epoch = stream->erasure_epoch;
    }
    if (stream->has_draft)
        turn.draft_key = amphi_str_from(stream->key);
    if (status == AMPHI_OK)
        status = store.ops->turn_append(store.self, &turn, error);
    else
        (void)amphi__fail_no_memory(error);
    for (i = 0; texts != NULL && i <= count; i++) {
        amphi__buf_wipe(&texts[i].content);
        amphi__buf_wipe(&texts[i].extra);
    }
    amphi__free(texts);
    amphi__free(messages);
    amphi__buf_wipe(&record);
    return status;
}

/* ---- Drafts ---- */

void amphi__history_write_draft(amphi_stream *stream, amphi_str text)
{
    const amphi_store store = stream->client->store;
    size_t count = 0;
    const amphi_json *own = own_messages(&stream->request, &count);
    amphi_store_message *messages = amphi__calloc(count + 1, sizeof *messages);
    kept *texts = amphi__calloc(count + 1, sizeof *texts);
    amphi_status status = messages != NULL && texts != NULL ? AMPHI_OK : AMPHI_E_NO_MEMORY;
    size_t i = 0;
    for (const amphi_json *m = own; status == AMPHI_OK && i < count; m = amphi__json_next(m), i++)
        status = keep_message(m, &texts[i], &messages[i]);
    if (status == AMPHI_OK) {
        amphi__buf_append_c(&texts[count].content, stream->request.answer_prefix);
        amphi__buf_append_str(&texts[count].content, text);
        messages[count].role = AMPHI_STR("assistant");
        messages[count].content = amphi__buf_str(&texts[count].content);
        status = texts[count].content.status;
    }
    amphi_store_turn turn = {
        .struct_size = sizeof turn,
        .conversation_id = amphi_str_from(stream->request.conversation_id),
        .now_ms = amphi__clock_wall_ms(stream->client->clock),
        .messages = messages,
        .messages_count = count + 1,
        .privacy = stream->privacy.turn,
        .erasure_epoch = stream->erasure_epoch,
    };
    if (status == AMPHI_OK)
        (void)store.ops->draft_put(store.self, amphi_str_from(stream->key), &turn, NULL);
    for (i = 0; texts != NULL && i <= count; i++) {
        amphi__buf_wipe(&texts[i].content);
        amphi__buf_wipe(&texts[i].extra);
    }
    amphi__free(texts);
    amphi__free(messages);
}

void amphi__history_end_draft(amphi_stream *stream)
{
    const amphi_store store = stream->client->store;
    if (!stream->has_draft)
        return;
    bool keep = amphi__stream_set_is_closing(stream->client->streams) && stream->text.size > 0;
    if (keep)
        amphi__history_write_draft(stream, amphi__buf_str(&stream->text));
    (void)store.ops->draft_end(store.self, amphi_str_from(stream->key), keep, NULL);
}
