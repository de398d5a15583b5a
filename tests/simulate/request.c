/* SPDX-License-Identifier: Apache-2.0
 *
 * One request as an app makes it, and what must hold of it: one terminal event, and that in time;
 * what was shown is what the result says; a whole answer is the right one, whichever engines had a
 * part in it.
 */
#include "sdk/core/awake.h"
#include "sdk/core/str.h"
#include "tests/simulate/app.h"
#include "tests/simulate/speech.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS  200u
#define TOTAL_MS 120000u
#define GRACE_MS 5000u /* the end itself, and what was waited for before it */

typedef struct asking {
    sim_told *told;
    amphi_stream *stream;
    amphi_buf shown;
    amphi_awake awake;
    uint64_t begun_us;
    uint32_t total_ms;
    uint64_t cancel_at_us; /* 0: not at all */
    uint64_t kill_at_us;   /* likewise: the app */
    bool has_ended, is_killed;
} asking;

/* A question that was answered before, for the cache; or a new one. */
static sim_told *some_question(sim_app *app, int conversation, bool is_private)
{
    sim_told *again = app->told_count > 0 ? &app->told[sim_roll(app->told_count)] : NULL;
    if (again != NULL && sim_chance(30) && conversation < 0 && again->conversation < 0 &&
        again->fate == SIM_FATE_DONE && again->is_private == is_private && !again->is_repeated) {
        again->is_repeated = true;
        again->fate = SIM_FATE_UNKNOWN;
        return again;
    }
    sim_told *told = &app->told[app->told_count++];
    *told = (sim_told){
        .number = app->told_count, .conversation = conversation, .is_private = is_private};
    return told;
}

static void begin(sim_app *app, asking *a, int conversation)
{
    static const amphi_mode modes[] = {AMPHI_MODE_DEFAULT, AMPHI_MODE_DEFAULT, AMPHI_MODE_AUTO,
        AMPHI_MODE_PREFER_LOCAL, AMPHI_MODE_PREFER_CLOUD, AMPHI_MODE_ONLY_LOCAL,
        AMPHI_MODE_ONLY_CLOUD};
    sim_world *w = app->world;
    amphi_chat_request request;
    amphi_buf question;
    char name[8] = {'c', (char)('0' + conversation), '\0'};
    memset(a, 0, sizeof *a);
    amphi__buf_init(&a->shown, 0);
    amphi__buf_init(&question, 0);
    amphi_chat_request_init(&request);
    request.mode = modes[sim_roll(7)];
    if (w->policy != NULL && request.mode < AMPHI_MODE_ONLY_LOCAL)
        request.mode = AMPHI_MODE_DEFAULT; /* it is the document's to say */
    request.is_private = request.mode != AMPHI_MODE_ONLY_CLOUD && sim_chance(15);
    a->told = some_question(app, conversation, request.is_private);
    a->total_ms = sim_chance(20) ? 5000 + sim_roll(20000) : TOTAL_MS;
    request.budgets.total_ms = a->total_ms;
    request.sampling.temperature = sim_chance(50) ? 0.0f : 0.7f;
    request.no_queue = sim_chance(10);
    if (conversation >= 0)
        request.conversation_id = amphi_str_from(name);
    sim_question(&question, a->told->number, request.is_private);
    const amphi_message message = {AMPHI_ROLE_USER, amphi__buf_str(&question)};
    request.messages = &message;
    request.messages_count = 1;
    sim_say(w, "asks Q%u in %s, %s%s", a->told->number, conversation >= 0 ? name : "-",
        amphi_mode_name(request.mode), request.is_private ? ", private" : "");
    a->begun_us = amphi__awake_us(&a->awake, NULL);
    a->cancel_at_us = sim_chance(6) ? a->begun_us + sim_while_us(3 * SIM_SECOND_US) : 0;
    a->kill_at_us = sim_chance(5) ? a->begun_us + sim_while_us(3 * SIM_SECOND_US) : 0;
    if (amphi_chat_start(&a->stream, app->client, &request, NULL) != AMPHI_OK) {
        sim_violation(w, "Q%u can't be asked", a->told->number);
        a->has_ended = true;
    }
    w->counts.requests++;
    amphi__buf_clear(&question);
}

static void show(asking *a, const amphi_event *event)
{
    if (event->kind == AMPHI_EVENT_REPLACE)
        amphi__buf_reset(&a->shown);
    if (event->kind == AMPHI_EVENT_REPLACE || event->kind == AMPHI_EVENT_DELTA)
        amphi__buf_append_str(&a->shown, event->text);
}

static bool is_our_fault(amphi_status status)
{
    return status == AMPHI_E_INTERNAL || status == AMPHI_E_NO_MEMORY || status == AMPHI_E_CORRUPT ||
           status == AMPHI_E_ARGUMENT || status == AMPHI_E_FORMAT;
}

static void check_answer(sim_app *app, const asking *a, const amphi_chat_result *result)
{
    amphi_buf right;
    amphi__buf_init(&right, 0);
    sim_answer(&right, a->told->number, a->told->is_private);
    if (!amphi__str_equal(result->text, amphi__buf_str(&right)))
        sim_violation(app->world, "Q%u: \"%.40s...\" (%u bytes) is not its answer (%u)",
            a->told->number, result->text.data, (unsigned)result->text.size, (unsigned)right.size);
    if (!amphi__str_equal(result->text, amphi__buf_str(&a->shown)))
        sim_violation(app->world, "Q%u: what was shown is not the result", a->told->number);
    if (result->history_error != NULL)
        sim_violation(
            app->world, "Q%u: not kept: %s", a->told->number, result->history_error->message);
    amphi__buf_clear(&right);
}

/* For the comparison of two policies. */
static void count_figures(
    sim_world *w, const asking *a, const amphi_chat_result *result, amphi_event_kind end)
{
    bool done = end == AMPHI_EVENT_DONE;
    uint64_t minute = (a->begun_us - SIM_DAY_BEGINS_US) / (60ull * SIM_SECOND_US);
    sim_route route = end == AMPHI_EVENT_QUEUED                    ? SIM_BY_OUTBOX
                      : !done                                      ? SIM_BY_NONE
                      : result->cache_hit                          ? SIM_BY_CACHE
                      : amphi__str_equal_c(result->route, "local") ? SIM_BY_MODEL
                                                                   : SIM_BY_CLOUD;
    w->counts.routes[minute < SIM_MINUTES ? minute : SIM_MINUTES - 1][route]++;
    if (result->cost_source != AMPHI_COST_SOURCE_UNKNOWN)
        w->counts.microdollars += result->cost;
    if (done)
        w->counts.first_token[sim_wait_class(result->first_token_ms)]++;
}

static void finish(sim_app *app, asking *a, const amphi_event *event)
{
    sim_world *w = app->world;
    amphi_chat_result result;
    amphi_event more;
    uint64_t took_ms = (amphi__awake_us(&a->awake, NULL) - a->begun_us) / 1000;
    amphi_chat_result_init(&result);
    a->has_ended = true;
    if (amphi_stream_next(a->stream, 0, &more, NULL) != AMPHI_E_NOT_FOUND)
        sim_violation(w, "Q%u: an event behind the last one", a->told->number);
    if (amphi_stream_result(a->stream, &result, NULL) != AMPHI_OK)
        sim_violation(w, "Q%u: no result", a->told->number);
    if (took_ms > 2ull * a->total_ms + GRACE_MS) /* as long again for what waits before it */
        sim_violation(
            w, "Q%u took %llu ms of %u", a->told->number, (unsigned long long)took_ms, a->total_ms);
    a->told->fate = event->kind == AMPHI_EVENT_DONE     ? SIM_FATE_DONE
                    : event->kind == AMPHI_EVENT_QUEUED ? SIM_FATE_QUEUED
                                                        : SIM_FATE_FAILED;
    sim_say(w, "Q%u %s by %.*s after %llu ms: %s", a->told->number,
        a->told->fate == SIM_FATE_DONE     ? "done"
        : a->told->fate == SIM_FATE_QUEUED ? "queued"
                                           : "failed",
        (int)result.route.size, result.route.data, (unsigned long long)took_ms,
        result.error != NULL ? result.error->message : "");
    if (event->kind == AMPHI_EVENT_DONE)
        check_answer(app, a, &result);
    else if (result.error != NULL && is_our_fault(result.error->status))
        sim_violation(w, "Q%u: %s", a->told->number, result.error->message);
    w->counts.done += event->kind == AMPHI_EVENT_DONE;
    w->counts.queued += event->kind == AMPHI_EVENT_QUEUED;
    w->counts.failed += event->kind == AMPHI_EVENT_ERROR;
    count_figures(w, a, &result, event->kind);
    w->counts.takeovers += result.takeovers_count;
    w->counts.cached += result.cache_hit;
    w->counts.local += amphi__str_equal_c(result.route, "local");
    w->counts.cloud +=
        amphi__str_equal_c(result.route, "one") || amphi__str_equal_c(result.route, "two");
}

/* One look at it. */
static void look(sim_app *app, asking *a)
{
    amphi_event event;
    if (a->kill_at_us > 0 && sim_time_peek_us() > a->kill_at_us && sim_app_kill(app)) {
        a->has_ended = a->is_killed = true;
        return;
    }
    amphi_status status = amphi_stream_next(a->stream, LOOK_MS, &event, NULL);
    uint64_t now_us = amphi__awake_us(&a->awake, NULL);
    if (a->cancel_at_us > 0 && now_us > a->cancel_at_us) {
        sim_say(app->world, "cancels Q%u", a->told->number);
        app->world->counts.cancelled++;
        a->cancel_at_us = 0;
        amphi_stream_cancel(a->stream);
    }
    if (status == AMPHI_OK) {
        show(a, &event);
        if (amphi_event_is_terminal(&event))
            finish(app, a, &event);
    } else if (status != AMPHI_E_TIMEOUT) {
        sim_violation(app->world, "Q%u: next says %s", a->told->number, amphi_status_name(status));
        a->has_ended = true;
    } else if (now_us - a->begun_us > 3ull * (a->total_ms + GRACE_MS) * 1000) {
        sim_violation(app->world, "Q%u does not end", a->told->number);
        a->has_ended = true;
    }
}

static void clear(asking *a)
{
    if (!a->is_killed)
        amphi_stream_free(a->stream);
    amphi__buf_clear(&a->shown);
}

void sim_app_ask(sim_app *app)
{
    asking a;
    begin(app, &a, (int)sim_roll(SIM_CONVERSATIONS + 1) - 1);
    while (!a.has_ended)
        look(app, &a);
    clear(&a);
}

void sim_app_ask_two(sim_app *app)
{
    asking a;
    asking b;
    int first = (int)sim_roll(SIM_CONVERSATIONS);
    begin(app, &a, first);
    begin(app, &b, first == 0 ? -1 : first - 1);
    while (!a.is_killed && !b.is_killed && (!a.has_ended || !b.has_ended)) {
        if (!a.has_ended)
            look(app, &a);
        if (!b.has_ended && !a.is_killed)
            look(app, &b);
    }
    a.is_killed = b.is_killed = a.is_killed || b.is_killed; /* both streams are gone */
    clear(&b);
    clear(&a);
}
