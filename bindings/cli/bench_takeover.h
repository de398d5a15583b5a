/* SPDX-License-Identifier: Apache-2.0
 *
 * The benches that are files of their own, and what they need beside the client: a model that is
 * large and quick to make, and a cloud on this machine that notes the moment at which a request's
 * bytes arrive.
 */
#ifndef AMPHI_CLI_BENCH_TAKEOVER_H
#define AMPHI_CLI_BENCH_TAKEOVER_H

#include "cli.h"

/* bench_takeover.c */
int cli_bench_takeover(const cli_options *options);
/* bench_cancel.c */
int cli_bench_cancel(const cli_options *options);
/* bench_storage.c */
int cli_bench_storage(const cli_options *options);
/* {"a":1,"b":2} as lines of words, for people. */
void bench_print_lines(const char *json);
/* bench_policy.c */
int cli_bench_policy(cli_options *options);

/* bench_model.c: a GGUF file of at least `bytes` bytes of F32 weights that says "tick tick tick
 * ..." for ever. The weights of its layers are zero and take no room on the disk, but as much
 * memory as any others once they are read. context: in tokens. false: it can't be written. */
bool bench_model_write(const char *path, uint64_t bytes, uint32_t context);
/* A bench's own folder in /tmp, with everything in it. */
void bench_folder_remove(const char *folder);

/* bench_cloud.c: HTTPS on loopback, TLS 1.3, with a certificate made for the occasion. */
typedef struct bench_cloud bench_cloud;
/* `folder` gets the certificate, "cert.pem". NULL with a line on standard error. */
bench_cloud *bench_cloud_new(const char *folder);
unsigned bench_cloud_port(const bench_cloud *cloud);
/* Monotonic microseconds at which the headers of the last chat request had arrived and were
 * decrypted; 0: none since the last call of reset. */
uint64_t bench_cloud_arrival_us(bench_cloud *cloud);
void bench_cloud_reset(bench_cloud *cloud);
void bench_cloud_free(bench_cloud *cloud);

#endif
