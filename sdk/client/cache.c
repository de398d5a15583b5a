/* SPDX-License-Identifier: Apache-2.0
 *
 * What an app asks of the response cache itself (amphi/cache.h).
 */
#include "sdk/client/client.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

amphi_status amphi_cache_clear(amphi_client *client, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    return amphi__response_cache_clear(client->cache, error);
}

amphi_status amphi_cache_stats_read(
    amphi_client *client, amphi_cache_stats *out, amphi_error *error)
{
    amphi_cache_stats own;
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    amphi_status status = AMPHI__SIZED_CHECK(amphi_cache_stats, out, "out", error);
    if (status != AMPHI_OK)
        return status;
    amphi__response_cache_stats(client->cache, &own);
    AMPHI__SIZED_WRITE(out, &own);
    return AMPHI_OK;
}
