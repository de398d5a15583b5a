/* SPDX-License-Identifier: Apache-2.0
 *
 * At the end all is well again, and what waits has been sent. Then the history is held against
 * what the app knows.
 */
#include "sdk/core/str.h"
#include "tests/simulate/app.h"
#include "tests/simulate/speech.h"

#include <stdlib.h>

#define FLUSHES_MAX 8
#define PUT_OFF_US  (61ull * 60 * SIM_SECOND_US) /* what was refused is tried after an hour */

typedef struct reading {
    sim_app *app;
    int conversation; /* -1: one that the outbox made */
    sim_told *last;   /* the question before this message */
    uint32_t newest;  /* question of those that may wait: their order */
} reading;

static sim_told *find(sim_app *app, amphi_str text)
{
    if (text.size < 3 || text.data[0] != 'Q')
        return NULL;
    return sim_told_of(app, (uint32_t)strtoul(text.data + 1, NULL, 10));
}

static void read_answer(reading *r, const amphi_history_message *message)
{
    amphi_buf right;
    if (r->last == NULL || message->state != AMPHI_MESSAGE_COMPLETE)
        return;
    amphi__buf_init(&right, 0);
    sim_answer(&right, r->last->number, r->last->is_private);
    if (amphi__str_equal(message->content, amphi__buf_str(&right)))
        r->last->answered++;
    else
        sim_violation(r->app->world, "the history has \"%.40s...\" as the answer to Q%u",
            message->content.data, r->last->number);
    amphi__buf_clear(&right);
    r->last = NULL;
}

static bool read_message(void *user, const amphi_history_message *message)
{
    reading *r = user;
    sim_world *w = r->app->world;
    if (!amphi__str_equal_c(message->role, "user")) {
        read_answer(r, message);
        return true;
    }
    r->last = find(r->app, message->content);
    if (r->last == NULL) {
        sim_violation(w, "the history has a question that was not asked");
        return true;
    }
    r->last->said++;
    if (r->conversation >= 0 && r->last->conversation != r->conversation)
        sim_violation(w, "Q%u is in another conversation", r->last->number);
    if (r->last->is_private || r->conversation < 0)
        return true; /* it can't wait behind others */
    if (r->last->fate == SIM_FATE_QUEUED && r->last->number < r->newest)
        sim_violation(w, "Q%u was sent after Q%u", r->last->number, r->newest);
    if (r->last->fate == SIM_FATE_QUEUED && r->last->number > r->newest)
        r->newest = r->last->number;
    return true;
}

static bool read_conversation(void *user, const amphi_history_conversation *item)
{
    sim_app *app = user;
    reading r = {.app = app, .conversation = -1};
    if (item->id.size == 2 && item->id.data[0] == 'c')
        r.conversation = item->id.data[1] - '0';
    if (amphi_history_messages(app->client, item->id, read_message, &r, NULL) != AMPHI_OK)
        sim_violation(app->world, "a conversation can't be read");
    return true;
}

/* One before it in its conversation stays. */
static bool is_behind(const sim_app *app, const sim_told *told)
{
    for (const sim_told *t = app->told; t < told; t++)
        if (t->stays_here && t->conversation >= 0 && t->conversation == told->conversation)
            return true;
    return false;
}

static bool read_waiting(void *user, const amphi_outbox_entry *item)
{
    sim_app *app = user;
    sim_told *told = find(app, item->text);
    if (told == NULL)
        sim_violation(app->world, "the outbox has what was not asked");
    else if (item->state == AMPHI_OUTBOX_EXPIRED)
        told->has_expired = true;
    else if (amphi__str_find(item->reason, AMPHI_STR("the conversation holds")) != SIZE_MAX ||
             is_behind(app, told))
        told->stays_here = true; /* asked under a policy that left private turns out */
    else
        sim_violation(app->world, "Q%u still waits: %.*s", told->number, (int)item->reason.size,
            item->reason.data);
    return true;
}

static void send_all(sim_app *app)
{
    uint32_t left = 1;
    for (int i = 0; i < FLUSHES_MAX && left > 0; i++) {
        if (i > 0)
            sim_fiber_sleep_us(i < 4 ? 60 * SIM_SECOND_US : PUT_OFF_US);
        if (amphi_outbox_flush(app->client, 600000, &left, NULL) != AMPHI_OK)
            sim_violation(app->world, "the outbox can't be flushed");
        app->world->counts.flushes++;
        sim_say(app->world, "flushed, %u left", left);
    }
}

static void check(sim_world *w, const sim_told *told)
{
    bool is_kept = told->conversation >= 0;
    uint32_t number = told->number;
    if (told->said > 1 || told->answered > 1)
        sim_violation(w, "Q%u is in the history %u times, its answer %u times", number, told->said,
            told->answered);
    if (told->fate == SIM_FATE_DONE && is_kept && (told->said != 1 || told->answered != 1))
        sim_violation(w, "Q%u was answered, and is lost", number);
    if (told->fate == SIM_FATE_QUEUED && !told->has_expired && !told->stays_here &&
        (told->said != 1 || told->answered != 1))
        sim_violation(w, "Q%u was queued, and is lost", number);
}

void sim_app_audit(sim_app *app)
{
    sim_world *w = app->world;
    if (app->looks_up)
        (void)amphi_rollout_refresh(app->client, NULL);
    send_all(app);
    if (amphi_outbox_entries(app->client, read_waiting, app, NULL) != AMPHI_OK)
        sim_violation(w, "the outbox can't be read");
    if (amphi_history_conversations(app->client, read_conversation, app, NULL) != AMPHI_OK)
        sim_violation(w, "the history can't be read");
    for (uint32_t i = 0; i < app->told_count; i++)
        check(w, &app->told[i]);
}
