/* SPDX-License-Identifier: Apache-2.0
 *
 * From a JSON Schema (2020-12 and draft 7) to a grammar of the answers that satisfy it. The grammar
 * may allow less than the schema does (declared properties in their order, white space in one way,
 * numbers of bounded length, additional keys only where additionalProperties demands them), never
 * more. What can't be promised is refused with its place in the schema: not, if, contains,
 * uniqueItems, patternProperties, propertyNames, dependent*, fractional multipleOf, and a oneOf
 * whose branches may overlap. The formats of 2020-12 are kept (in their usual forms), except regex;
 * that and unknown formats are ignored. A keyword of the wrong kind ("required": "a") is refused
 * too. Schemas are hostile input: bounded in size, depth and states.
 */
#ifndef AMPHI_CONSTRAINT_JSON_SCHEMA_H
#define AMPHI_CONSTRAINT_JSON_SCHEMA_H

#include "local/constraint/grammar.h"
#include "sdk/core/json.h"

/* `schema` is the root for $ref. The grammar is not sealed yet; clear it also after a
 * failure. AMPHI_E_REQUEST: no schema; AMPHI_E_UNSUPPORTED, _LIMIT. */
amphi_status amphi__json_schema_compile(
    amphi_grammar *out, const amphi_json *schema, amphi_error *error);

/* The same in a grammar that exists, with its own root: *entry is where an answer begins, `next`
 * what comes behind it. `also` (or NULL) is a second schema that has to hold. */
amphi_status amphi__json_schema_add(amphi_grammar *g, const amphi_json *schema,
    const amphi_json *also, uint32_t next, uint32_t *entry, amphi_error *error);

#endif
