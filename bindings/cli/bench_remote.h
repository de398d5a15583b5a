/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi bench remote (bench_remote.c).
 */
#ifndef AMPHI_CLI_BENCH_REMOTE_H
#define AMPHI_CLI_BENCH_REMOTE_H

#include "cli.h"

/* What Amphi adds to plain libcurl: per request, per event, and by the gateway. */
int cli_bench_remote(const cli_options *options);

#endif
