/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts and collects what a server sends. Limits are checked before anything is kept.
 */
#include "remote/http_response.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

enum { HEADERS_MAX = 256, HEADERS_LIMIT_BYTES = 64 << 10, BODY_LIMIT_BYTES = 64 << 20 };

void amphi__http_response_init(
    amphi_http_response *response, const amphi_http_request *request, const amphi_http_sink *sink)
{
    memset(response, 0, sizeof *response);
    response->sink = *sink;
    response->body_limit_bytes =
        request->body_limit_bytes > 0 ? request->body_limit_bytes : BODY_LIMIT_BYTES;
    response->headers_limit_bytes =
        request->headers_limit_bytes > 0 ? request->headers_limit_bytes : HEADERS_LIMIT_BYTES;
    amphi__buf_init(&response->headers, response->headers_limit_bytes + HEADERS_MAX);
}

void amphi__http_response_clear(amphi_http_response *response)
{
    amphi__buf_clear(&response->headers);
}

/* The status code of "HTTP/1.1 200 OK" or "HTTP/2 200"; 0 when there is none. */
static int status_of_line(amphi_str line)
{
    amphi_str rest;
    uint64_t value;
    amphi__str_cut(line, ' ', &rest);
    amphi_str code = amphi__str_cut(amphi__str_trim(rest), ' ', &rest);
    return amphi__str_to_u64(code, &value) && value < 1000 ? (int)value : 0;
}

static amphi_status deliver_headers(amphi_http_response *response)
{
    amphi_http_header *list = amphi__calloc(response->headers_count + 1, sizeof *list);
    if (list == NULL)
        return AMPHI_E_NO_MEMORY;
    size_t count = 0;
    amphi_str text = amphi__buf_str(&response->headers);
    while (text.size > 0 && count < response->headers_count) {
        amphi_str line = amphi__str_cut(text, '\n', &text);
        amphi_str value;
        amphi_str name = amphi__str_cut(line, ':', &value);
        if (name.size < line.size) {
            list[count].name = amphi__str_trim(name);
            list[count].value = amphi__str_trim(value);
            count++;
        }
    }
    response->headers_done = true;
    response->sink.headers(response->sink.self, response->http_status, list, count);
    amphi__free(list);
    return AMPHI_OK;
}

static amphi_status take_line(amphi_http_response *response, amphi_str line)
{
    if (response->headers_done)
        return AMPHI_OK; /* a trailer: not used */
    line = amphi__str_trim(line);
    if (amphi__str_starts_with(line, AMPHI_STR("HTTP/"))) {
        response->http_status = status_of_line(line);
        response->headers_count = 0;
        amphi__buf_reset(&response->headers);
        return AMPHI_OK;
    }
    if (line.size == 0) {
        bool is_interim = response->http_status >= 100 && response->http_status < 200;
        return is_interim ? AMPHI_OK : deliver_headers(response);
    }
    if (response->headers_count == HEADERS_MAX)
        return AMPHI_E_LIMIT;
    response->headers_count++;
    amphi__buf_append_str(&response->headers, line);
    return amphi__buf_append_char(&response->headers, '\n');
}

amphi_status amphi__http_response_line(amphi_http_response *response, amphi_str line)
{
    amphi_status status = AMPHI_E_LIMIT;
    response->headers_bytes +=
        line.size; /* of all answers: a flood of interim ones is bounded too */
    if (response->headers_bytes <= response->headers_limit_bytes)
        status = take_line(response, line);
    if (status == AMPHI_E_LIMIT) {
        return amphi__fail(&response->failure, status, 0,
            "the answer's headers are more than %d, or longer than %zu bytes", (int)HEADERS_MAX,
            response->headers_limit_bytes);
    }
    return status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(&response->failure);
}

amphi_status amphi__http_response_body(amphi_http_response *response, amphi_str piece)
{
    response->body_bytes += piece.size;
    if (response->body_bytes > response->body_limit_bytes) {
        return amphi__fail(&response->failure, AMPHI_E_LIMIT, 0,
            "the answer is longer than %llu bytes", (unsigned long long)response->body_limit_bytes);
    }
    if (piece.size > 0)
        response->sink.body(response->sink.self, piece);
    return AMPHI_OK;
}
