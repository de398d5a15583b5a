/* SPDX-License-Identifier: Apache-2.0
 *
 * What an attempt does with its engine's events: joins the text to what was delivered, passes
 * thoughts, tool calls and further fields on, and notes how it ended.
 */
#include "sdk/client/attempt_state.h"

#include "sdk/client/drafts.h"
#include "sdk/client/extra_fields.h"
#include "sdk/client/logprobs.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sentence.h"
#include "sdk/core/str.h"

#include <stdio.h>

void amphi__attempt_say_seam(amphi_takeover *takeover, const char *route, const char *why_not)
{
    char first[sizeof takeover->why * 3 / 5]; /* leaves room for the second half */
    amphi__sentence_copy(first, sizeof first, amphi_str_from(takeover->why));
    takeover->why[0] = '\0';
    amphi__sentence_add(takeover->why, sizeof takeover->why, "%s; %.48s was asked to go on, but %s",
        first, route, why_not);
}

/* Once it is known whether the attempt continues the text, or starts again. */
static void tell_takeover(amphi_attempt *a, bool continued)
{
    amphi_takeover *takeover = a->args->takeover;
    if (takeover == NULL)
        return;
    takeover->continued = continued;
    if (a->outcome->seam_why != NULL)
        amphi__attempt_say_seam(takeover, a->info.name, a->outcome->seam_why);
    if (a->takeover_told)
        return;
    a->takeover_told = true;
    amphi_event event = {
        .kind = AMPHI_EVENT_TAKEOVER, .takeover = takeover, .route = amphi_str_from(a->info.name)};
    amphi__stream_emit(a->stream, &event);
}

/* Something of the answer could not grow. */
static void stop_grown(amphi_attempt *a, amphi_status status, const char *too_large)
{
    amphi__attempt_stop(a, status, status == AMPHI_E_NO_MEMORY ? "out of memory" : too_large);
}

/* Fields that pass through, with the text that they say, if any: a refusal. */
static void emit_extra(amphi_attempt *a, amphi_str fields, amphi_str text)
{
    amphi_event event = {.kind = AMPHI_EVENT_DELTA,
        .text = text,
        .extra_json = fields,
        .route = amphi_str_from(a->info.name)};
    if (fields.size == 0)
        return;
    amphi_status status = amphi__extra_fields_merge(&a->stream->extra, fields);
    if (status != AMPHI_OK)
        stop_grown(a, status == AMPHI_E_NO_MEMORY ? status : AMPHI_E_LIMIT,
            "the answer's further fields are too large");
    else
        amphi__stream_emit(a->stream, &event);
}

static void on_first_output(amphi_attempt *a)
{
    if (a->outcome->has_output)
        return;
    a->outcome->has_output = true;
    amphi__crash_ledger_phase(a->stream->client, &a->ledger, AMPHI_START_TOKEN);
    a->outcome->first_token_ms =
        (uint32_t)((amphi__stream_awake_us(a->stream) - a->begun_us) / 1000);
    amphi__str_copy_to(a->stream->route, sizeof a->stream->route, amphi_str_from(a->info.name));
    amphi__str_copy_to(a->stream->model, sizeof a->stream->model, amphi_str_from(a->model));
    if (a->splice.mode != AMPHI_SPLICE_CONTINUE)
        tell_takeover(a, false);
    emit_extra(a, amphi__buf_str(&a->extra), amphi_str_make(NULL, 0));
    amphi__buf_clear(&a->extra);
}

/* The words of one attempt are behind those of another: no single model wrote the answer. */
static void note_authors(amphi_attempt *a, amphi_splice_act act)
{
    amphi_stream *stream = a->stream;
    if (act == AMPHI_SPLICE_REPLACE || a->splice.outcome == AMPHI_SPLICE_RESTARTED)
        stream->is_joined = false;
    else if (a->splice.outcome == AMPHI_SPLICE_CONTINUED)
        stream->is_joined = true;
}

/* Text was shown to a client that can't take it back. */
static bool refuses_replace(amphi_attempt *a, amphi_splice_act act)
{
    const amphi_stream *stream = a->stream;
    if (act != AMPHI_SPLICE_REPLACE || !stream->request.is_shown || stream->request.takes_replace ||
        stream->text.size == 0)
        return false;
    a->outcome->needed_replace = true;
    amphi__attempt_stop(a, AMPHI_E_TRUNCATED,
        "the answer would have to start again, and this client can't take back what it showed");
    return true;
}

static void append_text(amphi_stream *stream, amphi_splice_act act, amphi_str text)
{
    amphi__mutex_lock(&stream->lock); /* the draft of this answer is copied from it */
    if (act == AMPHI_SPLICE_REPLACE)
        amphi__buf_truncate(&stream->text, 0);
    amphi__buf_append_str(&stream->text, text);
    amphi__mutex_unlock(&stream->lock);
}

static void deliver(amphi_attempt *a, amphi_splice_act act, amphi_str text)
{
    amphi_stream *stream = a->stream;
    if (act == AMPHI_SPLICE_HOLD || refuses_replace(a, act))
        return;
    if (stream->first_token_us == 0)
        stream->first_token_us = amphi__clock_us(stream->client->clock);
    if (act == AMPHI_SPLICE_REPLACE) {
        amphi__buf_truncate(&stream->logprobs, 0);
        amphi__buf_truncate(&stream->extra, 0);
        if (!a->has_thoughts)
            amphi__buf_truncate(&stream->reasoning, 0);
    }
    note_authors(a, act);
    amphi__logprobs_append(&stream->logprobs, amphi__buf_str(&a->logprobs));
    append_text(stream, act, text);
    if (stream->text.status != AMPHI_OK) {
        stop_grown(a, stream->text.status, "the answer is longer than 8 MiB");
        return;
    }
    amphi_event event = {.kind = act == AMPHI_SPLICE_SHOW ? AMPHI_EVENT_DELTA : AMPHI_EVENT_REPLACE,
        .text = text,
        .logprobs = amphi__buf_str(&a->logprobs),
        .route = amphi_str_from(a->info.name)};
    amphi__stream_emit(stream, &event);
    amphi__buf_reset(&a->logprobs);
    amphi__drafts_begin(stream->client->drafts, stream);
}

static void show_thoughts(amphi_attempt *a, amphi_str text)
{
    amphi_event event = {
        .kind = AMPHI_EVENT_REASONING, .text = text, .route = amphi_str_from(a->info.name)};
    if (!a->hides_thoughts)
        amphi__stream_emit(a->stream, &event);
}

/* The join is decided. Log-probabilities of text that was delivered before are dropped. */
static void on_joined(amphi_attempt *a, amphi_str text)
{
    amphi_attempt_outcome *outcome = a->outcome;
    bool was_asked = a->args->continues && a->delivered.size > 0;
    a->held_us = 0;
    outcome->seam = a->splice.outcome;
    outcome->seam_is_sure = a->splice.is_sure;
    outcome->seam_why = a->splice.why;
    if (outcome->seam == AMPHI_SPLICE_REJECTED)
        return;
    amphi__logprobs_skip(&a->logprobs, a->splice.held.size - text.size);
    if (was_asked)
        tell_takeover(a, outcome->seam == AMPHI_SPLICE_CONTINUED);
    if (was_asked && a->has_thoughts)
        show_thoughts(a, amphi__buf_str(&a->stream->reasoning));
}

/* What the splice says is done. REJECT ends the attempt; what runs next is takeover.c's. */
static void act_on(amphi_attempt *a, amphi_splice_mode before, amphi_splice_act act, amphi_str text)
{
    if (before != AMPHI_SPLICE_PASS && a->splice.mode == AMPHI_SPLICE_PASS)
        on_joined(a, text);
    if (act == AMPHI_SPLICE_REJECT) {
        amphi__buf_reset(&a->logprobs);
        amphi__attempt_stop(a, AMPHI_E_PROTOCOL, "it did not continue the answer");
        return;
    }
    deliver(a, act, text);
}

static void on_text(amphi_attempt *a, const amphi_engine_event *event)
{
    amphi_splice_mode before = a->splice.mode;
    amphi_str text;
    on_first_output(a);
    a->bill.answer_bytes += event->text.size;
    amphi__logprobs_append(&a->logprobs, event->logprobs);
    amphi_splice_act act = amphi__splice_feed(&a->splice, event->text, &text);
    act_on(a, before, act, text);
    if (a->held_us == 0 && amphi__splice_is_holding(&a->splice))
        a->held_us = amphi__stream_awake_us(a->stream);
}

static void decide_splice_in_time(amphi_attempt *a, uint64_t now_us)
{
    amphi_splice_mode before = a->splice.mode;
    amphi_str text;
    if (a->held_us == 0 || now_us < a->held_us + AMPHI_SPLICE_HOLD_US)
        return;
    amphi_splice_act act = amphi__splice_decide(&a->splice, &text);
    if (a->splice.mode != AMPHI_SPLICE_PASS) /* it only repeats: nothing new is held back */
        a->held_us = now_us;
    act_on(a, before, act, text);
}

/* An answer that broke off is not replaced by nothing. */
static bool is_empty_restart(const amphi_attempt *a)
{
    return a->splice.mode == AMPHI_SPLICE_RESTART && !amphi__splice_has_words(&a->splice) &&
           !a->stream->tool_call_seen;
}

static void on_finish(amphi_attempt *a, const amphi_engine_event *event)
{
    amphi_splice_mode before = a->splice.mode;
    amphi_str text;
    bool was_cut = event->finish == AMPHI_FINISH_LENGTH;
    on_first_output(a);
    if (is_empty_restart(a)) {
        amphi__attempt_stop(a, AMPHI_E_TRUNCATED,
            "the answer broke off, and when it was started again nothing came");
        return;
    }
    amphi_splice_act act = amphi__splice_end(&a->splice, was_cut, &text);
    if (act == AMPHI_SPLICE_HOLD && a->logprobs.size > 0)
        act = AMPHI_SPLICE_SHOW; /* they came after their text */
    act_on(a, before, act, text);
    if (a->ended)
        return;
    a->stream->finish = event->finish;
    a->ended = true;
}

static void find_cause(amphi_attempt *a, const amphi_engine_event *fail)
{
    char message[sizeof a->outcome->error.message];
    a->cause = amphi__crash_ledger_cause(a->stream->client, fail, a->was_short_of_memory);
    if (a->cause == AMPHI_CRASH_CAUSE_MEMORY &&
        fail->from_outside) { /* the engine could not know */
        amphi__str_copy_to(message, sizeof message, amphi_str_from(a->outcome->error.message));
        snprintf(a->outcome->error.message, sizeof a->outcome->error.message,
            "%.*s; the device was short of memory", (int)sizeof message - 40, message);
    }
}

static bool names_flags(const char *message)
{
    return strstr(message, "continue_final") != NULL || strstr(message, "add_generation") != NULL;
}

static void on_fail(amphi_attempt *a, const amphi_engine_event *fail)
{
    amphi_error *error = &a->outcome->error;
    const amphi_error *why = fail->error;
    if (why == NULL || why->status == AMPHI_OK) { /* a broken third-party engine */
        amphi__fail(error, AMPHI_E_INTERNAL, 0, "%s: failed without a reason", a->info.name);
    } else {
        amphi__fail(error, why->status, why->native_code, "%s: %s", a->info.name, why->message);
        error->retry_after_ms = why->retry_after_ms;
    }
    a->outcome->prefix_refused = fail->prefix_refused;
    a->outcome->flags_refused = fail->provider != NULL && names_flags(fail->provider->message);
    a->outcome->should_retry = fail->should_retry;
    a->outcome->has_provider = fail->provider != NULL;
    if (fail->provider != NULL)
        a->outcome->provider = *fail->provider;
    if (a->info.kind == AMPHI_ENGINE_LOCAL)
        find_cause(a, fail);
    a->ended = true;
}

static void on_tool_call(amphi_attempt *a, const amphi_engine_event *event)
{
    amphi_stream *stream = a->stream;
    amphi_splice_mode before = a->splice.mode;
    amphi_str text;
    on_first_output(a);
    a->bill.answer_bytes += event->text.size;
    bool is_offered = before != AMPHI_SPLICE_CONTINUE ||
                      amphi__tool_calls_is_offered(stream->request.body, event->text);
    amphi_splice_act act = amphi__splice_settle(&a->splice, is_offered, &text);
    act_on(a, before, act, text);
    if (a->ended) /* nothing of a call was shown yet: it may be asked for again */
        return;
    stream->tool_call_seen = true;
    switch (amphi__tool_calls_add(&stream->calls, event->text)) {
    case AMPHI_OK:
        break;
    case AMPHI_E_LIMIT:
        amphi__attempt_stop(
            a, AMPHI_E_LIMIT, "the answer's tool calls are more than 128, or than 8 MiB");
        return;
    case AMPHI_E_NO_MEMORY:
        amphi__attempt_stop(a, AMPHI_E_NO_MEMORY, "out of memory");
        return;
    default:
        amphi__attempt_stop(a, AMPHI_E_PROTOCOL, "a tool call could not be understood");
        return;
    }
    amphi_event out = {
        .kind = AMPHI_EVENT_TOOL_CALL, .text = event->text, .route = amphi_str_from(a->info.name)};
    amphi__stream_emit(stream, &out);
}

/* Each route thinks for itself: thoughts of an earlier one are gone, and the takeover says so.
 * Before it is known whether the answer goes on, they wait, as the words do. */
static void on_reasoning(amphi_attempt *a, const amphi_engine_event *event)
{
    amphi_stream *stream = a->stream;
    on_first_output(a);
    a->bill.answer_bytes += event->text.size;
    if (!a->has_thoughts) {
        a->hides_thoughts = stream->reasoning.size > 0 && !stream->request.takes_replace;
        amphi__buf_truncate(&stream->reasoning, 0);
    }
    a->has_thoughts = true;
    amphi__buf_append_str(&stream->reasoning, event->text);
    if (a->splice.mode != AMPHI_SPLICE_CONTINUE)
        show_thoughts(a, event->text);
}

/* A refusal is what the model answers: it is shown, kept and judged as text is. */
static void on_refusal(amphi_attempt *a, amphi_str fields)
{
    amphi_buf text;
    amphi__buf_init(&text, 0);
    if (amphi__extra_fields_refusal(fields, &text) != AMPHI_OK) {
        amphi__attempt_stop(a, AMPHI_E_NO_MEMORY, "out of memory");
    } else if (a->splice.mode == AMPHI_SPLICE_PASS) {
        amphi__mutex_lock(&a->stream->lock);
        amphi__buf_append_str(&a->stream->text, amphi__buf_str(&text));
        amphi__mutex_unlock(&a->stream->lock);
        if (a->stream->first_token_us == 0)
            a->stream->first_token_us = amphi__clock_us(a->stream->client->clock);
        emit_extra(a, fields, amphi__buf_str(&text));
    } else { /* of an answer that takes over: no other text stands before it, or it goes on */
        const amphi_engine_event event = {.kind = AMPHI_ENGINE_TEXT, .text = amphi__buf_str(&text)};
        on_text(a, &event);
    }
    amphi__buf_clear(&text);
}

/* What comes before the answer waits for it: another route may answer instead. */
static void on_extra(amphi_attempt *a, amphi_str fields)
{
    if (amphi__answer_cost_read(fields, &a->bill.provider_cost))
        a->bill.has_provider_cost = true;
    if (amphi__extra_fields_has(fields, "chunk", "usage")) {
        (void)amphi__extra_fields_merge(&a->stream->usage_extra, fields);
        return;
    }
    if (amphi__extra_fields_has(fields, "delta", NULL)) {
        on_first_output(a);
        a->token_us = amphi__stream_awake_us(a->stream);
    }
    if (!a->outcome->has_output)
        (void)amphi__extra_fields_merge(&a->extra, fields);
    else if (amphi__extra_fields_has(fields, "delta", "refusal"))
        on_refusal(a, fields);
    else
        emit_extra(a, fields, amphi_str_make(NULL, 0));
}

static void on_usage(amphi_attempt *a, const amphi_engine_event *event)
{
    amphi_stream *stream = a->stream;
    amphi_event out = {.kind = AMPHI_EVENT_USAGE,
        .usage = event->usage,
        .extra_json = amphi__buf_str(&stream->usage_extra),
        .route = amphi_str_from(a->info.name)};
    stream->usage = event->usage;
    a->bill.usage = event->usage;
    a->bill.has_usage = event->usage.prompt_tokens > 0 || event->usage.completion_tokens > 0;
    if (out.extra_json.size > 0)
        (void)amphi__extra_fields_merge(&stream->extra, out.extra_json);
    amphi__stream_emit(stream, &out);
    amphi__buf_clear(&stream->usage_extra);
}

/* What may be shown, or says something of the engine. */
static void handle(amphi_attempt *a, const amphi_queued_event *queued)
{
    amphi_stream *stream = a->stream;
    const amphi_engine_event *event = &queued->engine;
    amphi_event out = {.route = amphi_str_from(a->info.name), .text = event->text};
    uint64_t now_us = amphi__stream_awake_us(stream);
    a->was_reached = a->was_reached || amphi__answer_cost_is_sign(event);
    switch (event->kind) {
    case AMPHI_ENGINE_PROGRESS:
        out.kind = AMPHI_EVENT_PROGRESS;
        out.progress_permille = event->permille;
        a->progress_us = now_us; /* the wait for a first token starts again */
        amphi__stream_emit(stream, &out);
        return;
    case AMPHI_ENGINE_TEXT:
        a->token_us = now_us;
        on_text(a, event);
        return;
    case AMPHI_ENGINE_REASONING:
        a->token_us = now_us;
        on_reasoning(a, event);
        return;
    case AMPHI_ENGINE_TOOL_CALL:
        a->token_us = now_us;
        on_tool_call(a, event);
        return;
    case AMPHI_ENGINE_USAGE:
        on_usage(a, event);
        return;
    case AMPHI_ENGINE_MODEL: /* the model is loaded and prefill begins */
        amphi__crash_ledger_phase(stream->client, &a->ledger, AMPHI_START_PREFILL);
        amphi__str_copy_to(a->model, sizeof a->model, event->text);
        if (a->outcome->has_output)
            amphi__str_copy_to(stream->model, sizeof stream->model, event->text);
        return;
    case AMPHI_ENGINE_ALIVE: /* the wait for the next token starts again */
        *(a->token_us > 0 ? &a->token_us : &a->progress_us) = now_us;
        return;
    case AMPHI_ENGINE_LEARNED: /* written at the end: the disk may take its time */
        amphi__buf_reset(&a->learned);
        amphi__buf_append_str(&a->learned, event->text);
        return;
    case AMPHI_ENGINE_EXTRA:
        on_extra(a, event->text);
        return;
    case AMPHI_ENGINE_CONFIDENCE: /* nothing is held any more */
        return;
    case AMPHI_ENGINE_FINISH:
        a->bill.network_bytes = event->bytes_sent + event->bytes_received;
        on_finish(a, event);
        return;
    case AMPHI_ENGINE_FAIL:
        a->bill.network_bytes = event->bytes_sent + event->bytes_received;
        on_fail(a, event);
        return;
    }
}

/* ---- held for the judge of the first tokens ---- */

static void move_on(amphi_attempt *a)
{
    amphi_confidence *confidence = &a->handoff.confidence;
    confidence->was_moved = true;
    a->stream->confidence = *confidence;
    amphi__handoff_clear(&a->handoff);
    char message[sizeof a->outcome->error.message];
    snprintf(message, sizeof message,
        "too uncertain to be shown: right with %u %%, %u %% are wanted (judged by %s, %u tokens)",
        (confidence->right_permille + 5) / 10, confidence->right_min_permille / 10,
        confidence->judge, confidence->tokens);
    amphi__attempt_stop(a, AMPHI_E_UNCERTAIN, message);
}

static void show_held(amphi_attempt *a)
{
    a->stream->confidence = a->handoff.confidence;
    a->handoff.is_holding = false;
    for (amphi_queued_event *held = amphi__event_queue_pop(&a->handoff.held); held != NULL;
         held = amphi__event_queue_pop(&a->handoff.held)) {
        if (!a->ended)
            handle(a, held);
        amphi__free(held);
    }
}

static void rule(amphi_attempt *a, bool is_all, uint64_t now_us)
{
    amphi_handoff_verdict verdict = amphi__handoff_rule(&a->handoff, is_all, now_us);
    if (verdict == AMPHI_HANDOFF_MOVE)
        move_on(a);
    else if (verdict == AMPHI_HANDOFF_SHOW)
        show_held(a);
}

/* While the judge has not spoken. An answer that fails meanwhile leaves nothing behind. */
static bool hold(amphi_attempt *a, amphi_queued_event *queued)
{
    const amphi_engine_event *event = &queued->engine;
    uint64_t now_us = amphi__stream_awake_us(a->stream);
    bool is_output = amphi__handoff_is_output(event);
    if (is_output) {
        a->token_us = now_us;
        amphi__crash_ledger_phase(a->stream->client, &a->ledger, AMPHI_START_TOKEN);
        amphi__handoff_keep(&a->handoff, queued, now_us);
        rule(a, false, now_us);
    } else if (event->kind == AMPHI_ENGINE_CONFIDENCE) {
        amphi__handoff_note(&a->handoff, event);
        rule(a, false, now_us);
    } else {
        if (event->kind == AMPHI_ENGINE_FINISH)
            rule(a, true, now_us);
        else if (event->kind == AMPHI_ENGINE_FAIL)
            amphi__handoff_clear(&a->handoff);
        if (!a->ended)
            handle(a, queued);
    }
    return is_output;
}

bool amphi__attempt_on_event(amphi_attempt *a, amphi_queued_event *queued)
{
    if (a->handoff.is_holding)
        return hold(a, queued);
    handle(a, queued);
    return false;
}

void amphi__attempt_decide_in_time(amphi_attempt *a, uint64_t now_us)
{
    if (a->handoff.is_holding && now_us >= amphi__handoff_until_us(&a->handoff))
        rule(a, false, now_us);
    else
        decide_splice_in_time(a, now_us);
}
