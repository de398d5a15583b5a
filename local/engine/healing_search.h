/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tokens should spell the letters that were taken back? Step by step the likeliest one that
 * fits goes wrong where another engine wrote them: " a" is likely anywhere, then "ppro" follows.
 * So whole spellings are compared, up to the token that reaches behind the letters.
 */
#ifndef AMPHI_ENGINE_HEALING_SEARCH_H
#define AMPHI_ENGINE_HEALING_SEARCH_H

#include "local/engine/healing.h"
#include "local/engine/inference.h"

#define AMPHI_HEALING_TOKENS_MAX 24u

/* After the prompt went through the model: appends the spelling's tokens but for the last, which is
 * to be sampled; they are in the KV cache then, and inference->logits are those behind them.
 * healing->is_found: there is such a spelling; is_forced: the model would not have written it. */
amphi_status amphi__healing_search(amphi_healing *healing, amphi_inference *inference,
    const amphi_cancel *cancel, amphi_tokens *out, amphi_error *error);

#endif
