/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's responses that are one JSON object. Insides of the gateway: only its files include
 * this.
 */
#ifndef AMPHI_GATEWAY_JSON_RESPONSE_H
#define AMPHI_GATEWAY_JSON_RESPONSE_H

#include <amphi/amphi.h>
#include <microhttpd.h>

void gateway_set_error(amphi_error *error, amphi_status status, const char *message);
unsigned gateway_http_status(amphi_status status); /* http_status.c */

/* Escapes quotes and backslashes and replaces control characters by blanks; cuts what does not fit.
 * Our own messages have none of these, except in names that a caller chose. */
void gateway_write_escaped(char *out, size_t size, const char *text);

/* Headers that not every response has. */
typedef struct gateway_extra {
    const char *allow;       /* NULL: none */
    uint32_t retry_after_ms; /* 0: none */
} gateway_extra;

/* Takes `json` (malloc). extra NULL: none. */
enum MHD_Result gateway_answer_json(struct MHD_Connection *connection, unsigned http_status,
    char *json, const gateway_extra *extra);
enum MHD_Result gateway_answer_error(
    struct MHD_Connection *connection, unsigned http_status, const amphi_error *error);
/* models.c: GET /v1/models, or with `id` /v1/models/ID. */
enum MHD_Result gateway_answer_models(
    struct MHD_Connection *connection, amphi_client *client, const char *id);

#endif
