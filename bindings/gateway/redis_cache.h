/* SPDX-License-Identifier: Apache-2.0
 *
 * The shared response cache in a Redis server. Answers lie under "amphi:1:TEAM:KEY", where TEAM is
 * derived from the secret, so that several teams may use one server.
 */
#ifndef AMPHI_GATEWAY_REDIS_CACHE_H
#define AMPHI_GATEWAY_REDIS_CACHE_H

#include <amphi/ext/cache.h>

/* url: redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], or redis+unix:///PATH. secret: what all
 * clients of the team share. No connection is made yet; while the server is out of reach every call
 * fails at once with AMPHI_E_OFFLINE, and it is tried again every two seconds. AMPHI_E_ARGUMENT: a
 * URL that is not understood. */
amphi_status redis_cache_new(amphi_shared_cache *out, const char *url,
    const uint8_t secret[AMPHI_CACHE_SECRET_BYTES], amphi_error *error);

#endif
