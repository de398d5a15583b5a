/* SPDX-License-Identifier: Apache-2.0
 *
 * A linear head: weights over one pooled hidden state and the numbers of the logits. It belongs to
 * one model file, whose content it names, and lies beside it as MODEL.head; `amphi model head
 * train` writes it. The file, little-endian:
 *
 *     "AMPHHEAD"  8 bytes
 *     version     u32, 1
 *     depth       u8, in eighths of the layers        pool   u8, amphi_state_pool
 *     tokens      u16, that it judges by
 *     values      u32, of a state                     rows   u32, that it was trained on
 *     auc         f32, area under the ROC curve on rows that it had not seen (cross-validation)
 *     model       32 bytes, amphi__content_hash of the model file
 *     weights     f32 x (values + AMPHI_EVIDENCE_NUMBERS), then the bias, f32
 *     hash        32 bytes, SHA-256 of all that is before
 *
 * A head is small (2 to 33 KiB) and is read whole, each time that it is needed.
 */
#ifndef AMPHI_JUDGE_HEAD_H
#define AMPHI_JUDGE_HEAD_H

#include "local/judge/judge.h"
#include "sdk/core/buf.h"

#define AMPHI_HEAD_SUFFIX     ".head"
#define AMPHI_HEAD_BYTES_MAX  (64u << 10)
#define AMPHI_HEAD_HASH_BYTES 32u

typedef struct amphi_head {
    uint32_t depth; /* 1 to AMPHI_STATE_DEPTHS */
    amphi_state_pool pool;
    uint32_t tokens; /* 1 to AMPHI_JUDGED_TOKENS_MAX */
    uint32_t values; /* 1 to AMPHI_STATE_VALUES_MAX */
    uint32_t rows;
    float auc;
    uint8_t model[AMPHI_HEAD_HASH_BYTES];
    float *weights; /* owned: values, then AMPHI_EVIDENCE_NUMBERS */
    float bias;
} amphi_head;

/* head_file.c. AMPHI_E_FORMAT: what is wrong with the bytes. */
amphi_status amphi__head_parse(amphi_head *out, amphi_str bytes, amphi_error *error);
amphi_status amphi__head_write(const amphi_head *head, amphi_buf *out);
/* The head of this model file, beside it. AMPHI_E_NOT_FOUND: there is none; AMPHI_E_FORMAT: it is
 * malformed, or another model's. */
amphi_status amphi__head_open(amphi_head *out, const char *model_path, amphi_error *error);
void amphi__head_clear(amphi_head *head);

/* judge_head.c: the head as a judge; it is borrowed. */
amphi_judge amphi__judge_head(const amphi_head *head);

#endif
