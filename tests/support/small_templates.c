/* SPDX-License-Identifier: Apache-2.0
 *
 * Rendering small templates in one context.
 */
#include "tests/support/small_templates.h"

#include "sdk/core/json.h"
#include "tests/support/template_context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW_S 1767323045

amphi_json *template_context_parse(void)
{
    amphi_json *json = NULL;
    assert_int_equal(
        amphi__json_parse(&json, amphi_str_from(template_context), "test data", NULL), AMPHI_OK);
    return json;
}

amphi_status template_render(
    amphi_str source, const amphi_template_input *input, amphi_buf *out, amphi_error *error)
{
    amphi_template *tmpl = NULL;
    amphi_status status = amphi__template_new(&tmpl, source, error);
    if (status == AMPHI_OK)
        status = amphi__template_render(tmpl, input, out, error);
    amphi__template_free(tmpl);
    return status;
}

amphi_template_input template_input_of(const amphi_json *row)
{
    amphi_template_input input = {.messages = amphi__json_get(row, "messages"),
        .extra = amphi__json_get(row, "extra"),
        .bos_token = AMPHI_STR("<s>"),
        .eos_token = AMPHI_STR("</s>"),
        .add_generation_prompt =
            amphi__json_bool(amphi__json_get(row, "add_generation_prompt"), true),
        .now_s = NOW_S};
    const amphi_json *tools = amphi__json_get(row, "tools");
    input.tools = amphi__json_kind(tools) == AMPHI_JSON_ARRAY ? tools : NULL;
    return input;
}

amphi_status template_render_small(const char *source, amphi_buf *out, amphi_error *error)
{
    amphi_json *context = template_context_parse();
    amphi_template_input input = template_input_of(context);
    amphi_status status = template_render(amphi_str_from(source), &input, out, error);
    amphi__json_free(context);
    return status;
}

static void check_case(const template_case *one, const amphi_template_input *input)
{
    amphi_buf out;
    amphi__buf_init(&out, 1 << 20);
    amphi_error error = {0};
    amphi_status status = template_render(amphi_str_from(one->source), input, &out, &error);
    const char *text = out.data != NULL ? out.data : "";
    if (one->text == NULL ? status == AMPHI_OK : status != AMPHI_OK || strcmp(text, one->text) != 0)
        fail_msg("%s\nexpected %s\ngot %s %s", one->source,
            one->text != NULL ? one->text : "(a refusal)", text, error.message);
    amphi__buf_clear(&out);
}

void template_check_cases(const template_case *cases, size_t count)
{
    amphi_json *context = template_context_parse();
    amphi_template_input input = template_input_of(context);
    for (size_t i = 0; i < count; i++)
        check_case(&cases[i], &input);
    amphi__json_free(context);
}
