/* SPDX-License-Identifier: Apache-2.0
 *
 * How the engine's code reports, wherever it runs: in its own process (worker_main.c: through the
 * ring) or on a thread of the app (local/thread_engine.c: to the run's sink).
 */
#include "local/engine/engine.h"

void amphi__child_beat(amphi_child *child, amphi_worker_phase phase)
{
    atomic_store_explicit(&child->control->phase, phase, memory_order_relaxed);
    atomic_fetch_add_explicit(&child->control->heartbeat, 1, memory_order_relaxed);
}

void amphi__child_send(
    amphi_child *child, amphi_worker_event kind, const void *data, size_t size, amphi_str more)
{
    child->send(child, kind, data, size, more);
}
