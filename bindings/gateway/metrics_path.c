/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /metrics: what was counted since the start, and what holds at this moment: connections,
 * requests in work (this one is among them), and for each route whether it would be asked now and
 * why not. A breaker that has opened is reason="breaker_open".
 */
#include "exchange_state.h"
#include "paths.h"

#include <stdio.h>
#include <stdlib.h>

static void write_gauge(FILE *out, const char *name, const char *help, unsigned value)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %u\n", name, help, name, name, value);
}

static void write_label(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n')
            fputc('\\', out);
        fputc(*text == '\n' ? 'n' : *text, out);
    }
}

/* What a plain question would meet now. Nothing is started. */
static void write_routes(FILE *out, amphi_client *client)
{
    const amphi_message question = {AMPHI_ROLE_USER, AMPHI_STR("?")};
    amphi_chat_request request;
    amphi_decision decision;
    amphi_chat_request_init(&request);
    amphi_decision_init(&decision);
    request.messages = &question;
    request.messages_count = 1;
    if (amphi_route_explain(client, &request, &decision, NULL) != AMPHI_OK)
        return;
    fputs(
        "# HELP amphi_route_available Might a plain question go there now (1), and by which rule\n"
        "# TYPE amphi_route_available gauge\n",
        out);
    for (size_t i = 0; i < decision.entries_count; i++) {
        const amphi_decision_route *r = &decision.entries[i].route;
        fputs("amphi_route_available{route=\"", out);
        write_label(out, r->route);
        fprintf(out, "\",reason=\"%s\"} %d\n", amphi_reason_name(r->reason), r->kept);
    }
    fputs("# HELP amphi_route_breaker_open Has the route failed so often that it rests (1)\n"
          "# TYPE amphi_route_breaker_open gauge\n",
        out);
    for (size_t i = 0; i < decision.entries_count; i++) {
        fputs("amphi_route_breaker_open{route=\"", out);
        write_label(out, decision.entries[i].route.route);
        fprintf(out, "\"} %d\n", decision.entries[i].route.reason == AMPHI_REASON_BREAKER_OPEN);
    }
}

static char *write_now(gateway_exchange *exchange, size_t *size)
{
    gateway_server *server = exchange->server;
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (out == NULL)
        return NULL;
    write_gauge(out, "amphi_connections", "Connections that are open",
        gateway_connections_count(&server->connections));
    write_gauge(out, "amphi_running", "Requests in work, this one among them",
        gateway_connections_running(&server->connections));
    write_gauge(
        out, "amphi_draining", "Is the server about to end (1)", atomic_load(&server->draining));
    write_routes(out, server->options.client);
    bool good = ferror(out) == 0;
    if (fclose(out) != 0 || !good) {
        free(text);
        return NULL;
    }
    return text;
}

void gateway_path_metrics(gateway_exchange *exchange)
{
    size_t counted_size = 0, now_size = 0;
    char *counted = gateway_metrics_write(exchange->server->metrics, &counted_size);
    char *now = counted != NULL ? write_now(exchange, &now_size) : NULL;
    if (now != NULL && gateway_reply_begin(exchange, "text/plain; version=0.0.4; charset=utf-8"))
        gateway_reply_end(exchange, gateway_reply_write(exchange, counted, counted_size) &&
                                        gateway_reply_write(exchange, now, now_size));
    free(now);
    free(counted);
}
