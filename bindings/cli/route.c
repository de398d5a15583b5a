/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi route: where would a request go now, and why?
 */
#include "cli.h"

#include <stdlib.h>

static int print_text(const amphi_decision *decision)
{
    for (size_t i = 0; i < decision->routes_count; i++) {
        const amphi_decision_route *route = &decision->routes[i];
        if (route->kept)
            printf("%zu. %-12s %-16s %s\n", i + 1, route->route, amphi_reason_name(route->reason),
                route->why);
        else
            printf(
                "-  %-12s %-16s %s\n", route->route, amphi_reason_name(route->reason), route->why);
    }
    if (decision->routes_count == 0 || !decision->routes[0].kept)
        printf("no route is left\n");
    return CLI_OK;
}

static int run(cli_options *options)
{
    amphi_chat_request request;
    amphi_decision decision;
    amphi_decision_init(&decision);
    amphi_error error;
    char *json = NULL;
    int rc = CLI_OK;
    amphi_message message = {.role = AMPHI_ROLE_USER, .content = AMPHI_STR("Hello")};
    char *words = options->words_count > 0 ? cli_words(options) : NULL;
    if (words != NULL)
        message.content = amphi_str_from(words);
    cli_request_init(options, &request, &message);
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        rc = CLI_FAILED;
    else if (options->json)
        if (amphi_route_explain_json(client, &request, &json, &error) == AMPHI_OK)
            puts(json);
        else
            rc = cli_fail(&error);
    else if (amphi_route_explain(client, &request, &decision, &error) == AMPHI_OK)
        rc = print_text(&decision);
    else
        rc = cli_fail(&error);
    amphi_string_free(json);
    amphi_client_free(client);
    free(words);
    return rc;
}

static const char *const own_flags[] = {"--explain", NULL};

const cli_command cli_route = {
    .name = "route",
    .summary = "where a request would go now, and why",
    .help = "usage: amphi route [--explain] [flags] [QUESTION...]\n"
            "\n"
            "Lists every route in the order in which it would be tried, refused ones last, each\n"
            "with the rule that decided and the reason in words. Nothing is sent.\n"
            "  --explain             the default\n"
            "\n"
            "Example: amphi route --explain --device facts.json --endpoint "
            "work=https://api.example.com/v1\n",
    .own_flags = own_flags,
    .run = run,
};
