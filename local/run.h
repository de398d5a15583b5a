/* SPDX-License-Identifier: Apache-2.0
 *
 * One answer of the local engine, as the parent (supervisor.h) and the engine on a thread of the
 * app (thread_engine.c) keep it: what was asked, and the words on their way to the sink.
 */
#ifndef AMPHI_LOCAL_RUN_H
#define AMPHI_LOCAL_RUN_H

#include "local/worker/protocol.h"
#include "sdk/core/buf.h"

#include <amphi/ext/engine.h>

struct amphi_engine_run {
    amphi_engine_run *next; /* under the lock */
    bool cancelled;         /* under the lock */
    bool evicted;           /* under the lock: unload(force) wants its memory */
    bool ended;             /* under the lock: the terminal event was delivered */
    uint32_t id;
    amphi_engine_sink sink;
    char *body;
    size_t body_size;
    char *prefix;
    size_t prefix_size;
    uint32_t threads;        /* resolved: the engine's option and the request's bound */
    uint32_t context_tokens; /* likewise */
    float tokens_per_second_max;
    bool plain_kernels;
    bool has_new_worker; /* the one before died idle, when this run had just come */
    uint64_t text_bytes; /* delivered so far; this and what follows is its thread's own */
    amphi_buf logprobs;  /* of the text that comes next: elements of a JSON array */
};

/* Where the app's options say nothing. */
#define AMPHI_LOCAL_CONTEXT_DEFAULT 4096u
/* As many as there are cores, four at most. */
uint32_t amphi__threads_default(void);

/* threads, context_tokens: the engine's own, which the request may lower. */
amphi_status amphi__run_new(amphi_engine_run **out, const amphi_engine_request *request,
    const amphi_engine_sink *sink, uint32_t threads, uint32_t context_tokens, amphi_error *error);
void amphi__run_free(amphi_engine_run *run);

/* The command that begins it; its date is today's in local civil time. */
amphi_worker_generate amphi__run_generate(const amphi_engine_run *run);

/* What the engine said, to the sink. false: more than an answer may have. */
bool amphi__run_text(amphi_engine_run *run, amphi_worker_event kind, amphi_str text);
/* A sound record, for the text that comes next. */
bool amphi__run_logprobs(amphi_engine_run *run, amphi_str record);
void amphi__run_usage(amphi_engine_run *run, const amphi_worker_usage *usage);

#endif
