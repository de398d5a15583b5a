/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's sink over the ring and the control page.
 */
#include "local/worker/event_writer.h"

#include "local/text/logprobs_record.h"

#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(uint32_t) + AMPHI_LOCAL_PIECE_MAX <= AMPHI_WORKER_EVENT_MAX,
    "a run and a piece of its text are one event");
_Static_assert(sizeof(uint32_t) + AMPHI_LOGPROBS_RECORD_MAX <= AMPHI_WORKER_EVENT_MAX,
    "a run and a token's record are one event");

_Static_assert(sizeof(amphi_worker_state) + AMPHI_STATE_VALUES_MAX * sizeof(uint16_t) <=
                   AMPHI_WORKER_EVENT_MAX,
    "a hidden state is one event");

void amphi__event_write(amphi_event_writer *writer, amphi_worker_event kind, const void *data,
    size_t size, amphi_str more)
{
    const amphi_str parts[] = {amphi_str_make(data, size), more};
    const struct timespec pause = {.tv_nsec = 1000000};
    while (amphi__ring_write(&writer->events, kind, parts, 2) == AMPHI_E_BUSY)
        nanosleep(&pause, NULL); /* the parent reads all the time: this is rare */
    const uint64_t one = 1;
    ssize_t ignored = write(AMPHI_WORKER_FD_EVENTS, &one, sizeof one);
    (void)ignored; /* a full counter wakes as well */
}

static amphi_worker_phase phase_of(amphi_inference_phase phase)
{
    return phase == AMPHI_INFERENCE_LOAD      ? AMPHI_PHASE_LOAD
           : phase == AMPHI_INFERENCE_PREFILL ? AMPHI_PHASE_PREFILL
                                              : AMPHI_PHASE_TOKEN;
}

static void on_heartbeat(void *self, amphi_inference_phase phase)
{
    const amphi_event_writer *writer = self;
    atomic_store_explicit(&writer->control->phase, phase_of(phase), memory_order_relaxed);
    atomic_fetch_add_explicit(&writer->control->heartbeat, 1, memory_order_relaxed);
}

static void on_progress(void *self, amphi_inference_phase phase, uint32_t permille)
{
    const amphi_worker_progress progress = {.phase = phase_of(phase), .permille = permille};
    amphi__event_write(
        self, AMPHI_WORKER_PROGRESS, &progress, sizeof progress, amphi_str_make(NULL, 0));
}

static void write_run_event(amphi_event_writer *writer, amphi_worker_event kind, amphi_str payload)
{
    amphi__event_write(writer, kind, &writer->run, sizeof writer->run, payload);
}

static void on_text(void *self, amphi_str text)
{
    write_run_event(self, AMPHI_WORKER_TEXT, text);
}

static void on_reasoning(void *self, amphi_str text)
{
    write_run_event(self, AMPHI_WORKER_REASONING, text);
}

static void on_tool_call(void *self, amphi_str json)
{
    write_run_event(self, AMPHI_WORKER_TOOL_CALL, json);
}

static void on_logprobs(void *self, amphi_str record)
{
    write_run_event(self, AMPHI_WORKER_LOGPROBS, record);
}

static void on_state(void *self, uint32_t index, uint32_t depth, amphi_str halves)
{
    amphi_event_writer *writer = self;
    const amphi_worker_state state = {.run = writer->run, .index = index, .depth = depth};
    amphi__event_write(writer, AMPHI_WORKER_STATE, &state, sizeof state, halves);
}

static void on_certainty(void *self, uint32_t index, const amphi_certainty *certainty)
{
    amphi_event_writer *writer = self;
    const amphi_worker_certainty event = {.run = writer->run,
        .index = index,
        .entropy = certainty->entropy,
        .margin = certainty->margin,
        .top = certainty->top};
    amphi__event_write(
        writer, AMPHI_WORKER_CERTAINTY, &event, sizeof event, amphi_str_make(NULL, 0));
}

amphi_inference_sink amphi__event_writer_sink(amphi_event_writer *writer)
{
    return (amphi_inference_sink){.self = writer,
        .heartbeat = on_heartbeat,
        .progress = on_progress,
        .text = on_text,
        .reasoning = on_reasoning,
        .tool_call = on_tool_call,
        .logprobs = on_logprobs,
        .state = on_state,
        .certainty = on_certainty};
}
