/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a JSON Schema, up to a zero byte; the rest chooses a way through what it allows. The
 * schema is refused, or each answer is valid JSON and ends where the grammar says that it can.
 */
#include "fuzz.h"
#include "local/text/json_schema.h"
#include "local/text/matcher.h"

#include <string.h>

enum { STEPS_MAX = 400, POSITIONS_MAX = 60 };

/* A byte that may come next, chosen by `choice`, nearer to the end when it is late; -1: none. */
static int choose(amphi_matcher *m, uint32_t at, uint8_t choice, bool late, uint32_t *to)
{
    uint32_t best = AMPHI_COST_NEVER;
    int found = -1;
    for (int i = 0; i < 256; i++) {
        int byte = (choice + i) & 255;
        uint32_t next = amphi__matcher_step(m, at, (uint8_t)byte);
        if (next == AMPHI_POSITION_NONE || amphi__matcher_cost(m, next) >= best)
            continue;
        best = amphi__matcher_cost(m, next);
        *to = next;
        found = byte;
        if (!late)
            break;
    }
    return found;
}

static void walk(const amphi_grammar *grammar, amphi_str choices)
{
    amphi_matcher *m = NULL;
    amphi_buf text;
    amphi_error error;
    if (amphi__matcher_new(&m, grammar, &error) != AMPHI_OK)
        return;
    uint32_t at = amphi__matcher_start(m);
    amphi__buf_init(&text, 1 << 16);
    for (size_t i = 0; i < STEPS_MAX && amphi__matcher_may_go_on(m, at); i++) {
        bool late = i >= POSITIONS_MAX || i >= choices.size;
        if (late && amphi__matcher_may_end(m, at))
            break;
        int byte = choose(m, at, late ? 0 : (uint8_t)choices.data[i], late, &at);
        if (amphi__matcher_status(m) != AMPHI_OK)
            break;
        fuzz_expect(byte >= 0); /* a place that is neither an end nor leads to one */
        amphi__buf_append_char(&text, (char)byte);
    }
    if (amphi__matcher_status(m) == AMPHI_OK && amphi__matcher_may_end(m, at))
        fuzz_expect(amphi__json_check(amphi__buf_str(&text), "answer", &error) == AMPHI_OK);
    amphi__buf_clear(&text);
    amphi__matcher_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    size_t schema_size = zero != NULL ? (size_t)(zero - data) : size;
    amphi_json *root = NULL;
    amphi_grammar grammar = {0};
    amphi_error error;
    if (size > 4096 ||
        amphi__json_parse(&root, fuzz_input(data, schema_size), "schema", &error) != AMPHI_OK)
        return 0;
    if (amphi__json_schema_compile(&grammar, root, &error) == AMPHI_OK &&
        amphi__grammar_seal(&grammar, 8, &error) == AMPHI_OK)
        walk(&grammar, fuzz_input(data + schema_size, size - schema_size));
    amphi__grammar_clear(&grammar);
    amphi__json_free(root);
    return 0;
}
