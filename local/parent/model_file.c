/* SPDX-License-Identifier: Apache-2.0
 *
 * The model file as the parent sees it: which file it is, and how errors name it.
 */
#include "local/parent/supervisor.h"

#include "sdk/core/error.h"

#include <errno.h>
#include <sys/stat.h>

void amphi__model_line(
    const amphi_local *local, const char *what, char out[AMPHI_WORKER_MESSAGE_MAX])
{
    static const char said_already[] = "model file: ";
    size_t size = strlen(local->model_path);
    const size_t shown_max = 72;
    bool cut = size > shown_max;
    const char *shown = cut ? local->model_path + size - shown_max : local->model_path;
    int begun = snprintf(out, AMPHI_WORKER_MESSAGE_MAX, "model %s%.72s: ", cut ? "..." : "", shown);
    if (strncmp(what, said_already, sizeof said_already - 1) == 0)
        what += sizeof said_already - 1;
    snprintf(out + begun, (size_t)(AMPHI_WORKER_MESSAGE_MAX - begun), "%s", what);
}

amphi_status amphi__model_key(const amphi_local *local, amphi_file_key *out, amphi_error *error)
{
    memset(out, 0, sizeof *out);
    if (local->model_path[0] == '\0') {
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "no model: none was given and the embedded one is not installed");
    }
    const char *what = NULL;
    struct stat info;
    if (stat(local->model_path, &info) != 0) {
        what = errno == ENOENT || errno == ENOTDIR ? "no such file"
               : errno == EACCES                   ? "permission denied"
                                                   : "can't be read";
    } else if (!S_ISREG(info.st_mode)) {
        what = "not a regular file";
    }
    char line[AMPHI_WORKER_MESSAGE_MAX];
    if (what != NULL) {
        amphi__model_line(local, what, line);
        return amphi__fail(error, AMPHI_E_NOT_FOUND, errno, "%s", line);
    }
    amphi__file_key_of(&info, out);
    return AMPHI_OK;
}
