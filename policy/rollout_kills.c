/* SPDX-License-Identifier: Apache-2.0
 *
 * What a value switches off, read even where the rest of it is not understood: a typing mistake
 * beside a kill switch must not undo it on an install that has nothing else to hold on to.
 */
#include "policy/rollout_state.h"

#include "sdk/core/str.h"

static bool is_off(const amphi_json *object, const char *key)
{
    return !amphi__json_bool(amphi__json_get(object, key), true);
}

bool amphi__rollout_endpoint_is_off(const amphi_json *endpoints, amphi_str name)
{
    return is_off(amphi__gb_member(endpoints, name), "enabled");
}

static void put_if_off(
    amphi_json_writer *writer, const amphi_json *document, const char *group, const char *key)
{
    if (!is_off(amphi__json_get(document, group), key))
        return;
    amphi__json_open(writer, group, '{');
    amphi__json_put_bool(writer, key, false);
    amphi__json_close(writer, '}');
}

static void put_word(
    amphi_json_writer *writer, const amphi_json *document, const char *key, const char *strictest)
{
    if (amphi__str_equal_c(amphi__json_string(amphi__json_get(document, key)), strictest))
        amphi__json_put_str(writer, key, amphi_str_from(strictest));
}

amphi_status amphi__rollout_apply_kills(
    amphi_policy *policy, const amphi_json *document, amphi_error *error)
{
    amphi_json_writer writer;
    amphi_buf text;
    amphi__buf_init(&text, 1024);
    amphi__json_writer_init(&writer, &text);
    amphi__json_open(&writer, NULL, '{');
    put_word(&writer, document, "mode", "only_local");
    put_word(&writer, document, "private_history", "local");
    put_word(&writer, document, "only_local_history", "as_private");
    put_if_off(&writer, document, "local", "enabled");
    put_if_off(&writer, document, "cloud", "enabled");
    put_if_off(&writer, document, "system", "enabled");
    put_if_off(&writer, document, "network", "metered_allowed");
    amphi__json_close(&writer, '}');
    amphi_status status = text.status;
    if (status == AMPHI_OK)
        status = amphi__policy_apply_payload(policy, amphi__buf_str(&text), NULL, error);
    amphi__buf_clear(&text);
    return status;
}

/* Does this value of amphi.policy name one of the above? */
static bool document_takes_away(const amphi_json *document)
{
    amphi_str private_history = amphi__json_string(amphi__json_get(document, "private_history"));
    amphi_str local_history = amphi__json_string(amphi__json_get(document, "only_local_history"));
    return amphi__str_equal_c(private_history, "local") ||
           amphi__str_equal_c(local_history, "as_private") ||
           is_off(amphi__json_get(document, "local"), "enabled") ||
           is_off(amphi__json_get(document, "cloud"), "enabled") ||
           is_off(amphi__json_get(document, "system"), "enabled") ||
           is_off(amphi__json_get(document, "network"), "metered_allowed") ||
           amphi__str_equal_c(amphi__json_string(amphi__json_get(document, "mode")), "only_local");
}

bool amphi__rollout_takes_away(const amphi_json *payload, const amphi_json *attributes)
{
    amphi_gb_result policy;
    amphi_gb_result endpoints;
    amphi__rollout_evaluate(payload, attributes, AMPHI_STR("amphi.policy"), NULL, &policy);
    amphi__rollout_evaluate(payload, attributes, AMPHI_STR("amphi.endpoints"), NULL, &endpoints);
    if (document_takes_away(policy.value))
        return true;
    for (const amphi_json *e = amphi__json_first(endpoints.value); e != NULL;
         e = amphi__json_next(e))
        if (is_off(e, "enabled"))
            return true;
    return false;
}
