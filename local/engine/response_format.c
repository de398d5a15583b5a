/* SPDX-License-Identifier: Apache-2.0
 *
 * From the form that a request asks for to the constraint of its answer. The tree over the vocabulary is
 * made when the first such request comes and kept.
 */
#include "local/engine/engine.h"

#include "local/constraint/answer_grammar.h"
#include "sdk/core/error.h"

enum { SAMPLE_MAX = 4 << 20 };

static amphi_status make(amphi_constraint **out, amphi_child *child, amphi_grammar *grammar_take,
    const amphi_json *format, amphi_error *error)
{
    amphi_buf sample; /* the schema's text: the answer's frame is made of it */
    amphi_status status = AMPHI_OK;

    if (child->lexicon == NULL)
        status = amphi__lexicon_new(&child->lexicon, child->tokenizer, error);
    if (status != AMPHI_OK) {
        amphi__grammar_clear(grammar_take);
        return status;
    }
    amphi__buf_init(&sample, SAMPLE_MAX);
    (void)amphi__json_write(&sample, format); /* an estimate lives with less */
    status =
        amphi__constraint_new(out, child->lexicon, grammar_take, amphi__buf_str(&sample), error);
    amphi__buf_clear(&sample);
    return status;
}

amphi_status amphi__child_constraint(amphi_constraint **out, amphi_child *child,
    const amphi_prompt *prompt, bool *prefix_refused, amphi_error *error)
{
    amphi_answer_grammar_kind form = amphi__answer_grammar_kind(prompt->root);
    amphi_grammar grammar = {0};
    amphi_status status = AMPHI_OK;

    *out = NULL;
    if (form == AMPHI_ANSWER_GRAMMAR_FREE)
        return AMPHI_OK;
    status = amphi__answer_grammar_compile(&grammar, prompt->root, error);
    if (status != AMPHI_OK) {
        amphi__grammar_clear(&grammar);
        return status;
    }
    status = make(out, child, &grammar,
        amphi__json_get(
            prompt->root, form == AMPHI_ANSWER_GRAMMAR_CALL ? "tools" : "response_format"),
        error);
    if (status == AMPHI_OK && prompt->given.size > 0) {
        status = amphi__constraint_given(*out, amphi__buf_str(&prompt->given), error);
        *prefix_refused = status == AMPHI_E_REQUEST;
    }
    if (status != AMPHI_OK) {
        amphi__constraint_free(*out);
        *out = NULL;
    }
    return status;
}
