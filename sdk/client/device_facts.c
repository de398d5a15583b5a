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
#define BACKGROUND_BIT 15u
_Static_assert(1u << BACKGROUND_BIT == AMPHI_FACT_BACKGROUND, "the place in age_ms");

static uint32_t saturate(uint64_t ms)
{
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* The fields of one fact; `bit` is its place in `known`. */
static void copy_fact(amphi_device_facts *to, const amphi_device_facts *from, unsigned bit)
{
    switch (1u << bit) {
    case AMPHI_FACT_MEMORY:
        to->memory_total_bytes = from->memory_total_bytes;
        to->memory_available_bytes = from->memory_available_bytes;
        break;
    case AMPHI_FACT_BATTERY:
        to->battery_percent = from->battery_percent;
        to->charging = from->charging;
        break;
    case AMPHI_FACT_THERMAL:
        to->thermal = from->thermal;
        break;
    case AMPHI_FACT_NETWORK:
        to->network = from->network;
        break;
    case AMPHI_FACT_LATENCY:
        if (from->rtt_ms != 0)
            to->rtt_ms = from->rtt_ms;
        if (from->throughput_kbps != 0)
            to->throughput_kbps = from->throughput_kbps;
        break;
    case AMPHI_FACT_PRESSURE:
        to->memory_pressure = from->memory_pressure;
        break;
    case AMPHI_FACT_FOREGROUND:
        to->in_foreground = from->in_foreground;
        break;
    case AMPHI_FACT_CORES:
        to->cores = from->cores;
        to->cores_big = from->cores_big;
        break;
    case AMPHI_FACT_CPU_STALL:
        to->cpu_stall_percent = from->cpu_stall_percent;
        break;
    case AMPHI_FACT_MEMORY_STALL:
        to->memory_stall_percent = from->memory_stall_percent;
        break;
    case AMPHI_FACT_IO_STALL:
        to->io_stall_percent = from->io_stall_percent;
        break;
    case AMPHI_FACT_DRAW:
        to->draw_mw = from->draw_mw;
        break;
    case AMPHI_FACT_ENERGY:
        to->energy_uj = from->energy_uj;
        break;
    case AMPHI_FACT_FORECAST:
        to->heat_forecast_percent = from->heat_forecast_percent;
        break;
    case AMPHI_FACT_POWER_SAVE:
        to->power_save = from->power_save;
        break;
    case AMPHI_FACT_BACKGROUND:
        to->background_left_ms = from->background_left_ms;
        break;
    default:
        return; /* of a later version */
    }
    to->known |= 1u << bit;
    to->age_ms[bit] = from->age_ms[bit];
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
    if ((unsigned)facts->power_save > AMPHI_YES)
        facts->known &= ~(uint32_t)AMPHI_FACT_POWER_SAVE;
    if (facts->cores_big > facts->cores)
        facts->known &= ~(uint32_t)AMPHI_FACT_CORES;
    if (facts->cpu_stall_percent > 100)
        facts->known &= ~(uint32_t)AMPHI_FACT_CPU_STALL;
    if (facts->memory_stall_percent > 100)
        facts->known &= ~(uint32_t)AMPHI_FACT_MEMORY_STALL;
    if (facts->io_stall_percent > 100)
        facts->known &= ~(uint32_t)AMPHI_FACT_IO_STALL;
}

static bool is_stale(const amphi_client *client, uint64_t now_ms)
{
    return client->probed_ms == 0 || now_ms - client->probed_ms >= PROBE_EVERY_MS;
}

/* One thread at a time, without the lock: files are read. Who comes meanwhile waits for what is
 * found, rather than decide without facts. Under the lock. */
static void probe(amphi_client *client, uint64_t now_ms)
{
    amphi_device_facts found;
    while (client->is_probing)
        amphi__cond_wait(&client->probe_done, &client->lock);
    if (!is_stale(client, now_ms))
        return;
    client->is_probing = true;
    amphi__mutex_unlock(&client->lock);
    amphi_device_facts_init(&found);
    client->device.ops->snapshot(client->device.self, &found);
    found.struct_size = sizeof found;
    drop_impossible(&found);
    drop_unknown(&found);
    amphi__mutex_lock(&client->lock);
    client->probed = found;
    client->probed_ms = now_ms > 0 ? now_ms : 1;
    client->is_probing = false;
    amphi__cond_broadcast(&client->probe_done);
}

void amphi__client_facts(amphi_client *client, amphi_device_facts *out)
{
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    amphi__mutex_lock(&client->lock);
    if (is_stale(client, now_ms))
        probe(client, now_ms);
    *out = client->probed;
    for (unsigned bit = 0; bit < AMPHI_FACT_MAX; bit++) {
        uint64_t then_ms = client->probed_ms;
        if (client->pushed.known >> bit & 1) {
            copy_fact(out, &client->pushed, bit);
            then_ms = client->pushed_ms[bit];
        }
        uint64_t since_ms = now_ms > then_ms ? now_ms - then_ms : 0;
        out->age_ms[bit] = out->known >> bit & 1 ? saturate(out->age_ms[bit] + since_ms) : 0;
    }
    uint32_t age_ms = out->age_ms[BACKGROUND_BIT];
    uint32_t left_ms = out->background_left_ms;
    out->background_left_ms = left_ms > age_ms ? left_ms - age_ms : 0;
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
    if ((facts->known & AMPHI_FACT_CORES) && facts->cores_big > facts->cores)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "cores_big: more than cores");
    if (((facts->known & AMPHI_FACT_CPU_STALL) && facts->cpu_stall_percent > 100) ||
        ((facts->known & AMPHI_FACT_MEMORY_STALL) && facts->memory_stall_percent > 100) ||
        ((facts->known & AMPHI_FACT_IO_STALL) && facts->io_stall_percent > 100))
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "cpu_stall_percent, memory_stall_percent, io_stall_percent: 0 to 100 is expected");
    if ((facts->known & AMPHI_FACT_PRESSURE) && facts->memory_pressure > 2)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "memory_pressure: 0, 1 or 2 is expected");
    if ((unsigned)facts->in_foreground > AMPHI_YES)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "in_foreground: yes or no is expected");
    if ((unsigned)facts->power_save > AMPHI_YES)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "power_save: yes or no is expected");
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
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    amphi__mutex_lock(&client->lock);
    if (facts->known == 0)
        amphi_device_facts_init(&client->pushed);
    for (unsigned bit = 0; bit < AMPHI_FACT_MAX; bit++) {
        if (!(facts->known >> bit & 1))
            continue;
        copy_fact(&client->pushed, facts, bit);
        client->pushed_ms[bit] = now_ms;
    }
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
    } else if (strcmp(key, "power_save") == 0) {
        out->power_save = is_true ? AMPHI_YES : AMPHI_NO;
        out->known |= AMPHI_FACT_POWER_SAVE;
    } else {
        out->in_foreground = is_true ? AMPHI_YES : AMPHI_NO;
        out->known |= AMPHI_FACT_FOREGROUND;
    }
    return AMPHI_OK;
}

/* Members that are whole numbers: where each goes, and the fact that it makes known. */
typedef struct amphi_number_member {
    const char *key;
    size_t offset, size_bytes;
    uint64_t most;
    uint32_t fact; /* 0: it goes with another member */
} amphi_number_member;

#define NUMBER(field, most, fact)                                                                  \
    {                                                                                              \
#field, offsetof(amphi_device_facts, field), sizeof(((amphi_device_facts *)0)->field),     \
            (most), (fact)                                                                         \
    }

static const amphi_number_member number_members[] = {
    NUMBER(memory_total_bytes, 1ull << 50, 0),
    NUMBER(memory_available_bytes, 1ull << 50, AMPHI_FACT_MEMORY),
    NUMBER(battery_percent, 100, AMPHI_FACT_BATTERY),
    NUMBER(rtt_ms, UINT32_MAX, AMPHI_FACT_LATENCY),
    NUMBER(throughput_kbps, UINT32_MAX, AMPHI_FACT_LATENCY),
    NUMBER(memory_pressure, 2, AMPHI_FACT_PRESSURE),
    NUMBER(cores, UINT16_MAX, AMPHI_FACT_CORES),
    NUMBER(cores_big, UINT16_MAX, 0),
    NUMBER(cpu_stall_percent, 100, AMPHI_FACT_CPU_STALL),
    NUMBER(memory_stall_percent, 100, AMPHI_FACT_MEMORY_STALL),
    NUMBER(io_stall_percent, 100, AMPHI_FACT_IO_STALL),
    NUMBER(draw_mw, UINT32_MAX, AMPHI_FACT_DRAW),
    NUMBER(energy_uj, INT64_MAX, AMPHI_FACT_ENERGY),
    NUMBER(heat_forecast_percent, UINT16_MAX, AMPHI_FACT_FORECAST),
    NUMBER(background_left_ms, UINT32_MAX, AMPHI_FACT_BACKGROUND),
};

static void store_number(
    amphi_device_facts *out, const amphi_number_member *member, uint64_t number)
{
    char *at = (char *)out + member->offset;
    uint32_t word = (uint32_t)number;
    uint16_t half = (uint16_t)number;
    uint8_t byte = (uint8_t)number;
    memcpy(at,
        member->size_bytes == 8   ? (const void *)&number
        : member->size_bytes == 4 ? (const void *)&word
        : member->size_bytes == 2 ? (const void *)&half
                                  : (const void *)&byte,
        member->size_bytes);
    out->known |= member->fact;
}

static const char *const keys[] = {"memory_total_bytes", "memory_available_bytes",
    "battery_percent", "charging", "thermal", "network", "rtt_ms", "throughput_kbps",
    "memory_pressure", "in_foreground", "cores", "cores_big", "cpu_stall_percent",
    "memory_stall_percent", "io_stall_percent", "draw_mw", "energy_uj", "heat_forecast_percent",
    "power_save", "background_left_ms"};
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
    if (strcmp(key, "thermal") == 0 || strcmp(key, "network") == 0)
        return read_words(out, key, value, error);
    if (strcmp(key, "charging") == 0 || strcmp(key, "in_foreground") == 0 ||
        strcmp(key, "power_save") == 0)
        return read_bool(out, key, value, error);
    for (size_t i = 0; i < sizeof number_members / sizeof number_members[0]; i++) {
        const amphi_number_member *member = &number_members[i];
        uint64_t number = 0;
        if (strcmp(key, member->key) != 0)
            continue;
        amphi_status status = read_count(&number, value, member->most, key, error);
        if (status == AMPHI_OK)
            store_number(out, member, number);
        return status;
    }
    return amphi__fail(error, AMPHI_E_INTERNAL, 0, "device facts: %s has no reader", key);
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
    enum { FOREGROUND = 1 << 9, CORES = 1 << 10, CORES_BIG = 1 << 11, BACKGROUND = 1 << 19 };
    bool one = (seen & TOTAL) != 0;
    if (one != ((seen & AVAILABLE) != 0))
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "device facts: %s goes with %s: name both",
            keys[one ? 0 : 1], keys[one ? 1 : 0]);
    if ((seen & CHARGING) != 0 && (seen & PERCENT) == 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "device facts: charging goes with battery_percent: name both");
    if ((seen & BACKGROUND) != 0 && (seen & FOREGROUND) == 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "device facts: background_left_ms goes with in_foreground: name both");
    if ((seen & CORES_BIG) != 0 && (seen & CORES) == 0)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "device facts: cores_big goes with cores: name both");
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
    if ((out->known & AMPHI_FACT_CORES) && out->cores_big == 0)
        out->cores_big = out->cores; /* nothing tells them apart */
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
