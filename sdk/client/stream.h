/* SPDX-License-Identifier: Apache-2.0
 *
 * A request in flight. It connects the caller, which pulls events; the driver, a thread that runs
 * chat.c from top to bottom (driver_threads.h); and the engines, which post into the driver's
 * mailbox. One lock, two queues, two condition variables.
 */
#ifndef AMPHI_CLIENT_STREAM_H
#define AMPHI_CLIENT_STREAM_H

#include "sdk/client/answer_cost.h"
#include "sdk/client/answer_energy.h"
#include "sdk/client/client.h"
#include "sdk/client/context.h"
#include "sdk/client/driver_threads.h"
#include "sdk/client/event_queue.h"
#include "sdk/client/handoff.h"
#include "sdk/client/privacy.h"
#include "sdk/client/request.h"
#include "sdk/client/stream_set.h"
#include "sdk/client/tool_calls.h"
#include "sdk/core/awake.h"

#define AMPHI_TAKEOVERS_MAX      AMPHI_ROUTES_MAX
#define AMPHI_ANSWER_BYTES_MAX   (8u << 20)
#define AMPHI_LOGPROBS_BYTES_MAX (64u << 20)
#define AMPHI_RUNS_MAX           2 /* at a time: a route and its hedge */

/* An engine's run of this request. */
typedef struct amphi_stream_run {
    amphi_engine engine;
    amphi_engine_run *run; /* NULL: none */
} amphi_stream_run;

struct amphi_stream {
    amphi_client *client;     /* the driver's: it may be freed before the caller reads on */
    amphi_request request;    /* owned */
    amphi_driver *driver;     /* NULL: joined, or about to be; under the set's lock */
    amphi_stream_place place; /* in the client's set */
    uint64_t started_us;      /* monotonic */
    amphi_awake awake;        /* the driver's, for budgets */
    uint64_t budget_from_us;  /* awake time: when the request came */
    uint64_t wait_until_us;   /* likewise: for earlier messages of its conversation */
    int64_t created_s;        /* Unix time, for the JSON form */
    int64_t erasure_epoch;    /* the store's, when the request began; 0: it has none */
    char key[37];             /* idempotency key of every attempt, and the id in the outbox */
    char id[40];              /* for the JSON form: "chatcmpl-..." */

    amphi_mutex lock;          /* guards the two queues and what follows them */
    amphi_cond to_caller;      /* wakes the thread in amphi_stream_next */
    amphi_cond to_driver;      /* wakes the driver, and a cancel that must wait */
    amphi_event_queue events;  /* driver to caller */
    amphi_event_queue mailbox; /* engines to driver */
    bool cancelled;            /* set once, never cleared */
    /* What amphi_stream_cancel cancels. */
    amphi_stream_run runs_under_way[AMPHI_RUNS_MAX];
    uint32_t cancelling;  /* threads that are calling an engine's cancel: no run is released */
    bool starved;         /* an event could not be allocated: the request fails */
    bool terminal_queued; /* the terminal event is in `events`, or was */

    /* Caller's side. */
    amphi_queued_event *current; /* what the last amphi_stream_next handed out */
    bool terminal_taken;         /* the terminal event was handed out */
    amphi_buf chunk;             /* what the last amphi_stream_next_json handed out */
    bool owes_event;             /* that call ran out of memory: `owed` is handed out again */
    amphi_event owed;
    amphi_buf envelope; /* of the JSON form: what each chunk of this route has (extra_fields.h) */
    char envelope_route[AMPHI_NAME_MAX];

    /* The driver's until the terminal event is queued, constant afterwards. */
    amphi_buf text;         /* delivered answer; also written under the lock, for drafts */
    amphi_buf reasoning;    /* delivered */
    amphi_tool_calls calls; /* gathered from the deltas */
    amphi_buf tool_calls;   /* written from them at the end: a JSON array, or empty */
    amphi_buf logprobs;     /* JSON array for the delivered answer's tokens; empty: none */
    amphi_buf extra;        /* fields that pass through (extra_fields.h); empty: none */
    amphi_buf usage_extra;  /* those that the next USAGE event carries; empty: none */
    amphi_context context;  /* the conversation so far */
    amphi_privacy_ruling privacy;
    amphi_plan plan;
    amphi_energy_reading energy_begun; /* when it was decided */
    amphi_answer_energy energy;        /* of a whole answer on this device */
    amphi_buf inputs; /* what the plan was made from (decision_record.h); empty: there is none */
    amphi_takeover takeovers[AMPHI_TAKEOVERS_MAX];
    size_t takeovers_count;
    char route[AMPHI_NAME_MAX];
    char model[AMPHI_NAME_MAX];
    amphi_confidence confidence; /* of the local answer that was judged; no judge: none was */
    /* Of `route`, when its attempt began. */
    amphi_model_identity model_identity;
    amphi_usage usage;
    amphi_answer_cost cost;        /* of every attempt so far */
    amphi_reservation reservation; /* for the attempt under way, and those that follow it */
    amphi_finish finish;
    amphi_error error;
    bool has_provider; /* the last failure has a provider's own words, in `provider` */
    amphi_provider_error provider;
    /* Status AMPHI_OK: kept, or nothing was to be kept. */
    amphi_error history_error;
    /* Messages of its conversation that waited in the outbox before it: when it was queued, or when
     * it could not be. */
    uint32_t outbox_before;
    bool has_draft; /* it was begun (drafts.h) */
    bool cache_hit;
    amphi_cache_match cache_match; /* these four: of a hit */
    float cache_score;
    bool cache_is_stale;
    char *cache_question; /* owned; NULL: none */
    bool tool_call_seen;
    bool was_hedged;         /* two routes were asked */
    bool has_crashed;        /* an engine of it died, hung, or ran out of memory */
    bool is_joined;          /* `text` was begun by one attempt and finished by another */
    uint64_t first_token_us; /* 0: none yet */
    uint64_t ended_us;       /* monotonic: the request's end */
};

/* chat.c: runs the request on the driver thread and queues exactly one terminal event. */
void amphi__chat_run(amphi_stream *stream);

/* Starts a driver for a request; takes the request's content (also on failure). */
amphi_status amphi__stream_start(
    amphi_stream **out, amphi_client *client, amphi_request *request, amphi_error *error);

/* Driver's side: hands an event to the caller. Text and route are copied, and so is the driver's
 * stream->model, which the caller must not read while the driver runs. */
void amphi__stream_emit(amphi_stream *stream, const amphi_event *event);
bool amphi__stream_is_cancelled(amphi_stream *stream);
/* Whether an event was lost, its engine's or the caller's, because memory ran out: the request
 * fails then, since its answer has a hole. */
bool amphi__stream_is_starved(amphi_stream *stream);
/* The same; then *error says so, since the caller's cancel comes before every other reason. */
bool amphi__stream_check_cancelled(amphi_stream *stream, amphi_error *error);
/* Driver's side: from here on amphi_stream_cancel cancels this run itself, on its own thread ... */
void amphi__stream_run_begins(
    amphi_stream *stream, const amphi_engine *engine, amphi_engine_run *run);
/* ... until here: afterwards the run may be released. */
void amphi__stream_run_ends(amphi_stream *stream, amphi_engine_run *run);

/* Engines' side: a sink for one attempt posts here. */
void amphi__stream_post(amphi_stream *stream, uint32_t attempt, const amphi_engine_event *event);
/* Driver's side: awake time now. */
uint64_t amphi__stream_awake_us(amphi_stream *stream);
/* Driver's side: the next event of either attempt (those of others are dropped), or NULL after
 * timeout_us or once the stream is cancelled. Free with amphi__free. */
amphi_queued_event *amphi__stream_wait(
    amphi_stream *stream, uint32_t attempt, uint32_t other, uint64_t timeout_us);

/* result_record.c */
amphi_status amphi__record_result_json(const amphi_chat_result *result, amphi_buf *out);
/* Is anything known of its usage? A provider that counts nothing has not answered for nothing. */
bool amphi__record_is_counted(const amphi_chat_result *result);
/* "privacy":"none","turns_omitted":0: how far the turn may travel, and how many turns of the
 * conversation were left out for theirs. */
void amphi__record_privacy(
    amphi_json_writer *writer, amphi_privacy privacy, uint32_t turns_omitted);
void amphi__record_decision(amphi_json_writer *writer, const char *key, const amphi_decision *d);
/* "tokens":{...},"today":{...}: the numbers of a decision that belong to no single route. */
void amphi__record_totals(amphi_json_writer *writer, const amphi_decision *d);
void amphi__stream_fill_result(const amphi_stream *stream, amphi_chat_result *out);

#endif
