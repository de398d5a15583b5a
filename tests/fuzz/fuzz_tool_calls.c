/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an answer with thoughts and tool calls, in pieces of the length that its first byte
 * says: the same comes out as from the whole at once, and arguments are JSON.
 */
#include "fuzz.h"
#include "local/text/reasoning.h"
#include "local/text/tool_calls.h"

static const char tools_json[] = "[{\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{"
                                 "\"s\":{\"type\":\"string\"}}}}}]";

static amphi_status on_text(void *self, amphi_str text)
{
    amphi__buf_append_c(self, "");
    return amphi__buf_append_str(self, text);
}

static amphi_status on_call(void *self, amphi_str name, amphi_str arguments)
{
    amphi__buf_append_c(self, "\x01");
    amphi__buf_append_str(self, name);
    amphi__buf_append_c(self, "\x02");
    return amphi__buf_append_str(self, arguments);
}

static void run(amphi_str text, size_t step, const amphi_json *tools, amphi_buf *out)
{
    const amphi_tool_sink sink = {.self = out, .text = on_text, .call = on_call};
    amphi_tool_parser parser;
    amphi_reasoning reasoning;
    amphi_buf thought;
    amphi_buf answer;
    amphi__buf_init(out, 0);
    amphi__buf_init(&thought, 0);
    amphi__buf_init(&answer, 0);
    amphi__reasoning_init(&reasoning, false);
    amphi__tool_parser_init(&parser, tools, true, &sink);
    for (size_t at = 0; at < text.size; at += step) {
        fuzz_expect(amphi__reasoning_feed(&reasoning, amphi__str_slice(text, at, at + step),
                        &thought, &answer) == AMPHI_OK);
        fuzz_expect(amphi__tool_parser_feed(&parser, amphi__buf_str(&answer)) == AMPHI_OK);
        amphi__buf_reset(&answer);
    }
    fuzz_expect(amphi__reasoning_finish(&reasoning, &thought, &answer) == AMPHI_OK);
    fuzz_expect(amphi__tool_parser_feed(&parser, amphi__buf_str(&answer)) == AMPHI_OK);
    fuzz_expect(amphi__tool_parser_finish(&parser) == AMPHI_OK);
    amphi__buf_append_c(out, "\x03");
    amphi__buf_append_str(out, amphi__buf_str(&thought));
    amphi__tool_parser_clear(&parser);
    amphi__reasoning_clear(&reasoning);
    amphi__buf_clear(&thought);
    amphi__buf_clear(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static amphi_json *tools;
    amphi_buf whole;
    amphi_buf pieces;
    if (tools == NULL)
        fuzz_expect(amphi__json_parse(&tools, amphi_str_from(tools_json), "", NULL) == AMPHI_OK);
    if (size < 2)
        return 0;
    amphi_str text = fuzz_input(data + 1, size - 1);
    run(text, text.size, tools, &whole);
    run(text, data[0] % 16 + 1u, tools, &pieces);
    fuzz_expect(amphi__str_equal(amphi__buf_str(&whole), amphi__buf_str(&pieces)));
    amphi__buf_clear(&whole);
    amphi__buf_clear(&pieces);
    return 0;
}
