/* SPDX-License-Identifier: Apache-2.0
 *
 * The conversation so far, as an engine gets it: stored messages as JSON, with the offsets of each,
 * so that the oldest turns can be left out where an engine's context is too short for all of them.
 * System messages always stay, and what remains begins with a user's message.
 */
#ifndef AMPHI_CLIENT_CONTEXT_H
#define AMPHI_CLIENT_CONTEXT_H

#include "sdk/client/message_tokens.h"
#include "sdk/core/buf.h"

#include <amphi/ext/store.h>

typedef struct amphi_context_message {
    size_t end; /* offset after it in json */
    bool is_system;
    bool is_user;
    uint32_t tokens; /* estimated */
} amphi_context_message;

typedef struct amphi_context {
    amphi_buf json; /* every message, joined by commas */
    amphi_context_message *messages;
    size_t count;
    size_t capacity;
    bool has_tools; /* a tool was called in it */
} amphi_context;

void amphi__context_init(amphi_context *context);
void amphi__context_clear(amphi_context *context);
/* Appends a message. The first failure is remembered in context->json.status. */
void amphi__context_add(amphi_context *context, const amphi_store_message *message);
/* Array members for a request: all but the oldest `skip` messages (system ones excepted). */
amphi_status amphi__context_write(const amphi_context *context, size_t skip, amphi_buf *out);
/* The next larger skip, about half of what is left: dropping much at once, rarely, lets the next
 * turns reuse what was computed for this one. context->count when nothing would be left. */
size_t amphi__context_skip_more(const amphi_context *context, size_t skip);
/* The smallest of those skips with which about `tokens_max` tokens are left. */
size_t amphi__context_skip_to_fit(const amphi_context *context, uint32_t tokens_max);
/* Of the whole conversation. */
uint32_t amphi__context_tokens(const amphi_context *context);

#endif
