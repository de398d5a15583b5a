/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects of a schema: required and optional properties in the schema's order, and further keys.
 */
#include "tests/support/grammar_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NULL_KEY(name) "\"" name "\":{\"type\":\"null\"}"

static void expect_rows(const char *schema, const char *const *accepted, size_t accepted_count,
    const char *const *refused, size_t refused_count)
{
    for (size_t i = 0; i < accepted_count; i++)
        if (!schema_grammar_accepts(schema, accepted[i]))
            fail_msg("%s refuses %s", schema, accepted[i]);
    for (size_t i = 0; i < refused_count; i++)
        if (schema_grammar_accepts(schema, refused[i]))
            fail_msg("%s accepts %s", schema, refused[i]);
}

static void json_schema_object__optional_properties_may_be_left_out_in_order(void **state)
{
    static const char schema[] = "{\"type\":\"object\",\"properties\":{" NULL_KEY("a") "," NULL_KEY(
        "b") "," NULL_KEY("c") "},\"required\":[\"b\"],\"additionalProperties\":false}";
    static const char *const accepted[] = {"{\"b\": null}", "{\"a\": null, \"b\": null}",
        "{\"b\": null, \"c\": null}", "{\"a\": null, \"b\": null, \"c\": null}"};
    static const char *const refused[] = {"{}", "{\"a\": null}", "{\"b\": 1}",
        "{\"b\": null, \"a\": null}", "{\"b\": null, \"b\": null}", "{\"b\": null, \"d\": null}",
        "{\"b\": null,}"};
    expect_rows(schema, accepted, 4, refused, 7);
}

static void json_schema_object__further_keys_where_the_schema_demands_them(void **state)
{
    static const char schema[] = "{\"type\":\"object\",\"properties\":{" NULL_KEY(
        "a") "},\"additionalProperties\":{\"type\":\"boolean\"}}";
    static const char *const accepted[] = {
        "{}", "{\"a\": null}", "{\"x\": true}", "{\"a\": null, \"x\": true, \"aa\": false}"};
    static const char *const refused[] = {"{\"a\": true}", "{\"x\": null}", "{\"x\": 1}"};
    expect_rows(schema, accepted, 4, refused, 3);
    static const char closed[] = "{\"type\":\"object\",\"properties\":{" NULL_KEY("a") "}}";
    assert_true(schema_grammar_accepts(closed, "{\"a\": null}"));
    assert_false(schema_grammar_accepts(closed, "{\"x\": null}")); /* allowed, but not written */
}

static void json_schema_object__required_keys_need_no_declaration(void **state)
{
    static const char schema[] = "{\"type\":\"object\",\"required\":[\"x\"]}";
    assert_true(schema_grammar_accepts(schema, "{\"x\": [1]}"));
    assert_false(schema_grammar_accepts(schema, "{}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_schema_object__optional_properties_may_be_left_out_in_order),
        cmocka_unit_test(json_schema_object__further_keys_where_the_schema_demands_them),
        cmocka_unit_test(json_schema_object__required_keys_need_no_declaration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
