/* SPDX-License-Identifier: Apache-2.0
 *
 * The network and what is at its other end, as a transport: two chat servers and one for rollouts.
 * An exchange goes through its stages on the agenda of the wires; while there is no network it
 * stands still, and breaks after a while. What a server does to a request is drawn when it comes.
 */
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "tests/simulate/speech.h"
#include "tests/simulate/world.h"

#include <stdio.h>
#include <stdlib.h>

#define BROKEN_AFTER_US (15u * SIM_SECOND_US) /* without a network */
#define LOOK_US         250000u
#define PIECE_BYTES     24

typedef enum fault {
    FAULT_500 = 0,
    FAULT_503,
    FAULT_429,
    FAULT_401,
    FAULT_HANGS,     /* never answers */
    FAULT_CUT,       /* the connection breaks in mid-answer */
    FAULT_SILENT,    /* stops in mid-answer, and the connection stands */
    FAULT_TRUNCATED, /* ends properly, without its end marker */
    FAULT_GARBAGE,   /* in mid-answer */
    FAULT_LATE,
    FAULTS,
    FAULT_NONE
} fault;

struct amphi_http_exchange {
    sim_world *world;
    amphi_http_sink sink;
    sim_cloud *cloud; /* NULL: the rollout's server */
    amphi_buf text;   /* still to be said */
    size_t said;
    size_t breaks_at; /* offset in text */
    char etag[32];    /* that the request brought */
    fault fault;
    uint64_t begun_us, offline_us, timeout_us;
    bool has_answered; /* headers were sent */
    bool is_cancelled, has_ended;
};

static void end(amphi_http_exchange *x, amphi_status status, const char *why)
{
    amphi_error error;
    x->has_ended = true;
    if (status == AMPHI_OK) {
        x->sink.end(x->sink.self, NULL);
        return;
    }
    amphi__fail(&error, status, 0, "simulated: %s", why);
    x->sink.end(x->sink.self, &error);
}

static void say_headers(
    amphi_http_exchange *x, int http_status, const char *name, const char *value)
{
    const amphi_http_header headers[] = {
        {AMPHI_STR("content-type"), http_status == 200 && x->cloud != NULL
                                        ? AMPHI_STR("text/event-stream")
                                        : AMPHI_STR("application/json")},
        {amphi_str_from(name), amphi_str_from(value)}};
    x->has_answered = true;
    x->sink.headers(x->sink.self, http_status, headers, name[0] != '\0' ? 2 : 1);
}

static void refuse(amphi_http_exchange *x, int http_status, const char *name, const char *value)
{
    say_headers(x, http_status, name, value);
    x->sink.body(x->sink.self, AMPHI_STR("{\"error\":{\"message\":\"simulated\"}}"));
    end(x, AMPHI_OK, "");
}

static void say_piece(amphi_http_exchange *x)
{
    char event[512];
    size_t left = x->text.size - x->said;
    size_t size = left < PIECE_BYTES ? left : PIECE_BYTES;
    int written = snprintf(event, sizeof event,
        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{"
        "\"index\":0,\"delta\":{\"content\":\"%.*s\"},\"finish_reason\":null}]}\n\n",
        (int)size, x->text.data + x->said);
    x->said += size;
    x->sink.body(x->sink.self, amphi_str_make(event, (size_t)written));
}

static void say_end(amphi_http_exchange *x)
{
    x->cloud->answered++;
    x->sink.body(x->sink.self,
        AMPHI_STR("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\","
                  "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
                  "\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50}}\n\n"
                  "data: [DONE]\n\n"));
    end(x, AMPHI_OK, "");
}

static void step(void *owner);

static void later(amphi_http_exchange *x, uint64_t us)
{
    sim_agenda_add(x->world->wires, us, step, x);
}

static void serve_payload(amphi_http_exchange *x)
{
    sim_world *w = x->world;
    char etag[32];
    snprintf(etag, sizeof etag, "\"v%u\"", w->payload_version);
    w->counts.rollouts++;
    if (w->payload.size == 0) {
        refuse(x, 500, "", "");
    } else if (strcmp(etag, x->etag) == 0) {
        say_headers(x, 304, "etag", etag);
        end(x, AMPHI_OK, "");
    } else {
        say_headers(x, 200, "etag", etag);
        x->sink.body(x->sink.self, amphi__buf_str(&w->payload));
        end(x, AMPHI_OK, "");
    }
}

/* The first answer of a chat server. */
static void answer(amphi_http_exchange *x)
{
    char seconds[16];
    switch (x->fault) {
    case FAULT_500:
        refuse(x, 500, "", "");
        return;
    case FAULT_503:
        refuse(x, 503, "", "");
        return;
    case FAULT_401:
        refuse(x, 401, "", "");
        return;
    case FAULT_429:
        snprintf(seconds, sizeof seconds, "%u", sim_roll(30));
        refuse(x, 429, "retry-after", seconds);
        return;
    case FAULT_HANGS:
        later(x, 5 * SIM_SECOND_US);
        return;
    default:
        say_headers(x, 200, "", "");
        later(x, 20000);
    }
}

static void break_off(amphi_http_exchange *x)
{
    switch (x->fault) {
    case FAULT_CUT:
        end(x, AMPHI_E_NETWORK, "the connection broke");
        return;
    case FAULT_TRUNCATED:
        end(x, AMPHI_OK, "");
        return;
    case FAULT_GARBAGE:
        x->sink.body(x->sink.self, AMPHI_STR("data: {\"choices\":[{\"delta\":{\"con\n\n"));
        end(x, AMPHI_OK, "");
        return;
    default: /* silence */
        later(x, 5 * SIM_SECOND_US);
    }
}

static bool breaks(const amphi_http_exchange *x)
{
    return x->fault >= FAULT_CUT && x->fault <= FAULT_GARBAGE && x->said >= x->breaks_at;
}

static void step(void *owner)
{
    amphi_http_exchange *x = owner;
    uint64_t now_us = sim_time_peek_us();
    if (x->has_ended)
        return;
    if (x->is_cancelled) {
        end(x, AMPHI_E_CANCELLED, "cancelled");
    } else if (x->timeout_us > 0 && now_us - x->begun_us > x->timeout_us) {
        end(x, AMPHI_E_TIMEOUT, "its time is over");
    } else if (x->world->network == AMPHI_NETWORK_NONE) {
        if (!x->has_answered && x->offline_us == 0) {
            end(x, AMPHI_E_OFFLINE, "no network");
            return;
        }
        x->offline_us += LOOK_US;
        if (x->offline_us > BROKEN_AFTER_US)
            end(x, AMPHI_E_NETWORK, "the network went away");
        else
            later(x, LOOK_US);
    } else if (x->cloud == NULL) {
        serve_payload(x);
    } else if (!x->has_answered) {
        answer(x);
    } else if (breaks(x)) {
        break_off(x);
    } else if (x->said < x->text.size) {
        say_piece(x);
        later(x, 20000 + sim_roll(60000));
    } else {
        say_end(x);
    }
}

/* No byte of what was said privately goes over any wire. */
static void check_wire(sim_world *w, const amphi_http_request *request)
{
    if (amphi__str_find(request->body, AMPHI_STR(SIM_CANARY)) != SIZE_MAX)
        sim_violation(w, "private words went to %.*s", (int)request->url.size, request->url.data);
}

static uint64_t first_delay_us(const amphi_http_exchange *x)
{
    uint64_t us = x->cloud != NULL ? x->cloud->latency_ms * 1000ull : 100000;
    return us + sim_roll(50000) + (x->fault == FAULT_LATE ? sim_roll(40) * SIM_SECOND_US : 0);
}

static void read_etag(amphi_http_exchange *x, const amphi_http_request *request)
{
    for (size_t i = 0; i < request->headers_count; i++)
        if (amphi__str_equal_ignore_case(request->headers[i].name, AMPHI_STR("if-none-match")))
            amphi__str_copy_to(x->etag, sizeof x->etag, request->headers[i].value);
}

static void read_question(amphi_http_exchange *x, const amphi_http_request *request)
{
    sim_world *w = x->world;
    sim_asked asked;
    bool is_second = amphi__str_starts_with(request->url, AMPHI_STR("https://two."));
    x->cloud = &w->clouds[is_second];
    x->fault = sim_chance(x->cloud->fault_percent) ? (fault)sim_roll(FAULTS) : FAULT_NONE;
    w->counts.faults += x->fault != FAULT_NONE;
    sim_asked_read(&asked, request->body);
    sim_reply(&x->text, &asked, asked.prefix);
    x->breaks_at = x->text.size > 0 ? sim_roll((uint32_t)x->text.size) : 0;
    sim_say(w, "cloud %d is asked Q%u, prefix %u, fault %d", (int)is_second, asked.number,
        (unsigned)asked.prefix.size, x->fault == FAULT_NONE ? -1 : (int)x->fault);
    sim_asked_clear(&asked);
}

static amphi_status start(void *self, amphi_http_exchange **out, const amphi_http_request *request,
    const amphi_http_sink *sink, amphi_error *error)
{
    sim_world *w = self;
    amphi_http_exchange *x = calloc(1, sizeof *x);
    if (x == NULL)
        abort();
    x->world = w;
    x->sink = *sink;
    x->begun_us = sim_time_peek_us();
    x->timeout_us = request->total_timeout_ms * 1000ull;
    x->fault = FAULT_NONE;
    amphi__buf_init(&x->text, 0);
    check_wire(w, request);
    if (amphi__str_starts_with(request->url, AMPHI_STR("https://rollout.")))
        read_etag(x, request);
    else
        read_question(x, request);
    *out = x;
    later(x, w->network == AMPHI_NETWORK_NONE ? 2000 : first_delay_us(x));
    return AMPHI_OK;
}

static void cancel(void *self, amphi_http_exchange *x)
{
    if (x->is_cancelled || x->has_ended)
        return;
    x->is_cancelled = true;
    sim_agenda_hurry(x->world->wires, step, x);
}

static void release_exchange(void *self, amphi_http_exchange *x)
{
    if (x == NULL)
        return;
    sim_agenda_forget(x->world->wires, x);
    if (!x->has_ended)
        end(x, AMPHI_E_CANCELLED, "released");
    amphi__buf_clear(&x->text);
    free(x);
}

static void free_nothing(void *self)
{
}

static const amphi_http_ops ops = {.struct_size = sizeof(amphi_http_ops),
    .name = "simulated",
    .start = start,
    .cancel = cancel,
    .release = release_exchange,
    .free = free_nothing};

amphi_http sim_cloud_value(sim_world *w)
{
    return (amphi_http){&ops, w};
}
