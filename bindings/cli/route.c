/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi route: where would a request go now, and why?
 */
#include "cli.h"

#include <stdlib.h>

enum { INDENT = 19 }; /* below the reason */

/* "$0.15", "$0.000012": no more digits than it has, two at least. */
static void print_dollars(uint64_t microdollars)
{
    unsigned long long part = microdollars % 1000000u;
    int digits = 6;
    for (; digits > 2 && part % 10 == 0; digits--)
        part /= 10;
    printf("$%llu.%0*llu", (unsigned long long)(microdollars / 1000000u), digits, part);
}

/* What the route asks for its tokens, and this request's estimate. */
static void print_price(const amphi_decision_entry *entry)
{
    printf("%*s", INDENT, "");
    if (entry->price_prompt == AMPHI_COST_UNKNOWN) {
        puts("price unknown: not counted (--endpoint ...,prices=PROMPT/COMPLETION)");
        return;
    }
    if (entry->price_prompt == 0 && entry->price_completion == 0) {
        puts("free");
        return;
    }
    print_dollars(entry->price_prompt);
    printf(" per million tokens of prompt, ");
    if (entry->price_cached != entry->price_prompt) {
        print_dollars(entry->price_cached);
        printf(" where cached, ");
    }
    print_dollars(entry->price_completion);
    printf(" of answer; this request about ");
    print_dollars(entry->estimate);
    printf(" for its %u tokens", entry->prompt_tokens);
    if (entry->answer_tokens > 0)
        printf(", its answer taken as %u tokens\n", entry->answer_tokens);
    else
        puts(", without the answer");
}

static void print_pace(const amphi_decision_entry *entry)
{
    printf("%*s", INDENT, "");
    if (entry->first_token_ms == 0)
        printf("pace unknown: %u recent answers\n", entry->answers);
    else if (entry->tokens_per_second > 0)
        printf("last %u answers: first token after %u ms, then %.1f tokens/s (medians)\n",
            entry->answers, entry->first_token_ms, (double)entry->tokens_per_second);
    else
        printf("last %u answers: first token after %u ms (median)\n", entry->answers,
            entry->first_token_ms);
}

static void print_figures(const amphi_decision_entry *entry)
{
    print_price(entry);
    print_pace(entry);
    if (entry->also[0] != '\0')
        printf("%*salso %s\n", INDENT, "", entry->also);
    const char *before = "reasons ";
    for (unsigned r = AMPHI_REASON_OK + 1; r < AMPHI_REASON_COUNT; r++) {
        if ((entry->reasons >> r & 1) == 0)
            continue;
        printf("%*s%s%s", before[0] == 'r' ? INDENT : 0, "", before,
            amphi_reason_name((amphi_reason)r));
        before = ", ";
    }
    if (before[0] == ',')
        putchar('\n');
}

static void print_totals(const amphi_decision *decision)
{
    printf("prompt: about %u tokens, %u of them tool schemas\n", decision->prompt_tokens,
        decision->tool_tokens);
    printf("today (UTC): ");
    print_dollars(decision->spent_today);
    printf(" spent, ");
    print_dollars(decision->reserved_now);
    printf(" reserved");
    if (decision->day_max > 0) {
        printf(" of ");
        print_dollars(decision->day_max);
    } else {
        printf(", no budget");
    }
    printf("; %u answers of unknown price, %u estimated; %llu metered bytes\n",
        decision->spent_unknown, decision->spent_estimated,
        (unsigned long long)decision->metered_bytes);
}

static int print_text(const amphi_decision *decision)
{
    for (size_t i = 0; i < decision->entries_count; i++) {
        const amphi_decision_route *route = &decision->entries[i].route;
        if (route->kept)
            printf("%zu. %-12s %-16s %s\n", i + 1, route->route, amphi_reason_name(route->reason),
                route->why);
        else
            printf(
                "-  %-12s %-16s %s\n", route->route, amphi_reason_name(route->reason), route->why);
        print_figures(&decision->entries[i]);
    }
    if (decision->entries_count == 0 || !decision->entries[0].route.kept)
        printf("no route is left\n");
    print_totals(decision);
    return CLI_OK;
}

/* {"tools": the file's array}, as the request's further fields. NULL: it was not readable. */
static char *read_tools(const char *path)
{
    size_t size = 0;
    char *out = NULL;
    char *tools = cli_read_file(path, &size);
    FILE *text = tools != NULL ? open_memstream(&out, &size) : NULL;
    if (text != NULL) {
        fprintf(text, "{\"tools\":%s}", tools);
        fclose(text);
    }
    free(tools);
    return out;
}

static int explain(cli_options *options, const amphi_chat_request *request)
{
    amphi_decision decision;
    amphi_error error;
    char *json = NULL;
    int rc = CLI_OK;
    amphi_decision_init(&decision);
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        return CLI_FAILED;
    if (options->json)
        if (amphi_route_explain_json(client, request, &json, &error) == AMPHI_OK)
            puts(json);
        else
            rc = cli_fail(&error);
    else if (amphi_route_explain(client, request, &decision, &error) == AMPHI_OK)
        rc = print_text(&decision);
    else
        rc = cli_fail(&error);
    amphi_string_free(json);
    amphi_client_free(client);
    return rc;
}

/* A described situation: nothing of this machine is looked at. */
static int decide(cli_options *options, const char *path)
{
    amphi_error error;
    size_t size = 0;
    char *json = NULL;
    char *request = cli_read_file(path, &size);
    if (request == NULL)
        return CLI_FAILED;
    amphi_status status = amphi_policy_decide_json(amphi_str_from(options->device_json),
        amphi_str_make(request, size), amphi_str_from(options->policy_json), &json, &error);
    if (status == AMPHI_OK)
        puts(json);
    amphi_string_free(json);
    free(request);
    return status == AMPHI_OK ? CLI_OK : cli_fail(&error);
}

static int run(cli_options *options)
{
    const char *described = cli_own(options, "--request");
    if (described != NULL) {
        if (!options->json)
            return cli_usage("route: --request goes with --json");
        if (options->words_count > 0 || cli_own(options, "--tools") != NULL)
            return cli_usage("route: the question and its tools stand in --request's file");
        return decide(options, described);
    }
    amphi_chat_request request;
    amphi_message message = {.role = AMPHI_ROLE_USER, .content = AMPHI_STR("Hello")};
    const char *tools_path = cli_own(options, "--tools");
    char *tools = NULL;
    if (tools_path != NULL && (tools = read_tools(tools_path)) == NULL)
        return CLI_FAILED;
    char *words = options->words_count > 0 ? cli_words(options) : NULL;
    if (words != NULL)
        message.content = amphi_str_from(words);
    cli_request_init(options, &request, &message);
    if (tools != NULL)
        request.extra_json = amphi_str_from(tools);
    int rc = explain(options, &request);
    free(tools);
    free(words);
    return rc;
}

static const char *const own_flags[] = {"--explain", "--tools=", "--request=", NULL};

const cli_command cli_route = {
    .name = "route",
    .summary = "where a request would go now, and why",
    .help =
        "usage: amphi route [--explain] [flags] [QUESTION...]\n"
        "       amphi route --request FILE --json [--device FILE] [--policy FILE]\n"
        "\n"
        "Lists every route in the order in which it would be tried, refused ones last, each\n"
        "with the rule that decided, the reason in words, and whatever else holds: its price\n"
        "and this request's estimate, how its recent answers came; and what was spent today\n"
        "and is reserved for requests under way in this process.\n"
        "Nothing is sent.\n"
        "  --explain             the default\n"
        "  --tools FILE          a JSON array of tools: what they cost in tokens\n"
        "  --request FILE        decide for a described situation instead: the routes and the\n"
        "                        request in FILE, the device in --device, the document in\n"
        "                        --policy (docs/route.md); nothing of this machine is looked at,\n"
        "                        and the same files give the same bytes\n"
        "\n"
        "Example: amphi route --explain --device facts.json --endpoint "
        "work=https://api.example.com/v1\n",
    .own_flags = own_flags,
    .run = run,
};
