/* SPDX-License-Identifier: Apache-2.0
 *
 * See rollout_record.h. {"control":[ANSWERS,CRASH,ERROR,SLOW,TAKEOVER],"treated":[...],"payload":
 * "HEX","is_treated":true,"since":MS,"deaths":[ID,...],"given_up":[{"payload":"HEX","kind":"crash",
 * "counts":[FAILED,OF,CONTROL_FAILED,CONTROL_OF],"at":MS},...]}
 */
#include "sdk/client/rollout_record.h"

#include "sdk/core/json.h"
#include "sdk/core/str.h"

/* ---- reading ---- */

static uint32_t count_of(const amphi_json *value)
{
    int64_t number = amphi__json_int(value, 0);
    return number > 0 && number <= AMPHI_ROLLBACK_ANSWERS_MAX ? (uint32_t)number : 0;
}

static void read_tally(amphi_rollback_tally *out, const amphi_json *array)
{
    const amphi_json *value = amphi__json_first(array);
    out->answers = count_of(value);
    for (unsigned i = AMPHI_ROLLBACK_CRASH; i < AMPHI_ROLLBACK_KINDS && value != NULL; i++) {
        value = amphi__json_next(value);
        uint32_t failed = count_of(value);
        out->failed[i] = failed < out->answers ? failed : out->answers;
    }
}

static void read_given_up(amphi_rollout_record *out, const amphi_json *entry)
{
    amphi_rollout_given_up *to = &out->given_up[out->given_up_count];
    amphi_str payload = amphi__json_string(amphi__json_get(entry, "payload"));
    uint32_t counts[4] = {0};
    size_t i = 0;
    const amphi_json *list = amphi__json_get(entry, "counts");
    for (const amphi_json *c = amphi__json_first(list); c != NULL && i < 4; c = amphi__json_next(c))
        counts[i++] = count_of(c);
    *to = (amphi_rollout_given_up){
        .why = {.is_past = true,
            .kind = amphi__rollback_kind_named(amphi__json_string(amphi__json_get(entry, "kind"))),
            .failed = counts[0],
            .of = counts[1],
            .control_failed = counts[2],
            .control_of = counts[3]},
        .at_ms = amphi__json_int(amphi__json_get(entry, "at"), 0)};
    amphi__str_copy_to(to->payload, sizeof to->payload, payload);
    out->given_up_count += payload.size == 16 && to->why.kind != AMPHI_ROLLBACK_NONE;
}

void amphi__rollout_record_read(amphi_rollout_record *out, amphi_str text)
{
    amphi_json *root = NULL;
    memset(out, 0, sizeof *out);
    if (text.size == 0 || amphi__json_parse(&root, text, "rollout guard", NULL) != AMPHI_OK)
        return;
    read_tally(&out->control, amphi__json_get(root, "control"));
    read_tally(&out->treated, amphi__json_get(root, "treated"));
    amphi__str_copy_to(
        out->payload, sizeof out->payload, amphi__json_string(amphi__json_get(root, "payload")));
    out->is_treated = amphi__json_bool(amphi__json_get(root, "is_treated"), false);
    out->since_ms = amphi__json_int(amphi__json_get(root, "since"), 0);
    const amphi_json *list = amphi__json_get(root, "deaths");
    for (const amphi_json *d = amphi__json_first(list); d != NULL; d = amphi__json_next(d))
        if (out->deaths_count < AMPHI_ROLLOUT_DEATHS_MAX)
            out->deaths[out->deaths_count++] = amphi__json_int(d, 0);
    list = amphi__json_get(root, "given_up");
    for (const amphi_json *g = amphi__json_first(list); g != NULL; g = amphi__json_next(g))
        if (out->given_up_count < AMPHI_ROLLOUT_GIVEN_UP_MAX)
            read_given_up(out, g);
    amphi__json_free(root);
}

/* ---- writing ---- */

static void put_tally(amphi_json_writer *writer, const char *key, const amphi_rollback_tally *tally)
{
    amphi__json_open(writer, key, '[');
    amphi__json_put_int(writer, NULL, tally->answers);
    for (unsigned i = AMPHI_ROLLBACK_CRASH; i < AMPHI_ROLLBACK_KINDS; i++)
        amphi__json_put_int(writer, NULL, tally->failed[i]);
    amphi__json_close(writer, ']');
}

static void put_given_up(amphi_json_writer *writer, const amphi_rollout_given_up *entry)
{
    const amphi_rollback_verdict *why = &entry->why;
    const uint32_t counts[] = {why->failed, why->of, why->control_failed, why->control_of};
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "payload", amphi_str_from(entry->payload));
    amphi__json_put_str(writer, "kind", amphi_str_from(amphi__rollback_kind_name(why->kind)));
    amphi__json_open(writer, "counts", '[');
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        amphi__json_put_int(writer, NULL, counts[i]);
    amphi__json_close(writer, ']');
    amphi__json_put_int(writer, "at", entry->at_ms);
    amphi__json_close(writer, '}');
}

void amphi__rollout_record_write(const amphi_rollout_record *record, amphi_buf *out)
{
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    put_tally(&writer, "control", &record->control);
    put_tally(&writer, "treated", &record->treated);
    amphi__json_put_str(&writer, "payload", amphi_str_from(record->payload));
    amphi__json_put_bool(&writer, "is_treated", record->is_treated);
    amphi__json_put_int(&writer, "since", record->since_ms);
    amphi__json_open(&writer, "deaths", '[');
    for (size_t i = 0; i < record->deaths_count; i++)
        amphi__json_put_int(&writer, NULL, record->deaths[i]);
    amphi__json_close(&writer, ']');
    amphi__json_open(&writer, "given_up", '[');
    for (size_t i = 0; i < record->given_up_count; i++)
        put_given_up(&writer, &record->given_up[i]);
    amphi__json_close(&writer, ']');
    amphi__json_close(&writer, '}');
}

/* ---- lists; the oldest entry makes room ---- */

const amphi_rollout_given_up *amphi__rollout_record_find(
    const amphi_rollout_record *record, const char *payload)
{
    for (size_t i = 0; i < record->given_up_count; i++)
        if (strcmp(record->given_up[i].payload, payload) == 0)
            return &record->given_up[i];
    return NULL;
}

void amphi__rollout_record_give_up(amphi_rollout_record *record, const char *payload,
    const amphi_rollback_verdict *why, int64_t now_ms)
{
    amphi_rollout_given_up *list = record->given_up;
    if (record->given_up_count == AMPHI_ROLLOUT_GIVEN_UP_MAX)
        memmove(list, list + 1, --record->given_up_count * sizeof *list);
    amphi_rollout_given_up *to = &list[record->given_up_count++];
    *to = (amphi_rollout_given_up){.why = *why, .at_ms = now_ms};
    amphi__str_copy_to(to->payload, sizeof to->payload, amphi_str_from(payload));
}

bool amphi__rollout_record_add_death(amphi_rollout_record *record, int64_t id)
{
    for (size_t i = 0; i < record->deaths_count; i++)
        if (record->deaths[i] == id)
            return false;
    if (record->deaths_count == AMPHI_ROLLOUT_DEATHS_MAX)
        memmove(
            record->deaths, record->deaths + 1, --record->deaths_count * sizeof record->deaths[0]);
    record->deaths[record->deaths_count++] = id;
    return true;
}
