/* SPDX-License-Identifier: Apache-2.0
 *
 * A oneOf is kept only where no answer can satisfy two of its branches.
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

static amphi_status compile(const char *a, const char *b)
{
    char schema[1024];
    (void)snprintf(schema, sizeof schema, "{\"oneOf\":[%s,%s]}", a, b);
    amphi_json *json = json_of(schema);
    amphi_grammar grammar;
    amphi_error error = {0};
    amphi_status status = amphi__json_schema_compile(&grammar, json, &error);
    if (status != AMPHI_OK && strstr(error.message, "#/oneOf/1") == NULL)
        fail_msg("%s: %s", schema, error.message);
    amphi__grammar_clear(&grammar);
    amphi__json_free(json);
    return status;
}

static void json_schema_one_of__branches_that_exclude_each_other_are_kept(void **state)
{
    static const char *const rows[][2] = {{"{\"type\":\"string\"}", "{\"type\":\"null\"}"},
        {"{\"type\":[\"string\",\"null\"]}", "{\"type\":[\"array\",\"integer\"]}"},
        {"{\"const\":1}", "{\"const\":2}"}, {"{\"enum\":[1,\"a\"]}", "{\"enum\":[2,\"b\"]}"},
        {"{\"const\":\"a\"}", "{\"enum\":[\"b\",\"c\"]}"},
        {"{\"type\":\"integer\",\"maximum\":3}", "{\"type\":\"integer\",\"minimum\":4}"},
        {"{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"a\"}},\"required\":[\"k\"]}",
            "{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"b\"}},\"required\":[\"k\"]}"},
        {"{\"type\":\"object\",\"properties\":{\"a\":{}},\"additionalProperties\":false}",
            "{\"type\":\"object\",\"properties\":{\"b\":{}},\"required\":[\"b\"]}"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (compile(rows[i][0], rows[i][1]) != AMPHI_OK)
            fail_msg("%s %s", rows[i][0], rows[i][1]);
        if (compile(rows[i][1], rows[i][0]) != AMPHI_OK)
            fail_msg("%s %s", rows[i][1], rows[i][0]);
    }
}

static void json_schema_one_of__branches_that_may_overlap_are_refused(void **state)
{
    static const char *const rows[][2] = {{"{\"type\":\"integer\"}", "{\"type\":\"number\"}"},
        {"{\"type\":\"string\"}", "{\"type\":\"string\",\"minLength\":3}"},
        {"{\"enum\":[1,2]}", "{\"enum\":[2,3]}"},
        {"{\"type\":\"integer\",\"maximum\":3}", "{\"type\":\"integer\",\"minimum\":3}"},
        {"{\"type\":[\"null\",\"boolean\"]}", "{\"type\":[\"null\",\"string\"]}"},
        {"{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"a\"}}}",
            "{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"b\"}}}"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (compile(rows[i][0], rows[i][1]) != AMPHI_E_UNSUPPORTED)
            fail_msg("%s %s", rows[i][0], rows[i][1]);
}

static void json_schema_one_of__answers_are_those_of_one_branch(void **state)
{
    static const char schema[] =
        "{\"oneOf\":[{\"type\":\"integer\",\"maximum\":3},{\"type\":\"string\",\"const\":\"a\"}]}";
    assert_true(schema_grammar_accepts(schema, "3"));
    assert_true(schema_grammar_accepts(schema, "\"a\""));
    assert_false(schema_grammar_accepts(schema, "4"));
    assert_false(schema_grammar_accepts(schema, "\"b\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_schema_one_of__branches_that_exclude_each_other_are_kept),
        cmocka_unit_test(json_schema_one_of__branches_that_may_overlap_are_refused),
        cmocka_unit_test(json_schema_one_of__answers_are_those_of_one_branch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
