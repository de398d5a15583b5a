/* SPDX-License-Identifier: Apache-2.0
 *
 * One line to the app's log function. No user data, no keys, no prompts.
 */
#ifndef AMPHI_CORE_LOG_H
#define AMPHI_CORE_LOG_H

#include <amphi/client.h>

enum { AMPHI_LOG_ERROR = 0, AMPHI_LOG_WARNING = 1, AMPHI_LOG_INFO = 2, AMPHI_LOG_DEBUG = 3 };

typedef struct amphi_log {
    amphi_log_fn *fn; /* NULL: nothing is logged */
    void *user;
} amphi_log;

void amphi__log(const amphi_log *log, int level, const char *format, ...) AMPHI_PRINTF(3, 4);

#endif
