/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON (RFC 8259) as states. Answers are written in one way (a blank after ':' and ',', nothing
 * else), so that most of an object's frame leaves no choice and need not be computed; a prefix that
 * the request brings along may have any white space. Text is valid UTF-8; \u0000 is not written,
 * since many readers cut there.
 */
#include "local/constraint/grammar.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"

#include <stdlib.h>

enum {
    DIGITS_MAX = 15,     /* of a number without bounds: exact in every reader */
    ITEMS_MAX = 1024,    /* counted items of an array */
    CHARS_MAX = 8192,    /* counted characters of a string */
    NAMES_BYTES = 65536, /* of all keys that another key must differ from */
};

#define HEX      "0123456789abcdefABCDEF"
#define HEX_REST "123456789abcdefABCDEF"

/* ---- white space and marks ------------------------------------------------------------------ */

/* White space that is read in a request's prefix and never written. */
static uint32_t others_space(amphi_grammar *g, uint32_t next)
{
    amphi_byte_set blanks = {{0}};
    for (const char *c = " \t\r\n"; *c != '\0'; c++)
        amphi__byte_set_add(&blanks, (unsigned char)*c, (unsigned char)*c);
    uint32_t loop = amphi__grammar_forward(g);
    uint32_t blank = amphi__grammar_set(g, &blanks, loop);
    if (g->status == AMPHI_OK)
        g->states[blank].kind = AMPHI_STATE_LENIENT;
    amphi__grammar_aim(g, loop, blank, next);
    return amphi__grammar_add(g, AMPHI_STATE_SKIP, loop, 0);
}

uint32_t amphi__grammar_space(amphi_grammar *g, uint32_t next)
{
    return next == 0 ? 0 : amphi__grammar_either(g, next, others_space(g, next));
}

static uint32_t mark(amphi_grammar *g, char c, uint32_t next)
{
    if (next == 0)
        return 0;
    uint32_t ours = amphi__grammar_range(g, ' ', ' ', next);
    uint32_t after = amphi__grammar_either(g, ours, others_space(g, next));
    return amphi__grammar_space(g, amphi__grammar_range(g, (unsigned)c, (unsigned)c, after));
}

uint32_t amphi__grammar_comma(amphi_grammar *g, uint32_t next)
{
    return mark(g, ',', next);
}

uint32_t amphi__grammar_colon(amphi_grammar *g, uint32_t next)
{
    return mark(g, ':', next);
}

/* ---- strings -------------------------------------------------------------------------------- */

static uint32_t continuation(amphi_grammar *g, unsigned count, uint32_t next)
{
    while (count-- > 0)
        next = amphi__grammar_range(g, 0x80, 0xBF, next);
    return next;
}

/* Characters of two to four bytes (Unicode, table 3-7). */
static uint32_t wide_char(amphi_grammar *g, uint32_t next)
{
    static const struct {
        uint8_t lead_first, lead_last, second_first, second_last, more;
    } rows[] = {{0xC2, 0xDF, 0x80, 0xBF, 0}, {0xE0, 0xE0, 0xA0, 0xBF, 1},
        {0xE1, 0xEC, 0x80, 0xBF, 1}, {0xED, 0xED, 0x80, 0x9F, 1}, {0xEE, 0xEF, 0x80, 0xBF, 1},
        {0xF0, 0xF0, 0x90, 0xBF, 2}, {0xF1, 0xF3, 0x80, 0xBF, 2}, {0xF4, 0xF4, 0x80, 0x8F, 2}};
    uint32_t all = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t rest = amphi__grammar_range(
            g, rows[i].second_first, rows[i].second_last, continuation(g, rows[i].more, next));
        all = amphi__grammar_either(
            g, all, amphi__grammar_range(g, rows[i].lead_first, rows[i].lead_last, rest));
    }
    return all;
}

/* After "\u". */
static uint32_t hex_escape(amphi_grammar *g, uint32_t next)
{
    uint32_t one = amphi__grammar_any_of(g, HEX, next);
    uint32_t two = amphi__grammar_any_of(g, HEX, one);
    uint32_t three = amphi__grammar_any_of(g, HEX, two);
    uint32_t low = amphi__grammar_literal(g, AMPHI_STR("\\u"),
        amphi__grammar_any_of(g, "dD", amphi__grammar_any_of(g, "cdefCDEF", two)));
    uint32_t high = amphi__grammar_any_of(
        g, "89abAB", amphi__grammar_any_of(g, HEX, amphi__grammar_any_of(g, HEX, low)));
    uint32_t all = amphi__grammar_any_of(g, "123456789abcefABCEF", three);
    all = amphi__grammar_either(g, all,
        amphi__grammar_any_of(
            g, "dD", amphi__grammar_either(g, amphi__grammar_any_of(g, "01234567", two), high)));
    uint32_t last = amphi__grammar_any_of(g, HEX_REST, next);
    uint32_t small = amphi__grammar_either(
        g, amphi__grammar_any_of(g, HEX_REST, one), amphi__grammar_any_of(g, "0", last));
    small = amphi__grammar_either(
        g, amphi__grammar_any_of(g, HEX_REST, two), amphi__grammar_any_of(g, "0", small));
    return amphi__grammar_either(g, all, amphi__grammar_any_of(g, "0", small));
}

/* One character, raw or escaped. */
static uint32_t one_char(amphi_grammar *g, bool escapes, uint32_t next)
{
    amphi_byte_set plain = {{0}};
    amphi__byte_set_add(&plain, ' ', '~');
    plain.bits['"' >> 6] &= ~(UINT64_C(1) << ('"' & 63));
    plain.bits['\\' >> 6] &= ~(UINT64_C(1) << ('\\' & 63));
    uint32_t all =
        amphi__grammar_either(g, amphi__grammar_set(g, &plain, next), wide_char(g, next));
    if (!escapes)
        return all;
    uint32_t escape = amphi__grammar_either(g, amphi__grammar_any_of(g, "\"\\/bfnrt", next),
        amphi__grammar_any_of(g, "u", hex_escape(g, next)));
    return amphi__grammar_either(g, all, amphi__grammar_any_of(g, "\\", escape));
}

static uint32_t char_rule(amphi_grammar *g)
{
    if (g->rule_char == 0) {
        uint32_t rule = amphi__grammar_rule(g);
        uint32_t entry = one_char(g, true, g->returns);
        if (g->status == AMPHI_OK) {
            g->rules[rule] = entry;
            g->rule_char = rule;
        }
    }
    return g->rule_char;
}

uint32_t amphi__grammar_chars(amphi_grammar *g, uint32_t least, uint32_t most, uint32_t next)
{
    if (most < least || next == 0)
        return 0;
    if (least > CHARS_MAX) {
        g->status = g->status == AMPHI_OK ? AMPHI_E_LIMIT : g->status;
        return 0;
    }
    uint32_t at = next;
    if (most == UINT32_MAX) { /* a loop without calls: its states come again, so masks are kept */
        uint32_t loop = amphi__grammar_forward(g);
        amphi__grammar_aim(g, loop, next, one_char(g, true, loop));
        at = loop;
    } else {
        most = most > CHARS_MAX ? CHARS_MAX : most;
        for (uint32_t i = most; i > least && g->status == AMPHI_OK; i--)
            at = amphi__grammar_either(g, next, amphi__grammar_call(g, char_rule(g), at));
    }
    for (uint32_t i = 0; i < least && g->status == AMPHI_OK; i++)
        at = amphi__grammar_call(g, char_rule(g), at);
    return at;
}

static uint32_t string(amphi_grammar *g, uint32_t next)
{
    if (g->rule_string == 0) {
        uint32_t rule = amphi__grammar_rule(g);
        uint32_t end = amphi__grammar_any_of(g, "\"", g->returns);
        uint32_t entry =
            amphi__grammar_any_of(g, "\"", amphi__grammar_chars(g, 0, UINT32_MAX, end));
        if (g->status != AMPHI_OK)
            return 0;
        g->rules[rule] = entry;
        g->rule_string = rule;
    }
    return amphi__grammar_call(g, g->rule_string, next);
}

/* ---- keys that are none of the named ones --------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    const amphi_str *x = a;
    const amphi_str *y = b;
    size_t size = x->size < y->size ? x->size : y->size;
    int order = size == 0 ? 0 : memcmp(x->data, y->data, size);
    return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

typedef struct other_key {
    amphi_grammar *g;
    uint32_t rest[4]; /* any characters, after so many continuation bytes that are still due */
    uint32_t end;     /* the closing quote */
} other_key;

static void without(amphi_byte_set *set, unsigned byte)
{
    set->bits[byte >> 6] &= ~(UINT64_C(1) << (byte & 63));
}

/* Where names differ in the middle of a character: bytes that may follow, to what is due then. */
static uint32_t leave_names(const other_key *k, const amphi_byte_set *taken, amphi_str prefix)
{
    size_t lead = prefix.size;
    while (lead > 0 && ((unsigned char)prefix.data[lead - 1] & 0xC0) == 0x80)
        lead--;
    size_t written = 0;
    unsigned first = 0;
    if (lead > 0 && (unsigned char)prefix.data[lead - 1] >= 0xC0) {
        first = (unsigned char)prefix.data[lead - 1];
        written = prefix.size - lead + 1;
    }
    size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 0;
    amphi_byte_set set = {{0}};
    uint32_t all = 0;
    if (written < size) {
        unsigned low = written == 1 && first == 0xE0   ? 0xA0
                       : written == 1 && first == 0xF0 ? 0x90
                                                       : 0x80;
        unsigned high = written == 1 && first == 0xED   ? 0x9F
                        : written == 1 && first == 0xF4 ? 0x8F
                                                        : 0xBF;
        amphi__byte_set_add(&set, low, high);
        for (int i = 0; i < 4; i++)
            set.bits[i] &= ~taken->bits[i];
        return amphi__grammar_set(k->g, &set, k->rest[size - written - 1]);
    }
    amphi__byte_set_add(&set, ' ', '~');
    without(&set, '"');
    without(&set, '\\');
    for (int i = 0; i < 4; i++)
        set.bits[i] &= ~taken->bits[i];
    all = amphi__grammar_set(k->g, &set, k->rest[0]);
    /* Lead bytes that no name has here; narrow ranges after some leads are left out. */
    static const uint8_t leads[][3] = {
        {0xC2, 0xDF, 1}, {0xE1, 0xEC, 2}, {0xEE, 0xEF, 2}, {0xF1, 0xF3, 3}};
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        amphi_byte_set wide = {{0}};
        amphi__byte_set_add(&wide, leads[i][0], leads[i][1]);
        for (int j = 0; j < 4; j++)
            wide.bits[j] &= ~taken->bits[j];
        all =
            amphi__grammar_either(k->g, all, amphi__grammar_set(k->g, &wide, k->rest[leads[i][2]]));
    }
    return all;
}

/* Names in order that share their first `depth` bytes. */
static uint32_t not_these(const other_key *k, const amphi_str *names, size_t count, size_t depth)
{
    amphi_byte_set taken = {{0}};
    uint32_t all = 0;
    bool is_name = names[0].size == depth;
    if (k->g->status != AMPHI_OK || depth > 256) {
        k->g->status = k->g->status == AMPHI_OK ? AMPHI_E_LIMIT : k->g->status;
        return 0;
    }
    for (size_t i = 0, end = 0; i < count; i = end) {
        end = i + 1;
        if (names[i].size == depth)
            continue;
        unsigned byte = (unsigned char)names[i].data[depth];
        while (end < count && (unsigned char)names[end].data[depth] == byte)
            end++;
        amphi__byte_set_add(&taken, byte, byte);
        uint32_t below = not_these(k, names + i, end - i, depth + 1);
        all = amphi__grammar_either(k->g, all, amphi__grammar_range(k->g, byte, byte, below));
    }
    amphi_str prefix = amphi_str_make(names[0].data, depth);
    all = amphi__grammar_either(k->g, all, leave_names(k, &taken, prefix));
    /* A quote in the middle of a character can't come: its bytes are all in `taken` or due. */
    bool whole = amphi__utf8_is_valid(prefix);
    return is_name || !whole ? all : amphi__grammar_either(k->g, all, k->end);
}

/* Names that are written with escapes are never met by a key without escapes. */
static bool needs_escape(amphi_str name)
{
    for (size_t i = 0; i < name.size; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c < 0x20 || c == '"' || c == '\\')
            return true;
    }
    return false;
}

uint32_t amphi__grammar_other_key(
    amphi_grammar *g, const amphi_str *names, size_t count, uint32_t next)
{
    uint32_t entry = 0;
    size_t kept = 0;
    size_t bytes = 0;
    amphi_str *sorted = amphi__calloc(count + 1, sizeof *sorted);
    if (sorted == NULL) {
        g->status = AMPHI_E_NO_MEMORY;
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        bytes += names[i].size;
        if (!needs_escape(names[i]))
            sorted[kept++] = names[i];
    }
    if (bytes > NAMES_BYTES)
        g->status = g->status == AMPHI_OK ? AMPHI_E_LIMIT : g->status;
    qsort(sorted, kept, sizeof *sorted, compare_names);
    other_key k = {.g = g};
    k.end = amphi__grammar_any_of(g, "\"", amphi__grammar_colon(g, next));
    k.rest[0] = amphi__grammar_forward(g);
    amphi__grammar_aim(g, k.rest[0], k.end, one_char(g, false, k.rest[0]));
    for (unsigned i = 1; i < 4; i++)
        k.rest[i] = amphi__grammar_range(g, 0x80, 0xBF, k.rest[i - 1]);
    entry = kept == 0 ? k.rest[0] : not_these(&k, sorted, kept, 0);
    amphi__free(sorted);
    return amphi__grammar_any_of(g, "\"", entry);
}

/* ---- numbers without bounds ----------------------------------------------------------------- */

static uint32_t digits(amphi_grammar *g, unsigned most, uint32_t next)
{
    uint32_t at = next;
    for (unsigned i = 0; i < most; i++)
        at = amphi__grammar_either(g, next, amphi__grammar_range(g, '0', '9', at));
    return at;
}

uint32_t amphi__grammar_number(amphi_grammar *g, uint32_t next)
{
    if (g->rule_number == 0) {
        uint32_t rule = amphi__grammar_rule(g);
        uint32_t end = g->returns;
        uint32_t power = amphi__grammar_range(g, '0', '9', digits(g, 1, end));
        power = amphi__grammar_either(g, power, amphi__grammar_any_of(g, "+-", power));
        uint32_t tail = amphi__grammar_either(g, end, amphi__grammar_any_of(g, "eE", power));
        uint32_t fraction = amphi__grammar_any_of(
            g, ".", amphi__grammar_range(g, '0', '9', digits(g, DIGITS_MAX, tail)));
        tail = amphi__grammar_either(g, tail, fraction);
        uint32_t number = amphi__grammar_either(g, amphi__grammar_any_of(g, "0", tail),
            amphi__grammar_range(g, '1', '9', digits(g, DIGITS_MAX - 1, tail)));
        number = amphi__grammar_either(g, number, amphi__grammar_any_of(g, "-", number));
        if (g->status != AMPHI_OK)
            return 0;
        g->rules[rule] = number;
        g->rule_number = rule;
    }
    return amphi__grammar_call(g, g->rule_number, next);
}

/* ---- arrays, objects, any value ------------------------------------------------------------- */

/* After item number `index`: on with ", item" or the end. */
static uint32_t items(
    amphi_grammar *g, uint32_t rule, uint32_t from, uint32_t least, uint32_t most, uint32_t end)
{
    uint32_t at = end;
    if (most == UINT32_MAX) {
        uint32_t loop = amphi__grammar_forward(g);
        amphi__grammar_aim(
            g, loop, end, amphi__grammar_comma(g, amphi__grammar_call(g, rule, loop)));
        at = loop;
        most = least > from ? least : from;
    }
    for (uint32_t i = most; i > from && g->status == AMPHI_OK; i--) {
        uint32_t more = amphi__grammar_comma(g, amphi__grammar_call(g, rule, at));
        at = i > least ? amphi__grammar_either(g, end, more) : more;
    }
    return at;
}

uint32_t amphi__grammar_array(amphi_grammar *g, const uint32_t *first, uint32_t first_count,
    uint32_t rule, bool has_rest, uint32_t least, uint32_t most, uint32_t next)
{
    if (!has_rest && most > first_count)
        most = first_count;
    if (most < least || next == 0)
        return 0;
    if (least > ITEMS_MAX) {
        g->status = g->status == AMPHI_OK ? AMPHI_E_LIMIT : g->status;
        return 0;
    }
    if (most != UINT32_MAX && most > ITEMS_MAX)
        most = ITEMS_MAX;
    uint32_t end = amphi__grammar_space(g, amphi__grammar_any_of(g, "]", next));
    uint32_t entry = 0;
    if (most > 0) {
        uint32_t fixed = first_count < most ? first_count : most;
        uint32_t from = fixed > 1 ? fixed : 1;
        uint32_t at = has_rest || fixed == most
                          ? items(g, rule, from, least, has_rest ? most : from, end)
                          : end;
        for (uint32_t i = fixed; i > 1 && g->status == AMPHI_OK; i--) {
            at = amphi__grammar_comma(g, amphi__grammar_call(g, first[i - 1], at));
            at = i - 1 >= least ? amphi__grammar_either(g, end, at) : at;
        }
        entry = amphi__grammar_call(g, fixed > 0 ? first[0] : rule, at);
    }
    if (least == 0)
        entry = amphi__grammar_either(g, entry, end);
    return amphi__grammar_any_of(g, "[", amphi__grammar_space(g, entry));
}

static uint32_t value_rule(amphi_grammar *g);

/* {"key": value, ...} with any keys. */
uint32_t amphi__grammar_any_object(amphi_grammar *g, uint32_t next)
{
    if (g->rule_object == 0) {
        uint32_t rule = amphi__grammar_rule(g);
        if (g->status != AMPHI_OK)
            return 0;
        g->rule_object = rule;
        uint32_t value = value_rule(g);
        uint32_t end = amphi__grammar_space(g, amphi__grammar_any_of(g, "}", g->returns));
        uint32_t loop = amphi__grammar_forward(g);
        uint32_t member = string(g, amphi__grammar_colon(g, amphi__grammar_call(g, value, loop)));
        amphi__grammar_aim(g, loop, end, amphi__grammar_comma(g, member));
        uint32_t entry = amphi__grammar_any_of(
            g, "{", amphi__grammar_space(g, amphi__grammar_either(g, end, member)));
        if (g->status != AMPHI_OK)
            return 0;
        g->rules[rule] = entry;
    }
    return amphi__grammar_call(g, g->rule_object, next);
}

static uint32_t value_rule(amphi_grammar *g)
{
    if (g->rule_value == 0) {
        uint32_t rule = amphi__grammar_rule(g);
        uint32_t end = g->returns;
        if (g->status != AMPHI_OK)
            return 0;
        g->rule_value = rule;
        uint32_t all = amphi__grammar_either(g, string(g, end),
            amphi__grammar_either(g, amphi__grammar_number(g, end),
                amphi__grammar_literal(g, AMPHI_STR("null"), end)));
        all = amphi__grammar_either(g, all, amphi__grammar_literal(g, AMPHI_STR("true"), end));
        all = amphi__grammar_either(g, all, amphi__grammar_literal(g, AMPHI_STR("false"), end));
        all = amphi__grammar_either(
            g, all, amphi__grammar_array(g, NULL, 0, rule, true, 0, UINT32_MAX, end));
        all = amphi__grammar_either(g, all, amphi__grammar_any_object(g, end));
        if (g->status != AMPHI_OK)
            return 0;
        g->rules[rule] = all;
    }
    return g->rule_value;
}

uint32_t amphi__grammar_any_value(amphi_grammar *g, uint32_t next)
{
    return amphi__grammar_call(g, value_rule(g), next);
}
