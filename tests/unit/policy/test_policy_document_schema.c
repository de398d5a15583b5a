/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON Schema of the policy document: every field is in it, and it is the published one.
 */
#include "policy/policy_document.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

static amphi_json *parsed_schema(void)
{
    amphi_buf text;
    amphi_json *root = NULL;
    amphi_error error;
    amphi__buf_init(&text, 0);
    assert_int_equal(amphi__policy_schema(&text), AMPHI_OK);
    if (amphi__json_parse(&root, amphi__buf_str(&text), "schema", &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    amphi__buf_clear(&text);
    return root;
}

/* "properties" of each group on the way. */
static const amphi_json *property(const amphi_json *schema, const char *name)
{
    amphi_str rest = amphi_str_from(name);
    while (rest.size > 0) {
        char key[AMPHI_POLICY_NAME_MAX];
        amphi__str_copy_to(key, sizeof key, amphi__str_cut(rest, '.', &rest));
        schema = amphi__json_get(amphi__json_get(schema, "properties"), key);
    }
    return schema;
}

static size_t count_leaves(const amphi_json *schema)
{
    const amphi_json *properties = amphi__json_get(schema, "properties");
    size_t count = properties == NULL;
    if (properties != NULL) /* an unknown field is refused on every level */
        assert_false(amphi__json_bool(amphi__json_get(schema, "additionalProperties"), true));
    for (const amphi_json *p = amphi__json_first(properties); p != NULL; p = amphi__json_next(p))
        count += count_leaves(p);
    return count;
}

static void schema__has_default_and_limits_of_every_field(void **state)
{
    size_t count;
    amphi_json *schema = parsed_schema();
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    for (size_t i = 0; i < count; i++) {
        const amphi_policy_field *f = &fields[i];
        const amphi_json *p = property(schema, f->name);
        const amphi_json *otherwise = amphi__json_get(p, "default");
        if (p == NULL || otherwise == NULL)
            fail_msg("%s is not in the schema, or without a default", f->name);
        assert_true(
            amphi__str_equal_c(amphi__json_string(amphi__json_get(p, "description")), f->help));
        if (f->type == AMPHI_POLICY_BOOL) {
            assert_int_equal(amphi__json_bool(otherwise, f->otherwise == 0), f->otherwise != 0);
        } else if (amphi__policy_word(f, f->low) != NULL) {
            assert_true(amphi__str_equal_c(
                amphi__json_string(otherwise), amphi__policy_word(f, f->otherwise)));
            assert_true(amphi__json_count(amphi__json_get(p, "enum")) == f->high - f->low + 1);
        } else {
            assert_true(amphi__json_number(otherwise, -1) == f->otherwise);
            assert_true(amphi__json_number(amphi__json_get(p, "minimum"), -1) == f->low);
            assert_true(amphi__json_number(amphi__json_get(p, "maximum"), -1) == f->high);
        }
    }
    assert_int_equal(count_leaves(schema), count + 1); /* and "pinned" */
    amphi__json_free(schema);
}

static void schema__is_the_published_one(void **state)
{
    static char published[64 << 10];
    amphi_buf text;
    FILE *file = fopen("sdk/docs/policy.schema.json", "r");
    assert_non_null(file);
    size_t size = fread(published, 1, sizeof published, file);
    fclose(file);
    assert_in_range(size, 1, sizeof published - 1);
    amphi__buf_init(&text, 0);
    assert_int_equal(amphi__policy_schema(&text), AMPHI_OK);
    if (!amphi__str_equal(amphi__buf_str(&text), amphi_str_make(published, size)))
        fail_msg("make it anew: amphi policy schema > sdk/docs/policy.schema.json");
    amphi__buf_clear(&text);
}

static void schema__without_memory_is_no_schema(void **state)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    failing_alloc_install();
    for (size_t n = 1; status != AMPHI_OK; n++) {
        amphi_buf text;
        amphi__buf_init(&text, 0);
        failing_alloc_at(n);
        status = amphi__policy_schema(&text);
        assert_int_equal(status, failing_alloc_failed() ? AMPHI_E_NO_MEMORY : AMPHI_OK);
        amphi__buf_clear(&text);
        assert_int_equal(failing_alloc_live(), 0);
    }
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema__has_default_and_limits_of_every_field),
        cmocka_unit_test(schema__is_the_published_one),
        cmocka_unit_test(schema__without_memory_is_no_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
