/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the engine process. One main thread reads requests, computes and writes events; the
 * model's thread pool only computes. These files belong to the amphi-worker program alone.
 */
#ifndef AMPHI_ENGINE_ENGINE_H
#define AMPHI_ENGINE_ENGINE_H

#include "local/constraint/constraint.h"
#include "local/graph/llm.h"
#include "local/jinja/template.h"
#include "local/text/logprobs.h"
#include "local/text/reasoning.h"
#include "local/text/stop_strings.h"
#include "local/text/tool_call_parser.h"
#include "local/tokens/tokenizer.h"
#include "local/worker/protocol.h"

typedef struct amphi_child amphi_child;

struct amphi_child {
    amphi_worker_control *control;
    /* One event to whoever started us; `more` stands behind `data`. */
    void (*send)(
        amphi_child *child, amphi_worker_event kind, const void *data, size_t size, amphi_str more);
    void (*bound_memory)(uint64_t bytes); /* NULL: not a process of its own */
    amphi_ring requests;                  /* we read */
    amphi_ring events;                    /* we write */
    uint8_t *request; /* the request being served: AMPHI_WORKER_REQUESTS_BYTES */
    size_t request_size;
    uint64_t file_size;
    amphi_gguf *gguf;
    amphi_llm_need need;
    amphi_tokenizer *tokenizer; /* these are NULL until LOAD */
    amphi_template *tmpl;
    bool template_is_ours; /* the model has none: ChatML */
    amphi_llm *llm;
    float *logits;
    amphi_lexicon *lexicon; /* NULL until an answer has to keep to a format */
    amphi_tokens fed;       /* what the KV cache holds */
};

/* cage.c: gives up what the worker does not need; before the first byte of the model is
 * read. Returns what could not be had (AMPHI_CAGE_…). */
uint32_t amphi__child_cage(const amphi_worker_control *control, uint64_t file_size);
/* Lowers the address-space limit to what this model needs. */
void amphi__child_cage_memory(uint64_t bytes);

/* cage_check.c: tries to get out of the cage, prints what held; 0 when all did. */
int amphi__child_check(void);

/* fatal_signals.c: fatal signals write AMPHI_WORKER_FD_DEATH before they kill. */
void amphi__child_signals(void);

/* report.c: one event, through child->send. */
void amphi__child_send(
    amphi_child *child, amphi_worker_event kind, const void *data, size_t size, amphi_str more);
void amphi__child_beat(amphi_child *child, amphi_worker_phase phase);

/* load.c */
void amphi__child_describe(amphi_child *child);
void amphi__child_load(amphi_child *child, const amphi_worker_load *load);
/* Gives back whatever was loaded, the file included. (A process just ends.) */
void amphi__child_unload(amphi_child *child);

/* prompt.c: a request body's messages (and the answer's beginning) as tokens. */
#define AMPHI_HEAL_MAX 64

typedef struct amphi_prompt {
    amphi_json *root; /* the body; owns what `stop` strings and such point at */
    amphi_tokens tokens;
    size_t prefix_at;          /* from here on, tokens are the answer's own beginning */
    bool starts_text;          /* nothing of the answer exists yet */
    char heal[AMPHI_HEAL_MAX]; /* the first tokens have to spell this; it is not sent */
    size_t heal_size;
    amphi_buf given; /* the answer's beginning as text */
    bool thinks;     /* the template opened the model's thoughts */
} amphi_prompt;

amphi_status amphi__child_prompt(amphi_prompt *out, const amphi_child *child, amphi_str body,
    amphi_str prefix, int64_t now_s, amphi_error *error);
void amphi__child_prompt_clear(amphi_prompt *prompt);

/* generate.c */
void amphi__child_generate(
    amphi_child *child, const amphi_worker_generate *generate, amphi_str body, amphi_str prefix);
void amphi__child_count(amphi_child *child, const amphi_worker_count *count, amphi_str body);

/* response_format.c: the constraint of a request's response_format, with the answer's beginning
 * behind it; NULL when there is none. *prefix_refused: that beginning does not fit. */
amphi_status amphi__child_constraint(amphi_constraint **out, amphi_child *child,
    const amphi_prompt *prompt, bool *prefix_refused, amphi_error *error);

/* logprobs_report.c: how likely the answer's tokens were, told with the text that they wrote. */
typedef struct amphi_told {
    float *logits;  /* NULL: nobody asked; else the model's own, before anything is done to them */
    uint32_t count; /* of them */
    uint32_t top_count; /* alternatives that are told for each token */
    amphi_logprobs now; /* of `logits` */
    amphi_buf waiting;  /* records whose text is not out */
    uint64_t pushed;    /* bytes of the answer so far */
} amphi_told;

static inline bool amphi__told_is_on(const amphi_told *told)
{
    return told->logits != NULL;
}

amphi_status amphi__told_begin(
    amphi_told *told, int64_t top, uint32_t vocabulary_size, amphi_error *error);
void amphi__told_clear(amphi_told *told);
/* The rest does nothing when it is off. What the model says before the next token. */
void amphi__told_look(amphi_told *told, const float *logits);
/* The token that was chosen then, and the text that it adds to the answer. */
void amphi__told_add(
    amphi_told *told, const amphi_tokenizer *tokenizer, int32_t token, amphi_str text);
/* Tokens that begin before byte `until` of the answer: sends them, or (drop) forgets all but the
 * last `keep` of them. */
void amphi__told_send(amphi_told *told, amphi_child *child, uint32_t run, uint64_t until);
void amphi__told_drop(amphi_told *told, uint64_t until, uint32_t keep);

/* answer.c: from pieces of text to TEXT, REASONING and TOOL_CALL events. */
typedef struct amphi_answer {
    amphi_child *child;
    uint32_t run;
    amphi_told *told;
    amphi_stop_strings *stop;
    amphi_buf ready; /* past the stop strings */
    bool stopped;    /* a stop string was met */
    amphi_reasoning reasoning;
    amphi_buf thought, text; /* taken apart */
    bool has_tools;
    amphi_tool_call_parser tools;
} amphi_answer;

/* constrained: all of it is the answer, but for thoughts that the prompt opened. */
amphi_status amphi__answer_init(amphi_answer *answer, amphi_child *child, uint32_t run,
    const amphi_prompt *prompt, bool constrained, const amphi_str *stops, size_t stops_count,
    amphi_told *told, amphi_error *error);
amphi_status amphi__answer_push(amphi_answer *answer, amphi_str piece);
/* Sends what was held back. */
amphi_status amphi__answer_finish(amphi_answer *answer);
void amphi__answer_clear(amphi_answer *answer);

#endif
