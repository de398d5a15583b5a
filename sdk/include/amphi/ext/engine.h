/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine table: what can answer a chat request. A local model and a cloud endpoint are two
 * values of this type, and yours is a third. Nothing downstream depends on which one it is.
 *
 * One run: `start`, then events to the sink from one thread at a time, in order, ending with
 * exactly one FINISH or FAIL; then `release`.
 */
#ifndef AMPHI_EXT_ENGINE_H
#define AMPHI_EXT_ENGINE_H

#include <amphi/chat.h>

typedef struct amphi_engine_run amphi_engine_run; /* the engine's own */

typedef enum amphi_engine_kind {
    AMPHI_ENGINE_LOCAL = 1,
    AMPHI_ENGINE_CLOUD = 2,
    AMPHI_ENGINE_SYSTEM = 3 /* the operating system's own model: Apple's, Android's AICore */
} amphi_engine_kind;

/* What a model was made for. */
typedef enum amphi_model_scope {
    AMPHI_SCOPE_CHAT = 0, /* any subject */
    AMPHI_SCOPE_HELP = 1  /* one narrow subject: it answers when it is the only route, or when the
                             request names it; it never stands in for a CHAT model */
} amphi_model_scope;

/* What is wanted of an engine. */
typedef enum amphi_engine_task {
    AMPHI_TASK_CHAT = 0,      /* an answer */
    AMPHI_TASK_EMBEDDINGS = 1 /* vectors; only of engines whose info says that they have them */
} amphi_engine_task;

/* What can say, by the first tokens of an answer, how likely it is right (CONFIDENCE events). */
typedef enum amphi_judge_kind {
    AMPHI_JUDGE_NONE = 0,
    AMPHI_JUDGE_LOGITS = 1, /* the model's own doubt: of any model, and rough */
    AMPHI_JUDGE_HEAD = 2    /* trained for this model */
} amphi_judge_kind;

/* How an engine is asked to go on after a given beginning of the answer. */
typedef enum amphi_continuation {
    AMPHI_CONTINUE_AUTO = 0,     /* as the engine knows best */
    AMPHI_CONTINUE_NO = 1,       /* it can't: the answer starts again */
    AMPHI_CONTINUE_NATIVE = 2,   /* a trailing assistant message (llama-server, Amphi itself) */
    AMPHI_CONTINUE_VLLM = 3,     /* the same, with "continue_final_message": true and
                                    "add_generation_prompt": false (vLLM, SGLang) */
    AMPHI_CONTINUE_PREFIX = 4,   /* the same, with "prefix": true on it (Mistral, DeepSeek beta) */
    AMPHI_CONTINUE_INSTRUCT = 5, /* an instruction that quotes it */
    AMPHI_CONTINUE_COUNT         /* not a way: how many there are */
} amphi_continuation;

/* SIZED, filled in by the engine. What policy needs to know about an engine before it starts
 * anything. */
typedef struct amphi_engine_info {
    size_t struct_size;          /* in bytes; see amphi/types.h */
    amphi_engine_kind kind;      /* LOCAL: no byte of a request leaves the device; SYSTEM: see
                                    `on_device` */
    char name[AMPHI_NAME_MAX];   /* the route's name */
    char model[AMPHI_NAME_MAX];  /* that it runs; empty where the request decides */
    bool available;              /* false: `why` says what is missing */
    char why[160];               /* in words; empty when available */
    bool ready;                  /* LOCAL: model loaded; CLOUD: connection warm */
    uint64_t weights_bytes;      /* LOCAL: memory for the weights; 0: unknown */
    uint64_t kv_bytes_per_token; /* LOCAL: memory per token of context */
    uint64_t scratch_bytes;      /* LOCAL: everything else that it needs */
    uint32_t context_tokens_max; /* 0: unknown */
    amphi_tristate prefix;       /* can it continue a given beginning of an answer? */
    bool is_loopback;            /* CLOUD: on this machine, reachable without a network */
    bool tools;                  /* understands "tools" */
    bool images;                 /* understands image parts */
    bool audio;                  /* understands audio parts */
    uint32_t priority;           /* lower first, among those that compute on this device, and
                                    among the others; equal: SYSTEM first */
    uint32_t weight;             /* share among equals */
    /* LOCAL, for the crash ledger; empty: this engine keeps none. */
    char fingerprint[65];    /* of the model file: another one starts clean. CLOUD: of the key's
                                files: likewise, breaker and pauses end; empty: unknown */
    char build[32];          /* of the engine: likewise */
    char kernels[32];        /* the set that an ordinary request is computed with */
    bool in_process;         /* it has no process of its own: its crash is the app's */
    amphi_status failure;    /* of `why`; AMPHI_OK when available */
    uint32_t deaths_early;   /* of its process since it was made: starting or loading */
    uint32_t deaths_late;    /* likewise: computing */
    uint32_t deaths_memory;  /* likewise: killed for its memory, whatever it did */
    uint32_t deaths_outside; /* likewise: killed or stopped by another process */
    /* CLOUD, in millionths of a US dollar per million tokens, of an engine of the app's own (an
     * endpoint's options have its prices); both 0: unknown. */
    uint64_t price_prompt;
    uint64_t price_completion;
    amphi_model_scope scope;
    /* CLOUD: as configured; AUTO: learning starts at the guess, which comes from the address and
     * answers' headers; where that is AUTO too, from the model's name. */
    amphi_continuation continuation;
    amphi_continuation continuation_guess;
    /* SYSTEM. What is not `on_device` counts as a cloud: Apple's private one gets nothing that is
     * private, unless the policy's system.private_cloud_trusted says so. */
    bool on_device;          /* no byte of a request leaves the device */
    bool is_busy;            /* it works for others: every other route goes first */
    bool quota_used_up;      /* it takes no more requests of this app for now: not asked */
    bool needs_foreground;   /* it refuses an app in the background: not asked there */
    uint32_t retry_after_ms; /* until `is_busy` or `quota_used_up` is over; 0: unknown */
    bool embeddings;         /* answers AMPHI_TASK_EMBEDDINGS */
    amphi_judge_kind judge;  /* the best that can judge the first tokens of its answers */
} amphi_engine_info;

static inline void amphi_engine_info_init(amphi_engine_info *info)
{
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
}

/* SIZED, read by the engine. */
typedef struct amphi_engine_request {
    size_t struct_size;          /* in bytes; see amphi/types.h */
    amphi_str body;              /* OpenAI chat-completions request: an object with "messages"
                                    (history included) and the sampling fields; validated. */
    amphi_str prefix;            /* the answer's beginning, already shown; go on after it.
                                    Empty: from the start. Only where info.prefix isn't NO. */
    amphi_str conversation_id;   /* for reuse of computed state; may be empty */
    amphi_str idempotency_key;   /* may be empty */
    uint32_t connect_ms;         /* budget to reach the engine; 0: none */
    uint32_t threads_max;        /* LOCAL: degrade; 0: no bound */
    uint32_t context_tokens_max; /* LOCAL: degrade; 0: no bound */
    float tokens_per_second_max; /* LOCAL: no faster than this (saves heat); 0: no bound */
    bool plain_kernels;          /* LOCAL: degrade; the plain ones ("reference") */
    /* A JSON object: what it reported in LEARNED events for this model, in earlier runs of this or
     * of another process; empty: nothing. */
    amphi_str learned;
    /* How to go on after `prefix`; AUTO: the engine's choice. */
    amphi_continuation continuation;
    /* EMBEDDINGS: `body` is OpenAI's embeddings request; its answer comes as TEXT, the whole JSON
     * in any pieces, with USAGE before FINISH. */
    amphi_engine_task task;
    bool body_is_kept; /* `body` stays as it is until the run is released: it need not be copied */
    /* CONFIDENCE events are wanted, of so many first tokens at most; 0: none. */
    uint64_t judge_tokens;
} amphi_engine_request;

static inline void amphi_engine_request_init(amphi_engine_request *request)
{
    memset(request, 0, sizeof *request);
    request->struct_size = sizeof *request;
}

/* Tool calls that an answer may hold: their indices end below it. */
#define AMPHI_TOOL_CALLS_MAX 128

typedef enum amphi_engine_event_kind {
    AMPHI_ENGINE_PROGRESS = 1, /* permille, text names the phase */
    AMPHI_ENGINE_TEXT,         /* text: whole UTF-8 characters */
    AMPHI_ENGINE_REASONING,    /* text */
    AMPHI_ENGINE_TOOL_CALL,    /* text: JSON array, OpenAI's delta.tool_calls */
    AMPHI_ENGINE_USAGE,        /* usage */
    AMPHI_ENGINE_MODEL,        /* text: the model that answers, as the engine names it */
    AMPHI_ENGINE_FINISH,       /* last: finish; the answer is whole by the engine's rules */
    AMPHI_ENGINE_FAIL,         /* last: error */
    AMPHI_ENGINE_LEARNED,      /* text: a JSON object to be kept for this engine and model, instead
                                  of the one before; 4 KiB at most */
    AMPHI_ENGINE_ALIVE,        /* a sign of life without words: no budget for silence runs out */
    AMPHI_ENGINE_EXTRA,        /* text: a JSON object of fields that go to the app as they are:
                                  {"delta":{...},"chunk":{...}}, either may be missing */
    AMPHI_ENGINE_CONFIDENCE    /* before a judged token's text. permille: how likely the answer will
                                  be right; text: the judge's name, empty when it can't say;
                                  usage.completion_tokens: tokens it judged by; finish: not NONE
                                  when no further one follows */
} amphi_engine_event_kind;

/* FROZEN: engines build many of them, zeroed. */
typedef struct amphi_engine_event {
    amphi_engine_event_kind kind;
    amphi_str text;
    /* TEXT: a JSON array of OpenAI's logprobs.content for tokens of this text, or of text that
     * was before it (`text` may then be empty). Empty: none. */
    amphi_str logprobs;
    uint32_t permille;
    amphi_usage usage;
    amphi_finish finish;
    /* FAIL: AMPHI_E_REQUEST with `prefix_refused` when the engine would not continue a prefix. Of
     * SYSTEM: AMPHI_E_QUOTA, _BUSY and _BACKGROUND, with retry_after_ms where it is known; the
     * route rests so long. What other refusals become: sdk/docs/engines.md. */
    const amphi_error *error;
    bool prefix_refused;
    bool out_of_memory; /* FAIL: killed for its memory, or an allocation failed */
    bool from_outside;  /* FAIL: another process killed or stopped the engine's; the error's
                           native_code is the signal, 0 when it was stopped */
    /* FAIL: in the provider's own words; NULL: none. */
    const amphi_provider_error *provider;
    /* FAIL: does the other side say that the same request may be sent again (x-should-retry)? */
    amphi_tristate should_retry;
    uint32_t reserved_2; /* 0 */
    /* FINISH, FAIL: what went over the network for this run, as HTTP has it; 0: not counted. */
    uint64_t bytes_sent;
    uint64_t bytes_received;
} amphi_engine_event;

/* FROZEN. Where a run reports to. `event` must not block and must not call `release`. The event and
 * its strings are valid for the call. */
typedef struct amphi_engine_sink {
    void *self;
    void (*event)(void *self, const amphi_engine_event *event);
} amphi_engine_sink;

/* Gets one model's name, which is valid for the call. */
typedef void amphi_engine_model_fn(void *user, amphi_str model);

/* TABLE. describe, start, cancel and release are required; free
 * is for the owner. */
typedef struct amphi_engine_ops {
    size_t struct_size;
    const char *name;
    /* Any thread, before each decision: what changes at run time (a model that is downloaded, a
     * quota) stands here. Cheap after its first call; that one may read a file's header, or start
     * a process to read it. *out is zero but for struct_size; fill in no more than that. */
    void (*describe)(void *self, amphi_engine_info *out);
    /* Any thread; never blocks for long (no waiting for a model or a server). Everything in
     * *request and *sink is copied. On failure no event follows and *out is NULL. */
    amphi_status (*start)(void *self, amphi_engine_run **out, const amphi_engine_request *request,
        const amphi_engine_sink *sink, amphi_error *error);
    /* Any thread, never blocks, any number of times; FAIL with AMPHI_E_CANCELLED follows soon
     * unless the run had ended. */
    void (*cancel)(void *self, amphi_engine_run *run);
    /* Not from the sink: cancels if need be, waits until no sink call runs or will come, frees. */
    void (*release)(void *self, amphi_engine_run *run);
    /* Tokens of the prompt that it would make of this body: messages, tools, all that its template
     * adds. AMPHI_E_BUSY: no model is loaded, or it is at work; then, and when this is NULL, the
     * client estimates. Any thread; 100 ms at most. */
    amphi_status (*count_tokens)(void *self, amphi_str body, uint32_t *out);
    /* Gets ready to answer soon: load the model, open a connection. Never blocks. NULL: nothing. */
    void (*prewarm)(void *self);
    /* Gives back all memory that can be given back; a running answer is stopped with
     * AMPHI_E_RESOURCE when `force`. Never blocks. NULL: nothing. */
    void (*unload)(void *self, bool force);
    /* Last call, after every run was released. */
    void (*free)(void *self);
    /* kind, name, fingerprint, build and kernels, as describe would give them, but without running
     * anything that could crash. What fails is left empty. *out is as for describe. NULL: describe
     * runs nothing either. */
    void (*identify)(void *self, amphi_engine_info *out);
    /* Asks its service which models there are, which costs nothing and shows what the key may do.
     * Any thread; blocks up to timeout_ms. A failure's native_code is the HTTP status, and
     * *provider (zeroed before) what the provider said. NULL: there is no such list. */
    amphi_status (*list_models)(void *self, uint32_t timeout_ms, amphi_engine_model_fn *model,
        void *user, amphi_provider_error *provider, amphi_error *error);
} amphi_engine_ops;

/* FROZEN. */
typedef struct amphi_engine {
    const amphi_engine_ops *ops;
    void *self;
} amphi_engine;

#endif
