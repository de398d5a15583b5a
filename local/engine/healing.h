/* SPDX-License-Identifier: Apache-2.0
 *
 * Going on in the middle of a word. A delivered beginning may end where this model's tokens have no
 * border: " assi" is a pair of tokens that never came before "stant". So the beginning's last word
 * is taken back from the prompt, and the first tokens have to spell its letters again, in whatever
 * way the model likes best; the last of them may go on behind them. Nothing is sent twice.
 *
 * An end of the answer behind a beginning that stops inside something counts only where the model
 * wrote the letters as it would have without being made to: else "eigh" might be the last word.
 */
#ifndef AMPHI_ENGINE_HEALING_H
#define AMPHI_ENGINE_HEALING_H

#include "local/tokens/tokenizer.h"

#define AMPHI_HEALING_BYTES_MAX 256u

typedef struct amphi_healing {
    char letters[AMPHI_HEALING_BYTES_MAX]; /* still to be spelled */
    size_t size;                           /* of them; 0: nothing is, or nothing is left */
    size_t tokens_count;                   /* taken back; they lie behind the list's last one */
    bool leads_blank;  /* SentencePiece: the answer's first piece may have a blank in front */
    bool is_found;     /* the next token has to spell them all (healing_search.h) */
    bool stops_inside; /* the beginning, as amphi__healing_stops_inside says */
    bool is_forced;    /* the model would not have written the letters by itself */
    bool is_behind;    /* something new was written */
    int32_t likeliest; /* token, before any was forbidden */
} amphi_healing;

/* Zero is: an answer without a beginning; nothing is masked. Takes the last word of `beginning` off
 * `tokens`, of which those from `first` on are its own. AMPHI_E_NO_MEMORY. */
amphi_status amphi__healing_begin(amphi_healing *healing, const amphi_tokenizer *tokenizer,
    amphi_tokens *tokens, size_t first, amphi_str beginning);
/* Before anything was appended to them: the tokens are as they were. */
void amphi__healing_undo(amphi_healing *healing, amphi_tokens *tokens);

typedef enum amphi_healing_match {
    AMPHI_HEALING_NO,
    AMPHI_HEALING_PART, /* a token spells some of the letters */
    AMPHI_HEALING_WHOLE /* all that are left, and maybe more */
} amphi_healing_match;

/* What a token does with the letters from `at` on; *letters: how many a part spells. */
amphi_healing_match amphi__healing_match(const amphi_healing *healing,
    const amphi_tokenizer *tokenizer, int32_t token, size_t at, size_t *letters);
/* Before a token is chosen, while it is active: sets the logits of what may not come to -infinity.
 * Returns a token that may, for when what is done to the logits afterwards leaves none; -1: any
 * but an end may come. */
int32_t amphi__healing_mask(
    amphi_healing *healing, const amphi_tokenizer *tokenizer, float *logits, uint32_t count);
/* A token was chosen that writes `piece`: the part of it that is new. */
amphi_str amphi__healing_accept(amphi_healing *healing, int32_t token, amphi_str piece);

/* Does a text stop inside a word, a sentence or markup? */
bool amphi__healing_stops_inside(amphi_str text);

/* Are there letters to be spelled, or is an end to be kept away? */
static inline bool amphi__healing_is_active(const amphi_healing *healing)
{
    return healing->size > 0 ||
           (healing->stops_inside && healing->is_forced && !healing->is_behind);
}

#endif
