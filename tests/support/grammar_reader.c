/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading texts with a grammar.
 */
#include "tests/support/grammar_reader.h"

#include "local/constraint/json_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

amphi_json *json_of(const char *text)
{
    amphi_json *json = NULL;
    amphi_error error = {0};
    if (amphi__json_parse(&json, amphi_str_from(text), "test data", &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return json;
}

void grammar_finish(amphi_grammar *grammar, uint32_t entry)
{
    grammar->rules[0] = entry;
    amphi_error error = {0};
    if (amphi__grammar_seal(grammar, 8, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
}

bool grammar_accepts(const amphi_grammar *grammar, amphi_str text)
{
    amphi_matcher *matcher = NULL;
    assert_int_equal(amphi__matcher_new(&matcher, grammar, NULL), AMPHI_OK);
    uint32_t at = amphi__matcher_start(matcher);
    for (size_t i = 0; i < text.size && at != AMPHI_POSITION_NONE; i++)
        at = amphi__matcher_step(matcher, at, (uint8_t)text.data[i]);
    bool accepts = at != AMPHI_POSITION_NONE && amphi__matcher_may_end(matcher, at);
    assert_int_equal(amphi__matcher_status(matcher), AMPHI_OK);
    amphi__matcher_free(matcher);
    return accepts;
}

bool schema_grammar_accepts(const char *schema, const char *text)
{
    amphi_json *json = json_of(schema);
    amphi_grammar grammar;
    amphi_error error = {0};
    if (amphi__json_schema_compile(&grammar, json, &error) != AMPHI_OK ||
        amphi__grammar_seal(&grammar, 8, &error) != AMPHI_OK)
        fail_msg("%s: %s", schema, error.message);
    bool accepts = grammar_accepts(&grammar, amphi_str_from(text));
    amphi__grammar_clear(&grammar);
    amphi__json_free(json);
    return accepts;
}
