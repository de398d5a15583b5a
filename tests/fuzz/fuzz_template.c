/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a chat template, rendered over a conversation with tools: refused, or bounded.
 */
#include "fuzz.h"
#include "local/text/template.h"

static const char messages_json[] =
    "[{\"role\":\"system\",\"content\":\"Be kind.\"},{\"role\":\"user\",\"content\":\"Hi "
    "\\u00e9\"},"
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\","
    "\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1.5,\"y\":[true,null]}}}]},"
    "{\"role\":\"tool\",\"content\":\"4\",\"tool_call_id\":\"a\"}]";
static const char tools_json[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"number\"}}}}}]";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static amphi_json *messages;
    static amphi_json *tools;
    amphi_template *tmpl = NULL;
    amphi_buf out;
    amphi_error error;
    if (messages == NULL) {
        fuzz_expect(amphi__json_parse(&messages, amphi_str_from(messages_json), "", NULL) == 0);
        fuzz_expect(amphi__json_parse(&tools, amphi_str_from(tools_json), "", NULL) == 0);
    }
    if (size > 4096 || amphi__template_new(&tmpl, fuzz_input(data, size), &error) != AMPHI_OK)
        return 0;
    const amphi_template_input input = {.messages = messages,
        .tools = tools,
        .bos_token = AMPHI_STR("<s>"),
        .eos_token = AMPHI_STR("</s>"),
        .add_generation_prompt = true,
        .now_s = 1700000000};
    amphi__buf_init(&out, 1 << 16);
    (void)amphi__template_render(tmpl, &input, &out, &error);
    amphi__buf_clear(&out);
    amphi__template_free(tmpl);
    return 0;
}
