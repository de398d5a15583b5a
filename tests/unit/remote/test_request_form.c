/* SPDX-License-Identifier: Apache-2.0
 *
 * Which field a refusal names, and what is never left out for it.
 */
#include "remote/request_form.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char body[] =
    "{\"messages\":[],\"max_tokens\":9,\"temperature\":0,\"top_p\":1,\"tools\":[],"
    "\"response_format\":{},\"stop\":[\"x\"],\"parallel_tool_calls\":false,\"logprobs\":true}";

static bool change(amphi_request_form *form, const char *message, const char *param)
{
    const amphi_request_refusal refusal = {amphi_str_from(body), message, param, !form->whole};
    return amphi__request_form_change(form, &refusal);
}

static bool leaves_out(const amphi_request_form *form, const char *key)
{
    return amphi__request_form_leaves_out(form, amphi_str_from(key));
}

static void form__a_refusal_that_names_a_field_changes_that_field(void **state)
{
    static const struct {
        const char *message, *param, *left_out;
    } cases[] = {
        {"Unsupported value: 'temperature' does not support 0 with this model. Only the default "
         "(1) value is supported.",
            "temperature", "temperature"},
        {"`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
            "", "top_p"},
        {"Unrecognized request argument supplied: stream_options", "", "stream_options"},
        {"body.stream_options: Extra inputs are not permitted", "", "stream_options"},
        {"Unknown parameter: 'stream_options.include_usage'.", "stream_options.include_usage",
            "stream_options"},
        {"[{'type': 'extra_forbidden', 'loc': ('body', 'parallel_tool_calls')}]", "",
            "parallel_tool_calls"},
        {"Invalid JSON payload received. Unknown name \"parallel_tool_calls\": Cannot find field.",
            "", "parallel_tool_calls"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        amphi_request_form form = {.limit = AMPHI_LIMIT_AS_WRITTEN};
        assert_true(change(&form, cases[i].message, cases[i].param));
        assert_true(leaves_out(&form, cases[i].left_out));
        assert_false(change(&form, cases[i].message, cases[i].left_out)); /* once */
    }
}

static void form__the_limit_has_two_names(void **state)
{
    amphi_request_form form = {.limit = AMPHI_LIMIT_AS_WRITTEN};
    assert_true(change(&form,
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        "'max_completion_tokens' instead.",
        "max_tokens"));
    assert_int_equal(form.limit, AMPHI_LIMIT_COMPLETION_TOKENS);
    assert_false(change(&form, "'max_tokens' is not supported", "max_tokens"));
    assert_true(change(&form, "max_completion_tokens: Extra inputs are not permitted", ""));
    assert_int_equal(form.limit, AMPHI_LIMIT_TOKENS);
}

static void form__some_models_are_not_streamed(void **state)
{
    amphi_request_form form = {.limit = AMPHI_LIMIT_AS_WRITTEN};
    assert_true(change(&form,
        "Your organization must be verified to stream this model. Please go to: ...", "stream"));
    assert_true(form.whole);
    assert_false(change(&form, "must be verified to stream", "stream"));
}

static void form__what_means_something_is_never_left_out(void **state)
{
    static const char *const cases[][2] = {
        {"'response_format' of type 'json_schema' is not supported with this model",
            "response_format"},
        {"tools is not supported", "tools"},
        {"Unknown parameter: 'stop'", "stop"},
        {"logprobs are not supported", "logprobs"},
        {"messages[0].name: unsupported", "messages"},
        /* the value is what is wrong */
        {"max_tokens is too large: 9000. This model supports at most 4096 completion tokens",
            "max_tokens"},
        {"temperature: must be between 0 and 2; unsupported", "temperature"},
        {"top_p is out of range", "top_p"},
        {"bad request", ""},
        {"", "temperature"},
        /* was not sent */
        {"unknown field seed", ""},
        {"unknown field my_temperature_x", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        amphi_request_form form = {.limit = AMPHI_LIMIT_AS_WRITTEN};
        const amphi_request_form zero = form;
        if (change(&form, cases[i][0], cases[i][1]))
            fail_msg("%s", cases[i][0]);
        assert_true(amphi__request_form_equal(&form, &zero));
    }
}

static void form__is_kept_for_its_url(void **state)
{
    const amphi_request_form form = {
        AMPHI_LIMIT_COMPLETION_TOKENS, 1u << 0 | 1u << 16, true, AMPHI_ENDING_DONE};
    const amphi_request_form zero = {.limit = AMPHI_LIMIT_AS_WRITTEN};
    amphi_request_form read;
    amphi_buf json;
    amphi__buf_init(&json, 0);
    assert_int_equal(amphi__request_form_write(&json, &form, "https://a/v1"), AMPHI_OK);
    amphi__request_form_read(&read, amphi__buf_str(&json), "https://a/v1");
    assert_true(amphi__request_form_equal(&read, &form));
    assert_true(leaves_out(&read, "temperature") && leaves_out(&read, "stream_options"));
    amphi__request_form_read(&read, amphi__buf_str(&json), "https://b/v1");
    assert_true(amphi__request_form_equal(&read, &zero));
    amphi__request_form_read(&read, AMPHI_STR("{\"url\":3,\"without\":7"), "https://a/v1");
    assert_true(amphi__request_form_equal(&read, &zero));
    amphi__request_form_read(&read, AMPHI_STR(""), "https://a/v1");
    assert_true(amphi__request_form_equal(&read, &zero));
    amphi__buf_clear(&json);
}

static void forms__are_apart_by_model_and_bounded(void **state)
{
    amphi_request_forms forms;
    memset(&forms, 0, sizeof forms);
    amphi_request_form form = {.whole = true};
    uint64_t a = amphi__request_forms_model(AMPHI_STR("a"), AMPHI_STR("{\"model\":\"x\"}"));
    uint64_t x = amphi__request_forms_model(AMPHI_STR(""), AMPHI_STR("{\"model\":\"x\"}"));
    assert_true(a != x);
    assert_true(x == amphi__request_forms_model(
                         AMPHI_STR(""), AMPHI_STR("{ \"n\":1, \"model\" : \"x\" }")));
    amphi__request_forms_put(&forms, a, &form);
    assert_true(amphi__request_forms_find(&forms, a)->whole);
    assert_null(amphi__request_forms_find(&forms, x));
    for (uint64_t i = 0; i < 1000; i++)
        amphi__request_forms_put(&forms, 1000 + i, &form);
    assert_non_null(amphi__request_forms_find(&forms, 1999));
    assert_null(amphi__request_forms_find(&forms, a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(form__a_refusal_that_names_a_field_changes_that_field),
        cmocka_unit_test(form__the_limit_has_two_names),
        cmocka_unit_test(form__some_models_are_not_streamed),
        cmocka_unit_test(form__what_means_something_is_never_left_out),
        cmocka_unit_test(form__is_kept_for_its_url),
        cmocka_unit_test(forms__are_apart_by_model_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
