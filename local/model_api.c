/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi/model.h: direct use of a model file, in the calling process. Only ties the parts of this
 * folder together: the reader, the tokenizer, the template interpreter and the graph.
 */
#include <amphi/model.h>

#include "local/compute/weight_type.h"
#include "local/graph/llm.h"
#include "local/graph/memory_need.h"
#include "local/jinja/template.h"
#include "local/tokens/tokenizer.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <time.h>

#define RENDER_BYTES_MAX  (16u << 20)
#define INSPECT_BYTES_MAX (1u << 20)

struct amphi_model {
    amphi_gguf *gguf;
    amphi_tokenizer *tokenizer;
    amphi_llm *llm;       /* NULL: vocabulary_only */
    amphi_template *tmpl; /* the model's own; compiled when it is first used */
};

/* --- opening --- */

static amphi_status open_parts(
    amphi_model *model, amphi_str path, const amphi_model_options *options, amphi_error *error)
{
    amphi_status status = amphi__gguf_open(&model->gguf, path, error);
    if (status == AMPHI_OK)
        status = amphi__tokenizer_new(&model->tokenizer, model->gguf, error);
    if (status != AMPHI_OK || options->vocabulary_only)
        return status;
    const amphi_llm_options llm = {.threads = options->threads,
        .context_tokens_max = options->context_tokens_max,
        .kernels = options->kernels};
    return amphi__llm_new(&model->llm, model->gguf, &llm, error);
}

amphi_status amphi_model_open(
    amphi_model **out, amphi_str path, const amphi_model_options *options, amphi_error *error)
{
    if (out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out: NULL");
    *out = NULL;
    amphi_model_options own;
    amphi_model_options_init(&own);
    amphi_status status = AMPHI_OK;
    if (options != NULL)
        status = AMPHI__SIZED_READ(amphi_model_options, &own, options, "options", error);
    if (status != AMPHI_OK)
        return status;
    amphi_model *model = amphi__calloc(1, sizeof *model);
    if (model == NULL)
        return amphi__fail_no_memory(error);
    status = open_parts(model, path, &own, error);
    if (status == AMPHI_OK) {
        *out = model;
        model = NULL; /* the caller owns it now */
    }
    amphi_model_free(model);
    return status;
}

void amphi_model_free(amphi_model *model)
{
    if (model == NULL)
        return;
    amphi__llm_free(model->llm);
    amphi__template_free(model->tmpl);
    amphi__tokenizer_free(model->tokenizer);
    amphi__gguf_free(model->gguf);
    amphi__free(model);
}

uint32_t amphi_model_vocabulary_size(const amphi_model *model)
{
    if (model == NULL)
        return 0;
    if (model->llm != NULL)
        return amphi__llm_vocabulary_size(model->llm);
    return amphi__tokenizer_size(model->tokenizer);
}

/* --- tokens --- */

amphi_status amphi_model_tokenize(amphi_model *model, amphi_str text, bool parse_special,
    int32_t **tokens_out, size_t *count_out, amphi_error *error)
{
    if (model == NULL || tokens_out == NULL || count_out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "model, tokens_out or count_out: NULL");
    *tokens_out = NULL;
    *count_out = 0;
    amphi_tokens tokens = {NULL, 0, 0};
    amphi_status status =
        amphi__tokenizer_encode(model->tokenizer, text, parse_special, NULL, &tokens, error);
    if (status != AMPHI_OK) {
        amphi__tokens_clear(&tokens);
        return status;
    }
    *tokens_out = tokens.data;
    *count_out = tokens.size;
    return AMPHI_OK;
}

void amphi_model_tokens_free(int32_t *tokens)
{
    amphi__free(tokens);
}

/* Some tokenizers put a blank before a text when they encode it. */
static void drop_added_blank(const amphi_tokenizer *tokenizer, amphi_buf *text)
{
    if (amphi__tokenizer_adds_space(tokenizer) && text->size > 0 && text->data[0] == ' ')
        amphi__buf_consume(text, 1);
}

amphi_status amphi_model_detokenize(amphi_model *model, const int32_t *tokens, size_t count,
    char **text_out, size_t *size_out, amphi_error *error)
{
    if (model == NULL || text_out == NULL || (tokens == NULL && count > 0))
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "model, tokens or text_out: NULL");
    *text_out = NULL;
    amphi_buf text;
    amphi__buf_init(&text, 0);
    uint32_t limit = amphi__tokenizer_size(model->tokenizer);
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; i < count && status == AMPHI_OK; i++) {
        char scratch[8];
        if (tokens[i] < 0 || (uint32_t)tokens[i] >= limit) {
            status = amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "tokens: an id lies outside the vocabulary of %u", limit);
            goto cleanup;
        }
        amphi_str piece = amphi__tokenizer_piece(model->tokenizer, tokens[i], false, scratch);
        status = amphi__buf_append_str(&text, piece);
    }
    if (status != AMPHI_OK) {
        status = amphi__fail_grown(error, status, "the text is too long");
        goto cleanup;
    }
    drop_added_blank(model->tokenizer, &text);
    size_t size = text.size;
    *text_out = amphi__buf_take(&text);
    if (*text_out == NULL)
        status = amphi__fail_no_memory(error);
    else if (size_out != NULL)
        *size_out = size;
cleanup:
    amphi__buf_clear(&text);
    return status;
}

amphi_status amphi_model_logits(amphi_model *model, const int32_t *tokens, size_t count, bool reset,
    bool all, float *logits, amphi_error *error)
{
    if (model == NULL || tokens == NULL || count == 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "model or tokens: missing");
    if (model->llm == NULL)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "model: it was opened for its vocabulary only");
    if (reset)
        amphi__llm_truncate(model->llm, 0);
    return amphi__llm_eval(model->llm, tokens, count, all, logits, NULL, error);
}

/* --- templates --- */

/* "2026-01-02T03:04:05" as seconds of civil time; empty: now, in this machine's time zone. */
static bool parse_now(amphi_str now_iso, int64_t *out)
{
    struct tm when;
    memset(&when, 0, sizeof when);
    if (now_iso.size == 0) {
        time_t now = (time_t)(amphi__clock_wall_ms(NULL) / 1000);
        if (localtime_r(&now, &when) == NULL)
            return false;
        *out = (int64_t)timegm(&when);
        return true;
    }
    char text[40];
    if (now_iso.size >= sizeof text)
        return false;
    memcpy(text, now_iso.data, now_iso.size);
    text[now_iso.size] = '\0';
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &when);
    if (end == NULL)
        end = strptime(text, "%Y-%m-%d", &when);
    if (end == NULL || (*end != '\0' && *end != 'Z' && *end != '.'))
        return false;
    *out = (int64_t)timegm(&when);
    return true;
}

static amphi_status compile_own(amphi_model *model, amphi_error *error)
{
    if (model->tmpl != NULL)
        return AMPHI_OK;
    amphi_str source = {NULL, 0};
    if (!amphi__gguf_str(model->gguf, "tokenizer.chat_template", &source))
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "model file: it has no chat template");
    return amphi__template_new(&model->tmpl, source, error);
}

static amphi_status parse_json(
    amphi_json **out, amphi_str text, amphi_json_kind kind, const char *what, amphi_error *error)
{
    if (text.size == 0)
        return AMPHI_OK;
    amphi_status status = amphi__json_parse(out, text, what, error);
    if (status == AMPHI_OK && amphi__json_kind(*out) != kind)
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s: not %s", what,
            kind == AMPHI_JSON_ARRAY ? "an array" : "an object");
    return status;
}

static amphi_str token_text(const amphi_tokenizer *tokenizer, int32_t token, char scratch[8])
{
    amphi_str none = {NULL, 0};
    return token < 0 ? none : amphi__tokenizer_piece(tokenizer, token, true, scratch);
}

amphi_status amphi_model_render(amphi_model *model, amphi_str template_text,
    amphi_str messages_json, amphi_str tools_json, amphi_str extra_json, amphi_str now_iso,
    bool add_generation_prompt, char **text_out, amphi_error *error)
{
    if ((model == NULL && template_text.size == 0) || text_out == NULL || messages_json.size == 0)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "model or template_text, messages_json, text_out: missing");
    *text_out = NULL;
    char scratch[2][8];
    amphi_json *messages = NULL;
    amphi_json *tools = NULL;
    amphi_json *extra = NULL;
    amphi_template *argument = NULL;
    amphi_template_input input = {.add_generation_prompt = add_generation_prompt};
    amphi_buf text;
    amphi__buf_init(&text, RENDER_BYTES_MAX);
    bool has_argument = template_text.size > 0;
    amphi_status status = has_argument ? amphi__template_new(&argument, template_text, error)
                                       : compile_own(model, error);
    if (status == AMPHI_OK)
        status = parse_json(&messages, messages_json, AMPHI_JSON_ARRAY, "messages_json", error);
    if (status == AMPHI_OK)
        status = parse_json(&tools, tools_json, AMPHI_JSON_ARRAY, "tools_json", error);
    if (status == AMPHI_OK)
        status = parse_json(&extra, extra_json, AMPHI_JSON_OBJECT, "extra_json", error);
    if (status == AMPHI_OK && !parse_now(now_iso, &input.now_s))
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "now_iso: not like 2026-01-02T03:04:05");
    if (status != AMPHI_OK)
        goto cleanup;
    input.messages = messages;
    input.tools = tools;
    input.extra = extra;
    if (model != NULL) { /* without a model, extra_json may hold these tokens */
        input.bos_token =
            token_text(model->tokenizer, amphi__tokenizer_bos(model->tokenizer), scratch[0]);
        input.eos_token =
            token_text(model->tokenizer, amphi__tokenizer_eos(model->tokenizer), scratch[1]);
    }
    status = amphi__template_render(has_argument ? argument : model->tmpl, &input, &text, error);
    if (status != AMPHI_OK)
        goto cleanup;
    *text_out = amphi__buf_take(&text);
    if (*text_out == NULL)
        status = amphi__fail_no_memory(error);
cleanup:
    amphi__buf_clear(&text);
    amphi__template_free(argument);
    amphi__json_free(messages);
    amphi__json_free(tools);
    amphi__json_free(extra);
    return status;
}

/* --- inspect --- */

static int64_t clamp_int(uint64_t value)
{
    return value > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* How many tensors of each type, and all elements together. */
static uint64_t put_types(const amphi_gguf *gguf, amphi_json_writer *writer)
{
    uint64_t counts[AMPHI_WEIGHT_TYPE_LIMIT] = {0};
    uint64_t elements = 0;
    for (size_t i = 0; i < amphi__gguf_tensors_count(gguf); i++) {
        const amphi_gguf_tensor *tensor = amphi__gguf_tensor_at(gguf, i);
        counts[tensor->type]++;
        elements += tensor->dims[0] * tensor->dims[1] * tensor->dims[2] * tensor->dims[3];
    }
    amphi__json_open(writer, "types", '{');
    for (uint32_t type = 0; type < AMPHI_WEIGHT_TYPE_LIMIT; type++)
        if (counts[type] > 0)
            amphi__json_put_int(writer, amphi__weight_info(type)->name, clamp_int(counts[type]));
    amphi__json_close(writer, '}');
    return elements;
}

static void put_memory(const amphi_memory_need *need, uint32_t context, amphi_json_writer *writer)
{
    uint64_t kv = need->kv_bytes_per_token * context;
    amphi__json_open(writer, "memory", '{');
    amphi__json_put_int(writer, "weight_bytes", clamp_int(need->weights_bytes));
    amphi__json_put_int(writer, "kv_bytes_per_token", clamp_int(need->kv_bytes_per_token));
    amphi__json_put_int(writer, "context_tokens", context);
    amphi__json_put_int(writer, "kv_bytes", clamp_int(kv));
    amphi__json_put_int(writer, "scratch_bytes", clamp_int(need->scratch_bytes));
    amphi__json_put_int(
        writer, "total_bytes", clamp_int(need->weights_bytes + kv + need->scratch_bytes));
    amphi__json_close(writer, '}');
}

static void put_all(
    amphi_model *model, const amphi_memory_need *need, bool runs, amphi_json_writer *writer)
{
    amphi_str family = {NULL, 0};
    amphi_str name = {NULL, 0};
    amphi_str chat = {NULL, 0};
    (void)amphi__gguf_str(model->gguf, "general.architecture", &family);
    (void)amphi__gguf_str(model->gguf, "general.name", &name);
    bool has_template = amphi__gguf_str(model->gguf, "tokenizer.chat_template", &chat);
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "family", family);
    amphi__json_put_str(writer, "name", name);
    uint64_t elements = put_types(model->gguf, writer);
    amphi__json_put_int(writer, "parameters", clamp_int(elements));
    amphi__json_put_int(writer, "file_bytes", clamp_int(amphi__gguf_file_size(model->gguf)));
    amphi__json_put_int(writer, "weight_bytes", clamp_int(need->weights_bytes));
    if (runs)
        amphi__json_put_int(writer, "context_tokens_max", need->context_tokens_max);
    amphi__json_put_int(writer, "vocabulary", amphi_model_vocabulary_size(model));
    amphi__json_put_str(
        writer, "tokenizer", amphi_str_from(amphi__tokenizer_kind(model->tokenizer)));
    amphi__json_put_bool(writer, "template", has_template);
    if (model->llm != NULL)
        amphi__json_put_str(writer, "kernels", amphi_str_from(amphi__llm_kernels(model->llm)));
    if (runs) {
        uint32_t context = need->context_tokens_max < 4096 ? need->context_tokens_max : 4096;
        put_memory(
            need, model->llm != NULL ? amphi__llm_context_size(model->llm) : context, writer);
    }
    amphi__json_close(writer, '}');
}

amphi_status amphi_model_inspect(amphi_model *model, char **json_out, amphi_error *error)
{
    if (model == NULL || json_out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "model or json_out: NULL");
    *json_out = NULL;
    amphi_memory_need need;
    amphi_buf out;
    amphi_json_writer writer;
    /* A file with a vocabulary only has no memory figures, which is not a failure. */
    bool runs = amphi__memory_need_read(&need, model->gguf, NULL) == AMPHI_OK;
    amphi__buf_init(&out, INSPECT_BYTES_MAX);
    amphi__json_writer_init(&writer, &out);
    put_all(model, &need, runs, &writer);
    amphi_status status = out.status;
    if (status == AMPHI_OK && (*json_out = amphi__buf_take(&out)) == NULL)
        status = AMPHI_E_NO_MEMORY;
    amphi__buf_clear(&out);
    return amphi__fail_grown(error, status, "the description did not fit");
}
