/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an answer with thoughts and tool calls, in pieces of the length that its first byte
 * says: the same comes out as from the whole at once, and arguments are a JSON object.
 */
#include "tests/fuzz/fuzz.h"

#include "local/text/reasoning.h"
#include "local/text/tool_call_parser.h"

static const char tools_json[] = "[{\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{"
                                 "\"s\":{\"type\":\"string\"}}}}}]";
static amphi_json *tools;

static amphi_status on_text(void *self, amphi_str text)
{
    amphi__buf_append_c(self, "");
    return amphi__buf_append_str(self, text);
}

static amphi_status on_call(void *self, amphi_str name, amphi_str arguments)
{
    amphi_error error;
    fuzz_expect(amphi__json_check(arguments, "arguments", &error) == AMPHI_OK);
    fuzz_expect(arguments.data[0] == '{');
    amphi__buf_append_c(self, "\x01");
    amphi__buf_append_str(self, name);
    amphi__buf_append_c(self, "\x02");
    return amphi__buf_append_str(self, arguments);
}

/* Everything that comes out goes to `out`, thoughts last. */
typedef struct parsing {
    amphi_reasoning reasoning;
    amphi_tool_call_parser calls;
    amphi_buf thought;
    amphi_buf answer;
} parsing;

static amphi_status pass_on(parsing *p, amphi_status status)
{
    if (status == AMPHI_OK)
        status = amphi__tool_call_parser_feed(&p->calls, amphi__buf_str(&p->answer));
    amphi__buf_reset(&p->answer);
    return status;
}

static amphi_status parse(parsing *p, amphi_str text, size_t step)
{
    amphi_status status = AMPHI_OK;
    for (size_t at = 0; at < text.size && status == AMPHI_OK; at += step) {
        amphi_str piece = amphi__str_slice(text, at, at + step);
        status = pass_on(p, amphi__reasoning_feed(&p->reasoning, piece, &p->thought, &p->answer));
    }
    if (status == AMPHI_OK)
        status = pass_on(p, amphi__reasoning_finish(&p->reasoning, &p->thought, &p->answer));
    if (status == AMPHI_OK)
        status = amphi__tool_call_parser_finish(&p->calls);
    return status;
}

static void parse_in_steps(amphi_str text, size_t step, bool thinks, amphi_buf *out)
{
    const amphi_tool_call_sink sink = {.self = out, .text = on_text, .call = on_call};
    amphi__buf_init(out, 0);
    parsing p;
    amphi__buf_init(&p.thought, 0);
    amphi__buf_init(&p.answer, 0);
    amphi__reasoning_init(&p.reasoning, thinks);
    amphi__tool_call_parser_init(&p.calls, tools, !thinks, &sink);
    fuzz_expect(parse(&p, text, step) == AMPHI_OK || fuzz_starved());
    amphi__buf_append_c(out, amphi__reasoning_is_over(&p.reasoning) ? "\x03" : "\x04");
    amphi__buf_append_str(out, amphi__buf_str(&p.thought));
    amphi__tool_call_parser_clear(&p.calls);
    amphi__reasoning_clear(&p.reasoning);
    amphi__buf_clear(&p.thought);
    amphi__buf_clear(&p.answer);
}

static void body(const uint8_t *data, size_t size)
{
    if (size < 2)
        return;
    amphi_str text = fuzz_input(data + 1, size - 1);
    bool thinks = data[0] & 0x10;
    fuzz_starve();
    amphi_buf whole;
    parse_in_steps(text, text.size, thinks, &whole);
    amphi_buf pieces;
    parse_in_steps(text, data[0] % 16 + 1u, thinks, &pieces);
    fuzz_expect(
        fuzz_starved() || amphi__str_equal(amphi__buf_str(&whole), amphi__buf_str(&pieces)));
    amphi__buf_clear(&whole);
    amphi__buf_clear(&pieces);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_begin();
    fuzz_expect(amphi__json_parse(&tools, amphi_str_from(tools_json), "", NULL) == AMPHI_OK);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(body, data, size);
}
