/* SPDX-License-Identifier: Apache-2.0
 *
 * No on-device engine (AMPHI_LOCAL=none): an engine that describes itself as unavailable, so that
 * the policy needs no special case. The calls of <amphi/model.h> answer AMPHI_E_UNSUPPORTED.
 */
#include "local/local.h"

#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#include <amphi/model.h>

#include <stdio.h>

static const char why[] = "this build has no local engine (AMPHI_LOCAL=none)";

static amphi_status unsupported(amphi_error *error)
{
    return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "%s", why);
}

static void none_describe(void *self, amphi_engine_info *out)
{
    amphi_engine_info own;
    amphi_engine_info_init(&own);
    own.kind = AMPHI_ENGINE_LOCAL;
    own.prefix = AMPHI_NO;
    snprintf(own.name, sizeof own.name, "local");
    snprintf(own.why, sizeof own.why, "%s", why);
    AMPHI__SIZED_WRITE(out, &own);
}

static amphi_status none_start(void *self, amphi_engine_run **out,
    const amphi_engine_request *request, const amphi_engine_sink *sink, amphi_error *error)
{
    *out = NULL;
    return unsupported(error);
}

/* Never called: no run was ever started. */
static void none_run(void *self, amphi_engine_run *run)
{
}

static void none_free(void *self)
{
}

static const amphi_engine_ops none_ops = {
    .struct_size = sizeof(amphi_engine_ops),
    .name = "local",
    .describe = none_describe,
    .start = none_start,
    .cancel = none_run,
    .release = none_run,
    .free = none_free,
};

amphi_status amphi__local_engine_new(
    amphi_engine *out, const amphi_local_options *options, amphi_error *error)
{
    out->ops = &none_ops;
    out->self = NULL;
    return AMPHI_OK;
}

amphi_status amphi__local_cage(const amphi_engine *engine, char *out, size_t capacity)
{
    if (capacity > 0)
        out[0] = '\0';
    return AMPHI_E_NOT_FOUND;
}

amphi_status amphi__local_help_model(char *out, size_t capacity)
{
    if (capacity > 0)
        out[0] = '\0';
    return AMPHI_E_NOT_FOUND;
}

amphi_status amphi__local_default_model(char *out, size_t capacity, bool *is_named)
{
    if (is_named != NULL)
        *is_named = false;
    return amphi__local_help_model(out, capacity);
}

amphi_status amphi_model_open(
    amphi_model **out, amphi_str path, const amphi_model_options *options, amphi_error *error)
{
    *out = NULL;
    return unsupported(error);
}

void amphi_model_free(amphi_model *model)
{
}

uint32_t amphi_model_vocabulary_size(const amphi_model *model)
{
    return 0;
}

amphi_status amphi_model_tokenize(amphi_model *model, amphi_str text, bool parse_special,
    int32_t **tokens_out, size_t *count_out, amphi_error *error)
{
    return unsupported(error);
}

void amphi_model_tokens_free(int32_t *tokens)
{
}

amphi_status amphi_model_detokenize(amphi_model *model, const int32_t *tokens, size_t count,
    char **text_out, size_t *size_out, amphi_error *error)
{
    return unsupported(error);
}

amphi_status amphi_model_logits(amphi_model *model, const int32_t *tokens, size_t count, bool reset,
    bool all, float *logits, amphi_error *error)
{
    return unsupported(error);
}

amphi_status amphi_model_render(amphi_model *model, amphi_str template_text,
    amphi_str messages_json, amphi_str tools_json, amphi_str extra_json, amphi_str now_iso,
    bool add_generation_prompt, char **text_out, amphi_error *error)
{
    return unsupported(error);
}

amphi_status amphi_model_inspect(amphi_model *model, char **json_out, amphi_error *error)
{
    return unsupported(error);
}

amphi_status amphi_model_head_train(
    char **report_out, const amphi_head_options *options, amphi_error *error)
{
    return unsupported(error);
}

amphi_status amphi_model_head_test(
    char **report_out, const amphi_head_options *options, amphi_error *error)
{
    return unsupported(error);
}

amphi_status amphi_model_quantize(amphi_str in, amphi_str out, amphi_str type,
    bool (*progress)(void *user, uint32_t permille), void *user, amphi_error *error)
{
    return unsupported(error);
}
