/* SPDX-License-Identifier: Apache-2.0
 *
 * The front of the on-device engine: completes the app's options, chooses between the engine in a
 * process of its own (process_engine.c) and the one on a thread of the app (thread_engine.c), and
 * words the report about the worker's cage.
 */
#include "local/local.h"

#include "local/limits.h"
#include "local/process_engine.h"
#include "local/run.h"
#include "local/thread_engine.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>
#include <string.h>

static amphi_status check_path(amphi_str path, const char *field, amphi_error *error)
{
    if (path.size < AMPHI_LOCAL_PATH_MAX)
        return AMPHI_OK;
    return amphi__fail(
        error, AMPHI_E_ARGUMENT, 0, "%s: longer than %d bytes", field, AMPHI_LOCAL_PATH_MAX - 1);
}

static amphi_status check_paths(const amphi_local_options *options, amphi_error *error)
{
    amphi_status status = check_path(options->model_path, "model_path", error);
    if (status == AMPHI_OK)
        status = check_path(options->worker_path, "worker_path", error);
    if (status == AMPHI_OK)
        status = check_path(options->breadcrumb_path, "breadcrumb_path", error);
    return status;
}

amphi_status amphi__local_engine_new(
    amphi_engine *out, const amphi_local_options *options, amphi_error *error)
{
    memset(out, 0, sizeof *out);
    amphi_status status = check_paths(options, error);
    if (status != AMPHI_OK)
        return status;
    amphi_local_options complete = *options;
    char default_model[AMPHI_LOCAL_PATH_MAX];
    /* Where there is none, the path stays empty, and describe() reports it. */
    complete.is_named = true;
    if (complete.model_path.size == 0)
        (void)amphi__local_default_model(default_model, sizeof default_model, &complete.is_named);
    else if (amphi__str_equal_c(complete.model_path, "amphi-help"))
        (void)amphi__local_help_model(default_model, sizeof default_model);
    else
        amphi__str_copy_to(default_model, sizeof default_model, complete.model_path);
    complete.model_path = amphi_str_from(default_model);
    if (complete.threads == 0)
        complete.threads = amphi__threads_default();
    if (complete.context_tokens_max == 0)
        complete.context_tokens_max = AMPHI_LOCAL_CONTEXT_DEFAULT;
    return complete.isolation == AMPHI_ISOLATION_THREAD
               ? amphi__thread_engine_new(out, &complete, error)
               : amphi__process_engine_new(out, &complete, error);
}

/* In the order of the bits. */
static const char *const cage_parts[] = {"no-new-privileges", "seccomp", "memory limit",
    "core dump limit", "file limit", "death with the parent", "no-dump mark", "OOM score"};

amphi_status amphi__local_cage(const amphi_engine *engine, char *out, size_t capacity)
{
    uint32_t missing = 0;
    if (capacity == 0)
        return AMPHI_E_ARGUMENT;
    out[0] = '\0';
    amphi_status status = amphi__process_engine_cage(engine, &missing);
    size_t size = 0;
    for (size_t i = 0; i < sizeof cage_parts / sizeof cage_parts[0]; i++)
        if ((missing >> i & 1) != 0 && size < capacity)
            size += (size_t)snprintf(
                out + size, capacity - size, "%s%s", size > 0 ? ", " : "", cage_parts[i]);
    return status;
}
