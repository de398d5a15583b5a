/* SPDX-License-Identifier: Apache-2.0
 *
 * The request goes out as the app wrote it, member by member, but for the endpoint's model and what
 * is only for us ("amphi"). The answer is passed on as the provider wrote it (vectors of floats or
 * of base64, large numbers, members that we do not know), once it is whole and has "data".
 */
#include "remote/dialect_embeddings.h"

#include "remote/dialect_response.h"
#include "remote/provider_words.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/json_span.h"
#include "sdk/core/str.h"

struct amphi_answer {
    amphi_dialect_response response;
};

/* ---- The request ----------------------------------------------------------------------------- */

static amphi_status request_write(
    amphi_buf *out, const amphi_dialect_request *request, amphi_error *error)
{
    amphi_json_span span;
    amphi_json_member member;
    amphi_json_writer writer;
    amphi_status status = amphi__json_check(request->body, "request", error);
    if (status != AMPHI_OK)
        return status;
    if (!amphi__json_span_init(&span, request->body) || !span.in_object)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "request: it is not a JSON object");
    amphi__buf_reserve(out, request->body.size + request->model.size + 64);
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    while (amphi__json_span_next(&span, &member)) {
        bool is_replaced = request->model.size > 0 && amphi__str_equal_c(member.key, "model");
        if (!is_replaced && !amphi__str_equal_c(member.key, "amphi"))
            amphi__json_member_put(&writer, &member);
    }
    if (request->model.size > 0)
        amphi__json_put_str(&writer, "model", request->model);
    amphi__json_close(&writer, '}');
    return amphi__fail_grown(error, out->status, "request: it is too large to be sent");
}

/* ---- The answer ------------------------------------------------------------------------------ */

/* Members of an answer without its vectors, which may be megabytes. */
typedef struct answer_members {
    amphi_str data;
    amphi_str usage;
    amphi_str model;
    amphi_str error;
    amphi_str cost;
} answer_members;

static bool read_members(answer_members *out, amphi_str text)
{
    amphi_json_span span;
    amphi_json_member member;
    memset(out, 0, sizeof *out);
    if (!amphi__json_span_init(&span, text) || !span.in_object)
        return false;
    while (amphi__json_span_next(&span, &member)) {
        amphi_str *place = amphi__str_equal_c(member.key, "data")    ? &out->data
                           : amphi__str_equal_c(member.key, "usage") ? &out->usage
                           : amphi__str_equal_c(member.key, "model") ? &out->model
                           : amphi__str_equal_c(member.key, "error") ? &out->error
                           : amphi__str_equal_c(member.key, "cost")  ? &out->cost
                                                                     : NULL;
        if (place != NULL)
            *place = member.value;
    }
    return true;
}

static void report_model(amphi_answer *answer, amphi_str text)
{
    amphi_json *model = NULL;
    if (text.size > 0 && amphi__json_parse(&model, text, "model", NULL) == AMPHI_OK)
        amphi__dialect_response_model(&answer->response, amphi__json_string(model));
    amphi__json_free(model);
}

static amphi_usage read_usage(amphi_str text)
{
    amphi_usage usage = {.prompt_tokens = 0};
    amphi_json *root = NULL;
    if (text.size > 0 && amphi__json_parse(&root, text, "usage", NULL) == AMPHI_OK)
        usage.prompt_tokens =
            amphi__dialect_response_tokens(amphi__json_get(root, "prompt_tokens"));
    amphi__json_free(root);
    return usage;
}

/* What the provider says it cost, as a chat answer's chunk would bring it. */
static amphi_status report_cost(amphi_answer *answer, const answer_members *members)
{
    amphi_buf extra;
    amphi_json_writer writer;
    if (members->cost.size == 0 &&
        amphi__str_find(members->usage, AMPHI_STR("\"cost\"")) == SIZE_MAX)
        return AMPHI_OK;
    amphi__buf_init(&extra, 0);
    amphi__json_writer_init(&writer, &extra);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_open(&writer, "chunk", '{');
    if (members->usage.size > 0)
        amphi__json_put_raw(&writer, "usage", members->usage);
    if (members->cost.size > 0)
        amphi__json_put_raw(&writer, "cost", members->cost);
    amphi__json_close(&writer, '}');
    amphi__json_close(&writer, '}');
    amphi_status status = extra.status;
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_EXTRA, .text = amphi__buf_str(&extra)};
    if (status == AMPHI_OK)
        amphi__dialect_response_report(&answer->response, &event);
    amphi__buf_clear(&extra);
    return status;
}

static void take_whole(amphi_answer *answer)
{
    amphi_dialect_response *response = &answer->response;
    amphi_str text = amphi__buf_str(&response->whole);
    answer_members members;
    amphi_status status = amphi__json_check(text, "answer", NULL);
    if (status != AMPHI_OK || !read_members(&members, text)) {
        amphi__dialect_response_fail(
            response, AMPHI_E_PROTOCOL, "the answer is no JSON object, or was cut");
        return;
    }
    bool has_error = members.error.size > 0 && !amphi__str_equal_c(members.error, "null");
    if (has_error && members.data.size == 0) {
        amphi__dialect_response_fail_from_body(response, text);
    } else if (members.data.size == 0 || members.data.data[0] != '[') {
        amphi__dialect_response_fail(
            response, AMPHI_E_PROTOCOL, "the answer to an embeddings request has no \"data\"");
    } else if (report_cost(answer, &members) != AMPHI_OK) {
        amphi__dialect_response_fail(response, AMPHI_E_NO_MEMORY, "out of memory");
    } else {
        const amphi_engine_event event = {.kind = AMPHI_ENGINE_TEXT, .text = text};
        const amphi_usage usage = read_usage(members.usage);
        report_model(answer, members.model);
        amphi__dialect_response_report(response, &event);
        amphi__dialect_response_finish(response, &usage, AMPHI_FINISH_STOP);
    }
}

/* ---- The table ------------------------------------------------------------------------------- */

static void answer_free(amphi_answer *answer)
{
    if (answer == NULL)
        return;
    amphi__dialect_response_clear(&answer->response);
    amphi__free(answer);
}

/* Nothing of it is sent as events: what does not begin as JSON is refused where it ends. */
static amphi_status ignore_event(void *user, const amphi_sse_event *event)
{
    return AMPHI_OK;
}

static amphi_status answer_new(amphi_answer **out, const amphi_answer_options *options)
{
    amphi_answer *answer = amphi__calloc(1, sizeof *answer);
    *out = answer;
    if (answer == NULL)
        return AMPHI_E_NO_MEMORY;
    amphi__dialect_response_init(&answer->response, options, ignore_event, answer);
    answer->response.whole.limit_bytes = AMPHI_JSON_SIZE_MAX;
    return AMPHI_OK;
}

static amphi_answer_phase answer_headers(
    amphi_answer *answer, int http_status, const amphi_http_header *headers, size_t count)
{
    amphi_answer_phase phase =
        amphi__dialect_response_headers(&answer->response, http_status, headers, count);
    amphi__dialect_response_alive(&answer->response);
    return phase;
}

static amphi_answer_phase answer_body(amphi_answer *answer, amphi_str piece)
{
    amphi_answer_phase phase = amphi__dialect_response_body(&answer->response, piece);
    if (phase == AMPHI_ANSWER_OPEN)
        amphi__dialect_response_alive(&answer->response); /* a large one takes its time */
    return phase;
}

static void answer_end(amphi_answer *answer, const amphi_error *error)
{
    amphi_dialect_response *response = &answer->response;
    bool is_cancelled = error != NULL && error->status == AMPHI_E_CANCELLED;
    if (response->phase == AMPHI_ANSWER_ENDED)
        return;
    if (response->form == AMPHI_RESPONSE_ERROR && !is_cancelled)
        amphi__dialect_response_fail_from_body(response, amphi__buf_str(&response->whole));
    else if (error != NULL)
        amphi__dialect_response_fail_with(response, error);
    else if (response->form == AMPHI_RESPONSE_WHOLE)
        take_whole(answer);
    else
        amphi__dialect_response_fail(response, AMPHI_E_PROTOCOL,
            response->form == AMPHI_RESPONSE_UNKNOWN
                ? "the answer is empty"
                : "the answer to an embeddings request is no JSON object");
}

static amphi_ending answer_ending(const amphi_answer *answer)
{
    return AMPHI_ENDING_UNKNOWN;
}

const amphi_dialect amphi__dialect_embeddings = {
    .name = "embeddings",
    .path = "/embeddings",
    .is_whole = true,
    .request_write = request_write,
    .answer_new = answer_new,
    .answer_headers = answer_headers,
    .answer_body = answer_body,
    .answer_end = answer_end,
    .answer_ending = answer_ending,
    .answer_free = answer_free,
};
