/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi doctor: what works on this machine, what is missing, what to do. With --online every
 * endpoint is asked a question of one token, which shows what its key may do.
 */
#include "cli.h"

enum { ROUTES_MAX = 64 };

typedef struct printer {
    bool json;
    bool first;
    bool fault;
} printer;

static void print_finding(void *user, const amphi_finding *finding)
{
    static const char *const levels[] = {"ok", "note", "fault"};
    static const char *const marks[] = {"ok   ", "note ", "FAULT"};
    printer *p = user;
    p->fault |= finding->level == AMPHI_FINDING_FAULT;
    if (p->json) {
        printf("%s{\"level\":\"%s\",\"part\":", p->first ? "" : ",", levels[finding->level]);
        cli_print_json_string(stdout, finding->part);
        fputs(",\"text\":", stdout);
        cli_print_json_string(stdout, finding->text);
        fputs(",\"remedy\":", stdout);
        cli_print_json_string(stdout, finding->remedy);
        fputs("}", stdout);
    } else {
        printf("%s  %-14.*s %.*s\n", marks[finding->level], (int)finding->part.size,
            finding->part.data, (int)finding->text.size, finding->text.data);
        if (finding->remedy.size > 0)
            printf("       %-14s -> %.*s\n", "", (int)finding->remedy.size, finding->remedy.data);
    }
    p->first = false;
}

/* ---- --online -------------------------------------------------------------------------------- */

typedef struct routes {
    char names[ROUTES_MAX][AMPHI_NAME_MAX];
    size_t count;
} routes;

static bool note_route(void *user, amphi_str route, amphi_str model)
{
    routes *r = user;
    if (r->count == ROUTES_MAX || (route.size == 5 && memcmp(route.data, "local", 5) == 0))
        return r->count < ROUTES_MAX;
    snprintf(r->names[r->count], AMPHI_NAME_MAX, "%.*s", (int)route.size, route.data);
    r->count++;
    return true;
}

/* What a failure says about the key, and what to do about it. */
typedef struct verdict {
    amphi_finding_level level;
    const char *text;
    const char *remedy;
} verdict;

static verdict judge(const amphi_error *error)
{
    switch (error->status) {
    case AMPHI_E_AUTH:
        return (verdict){AMPHI_FINDING_FAULT, "the provider refuses the key, or this use of it",
            "renew the key, or what its account allows"};
    case AMPHI_E_QUOTA:
        return (verdict){AMPHI_FINDING_FAULT, "the key is known, but its account is used up",
            "pay the provider's account"};
    case AMPHI_E_RATE_LIMITED:
        return (verdict){AMPHI_FINDING_NOTE, "the key is known; its rate limit is reached",
            "wait, or raise the account's limit"};
    case AMPHI_E_REQUEST:
        return error->native_code == 404
                   ? (verdict){AMPHI_FINDING_FAULT, "there is no such URL or model for this key",
                         "correct the endpoint's URL or model="}
                   : (verdict){AMPHI_FINDING_NOTE, "the key is known; a short question is refused",
                         "the provider's words say why"};
    default:
        return (verdict){AMPHI_FINDING_FAULT, "it could not be asked", "mend the connection first"};
    }
}

static void report_route(printer *p, const char *name, const amphi_chat_result *result)
{
    char part[AMPHI_NAME_MAX + 8];
    char text[1400];
    verdict v = {AMPHI_FINDING_OK, "", ""};
    if (result->error == NULL) {
        snprintf(text, sizeof text, "the key may chat: \"%.*s\" answered after %u ms",
            (int)result->model.size, result->model.data, result->total_ms);
    } else {
        v = judge(result->error);
        bool has_words = result->provider != NULL && result->provider->message[0] != '\0';
        snprintf(text, sizeof text, "%s (%s)%s%s", v.text, result->error->message,
            has_words ? "; the provider said: " : "", has_words ? result->provider->message : "");
    }
    snprintf(part, sizeof part, "key %s", name);
    const amphi_finding finding = {.level = v.level,
        .part = amphi_str_from(part),
        .text = amphi_str_from(text),
        .remedy = amphi_str_from(v.remedy)};
    print_finding(p, &finding);
}

/* The route alone, without history, cache and outbox. */
static int try_route(printer *p, amphi_client *client, const char *name)
{
    amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("Hi")};
    amphi_chat_request request;
    amphi_chat_result result;
    amphi_event event;
    amphi_error error;
    amphi_stream *stream = NULL;
    char extra[AMPHI_NAME_MAX + 48];
    snprintf(extra, sizeof extra, "{\"model\":\"%s\",\"fallbacks\":[]}", name);
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.mode = AMPHI_MODE_ONLY_CLOUD;
    request.no_cache = request.no_queue = true;
    request.sampling.tokens_max = 1;
    request.extra_json = amphi_str_from(extra);
    if (amphi_chat_start(&stream, client, &request, &error) != AMPHI_OK)
        return cli_fail(&error);
    do {
        if (amphi_stream_next(stream, AMPHI_WAIT_FOREVER, &event, &error) != AMPHI_OK)
            break;
    } while (!amphi_event_is_terminal(&event));
    amphi_chat_result_init(&result);
    amphi_status status = amphi_stream_result(stream, &result, &error);
    if (status == AMPHI_OK)
        report_route(p, name, &result);
    amphi_stream_free(stream);
    return status == AMPHI_OK ? CLI_OK : cli_fail(&error);
}

static int try_routes(printer *p, cli_options *options)
{
    routes r = {.count = 0};
    amphi_error error;
    amphi_client *client = cli_client_new(options);
    int rc = CLI_OK;
    if (client == NULL)
        return CLI_FAILED;
    if (amphi_client_routes(client, note_route, &r, &error) != AMPHI_OK)
        rc = cli_fail(&error);
    for (size_t i = 0; i < r.count && rc == CLI_OK; i++)
        rc = try_route(p, client, r.names[i]);
    amphi_client_free(client);
    return rc;
}

static int run(cli_options *options)
{
    if (cli_own(options, "--online") != NULL && options->is_private)
        return cli_usage("--online sends a question, which --private forbids");
    printer p = {.json = options->json, .first = true};
    amphi_client_options client_options;
    amphi_error error;
    cli_client_options(options, &client_options);
    if (options->json)
        printf("{\"version\":\"%s\",\"findings\":[", amphi_version());
    else
        printf("amphi %s\n", amphi_version());
    amphi_status status = amphi_doctor(&client_options, print_finding, &p, &error);
    int rc = CLI_OK;
    if (status == AMPHI_OK && cli_own(options, "--online") != NULL && !p.fault)
        rc = try_routes(&p, options);
    if (options->json)
        puts("]}");
    if (status != AMPHI_OK)
        return cli_fail(&error);
    if (rc != CLI_OK)
        return rc;
    return p.fault ? CLI_FAILED : CLI_OK;
}

static const char *const own_flags[] = {"--online", NULL};

const cli_command cli_doctor = {
    .name = "doctor",
    .summary = "what works on this machine, what is missing, what to do",
    .help = "usage: amphi doctor [flags]\n"
            "\n"
            "Makes a client from the flags as an app would, and reports on every part of it.\n"
            "Sends nothing, but with\n"
            "  --online              asks every endpoint for one token: what its key may do, in\n"
            "                        words, with what the provider says when it refuses\n"
            "Exit status: 0 all works, 1 something does not.\n"
            "\n"
            "Example: amphi doctor --endpoint work=https://api.example.com/v1,key-file=key\n",
    .own_flags = own_flags,
    .run = run,
};
