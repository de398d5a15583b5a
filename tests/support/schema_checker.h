/* SPDX-License-Identifier: Apache-2.0
 *
 * Is a value valid by a JSON Schema? Written from the specification for the tests' schemas, apart
 * from the compiler: it shares no code with it. Only simple patterns are matched.
 */
#ifndef AMPHI_TESTS_SUPPORT_SCHEMA_CHECKER_H
#define AMPHI_TESTS_SUPPORT_SCHEMA_CHECKER_H

#include "sdk/core/json.h"

bool schema_accepts(const amphi_json *root, const amphi_json *schema, const amphi_json *value);
/* tests/support/schemas.json; NULL when it can't be read. */
amphi_json *schema_list(void);

#endif
