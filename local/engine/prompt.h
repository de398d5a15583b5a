/* SPDX-License-Identifier: Apache-2.0
 *
 * A request body's messages, and the answer's beginning, as tokens.
 */
#ifndef AMPHI_ENGINE_PROMPT_H
#define AMPHI_ENGINE_PROMPT_H

#include "local/engine/healing.h"
#include "local/engine/inference.h"
#include "sdk/core/json.h"

typedef struct amphi_prompt {
    amphi_json *root; /* the body; owns what `stop` strings and such point at */
    amphi_tokens tokens;
    size_t prefix_at;      /* from here on, tokens are the answer's own beginning */
    bool starts_text;      /* nothing of the answer exists yet */
    amphi_healing healing; /* of the beginning's last word */
    amphi_buf beginning;   /* of the answer, as text */
    bool thinks;           /* the template opened the model's thoughts */
} amphi_prompt;

/* AMPHI_E_CANCELLED soon after the request's mark is set. */
amphi_status amphi__prompt_make(amphi_prompt *out, const amphi_inference *inference,
    const amphi_inference_request *request, amphi_error *error);
void amphi__prompt_clear(amphi_prompt *prompt);

#endif
