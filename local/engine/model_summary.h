/* SPDX-License-Identifier: Apache-2.0
 *
 * What a model file's header says about it, before anything is loaded.
 */
#ifndef AMPHI_ENGINE_MODEL_SUMMARY_H
#define AMPHI_ENGINE_MODEL_SUMMARY_H

#include "local/graph/llm.h"
#include "local/graph/memory_need.h"

#include <amphi/ext/engine.h>

#define AMPHI_MODEL_SUMMARY_NAME_MAX 48

typedef struct amphi_model_summary {
    amphi_memory_need need;
    char name[AMPHI_MODEL_SUMMARY_NAME_MAX]; /* general.name, else the family's; cut */
    bool has_tools;                          /* its chat template knows them */
    amphi_model_scope scope;                 /* amphi.scope: "help"; CHAT where it says nothing */
} amphi_model_summary;

amphi_status amphi__model_summary_read(
    amphi_model_summary *out, const amphi_gguf *gguf, amphi_error *error);

#endif
