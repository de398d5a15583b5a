/* SPDX-License-Identifier: Apache-2.0
 *
 * A field is held responsible for a route's change when the recorded document with this field alone
 * as it is now changes how the route stands. Where none does so alone, all of them together did.
 */
#include "sdk/client/replay_compare.h"

#include "sdk/core/sentence.h"
#include "sdk/core/str.h"

#include <amphi/policy.h>
#include <amphi/version.h>

#include <stdio.h>

/* ---- Documents ---- */

amphi_status amphi__replay_fields_find(
    amphi_replay_fields *out, amphi_str from, amphi_str to, amphi_error *error)
{
    amphi_policy_field_info a;
    amphi_policy_field_info b;
    amphi_status status = AMPHI_OK;
    out->count = 0;
    for (size_t i = 0; status == AMPHI_OK && out->count < AMPHI_REPLAY_FIELDS_MAX; i++) {
        amphi_policy_field_info_init(&a);
        amphi_policy_field_info_init(&b);
        status = amphi_policy_field_at(&a, i, from, error);
        if (status == AMPHI_OK)
            status = amphi_policy_field_at(&b, i, to, error);
        if (status != AMPHI_OK || strcmp(a.value, b.value) == 0)
            continue;
        amphi_replay_field *field = &out->fields[out->count++];
        field->name = a.name;
        amphi__str_copy_to(field->from, sizeof field->from, amphi_str_from(a.value));
        amphi__str_copy_to(field->to, sizeof field->to, amphi_str_from(b.value));
    }
    return status == AMPHI_E_NOT_FOUND ? AMPHI_OK : status; /* behind the last one */
}

/* {"battery":{"min_percent":30}}. false: the document with it contradicts itself. */
static bool apply_field(amphi_policy *policy, const amphi_replay_field *field)
{
    amphi_buf json;
    size_t groups = 0;
    amphi__buf_init(&json, 0);
    amphi_str rest = amphi_str_from(field->name);
    while (rest.size > 0) {
        amphi_str name = amphi__str_cut(rest, '.', &rest);
        amphi__buf_printf(&json, "{\"%.*s\":", (int)name.size, name.data);
        groups++;
    }
    amphi__buf_append_c(&json, field->to);
    while (groups-- > 0)
        amphi__buf_append_char(&json, '}');
    bool done = json.status == AMPHI_OK &&
                amphi__policy_apply_json(policy, amphi__buf_str(&json), NULL) == AMPHI_OK;
    amphi__buf_clear(&json);
    return done;
}

/* ---- Where a route stands ---- */

static amphi_reason reason_named(amphi_str name)
{
    for (unsigned r = 0; r < AMPHI_REASON_COUNT; r++)
        if (amphi__str_equal_c(name, amphi_reason_name((amphi_reason)r)))
            return (amphi_reason)r;
    return AMPHI_REASON_COUNT;
}

amphi_replay_stand amphi__replay_stand_recorded(const amphi_json *decision, const char *route)
{
    amphi_replay_stand stand = {.reason = AMPHI_REASON_COUNT, .why = ""};
    size_t place = 0;
    for (const amphi_json *e = amphi__json_first(decision); e != NULL; e = amphi__json_next(e)) {
        bool kept = amphi__json_bool(amphi__json_get(e, "kept"), false);
        place += kept;
        if (!amphi__str_equal_c(amphi__json_string(amphi__json_get(e, "route")), route))
            continue;
        stand.place = kept ? place : 0;
        stand.reason = reason_named(amphi__json_string(amphi__json_get(e, "reason")));
        stand.why = amphi__json_string(amphi__json_get(e, "why")).data;
    }
    if (stand.why == NULL)
        stand.why = "";
    return stand;
}

amphi_replay_stand amphi__replay_stand_planned(const amphi_plan *plan, const char *route)
{
    amphi_replay_stand stand = {.reason = AMPHI_REASON_COUNT, .why = ""};
    size_t place = 0;
    for (size_t i = 0; i < plan->decision.entries_count; i++) {
        const amphi_decision_route *r = &plan->decision.entries[i].route;
        place += r->kept;
        if (strcmp(r->route, route) == 0)
            stand = (amphi_replay_stand){r->kept ? place : 0, r->reason, r->why};
    }
    return stand;
}

bool amphi__replay_stands_alike(const amphi_replay_stand *a, const amphi_replay_stand *b)
{
    return a->place == b->place && a->reason == b->reason;
}

/* ---- Changes ---- */

/* Bits of c->fields: those that change the route's stand alone. 0: the recorded document makes the
 * same of it by now, so another version decides otherwise. */
static uint32_t find_causes(const amphi_replay_case *c, const char *route,
    const amphi_replay_stand *to, amphi_plan *scratch)
{
    uint32_t causes = 0;
    amphi__decision_inputs_plan(scratch, c->policy, c->inputs);
    amphi_replay_stand before = amphi__replay_stand_planned(scratch, route);
    if (amphi__replay_stands_alike(&before, to))
        return 0;
    for (size_t i = 0; i < c->fields->count; i++) {
        amphi_policy policy = *c->policy;
        if (!apply_field(&policy, &c->fields->fields[i]))
            continue;
        amphi__decision_inputs_plan(scratch, &policy, c->inputs);
        amphi_replay_stand after = amphi__replay_stand_planned(scratch, route);
        if (!amphi__replay_stands_alike(&before, &after))
            causes |= (uint32_t)1 << i;
    }
    return causes != 0 ? causes : (uint32_t)(((uint64_t)1 << c->fields->count) - 1);
}

static void write_stand(amphi_json_writer *writer, const char *key, const amphi_replay_stand *stand)
{
    amphi__json_open(writer, key, '{');
    amphi__json_put_int(writer, "place", (int64_t)stand->place);
    if (stand->reason != AMPHI_REASON_COUNT)
        amphi__json_put_str(writer, "reason", amphi_str_from(amphi_reason_name(stand->reason)));
    amphi__json_put_str(writer, "why", amphi_str_from(stand->why));
    amphi__json_close(writer, '}');
}

static void put_place(char out[40], size_t place)
{
    if (place == 0)
        snprintf(out, 40, "refused");
    else
        snprintf(out, 40, "tried as number %zu", place);
}

/* "battery.min_percent 20 -> 30: local now refused (then tried as number 1): battery 22 % ..." */
static void write_words(amphi_json_writer *writer, const amphi_replay_case *c, uint32_t causes,
    const char *route, const amphi_replay_stand *from, const amphi_replay_stand *to)
{
    amphi_buf words;
    char then[40];
    char now[40];
    bool first = true;
    amphi__buf_init(&words, 0);
    for (size_t i = 0; i < c->fields->count; i++) {
        const amphi_replay_field *field = &c->fields->fields[i];
        if ((causes >> i & 1) == 0)
            continue;
        amphi__buf_printf(
            &words, "%s%s %s -> %s", first ? "" : ", ", field->name, field->from, field->to);
        first = false;
    }
    if (first && strcmp(c->version, amphi_version()) == 0)
        amphi__buf_printf(&words, "another build of version %s", c->version);
    else if (first)
        amphi__buf_printf(&words, "version %s -> %s", c->version, amphi_version());
    put_place(then, from->place);
    put_place(now, to->place);
    if (to->reason == AMPHI_REASON_COUNT)
        amphi__buf_printf(&words, ": %s is no route any more", route);
    else if (from->place == to->place)
        amphi__buf_printf(&words, ": %s still %s, for another reason: %s", route, now, to->why);
    else
        amphi__buf_printf(&words, ": %s now %s (then %s): %s", route, now, then, to->why);
    amphi__json_put_str(writer, "words", amphi__buf_str(&words));
    amphi__buf_append_c(c->words, "  ");
    amphi__buf_append_str(c->words, amphi__buf_str(&words));
    amphi__buf_append_char(c->words, '\n');
    amphi__buf_clear(&words);
}

static void write_change(amphi_json_writer *writer, const amphi_replay_case *c, const char *route,
    const amphi_replay_stand *from, const amphi_replay_stand *to, amphi_plan *scratch)
{
    uint32_t causes = find_causes(c, route, to, scratch);
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "route", amphi_str_from(route));
    amphi__json_open(writer, "fields", '[');
    for (size_t i = 0; i < c->fields->count; i++) {
        if ((causes >> i & 1) == 0)
            continue;
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "field", amphi_str_from(c->fields->fields[i].name));
        amphi__json_put_raw(writer, "from", amphi_str_from(c->fields->fields[i].from));
        amphi__json_put_raw(writer, "to", amphi_str_from(c->fields->fields[i].to));
        amphi__json_close(writer, '}');
    }
    amphi__json_close(writer, ']');
    write_stand(writer, "from", from);
    write_stand(writer, "to", to);
    write_words(writer, c, causes, route, from, to);
    amphi__json_close(writer, '}');
}

void amphi__replay_write_changes(amphi_json_writer *writer, const amphi_replay_case *c,
    const amphi_json *recorded, const amphi_plan *now)
{
    amphi_plan scratch;
    amphi__json_open(writer, "changes", '[');
    for (size_t i = 0; i < c->inputs->facts.routes_count; i++) {
        const char *route = c->inputs->routes[i].info.name;
        amphi_replay_stand from = amphi__replay_stand_recorded(recorded, route);
        amphi_replay_stand to = amphi__replay_stand_planned(now, route);
        if (!amphi__replay_stands_alike(&from, &to))
            write_change(writer, c, route, &from, &to, &scratch);
    }
    amphi__json_close(writer, ']');
}
