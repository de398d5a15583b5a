/* SPDX-License-Identifier: Apache-2.0
 *
 * An app whose messages wait in the outbox: queues them without a network, lets time pass,
 * delivers, and looks what the outbox and the history hold.
 */
#ifndef AMPHI_TESTS_OUTBOX_FIXTURE_H
#define AMPHI_TESTS_OUTBOX_FIXTURE_H

#include "tests/support/chat_fixture.h"

enum { OUTBOX_FIXTURE_LONG_MS = 20000 };

typedef struct outbox_fixture_entries {
    amphi_outbox_entry items[8]; /* without their strings */
    char ids[8][64];
    char conversations[8][64];
    int count;
} outbox_fixture_entries;

outbox_fixture_entries outbox_fixture_list(amphi_client *client);
/* Asserts what the conversation holds, one "ROLE: TEXT" per line; "" also when there is none. */
void outbox_fixture_expect_history(
    amphi_client *client, const char *conversation, const char *text);
void outbox_fixture_set_network(amphi_client *client, const char *network);
void outbox_fixture_open_offline(chat_fixture *f, const scripted_step *cloud);
/* Runs a request in this conversation ("" for none), expects the request to be queued, copies its
 * id (NULL: does not). */
void outbox_fixture_queue(chat_fixture *f, const char *conversation, const char *text, char id[64]);
/* Returns what still waits. */
uint32_t outbox_fixture_flush(amphi_client *client);

/* Hours pass by its boot clock as the test says; its wall clock stands in 1970. */
extern const amphi_clock outbox_fixture_clock;
void outbox_fixture_pass_hours(int hours);
/* chat_fixture_init with that clock, in the client and in the store. */
void outbox_fixture_init_with_clock(chat_fixture *f, const scripted_step *cloud);
void outbox_fixture_wait_until_running(scripted_engine *engine);

#endif
