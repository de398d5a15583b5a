/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of enumeration values, as in JSON and in messages.
 */
#include "sdk/core/str.h"

#include <amphi/chat.h>

static const char *const reason_names[AMPHI_REASON_COUNT] = {
    [AMPHI_REASON_OK] = "ok",
    [AMPHI_REASON_MODE] = "mode",
    [AMPHI_REASON_PRIVATE] = "private",
    [AMPHI_REASON_KILL_SWITCH] = "kill_switch",
    [AMPHI_REASON_BATTERY_LOW] = "battery_low",
    [AMPHI_REASON_THERMAL] = "thermal",
    [AMPHI_REASON_MEMORY] = "memory",
    [AMPHI_REASON_MEMORY_PRESSURE] = "memory_pressure",
    [AMPHI_REASON_NETWORK_NONE] = "network_none",
    [AMPHI_REASON_NETWORK_METERED] = "network_metered",
    [AMPHI_REASON_NETWORK_SLOW] = "network_slow",
    [AMPHI_REASON_CONTEXT_LENGTH] = "context_length",
    [AMPHI_REASON_CAPABILITY] = "capability",
    [AMPHI_REASON_BREAKER_OPEN] = "breaker_open",
    [AMPHI_REASON_QUARANTINE] = "quarantine",
    [AMPHI_REASON_UNAVAILABLE] = "unavailable",
    [AMPHI_REASON_COST] = "cost",
    [AMPHI_REASON_LATENCY] = "latency",
    [AMPHI_REASON_PREFERENCE] = "preference",
    [AMPHI_REASON_ASKED_TO_WAIT] = "asked_to_wait",
    [AMPHI_REASON_SCOPE] = "scope",
    [AMPHI_REASON_QUOTA] = "quota",
    [AMPHI_REASON_BUSY] = "busy",
    [AMPHI_REASON_BACKGROUND] = "background",
};

static const char *const mode_names[] = {
    "default", "auto", "prefer_local", "prefer_cloud", "only_local", "only_cloud"};

const char *amphi_reason_name(amphi_reason reason)
{
    return (unsigned)reason < AMPHI_REASON_COUNT ? reason_names[reason] : "unknown";
}

const char *amphi_mode_name(amphi_mode mode)
{
    return (unsigned)mode <= AMPHI_MODE_ONLY_CLOUD ? mode_names[mode] : "unknown";
}

const char *amphi_privacy_name(amphi_privacy privacy)
{
    switch (privacy) {
    case AMPHI_PRIVACY_NONE:
        return "none";
    case AMPHI_PRIVACY_ONLY_LOCAL:
        return "only_local";
    case AMPHI_PRIVACY_PRIVATE:
        break;
    }
    return "private"; /* also of a value that is none: the strictest */
}

amphi_status amphi_mode_parse(amphi_mode *out, amphi_str name)
{
    for (unsigned mode = AMPHI_MODE_AUTO; mode <= AMPHI_MODE_ONLY_CLOUD; mode++)
        if (amphi__str_equal_c(name, mode_names[mode])) {
            *out = (amphi_mode)mode;
            return AMPHI_OK;
        }
    return AMPHI_E_ARGUMENT;
}

const char *amphi_finish_name(amphi_finish finish)
{
    static const char *const names[] = {"", "stop", "length", "tool_calls", "content_filter"};
    return (unsigned)finish <= AMPHI_FINISH_CONTENT_FILTER ? names[finish] : "";
}
