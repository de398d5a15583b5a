/* SPDX-License-Identifier: Apache-2.0
 *
 * One request and its answer, as the files of the paths see it. A path's function runs on a thread
 * of its own and may wait; it ends with exactly one reply: gateway_reply_json,
 * gateway_reply_failure, or gateway_reply_begin ... gateway_reply_end. Without one the connection
 * is cut. Insides of the gateway.
 */
#ifndef AMPHI_GATEWAY_EXCHANGE_H
#define AMPHI_GATEWAY_EXCHANGE_H

#include <amphi/amphi.h>

typedef struct gateway_exchange gateway_exchange;

enum { GATEWAY_SLICE_MS = 250 }; /* between two looks at gateway_is_unwanted while waiting */

/* ---- the request ---- */

amphi_client *gateway_client(const gateway_exchange *exchange);
/* The path without its query, and what follows the path's own name: "/m" of "/v1/models/m". */
const char *gateway_url_of(const gateway_exchange *exchange);
const char *gateway_url_rest(const gateway_exchange *exchange);
const char *gateway_method(const gateway_exchange *exchange);
/* Of the query; NULL: it is missing. Until the reply begins. */
const char *gateway_argument(const gateway_exchange *exchange, const char *name);
/* x-request-id. */
const char *gateway_request_id(const gateway_exchange *exchange);
/* NULL: the header is missing. Until the reply begins. */
const char *gateway_header(const gateway_exchange *exchange, const char *name);
/* What X-Amphi-* headers say: for amphi_chat_start_json_with. Empty: nothing. */
amphi_str gateway_settings(const gateway_exchange *exchange);
amphi_str gateway_body(const gateway_exchange *exchange);
/* Wiped and freed at once; otherwise at the end. */
void gateway_body_drop(gateway_exchange *exchange);
/* Large bodies are read in turns; this one's ends when the chat has been started, or where a path
 * makes nothing of it. Any number of times. */
void gateway_turn_end(gateway_exchange *exchange);
/* Has the client hung up, or does the gateway end? Then the answer is unwanted. */
bool gateway_is_unwanted(gateway_exchange *exchange);
/* For how long may a streamed answer say nothing before it sends a sign of life? */
unsigned gateway_patience_ms(const gateway_exchange *exchange);
/* Monotonic. */
uint64_t gateway_now_ms(void);
/* For the access log and the metrics: the stream gave its terminal event `kind`. */
void gateway_note_answer(
    gateway_exchange *exchange, amphi_event_kind kind, const amphi_chat_result *result);
/* For the metrics: there is no stream. */
void gateway_note_refused(gateway_exchange *exchange, amphi_status status);

/* ---- the reply ---- */

/* An error in OpenAI's shape. */
typedef struct gateway_failure {
    unsigned http_status;
    const char *type;
    const char *code;    /* NULL: null */
    const char *param;   /* likewise */
    const char *message; /* in words */
    uint32_t retry_after_ms;
    bool try_again; /* x-should-retry */
} gateway_failure;

/* Takes `json` (malloc). NULL: out of memory. */
void gateway_reply_json(gateway_exchange *exchange, unsigned http_status, char *json);
void gateway_reply_failure(gateway_exchange *exchange, const gateway_failure *failure);
/* What the client says of a request that failed; provider may be NULL. */
void gateway_reply_error(
    gateway_exchange *exchange, const amphi_error *error, const amphi_provider_error *provider);

/* A streamed answer with status 200. Each returns false when the client is gone. */
bool gateway_reply_begin(gateway_exchange *exchange, const char *content_type);
/* Copies. Waits while the client reads slowly. */
bool gateway_reply_write(gateway_exchange *exchange, const char *data, size_t size);
/* whole false: the connection is cut, so that the answer is not taken for complete. */
void gateway_reply_end(gateway_exchange *exchange, bool whole);

/* Escapes quotes and backslashes and replaces control characters by blanks; cuts what does not fit,
 * never inside of a character. */
void gateway_write_escaped(char *out, size_t size, const char *text);

#endif
