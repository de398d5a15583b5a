/* SPDX-License-Identifier: Apache-2.0
 *
 * The chunk that nearly every event of an answer is: one piece of text and nothing else. It is read
 * where it stands; a tree of it would take two thirds of the event's time.
 */
#ifndef AMPHI_REMOTE_PLAIN_CHUNK_H
#define AMPHI_REMOTE_PLAIN_CHUNK_H

#include <amphi/types.h>

/* All point into the chunk. */
typedef struct amphi_plain_chunk {
    amphi_str quoted;  /* the content as it stands, a JSON string */
    amphi_str content; /* between the quotes: what is meant, but for escapes */
    bool has_escapes;  /* `content` has a backslash */
    amphi_str model;   /* its name, which has none; empty: there is no model */
    uint64_t others;   /* of the chunk's members that we do not know, as below */
} amphi_plain_chunk;

/* Is this chat.completion.chunk (text that has passed amphi__json_check) a piece of the first
 * choice's content, and are its id, its model and the like all that it has besides? false: there is
 * more to it, or less, or it is written in an unusual way; read it as a tree. */
bool amphi__plain_chunk_read(amphi_str chunk, amphi_plain_chunk *out);

/* Is this member of a chunk one that we know, or one that tells nothing? */
bool amphi__plain_chunk_knows(amphi_str key);
/* The same of a delta's or a message's. */
bool amphi__plain_chunk_knows_delta(amphi_str key);
/* A number for all members of a chunk that we do not know, with their values: the same members
 * give the same number. 0: there are none. */
uint64_t amphi__plain_chunk_others(amphi_str chunk);

#endif
