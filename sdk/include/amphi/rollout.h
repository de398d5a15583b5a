/* SPDX-License-Identifier: Apache-2.0
 *
 * The gray release: a GrowthBook payload (a file, or an https URL) whose feature "amphi.policy"
 * overrides fields of the policy document for a share of installs: not those that the app has
 * pinned, and privacy, the cloud, metered networks and money only towards less: sdk/docs/policy.md.
 */
#ifndef AMPHI_ROLLOUT_H
#define AMPHI_ROLLOUT_H

#include <amphi/client.h>

AMPHI_BEGIN_DECLS

/* {"source","install_id","feature":"amphi.policy","value":{...}|null,"bucket":0.1234|null,
 *  "coverage":[a,b]|null,"rule":N|null,"why":"...","held":["..."],"payload":"fresh|kept|none",
 *  "policy":{...}}: which value this install gets and why, which of its fields are held by the
 * app's document ("memory.max_percent 1 became 20: ..."), and the policy document in force. Free
 * with amphi_string_free. */
AMPHI_API amphi_status amphi_rollout_show(amphi_client *client, char **out, amphi_error *error);

/* Reads or fetches the payload again now; the last good one stays in force when that fails. */
AMPHI_API amphi_status amphi_rollout_refresh(amphi_client *client, amphi_error *error);

AMPHI_END_DECLS

#endif
