/* SPDX-License-Identifier: Apache-2.0
 *
 * The matrix of `./dev test --fault`: how an engine process ends, when, and what the cloud is like
 * at that moment. Three files stand on it: the process that breaks from inside (fault_worker.c),
 * the runs in one app (fault_app.c), and the driver that starts apps and counts (driver.c).
 */
#ifndef AMPHI_TESTS_FAULT_H
#define AMPHI_TESTS_FAULT_H

#include <amphi/ext/engine.h>

typedef enum fault_kind {
    FAULT_SEGV,
    FAULT_BUS,
    FAULT_ABRT,
    FAULT_ILL,
    FAULT_FPE,
    FAULT_KILL,
    FAULT_HANG,
    FAULT_OUTSIDE_KINDS, /* those above can be done to a process from outside */
    FAULT_STACK = FAULT_OUTSIDE_KINDS,
    FAULT_MEMORY,
    FAULT_GARBAGE,
    FAULT_KINDS
} fault_kind;

typedef enum fault_phase {
    FAULT_AT_SPAWN,
    FAULT_AT_LOAD,
    FAULT_AT_PREFILL,
    FAULT_AT_FIRST_TOKEN,
    FAULT_AT_MIDDLE,
    FAULT_AT_LAST_TOKEN,
    FAULT_AFTER_LAST,
    FAULT_PHASES
} fault_phase;

typedef enum fault_cloud {
    FAULT_CLOUD_OK,
    FAULT_CLOUD_SLOW,
    FAULT_CLOUD_500,
    FAULT_CLOUD_OFFLINE,
    FAULT_CLOUDS
} fault_cloud;

extern const char *const fault_kind_names[FAULT_KINDS];
extern const char *const fault_phase_names[FAULT_PHASES];
extern const char *const fault_cloud_names[FAULT_CLOUDS];

typedef struct fault_run {
    uint8_t kind, phase, cloud;
    bool real; /* the real worker, from outside; else the scripted one, from inside */
} fault_run;

/* What the engine process was at when it died, as the app saw it. */
typedef enum fault_seen {
    FAULT_SEEN_NO_DEATH,
    FAULT_SEEN_START, /* before the model's header was known */
    FAULT_SEEN_LOAD,
    FAULT_SEEN_PREFILL,
    FAULT_SEEN_TOKEN,
    FAULT_SEEN_OTHER
} fault_seen;

/* What one run showed. */
typedef struct fault_result {
    uint32_t run;   /* its number */
    uint8_t seen;   /* fault_seen */
    bool struck;    /* real: there was a process to send the signal to */
    bool kept;      /* every promise */
    bool took_over; /* another route went on or began again */
    bool whole;     /* DONE, not ERROR */
    uint32_t total_ms;
    char broken[256]; /* the first promise that was not kept */
} fault_result;

/* What a run of this phase has to show, or else it was no such run. */
fault_seen fault_seen_of(fault_phase phase);

/* The words of the scripted worker. */
#define FAULT_WORDS      24
#define FAULT_WORD_BYTES 7 /* "word00 " */

/* fault_app.c: an app with one client does these runs and reports each to out_fd; then it looks for
 * what was left behind. Returns the exit status: 0 when nothing was. */
int fault_app(
    const fault_run *runs, uint32_t from, uint32_t step, uint32_t count, bool real, int out_fd);

/* fault_worker.c: when this process is an engine process, plays and never returns. */
void fault_worker_main(int argc, char **argv);
/* A local engine that plays "KIND@PHASE" scripts; the text into its model file. NULL text: just
 * another file with the same content. false: the machine's fault. */
bool fault_scripted_engine(amphi_engine *out, char model[256]);
bool fault_write_script(const char *model, const char *text);

/* fault_cloud.c */
const amphi_engine *fault_cloud_engine(void);
void fault_cloud_set(fault_cloud state, const char *answer);

#endif
