/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything an app needs. What an implementer plugs in is under amphi/ext/.
 */
#ifndef AMPHI_H
#define AMPHI_H

#include <amphi/bench.h>
#include <amphi/cache.h>
#include <amphi/chat.h>
#include <amphi/client.h>
#include <amphi/decision.h>
#include <amphi/device.h>
#include <amphi/doctor.h>
#include <amphi/embeddings.h>
#include <amphi/error.h>
#include <amphi/history.h>
#include <amphi/keys.h>
#include <amphi/model.h>
#include <amphi/outbox.h>
#include <amphi/policy.h>
#include <amphi/repair.h>
#include <amphi/replay.h>
#include <amphi/rollout.h>
#include <amphi/search.h>
#include <amphi/telemetry.h>
#include <amphi/types.h>
#include <amphi/version.h>

#endif
