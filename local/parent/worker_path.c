/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the worker program and the embedded model are: where the environment points, then beside
 * the running program and the library (a build folder, an unpacked archive, an installed prefix
 * that was moved), then where CMake installed them.
 */
#include "local/local.h"
#include "local/parent/supervisor.h"
#include "sdk/core/error.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

/* Relative to the folder of the program or of the library. */
static const char *const worker_places[] = {
    "amphi-worker", "../libexec/amphi/amphi-worker", "../bin/amphi-worker"};
static const char *const model_places[] = {
    "../share/amphi/amphi-help.gguf", "amphi-help.gguf", "../share/amphi-help.gguf"};

enum { PLACES = 3 };

/* The folder of the running program (library: of this code), without a slash at its end. */
static bool own_folder(bool library, char *out, size_t capacity)
{
    if (library) {
        Dl_info info;
        char *real = NULL;
        if (dladdr((const void *)worker_places, &info) != 0 && info.dli_fname != NULL)
            real = realpath(info.dli_fname, NULL);
        snprintf(out, capacity, "%s", real != NULL ? real : "");
        free(real);
    } else {
        ssize_t size = readlink("/proc/self/exe", out, capacity - 1);

        if (size <= 0)
            return false;
        out[size] = '\0';
    }
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    return true;
}

static bool is_usable(const char *path, int mode)
{
    return path[0] != '\0' && access(path, mode) == 0;
}

static bool set(char *out, size_t capacity, const char *path)
{
    int size = snprintf(out, capacity, "%s", path);
    return size > 0 && (size_t)size < capacity;
}

/* Near us, or installed. */
static bool locate(
    char *out, size_t capacity, const char *const *places, const char *installed, int mode)
{
    char folder[AMPHI_LOCAL_PATH_MAX / 2];
    char path[AMPHI_LOCAL_PATH_MAX];
    for (int library = 0; library < 2; library++) {
        if (!own_folder(library != 0, folder, sizeof folder))
            continue;
        for (int i = 0; i < PLACES; i++) {
            snprintf(path, sizeof path, "%s/%s", folder, places[i]);
            if (is_usable(path, mode))
                return set(out, capacity, path);
        }
    }
    return is_usable(installed, mode) && set(out, capacity, installed);
}

/* What the environment names is used, or none. NULL: it names nothing. */
static const char *named_in(const char *variable)
{
    const char *path = getenv(variable);
    return path != NULL && path[0] != '\0' ? path : NULL;
}

amphi_status amphi__local_worker_path(char *out, size_t capacity, amphi_error *error)
{
    const char *named = named_in("AMPHI_WORKER");
    if (named != NULL ? !set(out, capacity, named)
                      : !locate(out, capacity, worker_places, AMPHI_INSTALLED_WORKER, X_OK)) {
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "the engine process amphi-worker was not found beside the program or the library; "
            "reinstall, or name it in AMPHI_WORKER");
    }
    return AMPHI_OK;
}

amphi_status amphi__local_help_model(char *out, size_t capacity)
{
    if (capacity == 0)
        return AMPHI_E_ARGUMENT;
    out[0] = '\0';
    if (locate(out, capacity, model_places, AMPHI_INSTALLED_MODEL, R_OK))
        return AMPHI_OK;
    out[0] = '\0';
    return AMPHI_E_NOT_FOUND;
}

amphi_status amphi__local_default_model(char *out, size_t capacity, bool *is_named)
{
    const char *named = named_in("AMPHI_MODEL");
    if (is_named != NULL)
        *is_named = named != NULL;
    if (named == NULL || capacity == 0)
        return amphi__local_help_model(out, capacity);
    if (set(out, capacity, named))
        return AMPHI_OK;
    out[0] = '\0';
    return AMPHI_E_NOT_FOUND;
}
