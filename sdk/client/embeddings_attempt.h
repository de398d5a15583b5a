/* SPDX-License-Identifier: Apache-2.0
 *
 * One endpoint's try at an embeddings request: it is started, its events are gathered, its budgets
 * kept, and it is charged for. embeddings.c says who is tried, and how often. On the caller's
 * thread, which waits.
 */
#ifndef AMPHI_CLIENT_EMBEDDINGS_ATTEMPT_H
#define AMPHI_CLIENT_EMBEDDINGS_ATTEMPT_H

#include "sdk/client/client.h"
#include "sdk/client/privacy.h"
#include "sdk/core/awake.h"

#include <amphi/embeddings.h>

/* What a try has brought. The engine's thread writes, under the lock. */
typedef struct amphi_embeddings_run {
    amphi_mutex lock;
    amphi_cond changed;
    amphi_buf json;
    char model[AMPHI_NAME_MAX];
    amphi_usage usage;
    bool has_ended;
    bool has_provider;
    amphi_provider_error provider;
    amphi_tristate should_retry;
    amphi_error error;
    unsigned events;  /* so far: signs of life */
    bool was_reached; /* the endpoint has sent something */
    uint64_t network_bytes;
    bool has_cost; /* the provider's own word */
    uint64_t cost;
} amphi_embeddings_run;

/* One for all tries of a request. */
typedef struct amphi_embeddings_attempt {
    amphi_client *client; /* borrowed, as all up to the model */
    const amphi_embeddings_request *request;
    const amphi_privacy_ruling *ruling;
    amphi_str model;               /* that the request names */
    amphi_reservation reservation; /* for the try under way; the request's end releases it */
    amphi_awake awake;
    uint64_t deadline_us; /* awake time */
    uint64_t asked_us;    /* likewise: is it still wanted? */
    char key[37];         /* idempotency key of every try */
    amphi_embeddings_run run;
} amphi_embeddings_attempt;

/* Of one whose borrowed members are set and whose others are zero. To be cleared in any case. */
amphi_status amphi__embeddings_attempt_init(amphi_embeddings_attempt *attempt);
void amphi__embeddings_attempt_clear(amphi_embeddings_attempt *attempt);

/* To its end at the step's endpoint; attempt->run.error says how it went. */
void amphi__embeddings_attempt_run(amphi_embeddings_attempt *attempt, const amphi_plan_step *step);
/* By the provider's time, which goes on while this app is frozen. false: the answer is not wanted
 * any more. */
bool amphi__embeddings_attempt_pause(amphi_embeddings_attempt *attempt, int64_t delay_ms);

/* Does the caller still want the answer? */
bool amphi__embeddings_attempt_is_wanted(const amphi_embeddings_attempt *attempt);
uint64_t amphi__embeddings_attempt_now_us(amphi_embeddings_attempt *attempt); /* awake time */

#endif
