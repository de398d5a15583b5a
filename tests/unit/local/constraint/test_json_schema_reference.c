/* SPDX-License-Identifier: Apache-2.0
 *
 * $ref and allOf: pointers with escapes, recursion, lists of schemas that hold together, and the
 * place of a keyword in messages.
 */
#include "local/constraint/json_schema.h"
#include "tests/support/grammar_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void json_schema_reference__pointers_are_followed(void **state)
{
    static const struct {
        const char *schema, *text;
        bool fits;
    } rows[] = {{"{\"$defs\":{\"a\":{\"const\":1}},\"$ref\":\"#/$defs/a\"}", "1", true},
        {"{\"$defs\":{\"a\":{\"const\":1}},\"$ref\":\"#/$defs/a\"}", "2", false},
        {"{\"$defs\":{\"a/b~c\":{\"const\":1}},\"$ref\":\"#/$defs/a~1b~0c\"}", "1", true},
        {"{\"$defs\":{\"a b\":{\"const\":1}},\"$ref\":\"#/$defs/a%20b\"}", "1", true},
        /* ~01 is ~1, not / */
        {"{\"$defs\":{\"~1\":{\"const\":1},\"/\":{\"const\":2}},\"$ref\":\"#/$defs/~01\"}", "1",
            true},
        {"{\"$defs\":{\"~1\":{\"const\":1},\"/\":{\"const\":2}},\"$ref\":\"#/$defs/~01\"}", "2",
            false},
        {"{\"$defs\":{\"l\":[{\"const\":1},{\"const\":2}]},\"$ref\":\"#/$defs/l/1\"}", "2", true},
        {"{\"$defs\":{\"l\":[{\"const\":1},{\"const\":2}]},\"$ref\":\"#/$defs/l/1\"}", "1", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (schema_grammar_accepts(rows[i].schema, rows[i].text) != rows[i].fits)
            fail_msg("%s: %s", rows[i].schema, rows[i].text);
}

static void json_schema_reference__recursion_has_no_end(void **state)
{
    static const char schema[] = "{\"type\":\"object\",\"properties\":{\"next\":{\"$ref\":\"#\"}},"
                                 "\"additionalProperties\":false}";
    assert_true(schema_grammar_accepts(schema, "{}"));
    assert_true(schema_grammar_accepts(schema, "{\"next\": {\"next\": {\"next\": {}}}}"));
    assert_false(schema_grammar_accepts(schema, "{\"next\": {\"next\": 1}}"));
}

static void json_schema_reference__all_of_a_list_has_to_hold(void **state)
{
    static const char schema[] =
        "{\"$defs\":{\"low\":{\"minimum\":3}},\"type\":\"integer\",\"maximum\":9,"
        "\"allOf\":[{\"$ref\":\"#/$defs/low\"},{\"maximum\":5}]}";
    for (int value = 0; value < 12; value++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", value);
        assert_int_equal(schema_grammar_accepts(schema, text), value >= 3 && value <= 5);
    }
    assert_true(schema_grammar_accepts("{\"allOf\":[true],\"const\":1}", "1"));
}

static void expect_refused(const char *schema, amphi_status expected, const char *message)
{
    amphi_json *json = json_of(schema);
    amphi_grammar grammar;
    amphi_error error = {0};
    amphi_status status = amphi__json_schema_compile(&grammar, json, &error);
    if (status != expected || strstr(error.message, message) == NULL)
        fail_msg("%s: %d, %s", schema, (int)status, error.message);
    amphi__grammar_clear(&grammar);
    amphi__json_free(json);
}

static void json_schema_reference__what_leads_nowhere_is_refused_with_its_place(void **state)
{
    expect_refused(
        "{\"$ref\":\"#/$defs/a\"}", AMPHI_E_REQUEST, "schema #/$ref: the reference leads nowhere");
    expect_refused("{\"items\":{\"$ref\":\"other.json#/a\"}}", AMPHI_E_UNSUPPORTED,
        "schema #/items/$ref: only references into this schema");
    expect_refused("{\"anyOf\":[{},{\"$ref\":\"#/anyOf/2\"}]}", AMPHI_E_REQUEST, "#/anyOf/1/$ref");
    expect_refused("{\"allOf\":[1]}", AMPHI_E_REQUEST, "#/allOf/0: a schema is an object");
    expect_refused("{\"properties\":{\"a\\nb\":{\"if\":{}}}}", AMPHI_E_UNSUPPORTED,
        "#/properties/a?b/if"); /* one line, whatever a key holds */
}

static void json_schema_reference__places_are_cut_when_they_are_long(void **state)
{
    char schema[2000] = "{\"const\":1}";
    for (int i = 0; i < 12; i++) {
        char inner[2000];
        memcpy(inner, schema, sizeof inner);
        (void)snprintf(schema, sizeof schema,
            "{\"type\":\"object\",\"properties\":{\"a_key_of_some_length\":%.1800s}}",
            i == 0 ? "{\"not\":{}}" : inner);
    }
    expect_refused(schema, AMPHI_E_UNSUPPORTED, "schema #/properties/a_key_of_some_length/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_schema_reference__pointers_are_followed),
        cmocka_unit_test(json_schema_reference__recursion_has_no_end),
        cmocka_unit_test(json_schema_reference__all_of_a_list_has_to_hold),
        cmocka_unit_test(json_schema_reference__what_leads_nowhere_is_refused_with_its_place),
        cmocka_unit_test(json_schema_reference__places_are_cut_when_they_are_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
