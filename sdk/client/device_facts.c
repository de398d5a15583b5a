/* SPDX-License-Identifier: Apache-2.0
 *
 * The device's state: probed at most once per second, with the facts that the app pushed on top.
 */
#include "sdk/client/background.h"
#include "sdk/client/client.h"
#include "sdk/client/memory_monitor.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"
#include "sdk/core/unknown_name.h"

#define PROBE_EVERY_MS 1000u

static void lay_over(amphi_device_facts *base, const amphi_device_facts *top)
{
    base->known |= top->known;
    if (top->known & AMPHI_FACT_MEMORY) {
        base->memory_total_bytes = top->memory_total_bytes;
        base->memory_available_bytes = top->memory_available_bytes;
    }
    if (top->known & AMPHI_FACT_BATTERY) {
        base->battery_percent = top->battery_percent;
        base->charging = top->charging;
    }
    if (top->known & AMPHI_FACT_THERMAL)
        base->thermal = top->thermal;
    if (top->known & AMPHI_FACT_NETWORK)
        base->network = top->network;
    if ((top->known & AMPHI_FACT_LATENCY) && top->rtt_ms != 0)
        base->rtt_ms = top->rtt_ms;
    if ((top->known & AMPHI_FACT_LATENCY) && top->throughput_kbps != 0)
        base->throughput_kbps = top->throughput_kbps;
    if (top->known & AMPHI_FACT_PRESSURE)
        base->memory_pressure = top->memory_pressure;
    if (top->known & AMPHI_FACT_FOREGROUND)
        base->in_foreground = top->in_foreground;
}

/* A fact whose value says "unknown" is not known. */
static void drop_unknown(amphi_device_facts *facts)
{
    if (facts->thermal == AMPHI_THERMAL_UNKNOWN)
        facts->known &= ~(uint32_t)AMPHI_FACT_THERMAL;
    if (facts->network == AMPHI_NETWORK_UNKNOWN)
        facts->known &= ~(uint32_t)AMPHI_FACT_NETWORK;
    if (facts->in_foreground == AMPHI_UNKNOWN)
        facts->known &= ~(uint32_t)AMPHI_FACT_FOREGROUND;
}

/* Neither is one that can't be: a probe may be the app's own, and its mistakes reach no caller. */
static void drop_impossible(amphi_device_facts *facts)
{
    if (facts->memory_total_bytes == 0)
        facts->known &= ~(uint32_t)AMPHI_FACT_MEMORY;
    if (facts->battery_percent > 100)
        facts->known &= ~(uint32_t)AMPHI_FACT_BATTERY;
    if ((unsigned)facts->thermal > AMPHI_THERMAL_CRITICAL)
        facts->known &= ~(uint32_t)AMPHI_FACT_THERMAL;
    if ((unsigned)facts->network > AMPHI_NETWORK_FREE)
        facts->known &= ~(uint32_t)AMPHI_FACT_NETWORK;
    if (facts->memory_pressure > 2)
        facts->known &= ~(uint32_t)AMPHI_FACT_PRESSURE;
    if ((unsigned)facts->in_foreground > AMPHI_YES)
        facts->known &= ~(uint32_t)AMPHI_FACT_FOREGROUND;
}

void amphi__client_facts(amphi_client *client, amphi_device_facts *out)
{
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    amphi__mutex_lock(&client->lock);
    bool stale = client->probed_ms == 0 || now_ms - client->probed_ms >= PROBE_EVERY_MS;
    *out = client->probed;
    amphi__mutex_unlock(&client->lock);
    if (stale) {
        amphi_device_facts_init(out);
        client->device.ops->snapshot(client->device.self, out); /* reads files: no lock */
        out->struct_size = sizeof *out;
        drop_impossible(out);
        drop_unknown(out);
    }
    amphi__mutex_lock(&client->lock);
    if (stale) {
        client->probed = *out;
        client->probed_ms = now_ms > 0 ? now_ms : 1;
    }
    lay_over(out, &client->pushed);
    amphi__mutex_unlock(&client->lock);
}

bool amphi__client_is_metered(amphi_client *client, const amphi_engine_info *info)
{
    amphi_device_facts facts;
    if (info->kind != AMPHI_ENGINE_CLOUD || info->is_loopback)
        return false;
    amphi__client_facts(client, &facts);
    return (facts.known & AMPHI_FACT_NETWORK) != 0 && facts.network == AMPHI_NETWORK_METERED;
}

bool amphi__client_is_short_of_memory(amphi_client *client)
{
    amphi_device_facts facts;
    amphi__client_facts(client, &facts);
    amphi_policy policy;
    amphi__client_policy(client, &policy);
    return amphi__policy_is_short_of_memory(&policy, &facts);
}

amphi_status amphi_device_snapshot(
    amphi_client *client, amphi_device_facts *out, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    amphi_status status = AMPHI__SIZED_CHECK(amphi_device_facts, out, "out", error);
    if (status != AMPHI_OK)
        return status;
    amphi_device_facts own;
    amphi__client_facts(client, &own);
    AMPHI__SIZED_WRITE(out, &own);
    return AMPHI_OK;
}

static amphi_status check(const amphi_device_facts *facts, amphi_error *error)
{
    if ((facts->known & ~(uint32_t)AMPHI_FACT_ALL) != 0)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "known: has a fact that this version does not know");
    if ((facts->known & AMPHI_FACT_MEMORY) && facts->memory_total_bytes == 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "memory_total_bytes: 0 says nothing; push it with memory_available_bytes");
    if ((facts->known & AMPHI_FACT_BATTERY) && facts->battery_percent > 100)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "battery_percent: 0 to 100 is expected");
    if ((facts->known & AMPHI_FACT_MEMORY) &&
        facts->memory_available_bytes > facts->memory_total_bytes)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "memory_available_bytes: more than memory_total_bytes");
    if ((facts->known & AMPHI_FACT_PRESSURE) && facts->memory_pressure > 2)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "memory_pressure: 0, 1 or 2 is expected");
    if ((unsigned)facts->in_foreground > AMPHI_YES)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "in_foreground: yes or no is expected");
    if ((unsigned)facts->thermal > AMPHI_THERMAL_CRITICAL ||
        (unsigned)facts->network > AMPHI_NETWORK_FREE)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "thermal or network: unknown value");
    return AMPHI_OK;
}

amphi_status amphi_device_push_memory_pressure(
    amphi_client *client, unsigned level, amphi_error *error)
{
    amphi_device_facts facts;
    if (level > 2) {
        amphi__error_clear(error);
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "level: 0, 1 or 2 is expected");
    }
    amphi_device_facts_init(&facts);
    facts.known = AMPHI_FACT_PRESSURE;
    facts.memory_pressure = (uint8_t)level;
    return amphi_device_push(client, &facts, error);
}

amphi_status amphi_device_push(
    amphi_client *client, const amphi_device_facts *source, amphi_error *error)
{
    amphi_device_facts own;
    const amphi_device_facts *facts = &own;
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    amphi_status status = AMPHI__SIZED_READ(amphi_device_facts, &own, source, "facts", error);
    if (status == AMPHI_OK)
        status = check(facts, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&client->lock);
    if (facts->known == 0)
        amphi_device_facts_init(&client->pushed);
    else
        lay_over(&client->pushed, facts);
    drop_unknown(&client->pushed); /* "unknown": the probe's again */
    amphi__mutex_unlock(&client->lock);
    atomic_fetch_add(&client->device_epoch, 1);
    if ((facts->known & AMPHI_FACT_PRESSURE) != 0 && facts->memory_pressure > 0)
        amphi__memory_monitor_relieve(client, facts->memory_pressure);
    amphi__background_wake(client->background);
    return AMPHI_OK;
}

/* ---- the JSON form ---- */

static amphi_status read_count(
    uint64_t *out, const amphi_json *value, uint64_t most, const char *key, amphi_error *error)
{
    int64_t number = amphi__json_int(value, -1);
    if (number < 0 || (uint64_t)number > most)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "device facts: %s: a whole number from 0 to %llu is expected", key,
            (unsigned long long)most);
    *out = (uint64_t)number;
    return AMPHI_OK;
}

/* The position of a word in a NULL-terminated list, or -1. */
static int find_word(amphi_str word, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++)
        if (amphi__str_equal_c(word, words[i]))
            return i;
    return -1;
}

static amphi_status read_words(
    amphi_device_facts *out, const char *key, const amphi_json *value, amphi_error *error)
{
    static const char *const thermals[] = {
        "unknown", "nominal", "fair", "serious", "critical", NULL};
    static const char *const networks[] = {"unknown", "none", "metered", "free", NULL};
    bool thermal = strcmp(key, "thermal") == 0;
    int found = find_word(amphi__json_string(value), thermal ? thermals : networks);
    if (found < 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            thermal ? "device facts: thermal: nominal, fair, serious or critical is expected"
                    : "device facts: network: none, metered or free is expected");
    if (thermal)
        out->thermal = (amphi_thermal)found;
    else
        out->network = (amphi_network)found;
    out->known |= thermal ? AMPHI_FACT_THERMAL : AMPHI_FACT_NETWORK;
    return AMPHI_OK;
}

static amphi_status read_bool(
    amphi_device_facts *out, const char *key, const amphi_json *value, amphi_error *error)
{
    if (amphi__json_kind(value) != AMPHI_JSON_BOOL)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "device facts: %s: true or false is expected", key);
    bool is_true = amphi__json_bool(value, false);
    if (strcmp(key, "charging") == 0) {
        out->charging = is_true;
    } else {
        out->in_foreground = is_true ? AMPHI_YES : AMPHI_NO;
        out->known |= AMPHI_FACT_FOREGROUND;
    }
    return AMPHI_OK;
}

static const char *const keys[] = {"memory_total_bytes", "memory_available_bytes",
    "battery_percent", "charging", "thermal", "network", "rtt_ms", "throughput_kbps",
    "memory_pressure", "in_foreground"};
enum { KEYS_COUNT = sizeof keys / sizeof keys[0] };

static amphi_status fail_unknown(amphi_str name, amphi_error *error)
{
    char shown[AMPHI_SHOWN_NAME_MAX];
    const char *meant = amphi__nearest_name(name, keys, KEYS_COUNT);
    amphi__shown_name(shown, name);
    return meant != NULL
               ? amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                     "device facts: there is no fact \"%s\"; did you mean %s?", shown, meant)
               : amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                     "device facts: there is no fact \"%s\" (amphi/device.h has the names)", shown);
}

static amphi_status read_member(
    amphi_device_facts *out, const char *key, const amphi_json *value, amphi_error *error)
{
    uint64_t number = 0;
    amphi_status status = AMPHI_OK;
    if (strcmp(key, "thermal") == 0 || strcmp(key, "network") == 0)
        return read_words(out, key, value, error);
    if (strcmp(key, "charging") == 0 || strcmp(key, "in_foreground") == 0)
        return read_bool(out, key, value, error);
    if (strcmp(key, "memory_total_bytes") == 0) {
        status = read_count(&out->memory_total_bytes, value, 1ull << 50, key, error);
    } else if (strcmp(key, "memory_available_bytes") == 0) {
        status = read_count(&out->memory_available_bytes, value, 1ull << 50, key, error);
        out->known |= AMPHI_FACT_MEMORY;
    } else if (strcmp(key, "battery_percent") == 0) {
        status = read_count(&number, value, 100, key, error);
        out->battery_percent = (uint8_t)number;
        out->known |= AMPHI_FACT_BATTERY;
    } else if (strcmp(key, "memory_pressure") == 0) {
        status = read_count(&number, value, 2, key, error);
        out->memory_pressure = (uint8_t)number;
        out->known |= AMPHI_FACT_PRESSURE;
    } else {
        status = read_count(&number, value, UINT32_MAX, key, error);
        *(strcmp(key, "rtt_ms") == 0 ? &out->rtt_ms : &out->throughput_kbps) = (uint32_t)number;
        out->known |= AMPHI_FACT_LATENCY;
    }
    return status;
}

/* *seen: bit i for keys[i]. */
static amphi_status read_members(
    amphi_device_facts *out, const amphi_json *root, uint32_t *seen, amphi_error *error)
{
    for (const amphi_json *m = amphi__json_first(root); m != NULL; m = amphi__json_next(m)) {
        size_t i = 0;
        while (i < KEYS_COUNT && !amphi__str_equal_c(amphi__json_key(m), keys[i]))
            i++;
        if (i == KEYS_COUNT)
            return fail_unknown(amphi__json_key(m), error);
        if ((*seen & (uint32_t)1 << i) != 0)
            return amphi__fail(
                error, AMPHI_E_ARGUMENT, 0, "device facts: %s stands there twice", keys[i]);
        *seen |= (uint32_t)1 << i;
        amphi_status status = read_member(out, keys[i], m, error);
        if (status != AMPHI_OK)
            return status;
    }
    return AMPHI_OK;
}

/* Half of a pair would do nothing, or be read as 0. */
static amphi_status check_pairs(uint32_t seen, amphi_error *error)
{
    enum { TOTAL = 1 << 0, AVAILABLE = 1 << 1, PERCENT = 1 << 2, CHARGING = 1 << 3 };
    bool one = (seen & TOTAL) != 0;
    if (one != ((seen & AVAILABLE) != 0))
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "device facts: %s goes with %s: name both",
            keys[one ? 0 : 1], keys[one ? 1 : 0]);
    if ((seen & CHARGING) != 0 && (seen & PERCENT) == 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "device facts: charging goes with battery_percent: name both");
    return AMPHI_OK;
}

amphi_status amphi__device_facts_parse(amphi_device_facts *out, amphi_str json, amphi_error *error)
{
    amphi_json *root = NULL;
    uint32_t seen = 0;
    amphi_device_facts_init(out);
    amphi_status status = amphi__json_parse(&root, json, "device facts", error);
    if (status != AMPHI_OK)
        return status;
    if (amphi__json_kind(root) != AMPHI_JSON_OBJECT)
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "device facts: an object is expected");
    if (status == AMPHI_OK)
        status = read_members(out, root, &seen, error);
    if (status == AMPHI_OK)
        status = check_pairs(seen, error);
    if (status == AMPHI_OK)
        status = check(out, error);
    amphi__json_free(root);
    return status;
}

amphi_status amphi_device_push_json(amphi_client *client, amphi_str json, amphi_error *error)
{
    amphi_device_facts facts;
    amphi__error_clear(error);
    amphi_status status = amphi__device_facts_parse(&facts, json, error);
    return status != AMPHI_OK ? status : amphi_device_push(client, &facts, error);
}
