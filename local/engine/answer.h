/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer's pieces of text on their way to the sink: as text, reasoning and tool calls.
 */
#ifndef AMPHI_ENGINE_ANSWER_H
#define AMPHI_ENGINE_ANSWER_H

#include "local/engine/logprobs_report.h"
#include "local/engine/prompt.h"
#include "local/text/reasoning.h"
#include "local/text/stop_strings.h"
#include "local/text/tool_call_parser.h"

typedef struct amphi_answer {
    const amphi_inference_sink *sink;
    amphi_logprobs_report *logprobs; /* borrowed */
    amphi_stop_strings *stop;
    amphi_buf ready; /* past the stop strings */
    bool stopped;    /* a stop string was met */
    amphi_reasoning reasoning;
    amphi_buf thought; /* of `ready`, as is `text` */
    amphi_buf text;
    bool has_tools;
    amphi_tool_call_parser tools;
} amphi_answer;

/* constrained: all of it is the answer, but for thoughts that the prompt opened. */
amphi_status amphi__answer_init(amphi_answer *answer, const amphi_inference_sink *sink,
    const amphi_prompt *prompt, bool constrained, const amphi_str *stops, size_t stops_count,
    amphi_logprobs_report *logprobs, amphi_error *error);
amphi_status amphi__answer_push(amphi_answer *answer, amphi_str piece);
/* Sends what was held back. */
amphi_status amphi__answer_finish(amphi_answer *answer);
void amphi__answer_clear(amphi_answer *answer);

#endif
