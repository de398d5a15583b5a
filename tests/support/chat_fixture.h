/* SPDX-License-Identifier: Apache-2.0
 *
 * A client over two scripted engines ("local" and "cloud"), a store in memory, and a device that
 * is fine; and what a screen would show of a request. For tests of sdk/client.
 *
 *     chat_fixture f;
 *     chat_fixture_open(&f, local_script, cloud_script);
 *     amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
 *     chat_fixture_ask(&f, &request, "Hi");
 *     chat_fixture_expect(&f, "Hello world.");
 *     chat_fixture_close(&f);
 */
#ifndef AMPHI_TESTS_CHAT_FIXTURE_H
#define AMPHI_TESTS_CHAT_FIXTURE_H

#include "sdk/core/buf.h"
#include "storage/storage.h"
#include "tests/support/scripted_engine.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

/* Scripts that many tests share. */
extern const scripted_step says_hello[];       /* "Hello world.", in two pieces */
extern const scripted_step dies_in_mid_word[]; /* after "Hel" */
extern const scripted_step continues_hello[];  /* what "Hello world." lacks */

typedef struct chat_fixture {
    scripted_engine local;
    scripted_engine cloud;
    scripted_engine cloud2; /* only with parts.engines_count 2; says what `cloud` says */
    amphi_engine engines[2];
    amphi_device_facts device; /* what the device's probe finds */
    amphi_parts parts;
    amphi_outbox_event_fn *outbox_event; /* of clients that are made from here on */
    void *outbox_user;
    bool is_private; /* likewise */
    amphi_client *client;
    /* What the last request showed. */
    amphi_buf screen;
    int terminals;
    int takeovers;
    int replaces;
    amphi_event_kind last;
    amphi_status error;
} chat_fixture;

void chat_fixture_open(chat_fixture *f, const scripted_step *local, const scripted_step *cloud);
/* policy: a policy document, or NULL. */
void chat_fixture_open_with(
    chat_fixture *f, const scripted_step *local, const scripted_step *cloud, const char *policy);
/* After init: a fresh store with these limits and clock in place of the first one. */
void chat_fixture_store(chat_fixture *f, const amphi_storage_options *options);
/* The same in two steps, so that a test can change engines, parts and device in between. */
void chat_fixture_init(chat_fixture *f, const scripted_step *local, const scripted_step *cloud);
void chat_fixture_start(chat_fixture *f, const char *policy);
/* Another client over the same parts, as another process would be. The caller frees it. */
amphi_client *chat_fixture_client(chat_fixture *f, const char *policy);
/* Asserts that no engine runs any more. */
void chat_fixture_close(chat_fixture *f);

/* A request in this mode that does not use the cache. */
amphi_chat_request chat_fixture_request(amphi_mode mode);
/* Starts the request with one message of the user. The caller frees the stream. */
amphi_stream *chat_fixture_begin(chat_fixture *f, amphi_chat_request *request, const char *text);
/* Pulls a stream to its end and beyond, and asserts that it ended once and that the result's text
 * is what was shown. */
void chat_fixture_pull(chat_fixture *f, amphi_stream *stream);
/* Begins, pulls and frees. */
void chat_fixture_ask(chat_fixture *f, amphi_chat_request *request, const char *text);
/* Asserts what the screen shows. */
void chat_fixture_expect(chat_fixture *f, const char *text);

#endif
