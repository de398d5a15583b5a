/* SPDX-License-Identifier: Apache-2.0
 *
 * What works on this machine, what is missing, and what to do about it.
 */
#ifndef AMPHI_DOCTOR_H
#define AMPHI_DOCTOR_H

#include <amphi/client.h>

AMPHI_BEGIN_DECLS

typedef enum amphi_finding_level {
    AMPHI_FINDING_OK = 0,
    AMPHI_FINDING_NOTE = 1, /* works, with less than it could have */
    AMPHI_FINDING_FAULT = 2 /* does not work */
} amphi_finding_level;

/* SIZED, handed out. */
typedef struct amphi_finding {
    size_t struct_size;
    amphi_finding_level level;
    amphi_str part;   /* "store", "local", "cloud work", "device", ... */
    amphi_str text;   /* what was found, one line */
    amphi_str remedy; /* what to do; empty when all is well */
} amphi_finding;

static inline void amphi_finding_init(amphi_finding *finding)
{
    memset(finding, 0, sizeof *finding);
    finding->struct_size = sizeof *finding;
}

typedef void amphi_finding_fn(void *user, const amphi_finding *finding);

/* Checks every part as these options would make it and reports what it finds, on the calling
 * thread; strings are valid for the call. Starts the local engine's process, sends nothing. */
AMPHI_API amphi_status amphi_doctor(
    const amphi_client_options *options, amphi_finding_fn *report, void *user, amphi_error *error);

/* Tries the key of every endpoint and reports what it may do, as part "key NAME": asks for the list
 * of models (GET /models), which costs nothing; where there is none, or `asks` is set, for one
 * token of an answer, if a model is configured. What the policy, the mode or a metered network
 * forbids is not sent: a note says so. Keys and tokens are in no text. AMPHI_E_REFUSED: the client
 * is private. Blocks, up to ten seconds for a list and for an answer that do not come. */
AMPHI_API amphi_status amphi_doctor_online(const amphi_client_options *options, bool asks,
    amphi_finding_fn *report, void *user, amphi_error *error);

AMPHI_END_DECLS

#endif
