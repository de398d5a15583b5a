/* SPDX-License-Identifier: Apache-2.0
 *
 * Between a token and its text lies time: stop strings, half characters and tool calls hold text
 * back. So a token's record waits, under the byte of the answer at which the token begins, until
 * that byte goes out; what never does (a stop string, thoughts, a tool call) is not reported.
 */
#include "local/engine/logprobs_report.h"

#include "local/text/logprobs_record.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

enum { WAITING_MAX = 16 << 20 };

typedef struct waiting_head {
    uint64_t at;
    uint64_t size; /* of the record behind it */
} waiting_head;

amphi_status amphi__logprobs_report_begin(
    amphi_logprobs_report *report, int64_t top, uint32_t vocabulary_size, amphi_error *error)
{
    report->count = vocabulary_size;
    report->top_count = top <= 0                                ? 0
                        : top > (int64_t)AMPHI_LOGPROBS_TOP_MAX ? AMPHI_LOGPROBS_TOP_MAX
                                                                : (uint32_t)top;
    amphi__buf_init(&report->waiting, WAITING_MAX);
    report->logits = amphi__calloc(vocabulary_size, sizeof *report->logits);
    return report->logits != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
}

void amphi__logprobs_report_clear(amphi_logprobs_report *report)
{
    amphi__free(report->logits);
    amphi__buf_clear(&report->waiting);
    report->logits = NULL;
}

void amphi__logprobs_report_observe(amphi_logprobs_report *report, const float *logits)
{
    if (!amphi__logprobs_report_is_on(report))
        return;
    memcpy(report->logits, logits, report->count * sizeof *logits);
    amphi__logprobs_read(&report->now, logits, report->count, report->top_count);
}

void amphi__logprobs_report_add(
    amphi_logprobs_report *report, const amphi_tokenizer *tokenizer, int32_t token, amphi_str text)
{
    waiting_head head = {.at = report->pushed};
    report->pushed += text.size;
    if (!amphi__logprobs_report_is_on(report) || text.size == 0)
        return;
    amphi_buf record;
    amphi__buf_init(&record, AMPHI_LOGPROBS_RECORD_MAX);
    amphi__logprobs_record_put(
        &record, amphi__logprobs_of(&report->now, report->logits[token]), text);
    for (uint32_t i = 0; i < report->now.top_count; i++) {
        const amphi_logprob *other = &report->now.top[i];
        bool is_known = (uint32_t)other->token < amphi__tokenizer_size(tokenizer);
        char scratch[8];
        amphi__logprobs_record_put(&record, other->logprob,
            other->token == token ? text
            : is_known            ? amphi__tokenizer_piece(tokenizer, other->token, true, scratch)
                                  : amphi_str_make(NULL, 0));
    }
    head.size = record.size;
    amphi__buf_append(&report->waiting, &head, sizeof head);
    amphi__buf_append_str(&report->waiting, amphi__buf_str(&record));
    amphi__buf_clear(&record);
}

/* The waiting record at `from`, if it begins before byte `until` of the answer. */
static bool next_record(
    const amphi_logprobs_report *report, size_t from, uint64_t until, amphi_str *record)
{
    waiting_head head;
    if (report->waiting.status != AMPHI_OK || report->waiting.size < from + sizeof head)
        return false;
    memcpy(&head, report->waiting.data + from, sizeof head);
    *record = amphi_str_make(report->waiting.data + from + sizeof head, (size_t)head.size);
    return head.at < until;
}

void amphi__logprobs_report_send(
    amphi_logprobs_report *report, const amphi_inference_sink *sink, uint64_t until)
{
    size_t at = 0;
    amphi_str record;
    while (amphi__logprobs_report_is_on(report) && next_record(report, at, until, &record)) {
        sink->logprobs(sink->self, record);
        at += sizeof(waiting_head) + record.size;
    }
    amphi__buf_consume(&report->waiting, at);
}

void amphi__logprobs_report_drop(amphi_logprobs_report *report, uint64_t until, uint32_t keep)
{
    if (!amphi__logprobs_report_is_on(report))
        return;
    uint32_t count = 0;
    size_t at = 0;
    amphi_str record;
    while (next_record(report, at, until, &record)) {
        at += sizeof(waiting_head) + record.size;
        count++;
    }
    for (at = 0; count > keep && next_record(report, at, until, &record); count--)
        at += sizeof(waiting_head) + record.size;
    amphi__buf_consume(&report->waiting, at);
}
