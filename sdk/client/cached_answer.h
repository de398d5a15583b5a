/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer as the response cache keeps it: the same in memory and, as JSON, in a table.
 */
#ifndef AMPHI_CLIENT_CACHED_ANSWER_H
#define AMPHI_CLIENT_CACHED_ANSWER_H

#include "sdk/core/buf.h"

#include <amphi/chat.h>

#define AMPHI_CACHED_ANSWER_BYTES_MAX (256u << 10)

typedef struct amphi_cached_answer {
    char *text;         /* this and the other strings: owned, never NULL */
    char *question;     /* the last thing that was asked, as it was asked; may be empty */
    char *model;        /* as the route named it */
    char *route;        /* that gave it */
    char *identity;     /* what that route ran then */
    amphi_usage usage;  /* of the answer's making */
    uint32_t took_ms;   /* likewise */
    int64_t expires_ms; /* Unix time; afterwards it is stale */
} amphi_cached_answer;

/* Also for a zeroed or half made one. Wipes. */
void amphi__cached_answer_clear(amphi_cached_answer *answer);
/* AMPHI_E_NO_MEMORY; then *out is zero. */
amphi_status amphi__cached_answer_copy(amphi_cached_answer *out, const amphi_cached_answer *answer);
/* AMPHI_E_LIMIT: longer than AMPHI_CACHED_ANSWER_BYTES_MAX. */
amphi_status amphi__cached_answer_to_json(const amphi_cached_answer *answer, amphi_buf *out);
/* AMPHI_E_CORRUPT: not what to_json writes. */
amphi_status amphi__cached_answer_from_json(amphi_cached_answer *out, amphi_str json);

#endif
