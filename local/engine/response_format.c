/* SPDX-License-Identifier: Apache-2.0
 *
 * From the form that a request asks for to the constraint of its answer. The tree over the
 * vocabulary is made when the first such request comes and kept.
 */
#include "local/engine/response_format.h"

#include "local/constraint/answer_grammar.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

enum { SAMPLE_MAX = 4 << 20 };

static amphi_status make_constraint(amphi_constraint **out, amphi_inference *inference,
    amphi_grammar *grammar_take, const amphi_json *format, amphi_error *error)
{
    if (inference->lexicon == NULL) {
        amphi_status status = amphi__lexicon_new(&inference->lexicon, inference->tokenizer, error);
        if (status != AMPHI_OK) {
            amphi__grammar_clear(grammar_take);
            return status;
        }
    }
    amphi_buf sample; /* the schema's text: the answer's frame is made of it */
    amphi__buf_init(&sample, SAMPLE_MAX);
    (void)amphi__json_write(&sample, format); /* a sample that is cut short will do */
    amphi_status status = amphi__constraint_new(
        out, inference->lexicon, grammar_take, amphi__buf_str(&sample), error);
    amphi__buf_clear(&sample);
    return status;
}

/* The letters that will be spelled again are left to be accepted with the tokens that spell them;
 * unless they are not as this model would write them (other white space). */
static amphi_status accept_beginning(
    amphi_constraint *constraint, amphi_prompt *prompt, amphi_error *error)
{
    amphi_healing *healing = &prompt->healing;
    amphi_str beginning = amphi__buf_str(&prompt->beginning);
    size_t kept = beginning.size - healing->size;
    amphi_str letters = amphi__str_slice(beginning, kept, beginning.size);
    amphi_status status =
        amphi__constraint_accept_prefix(constraint, amphi__str_slice(beginning, 0, kept), error);
    healing->leads_blank = false;
    if (status != AMPHI_OK || amphi__constraint_fits(constraint, letters))
        return status;
    amphi__healing_undo(healing, &prompt->tokens);
    return amphi__constraint_accept_prefix(constraint, letters, error);
}

amphi_status amphi__response_format_constraint(amphi_constraint **out, amphi_inference *inference,
    amphi_prompt *prompt, bool *prefix_refused, amphi_error *error)
{
    *out = NULL;
    amphi_answer_grammar_kind form = amphi__answer_grammar_kind(prompt->root);
    if (form == AMPHI_ANSWER_GRAMMAR_FREE)
        return AMPHI_OK;
    amphi_grammar grammar = {0};
    amphi_status status = amphi__answer_grammar_compile(&grammar, prompt->root, error);
    if (status != AMPHI_OK) {
        amphi__grammar_clear(&grammar);
        return status;
    }
    status = make_constraint(out, inference, &grammar,
        amphi__json_get(
            prompt->root, form == AMPHI_ANSWER_GRAMMAR_CALL ? "tools" : "response_format"),
        error);
    if (status == AMPHI_OK && prompt->beginning.size > 0) {
        status = accept_beginning(*out, prompt, error);
        *prefix_refused = status == AMPHI_E_REQUEST;
    }
    if (status != AMPHI_OK) {
        amphi__constraint_free(*out);
        *out = NULL;
    }
    return status;
}
