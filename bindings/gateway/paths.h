/* SPDX-License-Identifier: Apache-2.0
 *
 * The paths of the gateway: each is one file with one function. A new one is declared here and gets
 * a line in the table of dispatch.c. Insides of the gateway.
 */
#ifndef AMPHI_GATEWAY_PATHS_H
#define AMPHI_GATEWAY_PATHS_H

#include "exchange.h"

typedef void gateway_path_fn(gateway_exchange *exchange);

gateway_path_fn gateway_path_chat_completions; /* POST /v1/chat/completions */
gateway_path_fn gateway_path_completions;      /* POST /v1/completions */
gateway_path_fn gateway_path_embeddings;       /* POST /v1/embeddings */
gateway_path_fn gateway_path_responses;        /* POST /v1/responses */
gateway_path_fn gateway_path_response;         /* GET and DELETE /v1/responses/ID */
gateway_path_fn gateway_path_models;           /* GET /v1/models, /v1/models/ID */
gateway_path_fn gateway_path_metrics;          /* GET /metrics */

#endif
