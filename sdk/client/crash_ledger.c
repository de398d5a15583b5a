/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes rows and derives facts from them. A row that could not be written does not fail the
 * request: every failure here ends in a log line at most.
 *
 * What counts: crashes and stalls within crash.window_s; the app's own death only where the engine
 * ran inside the app. After each crash.quiet_s without any, one is forgiven, from the deepest step
 * first: that lets exactly one start try again, and if it crashes the pause begins again.
 */
#include "sdk/client/crash_ledger.h"

#include "sdk/client/route.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/process_identity.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <signal.h>
#include <stdio.h>

#define PLAIN_KERNELS "reference"
/* Reading the store costs a request 20 us; for so long the facts are taken from memory. */
#define FRESH_MS 1000u

bool amphi__crash_ledger_is_supported(const amphi_client *client)
{
    const amphi_store_ops *ops = client->store.ops;
    return ops->ledger_add != NULL && ops->ledger_set != NULL && ops->ledger_list != NULL;
}

/* An engine without a fingerprint is identified by its name and model. */
static amphi_str model_of(const amphi_engine_info *info, char scratch[AMPHI_NAME_MAX * 2])
{
    if (info->fingerprint[0] != '\0')
        return amphi_str_from(info->fingerprint);
    snprintf(scratch, AMPHI_NAME_MAX * 2, "%s/%s", info->name, info->model);
    return amphi_str_from(scratch);
}

static int64_t add(amphi_client *client, const amphi_engine_info *info, bool plain,
    amphi_start_phase phase, amphi_start_outcome outcome)
{
    char scratch[AMPHI_NAME_MAX * 2];
    int64_t now_ms = amphi__clock_wall_ms(client->clock);
    amphi_error error;
    int64_t id = 0;
    amphi_store_start start = {
        .struct_size = sizeof start,
        .fingerprint = model_of(info, scratch),
        .build = amphi_str_from(info->build),
        .kernels = plain ? AMPHI_STR(PLAIN_KERNELS) : amphi_str_from(info->kernels),
        .host = amphi_str_from(client->process_identity),
        .in_process = info->in_process,
        .started_ms = now_ms,
        .changed_ms = now_ms,
        .phase = phase,
        .outcome = outcome,
    };
    amphi_status status = client->store.ops->ledger_add(client->store.self, &start, &id, &error);
    atomic_fetch_add(&client->ledger_writes, 1);
    if (status == AMPHI_OK)
        return id;
    amphi__log(&client->log, AMPHI_LOG_WARNING, "ledger: %s", error.message);
    return 0;
}

void amphi__crash_ledger_begin(amphi_client *client, amphi_crash_ledger_start *start,
    const amphi_engine_info *info, bool plain)
{
    *start = (amphi_crash_ledger_start){0, AMPHI_START_LOAD};
    if (info->kind == AMPHI_ENGINE_LOCAL && amphi__crash_ledger_is_supported(client))
        start->id = add(client, info, plain, AMPHI_START_LOAD, AMPHI_START_RUNNING);
}

static void set(
    amphi_client *client, const amphi_crash_ledger_start *start, amphi_start_outcome outcome)
{
    amphi_error error;
    if (client->store.ops->ledger_set(client->store.self, start->id, start->phase, outcome,
            amphi__clock_wall_ms(client->clock), &error) != AMPHI_OK)
        amphi__log(&client->log, AMPHI_LOG_WARNING, "ledger: %s", error.message);
    atomic_fetch_add(&client->ledger_writes, 1);
}

void amphi__crash_ledger_phase(
    amphi_client *client, amphi_crash_ledger_start *start, amphi_start_phase phase)
{
    if (start->id == 0 || phase <= start->phase)
        return;
    start->phase = phase;
    set(client, start, AMPHI_START_RUNNING);
}

amphi_crash_cause amphi__crash_ledger_cause(
    amphi_client *client, const amphi_engine_event *fail, bool was_short)
{
    if (fail->out_of_memory)
        return AMPHI_CRASH_CAUSE_MEMORY;
    if (!fail->from_outside)
        return AMPHI_CRASH_CAUSE_ENGINE;
    bool killed = fail->error != NULL && fail->error->native_code == SIGKILL;
    return killed && (was_short || amphi__client_is_short_of_memory(client))
               ? AMPHI_CRASH_CAUSE_MEMORY
               : AMPHI_CRASH_CAUSE_OUTSIDE;
}

static amphi_start_outcome outcome_of(const amphi_error *error, amphi_crash_cause cause)
{
    if (cause == AMPHI_CRASH_CAUSE_MEMORY)
        return AMPHI_START_OUT_OF_MEMORY;
    if (cause == AMPHI_CRASH_CAUSE_OUTSIDE)
        return AMPHI_START_KILLED;
    switch (error->status) {
    case AMPHI_OK:
        return AMPHI_START_OK;
    case AMPHI_E_CANCELLED:
    case AMPHI_E_RESOURCE:
        return AMPHI_START_CANCELLED;
    case AMPHI_E_ENGINE_DIED:
        return AMPHI_START_CRASHED;
    case AMPHI_E_ENGINE_STALLED:
        return AMPHI_START_STALLED;
    default:
        return AMPHI_START_FAILED;
    }
}

void amphi__crash_ledger_end(amphi_client *client, amphi_crash_ledger_start *start,
    const amphi_error *outcome, amphi_crash_cause cause)
{
    if (start->id == 0)
        return;
    set(client, start, outcome_of(outcome, cause));
    start->id = 0;
}

/* ---- facts ---- */

enum { ENDED_MAX = 16, DEATHS_AT_ONCE_MAX = 4 };

typedef struct tally {
    amphi_str build;
    amphi_crash_facts facts;
    int64_t now_ms;
    int64_t window_ms;
    int64_t newest_ms;      /* of the crashes; 0: none */
    uint32_t outside_limit; /* after so many kills from outside there is a pause */
    int64_t outside_ms;     /* time of the kill that reached the limit */
    struct {
        amphi_crash_ledger_start start;
        bool in_process;
        int64_t started_ms;
    } ended[ENDED_MAX];
    size_t ended_count;
} tally;

static uint32_t *counter(amphi_crash_facts *facts, const amphi_store_start *start)
{
    if (start->outcome == AMPHI_START_OUT_OF_MEMORY)
        return &facts->kills_memory;
    if (start->outcome == AMPHI_START_KILLED)
        return &facts->kills_outside;
    if (start->outcome != AMPHI_START_CRASHED && start->outcome != AMPHI_START_STALLED &&
        !(start->outcome == AMPHI_START_HOST_DIED && start->in_process))
        return NULL;
    if (start->phase == AMPHI_START_LOAD)
        return &facts->crashes_early;
    return amphi__str_equal_c(start->kernels, PLAIN_KERNELS) ? &facts->crashes_plain
                                                             : &facts->crashes;
}

static bool count(void *user, const amphi_store_start *row)
{
    tally *t = user;
    amphi_store_start start;
    if (AMPHI__SIZED_READ_KNOWN(&start, row, "row", NULL) != AMPHI_OK)
        return true;
    if (!amphi__str_equal(start.build, t->build) || start.changed_ms > t->now_ms + t->window_ms)
        return true; /* another build; or the clock was set back since */
    if (start.outcome == AMPHI_START_RUNNING && amphi__process_has_ended(start.host)) {
        start.outcome = AMPHI_START_HOST_DIED;
        if (t->ended_count < ENDED_MAX) {
            t->ended[t->ended_count].start = (amphi_crash_ledger_start){start.id, start.phase};
            t->ended[t->ended_count].in_process = start.in_process;
            t->ended[t->ended_count++].started_ms = start.started_ms;
        }
    }
    uint32_t *of = counter(&t->facts, &start);
    if (of == NULL)
        return true;
    ++*of;
    if (of == &t->facts.kills_outside) { /* rows come newest first */
        if (*of == t->outside_limit)
            t->outside_ms = start.changed_ms;
    } else if (start.changed_ms > t->newest_ms) {
        t->newest_ms = start.changed_ms;
    }
    return true;
}

/* The largest count among those that stop the engine entirely; after these, the one that slows it
 * down. */
static uint32_t *deepest(amphi_crash_facts *facts)
{
    uint32_t *largest = &facts->crashes_early;
    if (facts->crashes_plain > *largest)
        largest = &facts->crashes_plain;
    if (facts->kills_memory > *largest)
        largest = &facts->kills_memory;
    return *largest > 0 ? largest : &facts->crashes;
}

/* A kill from outside is never forgiven; it leaves the window with time. */
static void wait_for_window(tally *t)
{
    int64_t left_ms = t->outside_ms + t->window_ms - t->now_ms;
    if (t->outside_ms != 0 && left_ms > 0)
        t->facts.outside_left_s = (uint32_t)((left_ms + 999) / 1000);
}

static void forgive(tally *t, uint32_t quiet_s)
{
    int64_t quiet_ms = (int64_t)(quiet_s > 0 ? quiet_s : 1) * 1000;
    int64_t since_ms = t->now_ms > t->newest_ms ? t->now_ms - t->newest_ms : 0;
    if (t->newest_ms == 0)
        return;
    t->facts.quiet_left_s = (uint32_t)((quiet_ms - since_ms % quiet_ms + 999) / 1000);
    for (int64_t left = since_ms / quiet_ms; left > 0; left--) {
        uint32_t *from = deepest(&t->facts);
        if (*from == 0)
            return;
        --*from;
        t->facts.forgiven++;
    }
}

void amphi__crash_ledger_facts(amphi_client *client, const amphi_policy *policy,
    const amphi_engine_info *info, amphi_crash_facts *out)
{
    char scratch[AMPHI_NAME_MAX * 2];
    amphi_error error;
    tally t = {.build = amphi_str_from(info->build),
        .now_ms = amphi__clock_wall_ms(client->clock),
        .window_ms = (int64_t)policy->crash_window_s * 1000,
        .outside_limit = policy->crash_outside_limit};
    memset(out, 0, sizeof *out);
    if (info->kind != AMPHI_ENGINE_LOCAL || !amphi__crash_ledger_is_supported(client))
        return;
    if (client->store.ops->ledger_list(client->store.self, model_of(info, scratch),
            t.now_ms - t.window_ms, count, &t, &error) != AMPHI_OK) {
        amphi__log(&client->log, AMPHI_LOG_WARNING, "ledger: %s", error.message);
        /* A record that is there and can't be read may hold a crash of this model. A lock is gone
         * in a moment, and until then only an engine inside the app can do it harm. */
        out->is_unreadable = error.status != AMPHI_E_BUSY || info->in_process;
        return;
    }
    for (size_t i = 0; i < t.ended_count; i++) {
        set(client, &t.ended[i].start, AMPHI_START_HOST_DIED);
        if (t.ended[i].in_process)
            amphi__rollout_guard_host_died(client, t.ended[i].start.id, t.ended[i].started_ms);
    }
    forgive(&t, policy->crash_quiet_s);
    wait_for_window(&t);
    *out = t.facts;
}

bool amphi__crash_ledger_allows(amphi_client *client, const amphi_route *route)
{
    amphi_engine_info info;
    amphi_crash_facts crash;
    if (!amphi__route_identify(route, &info))
        amphi__route_describe(route, &info);
    amphi_policy policy;
    amphi__client_policy(client, &policy);
    amphi__crash_ledger_facts(client, &policy, &info, &crash);
    return !amphi__policy_is_quarantined(&policy, &crash);
}

/* The same from memory, while this client has written nothing since; rows of other processes are
 * seen after FRESH_MS. */
static void known_facts(amphi_client *client, amphi_route *route, const amphi_policy *policy,
    const amphi_engine_info *info, amphi_crash_facts *out)
{
    amphi_known_crashes *known = &route->known;
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    unsigned writes = atomic_load(&client->ledger_writes);
    amphi__mutex_lock(&client->lock);
    bool fresh = known->read_ms != 0 && known->writes == writes &&
                 now_ms - known->read_ms < FRESH_MS &&
                 strcmp(known->fingerprint, info->fingerprint) == 0 &&
                 strcmp(known->build, info->build) == 0;
    *out = known->facts;
    amphi__mutex_unlock(&client->lock);
    if (fresh)
        return;
    amphi__crash_ledger_facts(client, policy, info, out);
    amphi__mutex_lock(&client->lock);
    amphi__str_copy_to(
        known->fingerprint, sizeof known->fingerprint, amphi_str_from(info->fingerprint));
    amphi__str_copy_to(known->build, sizeof known->build, amphi_str_from(info->build));
    known->facts = *out;
    known->writes = writes;
    known->read_ms = now_ms > 0 ? now_ms : 1;
    amphi__mutex_unlock(&client->lock);
}

static void add_deaths(amphi_client *client, const amphi_engine_info *info, uint32_t count,
    amphi_start_phase phase, amphi_start_outcome outcome)
{
    for (uint32_t i = 0; i < count && i < DEATHS_AT_ONCE_MAX; i++)
        (void)add(client, info, false, phase, outcome);
}

/* How many more than *seen, which is advanced. An info older than the last one adds nothing. */
static uint32_t newer(uint32_t now, uint32_t *seen)
{
    uint32_t more = now > *seen ? now - *seen : 0;
    *seen += more;
    return more;
}

static amphi_route_deaths new_deaths(amphi_route *route, const amphi_engine_info *info)
{
    return (amphi_route_deaths){newer(info->deaths_early, &route->deaths.early),
        newer(info->deaths_late, &route->deaths.late),
        newer(info->deaths_memory, &route->deaths.memory),
        newer(info->deaths_outside, &route->deaths.outside)};
}

void amphi__crash_ledger_acknowledge_deaths(amphi_route *route, const amphi_engine_info *info)
{
    (void)new_deaths(route, info);
}

/* Deaths outside of attempts: one row each. */
static uint32_t note_deaths(amphi_client *client, amphi_route *route, const amphi_engine_info *info)
{
    amphi_route_deaths new = {0};
    bool is_short = info->deaths_outside != 0 && amphi__client_is_short_of_memory(client);
    amphi_start_outcome fault =
        info->failure == AMPHI_E_ENGINE_STALLED ? AMPHI_START_STALLED : AMPHI_START_CRASHED;
    amphi__mutex_lock(&client->lock);
    if (route->load == 0) /* an attempt under way records its engine's death itself */
        new = new_deaths(route, info);
    amphi__mutex_unlock(&client->lock);
    add_deaths(client, info, new.early, AMPHI_START_LOAD, fault);
    add_deaths(client, info, new.late, AMPHI_START_TOKEN, fault);
    add_deaths(client, info, new.memory, AMPHI_START_LOAD, AMPHI_START_OUT_OF_MEMORY);
    add_deaths(client, info, new.outside, AMPHI_START_LOAD,
        is_short ? AMPHI_START_OUT_OF_MEMORY : AMPHI_START_KILLED);
    if (new.early + new.late + new.memory > 0)
        amphi__rollout_guard_engine_died(client);
    return new.early + new.late + new.memory + new.outside;
}

uint32_t amphi__crash_ledger_describe(amphi_client *client, amphi_route *route,
    const amphi_policy *policy, amphi_engine_info *info, amphi_crash_facts *crash)
{
    bool kept = amphi__crash_ledger_is_supported(client);
    memset(crash, 0, sizeof *crash);
    if (kept && amphi__route_identify(route, info)) {
        known_facts(client, route, policy, info, crash);
        if (amphi__policy_is_quarantined(policy, crash)) {
            info->available = true; /* nothing else is known; the crash facts refuse it */
            return 0;
        }
    }
    amphi__route_describe(route, info); /* may take a while: no lock */
    if (!kept || info->kind != AMPHI_ENGINE_LOCAL)
        return 0;
    uint32_t deaths = note_deaths(client, route, info);
    known_facts(client, route, policy, info, crash);
    return deaths;
}
