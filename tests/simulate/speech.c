/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences of common words, drawn from the question's number.
 */
#include "tests/simulate/speech.h"

#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <stdlib.h>
#include <string.h>

static const char *const words[] = {"the", "river", "of", "a", "quiet", "town", "where", "people",
    "often", "walk", "in", "spring", "and", "old", "houses", "stand", "near", "water", "with",
    "long", "gardens", "that", "were", "planted", "by", "their", "first", "owners", "many", "years",
    "before", "trains", "came", "from", "other", "places", "to", "bring", "stone", "for",
    "bridges"};

#define WORDS (sizeof words / sizeof words[0])

void sim_question(amphi_buf *out, uint32_t number, bool is_private)
{
    amphi__buf_printf(out, "Q%u. What is to be said of number %u?", number, number);
    if (is_private)
        amphi__buf_printf(out, " It is " SIM_CANARY "%u.", number);
}

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

void sim_answer(amphi_buf *out, uint32_t number, bool is_private)
{
    uint32_t state = number * 2654435761u + 1;
    uint32_t sentences = 2 + next(&state) % 6;
    amphi__buf_printf(out, "Number %u:", number);
    if (is_private)
        amphi__buf_printf(out, " " SIM_CANARY "%u.", number);
    for (uint32_t i = 0; i < sentences; i++) {
        uint32_t count = 6 + next(&state) % 9;
        for (uint32_t k = 0; k < count; k++)
            amphi__buf_printf(out, " %s", words[next(&state) % WORDS]);
        amphi__buf_append_c(out, ".");
    }
    amphi__buf_printf(out, " So much for %u.", number);
}

static const amphi_json *last_of(const amphi_json *messages, const char *role, const char *with)
{
    const amphi_json *found = NULL;
    for (const amphi_json *m = amphi__json_first(messages); m != NULL; m = amphi__json_next(m)) {
        amphi_str text = amphi__json_string(amphi__json_get(m, "content"));
        if (amphi__str_equal_c(amphi__json_string(amphi__json_get(m, "role")), role) &&
            amphi__str_find(text, amphi_str_from(with)) != SIZE_MAX)
            found = m;
    }
    return found;
}

void sim_asked_read(sim_asked *out, amphi_str body)
{
    amphi_json *root = NULL;
    memset(out, 0, sizeof *out);
    if (amphi__json_parse(&root, body, "body", NULL) != AMPHI_OK)
        return;
    const amphi_json *messages = amphi__json_get(root, "messages");
    const amphi_json *question = last_of(messages, "user", "What is to be said of");
    amphi_str text = amphi__json_string(amphi__json_get(question, "content"));
    const amphi_json *last = NULL;
    for (const amphi_json *m = amphi__json_first(messages); m != NULL; m = amphi__json_next(m))
        last = m;
    if (text.size > 1)
        out->number = (uint32_t)strtoul(text.data + 1, NULL, 10);
    out->is_private = amphi__str_find(text, AMPHI_STR(SIM_CANARY)) != SIZE_MAX;
    out->root = root;
    if (amphi__str_equal_c(amphi__json_string(amphi__json_get(last, "role")), "assistant"))
        out->prefix = amphi__json_string(amphi__json_get(last, "content"));
}

void sim_asked_clear(sim_asked *asked)
{
    amphi__json_free(asked->root);
    memset(asked, 0, sizeof *asked);
}

void sim_reply(amphi_buf *out, const sim_asked *asked, amphi_str prefix)
{
    amphi_buf whole;
    amphi__buf_init(&whole, 0);
    sim_answer(&whole, asked->number, asked->is_private);
    amphi_str text = amphi__buf_str(&whole);
    bool goes_on = prefix.size > 0 && amphi__str_starts_with(text, prefix);
    amphi__buf_append_str(out, amphi__str_slice(text, goes_on ? prefix.size : 0, text.size));
    amphi__buf_clear(&whole);
}
