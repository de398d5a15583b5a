/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads records, as one object or as JSON Lines, makes each decision again from its inputs, and
 * holds it against what was recorded: byte for byte, then by where each route stands.
 */
#include "sdk/client/decision_record.h"
#include "sdk/client/replay_compare.h"
#include "sdk/client/stream.h"
#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <amphi/policy.h>
#include <amphi/replay.h>
#include <amphi/version.h>

#include <stdio.h>

/* Documents that the lines before the records bring. */
#define DOCUMENTS_MAX (4 * AMPHI_POLICIES_KEPT_MAX)

typedef enum outcome { SAME, REWORDED, CHANGED, WITHOUT_INPUTS, OUTCOMES } outcome;

static const char *const outcome_names[OUTCOMES] = {
    "same", "reworded", "changed", "without_inputs"};

typedef struct replay {
    amphi_json_writer writer;
    amphi_buf words;
    bool has_policy;
    amphi_policy policy;                   /* to decide by, where has_policy */
    char digest[AMPHI_POLICY_DIGEST_SIZE]; /* its own */
    amphi_buf document;                    /* all of it */
    amphi_json *documents[DOCUMENTS_MAX];  /* {"policy":...,"document":...} */
    size_t documents_count;
    size_t records;
    uint64_t outcomes[OUTCOMES];
    /* Between the document of `fields_of` and the one to decide by. */
    amphi_replay_fields fields;
    char fields_of[AMPHI_POLICY_DIGEST_SIZE];
} replay;

/* ---- Documents ---- */

static amphi_status write_document(
    const amphi_policy *policy, amphi_buf *document, char digest[AMPHI_POLICY_DIGEST_SIZE])
{
    uint8_t hash[32];
    amphi_status status = amphi__policy_to_json(policy, document);
    if (status == AMPHI_OK)
        status = amphi__sha256(amphi__buf_str(document), hash);
    if (status == AMPHI_OK)
        amphi__hex(digest, hash, (AMPHI_POLICY_DIGEST_SIZE - 1) / 2);
    return status;
}

static amphi_status take_policy(replay *r, amphi_str json, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    amphi__policy_init(&r->policy);
    r->has_policy = json.size > 0;
    if (r->has_policy)
        status = amphi__policy_apply_json(&r->policy, json, error);
    if (status == AMPHI_OK && r->has_policy &&
        write_document(&r->policy, &r->document, r->digest) != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    return status;
}

static const amphi_json *find_document(const replay *r, const amphi_json *record, amphi_str digest)
{
    const amphi_json *own = amphi__json_get(record, "document");
    for (size_t i = 0; own == NULL && i < r->documents_count; i++)
        if (amphi__str_equal(
                amphi__json_string(amphi__json_get(r->documents[i], "policy")), digest))
            own = amphi__json_get(r->documents[i], "document");
    return own;
}

/* The document that a record was decided by; *is_known false: it is not at hand. */
static amphi_status read_policy(const replay *r, const amphi_json *record, amphi_str digest,
    amphi_policy *out, bool *is_known, amphi_error *error)
{
    amphi_buf text;
    const amphi_json *document = find_document(r, record, digest);
    *is_known = document != NULL;
    amphi__policy_init(out);
    if (document == NULL)
        return AMPHI_OK;
    amphi__buf_init(&text, 0);
    amphi_status status = amphi__json_write(&text, document);
    status = status == AMPHI_OK ? amphi__policy_apply_json(out, amphi__buf_str(&text), error)
                                : amphi__fail_no_memory(error);
    amphi__buf_clear(&text);
    return status;
}

/* ---- One record ---- */

typedef struct replayed {
    const amphi_json *record, *decision, *inputs;
    amphi_decision_inputs read;
    amphi_policy recorded;
    bool has_recorded;
    amphi_plan plan;
    amphi_buf made, kept; /* the decision's bytes, now and then */
} replayed;

static amphi_status decide(replay *r, replayed *one, amphi_error *error)
{
    amphi_json_writer writer;
    amphi_str digest = amphi__json_string(amphi__json_get(one->inputs, "policy"));
    amphi_status status =
        amphi__decision_inputs_read(&one->read, one->inputs, "version policy", error);
    if (status == AMPHI_OK)
        status = read_policy(r, one->record, digest, &one->recorded, &one->has_recorded, error);
    if (status != AMPHI_OK)
        return status;
    if (!one->has_recorded && !r->has_policy)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "the policy document %.*s, by which it was decided, is not at hand; a document to "
            "decide by is needed (--policy)",
            digest.size < AMPHI_POLICY_DIGEST_SIZE ? (int)digest.size : 0, digest.data);
    amphi__decision_inputs_plan(
        &one->plan, r->has_policy ? &r->policy : &one->recorded, &one->read);
    amphi__json_writer_init(&writer, &one->made);
    amphi__record_decision(&writer, NULL, &one->plan.decision);
    amphi__json_write(&one->kept, one->decision);
    return one->made.status == AMPHI_OK && one->kept.status == AMPHI_OK
               ? AMPHI_OK
               : amphi__fail_no_memory(error);
}

static outcome judge(const replayed *one)
{
    if (amphi__str_equal(amphi__buf_str(&one->made), amphi__buf_str(&one->kept)))
        return SAME;
    for (size_t i = 0; i < one->read.facts.routes_count; i++) {
        const char *route = one->read.routes[i].info.name;
        amphi_replay_stand from = amphi__replay_stand_recorded(one->decision, route);
        amphi_replay_stand to = amphi__replay_stand_planned(&one->plan, route);
        if (!amphi__replay_stands_alike(&from, &to))
            return CHANGED;
    }
    return REWORDED;
}

static amphi_status find_fields(replay *r, const replayed *one, amphi_error *error)
{
    amphi_buf document;
    char digest[AMPHI_POLICY_DIGEST_SIZE] = "";
    if (!r->has_policy || !one->has_recorded) {
        r->fields.count = 0;
        r->fields_of[0] = '\0';
        return AMPHI_OK;
    }
    amphi__buf_init(&document, 0);
    amphi_status status = write_document(&one->recorded, &document, digest);
    if (status == AMPHI_OK && strcmp(digest, r->fields_of) != 0) {
        status = amphi__replay_fields_find(
            &r->fields, amphi__buf_str(&document), amphi__buf_str(&r->document), error);
        memcpy(r->fields_of, digest, sizeof digest);
    }
    amphi__buf_clear(&document);
    return status;
}

static void put_pair(amphi_json_writer *writer, const char *key, amphi_str from, amphi_str to)
{
    amphi__json_open(writer, key, '{');
    amphi__json_put_str(writer, "from", from);
    amphi__json_put_str(writer, "to", to);
    amphi__json_close(writer, '}');
}

/* The outcome, and how the routes stand now. */
static void say(replay *r, const replayed *one, outcome is)
{
    static const char *const words[OUTCOMES] = {"the same plan, to the byte",
        "the same routes for the same reasons, in other words", "another plan",
        "it holds no inputs, so it can't be decided again: an older version recorded it, or the "
        "answer came from the cache"};
    long long id = amphi__json_int(amphi__json_get(one->record, "answer"), 0);
    if (id > 0)
        amphi__buf_printf(&r->words, "answer %lld: ", id);
    amphi__buf_printf(&r->words, "%s\n", words[is]);
    if (is == WITHOUT_INPUTS)
        return;
    for (size_t i = 0; i < one->plan.decision.entries_count; i++) {
        const amphi_decision_route *route = &one->plan.decision.entries[i].route;
        if (route->kept)
            amphi__buf_printf(&r->words, "  %zu. %s: %s\n", i + 1, route->route, route->why);
        else
            amphi__buf_printf(&r->words, "  -  %s: refused: %s\n", route->route, route->why);
    }
    if (one->plan.steps_count == 0)
        amphi__buf_printf(&r->words, "  no route is left: %s\n", one->plan.refusal.message);
}

static amphi_status write_replayed(replay *r, const replayed *one, outcome is, amphi_error *error)
{
    char version[32] = "";
    amphi_str digest = amphi__json_string(amphi__json_get(one->inputs, "policy"));
    amphi__str_copy_to(
        version, sizeof version, amphi__json_string(amphi__json_get(one->inputs, "version")));
    amphi__json_open(&r->writer, NULL, '{');
    if (amphi__json_get(one->record, "answer") != NULL)
        amphi__json_put_value(&r->writer, "answer", amphi__json_get(one->record, "answer"));
    amphi__json_put_str(&r->writer, "outcome", amphi_str_from(outcome_names[is]));
    say(r, one, is);
    if (is == WITHOUT_INPUTS) {
        amphi__json_close(&r->writer, '}');
        return AMPHI_OK;
    }
    amphi__json_put_raw(&r->writer, "decision", amphi__buf_str(&one->made));
    amphi__record_totals(&r->writer, &one->plan.decision);
    put_pair(&r->writer, "policy", digest, r->has_policy ? amphi_str_from(r->digest) : digest);
    put_pair(&r->writer, "version", amphi_str_from(version), amphi_str_from(amphi_version()));
    amphi_status status = is != SAME ? find_fields(r, one, error) : AMPHI_OK;
    const amphi_replay_case c = {&one->read, &one->recorded, &r->fields, version, &r->words};
    if (status == AMPHI_OK && is != SAME)
        amphi__replay_write_changes(&r->writer, &c, one->decision, &one->plan);
    amphi__json_close(&r->writer, '}');
    return status;
}

static amphi_status replay_record(replay *r, const amphi_json *record, amphi_error *error)
{
    replayed *one = amphi__calloc(1, sizeof *one);
    outcome is = WITHOUT_INPUTS;
    amphi_status status = AMPHI_OK;
    if (one == NULL)
        return amphi__fail_no_memory(error);
    one->record = record;
    one->decision = amphi__json_get(record, "decision");
    one->inputs = amphi__json_get(record, "inputs");
    amphi__buf_init(&one->made, 0);
    amphi__buf_init(&one->kept, 0);
    if (one->inputs != NULL) {
        status = decide(r, one, error);
        is = status == AMPHI_OK ? judge(one) : is;
    }
    if (status == AMPHI_OK)
        r->outcomes[is]++;
    if (status == AMPHI_OK && (is != SAME || r->records == 1))
        status = write_replayed(r, one, is, error);
    amphi__buf_clear(&one->made);
    amphi__buf_clear(&one->kept);
    amphi__free(one);
    return status;
}

/* ---- Lines ---- */

typedef enum line_kind { LINE_HEAD, LINE_DOCUMENT, LINE_RECORD, LINE_UNKNOWN } line_kind;

static line_kind kind_of(const amphi_json *root)
{
    if (amphi__json_kind(amphi__json_get(root, "decision")) == AMPHI_JSON_ARRAY)
        return LINE_RECORD;
    if (amphi__json_is_string(amphi__json_get(root, "policy")) &&
        amphi__json_kind(amphi__json_get(root, "document")) == AMPHI_JSON_OBJECT)
        return LINE_DOCUMENT;
    return amphi__json_int(amphi__json_get(root, "amphi_records"), 0) == 1 ? LINE_HEAD
                                                                           : LINE_UNKNOWN;
}

/* With `count`, only how many records there are. */
static amphi_status take_line(replay *r, amphi_str line, bool count, amphi_error *error)
{
    amphi_json *root = NULL;
    amphi_status status = amphi__json_parse(&root, line, "it", error);
    line_kind kind = kind_of(root);
    if (status == AMPHI_OK && kind == LINE_UNKNOWN)
        status = amphi__fail(
            error, AMPHI_E_FORMAT, 0, "neither the record of an answer nor a policy document");
    else if (status == AMPHI_OK && kind == LINE_DOCUMENT && count) {
        if (r->documents_count == DOCUMENTS_MAX)
            status = amphi__fail(
                error, AMPHI_E_LIMIT, 0, "more than %u policy documents", (unsigned)DOCUMENTS_MAX);
        else
            r->documents[r->documents_count++] = root;
        root = status == AMPHI_OK ? NULL : root;
    } else if (status == AMPHI_OK && kind == LINE_RECORD && count)
        r->records++;
    else if (status == AMPHI_OK && kind == LINE_RECORD)
        status = replay_record(r, root, error);
    amphi__json_free(root);
    return status;
}

static amphi_status take_lines(replay *r, amphi_str text, bool count, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    size_t number = 0;
    while (status == AMPHI_OK && text.size > 0) {
        amphi_error why;
        amphi_str line = amphi__str_trim(amphi__str_cut(text, '\n', &text));
        number++;
        if (line.size == 0)
            continue;
        status = take_line(r, line, count, &why);
        if (status != AMPHI_OK)
            (void)amphi__fail(error, status, 0, "line %zu: %s", number, why.message);
    }
    return status;
}

static amphi_status run(replay *r, amphi_str records, amphi_error *error)
{
    amphi_status status = take_lines(r, records, true, error);
    if (status == AMPHI_OK && r->records == 0)
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "there is no record of an answer in it");
    if (status != AMPHI_OK)
        return status;
    amphi__json_open(&r->writer, NULL, '{');
    amphi__json_open(&r->writer, "replayed", '[');
    status = take_lines(r, records, false, error);
    amphi__json_close(&r->writer, ']');
    amphi__json_put_int(&r->writer, "decisions", (int64_t)r->records);
    for (int i = 0; i < OUTCOMES; i++)
        amphi__json_put_int(&r->writer, outcome_names[i], (int64_t)r->outcomes[i]);
    amphi__json_close(&r->writer, '}');
    if (r->records > 1)
        amphi__buf_printf(&r->words,
            "%zu decisions: %llu the same, %llu in other words, %llu changed, %llu without "
            "inputs\n",
            r->records, (unsigned long long)r->outcomes[SAME],
            (unsigned long long)r->outcomes[REWORDED], (unsigned long long)r->outcomes[CHANGED],
            (unsigned long long)r->outcomes[WITHOUT_INPUTS]);
    return status;
}

amphi_status amphi_replay(
    char **out, char **words, amphi_str records, amphi_str policy_json, amphi_error *error)
{
    amphi_buf text;
    amphi__error_clear(error);
    if (out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out is NULL");
    *out = NULL;
    if (words != NULL)
        *words = NULL;
    replay *r = amphi__calloc(1, sizeof *r);
    if (r == NULL)
        return amphi__fail_no_memory(error);
    amphi__buf_init(&text, 0);
    amphi__buf_init(&r->document, 0);
    amphi__buf_init(&r->words, 0);
    amphi__json_writer_init(&r->writer, &text);
    amphi_status status = take_policy(r, policy_json, error);
    if (status == AMPHI_OK)
        status = run(r, records, error);
    if (status == AMPHI_OK && words != NULL && (*words = amphi__buf_take(&r->words)) == NULL)
        status = amphi__fail_no_memory(error);
    if (status == AMPHI_OK && (*out = amphi__buf_take(&text)) == NULL)
        status = amphi__fail_no_memory(error);
    for (size_t i = 0; i < r->documents_count; i++)
        amphi__json_free(r->documents[i]);
    if (status != AMPHI_OK && words != NULL) {
        amphi_string_free(*words);
        *words = NULL;
    }
    amphi__buf_clear(&r->document);
    amphi__buf_clear(&r->words);
    amphi__buf_clear(&text);
    amphi__free(r);
    return status;
}
