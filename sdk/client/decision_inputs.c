/* SPDX-License-Identifier: Apache-2.0
 *
 * One table per struct. What stands in none of them no rule reads: a test holds the tables against
 * the structs' sizes, so a new field is either written here or named there.
 */
#include "sdk/client/decision_inputs.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/unknown_name.h"

#include <math.h>

typedef enum member_type { FLAG, WHOLE, REAL, TEXT, WORD } member_type;

typedef struct member {
    const char *key;
    member_type type;
    size_t offset, size_bytes;
    const char *(*word)(unsigned value); /* WORD: NULL behind the last one */
} member;

#define MEMBER(type, key, field, kind, word)                                                       \
    {                                                                                              \
        (key), (kind), offsetof(type, field), sizeof(((type *)0)->field), (word)                   \
    }

/* ---- Words ---- */

static const char *mode_word(unsigned value)
{
    return value <= AMPHI_MODE_ONLY_CLOUD ? amphi_mode_name((amphi_mode)value) : NULL;
}

static const char *privacy_word(unsigned value)
{
    return value <= AMPHI_PRIVACY_PRIVATE ? amphi_privacy_name((amphi_privacy)value) : NULL;
}

static const char *reason_word(unsigned value)
{
    return value < AMPHI_REASON_COUNT ? amphi_reason_name((amphi_reason)value) : NULL;
}

static const char *status_word(unsigned value)
{
    return value <= AMPHI_E_UNCERTAIN ? amphi_status_name((amphi_status)value) : NULL;
}

static const char *thermal_word(unsigned value)
{
    static const char *const words[] = {"unknown", "nominal", "fair", "serious", "critical"};
    return value < sizeof words / sizeof words[0] ? words[value] : NULL;
}

static const char *network_word(unsigned value)
{
    static const char *const words[] = {"unknown", "none", "metered", "free"};
    return value < sizeof words / sizeof words[0] ? words[value] : NULL;
}

static const char *tristate_word(unsigned value)
{
    static const char *const words[] = {"unknown", "no", "yes"};
    return value < sizeof words / sizeof words[0] ? words[value] : NULL;
}

static const char *scope_word(unsigned value)
{
    static const char *const words[] = {"chat", "help"};
    return value < sizeof words / sizeof words[0] ? words[value] : NULL;
}

static const char *kind_word(unsigned value)
{
    static const char *const words[] = {"", "local", "cloud", "system"};
    return value < sizeof words / sizeof words[0] ? words[value] : NULL;
}

/* ---- Tables ---- */

#define DEVICE(key, field, kind, word) MEMBER(amphi_device_facts, key, field, kind, word)
static const member device_members[] = {
    DEVICE("known", known, WHOLE, NULL), /* AMPHI_FACT_ bits */
    DEVICE("memory_total_bytes", memory_total_bytes, WHOLE, NULL),
    DEVICE("memory_available_bytes", memory_available_bytes, WHOLE, NULL),
    DEVICE("battery_percent", battery_percent, WHOLE, NULL),
    DEVICE("charging", charging, FLAG, NULL),
    DEVICE("thermal", thermal, WORD, thermal_word),
    DEVICE("network", network, WORD, network_word),
    DEVICE("rtt_ms", rtt_ms, WHOLE, NULL),
    DEVICE("throughput_kbps", throughput_kbps, WHOLE, NULL),
    DEVICE("memory_pressure", memory_pressure, WHOLE, NULL),
    DEVICE("in_foreground", in_foreground, WORD, tristate_word),
    DEVICE("energy_uj", energy_uj, WHOLE, NULL),
    DEVICE("draw_mw", draw_mw, WHOLE, NULL),
    DEVICE("cores", cores, WHOLE, NULL),
    DEVICE("cores_big", cores_big, WHOLE, NULL),
    DEVICE("heat_forecast_percent", heat_forecast_percent, WHOLE, NULL),
    DEVICE("cpu_stall_percent", cpu_stall_percent, WHOLE, NULL),
    DEVICE("memory_stall_percent", memory_stall_percent, WHOLE, NULL),
    DEVICE("io_stall_percent", io_stall_percent, WHOLE, NULL),
    DEVICE("power_save", power_save, WORD, tristate_word),
    DEVICE("background_left_ms", background_left_ms, WHOLE, NULL),
};

#define FACT(key, field, kind, word) MEMBER(amphi_policy_facts, key, field, kind, word)
static const member request_members[] = {
    FACT("mode", mode, WORD, mode_word),
    FACT("private", is_private, FLAG, NULL),
    FACT("history_turns", history_turns, WHOLE, NULL),
    FACT("omitted_turns", omitted_turns, WHOLE, NULL),
    FACT("history_privacy", history_privacy, WORD, privacy_word),
    FACT("tools", needs_tools, FLAG, NULL),
    FACT("images", needs_images, FLAG, NULL),
    FACT("audio", needs_audio, FLAG, NULL),
    FACT("tool_turns", has_tool_turns, FLAG, NULL),
    FACT("prompt_tokens", prompt_tokens, WHOLE, NULL),
    FACT("prompt_is_counted", prompt_is_counted, FLAG, NULL),
    FACT("prompt_tokens_estimate", prompt_tokens_estimate, WHOLE, NULL),
    FACT("tool_tokens", tool_tokens, WHOLE, NULL),
    FACT("history_tokens", history_tokens, WHOLE, NULL),
    FACT("answer_tokens_max", answer_tokens_max, WHOLE, NULL),
    FACT("connect_ms", budgets.connect_ms, WHOLE, NULL),
    FACT("first_token_ms", budgets.first_token_ms, WHOLE, NULL),
    FACT("idle_ms", budgets.idle_ms, WHOLE, NULL),
    FACT("total_ms", budgets.total_ms, WHOLE, NULL),
    FACT("now_ms", now_ms, WHOLE, NULL),
    FACT("draw", draw, WHOLE, NULL),
    FACT("only_routes", only_routes, WHOLE, NULL),
};

#define SPENT(key, field, kind) MEMBER(amphi_policy_spent, key, field, kind, NULL)
static const member spent_members[] = {
    SPENT("microdollars", microdollars, WHOLE),
    SPENT("reserved", reserved, WHOLE),
    SPENT("unknown", unknown, WHOLE),
    SPENT("estimated", estimated, WHOLE),
    SPENT("metered_bytes", metered_bytes, WHOLE),
    SPENT("day_left_s", day_left_s, WHOLE),
    SPENT("unreadable", is_unreadable, FLAG),
};

#define ROUTE(key, field, kind, word) MEMBER(amphi_policy_route, key, field, kind, word)
#define THRESHOLD(key, which)                                                                      \
    ROUTE(key "_changed_ms", thresholds.changed_ms[which], WHOLE, NULL),                           \
        ROUTE(key "_seen_ms", thresholds.seen_ms[which], WHOLE, NULL)
static const member route_members[] = {
    ROUTE("name", info.name, TEXT, NULL),
    ROUTE("kind", info.kind, WORD, kind_word),
    ROUTE("model", info.model, TEXT, NULL),
    ROUTE("available", info.available, FLAG, NULL),
    ROUTE("why", info.why, TEXT, NULL),
    ROUTE("failure", info.failure, WORD, status_word),
    ROUTE("ready", info.ready, FLAG, NULL),
    ROUTE("weights_bytes", info.weights_bytes, WHOLE, NULL),
    ROUTE("kv_bytes_per_token", info.kv_bytes_per_token, WHOLE, NULL),
    ROUTE("scratch_bytes", info.scratch_bytes, WHOLE, NULL),
    ROUTE("context_tokens_max", info.context_tokens_max, WHOLE, NULL),
    ROUTE("loopback", info.is_loopback, FLAG, NULL),
    ROUTE("tools", info.tools, FLAG, NULL),
    ROUTE("images", info.images, FLAG, NULL),
    ROUTE("audio", info.audio, FLAG, NULL),
    ROUTE("priority", info.priority, WHOLE, NULL),
    ROUTE("weight", info.weight, WHOLE, NULL),
    ROUTE("scope", info.scope, WORD, scope_word),
    ROUTE("on_device", info.on_device, FLAG, NULL),
    ROUTE("busy", info.is_busy, FLAG, NULL),
    ROUTE("quota_used_up", info.quota_used_up, FLAG, NULL),
    ROUTE("needs_foreground", info.needs_foreground, FLAG, NULL),
    ROUTE("retry_after_ms", info.retry_after_ms, WHOLE, NULL),
    ROUTE("judge", info.judge, WHOLE, NULL),
    ROUTE("breaker_open", breaker.open, FLAG, NULL),
    ROUTE("breaker_probe", breaker.probe, FLAG, NULL),
    ROUTE("breaker_failed", breaker.failed, WHOLE, NULL),
    ROUTE("breaker_of", breaker.of, WHOLE, NULL),
    ROUTE("breaker_left_ms", breaker.left_ms, WHOLE, NULL),
    ROUTE("wait_ms", wait_ms, WHOLE, NULL),
    ROUTE("wait_reason", wait_reason, WORD, reason_word),
    ROUTE("last_failure", last_failure, TEXT, NULL),
    ROUTE("crashes", crash.crashes, WHOLE, NULL),
    ROUTE("crashes_early", crash.crashes_early, WHOLE, NULL),
    ROUTE("crashes_plain", crash.crashes_plain, WHOLE, NULL),
    ROUTE("kills_memory", crash.kills_memory, WHOLE, NULL),
    ROUTE("crashes_forgiven", crash.forgiven, WHOLE, NULL),
    ROUTE("crashes_quiet_left_s", crash.quiet_left_s, WHOLE, NULL),
    ROUTE("kills_outside", crash.kills_outside, WHOLE, NULL),
    ROUTE("kills_outside_left_s", crash.outside_left_s, WHOLE, NULL),
    ROUTE("crashes_unreadable", crash.is_unreadable, FLAG, NULL),
    ROUTE("thresholds_judged", thresholds.judged, WHOLE, NULL),
    ROUTE("thresholds_over", thresholds.over, WHOLE, NULL),
    THRESHOLD("battery_critical", AMPHI_THRESHOLD_BATTERY_CRITICAL),
    THRESHOLD("battery_low", AMPHI_THRESHOLD_BATTERY_LOW),
    THRESHOLD("thermal_critical", AMPHI_THRESHOLD_THERMAL_CRITICAL),
    THRESHOLD("thermal_held", AMPHI_THRESHOLD_THERMAL_HELD),
    THRESHOLD("thermal_slow", AMPHI_THRESHOLD_THERMAL_SLOW),
    THRESHOLD("pressure_critical", AMPHI_THRESHOLD_PRESSURE_CRITICAL),
    THRESHOLD("pressure_held", AMPHI_THRESHOLD_PRESSURE_HELD),
    THRESHOLD("memory_reserve", AMPHI_THRESHOLD_MEMORY_RESERVE),
    THRESHOLD("network_slow", AMPHI_THRESHOLD_NETWORK_SLOW),
    THRESHOLD("first_token", AMPHI_THRESHOLD_FIRST_TOKEN),
    THRESHOLD("token_rate", AMPHI_THRESHOLD_TOKEN_RATE),
    THRESHOLD("forecast", AMPHI_THRESHOLD_FORECAST),
    THRESHOLD("weighed", AMPHI_THRESHOLD_WEIGHED),
    THRESHOLD("power_save", AMPHI_THRESHOLD_POWER_SAVE),
    THRESHOLD("metered", AMPHI_THRESHOLD_METERED),
    ROUTE("room_bytes", thresholds.room_bytes, WHOLE, NULL),
    ROUTE("room_ms", thresholds.room_ms, WHOLE, NULL),
    ROUTE("room_seen_ms", thresholds.room_seen_ms, WHOLE, NULL),
    ROUTE("load", load, WHOLE, NULL),
    ROUTE("off", is_off, FLAG, NULL),
    ROUTE("named", is_named, FLAG, NULL),
    ROUTE("first_token_p95_ms", first_token_p95_ms, WHOLE, NULL),
    ROUTE("answers", pace.answers, WHOLE, NULL),
    ROUTE("first_token_ms", pace.first_token_ms, WHOLE, NULL),
    ROUTE("tokens_per_second", pace.tokens_per_second, REAL, NULL),
    ROUTE("answer_tokens", pace.answer_tokens, WHOLE, NULL),
    ROUTE("price_known", price.is_known, FLAG, NULL),
    ROUTE("price_prompt", price.prompt, WHOLE, NULL),
    ROUTE("price_completion", price.completion, WHOLE, NULL),
    ROUTE("price_cached", price.cached, WHOLE, NULL),
    ROUTE("needs_no_network", needs_no_network, FLAG, NULL),
};

#define MEMBERS_MAX 96
_Static_assert(sizeof route_members / sizeof route_members[0] <= MEMBERS_MAX, "a group's members");

typedef struct group {
    const char *key;
    const member *members;
    size_t count;
} group;

#define COUNT_OF(members) (sizeof(members) / sizeof(members)[0])
enum { GROUP_DEVICE, GROUP_REQUEST, GROUP_SPENT, GROUP_ROUTE };
static const group groups[] = {{"device", device_members, COUNT_OF(device_members)},
    {"request", request_members, COUNT_OF(request_members)},
    {"spent", spent_members, COUNT_OF(spent_members)},
    {"routes", route_members, COUNT_OF(route_members)}};

/* ---- Writing ---- */

static uint64_t get_whole(const member *m, const void *at)
{
    uint64_t number = 0;
    uint32_t word = 0;
    uint16_t half = 0;
    switch (m->size_bytes) {
    case 8:
        memcpy(&number, at, 8);
        return number;
    case 4:
        memcpy(&word, at, 4);
        return word;
    case 2:
        memcpy(&half, at, 2);
        return half;
    default:
        return *(const uint8_t *)at;
    }
}

static void write_member(amphi_json_writer *writer, const member *m, const void *at)
{
    float real = 0;
    uint64_t number = 0;
    switch (m->type) {
    case TEXT:
        if (((const char *)at)[0] != '\0')
            amphi__json_put_str(writer, m->key, amphi_str_from(at));
        break;
    case REAL:
        memcpy(&real, at, sizeof real);
        if (real != 0)
            amphi__json_put_number(writer, m->key, (double)real);
        break;
    case FLAG:
        if (*(const bool *)at)
            amphi__json_put_bool(writer, m->key, true);
        break;
    case WORD:
        number = get_whole(m, at);
        if (number != 0 && m->word((unsigned)number) != NULL)
            amphi__json_put_str(writer, m->key, amphi_str_from(m->word((unsigned)number)));
        break;
    case WHOLE:
        number = get_whole(m, at);
        if (number != 0)
            amphi__json_put_int(writer, m->key, (int64_t)number); /* above INT64_MAX: negative */
        break;
    }
}

static void write_group(
    amphi_json_writer *writer, const char *key, const group *g, const void *values)
{
    amphi__json_open(writer, key, '{');
    for (size_t i = 0; i < g->count; i++)
        write_member(writer, &g->members[i], (const char *)values + g->members[i].offset);
    amphi__json_close(writer, '}');
}

static void write_preference(amphi_json_writer *writer, const amphi_preference *preference)
{
    if (preference->first == 0 && !preference->exclusive)
        return;
    amphi__json_open(writer, "prefers", '{');
    amphi__json_put_int(writer, "first", (int64_t)preference->first);
    if (preference->exclusive) {
        amphi__json_open(writer, "fallbacks", '[');
        for (size_t i = 0; i < preference->fallbacks_count; i++)
            amphi__json_put_int(writer, NULL, (int64_t)preference->fallbacks[i]);
        amphi__json_close(writer, ']');
    }
    amphi__json_close(writer, '}');
}

void amphi__decision_inputs_write(
    amphi_json_writer *writer, const amphi_policy_facts *facts, const amphi_preference *preference)
{
    write_group(writer, "device", &groups[GROUP_DEVICE], &facts->device);
    write_group(writer, "request", &groups[GROUP_REQUEST], facts);
    write_group(writer, "spent", &groups[GROUP_SPENT], &facts->spent);
    amphi__json_open(writer, "routes", '[');
    for (size_t i = 0; i < facts->routes_count; i++)
        write_group(writer, NULL, &groups[GROUP_ROUTE], &facts->routes[i]);
    amphi__json_close(writer, ']');
    write_preference(writer, preference);
}

/* ---- Reading ---- */

static amphi_status fail_value(const char *key, amphi_error *error)
{
    return amphi__fail(error, AMPHI_E_FORMAT, 0, "inputs: %s has no such value", key);
}

static bool set_whole(const member *m, void *at, uint64_t number)
{
    uint32_t word = (uint32_t)number;
    uint16_t half = (uint16_t)number;
    uint8_t byte = (uint8_t)number;
    memcpy(at,
        m->size_bytes == 8   ? (const void *)&number
        : m->size_bytes == 4 ? (const void *)&word
        : m->size_bytes == 2 ? (const void *)&half
                             : (const void *)&byte,
        m->size_bytes);
    return get_whole(m, at) == number;
}

static bool read_word(const member *m, void *at, amphi_str text)
{
    for (unsigned i = 0; m->word(i) != NULL; i++)
        if (amphi__str_equal_c(text, m->word(i)))
            return set_whole(m, at, i);
    return false;
}

static bool read_whole(const member *m, void *at, const amphi_json *value)
{
    int64_t number = amphi__json_int(value, 0);
    bool is_whole = number != 0 || amphi__json_number(value, 1) == 0; /* not 0.5, not 1e400 */
    return is_whole && (number >= 0 || m->size_bytes == 8) && set_whole(m, at, (uint64_t)number);
}

static bool has_control(amphi_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return true;
    return false;
}

static bool read_value(const member *m, void *at, const amphi_json *value)
{
    amphi_str text = amphi__json_string(value);
    float real = (float)amphi__json_number(value, 0);
    switch (m->type) {
    case TEXT:
        if (text.size == 0 || text.size >= m->size_bytes || has_control(text))
            return false;
        amphi__str_copy_to(at, m->size_bytes, text);
        return true;
    case REAL:
        memcpy(at, &real, sizeof real);
        return amphi__json_kind(value) == AMPHI_JSON_NUMBER && isfinite(real) && real >= 0;
    case FLAG:
        *(bool *)at = amphi__json_bool(value, false);
        return amphi__json_kind(value) == AMPHI_JSON_BOOL;
    case WORD:
        return read_word(m, at, text);
    case WHOLE:
        return read_whole(m, at, value);
    }
    return false;
}

static const char *nearest_member(const char *group_name, amphi_str key)
{
    const char *names[MEMBERS_MAX];
    size_t count = 0;
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (size_t i = 0; i < groups[g].count && strcmp(groups[g].key, group_name) == 0; i++)
            names[count++] = groups[g].members[i].key;
    return count > 0 ? amphi__nearest_name(key, names, count) : NULL;
}

static amphi_status fail_unknown(const char *group_name, amphi_str key, amphi_error *error)
{
    char shown[AMPHI_SHOWN_NAME_MAX];
    const char *meant = nearest_member(group_name, key);
    amphi__shown_name(shown, key);
    if (meant != NULL)
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "inputs: %s.%s is not known to this version; did you mean %s?", group_name, shown,
            meant);
    return amphi__fail(error, AMPHI_E_FORMAT, 0, "inputs: %s%s%s is not known to this version",
        group_name, group_name[0] != '\0' ? "." : "", shown);
}

static amphi_status read_group(
    void *values, const group *g, const amphi_json *json, amphi_error *error)
{
    if (amphi__json_kind(json) != AMPHI_JSON_OBJECT)
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "inputs: %s is missing", g->key);
    bool seen[MEMBERS_MAX] = {false};
    for (const amphi_json *value = amphi__json_first(json); value != NULL;
         value = amphi__json_next(value)) {
        size_t i = 0;
        while (i < g->count && !amphi__str_equal_c(amphi__json_key(value), g->members[i].key))
            i++;
        if (i == g->count)
            return fail_unknown(g->key, amphi__json_key(value), error);
        if (seen[i])
            return amphi__fail(
                error, AMPHI_E_FORMAT, 0, "inputs: %s stands there twice", g->members[i].key);
        seen[i] = true;
        if (!read_value(&g->members[i], (char *)values + g->members[i].offset, value))
            return fail_value(g->members[i].key, error);
    }
    return AMPHI_OK;
}

/* Two routes of one name would be one; the others no client ever has. */
static amphi_status check_route(const amphi_decision_inputs *read, size_t at, amphi_error *error)
{
    const amphi_policy_route *route = &read->routes[at];
    const amphi_crash_facts *crash = &route->crash;
    uint64_t crashes = (uint64_t)crash->crashes + crash->crashes_early + crash->crashes_plain +
                       crash->kills_memory;
    if (route->info.name[0] == '\0')
        return fail_value("name", error);
    if (route->breaker.failed > route->breaker.of)
        return fail_value("breaker_failed", error);
    if (crash->forgiven > UINT16_MAX || crashes > UINT16_MAX)
        return fail_value("crashes", error);
    for (size_t i = 0; i < at; i++)
        if (strcmp(read->routes[i].info.name, route->info.name) == 0)
            return amphi__fail(
                error, AMPHI_E_FORMAT, 0, "inputs: two routes are named %s", route->info.name);
    return AMPHI_OK;
}

static amphi_status read_routes(
    amphi_decision_inputs *out, const amphi_json *json, bool available, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    if (amphi__json_kind(json) != AMPHI_JSON_ARRAY || amphi__json_count(json) > AMPHI_ROUTES_MAX)
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "inputs: routes are missing, or too many");
    for (const amphi_json *route = amphi__json_first(json); route != NULL && status == AMPHI_OK;
         route = amphi__json_next(route)) {
        amphi_policy_route *to = &out->routes[out->facts.routes_count++];
        amphi_engine_info_init(&to->info);
        to->info.available = available;
        status = read_group(to, &groups[GROUP_ROUTE], route, error);
        if (status == AMPHI_OK)
            status = check_route(out, out->facts.routes_count - 1, error);
    }
    return status;
}

static amphi_status read_preference(
    amphi_preference *out, const amphi_json *json, amphi_error *error)
{
    const amphi_json *fallbacks = amphi__json_get(json, "fallbacks");
    out->first = (uint64_t)amphi__json_int(amphi__json_get(json, "first"), 0);
    out->exclusive = fallbacks != NULL;
    if (amphi__json_count(fallbacks) > AMPHI_ROUTES_MAX)
        return fail_value("fallbacks", error);
    for (const amphi_json *f = amphi__json_first(fallbacks); f != NULL; f = amphi__json_next(f))
        out->fallbacks[out->fallbacks_count++] = (uint64_t)amphi__json_int(f, 0);
    return AMPHI_OK;
}

static bool is_among(const char *words, amphi_str word)
{
    amphi_str rest = amphi_str_from(words);
    while (rest.size > 0)
        if (amphi__str_equal(amphi__str_cut(rest, ' ', &rest), word))
            return true;
    return false;
}

static bool has_only_known(const amphi_json *json, const char *besides, amphi_error *error)
{
    for (const amphi_json *m = amphi__json_first(json); m != NULL; m = amphi__json_next(m)) {
        amphi_str key = amphi__json_key(m);
        if (is_among("device request spent routes prefers", key) || is_among(besides, key))
            continue;
        (void)fail_unknown("", key, error);
        return false;
    }
    return true;
}

amphi_status amphi__decision_inputs_read(
    amphi_decision_inputs *out, const amphi_json *json, const char *besides, amphi_error *error)
{
    memset(out, 0, sizeof *out);
    amphi__error_clear(error);
    amphi_device_facts_init(&out->facts.device);
    out->facts.routes = out->routes;
    if (amphi__json_kind(json) != AMPHI_JSON_OBJECT)
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "inputs: an object is expected");
    if (!has_only_known(json, besides != NULL ? besides : "", error))
        return AMPHI_E_FORMAT;
    amphi_status status = read_group(
        &out->facts.device, &groups[GROUP_DEVICE], amphi__json_get(json, "device"), error);
    if (status == AMPHI_OK)
        status = read_group(
            &out->facts, &groups[GROUP_REQUEST], amphi__json_get(json, "request"), error);
    if (status == AMPHI_OK)
        status = read_group(
            &out->facts.spent, &groups[GROUP_SPENT], amphi__json_get(json, "spent"), error);
    if (status == AMPHI_OK)
        status = read_routes(out, amphi__json_get(json, "routes"), false, error);
    return status == AMPHI_OK
               ? read_preference(&out->preference, amphi__json_get(json, "prefers"), error)
               : status;
}

amphi_status amphi__decision_inputs_read_described(
    amphi_decision_inputs *out, const amphi_json *json, amphi_error *error)
{
    const amphi_json *facts = amphi__json_get(json, "facts");
    const amphi_json *spent = amphi__json_get(json, "spent");
    amphi_status status = AMPHI_OK;
    memset(out, 0, sizeof *out);
    amphi_device_facts_init(&out->facts.device);
    out->facts.routes = out->routes;
    if (facts != NULL)
        status = read_group(&out->facts, &groups[GROUP_REQUEST], facts, error);
    if (status == AMPHI_OK && spent != NULL)
        status = read_group(&out->facts.spent, &groups[GROUP_SPENT], spent, error);
    if (status == AMPHI_OK)
        status = read_routes(out, amphi__json_get(json, "routes"), true, error);
    for (size_t i = 0; i < out->facts.routes_count; i++)
        out->routes[i].needs_no_network |= out->routes[i].info.is_loopback;
    return status;
}

void amphi__decision_inputs_write_thresholds(
    amphi_json_writer *writer, const char *name, const amphi_thresholds *thresholds)
{
    const group *routes = &groups[GROUP_ROUTE];
    const size_t from = offsetof(amphi_policy_route, thresholds);
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "name", amphi_str_from(name));
    for (size_t i = 0; i < routes->count; i++) {
        const member *m = &routes->members[i];
        if (m->offset >= from && m->offset < from + sizeof *thresholds)
            write_member(writer, m, (const char *)thresholds + (m->offset - from));
    }
    amphi__json_close(writer, '}');
}

/* ---- For tests ---- */

size_t amphi__decision_inputs_bytes(const char *group_name)
{
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        for (size_t m = 0; m < groups[i].count && strcmp(groups[i].key, group_name) == 0; m++)
            bytes += groups[i].members[m].size_bytes;
    return bytes;
}
