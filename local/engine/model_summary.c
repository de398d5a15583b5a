/* SPDX-License-Identifier: Apache-2.0
 *
 * The metadata keys are those of the GGUF format, but for amphi.scope, which is ours.
 */
#include "local/engine/model_summary.h"

#include "sdk/core/str.h"

amphi_status amphi__model_summary_read(
    amphi_model_summary *out, const amphi_gguf *gguf, amphi_error *error)
{
    memset(out, 0, sizeof *out);
    amphi_status status = amphi__memory_need_read(&out->need, gguf, error);
    if (status != AMPHI_OK)
        return status;
    amphi_str source;
    out->has_tools = amphi__gguf_str(gguf, "tokenizer.chat_template", &source) &&
                     amphi__str_find(source, AMPHI_STR("tools")) != SIZE_MAX;
    amphi_str scope;
    if (amphi__gguf_str(gguf, "amphi.scope", &scope) && amphi__str_equal_c(scope, "help"))
        out->scope = AMPHI_SCOPE_HELP;
    amphi_str name;
    if (!amphi__gguf_str(gguf, "general.name", &name) || name.size == 0)
        name = amphi_str_from(out->need.family);
    amphi__str_copy_to(out->name, sizeof out->name, name);
    return AMPHI_OK;
}
