/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi bench storage: prints what amphi_storage_measure finds in a folder of its own.
 */
#include "bench_takeover.h"

#include <stdlib.h>

#define LARGE_MIB_DEFAULT 1024u
#define LARGE_MIB_MAX     (64u << 10)

void bench_print_lines(const char *json)
{
    for (const char *at = json + 1; *at != '\0'; at++)
        if (*at == ',' || *at == '}')
            putchar('\n');
        else if (*at == ':')
            putchar(' ');
        else if (*at != '"')
            putchar(*at);
}

int cli_bench_storage(const cli_options *options)
{
    char folder[] = "/tmp/amphi-bench-XXXXXX";
    char *json = NULL;
    uint64_t mib = LARGE_MIB_DEFAULT;
    amphi_error error;
    const char *wanted = cli_own(options, "--large");
    if (wanted != NULL && !cli_number("--large", wanted, LARGE_MIB_MAX, &mib))
        return CLI_USAGE;
    if (mib == 0)
        return cli_usage("--large: at least 1 MiB");
    if (mkdtemp(folder) == NULL)
        return cli_usage("bench storage: no room in /tmp");
    int rc = CLI_OK;
    if (amphi_storage_measure(&json, amphi_str_from(folder), mib << 20, &error) != AMPHI_OK)
        rc = cli_fail(&error);
    else if (options->json)
        puts(json);
    else
        bench_print_lines(json);
    amphi_string_free(json);
    bench_folder_remove(folder);
    return rc;
}
