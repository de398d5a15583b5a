/* SPDX-License-Identifier: Apache-2.0
 *
 * The processes that `amphi bench remote` and `amphi bench gateway` measure against: the loopback
 * stream of amphi-bench-curl, a program beside this one (tests/bench/bench_curl.c), and an `amphi
 * serve` in front of it.
 */
#ifndef AMPHI_CLI_BENCH_PROCESSES_H
#define AMPHI_CLI_BENCH_PROCESSES_H

#include "cli.h"

#include <sys/types.h>

/* A child process with pipes to its standard input and output. */
typedef struct bench_child {
    pid_t pid; /* 0: none */
    FILE *to;
    FILE *from;
} bench_child;

/* amphi-bench-curl, and "http://127.0.0.1:PORT/v1" of its stream. CLI_OK, or a line on standard
 * error. */
int bench_start_loopback(bench_child *out, char *url, size_t size);
/* `amphi serve` with that stream as its one endpoint, its data under `folder`. */
int bench_start_gateway(
    bench_child *out, const char *endpoint_url, const char *folder, char *url, size_t size);
/* signal_number 0: its standard input ends. Waits for its end. */
void bench_stop_child(bench_child *child, int signal_number);

/* A folder of its own under $TMPDIR; "" on failure. */
bool bench_make_folder(char *out, size_t size);
void bench_remove_folder(const char *folder);

#endif
