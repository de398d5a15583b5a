/* SPDX-License-Identifier: Apache-2.0
 *
 * Counting and gathering what a server sends. Limits are checked before anything is kept.
 */
#include "remote/http_response.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

enum { HEADERS_MAX = 256, HEADERS_LIMIT_BYTES = 64 << 10, BODY_LIMIT_BYTES = 64 << 20 };

void amphi__http_answer_init(
    amphi_http_answer *answer, const amphi_http_request *request, const amphi_http_sink *sink)
{
    memset(answer, 0, sizeof *answer);
    answer->sink = *sink;
    answer->body_limit_bytes =
        request->body_limit_bytes > 0 ? request->body_limit_bytes : BODY_LIMIT_BYTES;
    answer->headers_limit_bytes =
        request->headers_limit_bytes > 0 ? request->headers_limit_bytes : HEADERS_LIMIT_BYTES;
    amphi__buf_init(&answer->headers, answer->headers_limit_bytes + HEADERS_MAX);
}

void amphi__http_answer_clear(amphi_http_answer *answer)
{
    amphi__buf_clear(&answer->headers);
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

static amphi_status deliver_headers(amphi_http_answer *answer)
{
    amphi_http_header *list = amphi__calloc(answer->headers_count + 1, sizeof *list);
    if (list == NULL)
        return AMPHI_E_NO_MEMORY;
    size_t count = 0;
    amphi_str text = amphi__buf_str(&answer->headers);
    while (text.size > 0 && count < answer->headers_count) {
        amphi_str line = amphi__str_cut(text, '\n', &text);
        amphi_str value;
        amphi_str name = amphi__str_cut(line, ':', &value);
        if (name.size < line.size) {
            list[count].name = amphi__str_trim(name);
            list[count].value = amphi__str_trim(value);
            count++;
        }
    }
    answer->headers_done = true;
    answer->sink.headers(answer->sink.self, answer->http_status, list, count);
    amphi__free(list);
    return AMPHI_OK;
}

static amphi_status take_line(amphi_http_answer *answer, amphi_str line)
{
    if (answer->headers_done)
        return AMPHI_OK; /* a trailer; nobody needs it */
    line = amphi__str_trim(line);
    if (amphi__str_starts_with(line, AMPHI_STR("HTTP/"))) {
        answer->http_status = status_of_line(line);
        answer->headers_count = 0;
        amphi__buf_reset(&answer->headers);
        return AMPHI_OK;
    }
    if (line.size == 0) {
        bool is_interim = answer->http_status >= 100 && answer->http_status < 200;
        return is_interim ? AMPHI_OK : deliver_headers(answer);
    }
    if (answer->headers_count == HEADERS_MAX)
        return AMPHI_E_LIMIT;
    answer->headers_count++;
    amphi__buf_append_str(&answer->headers, line);
    return amphi__buf_append_char(&answer->headers, '\n');
}

amphi_status amphi__http_answer_line(amphi_http_answer *answer, amphi_str line)
{
    amphi_status status = AMPHI_E_LIMIT;
    answer->headers_bytes += line.size; /* of all answers: a flood of interim ones is bounded too */
    if (answer->headers_bytes <= answer->headers_limit_bytes)
        status = take_line(answer, line);
    if (status == AMPHI_E_LIMIT) {
        return amphi__fail(&answer->failure, status, 0,
            "the answer's headers are more than %d, or longer than %zu bytes", (int)HEADERS_MAX,
            answer->headers_limit_bytes);
    }
    return status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(&answer->failure);
}

amphi_status amphi__http_answer_body(amphi_http_answer *answer, amphi_str piece)
{
    answer->body_bytes += piece.size;
    if (answer->body_bytes > answer->body_limit_bytes) {
        return amphi__fail(&answer->failure, AMPHI_E_LIMIT, 0,
            "the answer is longer than %llu bytes", (unsigned long long)answer->body_limit_bytes);
    }
    if (piece.size > 0)
        answer->sink.body(answer->sink.self, piece);
    return AMPHI_OK;
}
