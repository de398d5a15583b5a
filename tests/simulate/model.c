/* SPDX-License-Identifier: Apache-2.0
 *
 * The local model, as the app's own engine: it loads, reads the prompt, answers piece by piece,
 * is unloaded, dies and stalls. It says what the built-in one would say of each, so that the crash
 * ledger and the rules of the device have their part.
 */
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "tests/simulate/speech.h"
#include "tests/simulate/world.h"

#include <stdlib.h>

#define LOAD_US     1500000u
#define PIECE_US    120000u
#define PIECE_BYTES 12
#define STALL_US    (18u * SIM_SECOND_US) /* the supervisor's patience */

struct amphi_engine_run {
    sim_world *world;
    amphi_engine_sink sink;
    amphi_buf text;
    size_t said, dies_at;
    bool dies, stalls, has_loaded;
    bool is_cancelled, is_evicted, has_ended;
};

static void end(amphi_engine_run *run, amphi_status status, const char *why)
{
    sim_world *w = run->world;
    amphi_error error;
    amphi_engine_event event = {.kind = AMPHI_ENGINE_FINISH, .finish = AMPHI_FINISH_STOP};
    run->has_ended = true;
    sim_device_update(w);
    w->model.running--;
    if (status != AMPHI_OK) {
        amphi__fail(&error, status, 0, "simulated: %s", why);
        event = (amphi_engine_event){.kind = AMPHI_ENGINE_FAIL, .error = &error};
    }
    if (status == AMPHI_E_ENGINE_DIED || status == AMPHI_E_ENGINE_STALLED) {
        w->model.is_loaded = false;
        w->model.crashes++;
        w->counts.crashes++;
        sim_say(w, "the model %s", why);
    }
    run->sink.event(run->sink.self, &event);
}

static void step(void *owner);

static void later(amphi_engine_run *run, uint64_t us)
{
    sim_agenda_add(run->world->chips, us, step, run);
}

static void load(amphi_engine_run *run)
{
    const amphi_engine_event event = {
        .kind = AMPHI_ENGINE_PROGRESS, .permille = 1000, .text = AMPHI_STR("load")};
    run->has_loaded = true;
    run->world->model.is_loaded = true;
    run->sink.event(run->sink.self, &event);
    later(run, PIECE_US);
}

static void say_piece(amphi_engine_run *run)
{
    size_t left = run->text.size - run->said;
    size_t size = left < PIECE_BYTES ? left : PIECE_BYTES;
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_TEXT,
        .text = amphi__str_slice(amphi__buf_str(&run->text), run->said, run->said + size)};
    run->said += size;
    if (run->world->sabotage == SIM_SABOTAGE_HOLE && sim_chance(1))
        run->said += run->text.size - run->said > PIECE_BYTES ? PIECE_BYTES : 0;
    run->sink.event(run->sink.self, &event);
    later(run, PIECE_US);
}

static void step(void *owner)
{
    amphi_engine_run *run = owner;
    bool is_due = run->said >= run->dies_at;
    if (run->has_ended)
        return;
    if (run->is_cancelled) {
        end(run, AMPHI_E_CANCELLED, "cancelled");
    } else if (run->is_evicted) {
        end(run, AMPHI_E_RESOURCE, "unloaded");
    } else if (run->stalls && is_due) {
        run->stalls = false;
        run->dies = true;
        later(run, STALL_US);
    } else if (run->dies && is_due) {
        end(run, AMPHI_E_ENGINE_DIED, "died");
    } else if (!run->has_loaded) {
        load(run);
    } else if (run->said < run->text.size) {
        say_piece(run);
    } else {
        end(run, AMPHI_OK, "");
    }
}

static void describe(void *self, amphi_engine_info *out)
{
    const sim_world *w = self;
    out->kind = AMPHI_ENGINE_LOCAL;
    amphi__str_copy_to(out->name, sizeof out->name, AMPHI_STR("local"));
    amphi__str_copy_to(out->model, sizeof out->model, AMPHI_STR("simulated"));
    amphi__str_copy_to(out->fingerprint, sizeof out->fingerprint, AMPHI_STR("simulated-model"));
    amphi__str_copy_to(out->build, sizeof out->build, AMPHI_STR("1"));
    amphi__str_copy_to(out->kernels, sizeof out->kernels, AMPHI_STR("fast"));
    out->available = true;
    out->ready = w->model.is_loaded;
    out->weights_bytes = 600ull << 20;
    out->kv_bytes_per_token = 32 << 10;
    out->scratch_bytes = 64ull << 20;
    out->context_tokens_max = 4096;
    out->prefix = AMPHI_YES;
    out->tools = true;
}

static amphi_status start(void *self, amphi_engine_run **out, const amphi_engine_request *request,
    const amphi_engine_sink *sink, amphi_error *error)
{
    sim_world *w = self;
    amphi_engine_run *run = calloc(1, sizeof *run);
    sim_asked asked;
    if (run == NULL)
        abort();
    run->world = w;
    run->sink = *sink;
    amphi__buf_init(&run->text, 0);
    sim_asked_read(&asked, request->body);
    sim_reply(&run->text, &asked, request->prefix);
    run->dies = sim_chance(w->model.crash_percent);
    run->stalls = !run->dies && sim_chance(w->model.stall_percent);
    run->dies_at = sim_chance(40) ? 0 : sim_roll((uint32_t)run->text.size + 1);
    run->has_loaded = w->model.is_loaded;
    sim_say(w, "the model is asked Q%u, prefix %u, %s", asked.number,
        (unsigned)request->prefix.size,
        run->dies     ? "dies"
        : run->stalls ? "stalls"
                      : "answers");
    sim_asked_clear(&asked);
    sim_device_update(w);
    w->model.running++;
    w->model.starts++;
    *out = run;
    later(run, run->has_loaded ? PIECE_US : LOAD_US);
    return AMPHI_OK;
}

static void cancel(void *self, amphi_engine_run *run)
{
    if (run->is_cancelled || run->has_ended)
        return;
    run->is_cancelled = true;
    sim_agenda_hurry(run->world->chips, step, run);
}

static void release_run(void *self, amphi_engine_run *run)
{
    sim_agenda_forget(run->world->chips, run);
    if (!run->has_ended) {
        sim_device_update(run->world);
        run->world->model.running--;
    }
    amphi__buf_clear(&run->text);
    free(run);
}

static void unload(void *self, bool force)
{
    sim_world *w = self;
    if (w->model.running == 0)
        w->model.is_loaded = false;
}

static const amphi_engine_ops ops = {
    .struct_size = sizeof(amphi_engine_ops),
    .name = "simulated",
    .describe = describe,
    .start = start,
    .cancel = cancel,
    .release = release_run,
    .unload = unload,
};

amphi_engine sim_model_value(sim_world *w)
{
    return (amphi_engine){&ops, w};
}
