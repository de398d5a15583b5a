/* SPDX-License-Identifier: Apache-2.0
 *
 * Does a grammar, or the grammar of a schema, accept a text? Walked byte by byte with the matcher.
 */
#ifndef AMPHI_TESTS_GRAMMAR_READER_H
#define AMPHI_TESTS_GRAMMAR_READER_H

#include "local/constraint/matcher.h"
#include "sdk/core/json.h"

/* Fails the test when `text` is not JSON; the caller frees it. */
amphi_json *json_of(const char *text);

/* Makes rule 0 begin at `entry` and seals the grammar. */
void grammar_finish(amphi_grammar *grammar, uint32_t entry);
/* Of a sealed grammar. */
bool grammar_accepts(const amphi_grammar *grammar, amphi_str text);
/* grammar_accepts with the schema's grammar; fails the test when the schema is refused. */
bool schema_grammar_accepts(const char *schema, const char *text);

#endif
