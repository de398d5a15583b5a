/* SPDX-License-Identifier: Apache-2.0
 *
 * The local engine on a thread of the app, for where processes are forbidden (iOS) or unwanted. The
 * same code as in the engine process, without its walls: a fault of the engine is a fault of the
 * app. What is left is a record of it: a breadcrumb for the next launch (breadcrumb.h).
 */
#ifndef AMPHI_LOCAL_THREAD_ENGINE_H
#define AMPHI_LOCAL_THREAD_ENGINE_H

#include "local/local.h"

amphi_status amphi__thread_engine_new(
    amphi_engine *out, const amphi_local_options *options, amphi_error *error);

#endif
