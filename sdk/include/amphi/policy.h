/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy document without a client: is it one, what is in force with it, what does a field
 * take? Its reference is sdk/docs/policy.md, its JSON Schema sdk/docs/policy.schema.json. All of
 * this is pure: any thread, no file, no network.
 */
#ifndef AMPHI_POLICY_H
#define AMPHI_POLICY_H

#include <amphi/error.h>

AMPHI_BEGIN_DECLS

/* Would amphi_client_options.policy_json take it? Otherwise AMPHI_E_ARGUMENT, AMPHI_E_FORMAT or
 * AMPHI_E_LIMIT, with the field's name and what to do. *notes (may be NULL): what the document says
 * in vain, a line each ("cost.over does nothing ..."), empty if nothing; amphi_string_free. */
AMPHI_API amphi_status amphi_policy_check(amphi_str json, char **notes, amphi_error *error);

/* The whole document: `json` (empty: none) over the defaults. Free with amphi_string_free. */
AMPHI_API amphi_status amphi_policy_show(char **out, amphi_str json, amphi_error *error);

/* The JSON Schema of the document (draft 2020-12). Free with amphi_string_free. */
AMPHI_API amphi_status amphi_policy_schema(char **out, amphi_error *error);

/* SIZED, filled in. One field of the document. */
typedef struct amphi_policy_field_info {
    size_t struct_size;      /* in bytes; see amphi/types.h */
    const char *name;        /* dotted; this and the next two stay valid for ever */
    const char *help;        /* what it does, one line */
    const char *unit;        /* "" for none */
    char value[128];         /* in force, as JSON */
    char default_value[128]; /* without a document, as JSON */
    char limits[128];        /* what it takes, in words */
    char payload[128];       /* what a payload of the rollout may set, in words */
    bool is_named;           /* the document names it */
    bool is_pinned;          /* the document pins it */
} amphi_policy_field_info;

static inline void amphi_policy_field_info_init(amphi_policy_field_info *info)
{
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
}

/* The field at `index` from 0, in the order of the reference page, with what `json` (empty: none)
 * makes of it. AMPHI_E_NOT_FOUND behind the last one. *out after amphi_policy_field_info_init. */
AMPHI_API amphi_status amphi_policy_field_at(
    amphi_policy_field_info *out, size_t index, amphi_str json, amphi_error *error);

/* The index of a field ("battery.min_percent"), or of the first one of a group ("battery"), and how
 * many there are from there on (1, or all of the group). AMPHI_E_NOT_FOUND says what may have been
 * meant. */
AMPHI_API amphi_status amphi_policy_find(
    size_t *index, size_t *count, amphi_str name, amphi_error *error);

/* The decision for a situation that is described rather than met: no client, no probe, no clock, no
 * network; the same three texts give the same bytes. sdk/docs/route.md has the form.
 *   device     as amphi_device_push_json takes it; empty: nothing is known of the device
 *   situation  {"routes":[{"name","kind",...}]}, beside them the members of a chat request
 *              ("messages", "tools", "model", "amphi":{"mode","private",...}), "facts" and "spent"
 *   policy     the document; empty: the defaults
 * *out: {"mode","private","steps":[...],"routes":[...],"refusal":{...},"remembered":[...],...};
 * amphi_string_free. AMPHI_E_ARGUMENT, AMPHI_E_FORMAT: what is not understood, by name. That no
 * route is left is no error: "steps" is empty then, and "refusal" says why. */
AMPHI_API amphi_status amphi_policy_decide_json(
    amphi_str device, amphi_str situation, amphi_str policy, char **out, amphi_error *error);

AMPHI_END_DECLS

#endif
