/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversations with private turns, in which every word that is private holds "SECRET".
 */
#ifndef AMPHI_TESTS_PRIVACY_SCENE_H
#define AMPHI_TESTS_PRIVACY_SCENE_H

#include "tests/support/chat_fixture.h"

#define PRIVACY_OMIT "{\"private_history\":\"omit\"}"

/* What a request came to. */
typedef struct privacy_outcome {
    amphi_event_kind kind;
    amphi_privacy privacy;
    uint32_t turns_omitted;
    char route[AMPHI_NAME_MAX];
    char error[160];
    char history_error[160];
    char cloud_why[160]; /* of the decision */
} privacy_outcome;

/* The local engine's answer. */
extern const scripted_step privacy_answers_secretly[2];

privacy_outcome privacy_ask_client(amphi_client *client, const char *conversation, amphi_mode mode,
    bool is_private, const char *text);
/* By the fixture's own client. */
privacy_outcome privacy_ask(
    chat_fixture *f, const char *conversation, amphi_mode mode, bool is_private, const char *text);
/* A conversation "c" with one private turn, and one that is not before it. */
void privacy_open_with_secret(chat_fixture *f, const char *policy);

void privacy_expect_says(const char *text, const char *words);
void privacy_expect_cloud_knows_nothing(const chat_fixture *f);

#endif
