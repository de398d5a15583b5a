/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields that Amphi does not know: how those of many events become those of one answer, and that
 * none of them takes the place of one of ours.
 */
#include "sdk/client/extra_fields.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void extra__deltas_grow_and_of_a_chunk_the_last_counts(void **state)
{
    amphi_buf fields;
    amphi__buf_init(&fields, 0);
    static const char *const events[] = {
        "{\"delta\":{\"refusal\":\"I \",\"images\":[1],\"n\":1}}",
        "{\"chunk\":{\"provider\":\"A\",\"citations\":[\"x\"]}}",
        "{\"delta\":{\"refusal\":\"won't\",\"images\":[2],\"n\":2},\"chunk\":{\"citations\":"
        "[\"x\",\"y\"]}}",
    };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(amphi__extra_fields_merge(&fields, amphi_str_from(events[i])), AMPHI_OK);
    assert_string_equal(fields.data,
        "{\"delta\":{\"refusal\":\"I won't\",\"images\":[1,2],\"n\":2},"
        "\"chunk\":{\"provider\":\"A\",\"citations\":[\"x\",\"y\"]}}");
    assert_int_equal(amphi__extra_fields_merge(&fields, AMPHI_STR("{")), AMPHI_E_FORMAT);
    assert_true(amphi__extra_fields_has(amphi__buf_str(&fields), "delta", "refusal"));
    assert_false(amphi__extra_fields_has(amphi__buf_str(&fields), "chunk", "refusal"));
    assert_false(amphi__extra_fields_has(AMPHI_STR("{\"delta\":{}}"), "delta", NULL));
    amphi__buf_clear(&fields);
}

static void extra__no_field_takes_the_place_of_ours(void **state)
{
    const amphi_str fields = AMPHI_STR(
        "{\"delta\":{\"content\":\"x\",\"role\":\"x\",\"tool_calls\":[],\"a\":1},"
        "\"chunk\":{\"id\":1,\"model\":2,\"choices\":3,\"amphi\":4,\"usage\":{\"total_tokens\":9,"
        "\"cost\":0.25,\"prompt_tokens_details\":{\"cached_tokens\":9,\"audio_tokens\":3}},"
        "\"b\":12345678901234567890}}");
    amphi_buf out;
    amphi_json_writer writer;
    amphi__buf_init(&out, 0);
    amphi__json_writer_init(&writer, &out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_int(&writer, "ours", 1);
    amphi__extra_fields_put_delta(&writer, fields);
    amphi__extra_fields_put_chunk(&writer, fields, AMPHI_STR("{\"b\":\"once\",\"c\":\"too\"}"));
    amphi__extra_fields_put_chunk(&writer, fields, AMPHI_STR(""));
    amphi__extra_fields_put_usage(&writer, fields, true);
    amphi__extra_fields_put_usage(&writer, fields, false);
    amphi__extra_fields_put_delta(&writer, AMPHI_STR(""));
    amphi__json_close(&writer, '}');
    assert_string_equal(out.data, "{\"ours\":1,\"a\":1,\"b\":\"once\",\"c\":\"too\","
                                  "\"b\":12345678901234567890,\"audio_tokens\":3,\"cost\":0.25}");
    amphi__buf_clear(&out);
}

static void extra__short_strings_of_a_chunk_are_the_envelope(void **state)
{
    amphi_buf envelope;
    char many[AMPHI_ENVELOPE_BYTES_MAX + 64] = "{\"chunk\":{\"n0\":\"";
    amphi__buf_init(&envelope, AMPHI_ENVELOPE_BYTES_MAX);
    static const char *const events[] = {
        "{\"delta\":{\"refusal\":\"No\"}}",
        "{\"chunk\":{\"system_fingerprint\":\"fp_1\",\"citations\":[\"x\"],\"n\":1,\"id\":"
        "\"theirs\"}}",
        "{\"chunk\":{\"service_tier\":\"flex\",\"usage\":{\"cost\":1}}}",
        "{\"chunk\":{\"usage\":{\"cost\":2},\"system_fingerprint\":[]}}",
        "{\"chunk\":{\"system_fingerprint\":\"fp_2\"}}",
    };
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(amphi__extra_fields_keep(&envelope, amphi_str_from(events[i])), AMPHI_OK);
    static const char kept[] = "{\"system_fingerprint\":\"fp_2\",\"service_tier\":\"flex\"}";
    assert_string_equal(envelope.data, kept);
    assert_int_equal(amphi__extra_fields_keep(&envelope, AMPHI_STR("{")), AMPHI_E_FORMAT);
    /* A long string is no name; too many of them are not kept at all. */
    memset(many + strlen(many), 'x', AMPHI_ENVELOPE_STRING_MAX + 1);
    strcat(many, "\"}}");
    assert_int_equal(amphi__extra_fields_keep(&envelope, amphi_str_from(many)), AMPHI_OK);
    amphi_buf fields;
    amphi__buf_init(&fields, 0);
    amphi__buf_append_c(&fields, "{\"chunk\":{\"a0\":\"\"");
    for (int i = 1; i < 100; i++)
        amphi__buf_printf(&fields, ",\"a%d\":\"0123456789\"", i);
    amphi__buf_append_c(&fields, "}}");
    assert_int_equal(amphi__extra_fields_keep(&envelope, amphi__buf_str(&fields)), AMPHI_E_LIMIT);
    assert_string_equal(envelope.data, kept);
    amphi__buf_clear(&fields);
    amphi__buf_clear(&envelope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extra__deltas_grow_and_of_a_chunk_the_last_counts),
        cmocka_unit_test(extra__no_field_takes_the_place_of_ours),
        cmocka_unit_test(extra__short_strings_of_a_chunk_are_the_envelope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
