/* SPDX-License-Identifier: Apache-2.0
 *
 * See sim_cloud.h. Events are posted from `start` itself: there is no thread to wait for.
 */
#include "tests/sim/sim_cloud.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 24 };

void sim_wire_init(sim_wire *wire)
{
    if (amphi__mutex_init(&wire->lock) != AMPHI_OK)
        abort();
    amphi__buf_init(&wire->bytes, 0);
    wire->requests = 0;
}

void sim_wire_add(sim_wire *wire, amphi_str bytes)
{
    amphi__mutex_lock(&wire->lock);
    amphi__buf_append_str(&wire->bytes, bytes);
    amphi__buf_append_char(&wire->bytes, '\n');
    wire->requests++;
    amphi__mutex_unlock(&wire->lock);
}

/* ---- what is said ---- */

static size_t word_size(amphi_str text, size_t at)
{
    static const char *const kinds[] = {"PRIV-", "LOC-", "ANS-"};
    amphi_str rest = amphi__str_slice(text, at, text.size);
    for (size_t i = 0; i < 3; i++) {
        if (!amphi__str_starts_with(rest, amphi_str_from(kinds[i])))
            continue;
        size_t size = strlen(kinds[i]);
        while (size < rest.size && rest.data[size] >= '0' && rest.data[size] <= '9')
            size++;
        return size;
    }
    return 0;
}

static void repeat_words(amphi_buf *out, amphi_str text)
{
    size_t words = 0;
    for (size_t at = 0; at < text.size && words < WORDS_MAX; at++) {
        size_t size = word_size(text, at);
        if (size == 0)
            continue;
        amphi_str word = amphi__str_slice(text, at, at + size);
        if (amphi__str_find(amphi__buf_str(out), word) == SIZE_MAX) {
            amphi__buf_append_char(out, ' ');
            amphi__buf_append_str(out, word);
            words++;
        }
        at += size - 1;
    }
}

void sim_say(amphi_buf *out, const char *own_word, amphi_str body, amphi_str prefix)
{
    amphi__buf_append_c(out, own_word);
    repeat_words(out, body);
    repeat_words(out, prefix);
    amphi__buf_append_c(out, ", that is all.");
}

/* ---- the engine ---- */

struct amphi_engine_run {
    amphi_engine_sink sink;
};

static void send_text(const amphi_engine_sink *sink, amphi_str text)
{
    amphi_engine_event event = {.kind = AMPHI_ENGINE_TEXT, .text = text};
    sink->event(sink->self, &event);
}

static void play(const sim_engine *engine, const amphi_engine_sink *sink, amphi_str text)
{
    amphi_error error;
    amphi_engine_event end = {.kind = AMPHI_ENGINE_FINISH, .finish = AMPHI_FINISH_STOP};
    amphi_status status = engine->failure;
    int behaviour = atomic_load(&engine->behaviour);
    if (behaviour == SIM_IS_LATE)
        return;
    if (behaviour == SIM_DIES && engine->wire == NULL)
        status = AMPHI_E_ENGINE_DIED;
    if (behaviour == SIM_FAILS || behaviour == SIM_DIES) {
        amphi__fail(&error, status, 0, "the simulation says %s", amphi_status_name(status));
        end = (amphi_engine_event){.kind = AMPHI_ENGINE_FAIL, .error = &error};
    }
    size_t said = behaviour == SIM_ANSWERS ? text.size : behaviour == SIM_FAILS ? 0 : text.size - 8;
    if (said > 0) {
        send_text(sink, amphi__str_slice(text, 0, said / 2));
        send_text(sink, amphi__str_slice(text, said / 2, said));
    }
    if (behaviour != SIM_FREEZES)
        sink->event(sink->self, &end);
}

static amphi_status start(void *self, amphi_engine_run **out, const amphi_engine_request *request,
    const amphi_engine_sink *sink, amphi_error *error)
{
    sim_engine *engine = self;
    char word[32];
    *out = NULL;
    if (engine->wire != NULL) {
        sim_wire_add(engine->wire, request->body);
        sim_wire_add(engine->wire, request->prefix);
        snprintf(word, sizeof word, "cloud");
    } else {
        uint32_t number = 1 + atomic_fetch_add(engine->answers, 1);
        snprintf(word, sizeof word, "ANS-%u%s", number, engine->says_private ? " PRIV-0" : "");
    }
    if (atomic_load(&engine->behaviour) == SIM_REFUSES)
        return amphi__fail(error, AMPHI_E_BUSY, 0, "the simulation refuses to start");
    amphi_engine_run *run = malloc(sizeof *run);
    amphi_buf text;
    amphi__buf_init(&text, 0);
    if (run == NULL)
        abort();
    sim_say(&text, word, request->body, request->prefix);
    run->sink = *sink;
    play(engine, sink, amphi__buf_str(&text));
    amphi__buf_clear(&text);
    *out = run;
    return AMPHI_OK;
}

static void cancel(void *self, amphi_engine_run *run)
{
    (void)self;
    (void)run;
}

static void release(void *self, amphi_engine_run *run)
{
    (void)self;
    free(run);
}

static void describe(void *self, amphi_engine_info *out)
{
    *out = ((sim_engine *)self)->info;
}

static amphi_status count_tokens(void *self, amphi_str body, uint32_t *out)
{
    sim_engine *engine = self;
    if (engine->wire != NULL)
        sim_wire_add(engine->wire, body);
    *out = (uint32_t)(body.size / 4);
    return AMPHI_OK;
}

static void prewarm(void *self)
{
    atomic_fetch_add(&((sim_engine *)self)->prewarms, 1);
}

static void free_engine(void *self)
{
    (void)self;
}

static const amphi_engine_ops ops = {
    .struct_size = sizeof(amphi_engine_ops),
    .name = "simulated",
    .describe = describe,
    .start = start,
    .cancel = cancel,
    .release = release,
    .count_tokens = count_tokens,
    .prewarm = prewarm,
    .free = free_engine,
};

void sim_engine_init(sim_engine *engine, const char *name, amphi_engine_kind kind)
{
    memset(engine, 0, sizeof *engine);
    amphi_engine_info_init(&engine->info);
    engine->info.kind = kind;
    engine->info.available = true;
    engine->info.ready = true;
    engine->info.prefix = AMPHI_YES;
    engine->info.context_tokens_max = 4096;
    amphi__str_copy_to(engine->info.name, sizeof engine->info.name, amphi_str_from(name));
    engine->failure = AMPHI_E_TIMEOUT;
}

amphi_engine sim_engine_value(sim_engine *engine)
{
    return (amphi_engine){&ops, engine};
}

/* ---- the transport ---- */

static amphi_status http_start(void *self, amphi_http_exchange **out,
    const amphi_http_request *request, const amphi_http_sink *sink, amphi_error *error)
{
    (void)sink;
    *out = NULL;
    sim_wire_add(self, request->url);
    sim_wire_add(self, request->body);
    return amphi__fail(error, AMPHI_E_OFFLINE, 0, "the simulation has no network");
}

static void http_ignore(void *self, amphi_http_exchange *exchange)
{
    (void)self;
    (void)exchange;
}

static void http_free(void *self)
{
    (void)self;
}

static const amphi_http_ops http_ops = {.struct_size = sizeof(amphi_http_ops),
    .name = "simulated",
    .start = http_start,
    .cancel = http_ignore,
    .release = http_ignore,
    .free = http_free};

amphi_http sim_http_value(sim_wire *wire)
{
    return (amphi_http){&http_ops, wire};
}
