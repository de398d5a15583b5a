/* SPDX-License-Identifier: Apache-2.0
 *
 * An app with a few endpoints on badcloud, one question to it, and everything that was seen of its
 * answer. For tests of what a provider's faults lead to; cloud_app_set_up is the group's set-up.
 * Budgets are shorter than the defaults, per request, so that no test waits long.
 */
#ifndef AMPHI_TESTS_CLOUD_APP_H
#define AMPHI_TESTS_CLOUD_APP_H

#include "sdk/core/buf.h"
#include "tests/support/cloud.h"
#include "tests/support/scratch_dir.h"

#include <amphi/amphi.h>

#define ANSWER AMPHI_TEST_CLOUD_ANSWER

extern amphi_test_cloud app_cloud;

enum { ENDPOINTS_MAX = 3, CLOUD_URL_MAX = 256 };

typedef struct cloud_app {
    scratch_dir dir;
    amphi_client *client;
    const char *names[ENDPOINTS_MAX]; /* the URLs' first parts: what the server counts by */
} cloud_app;

typedef struct cloud_endpoint {
    const char *path; /* on badcloud; the endpoints are called "a", "b", "c" in this order */
    uint32_t context_tokens_max;
    const char *model;
} cloud_endpoint;

/* Number i on badcloud, "a", "b" or "c", for the options of a client of a test's own. `url` is
 * written and has to live as long. */
void cloud_app_endpoint(
    amphi_endpoint_options *out, char url[CLOUD_URL_MAX], size_t i, const char *path);

void cloud_app_open_with(
    cloud_app *a, const cloud_endpoint *endpoints, size_t count, const char *policy);

void cloud_app_open(cloud_app *a, const char *first, const char *second);

void cloud_app_close(cloud_app *a);

typedef struct cloud_outcome {
    amphi_event_kind end;
    amphi_error error;
    amphi_finish finish;
    amphi_usage usage;
    amphi_buf screen; /* what a person sees at the end */
    amphi_buf shown;  /* everything that ever was on it */
    char route[AMPHI_NAME_MAX];
    char model[AMPHI_NAME_MAX];
    unsigned terminals;
    unsigned replaces;
    unsigned takeovers;
    amphi_takeover takeover; /* the last one */
    uint64_t took_ms;
} cloud_outcome;

amphi_budgets short_budgets(void);

void cloud_app_pull(amphi_stream *stream, cloud_outcome *o);

void cloud_app_ask_with(
    cloud_app *a, cloud_outcome *o, amphi_budgets budgets, const char *extra_json);

void cloud_app_ask(cloud_app *a, cloud_outcome *o);

void cloud_outcome_clear(cloud_outcome *o);

int cloud_app_attempts(const cloud_app *a, size_t which);

const char *cloud_screen(const cloud_outcome *o);

void cloud_expect_whole(const cloud_outcome *o);

/* What a fault of the first of two endpoints leads to; the second one is healthy. */
typedef struct cloud_fault {
    const char *first; /* the scenario */
    int first_attempts;
    int second_attempts;
    unsigned from_ms;
    unsigned to_ms;
    bool mid_answer; /* words had been shown: the second one continues them */
} cloud_fault;

/* Asks once per fault: the answer is whole, with so many attempts, within the time. */
void cloud_app_expect_faults(const cloud_fault *faults, size_t count);

int cloud_app_set_up(void **state);

int cloud_app_tear_down(void **state);

#endif
