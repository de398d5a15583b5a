/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that an engine's run reported, in order of kind: a sink for tests of the cloud half.
 */
#ifndef AMPHI_TESTS_SUPPORT_ANSWER_RECORD_H
#define AMPHI_TESTS_SUPPORT_ANSWER_RECORD_H

#include "sdk/core/buf.h"
#include "sdk/core/thread.h"

#include <amphi/ext/engine.h>

typedef struct answer_record {
    amphi_mutex mutex;
    amphi_cond changed;
    amphi_buf text;
    amphi_buf reasoning;
    amphi_buf tool_calls; /* each event's array, with an LF behind it */
    amphi_buf logprobs;   /* of each TEXT that has some: text, its array, an LF */
    amphi_buf model;
    unsigned usages;
    amphi_usage usage;
    unsigned terminals;
    unsigned after_terminal; /* events that should not have come */
    bool finished;           /* by FINISH, not by FAIL */
    amphi_finish finish;
    amphi_error error;
    bool prefix_refused;
} answer_record;

void answer_record_init(answer_record *record);
void answer_record_clear(answer_record *record);
void answer_record_reset(answer_record *record); /* for the next answer */
amphi_engine_sink answer_record_sink(answer_record *record);
/* false: no FINISH or FAIL came within timeout_ms. */
bool answer_record_wait(answer_record *record, unsigned timeout_ms);
/* false: not so much text came within timeout_ms. */
bool answer_record_wait_text(answer_record *record, size_t bytes, unsigned timeout_ms);
/* Everything as one text, to compare two records by. */
void answer_record_write(const answer_record *record, amphi_buf *out);

#endif
