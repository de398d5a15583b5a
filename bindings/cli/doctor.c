/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi doctor: what works on this machine, what is missing, what to do. With --online also what
 * each endpoint's key may do.
 */
#include "cli.h"

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

static int run(cli_options *options)
{
    bool is_online = cli_own(options, "--online") != NULL;
    bool asks = cli_own(options, "--ask") != NULL;
    if (is_online && options->is_private)
        return cli_usage("--online sends a request, which --private forbids");
    if (asks && !is_online)
        return cli_usage("--ask goes with --online");
    const amphi_finding untried = {.struct_size = sizeof untried,
        .level = AMPHI_FINDING_NOTE,
        .part = AMPHI_STR("key"),
        .text = AMPHI_STR("no key was tried, as there are faults"),
        .remedy = AMPHI_STR("mend the faults above, then try again")};
    printer p = {.json = options->json, .first = true};
    amphi_client_options client_options;
    amphi_error error;
    cli_client_options(options, &client_options);
    if (options->json)
        printf("{\"version\":\"%s\",\"findings\":[", amphi_version());
    else
        printf("amphi %s\n", amphi_version());
    amphi_status status = amphi_doctor(&client_options, print_finding, &p, &error);
    if (status == AMPHI_OK && is_online && !p.fault)
        status = amphi_doctor_online(&client_options, asks, print_finding, &p, &error);
    else if (status == AMPHI_OK && is_online)
        print_finding(&p, &untried);
    if (options->json)
        puts("]}");
    if (status != AMPHI_OK)
        return cli_fail(&error);
    return p.fault ? CLI_FAILED : CLI_OK;
}

static const char *const own_flags[] = {"--online", "--ask", NULL};

const cli_command cli_doctor = {
    .name = "doctor",
    .summary = "what works on this machine, what is missing, what to do",
    .help =
        "usage: amphi doctor [flags]\n"
        "\n"
        "Makes a client from the flags as an app would, and reports on every part of it.\n"
        "Sends nothing, but with\n"
        "  --online              asks every endpoint for its models, which costs nothing: is\n"
        "                        the key known, are the configured models there; for one token\n"
        "                        where there is no such list\n"
        "  --ask                 with --online: for one token as well, everywhere\n"
        "Exit status: 0 all works, 1 something does not.\n"
        "\n"
        "Example: amphi doctor --endpoint work=https://api.example.com/v1,key-file=key\n",
    .own_flags = own_flags,
    .run = run,
};
