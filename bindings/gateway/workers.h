/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads that answer requests, one each: started when none is free, ended when one had nothing to
 * do for a while. How many there can be is bounded by the limit of requests. Insides of the
 * gateway.
 */
#ifndef AMPHI_GATEWAY_WORKERS_H
#define AMPHI_GATEWAY_WORKERS_H

#include <stdbool.h>

typedef struct gateway_workers gateway_workers;

/* NULL: out of memory. */
gateway_workers *gateway_workers_new(void);
/* false: no thread could be started, or the end has come; run is not called. */
bool gateway_workers_do(gateway_workers *workers, void (*run)(void *arg), void *arg);
/* Nothing new begins; waits for all that run. */
void gateway_workers_end(gateway_workers *workers);
/* After their end. NULL is fine. */
void gateway_workers_free(gateway_workers *workers);

#endif
