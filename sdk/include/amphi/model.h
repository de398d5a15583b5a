/* SPDX-License-Identifier: Apache-2.0
 *
 * Direct use of a model file, for tools and tests. It runs in the calling process, on one thread at
 * a time; chat goes through amphi_client, where the model has a process of its own.
 */
#ifndef AMPHI_MODEL_H
#define AMPHI_MODEL_H

#include <amphi/error.h>

AMPHI_BEGIN_DECLS

typedef struct amphi_model amphi_model;

/* SIZED, read. */
typedef struct amphi_model_options {
    size_t struct_size;
    uint32_t threads;            /* 0: as many as there are cores, 4 at most */
    uint32_t context_tokens_max; /* 0: the model's, 4096 at most */
    bool vocabulary_only;        /* the file may lack tensors; only tokenize and inspect work */
    amphi_str kernels;           /* "" best, "reference", "avx2", ...: for comparisons */
} amphi_model_options;

static inline void amphi_model_options_init(amphi_model_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/* AMPHI_E_NOT_FOUND, AMPHI_E_FORMAT (malformed), AMPHI_E_UNSUPPORTED (a family or weight type
 * that the library lacks), each with a message that says what and where. options: NULL for the
 * defaults. */
AMPHI_API AMPHI_NODISCARD amphi_status amphi_model_open(
    amphi_model **out, amphi_str path, const amphi_model_options *options, amphi_error *error);
AMPHI_API void amphi_model_free(amphi_model *model);

AMPHI_API uint32_t amphi_model_vocabulary_size(const amphi_model *model);

/* Text to token ids. No start token is added. parse_special: text that looks like a special token
 * becomes one. *tokens_out (count in *count_out) is freed with amphi_model_tokens_free. */
AMPHI_API amphi_status amphi_model_tokenize(amphi_model *model, amphi_str text, bool parse_special,
    int32_t **tokens_out, size_t *count_out, amphi_error *error);
AMPHI_API void amphi_model_tokens_free(int32_t *tokens);

/* Token ids to text; special tokens give nothing. Free with amphi_string_free. */
AMPHI_API amphi_status amphi_model_detokenize(amphi_model *model, const int32_t *tokens,
    size_t count, char **text_out, size_t *size_out, amphi_error *error);

/* Feeds tokens after those already fed (reset: from an empty context) and writes logits:
 * all = false: vocabulary_size floats, the last position's; true: count x vocabulary_size. */
AMPHI_API amphi_status amphi_model_logits(amphi_model *model, const int32_t *tokens, size_t count,
    bool reset, bool all, float *logits, amphi_error *error);

/* Renders the model's chat template, or template_text when it is not empty (model may then be NULL,
 * and bos_token and eos_token come from extra_json, if at all). messages_json: an
 * array; tools_json: an array or empty; extra_json: an object of further variables or empty;
 * now_iso: the time that strftime_now sees ("2026-01-02T03:04:05"), empty: the clock's. */
AMPHI_API amphi_status amphi_model_render(amphi_model *model, amphi_str template_text,
    amphi_str messages_json, amphi_str tools_json, amphi_str extra_json, amphi_str now_iso,
    bool add_generation_prompt, char **text_out, amphi_error *error);

/* {"family","name","parameters","weight_bytes","types":{...},"context_tokens_max","vocabulary",
 * "tokenizer","template":bool,"memory":{...}}. Free with amphi_string_free. */
AMPHI_API amphi_status amphi_model_inspect(amphi_model *model, char **json_out, amphi_error *error);

/* Writes a narrower copy of a model file. type: F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q4_K, Q3_K, Q2_K,
 * Q5_1, Q5_0, Q4_1, Q4_0, IQ4_NL or IQ4_XS (Q4_K_M and the like are the same as Q4_K); tensors that
 * suffer most stay wider. `in` must be F32, F16, BF16 or Q8_0. progress (may be NULL) is called on
 * this thread and stops it by returning false. `out` appears only when all of it is written and
 * checked. */
AMPHI_API AMPHI_NODISCARD amphi_status amphi_model_quantize(amphi_str in, amphi_str out,
    amphi_str type, bool (*progress)(void *user, uint32_t permille), void *user,
    amphi_error *error);

/* SIZED, read. A head judges the first tokens of a model's answers before they are shown (policy
 * "handoff"): a linear function of a hidden state and of the model's own doubt, trained for one
 * model file, beside which it lies as MODEL.head. */
typedef struct amphi_head_options {
    size_t struct_size;
    amphi_str model_path; /* a GGUF file */
    /* JSON Lines: {"prompt":"...","right":true|false}, with the prompt as the model's users write
     * it, and whether the model's answer to it is right. Further members are ignored. */
    amphi_str rows;
    amphi_str out_path; /* train: the head's file; empty: MODEL.head */
    uint32_t threads;   /* 0: as many as there are cores, 4 at most */
    uint32_t tokens;    /* train: to be judged by; 0: 8 */
    /* Called on this thread, may be NULL; false stops with AMPHI_E_CANCELLED. */
    bool (*progress)(void *user, uint32_t permille);
    void *user; /* its first argument */
} amphi_head_options;

static inline void amphi_head_options_init(amphi_head_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/* Runs the model (in a process of its own, as chat does) on each prompt, fits heads to what it
 * found inside, and writes the one that is best at rows that it had not seen. At least 40 rows, 10
 * of them right and 10 wrong. *report_out: {"rows","right","skipped" (longer than the context),
 * "tokens","depth","pool","penalty","auc","auc_logits","scores":[[right,head,logits,[numbers]],
 * ...]}: auc is the area under the ROC curve, in five-fold cross-validation, which flatters a
 * little, because the best of several heads was chosen by it; head and logits are how likely a row
 * is right, for both judges, and the numbers are what the second one looks at. Free with
 * amphi_string_free. */
AMPHI_API AMPHI_NODISCARD amphi_status amphi_model_head_train(
    char **report_out, const amphi_head_options *options, amphi_error *error);

/* The head beside the model on rows that it was not trained on: {"rows","right","skipped","tokens",
 * "auc","auc_logits","scores"}. AMPHI_E_NOT_FOUND: there is none. */
AMPHI_API AMPHI_NODISCARD amphi_status amphi_model_head_test(
    char **report_out, const amphi_head_options *options, amphi_error *error);

AMPHI_END_DECLS

#endif
