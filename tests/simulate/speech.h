/* SPDX-License-Identifier: Apache-2.0
 *
 * What is asked and what is answered. To each question there is one right answer, the same from
 * every engine, so that any mixture, hole or repetition in what the app is shown is seen.
 */
#ifndef AMPHI_TESTS_SIMULATE_SPEECH_H
#define AMPHI_TESTS_SIMULATE_SPEECH_H

#include "sdk/core/buf.h"

/* No byte of it may leave the device. */
#define SIM_CANARY "PRIV-"

void sim_question(amphi_buf *out, uint32_t number, bool is_private);
void sim_answer(amphi_buf *out, uint32_t number, bool is_private);

typedef struct sim_asked {
    uint32_t number; /* 0: no question was found */
    bool is_private;
    amphi_str prefix; /* of a trailing assistant message, into `root` */
    void *root;
} sim_asked;

/* From a body of chat completions: its newest question. */
void sim_asked_read(sim_asked *out, amphi_str body);
void sim_asked_clear(sim_asked *asked);
/* The answer, or what it lacks where the prefix is its beginning. */
void sim_reply(amphi_buf *out, const sim_asked *asked, amphi_str prefix);

#endif
