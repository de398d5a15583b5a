/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi_doctor: makes a client as the app would, and reports on each of its parts.
 */
#include "sdk/client/client.h"
#include "sdk/client/crash_ledger.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <amphi/doctor.h>

#include <stdio.h>

typedef struct round {
    amphi_finding_fn *report;
    void *user;
} round;

static void find(const round *r, amphi_finding_level level, const char *part, const char *text,
    const char *remedy)
{
    amphi_finding finding = {.struct_size = sizeof finding,
        .level = level,
        .part = amphi_str_from(part),
        .text = amphi_str_from(text),
        .remedy = amphi_str_from(remedy)};
    r->report(r->user, &finding);
}

/* true: it is quarantined, so nothing more is known of it. */
static bool report_crashes(const round *r, const amphi_engine_info *info,
    const amphi_policy *policy, const amphi_crash_facts *crash)
{
    char line[160];
    uint32_t count =
        crash->crashes + crash->crashes_early + crash->crashes_plain + crash->kills_memory;
    bool left_alone = amphi__policy_is_quarantined(policy, crash);
    bool killed =
        policy->crash_outside_limit > 0 && crash->kills_outside >= policy->crash_outside_limit;
    bool crashed = left_alone && !killed;
    if (crash->kills_outside > 0) {
        snprintf(line, sizeof line,
            "the engine was killed or stopped from outside %u time%s within %u s%s",
            crash->kills_outside, crash->kills_outside == 1 ? "" : "s", policy->crash_window_s,
            killed ? " and is left alone" : "");
        find(r, killed ? AMPHI_FINDING_FAULT : AMPHI_FINDING_NOTE, info->name, line,
            "not the model's fault: look for the process that sends it signals");
    }
    if (crash->is_unreadable)
        find(r, AMPHI_FINDING_FAULT, info->name,
            "its record of crashes can't be read, so the engine is left alone",
            "mend the store: amphi history repair");
    if (count == 0)
        return left_alone;
    snprintf(line, sizeof line, "the engine crashed %u time%s within %u s%s", count,
        count == 1 ? "" : "s", policy->crash_window_s, crashed ? " and is left alone" : "");
    find(r, crashed ? AMPHI_FINDING_FAULT : AMPHI_FINDING_NOTE, info->name, line,
        "one crash is forgiven per quiet interval; another model file starts clean");
    return left_alone;
}

static void report_local(const round *r, const amphi_engine_info *info,
    const amphi_parts_report *parts, const amphi_policy *policy, const amphi_crash_facts *crash)
{
    char line[sizeof parts->cage + 64];
    if (report_crashes(r, info, policy, crash))
        return;
    if (!info->available) {
        find(r, AMPHI_FINDING_FAULT, info->name, info->why,
            "give a GGUF model with --model, or install the embedded one");
        return;
    }
    snprintf(line, sizeof line, "%s: %.1f MiB of weights, %u tokens of context", info->model,
        (double)info->weights_bytes / 1048576.0, info->context_tokens_max);
    find(r, AMPHI_FINDING_OK, info->name, line, "");
    if (info->scope == AMPHI_SCOPE_HELP)
        find(r, AMPHI_FINDING_NOTE, info->name,
            "a help model: it answers when no other route may, or asked by name (amphi-help)",
            "for other subjects without a cloud give a chat model with --model FILE");
    if (parts->cage_known && parts->cage[0] != '\0') {
        snprintf(line, sizeof line, "this system does not give: %s", parts->cage);
        find(r, AMPHI_FINDING_NOTE, "cage", line,
            "the engine process runs with the protections that remain");
    } else if (parts->cage_known)
        find(r, AMPHI_FINDING_OK, "cage", "the engine process is fully confined", "");
}

static void report_store(
    const round *r, const amphi_client *client, const amphi_parts_report *parts)
{
    const amphi_store *store = &client->store;
    amphi_error why;
    amphi_status status =
        store->ops->health != NULL ? store->ops->health(store->self, &why) : AMPHI_OK;
    if (status == AMPHI_OK)
        find(r, AMPHI_FINDING_OK, "store",
            parts->store[0] != '\0' ? parts->store : store->ops->name, "");
    else
        find(r, AMPHI_FINDING_FAULT, "store", why.message,
            status == AMPHI_E_CORRUPT ? "amphi history repair saves what can be read"
                                      : "answers come, but they are not kept until this is mended");
}

static bool key_is_exposed(const amphi_client_options *options, const char *name)
{
    for (size_t i = 0; i < options->endpoints_count; i++)
        if (amphi__str_equal_c(options->endpoints[i].name, name))
            return amphi__endpoint_key_is_exposed(&options->endpoints[i]);
    return false;
}

static void report_cloud(
    const round *r, const amphi_engine_info *info, const amphi_client_options *options)
{
    char part[AMPHI_NAME_MAX + 8];
    snprintf(part, sizeof part, "cloud %s", info->name);
    if (info->available && key_is_exposed(options, info->name))
        find(r, AMPHI_FINDING_NOTE, part, "other users of this machine may read its key file",
            "chmod 600 the key file");
    else if (info->available)
        find(r, AMPHI_FINDING_OK, part, "configured; only its options were looked at", "");
    else
        find(r, AMPHI_FINDING_FAULT, part, info->why, "mend the endpoint's options");
}

static void report_system(const round *r, const amphi_engine_info *info)
{
    char part[AMPHI_NAME_MAX + 8];
    char line[160];
    snprintf(part, sizeof part, "system %s", info->name);
    snprintf(line, sizeof line, "%s, %u tokens of context", info->model, info->context_tokens_max);
    if (!info->available)
        find(r, AMPHI_FINDING_NOTE, part, info->why,
            "other routes answer meanwhile; what the system offers may change at any time");
    else
        find(r, AMPHI_FINDING_OK, part, line, "");
    if (!info->on_device)
        find(r, AMPHI_FINDING_NOTE, part, "it computes outside of this device",
            "private requests go there only with system.private_cloud_trusted in the policy");
}

static void report_device(const round *r, amphi_client *client)
{
    amphi_device_facts facts;
    char line[160];
    amphi__client_facts(client, &facts);
    if (facts.known & AMPHI_FACT_MEMORY) {
        snprintf(line, sizeof line, "%llu of %llu MiB of memory available",
            (unsigned long long)(facts.memory_available_bytes >> 20),
            (unsigned long long)(facts.memory_total_bytes >> 20));
        find(r, AMPHI_FINDING_OK, "memory", line, "");
    } else {
        find(r, AMPHI_FINDING_NOTE, "memory", "unknown", "push it with amphi_device_push");
    }
    if (facts.known & AMPHI_FACT_BATTERY) {
        snprintf(line, sizeof line, "%u %%%s", facts.battery_percent,
            facts.charging ? ", charging or none" : "");
        find(r, AMPHI_FINDING_OK, "battery", line, "");
    } else {
        find(r, AMPHI_FINDING_NOTE, "battery", "unknown: treated as no limit",
            "push it with amphi_device_push or --device");
    }
    if (!(facts.known & AMPHI_FACT_THERMAL))
        find(r, AMPHI_FINDING_NOTE, "thermal", "unknown: treated as no limit",
            "push it with amphi_device_push or --device");
    if (!(facts.known & AMPHI_FACT_NETWORK))
        find(r, AMPHI_FINDING_NOTE, "network", "unknown: tried when needed",
            "push it with amphi_device_push or --device");
    else
        find(r, AMPHI_FINDING_OK, "network",
            facts.network == AMPHI_NETWORK_NONE      ? "no route to anywhere"
            : facts.network == AMPHI_NETWORK_METERED ? "reachable; its bytes cost money"
                                                     : "reachable",
            "");
}

/* Every page of the store, by its own seal: a client only reads those that it needs. True: it is
 * damaged, and nothing else of it is of interest. */
static bool report_damage(const round *r, const amphi_client_options *own)
{
    amphi_parts parts;
    amphi_tables tables;
    amphi_history_check_report found;
    amphi_error why;
    char line[sizeof found.fault + 16];
    amphi_history_check_report_init(&found);
    if (amphi__parts_read(&parts, &tables, own->parts, &why) != AMPHI_OK ||
        amphi__compose_check(&found, own, &parts, true, &why) != AMPHI_OK || found.is_whole)
        return false; /* what else is wrong with the store is the client's error */
    if (found.is_lost && found.pages_bad + found.log_pages_bad + found.faults == 0) {
        find(r, AMPHI_FINDING_FAULT, "store", found.fault,
            "answers come; what was kept before is not there");
        return true;
    }
    snprintf(line, sizeof line, "damaged: %llu of %llu pages can't be read",
        (unsigned long long)found.pages_bad + found.log_pages_bad,
        (unsigned long long)found.pages + found.log_pages);
    if (found.faults > 0) /* of its log */
        snprintf(line, sizeof line, "damaged: %s", found.fault);
    find(r, AMPHI_FINDING_FAULT, "store", line,
        "amphi history repair saves what can be read; amphi history check says more");
    return true;
}

/* A damaged store that a repair kept. */
static void report_aside(const round *r, const amphi_client_options *own)
{
    amphi_parts parts;
    amphi_tables tables;
    char path[1024];
    char line[sizeof path + 96];
    uint64_t count = 0;
    if (amphi__parts_read(&parts, &tables, own->parts, NULL) == AMPHI_OK)
        count = amphi__compose_aside(own, &parts, path, sizeof path);
    if (count == 0)
        return;
    snprintf(line, sizeof line, "%llu damaged kept aside, which may hold what was deleted: %s",
        (unsigned long long)count, path);
    find(r, AMPHI_FINDING_NOTE, "store", line,
        "delete it when nothing in it is needed any more; amphi history erase-all does as well");
}

amphi_status amphi_doctor(
    const amphi_client_options *options, amphi_finding_fn *report, void *user, amphi_error *error)
{
    round r = {report, user};
    amphi_client *client = NULL;
    amphi_error why;
    amphi__error_clear(error);
    if (options == NULL || report == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "options or report is NULL");
    amphi_client_options own;
    amphi_endpoint_options endpoints[AMPHI_ROUTES_MAX - 1];
    amphi_status status = amphi__client_options_read(&own, endpoints, options, &why);
    bool is_damaged = status == AMPHI_OK && report_damage(&r, &own);
    if (status == AMPHI_OK)
        report_aside(&r, &own);
    if (status != AMPHI_OK || amphi_client_new(&client, options, &why) != AMPHI_OK) {
        find(&r, AMPHI_FINDING_FAULT, "client", why.message, "mend this first");
        return AMPHI_OK;
    }
    amphi_engine_info infos[AMPHI_ROUTES_MAX] = {{0}};
    amphi_crash_facts crashes[AMPHI_ROUTES_MAX] = {{0}};
    for (size_t i = 0; i < client->routes_count; i++)
        amphi__crash_ledger_describe(
            client, &client->routes[i], &client->policy_base, &infos[i], &crashes[i]);
    amphi_parts_report parts; /* after describe, which starts the engine's process */
    amphi__compose_report(client, &parts);
    if (!is_damaged)
        report_store(&r, client, &parts);
    bool cloud = false;
    for (size_t i = 0; i < client->routes_count; i++) {
        if (infos[i].kind == AMPHI_ENGINE_LOCAL)
            report_local(&r, &infos[i], &parts, &client->policy_base, &crashes[i]);
        else if (infos[i].kind == AMPHI_ENGINE_SYSTEM)
            report_system(&r, &infos[i]);
        else
            report_cloud(&r, &infos[i], &own);
        cloud |= infos[i].kind == AMPHI_ENGINE_CLOUD;
    }
    if (!cloud)
        find(&r, AMPHI_FINDING_NOTE, "cloud", "no endpoint is configured",
            "--endpoint NAME=URL,key-file=FILE adds one");
    report_device(&r, client);
    amphi_client_free(client);
    return AMPHI_OK;
}
