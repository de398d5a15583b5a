/* SPDX-License-Identifier: Apache-2.0
 *
 * An engine process that follows a script instead of a model: the test program starts itself as
 * the worker (its main() calls scripted_worker_main first), and the "model file" holds the name of
 * the script. So the parent's side is tested with every behaviour that a real or a hostile worker
 * could show, without any model.
 */
#ifndef AMPHI_TESTS_SCRIPTED_WORKER_H
#define AMPHI_TESTS_SCRIPTED_WORKER_H

#include "local/worker/protocol.h"

#include <amphi/ext/engine.h>

/* What a script may use: its end of the shared memory. */
typedef struct scripted_worker {
    amphi_worker_control *control;
    amphi_ring requests;
    amphi_ring events;
    uint8_t *request;
    size_t request_size;
} scripted_worker;

void scripted_send(scripted_worker *worker, uint32_t kind, const void *data, size_t size);
void scripted_text(scripted_worker *worker, uint32_t run, const char *text);
void scripted_finish(scripted_worker *worker, uint32_t run, uint32_t finish);
/* Wakes the parent without a frame. */
void scripted_wake(void);
/* Waits for a request; its kind. */
uint32_t scripted_wait(scripted_worker *worker);

/* One behaviour. The steps: "hello", "described", "ready", then "run" at each GENERATE and
 * "count" at each COUNT; a script that returns false leaves the step to the usual answer. */
typedef bool scripted_step(
    scripted_worker *worker, const char *script, const char *step, uint32_t run);

/* When this process is a worker (argv[0] says so), plays the script and never returns. */
void scripted_worker_main(int argc, char **argv, scripted_step *step);

/* A local engine whose worker plays `script`; its model file is made below $TMPDIR and is removed
 * with scripted_engine_free. stall_ms: for every phase, 0 the defaults. */
typedef struct scripted_engine {
    amphi_engine engine;
    char model[256];
} scripted_engine;

bool scripted_engine_new(scripted_engine *out, const char *script, unsigned stall_ms);
void scripted_engine_free(scripted_engine *engine);

#endif
