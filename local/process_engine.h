/* SPDX-License-Identifier: Apache-2.0
 *
 * The local engine in a process of its own, the worker: its death is an event of the run that it
 * was working for, and the app goes on. Creating the engine reads nothing and starts nothing; the
 * worker starts when the engine is first described, prewarmed or used.
 */
#ifndef AMPHI_LOCAL_PROCESS_ENGINE_H
#define AMPHI_LOCAL_PROCESS_ENGINE_H

#include "local/local.h"

/* options: complete (local.c); limits may be 0. Everything is copied. */
amphi_status amphi__process_engine_new(
    amphi_engine *out, const amphi_local_options *options, amphi_error *error);

/* *missing: a bit per part of the worker's cage that this machine could not give (AMPHI_CAGE_... of
 * the protocol). AMPHI_E_NOT_FOUND: no worker was started yet. AMPHI_E_ARGUMENT: not an engine of
 * this file. */
amphi_status amphi__process_engine_cage(const amphi_engine *engine, uint32_t *missing);

#endif
