/* SPDX-License-Identifier: Apache-2.0
 *
 * Holds an answer to a grammar: before each token, the tokens that may come; after it, the tokens
 * that must come, which then need not be computed. The vocabulary lies in a tree of bytes that is
 * walked together with the grammar; masks of places that come again (inside a string) are kept.
 *
 * An answer ends in time where that can be: a token that would leave more to be written than there
 * are tokens left is not allowed, as long as another one brings the end nearer.
 */
#ifndef AMPHI_CONSTRAINT_CONSTRAINT_H
#define AMPHI_CONSTRAINT_CONSTRAINT_H

#include "local/constraint/grammar.h"
#include "local/tokens/tokenizer.h"

typedef struct amphi_lexicon amphi_lexicon;       /* a vocabulary as a tree of bytes */
typedef struct amphi_constraint amphi_constraint; /* one answer */

/* The tokenizer is borrowed. */
amphi_status amphi__lexicon_new(
    amphi_lexicon **out, const amphi_tokenizer *tokenizer, amphi_error *error);
void amphi__lexicon_free(amphi_lexicon *lexicon);

/* Seals the grammar and takes it over, also on failure. `sample` is text like the answer's frame
 * (the schema): it shows how many bytes a token has there. The lexicon is borrowed. */
amphi_status amphi__constraint_new(amphi_constraint **out, const amphi_lexicon *lexicon,
    amphi_grammar *grammar_take, amphi_str sample, amphi_error *error);
void amphi__constraint_free(amphi_constraint *constraint);

/* Text that the answer already begins with. AMPHI_E_REQUEST: it does not fit. */
amphi_status amphi__constraint_accept_prefix(
    amphi_constraint *constraint, amphi_str text, amphi_error *error);
/* May this text come next, as the model would write it? */
bool amphi__constraint_fits(amphi_constraint *constraint, amphi_str text);
/* Leaves only tokens that may come: sets the other logits to -infinity. tokens_left counts the one
 * that is chosen now. *allowed: how many. AMPHI_E_REQUEST: none at all. */
amphi_status amphi__constraint_mask(amphi_constraint *constraint, uint32_t tokens_left,
    float *logits, size_t logits_count, uint32_t *allowed, amphi_error *error);
/* A token was chosen that the mask allowed (not an end token). */
amphi_status amphi__constraint_accept(
    amphi_constraint *constraint, int32_t token, amphi_error *error);
/* Appends the tokens without a choice that come next, and accepts them; at most `most`. The last
 * ones, which may merge with the text after them, are left to the model. */
amphi_status amphi__constraint_forced(
    amphi_constraint *constraint, uint32_t most, amphi_tokens *out, amphi_error *error);
/* The answer may end here. */
bool amphi__constraint_may_end(const amphi_constraint *constraint);
/* It must: nothing else can come. */
bool amphi__constraint_must_end(const amphi_constraint *constraint);

#endif
