/* SPDX-License-Identifier: Apache-2.0
 *
 * What the gateway has done since its start, in figures (metrics.c). Any thread. Insides of the
 * gateway.
 */
#ifndef AMPHI_GATEWAY_METRICS_H
#define AMPHI_GATEWAY_METRICS_H

#include <amphi/amphi.h>

typedef struct gateway_metrics gateway_metrics;

/* NULL: out of memory. */
gateway_metrics *gateway_metrics_new(void);
void gateway_metrics_free(gateway_metrics *metrics);

/* An HTTP request is over. path: from the table of paths, or "other"; http_status 0: no status was
 * sent. */
void gateway_metrics_count_http(
    gateway_metrics *metrics, const char *path, unsigned http_status, uint64_t bytes_sent);
/* A request's stream gave its terminal event `kind`. */
void gateway_metrics_count_answer(
    gateway_metrics *metrics, amphi_event_kind kind, const amphi_chat_result *result);
/* A request that could not be started. */
void gateway_metrics_count_refused(gateway_metrics *metrics, amphi_status status);

/* The text form of Prometheus (version 0.0.4), malloc; NULL: out of memory. */
char *gateway_metrics_write(gateway_metrics *metrics, size_t *size);

#endif
