/* SPDX-License-Identifier: Apache-2.0
 *
 * The two flags --shared-cache and --shared-cache-key as a part of the client.
 */
#ifndef AMPHI_CLI_SHARED_CACHE_H
#define AMPHI_CLI_SHARED_CACHE_H

#include "cli.h"

#include <amphi/ext/parts.h>

typedef struct cli_shared_cache {
    amphi_parts parts;
} cli_shared_cache;

/* Sets options->parts where the flags were given; open until the client is freed. CLI_OK, or a line
 * on standard error. */
int cli_shared_cache_open(cli_shared_cache *shared, cli_options *options);
void cli_shared_cache_close(cli_shared_cache *shared);

#endif
