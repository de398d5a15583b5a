/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of each row's values stands in store_visit.h; the two stores write them in it.
 */
#include "storage/store_visit.h"

#include <inttypes.h>
#include <stdio.h>

/* A value that this version does not know counts as the strictest. */
static amphi_privacy known_privacy(int64_t stored)
{
    return stored >= AMPHI_PRIVACY_NONE && stored <= AMPHI_PRIVACY_PRIVATE ? (amphi_privacy)stored
                                                                           : AMPHI_PRIVACY_PRIVATE;
}

bool amphi__visit_messages(
    amphi_rows *rows, amphi_store_row_fn *visit, void *user, int64_t *last_id)
{
    bool go_on = true;
    for (size_t i = 0; go_on && i < rows->count; i++) {
        amphi_store_row row;
        amphi_store_row_init(&row);
        amphi_store_message *message = &row.message;
        row.id = *last_id = amphi__rows_take_int(rows);
        row.created_ms = amphi__rows_take_int(rows);
        message->role = amphi__rows_take_str(rows);
        message->content = amphi__rows_take_str(rows);
        message->content_is_json = amphi__rows_take_int(rows) != 0;
        message->extra_json = amphi__rows_take_str(rows);
        message->route = amphi__rows_take_str(rows);
        message->model = amphi__rows_take_str(rows);
        message->decision_json = amphi__rows_take_str(rows);
        message->usage.prompt_tokens = (uint32_t)amphi__rows_take_int(rows);
        message->usage.completion_tokens = (uint32_t)amphi__rows_take_int(rows);
        message->usage.cached_tokens = (uint32_t)amphi__rows_take_int(rows);
        row.privacy = known_privacy(amphi__rows_take_int(rows));
        row.state = (amphi_message_state)amphi__rows_take_int(rows);
        go_on = visit(user, &row);
    }
    return go_on;
}

bool amphi__visit_message_of_row(void *user, const amphi_store_row *row)
{
    const amphi_message_visitor *to = user;
    return to->visit(to->user, &row->message, row->id, row->created_ms);
}

bool amphi__visit_conversations(amphi_rows *rows, amphi_history_conversation_fn *visit, void *user,
    amphi_conversation_place *last)
{
    bool go_on = true;
    for (size_t i = 0; go_on && i < rows->count; i++) {
        char cursor[AMPHI_CURSOR_BYTES_MAX + 1];
        amphi_history_conversation item;
        amphi_history_conversation_init(&item);
        last->seq = amphi__rows_take_int(rows);
        last->is_pinned = amphi__rows_take_int(rows);
        last->updated_ms = amphi__rows_take_int(rows);
        item.is_pinned = last->is_pinned != 0;
        item.updated_ms = last->updated_ms;
        item.id = amphi__rows_take_str(rows);
        item.messages_count = (uint64_t)amphi__rows_take_int(rows);
        item.title = amphi__rows_take_str(rows);
        item.title_is_own = amphi__rows_take_int(rows) != 0;
        item.is_archived = amphi__rows_take_int(rows) != 0;
        item.privacy = known_privacy(amphi__rows_take_int(rows));
        item.created_ms = amphi__rows_take_int(rows);
        item.text_bytes = (uint64_t)amphi__rows_take_int(rows);
        snprintf(cursor, sizeof cursor, "%" PRId64 ",%" PRId64 ",%" PRId64, last->is_pinned,
            last->updated_ms, last->seq);
        item.cursor = amphi_str_from(cursor);
        go_on = visit(user, &item);
    }
    return go_on;
}

bool amphi__visit_outbox_items(
    amphi_rows *rows, amphi_store_outbox_fn *visit, void *user, int64_t *last_seq)
{
    bool go_on = true;
    for (size_t i = 0; go_on && i < rows->count; i++) {
        amphi_store_outbox_item item;
        amphi_store_outbox_item_init(&item);
        *last_seq = amphi__rows_take_int(rows);
        item.id = amphi__rows_take_str(rows);
        item.conversation_id = amphi__rows_take_str(rows);
        item.request_json = amphi__rows_take_str(rows);
        item.reason = amphi__rows_take_str(rows);
        item.lease = amphi__rows_take_str(rows);
        item.created_ms = amphi__rows_take_int(rows);
        item.attempts = (uint32_t)amphi__rows_take_int(rows);
        item.not_before_ms = amphi__rows_take_int(rows);
        item.is_leased = amphi__rows_take_int(rows) != 0;
        item.age_ms = (uint64_t)amphi__rows_take_int(rows);
        item.refusals = (uint32_t)amphi__rows_take_int(rows);
        item.is_watched = amphi__rows_take_int(rows) != 0;
        item.state = (amphi_outbox_state)amphi__rows_take_int(rows);
        go_on = visit(user, &item);
    }
    return go_on;
}

bool amphi__visit_starts(amphi_rows *rows, amphi_store_start_fn *visit, void *user)
{
    bool go_on = true;
    for (size_t i = 0; go_on && i < rows->count; i++) {
        amphi_store_start start;
        amphi_store_start_init(&start);
        start.id = amphi__rows_take_int(rows);
        start.fingerprint = amphi__rows_take_str(rows);
        start.build = amphi__rows_take_str(rows);
        start.kernels = amphi__rows_take_str(rows);
        start.host = amphi__rows_take_str(rows);
        start.in_process = amphi__rows_take_int(rows) != 0;
        start.started_ms = amphi__rows_take_int(rows);
        start.changed_ms = amphi__rows_take_int(rows);
        start.phase = (amphi_start_phase)amphi__rows_take_int(rows);
        start.outcome = (amphi_start_outcome)amphi__rows_take_int(rows);
        go_on = visit(user, &start);
    }
    return go_on;
}
