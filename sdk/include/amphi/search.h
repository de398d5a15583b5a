/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding messages by their words, in any language. Case, accents and widths say nothing; words of
 * the query may stand anywhere in a message, "words in quotation marks" one after the other; the
 * last word may be a beginning. In scripts without blanks (Chinese, Japanese, Korean, Thai) any
 * part of a text is found.
 */
#ifndef AMPHI_SEARCH_H
#define AMPHI_SEARCH_H

#include <amphi/client.h>

AMPHI_BEGIN_DECLS

#define AMPHI_SEARCH_MATCHES_MAX 16

/* FROZEN. In bytes of the text that it belongs to. */
typedef struct amphi_text_range {
    uint32_t offset;
    uint32_t size;
} amphi_text_range;

/* SIZED, read. */
typedef struct amphi_search_query {
    size_t struct_size;        /* in bytes; see amphi/types.h */
    amphi_str words;           /* required; 1,024 bytes at most */
    amphi_str conversation_id; /* empty: all conversations */
    int64_t before_id;         /* not 0: messages older than this one: the last hit's id */
    uint32_t limit;            /* 0: 20; at most 1,000 */
} amphi_search_query;

static inline void amphi_search_query_init(amphi_search_query *query)
{
    memset(query, 0, sizeof *query);
    query->struct_size = sizeof *query;
}

/* SIZED, handed out; a store hands it to the client as well. */
typedef struct amphi_search_hit {
    size_t struct_size;              /* in bytes; see amphi/types.h */
    int64_t message_id;              /* as in amphi_history_message; newer ones are larger */
    amphi_str conversation_id;       /* as requests name it */
    amphi_str conversation_title;    /* may be empty */
    amphi_str role;                  /* "user", "assistant", "system", "tool" */
    int64_t created_ms;              /* Unix time */
    amphi_str snippet;               /* some 160 bytes of the text around the first match */
    const amphi_text_range *matches; /* in the snippet, in order; never overlapping */
    size_t matches_count;            /* AMPHI_SEARCH_MATCHES_MAX at most */
} amphi_search_hit;

static inline void amphi_search_hit_init(amphi_search_hit *hit)
{
    memset(hit, 0, sizeof *hit);
    hit->struct_size = sizeof *hit;
}

typedef bool amphi_search_hit_fn(void *user, const amphi_search_hit *hit);

/* Newest message first; private messages are found like others. A query without a word has no hits.
 * AMPHI_E_NOT_FOUND: no such conversation. AMPHI_E_UNSUPPORTED: a store of the app's without
 * `search`. */
AMPHI_API amphi_status amphi_history_search(amphi_client *client, const amphi_search_query *query,
    amphi_search_hit_fn *visit, void *user, amphi_error *error);

AMPHI_END_DECLS

#endif
