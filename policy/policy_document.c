/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy document. Everything that can be steered is one row of a table: dotted name, type,
 * place in amphi_policy, default, limits, unit. Reading, writing, defaults and the reference page
 * (sdk/docs/policy.md, compared with the table by a test) all walk that table, so a new field is
 * one line here. Reading is all or nothing: a document with one bad field changes no field.
 */
#include "policy/policy_document.h"
#include "policy/policy.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <math.h>
#include <stdio.h>

/* Deep enough for "local.budgets.first_token_ms". */
#define DOTTED_NAME_MAX   96
#define DOCUMENT_SIZE_MAX (64u << 10)
#define MICRODOLLARS      1e6

#define FIELD(name, type, member, otherwise, low, high, unit, help)                                \
    {                                                                                              \
        name, AMPHI_POLICY_##type, offsetof(amphi_policy, member), otherwise, low, high, unit,     \
            help, NULL                                                                             \
    }
#define CHOICE(name, member, choices, otherwise, last, help)                                       \
    {                                                                                              \
        name, AMPHI_POLICY_CHOICE, offsetof(amphi_policy, member), otherwise, 0, last, "", help,   \
            choices                                                                                \
    }

static const char *const private_history_names[] = {"local", "omit"};
static const char *const only_local_history_names[] = {"as_private", "send"};
static const char *const over_names[] = {"refuse", "last"};
static const char *const handoff_judge_names[] = {"off", "head", "any"};

/* Sorted so that fields with a common first part are neighbours: writing nests by that. */
static const amphi_policy_field fields[] = {
    FIELD("mode", MODE, mode, AMPHI_MODE_AUTO, AMPHI_MODE_AUTO, AMPHI_MODE_ONLY_CLOUD, "",
        "which kind of route goes first, or is the only one; a request's own mode wins"),
    CHOICE("private_history", private_history, private_history_names, 0, AMPHI_PRIVATE_HISTORY_OMIT,
        "what a conversation's private turns mean for its later requests: they stay in the prompt, "
        "so that only this device answers, or they are left out"),
    CHOICE("only_local_history", only_local_history, only_local_history_names, 0,
        AMPHI_ONLY_LOCAL_HISTORY_SEND,
        "the same for turns that were said in mode only_local: as private ones, or sent like any "
        "other"),
    FIELD("total_ms", U32, total_ms, 120000, 100, 3600000, "ms",
        "the whole request, every attempt together"),
    FIELD("local.enabled", BOOL, local_enabled, true, 0, 1, "",
        "false is the kill switch of the local engine"),
    FIELD("local.threads_max", U32, local_threads_max, 0, 0, 256, "threads",
        "upper bound for the local engine; 0: none"),
    FIELD("local.context_tokens_max", U32, local_context_tokens_max, 4096, 64, 1048576, "tokens",
        "longest context that is kept in memory for the local engine"),
    FIELD("local.tokens_per_second_max", FLOAT, local_tokens_per_second_max, 0, 0, 10000,
        "tokens/s", "no faster than this, which saves heat; 0: none"),
    FIELD("local.budgets.first_token_ms", U32, local_budgets.first_token_ms, 0, 0, 3600000, "ms",
        "from the attempt's start to its first token; 0: see Budgets"),
    FIELD("local.budgets.idle_ms", U32, local_budgets.idle_ms, 0, 0, 3600000, "ms",
        "longest silence between two tokens; 0: see Budgets"),
    FIELD("cloud.enabled", BOOL, cloud_enabled, true, 0, 1, "",
        "false: no request leaves the device"),
    FIELD("cloud.hedge_ms", U32, hedge_ms, 0, 0, 3600000, "ms",
        "start the next route as well when the first token is this late; 0: never"),
    FIELD("cloud.pause_max_ms", U32, pause_max_ms, 30000, 0, 3600000, "ms",
        "an endpoint that asked for a pause comes last for so long at most; 0: not at all"),
    FIELD("cloud.budgets.connect_ms", U32, cloud_budgets.connect_ms, 5000, 1, 3600000, "ms",
        "until a connection stands"),
    FIELD("cloud.budgets.first_token_ms", U32, cloud_budgets.first_token_ms, 0, 0, 3600000, "ms",
        "from the attempt's start to its first token; 0: see Budgets"),
    FIELD("cloud.budgets.idle_ms", U32, cloud_budgets.idle_ms, 0, 0, 3600000, "ms",
        "longest silence between two tokens; 0: see Budgets"),
    FIELD("system.enabled", BOOL, system_enabled, true, 0, 1, "",
        "false: no request goes to a model of the operating system"),
    FIELD("system.private_cloud_trusted", BOOL, system_private_cloud_trusted, false, 0, 1, "",
        "true: a system's model that computes outside of this device may have what is private or "
        "only_local"),
    FIELD("system.busy_pause_ms", U32, system_busy_pause_ms, 2000, 1, 3600000, "ms",
        "a system's model that was busy, or refused in the background, and named no time comes "
        "last for so long"),
    FIELD("system.quota_pause_ms", U32, system_quota_pause_ms, 600000, 1, 86400000, "ms",
        "one that said its quota is used up, and named no time, is not asked for so long"),
    FIELD("battery.min_percent", U8, battery_min_percent, 20, 0, 100, "%",
        "below this, and not charging, the local engine is the last resort"),
    FIELD("battery.resume_percent", U8, battery_resume_percent, 25, 0, 100, "%",
        "once below the minimum, local comes back from here on; under the minimum: the minimum"),
    FIELD("battery.critical_percent", U8, battery_critical_percent, 3, 0, 100, "%",
        "below this, and not charging, no local answer starts and a running one stops"),
    FIELD("thermal.max", THERMAL, thermal_max, AMPHI_THERMAL_FAIR, AMPHI_THERMAL_NOMINAL,
        AMPHI_THERMAL_CRITICAL, "",
        "hotter than this, the local engine is the last resort; at \"critical\" it never runs"),
    FIELD("memory.max_percent", U8, memory_max_percent, 70, 1, 100, "%",
        "weights, KV cache and scratch may take this share of the device's memory"),
    FIELD("memory.unload_percent", U8, memory_unload_percent, 80, 1, 100, "%",
        "when this share of the device's memory is in use, the local engine gives its own back"),
    FIELD("network.metered_allowed", BOOL, metered_allowed, true, 0, 1, "",
        "false: no request goes over a network where bytes cost money"),
    FIELD("network.rtt_slow_ms", U32, rtt_slow_ms, 2000, 1, 600000, "ms",
        "a slower round trip counts as a slow network"),
    FIELD("answer.tokens_max", U32, answer_tokens_max, 0, 0, 1048576, "tokens",
        "longest answer when the request says nothing; 0: nothing is sent"),
    FIELD("outbox.entries_max", U32, outbox_entries_max, 1000, 1, 1000000, "messages",
        "may wait or have expired; above that a request fails and says so; read at the client's "
        "start"),
    FIELD("outbox.bytes_max", U32, outbox_bytes_max, 67108864, 1024, 4294967295, "bytes",
        "of all of them together; likewise"),
    FIELD("outbox.age_max_s", U32, outbox_age_max_s, 604800, 1, 31536000, "s",
        "an older message expires when another try fails; its text is kept; likewise"),
    FIELD("cache.ttl_s", U32, cache_ttl_s, 604800, 0, 31536000, "s",
        "how long an answer may be served again; 0: no cache"),
    FIELD("cache.stale_s", U32, cache_stale_s, 0, 0, 31536000, "s",
        "for how long after that it may be served when no route answers; 0: not at all"),
    FIELD("cache.sampled", BOOL, cache_sampled, false, 0, 1, "",
        "true: also requests whose temperature is not 0 get the same answer again"),
    FIELD("cache.near", BOOL, cache_near, false, 0, 1, "",
        "true: also a question that asks the same in other words gets it"),
    FIELD("breaker.failures", U32, breaker_failures, 3, 1, 1000, "",
        "failures in a row after which a route is left alone"),
    FIELD("breaker.failure_percent", U32, breaker_failure_percent, 50, 0, 100, "%",
        "share of failures in the window that does the same; 0: no share does"),
    FIELD("breaker.window_requests", U32, breaker_window_requests, 20, 2, AMPHI_BREAKER_WINDOW_MAX,
        "requests", "the window: so many of a route's last requests at most"),
    FIELD("breaker.window_s", U32, breaker_window_s, 60, 1, 86400, "s",
        "the window: none that ended longer ago"),
    FIELD("breaker.requests_min", U32, breaker_requests_min, 8, 2, AMPHI_BREAKER_WINDOW_MAX,
        "requests", "with fewer in the window its share says nothing"),
    FIELD("breaker.open_ms", U32, breaker_open_ms, 10000, 1, 3600000, "ms",
        "for how long, until one request may try"),
    FIELD("crash.limit", U32, crash_limit, 3, 1, 1000, "",
        "crashes of the local engine in the window that lead one step down: plain kernels and one "
        "thread, then a smaller model, then none"),
    FIELD("crash.window_s", U32, crash_window_s, 600, 1, 2592000, "s", "that window"),
    FIELD("crash.quiet_s", U32, crash_quiet_s, 150, 1, 2592000, "s",
        "so long without a crash forgives one, which lets one start try again"),
    FIELD("crash.outside_limit", U32, crash_outside_limit, 200, 0, 500, "",
        "times that another process may kill or stop the local engine in the window until it is "
        "left alone; 0: no limit"),
    FIELD("cost.day_usd_max", USD, cost_day_max, 0, 0, 1000000, "US dollars",
        "what the clouds may cost in a day (UTC), by every client of this store; 0: no bound"),
    CHOICE("cost.over", cost_over, over_names, 0, AMPHI_OVER_LAST,
        "what happens to a cloud when that is used up, or its answer would pass it: it is left "
        "out, or it is the last resort"),
    FIELD("latency.first_token_ms", U32, latency_first_token_ms, 0, 0, 3600000, "ms",
        "a route whose recent answers began later than this, at the median, is over the wish; 0: "
        "none"),
    FIELD("latency.tokens_per_second_min", FLOAT, latency_tokens_per_second, 0, 0, 10000,
        "tokens/s", "likewise when they came slower than this; 0: none"),
    FIELD("latency.learned_s", U32, latency_learned_s, 600, 1, 2592000, "s",
        "for how long after its last answer that is known of a route; then it may show itself "
        "again"),
    CHOICE("latency.over", latency_over, over_names, AMPHI_OVER_LAST, AMPHI_OVER_LAST,
        "what happens to a route that is over the wish: it is left out, or it is the last resort"),
    CHOICE("handoff.judge", handoff_judge, handoff_judge_names, AMPHI_HANDOFF_HEAD,
        AMPHI_HANDOFF_ANY,
        "who may move a local answer to the cloud before any of it is shown: no judge, a head that "
        "was trained for the model, or, where there is none, also the model's own doubt"),
    FIELD("handoff.right_min_percent", U32, handoff_right_min_percent, 30, 0, 100, "%",
        "an answer that is less likely to be right than this is moved; 0: none is"),
    FIELD("handoff.tokens", U32, handoff_tokens, 8, 1, 32, "tokens",
        "held back and judged by; a head may need fewer"),
    FIELD("handoff.hold_ms", U32, handoff_hold_ms, 600, 1, 60000, "ms",
        "held back no longer than this behind the first of them; then it is judged by those that "
        "came"),
};

static const char *const thermal_names[] = {
    [AMPHI_THERMAL_UNKNOWN] = "unknown",
    [AMPHI_THERMAL_NOMINAL] = "nominal",
    [AMPHI_THERMAL_FAIR] = "fair",
    [AMPHI_THERMAL_SERIOUS] = "serious",
    [AMPHI_THERMAL_CRITICAL] = "critical",
};

static void field_set(amphi_policy *policy, const amphi_policy_field *field, double value);
static double field_get(const amphi_policy *policy, const amphi_policy_field *field);
static amphi_status apply_object(
    amphi_policy *policy, const amphi_json *object, const char *prefix, amphi_error *error);

const amphi_policy_field *amphi__policy_fields(size_t *count)
{
    *count = sizeof fields / sizeof fields[0];
    return fields;
}

void amphi__policy_init(amphi_policy *policy)
{
    memset(policy, 0, sizeof *policy);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        field_set(policy, &fields[i], fields[i].otherwise);
}

amphi_status amphi__policy_apply_json(amphi_policy *policy, amphi_str json, amphi_error *error)
{
    if (json.size > DOCUMENT_SIZE_MAX) {
        return amphi__fail(
            error, AMPHI_E_LIMIT, 0, "policy: longer than %u bytes", DOCUMENT_SIZE_MAX);
    }
    amphi_json *root = NULL;
    amphi_status status = amphi__json_parse(&root, json, "policy", error);
    if (status != AMPHI_OK)
        return status;
    amphi_policy changed = *policy;
    if (amphi__json_kind(root) != AMPHI_JSON_OBJECT) {
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "policy: not a JSON object");
        goto cleanup;
    }
    status = apply_object(&changed, root, "", error);
    if (status == AMPHI_OK)
        *policy = changed;
cleanup:
    amphi__json_free(root);
    return status;
}

const char *amphi__policy_thermal_name(amphi_thermal thermal)
{
    return (unsigned)thermal < sizeof thermal_names / sizeof thermal_names[0]
               ? thermal_names[thermal]
               : "unknown";
}

static void put_field(amphi_json_writer *writer, const amphi_policy *policy,
    const amphi_policy_field *field, const char *key)
{
    double value = field_get(policy, field);
    switch (field->type) {
    case AMPHI_POLICY_BOOL:
        amphi__json_put_bool(writer, key, value != 0);
        break;
    case AMPHI_POLICY_MODE:
        amphi__json_put_str(writer, key, amphi_str_from(amphi_mode_name((amphi_mode)value)));
        break;
    case AMPHI_POLICY_THERMAL:
        amphi__json_put_str(
            writer, key, amphi_str_from(amphi__policy_thermal_name((amphi_thermal)value)));
        break;
    case AMPHI_POLICY_CHOICE:
        amphi__json_put_str(writer, key, amphi_str_from(field->choices[(unsigned)value]));
        break;
    case AMPHI_POLICY_USD:
    case AMPHI_POLICY_FLOAT:
        amphi__json_put_number(writer, key, value);
        break;
    case AMPHI_POLICY_U8:
    case AMPHI_POLICY_U32:
        amphi__json_put_int(writer, key, (int64_t)value);
        break;
    }
}

/* How many leading bytes two dotted names share, counted in whole parts ("a.b." of "a.b.c"). */
static size_t common_parts(const char *a, const char *b)
{
    size_t whole = 0;
    for (size_t i = 0; a[i] != '\0' && a[i] == b[i]; i++)
        if (a[i] == '.')
            whole = i + 1;
    return whole;
}

/* Opens one object for each further part of name, and leaves the last part in key. */
static void open_parts(
    amphi_json_writer *writer, const char *name, char key[DOTTED_NAME_MAX], unsigned *depth)
{
    amphi_str rest = amphi_str_from(name);
    for (;;) {
        amphi_str after;
        amphi_str part = amphi__str_cut(rest, '.', &after);
        amphi__str_copy_to(key, DOTTED_NAME_MAX, part);
        if (after.size == 0)
            return;
        amphi__json_open(writer, key, '{');
        (*depth)++;
        rest = after;
    }
}

amphi_status amphi__policy_to_json(const amphi_policy *policy, amphi_buf *out)
{
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    const char *before = "";
    unsigned depth = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const char *name = fields[i].name;
        size_t shared = common_parts(before, name);
        unsigned wanted = 0;
        for (size_t j = 0; j < shared; j++)
            wanted += name[j] == '.';
        for (; depth > wanted; depth--)
            amphi__json_close(&writer, '}');
        char key[DOTTED_NAME_MAX];
        open_parts(&writer, name + shared, key, &depth);
        put_field(&writer, policy, &fields[i], key);
        before = name;
    }
    for (; depth > 0; depth--)
        amphi__json_close(&writer, '}');
    amphi__json_close(&writer, '}');
    return out->status;
}

static void field_set(amphi_policy *policy, const amphi_policy_field *field, double value)
{
    void *place = (char *)policy + field->offset;
    switch (field->type) {
    case AMPHI_POLICY_BOOL:
        *(bool *)place = value != 0;
        break;
    case AMPHI_POLICY_U8:
        *(uint8_t *)place = (uint8_t)value;
        break;
    case AMPHI_POLICY_U32:
        *(uint32_t *)place = (uint32_t)value;
        break;
    case AMPHI_POLICY_FLOAT:
        *(float *)place = (float)value;
        break;
    case AMPHI_POLICY_USD:
        *(uint64_t *)place = (uint64_t)llround(value * MICRODOLLARS);
        break;
    case AMPHI_POLICY_MODE:
        *(amphi_mode *)place = (amphi_mode)value;
        break;
    case AMPHI_POLICY_THERMAL:
        *(amphi_thermal *)place = (amphi_thermal)value;
        break;
    case AMPHI_POLICY_CHOICE:
        *(unsigned *)place = (unsigned)value;
        break;
    }
}

static double field_get(const amphi_policy *policy, const amphi_policy_field *field)
{
    const void *place = (const char *)policy + field->offset;
    switch (field->type) {
    case AMPHI_POLICY_BOOL:
        return *(const bool *)place;
    case AMPHI_POLICY_U8:
        return *(const uint8_t *)place;
    case AMPHI_POLICY_U32:
        return *(const uint32_t *)place;
    case AMPHI_POLICY_FLOAT:
        return (double)*(const float *)place;
    case AMPHI_POLICY_USD:
        return (double)*(const uint64_t *)place / MICRODOLLARS;
    case AMPHI_POLICY_MODE:
        return *(const amphi_mode *)place;
    case AMPHI_POLICY_THERMAL:
        return *(const amphi_thermal *)place;
    case AMPHI_POLICY_CHOICE:
        return *(const unsigned *)place;
    }
    return 0;
}

static amphi_status read_mode(
    double *out, const amphi_json *value, const char *name, amphi_error *error)
{
    amphi_mode mode = AMPHI_MODE_DEFAULT;
    if (!amphi__json_is_string(value) ||
        amphi_mode_parse(&mode, amphi__json_string(value)) != AMPHI_OK ||
        mode == AMPHI_MODE_DEFAULT) {
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "policy: %s must be \"auto\", \"prefer_local\", \"prefer_cloud\", \"only_local\" or "
            "\"only_cloud\"",
            name);
    }
    *out = mode;
    return AMPHI_OK;
}

static amphi_status read_thermal(
    double *out, const amphi_json *value, const char *name, amphi_error *error)
{
    for (unsigned i = AMPHI_THERMAL_NOMINAL; i <= AMPHI_THERMAL_CRITICAL; i++) {
        if (amphi__json_is_string(value) &&
            amphi__str_equal_c(amphi__json_string(value), thermal_names[i])) {
            *out = i;
            return AMPHI_OK;
        }
    }
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "policy: %s must be \"nominal\", \"fair\", \"serious\" or \"critical\"", name);
}

static amphi_status read_choice(
    double *out, const amphi_json *value, const amphi_policy_field *field, amphi_error *error)
{
    for (unsigned i = 0; i <= (unsigned)field->high; i++) {
        if (amphi__json_is_string(value) &&
            amphi__str_equal_c(amphi__json_string(value), field->choices[i])) {
            *out = i;
            return AMPHI_OK;
        }
    }
    char names[96] = "";
    for (unsigned i = 0; i <= (unsigned)field->high; i++) {
        size_t size = strlen(names);
        const char *lead = i == 0 ? "" : i < (unsigned)field->high ? ", " : " or ";
        snprintf(names + size, sizeof names - size, "%s\"%s\"", lead, field->choices[i]);
    }
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "policy: %s must be %s", field->name, names);
}

static amphi_status read_number(
    double *out, const amphi_json *value, const amphi_policy_field *field, amphi_error *error)
{
    bool whole = field->type != AMPHI_POLICY_FLOAT && field->type != AMPHI_POLICY_USD;
    double number = amphi__json_number(value, (double)NAN);
    /* Written so that NaN fails. */
    if (!(number >= field->low && number <= field->high) || (whole && floor(number) != number)) {
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "policy: %s must be a %s from %.0f to %.0f",
            field->name, whole ? "whole number" : "number", field->low, field->high);
    }
    *out = number;
    return AMPHI_OK;
}

static amphi_status apply_field(amphi_policy *policy, const amphi_policy_field *field,
    const amphi_json *value, amphi_error *error)
{
    double number = 0;
    amphi_status status = AMPHI_OK;
    switch (field->type) {
    case AMPHI_POLICY_MODE:
        status = read_mode(&number, value, field->name, error);
        break;
    case AMPHI_POLICY_THERMAL:
        status = read_thermal(&number, value, field->name, error);
        break;
    case AMPHI_POLICY_CHOICE:
        status = read_choice(&number, value, field, error);
        break;
    case AMPHI_POLICY_BOOL:
        if (amphi__json_kind(value) != AMPHI_JSON_BOOL) {
            status = amphi__fail(
                error, AMPHI_E_ARGUMENT, 0, "policy: %s must be true or false", field->name);
        }
        number = amphi__json_bool(value, false);
        break;
    case AMPHI_POLICY_U8:
    case AMPHI_POLICY_U32:
    case AMPHI_POLICY_FLOAT:
    case AMPHI_POLICY_USD:
        status = read_number(&number, value, field, error);
        break;
    }
    if (status == AMPHI_OK)
        field_set(policy, field, number);
    return status;
}

static const amphi_policy_field *field_named(const char *name)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

/* "local" and "local.budgets" are groups: objects that hold fields. */
static bool is_group(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strncmp(fields[i].name, name, size) == 0 && fields[i].name[size] == '.')
            return true;
    return false;
}

/* A key goes into messages only when it looks like one of ours: a document comes from a server,
 * and a log line must stay one line. */
static bool is_plain_key(amphi_str key)
{
    for (size_t i = 0; i < key.size; i++) {
        char c = key.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '_' || c == '-'))
            return false;
    }
    return key.size > 0 && key.size <= 40;
}

static amphi_status fail_unknown(const char *prefix, amphi_str key, amphi_error *error)
{
    bool plain = is_plain_key(key);
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "policy: there is no field %s%.*s%s", prefix,
        plain ? (int)key.size : 1, plain ? key.data : "?",
        strchr(prefix, '.') == NULL && !plain ? " (a key has letters, digits and _ only)" : "");
}

static amphi_status apply_object(
    amphi_policy *policy, const amphi_json *object, const char *prefix, amphi_error *error)
{
    for (const amphi_json *member = amphi__json_first(object); member != NULL;
         member = amphi__json_next(member)) {
        amphi_str key = amphi__json_key(member);
        size_t prefix_size = strlen(prefix);
        if (!is_plain_key(key) || prefix_size + key.size + 2 > DOTTED_NAME_MAX)
            return fail_unknown(prefix, key, error);
        char name[DOTTED_NAME_MAX];
        memcpy(name, prefix, prefix_size);
        memcpy(name + prefix_size, key.data, key.size);
        name[prefix_size + key.size] = '\0';

        amphi_status status;
        const amphi_policy_field *field = field_named(name);
        if (field != NULL) {
            status = apply_field(policy, field, member, error);
        } else if (!is_group(name)) {
            status = fail_unknown(prefix, key, error);
        } else if (amphi__json_kind(member) != AMPHI_JSON_OBJECT) {
            status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "policy: %s must be an object", name);
        } else {
            name[prefix_size + key.size] = '.';
            name[prefix_size + key.size + 1] = '\0';
            status = apply_object(policy, member, name, error); /* at most three levels */
        }
        if (status != AMPHI_OK)
            return status;
    }
    return AMPHI_OK;
}
