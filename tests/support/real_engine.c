/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine of real_engine.h. ctest names the worker in AMPHI_WORKER.
 */
#include "tests/support/real_engine.h"

#include "local/local.h"
#include "tests/support/scratch_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *path_of(const char *model)
{
    return strcmp(model, "stories") == 0 ? "../shared/vectors/models/stories260K-f32.gguf"
                                         : "local/models/amphi-help.gguf";
}

static bool open_engine(amphi_engine *out, const char *path)
{
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

bool real_engine_new(amphi_engine *out, const char *model)
{
    return open_engine(out, path_of(model));
}

bool real_engine_copy_new(amphi_engine *out, const char *model, const char *copy)
{
    size_t size = 0;
    char *data = access(path_of(model), R_OK) == 0 ? scratch_read(path_of(model), &size) : NULL;

    if (data == NULL) {
        printf("skipped: %s is not here\n", path_of(model));
        return false;
    }
    scratch_write(copy, data, size, 0600);
    free(data);
    return open_engine(out, copy);
}
