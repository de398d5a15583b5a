/* SPDX-License-Identifier: Apache-2.0
 *
 * What answers of a route and model have shown, kept in the store's settings so that the next
 * process knows it as well: one small JSON object per topic, route and model. "engine" is the topic
 * of what engines report themselves (AMPHI_ENGINE_LEARNED); the client's own topics have other
 * names. Never a word of a question or an answer.
 *
 * Any thread. Reading and writing may wait for the disk; an unchanged value is not written.
 */
#ifndef AMPHI_CLIENT_LEARNED_H
#define AMPHI_CLIENT_LEARNED_H

#include "sdk/client/client.h"
#include "sdk/core/buf.h"

#define AMPHI_LEARNED_BYTES_MAX 4096u

/* What a value belongs to. Strings are borrowed. */
typedef struct amphi_learned_key {
    const char *topic; /* "engine", "continue", ...: a constant */
    amphi_str route;   /* its name */
    amphi_str model;   /* as it is asked for; empty: the endpoint's own */
} amphi_learned_key;

/* Appends the object to `out`; nothing when there is none, or it can't be read. */
void amphi__learned_read(amphi_client *client, const amphi_learned_key *key, amphi_buf *out);
/* Instead of the one before. What is no JSON object, or above the limit, is left out. */
void amphi__learned_write(amphi_client *client, const amphi_learned_key *key, amphi_str object);

#endif
