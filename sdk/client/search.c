/* SPDX-License-Identifier: Apache-2.0
 *
 * Searching the history, passed to the client's store.
 */
#include "sdk/client/client.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#include <amphi/search.h>

typedef struct hit_relay {
    amphi_search_hit_fn *visit;
    void *user;
} hit_relay;

/* A hit without a size is left out: its store breaks the rule of amphi/types.h. */
static bool relay_hit(void *opaque, const amphi_search_hit *hit)
{
    const hit_relay *to = opaque;
    amphi_search_hit own;
    return AMPHI__SIZED_READ_KNOWN(&own, hit, "hit", NULL) != AMPHI_OK || to->visit(to->user, &own);
}

amphi_status amphi_history_search(amphi_client *client, const amphi_search_query *query,
    amphi_search_hit_fn *visit, void *user, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL || query == NULL || visit == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client, query or visit is NULL");
    if (client->store.ops->search == NULL)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "search: this store has none");
    hit_relay to = {visit, user};
    return client->store.ops->search(client->store.self, query, relay_hit, &to, error);
}
