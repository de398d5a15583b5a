/* SPDX-License-Identifier: Apache-2.0
 *
 * The constraint that a request's response_format, tools or tool_choice put on its answer.
 */
#ifndef AMPHI_ENGINE_RESPONSE_FORMAT_H
#define AMPHI_ENGINE_RESPONSE_FORMAT_H

#include "local/engine/prompt.h"

/* The answer's beginning is accepted already, but for the letters that are to be healed. NULL when
 * the answer is free. *prefix_refused: that beginning does not fit (with AMPHI_E_REQUEST). */
amphi_status amphi__response_format_constraint(amphi_constraint **out, amphi_inference *inference,
    amphi_prompt *prompt, bool *prefix_refused, amphi_error *error);

#endif
