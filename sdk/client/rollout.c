/* SPDX-License-Identifier: Apache-2.0
 *
 * The gray release on the client's side: refresh the payload, apply it to the policy, show it.
 */
#include "sdk/client/rollout.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"

#include <amphi/rollout.h>

#define REFRESH_TIMEOUT_MS 5000u

amphi_status amphi__client_rollout_apply(amphi_client *client, amphi_error *error)
{
    amphi_policy policy = client->policy_base;
    amphi_status status = AMPHI_OK;
    if (client->rollout != NULL)
        status = amphi__rollout_apply(client->rollout, &policy, &client->policy_base, error);
    if (status != AMPHI_OK)
        policy = client->policy_base;
    amphi__mutex_lock(&client->lock);
    client->policy = policy;
    amphi__mutex_unlock(&client->lock);
    return status;
}

amphi_status amphi_rollout_refresh(amphi_client *client, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    if (client->rollout == NULL)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "no rollout source is configured: give a file or an https URL");
    amphi_status status = amphi__rollout_refresh(client->rollout, REFRESH_TIMEOUT_MS, error);
    amphi_status applied = amphi__client_rollout_apply(client, status == AMPHI_OK ? error : NULL);
    return status != AMPHI_OK ? status : applied;
}

void amphi__client_rollout_refresh(amphi_client *client)
{
    amphi_error error;
    if (client->rollout == NULL || (client->is_private && client->rollout_is_remote))
        return; /* a private client asks the network for nothing by itself */
    amphi_status status = amphi_rollout_refresh(client, &error);
    if (status != AMPHI_OK && status != AMPHI_E_CANCELLED) /* by the client's end */
        amphi__log(&client->log, AMPHI_LOG_WARNING, "%s", error.message);
}

amphi_status amphi_rollout_show(amphi_client *client, char **out, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL || out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or out is NULL");
    *out = NULL;
    amphi_buf json;
    amphi__buf_init(&json, 0);
    amphi_status status = AMPHI_OK;
    if (client->rollout != NULL)
        status = amphi__rollout_show(client->rollout, &json, error);
    else
        amphi__buf_append_c(&json,
            "{\"source\":null,\"feature\":\"amphi.policy\",\"value\":null,\"payload\":\"none\","
            "\"why\":\"no rollout source is configured\",\"held\":[]}");
    if (status == AMPHI_OK && json.status == AMPHI_OK && json.size > 0) {
        amphi_policy policy;
        amphi__client_policy(client, &policy);
        amphi__buf_truncate(&json, json.size - 1); /* reopen the object */
        amphi__buf_append_c(&json, ",\"policy\":");
        amphi__policy_to_json(&policy, &json);
        amphi__buf_append_char(&json, '}');
        *out = amphi__buf_take(&json);
        status = *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
    }
    amphi__buf_clear(&json);
    return status;
}
