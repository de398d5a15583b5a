/* SPDX-License-Identifier: Apache-2.0
 *
 * One question for an exact token count, from a thread of the app to the engine's thread or worker.
 * The same for both kinds of isolation. Everything here is under the engine's lock.
 */
#ifndef AMPHI_LOCAL_TOKEN_COUNT_H
#define AMPHI_LOCAL_TOKEN_COUNT_H

#include "sdk/core/thread.h"

#include <amphi/types.h>

/* Zero is free. */
typedef struct amphi_token_count {
    enum { AMPHI_COUNT_FREE, AMPHI_COUNT_ASKED, AMPHI_COUNT_TAKEN, AMPHI_COUNT_DONE } step;
    bool abandoned; /* the answer came too late for its caller */
    amphi_str body; /* the caller's; valid while ASKED */
    amphi_status status;
    uint32_t tokens;
} amphi_token_count;

/* Only while the place is free, and the engine idle with its model loaded; wake the engine next. */
void amphi__token_count_ask(amphi_token_count *count, amphi_str body);
/* Waits 100 ms at most. AMPHI_E_BUSY: there was no answer, or the engine could not count it. */
amphi_status amphi__token_count_wait(
    amphi_token_count *count, amphi_mutex *lock, amphi_cond *changed, uint32_t *out);
/* The engine's side: from here on the body is not the caller's to keep. */
void amphi__token_count_take(amphi_token_count *count);
/* Broadcast the condition next. */
void amphi__token_count_answer(amphi_token_count *count, amphi_status status, uint32_t tokens);

#endif
