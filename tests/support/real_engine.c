/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine of real_engine.h. ctest names the worker in AMPHI_WORKER.
 */
#include "tests/support/real_engine.h"

#include "local/local.h"

#include <stdio.h>
#include <unistd.h>

bool real_engine_new(amphi_engine *out, const char *model)
{
    const char *path = strcmp(model, "stories") == 0
                           ? "../shared/vectors/models/stories260K-f32.gguf"
                           : "local/models/amphi-help.gguf";
    amphi_local_options options;
    amphi_error error;

    if (access(path, R_OK) != 0) {
        printf("skipped: %s is not here\n", path);
        return false;
    }
    memset(&options, 0, sizeof options);
    options.model_path = amphi_str_from(path);
    options.threads = 2;
    options.context_tokens_max = 512;
    if (amphi__local_engine_new(out, &options, &error) != AMPHI_OK) {
        printf("no engine: %s\n", error.message);
        return false;
    }
    return true;
}
