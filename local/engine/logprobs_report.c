/* SPDX-License-Identifier: Apache-2.0
 *
 * Between a token and its text lies time: stop strings, half characters and tool calls hold text
 * back. So a token's record waits, under the byte of the answer at which the token begins, until
 * that byte goes out; what never does (a stop string, thoughts, a tool call) is not told.
 */
#include "local/engine/engine.h"

#include "local/text/logprobs_record.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

enum { WAITING_MAX = 16 << 20 };

typedef struct waiting_head {
    uint64_t at;
    uint64_t size; /* of the record behind it */
} waiting_head;

amphi_status amphi__told_begin(
    amphi_told *told, int64_t top, uint32_t vocabulary_size, amphi_error *error)
{
    told->count = vocabulary_size;
    told->top_count = top <= 0                                ? 0
                      : top > (int64_t)AMPHI_LOGPROBS_TOP_MAX ? AMPHI_LOGPROBS_TOP_MAX
                                                              : (uint32_t)top;
    amphi__buf_init(&told->waiting, WAITING_MAX);
    told->logits = amphi__calloc(vocabulary_size, sizeof *told->logits);
    return told->logits != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
}

void amphi__told_clear(amphi_told *told)
{
    amphi__free(told->logits);
    amphi__buf_clear(&told->waiting);
    told->logits = NULL;
}

void amphi__told_look(amphi_told *told, const float *logits)
{
    if (!amphi__told_is_on(told))
        return;
    memcpy(told->logits, logits, told->count * sizeof *logits);
    amphi__logprobs_read(&told->now, logits, told->count, told->top_count);
}

void amphi__told_add(
    amphi_told *told, const amphi_tokenizer *tokenizer, int32_t token, amphi_str text)
{
    waiting_head head = {.at = told->pushed};
    amphi_buf record;
    char scratch[8];

    told->pushed += text.size;
    if (!amphi__told_is_on(told) || text.size == 0)
        return;
    amphi__buf_init(&record, AMPHI_LOGPROBS_RECORD_MAX);
    amphi__logprobs_record_put(&record, amphi__logprobs_of(&told->now, told->logits[token]), text);
    for (uint32_t i = 0; i < told->now.top_count; i++) {
        const amphi_logprob *other = &told->now.top[i];
        bool is_known = (uint32_t)other->token < amphi__tokenizer_size(tokenizer);

        amphi__logprobs_record_put(&record, other->logprob,
            other->token == token ? text
            : is_known            ? amphi__tokenizer_piece(tokenizer, other->token, true, scratch)
                                  : amphi_str_make(NULL, 0));
    }
    head.size = record.size;
    amphi__buf_append(&told->waiting, &head, sizeof head);
    amphi__buf_append_str(&told->waiting, amphi__buf_str(&record));
    amphi__buf_clear(&record);
}

/* The first waiting record that begins before `until`. */
static bool first(const amphi_told *told, size_t from, uint64_t until, amphi_str *record)
{
    waiting_head head;

    if (told->waiting.status != AMPHI_OK || told->waiting.size < from + sizeof head)
        return false;
    memcpy(&head, told->waiting.data + from, sizeof head);
    *record = amphi_str_make(told->waiting.data + from + sizeof head, (size_t)head.size);
    return head.at < until;
}

void amphi__told_send(amphi_told *told, amphi_child *child, uint32_t run, uint64_t until)
{
    size_t at = 0;
    amphi_str record;

    while (amphi__told_is_on(told) && first(told, at, until, &record)) {
        amphi__child_send(child, AMPHI_WORKER_LOGPROBS, &run, sizeof run, record);
        at += sizeof(waiting_head) + record.size;
    }
    amphi__buf_consume(&told->waiting, at);
}

void amphi__told_drop(amphi_told *told, uint64_t until, uint32_t keep)
{
    uint32_t count = 0;
    size_t at = 0;
    amphi_str record;

    if (!amphi__told_is_on(told))
        return;
    while (first(told, at, until, &record)) {
        at += sizeof(waiting_head) + record.size;
        count++;
    }
    for (at = 0; count > keep && first(told, at, until, &record); count--)
        at += sizeof(waiting_head) + record.size;
    amphi__buf_consume(&told->waiting, at);
}
