/* SPDX-License-Identifier: Apache-2.0
 *
 * One run of the local engine, wherever it computes: the request, and the reports on their way to
 * the sink.
 */
#ifndef AMPHI_LOCAL_RUN_H
#define AMPHI_LOCAL_RUN_H

#include "local/judge/head.h"
#include "sdk/core/buf.h"

#include <amphi/ext/engine.h>

struct amphi_engine_run {
    amphi_engine_run *next;      /* under the lock */
    bool cancelled;              /* under the lock */
    bool evicted;                /* under the lock: unload(force) wants its memory */
    bool ended;                  /* under the lock: the terminal event was delivered */
    uint32_t id;                 /* unique within the engine */
    amphi_engine_sink sink;      /* where its events go */
    char *body;                  /* the chat request, OpenAI's JSON */
    size_t body_size;            /* in bytes */
    char *prefix;                /* the answer's beginning, to be continued */
    size_t prefix_size;          /* in bytes; 0: none */
    uint32_t threads;            /* resolved: the engine's option and the request's bound */
    uint32_t context_tokens;     /* likewise */
    float tokens_per_second_max; /* 0: no bound */
    bool plain_kernels;          /* the reference ones */
    bool has_new_worker;         /* the one before died idle, when this run had just come */
    uint64_t text_bytes;         /* delivered so far; this and what follows is its thread's own */
    amphi_buf logprobs;          /* of the text that comes next: elements of a JSON array */
    uint32_t judge_tokens;       /* as the request has it, AMPHI_JUDGED_TOKENS_MAX at most */
    amphi_judge judge;           /* of its first tokens; ops NULL: it is not judged */
    amphi_head head;             /* of that judge; no weights: none */
    amphi_evidence evidence;     /* tokens_max 0: none is asked for */
};

/* Where the app's options say nothing: as many as there are cores, four at most. */
uint32_t amphi__threads_default(void);

/* threads, context_tokens: the engine's own, which the request may lower. */
amphi_status amphi__run_new(amphi_engine_run **out, const amphi_engine_request *request,
    const amphi_engine_sink *sink, uint32_t threads, uint32_t context_tokens, amphi_error *error);
void amphi__run_free(amphi_engine_run *run);

/* Seconds of local civil time, for templates that print the date: the worker has no time zones. */
int64_t amphi__run_now_s(void);

/* run_judge.c: before a run is queued. Chooses the best judge that there is for this model, when
 * the request wants one: `given` (not NULL: a test's, or the trainer's), the head beside the model,
 * or the logits. */
void amphi__run_judge_begin(
    amphi_engine_run *run, const char *model_path, const amphi_judge *given);
/* The best judge of that, for describe(). */
amphi_judge_kind amphi__run_judge_kind(const char *model_path);
/* A judged token's parts, in the order of amphi_inference_sink; with the second the verdict so far
 * goes to the sink. false: not what was asked for. */
bool amphi__run_state(amphi_engine_run *run, uint32_t index, uint32_t depth, amphi_str halves);
bool amphi__run_certainty(amphi_engine_run *run, uint32_t index, const amphi_certainty *certainty);
void amphi__run_judge_clear(amphi_engine_run *run);

/* What the engine reports, to the sink. kind: TEXT, REASONING or TOOL_CALL. false: more than an
 * answer may have. */
bool amphi__run_text(amphi_engine_run *run, amphi_engine_event_kind kind, amphi_str text);
/* Why a run that was cancelled or evicted ends. Under the lock. */
void amphi__run_abandoned_error(const amphi_engine_run *run, amphi_error *out);
/* A sound record (logprobs_record.h), for the text that comes next. */
bool amphi__run_logprobs(amphi_engine_run *run, amphi_str record);
void amphi__run_usage(amphi_engine_run *run, const amphi_usage *usage);
void amphi__run_progress(amphi_engine_run *run, uint32_t permille, const char *phase);
/* The model that answers. */
void amphi__run_model(amphi_engine_run *run, const char *name);

#endif
