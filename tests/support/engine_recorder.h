/* SPDX-License-Identifier: Apache-2.0
 *
 * A sink that writes down what an engine's run reports, for any test to wait on and look at.
 */
#ifndef AMPHI_TESTS_ENGINE_RECORDER_H
#define AMPHI_TESTS_ENGINE_RECORDER_H

#include "sdk/core/buf.h"
#include "sdk/core/thread.h"

#include <amphi/ext/engine.h>

typedef struct engine_recorder {
    amphi_mutex lock;
    amphi_cond changed;
    amphi_buf text;
    unsigned texts, progress, terminals, after_terminal;
    bool finished;                    /* FINISH came, not FAIL */
    bool from_outside, out_of_memory; /* of FAIL */
    amphi_finish finish;
    amphi_usage usage;
    amphi_error error;
    uint64_t terminal_us; /* when it came */
    char model[AMPHI_NAME_MAX];
} engine_recorder;

void engine_recorder_init(engine_recorder *recorder);
void engine_recorder_clear(engine_recorder *recorder);
amphi_engine_sink engine_recorder_sink(engine_recorder *recorder);
/* false: it did not come within timeout_ms. */
bool engine_recorder_wait_end(engine_recorder *recorder, unsigned timeout_ms);
bool engine_recorder_wait_text(engine_recorder *recorder, size_t bytes, unsigned timeout_ms);

/* Starts body on the engine, reporting to the recorder. */
amphi_status engine_start(amphi_engine engine, amphi_engine_run **out, engine_recorder *recorder,
    const char *body, const char *prefix, float tokens_per_second);

/* Open descriptors of this process, and its children that are not collected yet. */
int count_descriptors(void);
int count_children(void);
/* The one child that runs, or 0. */
int only_child(void);

#endif
