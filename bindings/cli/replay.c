/* SPDX-License-Identifier: Apache-2.0
 *
 * `amphi replay`: a recorded decision, made again.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* The record of an answer in the history; NULL with a line on standard error. free() it. */
static char *read_answer(const cli_options *options, const char *id)
{
    uint64_t number = 0;
    char *record = NULL;
    char *copy = NULL;
    amphi_error error;
    if (!cli_number("replay", id, INT64_MAX, &number))
        return NULL;
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        return NULL;
    if (amphi_history_record(client, (int64_t)number, &record, &error) == AMPHI_OK)
        copy = strdup(record);
    else
        cli_fail(&error);
    amphi_string_free(record);
    amphi_client_free(client);
    return copy;
}

/* 0 where nothing has changed. */
static int status_of(const char *json)
{
    bool is_same = strstr(json, "\"changed\":0,\"without_inputs\":0}") != NULL;
    return is_same ? CLI_OK : CLI_FAILED;
}

static int run(cli_options *options)
{
    amphi_error error;
    char *json = NULL;
    char *words = NULL;
    size_t size = 0;
    if (options->words_count != 1)
        return cli_usage("replay takes the id of an answer, a file of records, or -");
    const char *what = options->words[0];
    char *records = is_number(what) ? read_answer(options, what) : cli_read_file(what, &size);
    if (records == NULL)
        return CLI_FAILED;
    size = is_number(what) ? strlen(records) : size;
    int rc = CLI_FAILED;
    if (amphi_replay(&json, &words, amphi_str_make(records, size),
            amphi_str_from(options->policy_json), &error) == AMPHI_OK) {
        rc = status_of(json);
        if (options->json)
            puts(json);
        else
            cli_print_text(stdout, amphi_str_from(words));
    } else {
        rc = cli_fail(&error);
    }
    amphi_string_free(json);
    amphi_string_free(words);
    free(records);
    return rc;
}

const cli_command cli_replay = {
    .name = "replay",
    .summary = "recorded decisions, made again: the same plan, or what changed",
    .help =
        "usage: amphi replay ANSWER [--policy FILE] [--json]\n"
        "       amphi replay FILE [--policy FILE] [--json]\n"
        "\n"
        "Makes a decision again from what it was made from, and shows the plan. ANSWER is the\n"
        "id of an answer in the history (`amphi history CONVERSATION` shows it); FILE has a\n"
        "record (`amphi ask --json`) or many (`amphi history export --records`); - is standard\n"
        "input. Without --policy it is decided by the policy document that decided it then,\n"
        "and gives the same plan in the same bytes, unless this version decides otherwise.\n"
        "With --policy it says of each route what differs, and which fields of the document\n"
        "make the difference:\n"
        "\n"
        "  battery.min_percent 20 -> 30: local now tried as number 2 (then tried as number 1):\n"
        "  battery 22 % is below 30 %, not charging\n"
        "\n"
        "Of many records those are shown that are not the same. Nothing is sent, and nothing\n"
        "that was said is needed.\n"
        "\n"
        "Exit status: 0 every plan is the same; 1 one is not, or can't be made again (a record\n"
        "of an older version holds no inputs), or standard error says why it is no record.\n"
        "\n"
        "Example: amphi replay 18 --policy new.json\n",
    .run = run,
};
