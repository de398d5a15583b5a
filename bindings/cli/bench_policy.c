/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi bench policy: prints what amphi_policy_measure finds.
 */
#include "bench_takeover.h"

int cli_bench_policy(cli_options *options)
{
    amphi_error error;
    char *json = NULL;
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        return CLI_FAILED;
    int rc = CLI_OK;
    if (amphi_policy_measure(client, &json, &error) != AMPHI_OK)
        rc = cli_fail(&error);
    else if (options->json)
        puts(json);
    else
        bench_print_lines(json);
    amphi_string_free(json);
    amphi_client_free(client);
    return rc;
}
