/* SPDX-License-Identifier: Apache-2.0
 *
 * Getting to know the model file, in two steps: its header (what would it need?), then, when
 * somebody wants an answer, tokenizer, chat template and weights.
 */
#include "local/engine/engine.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>
#include <unistd.h>

/* For a model without a template of its own: ChatML, the most widely used plain form. */
static const char chatml[] =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + "
    "message['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

void amphi__child_describe(amphi_child *child)
{
    amphi_worker_described described = {.status = AMPHI_OK};
    amphi_error error;
    amphi_str name;
    amphi_str source;
    amphi_status status = amphi__gguf_open_fd(&child->gguf, AMPHI_WORKER_FD_MODEL, &error);

    close(AMPHI_WORKER_FD_MODEL);
    if (status == AMPHI_OK)
        status = amphi__llm_need(&child->need, child->gguf, &error);
    described.status = (uint32_t)status;
    if (status != AMPHI_OK) {
        amphi__str_copy_to(
            described.message, sizeof described.message, amphi_str_from(error.message));
    } else {
        described.context_tokens_max = child->need.context_tokens_max;
        described.weights_bytes = child->need.weights_bytes;
        described.kv_bytes_per_token = child->need.kv_bytes_per_token;
        described.scratch_bytes = child->need.scratch_bytes;
        snprintf(described.family, sizeof described.family, "%s", child->need.family);
        described.has_tools = amphi__gguf_str(child->gguf, "tokenizer.chat_template", &source) &&
                              amphi__str_find(source, AMPHI_STR("tools")) != SIZE_MAX;
        if (!amphi__gguf_str(child->gguf, "general.name", &name) || name.size == 0)
            name = amphi_str_from(child->need.family);
        amphi__str_copy_to(described.name, sizeof described.name, name);
    }
    amphi__child_send(
        child, AMPHI_WORKER_DESCRIBED, &described, sizeof described, amphi_str_make(NULL, 0));
}

static void send_load_progress(void *self, uint32_t permille)
{
    amphi_child *child = self;
    const amphi_worker_progress progress = {
        .phase = AMPHI_PHASE_LOAD, .permille = permille > 1000 ? 1000 : permille};

    amphi__child_beat(child, AMPHI_PHASE_LOAD);
    amphi__child_send(
        child, AMPHI_WORKER_PROGRESS, &progress, sizeof progress, amphi_str_make(NULL, 0));
}

static void bound_memory(const amphi_child *child, const amphi_worker_load *load)
{
    uint64_t context = child->need.context_tokens_max;
    uint64_t threads = load->threads != 0 ? load->threads : 4;

    if (load->context_tokens_max != 0 && load->context_tokens_max < context)
        context = load->context_tokens_max;
    /* The file's mapping, weights once more in another order, and what malloc reserves for each
     * thread: a bound against running away, not a budget. */
    child->bound_memory(child->file_size + child->need.weights_bytes +
                        context * child->need.kv_bytes_per_token + child->need.scratch_bytes +
                        threads * ((uint64_t)128 << 20) + ((uint64_t)1 << 30));
}

static amphi_status load_template(amphi_child *child, amphi_error *error)
{
    amphi_str source;

    child->template_is_ours =
        !amphi__gguf_str(child->gguf, "tokenizer.chat_template", &source) || source.size == 0;
    if (child->template_is_ours)
        source = amphi_str_from(chatml);
    return amphi__template_new(&child->tmpl, source, error);
}

static amphi_status load_parts(
    amphi_child *child, const amphi_worker_load *load, amphi_error *error)
{
    const amphi_llm_options options = {.threads = load->threads,
        .context_tokens_max = load->context_tokens_max,
        .kernels = load->plain_kernels != 0 ? AMPHI_STR("reference") : amphi_str_make(NULL, 0)};
    amphi_status status = amphi__tokenizer_new(&child->tokenizer, child->gguf, error);

    if (status != AMPHI_OK)
        return status;
    amphi__child_beat(child, AMPHI_PHASE_LOAD);
    status = load_template(child, error);
    if (status != AMPHI_OK)
        return status;
    amphi__child_beat(child, AMPHI_PHASE_LOAD);
    status = amphi__llm_new(&child->llm, child->gguf, &options, error);
    if (status != AMPHI_OK)
        return status;
    if (amphi__llm_vocabulary_size(child->llm) < amphi__tokenizer_size(child->tokenizer)) {
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "the tokenizer knows %u tokens, the weights only %u",
            amphi__tokenizer_size(child->tokenizer), amphi__llm_vocabulary_size(child->llm));
    }
    child->logits = amphi__calloc(amphi__llm_vocabulary_size(child->llm), sizeof child->logits[0]);
    if (child->logits == NULL)
        return amphi__fail_no_memory(error);
    return amphi__llm_prefetch(child->llm, send_load_progress, child, NULL);
}

void amphi__child_unload(amphi_child *child)
{
    amphi__llm_free(child->llm);
    amphi__template_free(child->tmpl);
    amphi__tokenizer_free(child->tokenizer);
    amphi__gguf_free(child->gguf);
    amphi__lexicon_free(child->lexicon);
    amphi__free(child->logits);
    amphi__tokens_clear(&child->fed);
    child->llm = NULL;
    child->tmpl = NULL;
    child->tokenizer = NULL;
    child->gguf = NULL;
    child->lexicon = NULL;
    child->logits = NULL;
}

void amphi__child_load(amphi_child *child, const amphi_worker_load *load)
{
    amphi_worker_ready ready = {.status = AMPHI_OK};
    amphi_error error;
    amphi_status status = AMPHI_OK;

    amphi__error_clear(&error);
    amphi__child_beat(child, AMPHI_PHASE_LOAD);
    if (child->bound_memory != NULL)
        bound_memory(child, load);
    status = load_parts(child, load, &error);
    ready.status = (uint32_t)status;
    if (status != AMPHI_OK) { /* the parent ends us after this: nothing to free */
        amphi__str_copy_to(ready.message, sizeof ready.message, amphi_str_from(error.message));
    } else {
        ready.context_tokens = amphi__llm_context_size(child->llm);
        snprintf(ready.kernels, sizeof ready.kernels, "%s", amphi__llm_kernels(child->llm));
    }
    amphi__child_send(child, AMPHI_WORKER_READY, &ready, sizeof ready, amphi_str_make(NULL, 0));
}
