/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers under way, saved at intervals: a crash of the app loses half a second of text and no
 * question. One thread writes all of them, so no driver waits for the disk; it starts with the
 * first answer of a conversation.
 */
#ifndef AMPHI_CLIENT_DRAFTS_H
#define AMPHI_CLIENT_DRAFTS_H

#include "sdk/client/client.h"

amphi_status amphi__drafts_new(amphi_drafts **out, amphi_client *client, amphi_error *error);
/* No answer may be under way. Accepts NULL. */
void amphi__drafts_free(amphi_drafts *drafts);

/* Driver's side: the first text is there. A request without a conversation has no draft. */
void amphi__drafts_begin(amphi_drafts *drafts, amphi_stream *stream);
/* Driver's side, before the turn is written or given up: no draft of this stream is written from
 * here on. */
void amphi__drafts_end(amphi_drafts *drafts, amphi_stream *stream);

#endif
