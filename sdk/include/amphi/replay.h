/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded decisions, made again: the same plan, or what differs and which field of the policy
 * document, or which version of this library, makes the difference (sdk/docs/replay.md). Pure: no
 * client, no store, any thread.
 */
#ifndef AMPHI_REPLAY_H
#define AMPHI_REPLAY_H

#include <amphi/error.h>

AMPHI_BEGIN_DECLS

/* `records`: one record (amphi_history_record, amphi_stream_result_json), or many as JSON Lines
 * (amphi_history_export_records). `policy_json`: a policy document to decide by; empty: the one
 * that each record was decided by.
 *
 * *out: {"replayed":[{"answer","outcome","decision":[...],"policy":{"from","to"},"version":{"from",
 * "to"},"changes":[{"route","fields":[{"field","from","to"}],"from":{...},"to":{...},"words"}]}],
 * "decisions":N,"same":N,"reworded":N,"changed":N,"without_inputs":N}. "outcome": "same", to the
 * byte; "reworded": the same routes for the same reasons, in other words; "changed";
 * "without_inputs": recorded by an older version, or answered from the cache. "decision" has the
 * form of the record's. Of several records "replayed" has those that are not "same". *words (may be
 * NULL): this for a person, in lines. Free both with amphi_string_free.
 *
 * AMPHI_E_FORMAT names the line that is no record, or the input that is not understood;
 * AMPHI_E_NOT_FOUND: a record's policy document is neither in `records` nor given;
 * AMPHI_E_ARGUMENT: policy_json. */
AMPHI_API amphi_status amphi_replay(
    char **out, char **words, amphi_str records, amphi_str policy_json, amphi_error *error);

AMPHI_END_DECLS

#endif
