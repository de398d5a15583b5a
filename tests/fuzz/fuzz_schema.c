/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a JSON Schema, up to a zero byte; the rest chooses a way through what it allows. The
 * schema is refused, or each answer is valid JSON and ends where the grammar says that it can. An
 * object with a member "response_format" or "tool_choice" is a request.
 */
#include "tests/fuzz/fuzz.h"

#include "local/constraint/answer_grammar.h"
#include "local/constraint/json_schema.h"
#include "local/constraint/matcher.h"

#include <string.h>

enum { STEPS_MAX = 400, CHOICES_MAX = 60, SCHEMA_BYTES_MAX = 2048, POSITIONS_MOST = 12 };

typedef struct walker {
    amphi_matcher *m;
    uint8_t bytes[256]; /* one of each class of the grammar */
    uint32_t bytes_count;
    uint32_t at;
} walker;

/* Goes on with a byte that may come next: the first from `choice` on, or (late) the one that is
 * nearest to the end. -1: there is none. */
static int step(walker *w, uint8_t choice, bool late)
{
    uint32_t best = AMPHI_COST_NEVER;
    uint32_t to = w->at;
    int found = -1;
    for (uint32_t i = 0; i < w->bytes_count && (late || found < 0); i++) {
        uint8_t byte = w->bytes[(choice + i) % w->bytes_count];
        uint32_t next = amphi__matcher_step(w->m, w->at, byte);
        if (next == AMPHI_POSITION_NONE || amphi__matcher_cost(w->m, next) >= best)
            continue;
        best = amphi__matcher_cost(w->m, next);
        to = next;
        found = byte;
    }
    int only = amphi__matcher_only(w->m, w->at);
    fuzz_expect(only < 0 || amphi__matcher_step(w->m, w->at, (uint8_t)only) == to ||
                amphi__matcher_status(w->m) != AMPHI_OK);
    w->at = to;
    return only < 0 ? found : only;
}

/* An answer, byte by byte. */
static void write_answer(walker *w, amphi_str choices, amphi_buf *text)
{
    for (size_t i = 0; i < STEPS_MAX && amphi__matcher_may_go_on(w->m, w->at); i++) {
        bool late = i >= CHOICES_MAX || i >= choices.size;
        if (late && amphi__matcher_may_end(w->m, w->at))
            break;
        int byte = step(w, late ? 0 : (uint8_t)choices.data[i], late);
        if (amphi__matcher_status(w->m) != AMPHI_OK)
            break;
        fuzz_expect(byte >= 0); /* a place that is neither an end nor leads to one */
        amphi__buf_append_char(text, (char)byte);
    }
}

/* The same text as a prefix of another writer has to fit as well, also when positions are forgotten
 * on the way. */
static void read_answer(walker *w, amphi_str text)
{
    uint32_t at = amphi__matcher_start(w->m);
    for (size_t i = 0; i < text.size; i++) {
        bool forgot = false;
        at = amphi__matcher_step_lenient(w->m, at, (uint8_t)text.data[i]);
        if (amphi__matcher_status(w->m) != AMPHI_OK)
            return;
        fuzz_expect(at != AMPHI_POSITION_NONE);
        uint32_t cost = amphi__matcher_cost(w->m, at);
        at = amphi__matcher_tidy(w->m, at, POSITIONS_MOST, &forgot);
        fuzz_expect(amphi__matcher_cost(w->m, at) == cost);
    }
    fuzz_expect(amphi__matcher_may_end(w->m, at));
}

static void walk(const amphi_grammar *grammar, amphi_str choices)
{
    walker w = {0};
    amphi_error error;
    if (amphi__matcher_new(&w.m, grammar, &error) != AMPHI_OK)
        return;
    bool known[256] = {false};
    for (int byte = 0; byte < 256; byte++) {
        if (!known[grammar->classes[byte]])
            w.bytes[w.bytes_count++] = (uint8_t)byte;
        known[grammar->classes[byte]] = true;
    }
    w.at = amphi__matcher_start(w.m);
    amphi_buf text;
    amphi__buf_init(&text, 1 << 16);
    write_answer(&w, choices, &text);
    if (amphi__matcher_status(w.m) == AMPHI_OK && amphi__matcher_may_end(w.m, w.at) &&
        !fuzz_starved()) {
        fuzz_expect(amphi__json_check(amphi__buf_str(&text), "answer", &error) == AMPHI_OK);
        if (text.size < CHOICES_MAX)
            read_answer(&w, amphi__buf_str(&text));
    }
    amphi__buf_clear(&text);
    amphi__matcher_free(w.m);
}

static void body(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    size_t schema_size = zero != NULL ? (size_t)(zero - data) : size;
    amphi_json *root = NULL;
    amphi_grammar grammar = {0};
    amphi_error error = {0};
    fuzz_starve();
    if (schema_size > SCHEMA_BYTES_MAX ||
        amphi__json_parse(&root, fuzz_input(data, schema_size), "schema", &error) != AMPHI_OK)
        return;
    bool is_request = amphi__json_get(root, "response_format") != NULL ||
                      amphi__json_get(root, "tool_choice") != NULL;
    (void)amphi__answer_grammar_may_call(root);
    bool constrained = !is_request || amphi__answer_grammar_kind(root) != AMPHI_ANSWER_GRAMMAR_FREE;
    amphi_status status = !is_request    ? amphi__json_schema_compile(&grammar, root, &error)
                          : !constrained ? AMPHI_OK
                                         : amphi__answer_grammar_compile(&grammar, root, &error);
    if (status == AMPHI_OK && constrained)
        status = amphi__grammar_seal(&grammar, 8, &error);
    fuzz_expect(status == AMPHI_OK || error.message[0] != '\0');
    if (status == AMPHI_OK && constrained)
        walk(&grammar, fuzz_input(data + schema_size, size - schema_size));
    amphi__grammar_clear(&grammar);
    amphi__json_free(root);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_begin();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(body, data, size);
}
