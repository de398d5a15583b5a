/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading a model file and giving it back: tokenizer, chat template, weights, then the weights'
 * pages brought into memory.
 */
#include "local/engine/inference.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

enum { THREADS_ASSUMED = 4 }; /* where the options name none */

/* For a model without a template of its own: ChatML, the most widely used plain form. */
static const char chatml[] =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + "
    "message['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

static void heartbeat(const amphi_inference *inference)
{
    inference->sink->heartbeat(inference->sink->self, AMPHI_INFERENCE_LOAD);
}

static void on_prefetch(void *self, uint32_t permille)
{
    const amphi_inference *inference = self;
    heartbeat(inference);
    inference->sink->progress(
        inference->sink->self, AMPHI_INFERENCE_LOAD, permille > 1000 ? 1000 : permille);
}

static amphi_status load_template(amphi_inference *inference, amphi_error *error)
{
    amphi_str source;
    inference->uses_chatml =
        !amphi__gguf_str(inference->gguf, "tokenizer.chat_template", &source) || source.size == 0;
    if (inference->uses_chatml)
        source = amphi_str_from(chatml);
    return amphi__template_new(&inference->tmpl, source, error);
}

amphi_status amphi__inference_load(amphi_inference *inference,
    const amphi_inference_load_options *options, const amphi_cancel *cancel, amphi_error *error)
{
    const amphi_llm_options llm_options = {.threads = options->threads,
        .context_tokens_max = options->context_tokens_max,
        .kernels = options->plain_kernels ? AMPHI_STR("reference") : amphi_str_make(NULL, 0)};
    heartbeat(inference);
    amphi_status status = amphi__tokenizer_new(&inference->tokenizer, inference->gguf, error);
    if (status != AMPHI_OK)
        return status;
    heartbeat(inference);
    status = load_template(inference, error);
    if (status != AMPHI_OK)
        return status;
    heartbeat(inference);
    status = amphi__llm_new(&inference->llm, inference->gguf, &llm_options, error);
    if (status != AMPHI_OK)
        return status;
    uint32_t vocabulary_size = amphi__llm_vocabulary_size(inference->llm);
    if (vocabulary_size < amphi__tokenizer_size(inference->tokenizer)) {
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "the tokenizer knows %u tokens, the weights only %u",
            amphi__tokenizer_size(inference->tokenizer), vocabulary_size);
    }
    inference->logits = amphi__calloc(vocabulary_size, sizeof inference->logits[0]);
    if (inference->logits == NULL)
        return amphi__fail_no_memory(error);
    if (amphi__llm_prefetch(inference->llm, on_prefetch, inference, cancel) != AMPHI_OK)
        return amphi__fail(error, AMPHI_E_CANCELLED, 0, "the request was cancelled");
    return AMPHI_OK;
}

void amphi__inference_unload(amphi_inference *inference)
{
    amphi__llm_free(inference->llm);
    amphi__template_free(inference->tmpl);
    amphi__tokenizer_free(inference->tokenizer);
    amphi__gguf_free(inference->gguf);
    amphi__lexicon_free(inference->lexicon);
    amphi__free(inference->logits);
    amphi__tokens_clear(&inference->cached);
    *inference = (amphi_inference){.sink = inference->sink};
}

uint64_t amphi__inference_memory_bound(const amphi_gguf *gguf, const amphi_memory_need *need,
    const amphi_inference_load_options *options)
{
    uint64_t context = need->context_tokens_max;
    uint64_t threads = options->threads != 0 ? options->threads : THREADS_ASSUMED;
    if (options->context_tokens_max != 0 && options->context_tokens_max < context)
        context = options->context_tokens_max;
    /* The file's mapping, weights once more in another order, and what malloc reserves for each
     * thread. */
    return amphi__gguf_file_size(gguf) + need->weights_bytes + context * need->kv_bytes_per_token +
           need->scratch_bytes + threads * ((uint64_t)128 << 20) + ((uint64_t)1 << 30);
}
