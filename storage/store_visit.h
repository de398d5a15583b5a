/* SPDX-License-Identifier: Apache-2.0
 *
 * Handing gathered rows to visitors, the same for both stores. A store copies what a visitor shall
 * see into rows while it holds its lock, value by value in the order of the lists below; these
 * functions read them back after the lock is released. They return false when the visitor wants no
 * more. The strings that a visitor gets are valid during its call.
 */
#ifndef AMPHI_STORAGE_STORE_VISIT_H
#define AMPHI_STORAGE_STORE_VISIT_H

#include "storage/rows.h"
#include "storage/store_checks.h"

#include <amphi/ext/store.h>

/* id, created_ms, role, content, content_is_json, extra_json, route, model, decision_json, prompt,
 * completion and cached tokens, privacy, state. *last_id: of the last message visited. */
bool amphi__visit_messages(
    amphi_rows *rows, amphi_store_row_fn *visit, void *user, int64_t *last_id);

/* A visitor of rows for one that takes messages; its user is an amphi_message_visitor. */
typedef struct amphi_message_visitor {
    amphi_store_message_fn *visit;
    void *user;
} amphi_message_visitor;
bool amphi__visit_message_of_row(void *user, const amphi_store_row *row);

/* seq, is_pinned, updated_ms, id, messages_count, title, title_is_own, is_archived, privacy,
 * created_ms, text_bytes. *last: of the last conversation visited. */
bool amphi__visit_conversations(amphi_rows *rows, amphi_history_conversation_fn *visit, void *user,
    amphi_conversation_place *last);

/* seq, id, conversation_id, request_json, reason, lease, created_ms, attempts, not_before_ms,
 * is_leased, age_ms, refusals, is_watched, state. *last_seq: of the last item visited. */
bool amphi__visit_outbox_items(
    amphi_rows *rows, amphi_store_outbox_fn *visit, void *user, int64_t *last_seq);

/* id, fingerprint, build, kernels, host, in_process, started_ms, changed_ms, phase, outcome. */
bool amphi__visit_starts(amphi_rows *rows, amphi_store_start_fn *visit, void *user);

#endif
