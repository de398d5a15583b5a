/* SPDX-License-Identifier: Apache-2.0
 *
 * What the response caches of all clients of a store have counted, in one of its settings. Clients
 * that end at the same moment, in any process, lose none of it, unless the store is held for longer
 * than a second. (On an app's own store without setting_swap one's may be lost.)
 */
#ifndef AMPHI_CLIENT_CACHE_COUNTERS_H
#define AMPHI_CLIENT_CACHE_COUNTERS_H

#include <amphi/cache.h>
#include <amphi/ext/store.h>

/* Adds what is kept to *stats. */
void amphi__cache_counters_read(amphi_store store, amphi_cache_stats *stats);
/* Adds *own to what is kept. AMPHI_E_BUSY: others kept the store; it is not added. */
amphi_status amphi__cache_counters_add(amphi_store store, const amphi_cache_stats *own);

#endif
