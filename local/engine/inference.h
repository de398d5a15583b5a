/* SPDX-License-Identifier: Apache-2.0
 *
 * From a model file to answers. The same code runs in the worker process (local/worker) and on a
 * thread of the app (local/thread_engine_work.c) and knows neither: what an answer consists of goes
 * to a sink, results are returned, and a cancel mark is polled. One thread at a time calls it; the
 * model's thread pool only computes.
 */
#ifndef AMPHI_ENGINE_INFERENCE_H
#define AMPHI_ENGINE_INFERENCE_H

#include "local/constraint/constraint.h"
#include "local/graph/llm.h"
#include "local/graph/memory_need.h"
#include "local/jinja/template.h"
#include "local/limits.h"
#include "local/text/certainty.h"
#include "local/tokens/tokenizer.h"

#include <amphi/chat.h>

typedef enum amphi_inference_phase {
    AMPHI_INFERENCE_LOAD,    /* the model */
    AMPHI_INFERENCE_PREFILL, /* the prompt */
    AMPHI_INFERENCE_TOKEN    /* the answer, token by token */
} amphi_inference_phase;

/* Where reports go, on the calling thread; every entry is set. Strings are valid for the call. A
 * text is whole characters; texts and tool calls have AMPHI_LOCAL_PIECE_MAX bytes at most. */
typedef struct amphi_inference_sink {
    void *self;
    /* With every step of work. */
    void (*heartbeat)(void *self, amphi_inference_phase phase);
    void (*progress)(void *self, amphi_inference_phase phase, uint32_t permille);
    void (*text)(void *self, amphi_str text);
    void (*reasoning)(void *self, amphi_str text);
    /* OpenAI's delta.tool_calls. */
    void (*tool_call)(void *self, amphi_str json);
    /* logprobs_record.h: of the next text. */
    void (*logprobs)(void *self, amphi_str record);
    /* Before a judged token's text, in this order: each hidden state that was asked for (half
     * floats, local/judge/evidence.h), then how sure the model was of the token. */
    void (*state)(void *self, uint32_t index, uint32_t depth, amphi_str halves);
    void (*certainty)(void *self, uint32_t index, const amphi_certainty *certainty);
} amphi_inference_sink;

/* Zero, but for the sink, until a file is open; tokenizer and what follows until it is loaded. */
typedef struct amphi_inference {
    const amphi_inference_sink *sink; /* where reports go */
    amphi_gguf *gguf;                 /* the open file */
    amphi_tokenizer *tokenizer;       /* text to ids and back */
    amphi_template *tmpl;             /* messages to a prompt */
    bool uses_chatml;                 /* the model has no template of its own */
    amphi_llm *llm;                   /* weights, KV cache and threads */
    float *logits;                    /* of the last position */
    amphi_tokens cached;              /* what the KV cache holds (prefix_reuse.h) */
    amphi_lexicon *lexicon;           /* made with the first answer that has to keep to a format */
} amphi_inference;

typedef struct amphi_inference_load_options {
    uint32_t threads;            /* 0: the engine's default */
    uint32_t context_tokens_max; /* 0: the engine's default */
    bool plain_kernels;          /* the reference ones */
} amphi_inference_load_options;

/* load.c: tokenizer, template and weights of the open file. After a failure: unload. cancel: NULL
 * or a mark, polled while the weights are read: AMPHI_E_CANCELLED. */
amphi_status amphi__inference_load(amphi_inference *inference,
    const amphi_inference_load_options *options, const amphi_cancel *cancel, amphi_error *error);
/* Gives back everything that was loaded, and the file. */
void amphi__inference_unload(amphi_inference *inference);
/* A bound of the address space against running away, not a budget: in bytes. */
uint64_t amphi__inference_memory_bound(const amphi_gguf *gguf, const amphi_memory_need *need,
    const amphi_inference_load_options *options);

typedef struct amphi_inference_request {
    amphi_str body;              /* OpenAI chat-completions JSON */
    amphi_str prefix;            /* the answer's beginning, to be continued */
    float tokens_per_second_max; /* 0: no bound */
    int64_t now_s;               /* local civil time: the worker has no time zone files */
    amphi_cancel cancel;
    uint32_t judge_tokens; /* of so many tokens the certainty is reported ... */
    uint8_t state_depths;  /* ... and these hidden states (amphi__llm_tap) */
} amphi_inference_request;

typedef struct amphi_inference_result {
    amphi_usage usage;   /* this and finish: after AMPHI_OK */
    amphi_finish finish; /* STOP, LENGTH or TOOL_CALLS */
    bool prefix_refused; /* after a failure: the prefix does not follow response_format */
} amphi_inference_result;

/* generate.c: one answer. AMPHI_E_CANCELLED soon after the mark is set. */
amphi_status amphi__inference_generate(amphi_inference *inference,
    const amphi_inference_request *request, amphi_inference_result *result, amphi_error *error);

/* prompt.c: tokens of a request's messages and tools; usage.prompt_tokens of the same request. */
amphi_status amphi__inference_count_tokens(
    amphi_inference *inference, amphi_str body, int64_t now_s, uint32_t *out, amphi_error *error);

#endif
