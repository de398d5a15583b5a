/* SPDX-License-Identifier: Apache-2.0
 *
 * One question to badcloud through a cloud engine of its own, and everything that is known of its
 * answer. For tests of remote/ over real sockets; cloud_question_set_up is the group's set-up.
 */
#ifndef AMPHI_TESTS_CLOUD_QUESTION_H
#define AMPHI_TESTS_CLOUD_QUESTION_H

#include "remote/remote.h"
#include "tests/support/cloud.h"
#include "tests/support/engine_recorder.h"

#define KEY  "sk-secret-0123456789abcdef"
#define BODY "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello?\"}]}"

extern amphi_test_cloud test_cloud;

extern amphi_http test_http;

/* The parameters of one question. */
typedef struct cloud_question {
    const char *listener; /* "main" */
    const char *scenario; /* "ok" */
    const char *body;
    const char *prefix;
    const char *url; /* instead of listener and scenario */
    const char *pins;
    const char *ca_file; /* badcloud's; "": the system's */
    const char *key_file;
    const char *idempotency_key;
    bool tls12;
    bool http_loopback;
    uint32_t connect_ms;
    unsigned wait_ms; /* 15,000 */
} cloud_question;

typedef struct cloud_outcome {
    engine_recorder record;
    amphi_status new_status;
    amphi_status start_status;
    amphi_error error; /* of new or start */
    uint64_t took_ms;
    amphi_engine_info info; /* after the answer */
} cloud_outcome;

const char *or_else(const char *text, const char *otherwise);

amphi_status cloud_make_engine(amphi_engine *out, const cloud_question *q, amphi_error *error);

amphi_status cloud_start_run(
    amphi_engine engine, amphi_engine_run **run, const cloud_question *q, cloud_outcome *o);

/* Sends it, waits for the end, releases; *o is to be cleared with engine_recorder_clear. */
void cloud_ask(cloud_outcome *o, const cloud_question *q);

void cloud_expect_text(const cloud_outcome *o, const char *text);

int cloud_question_set_up(void **state);

int cloud_question_tear_down(void **state);

#endif
