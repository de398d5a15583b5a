/* SPDX-License-Identifier: Apache-2.0
 *
 * How a route is asked to go on after a given beginning, and what is learnt of it: per endpoint and
 * model it is kept in the store what each way really led to, so that the next takeover asks in the
 * right way, or starts again at once. What was learnt ages out.
 */
#ifndef AMPHI_CLIENT_CONTINUATION_H
#define AMPHI_CLIENT_CONTINUATION_H

#include "sdk/client/client.h"

typedef enum amphi_continuation_result {
    AMPHI_CONTINUATION_WORKED = 0, /* beyond doubt */
    AMPHI_CONTINUATION_ANEW,       /* it answered anew */
    AMPHI_CONTINUATION_DOUBTFUL,   /* it could not be seen that it went on */
    AMPHI_CONTINUATION_REFUSED     /* the request was refused for it */
} amphi_continuation_result;

typedef struct amphi_continuation_choice {
    amphi_continuation way; /* NO: it starts again; else never AUTO for a cloud */
    bool is_known;          /* it has worked there, more than once */
} amphi_continuation_choice;

/* On the driver thread; reads the store. */
amphi_continuation_choice amphi__continuation_choose(
    amphi_client *client, const amphi_engine_info *info);
/* The way for the same request once a beginning was refused: one that can't be, so that a wrong
 * guess costs one refused request. NO: it starts again. */
amphi_continuation amphi__continuation_after_refusal(
    amphi_client *client, const amphi_engine_info *info);
/* On the driver thread; writes the store when something new was learnt. */
void amphi__continuation_learn(amphi_client *client, const amphi_engine_info *info,
    amphi_continuation way, amphi_continuation_result result);

#endif
