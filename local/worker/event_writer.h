/* SPDX-License-Identifier: Apache-2.0
 *
 * From the worker to its parent: what the engine reports goes into the ring of events and onto the
 * control page.
 */
#ifndef AMPHI_WORKER_EVENT_WRITER_H
#define AMPHI_WORKER_EVENT_WRITER_H

#include "local/engine/inference.h"
#include "local/worker/protocol.h"

typedef struct amphi_event_writer {
    amphi_worker_control *control;
    amphi_ring events;
    uint32_t run; /* of the answer that is being made */
} amphi_event_writer;

/* One event; `more` follows behind `data`. Waits while the ring is full. */
void amphi__event_write(amphi_event_writer *writer, amphi_worker_event kind, const void *data,
    size_t size, amphi_str more);
/* The engine's reports as events of writer->run. */
amphi_inference_sink amphi__event_writer_sink(amphi_event_writer *writer);

#endif
