/* SPDX-License-Identifier: Apache-2.0
 *
 * A sink that records everything an engine's run reports, in order of kind, for tests to wait on.
 */
#ifndef AMPHI_TESTS_ENGINE_RECORDER_H
#define AMPHI_TESTS_ENGINE_RECORDER_H

#include "sdk/core/buf.h"
#include "sdk/core/thread.h"

#include <amphi/ext/engine.h>

typedef struct engine_recorder {
    amphi_mutex mutex;
    amphi_cond changed;
    amphi_buf text;
    amphi_buf reasoning;
    amphi_buf tool_calls; /* each event's array, with an LF behind it */
    amphi_buf logprobs;   /* of each TEXT that has some: text, its array, an LF */
    amphi_buf model;
    amphi_buf extra;   /* each EXTRA, with an LF behind it */
    amphi_buf learned; /* the last LEARNED */
    unsigned alive;
    int confidences; /* CONFIDENCE events, and the last one's */
    uint32_t confidence_permille;
    bool confidence_is_final;
    char judge[16];
    unsigned texts;
    unsigned progress;
    unsigned usages;
    amphi_usage usage;
    unsigned terminals;
    unsigned after_terminal; /* events that should not have come */
    uint64_t terminal_us;    /* when the first one came */
    bool finished;           /* by FINISH, not by FAIL */
    amphi_finish finish;
    amphi_error error; /* of FAIL, as the following */
    bool prefix_refused, from_outside, out_of_memory;
    bool has_provider;
    amphi_provider_error provider;
    amphi_tristate should_retry;
    uint64_t bytes_sent; /* of the last event, as the following */
    uint64_t bytes_received;
} engine_recorder;

void engine_recorder_init(engine_recorder *recorder);
void engine_recorder_clear(engine_recorder *recorder);
void engine_recorder_reset(engine_recorder *recorder); /* for the next answer */

/* Any thread. */
amphi_engine_sink engine_recorder_sink(engine_recorder *recorder);

/* false: no FINISH or FAIL came within timeout_ms. */
bool engine_recorder_wait_end(engine_recorder *recorder, unsigned timeout_ms);
/* false: so much text did not come, within timeout_ms or before the end. */
bool engine_recorder_wait_text(engine_recorder *recorder, size_t bytes, unsigned timeout_ms);

/* Everything as one text, to compare two records by. */
void engine_recorder_write(const engine_recorder *recorder, amphi_buf *out);

/* Starts body on the engine, reporting to the recorder. */
amphi_status engine_start(amphi_engine engine, amphi_engine_run **out, engine_recorder *recorder,
    const char *body, const char *prefix, float tokens_per_second);

#endif
