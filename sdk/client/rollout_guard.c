/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of an answer's troubles are the release's, and the record's life. What counts:
 *
 *     crash     an engine died, hung or ran out of memory in it, or the app died with an engine
 *     error     no route answered (but the network was there, and the request was a good one)
 *     slow      its first token came late
 *     takeover  a route failed, and another one answered
 *
 * Neither slow nor a takeover: an answer that was hedged, or handed off because its first tokens
 * were in doubt. The policy does that on purpose, whichever release is in force.
 *
 * Answers under a release are written at once, those without one every few seconds: what a crash
 * takes along of these says nothing bad of the release.
 */
#include "sdk/client/rollout_guard.h"

#include "sdk/client/background.h"
#include "sdk/client/rollout.h"
#include "sdk/client/rollout_record.h"
#include "sdk/client/stream.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#define SETTING          "rollout.guard"
#define RECORD_BYTES_MAX 8192u
#define SWAPS_MAX        64u
#define WRITE_MS         5000u

/* ---- the record ---- */

static void copy_value(void *user, amphi_str value)
{
    amphi__buf_append_str(user, value);
}

static amphi_status read_text(amphi_client *client, amphi_buf *out)
{
    amphi_status status = client->store.ops->setting_get(
        client->store.self, AMPHI_STR(SETTING), copy_value, out, NULL);
    return status == AMPHI_E_NOT_FOUND ? AMPHI_OK : status == AMPHI_OK ? out->status : status;
}

/* What is to be done to the record; false: nothing is to be written. */
typedef bool change_fn(amphi_rollout_record *record, void *user);

static amphi_status change_once(amphi_client *client, change_fn *change, void *user)
{
    const amphi_store_ops *ops = client->store.ops;
    amphi_rollout_record record;
    amphi_buf before, after;
    amphi__buf_init(&before, RECORD_BYTES_MAX);
    amphi__buf_init(&after, RECORD_BYTES_MAX);
    amphi_status status = read_text(client, &before);
    if (status != AMPHI_OK)
        goto cleanup;
    amphi__rollout_record_read(&record, amphi__buf_str(&before));
    if (!change(&record, user))
        goto cleanup;
    amphi__rollout_record_write(&record, &after);
    status = after.status;
    if (status == AMPHI_OK)
        status = ops->setting_swap != NULL
                     ? ops->setting_swap(client->store.self, AMPHI_STR(SETTING),
                           amphi__buf_str(&before), amphi__buf_str(&after), NULL)
                     : ops->setting_put(
                           client->store.self, AMPHI_STR(SETTING), amphi__buf_str(&after), NULL);
cleanup:
    amphi__buf_clear(&before);
    amphi__buf_clear(&after);
    return status;
}

/* Again while other processes are faster. A record that cannot be written costs no answer. */
static bool change_record(amphi_client *client, change_fn *change, void *user)
{
    amphi_status status = AMPHI_E_BUSY;
    for (unsigned i = 0; i < SWAPS_MAX && status == AMPHI_E_BUSY; i++)
        status = change_once(client, change, user);
    if (status != AMPHI_OK)
        amphi__log(&client->log, AMPHI_LOG_WARNING,
            "rollout: the guard's record could not be written: %s", amphi_status_name(status));
    return status == AMPHI_OK;
}

void amphi__rollout_guard_load(amphi_client *client)
{
    amphi_rollout_record record;
    amphi_buf text;
    char payload[17];
    amphi__rollout_payload_name(client->rollout, payload);
    amphi__buf_init(&text, RECORD_BYTES_MAX);
    if (read_text(client, &text) == AMPHI_OK && payload[0] != '\0') {
        amphi__rollout_record_read(&record, amphi__buf_str(&text));
        const amphi_rollout_given_up *found = amphi__rollout_record_find(&record, payload);
        if (found != NULL)
            amphi__rollout_give_up(client->rollout, payload, &found->why);
    }
    amphi__buf_clear(&text);
}

/* ---- groups ---- */

/* The tally of another payload's release is of no use any more. */
static void turn_to(amphi_rollout_record *record, const amphi_rollout_arm *arm)
{
    if (arm->group != AMPHI_ROLLOUT_TREATED || strcmp(record->payload, arm->payload) == 0)
        return;
    amphi__str_copy_to(record->payload, sizeof record->payload, amphi_str_from(arm->payload));
    memset(&record->treated, 0, sizeof record->treated);
}

typedef struct beginning {
    const amphi_rollout_arm *arm;
    int64_t now_ms;
} beginning;

static bool begin_group(amphi_rollout_record *record, void *user)
{
    const beginning *b = user;
    bool is_treated = b->arm->group == AMPHI_ROLLOUT_TREATED;
    bool is_same = is_treated == record->is_treated && record->since_ms != 0 &&
                   (!is_treated || strcmp(record->payload, b->arm->payload) == 0);
    turn_to(record, b->arm);
    if (!is_same) {
        record->is_treated = is_treated;
        record->since_ms = b->now_ms;
    }
    return !is_same;
}

void amphi__rollout_guard_begin(amphi_client *client, const amphi_rollout_arm *arm)
{
    beginning b = {arm, amphi__clock_wall_ms(client->clock)};
    amphi__mutex_lock(&client->lock);
    bool is_new = client->guard.last.group != arm->group ||
                  strcmp(client->guard.last.payload, arm->payload) != 0;
    amphi__mutex_unlock(&client->lock);
    if (!is_new || arm->group == AMPHI_ROLLOUT_NONE || arm->group == AMPHI_ROLLOUT_MIXED ||
        !change_record(client, begin_group, &b))
        return;
    amphi__mutex_lock(&client->lock);
    client->guard.last = *arm;
    amphi__mutex_unlock(&client->lock);
}

/* ---- counting ---- */

typedef struct outcome {
    const amphi_policy *policy;
    amphi_rollout_arm arm;
    unsigned faults;
    amphi_rollback_tally control; /* to be added */
    int64_t death, started_ms;    /* a row of the ledger; 0: none. It says which group */
    int64_t now_ms;
    amphi_rollback_verdict verdict;
} outcome;

static void add(amphi_rollback_tally *to, const amphi_rollback_tally *more)
{
    amphi_rollback_tally left = *more;
    for (; left.answers > 0; left.answers--) {
        unsigned faults = 0;
        for (unsigned i = AMPHI_ROLLBACK_CRASH; i < AMPHI_ROLLBACK_KINDS; i++) {
            faults |= (left.failed[i] > 0 ? 1u : 0u) << i;
            left.failed[i] -= left.failed[i] > 0;
        }
        amphi__rollback_age(to);
        amphi__rollback_count(to, faults);
    }
}

/* Whose answer it is, or whose death. false: it counts for no group: a death that was counted, or
 * of an earlier group; an answer under another payload than the record's. */
static bool find_group(amphi_rollout_record *record, outcome *o)
{
    if (o->death != 0) {
        if (!amphi__rollout_record_add_death(record, o->death) || o->started_ms < record->since_ms)
            return false;
        o->arm.group = record->is_treated ? AMPHI_ROLLOUT_TREATED : AMPHI_ROLLOUT_CONTROL;
        memcpy(o->arm.payload, record->payload, sizeof o->arm.payload);
    }
    return o->arm.group != AMPHI_ROLLOUT_TREATED || record->payload[0] == '\0' ||
           strcmp(record->payload, o->arm.payload) == 0;
}

/* Called again where another process wrote meanwhile, so *o is only read, but for what is found. */
static bool count_outcome(amphi_rollout_record *record, void *user)
{
    outcome *o = user;
    memset(&o->verdict, 0, sizeof o->verdict);
    add(&record->control, &o->control);
    if (!find_group(record, o))
        return true;
    if (o->death != 0 && o->arm.group == AMPHI_ROLLOUT_CONTROL) {
        amphi__rollback_age(&record->control);
        amphi__rollback_count(&record->control, o->faults);
    }
    if (o->arm.group != AMPHI_ROLLOUT_TREATED)
        return true;
    turn_to(record, &o->arm);
    amphi__rollback_count(&record->treated, o->faults);
    if (amphi__rollout_record_find(record, o->arm.payload) != NULL)
        return true;
    amphi__rollback_judge(&o->verdict, o->policy, &record->treated, &record->control);
    if (o->verdict.is_past)
        amphi__rollout_record_give_up(record, o->arm.payload, &o->verdict, o->now_ms);
    return true;
}

/* The policy in force goes back before the next request; the event comes from the background
 * thread. */
static void give_up(amphi_client *client, const outcome *o)
{
    char words[AMPHI_ROLLBACK_WORDS_MAX];
    amphi__rollback_words(words, &o->verdict);
    amphi__log(&client->log, AMPHI_LOG_WARNING, "rollout: rolled back: %s (payload %s)", words,
        o->arm.payload);
    (void)amphi__client_rollout_apply(client, NULL);
    amphi__background_wake(client->background);
}

/* Takes what is pending with it. false: it is not written, and is pending again. */
static bool write_outcome(amphi_client *client, outcome *o)
{
    o->now_ms = amphi__clock_wall_ms(client->clock);
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    amphi__mutex_lock(&client->lock);
    o->control = client->guard.pending;
    memset(&client->guard.pending, 0, sizeof client->guard.pending);
    client->guard.written_ms = now_ms > 0 ? now_ms : 1;
    amphi__mutex_unlock(&client->lock);
    amphi_rollback_tally pending = o->control;
    if (change_record(client, count_outcome, o)) {
        if (o->verdict.is_past)
            give_up(client, o);
        return true;
    }
    amphi__mutex_lock(&client->lock);
    add(&client->guard.pending, &pending);
    amphi__mutex_unlock(&client->lock);
    return false;
}

void amphi__rollout_guard_write(amphi_client *client)
{
    outcome o = {.arm.group = AMPHI_ROLLOUT_NONE};
    amphi__mutex_lock(&client->lock);
    bool any = client->guard.pending.answers > 0;
    amphi__mutex_unlock(&client->lock);
    if (any)
        (void)write_outcome(client, &o);
}

static void count_control(amphi_client *client, unsigned faults)
{
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    amphi__mutex_lock(&client->lock);
    amphi__rollback_count(&client->guard.pending, faults);
    bool is_due = faults != 0 || client->guard.written_ms == 0 ||
                  now_ms - client->guard.written_ms >= WRITE_MS;
    amphi__mutex_unlock(&client->lock);
    if (is_due)
        amphi__rollout_guard_write(client);
}

/* ---- answers ---- */

/* Whose fault is it? The release's, or the device's as it is: true. The caller's, the network's,
 * or what the operator or the user forbade: false. */
static bool counts(amphi_status status)
{
    switch (status) {
    case AMPHI_E_TIMEOUT:
    case AMPHI_E_TLS:
    case AMPHI_E_PROTOCOL:
    case AMPHI_E_TRUNCATED:
    case AMPHI_E_PROVIDER:
    case AMPHI_E_RATE_LIMITED:
    case AMPHI_E_AUTH:
    case AMPHI_E_QUOTA:
    case AMPHI_E_ENGINE_DIED:
    case AMPHI_E_ENGINE_STALLED:
    case AMPHI_E_RESOURCE:
    case AMPHI_E_BUSY:
    case AMPHI_E_CONTEXT_LENGTH:
    case AMPHI_E_UNSUPPORTED:
    case AMPHI_E_FORMAT:
    case AMPHI_E_LIMIT:
    case AMPHI_E_IO:
    case AMPHI_E_INTERNAL:
        return true;
    default:
        return false;
    }
}

static bool was_taken_over(const amphi_stream *stream)
{
    for (size_t i = 0; i < stream->takeovers_count; i++)
        if (stream->takeovers[i].reason != AMPHI_E_UNCERTAIN)
            return true;
    return false;
}

static unsigned faults_of(const amphi_stream *stream, bool is_complete, bool has_crashed)
{
    const amphi_policy *policy = &stream->privacy.policy;
    bool is_on_purpose = stream->was_hedged || stream->confidence.was_moved;
    uint64_t first_us =
        stream->first_token_us > 0 ? stream->first_token_us - stream->started_us : 0;
    unsigned faults = has_crashed ? 1u << AMPHI_ROLLBACK_CRASH : 0;
    if (!is_complete)
        faults |= 1u << AMPHI_ROLLBACK_ERROR;
    if (is_complete && !is_on_purpose && first_us > (uint64_t)policy->rollback_slow_ms * 1000)
        faults |= 1u << AMPHI_ROLLBACK_SLOW;
    if (!stream->was_hedged && was_taken_over(stream))
        faults |= 1u << AMPHI_ROLLBACK_TAKEOVER;
    return faults;
}

void amphi__rollout_guard_answer(amphi_stream *stream, bool is_complete)
{
    amphi_client *client = stream->client;
    const amphi_rollout_arm *arm = &stream->privacy.steering.arm;
    bool is_ours = is_complete ? !stream->cache_hit : counts(stream->error.status);
    if ((!is_ours && !stream->has_crashed) || arm->group == AMPHI_ROLLOUT_NONE ||
        arm->group == AMPHI_ROLLOUT_MIXED)
        return;
    amphi__mutex_lock(&client->lock);
    bool has_crashed = stream->has_crashed || client->guard.deaths > 0;
    client->guard.deaths = 0;
    amphi__mutex_unlock(&client->lock);
    unsigned faults = faults_of(stream, is_complete || !is_ours, has_crashed);
    outcome o = {.policy = &stream->privacy.policy, .arm = *arm, .faults = faults};
    if (arm->group == AMPHI_ROLLOUT_CONTROL)
        count_control(client, faults);
    else
        (void)write_outcome(client, &o);
}

void amphi__rollout_guard_engine_died(amphi_client *client)
{
    amphi__mutex_lock(&client->lock);
    client->guard.deaths++;
    amphi__mutex_unlock(&client->lock);
}

void amphi__rollout_guard_host_died(amphi_client *client, int64_t id, int64_t started_ms)
{
    amphi_policy policy;
    if (client->rollout == NULL)
        return;
    amphi__client_policy(client, &policy);
    outcome o = {.policy = &policy,
        .faults = 1u << AMPHI_ROLLBACK_CRASH,
        .death = id,
        .started_ms = started_ms};
    (void)write_outcome(client, &o);
}
