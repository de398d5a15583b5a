/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the memory store's history share (store_memory_history.c,
 * store_memory_conversations.c, store_memory_erase.c). The caller holds the store's lock.
 */
#ifndef AMPHI_STORAGE_STORE_MEMORY_HISTORY_H
#define AMPHI_STORAGE_STORE_MEMORY_HISTORY_H

#include "storage/store_memory.h"

/* Which number and string of an entry is what. */
enum {
    CONVERSATION_SEQ,
    CONVERSATION_PINNED,
    CONVERSATION_UPDATED,
    CONVERSATION_COUNT,
    CONVERSATION_OWN_TITLE,
    CONVERSATION_ARCHIVED,
    CONVERSATION_PRIVACY,
    CONVERSATION_CREATED,
    CONVERSATION_BYTES
};
enum { CONVERSATION_ID, CONVERSATION_TITLE };
enum {
    MESSAGE_CONVERSATION,
    MESSAGE_ID,
    MESSAGE_CREATED,
    MESSAGE_IS_JSON,
    MESSAGE_PROMPT,
    MESSAGE_COMPLETION,
    MESSAGE_CACHED,
    MESSAGE_PRIVACY,
    MESSAGE_STATE
};
enum {
    MESSAGE_ROLE,
    MESSAGE_CONTENT,
    MESSAGE_EXTRA,
    MESSAGE_ROUTE,
    MESSAGE_MODEL,
    MESSAGE_DECISION,
    MESSAGE_CACHE_KEY
};

int64_t amphi__memory_message_bytes(const amphi_entry *message);
/* Adds the message to its conversation's count, size, privacy and time. */
void amphi__memory_count_message(amphi_entry *conversation, const amphi_entry *message);
/* Puts *link's conversation in order after messages went: counts anew and gives it the title of
 * what is left, or takes it away when nothing is. true: it is gone. */
bool amphi__memory_refresh(amphi_store_memory *store, amphi_entry **link);

/* AMPHI_E_NOT_FOUND when the conversation was deleted after `epoch` was noted (0: it was not). */
amphi_status amphi__memory_check_erased(
    const amphi_store_memory *store, amphi_str id, int64_t epoch, amphi_error *error);

#endif
