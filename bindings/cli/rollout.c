/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi rollout: what the gray release gives this install.
 */
#include "cli.h"

static int run(cli_options *options)
{
    char *json = NULL;
    amphi_error error;
    if (options->words_count != 1 || strcmp(options->words[0], "show") != 0)
        return cli_usage("rollout: show is what it takes");
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        return CLI_FAILED;
    int rc = CLI_OK;
    if (options->is_private && options->rollout != NULL) /* it does not look by itself */
        (void)amphi_rollout_refresh(client, &error);
    if (amphi_rollout_show(client, &json, &error) == AMPHI_OK)
        puts(json);
    else
        rc = cli_fail(&error);
    amphi_string_free(json);
    amphi_client_free(client);
    return rc;
}

const cli_command cli_rollout = {
    .name = "rollout",
    .summary = "which value of the gray release this install gets, and why: show",
    .help =
        "usage: amphi rollout show --rollout FILE|URL [flags]\n"
        "\n"
        "Prints JSON: the install's id, its bucket, the rule and coverage that chose, the value\n"
        "of the feature amphi.policy, which of its fields the app's document holds (held), and "
        "the\n"
        "whole policy document in force. A kill switch for the local engine is\n"
        "{\"features\":{\"amphi.policy\":{\"defaultValue\":{\"local\":{\"enabled\":false}}}}}\n"
        "\n"
        "Example: amphi rollout show --rollout payload.json\n",
    .run = run,
};
