/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/badcloud.py as a child process: a chat cloud on loopback that misbehaves on
 * command. Run from the repository's root. One thread at a time per cloud.
 *
 *     amphi_test_cloud cloud;
 *     assert_true(amphi_test_cloud_start(&cloud));
 *     amphi_test_cloud_url(&cloud, url, sizeof url, "main", "cut:6");   // the base URL, ".../v1"
 *     ... endpoint with .url = url, .ca_file = cloud.ca_file ...
 *     assert_int_equal(amphi_test_cloud_attempts(&cloud, "cut:6"), 1);
 *     amphi_test_cloud_stop(&cloud);
 */
#ifndef AMPHI_TESTS_SUPPORT_CLOUD_H
#define AMPHI_TESTS_SUPPORT_CLOUD_H

#include "sdk/core/json.h"

#include <sys/types.h>

typedef struct amphi_test_cloud {
    pid_t pid;
    int to_fd;
    int from_fd;
    char base_url[64]; /* https://localhost:PORT of the well-behaved listener */
    char ca_file[256];
    amphi_json *info; /* what it printed when it was ready */
} amphi_test_cloud;

/* false, with the reason on stderr: python3 or openssl is missing. */
bool amphi_test_cloud_start(amphi_test_cloud *cloud);
void amphi_test_cloud_stop(amphi_test_cloud *cloud);

/* "https://localhost:PORT/SCENARIO/v1" at a listener ("main", "expired", ...); "plain" and the
 * scheme becomes http. */
void amphi_test_cloud_url(const amphi_test_cloud *cloud, char *out, size_t out_size,
    const char *listener, const char *scenario);
int amphi_test_cloud_port(const amphi_test_cloud *cloud, const char *listener);
/* The pin of a listener's key, "sha256//..."; empty when there is none. */
amphi_str amphi_test_cloud_pin(const amphi_test_cloud *cloud, const char *listener);

/* How many requests came for a path's first part (as it stands in the URL), "*" for all. */
int64_t amphi_test_cloud_attempts(amphi_test_cloud *cloud, const char *name);
/* Bytes of requests that a listener has seen (behind TLS), and connections that it accepted. */
int64_t amphi_test_cloud_bytes(amphi_test_cloud *cloud, const char *listener);
int64_t amphi_test_cloud_connections(amphi_test_cloud *cloud, const char *listener);
/* From now on the path `name` behaves as `scenario`: a cloud that goes down and comes back. */
void amphi_test_cloud_set(amphi_test_cloud *cloud, const char *name, const char *scenario);
void amphi_test_cloud_set_answer(amphi_test_cloud *cloud, const char *text);
void amphi_test_cloud_reset_counts(amphi_test_cloud *cloud);
/* {"body","headers","method"} of the last request for a path's first part; free the root. */
amphi_json *amphi_test_cloud_last(amphi_test_cloud *cloud, const char *name);
/* What the answers say unless set_answer was called. */
#define AMPHI_TEST_CLOUD_ANSWER                                                                    \
    "The harbour was quiet when the first boat left. Nobody waved, but a dog ran along the pier "  \
    "until the water ended its way, and there it sat down and waited for the evening. "            \
    "Gr\xC3\xB6\xC3\x9F"                                                                           \
    "e: 7 \xE2\x82\xAC."

#endif
