/* SPDX-License-Identifier: Apache-2.0
 *
 * Does a pattern occur in a text? JavaScript's regular expressions without what can't be matched
 * in linear time (back references, look-around): such a pattern is invalid here, and the rule
 * that holds it does not apply. The pattern becomes a small program whose threads walk the text
 * side by side (Thompson 1968, as described by Cox, "Regular Expression Matching: the Virtual
 * Machine Approach"), so a hostile pattern costs text times program, never more. No heap: programs
 * are short and live on the stack.
 */
#include "policy/growthbook.h"
#include "sdk/core/str.h"

#define PROGRAM_MAX 1500
#define RANGES_MAX  400
#define GROUPS_MAX  40
#define REPEAT_MAX  500

typedef enum amphi_re_op {
    RE_CHAR,  /* a = code point */
    RE_ANY,   /* all but line ends */
    RE_SET,   /* ranges a .. a + b; negated when c */
    RE_SPLIT, /* go to both here + a and here + b */
    RE_JUMP,  /* here + a */
    RE_BEGIN,
    RE_END,
    RE_WORD_EDGE,
    RE_NOT_WORD_EDGE,
    RE_MATCH
} amphi_re_op;

typedef struct amphi_re_step {
    uint8_t op;
    bool negated;
    int32_t a;
    int16_t b;
} amphi_re_step;

typedef struct amphi_re_range {
    uint32_t low, high;
} amphi_re_range;

typedef struct amphi_re {
    amphi_str rest; /* of the pattern */
    bool ignore_case, bad;
    bool can_repeat; /* the last atom; ^, $, \b and \B can't be */
    unsigned depth;
    size_t size, ranges_count;
    amphi_re_step program[PROGRAM_MAX];
    amphi_re_range ranges[RANGES_MAX];
} amphi_re;

static void parse_alternatives(amphi_re *re);

/* ---- reading the pattern ---- */

static bool at(const amphi_re *re, char c)
{
    return re->rest.size > 0 && re->rest.data[0] == c;
}

static void skip(amphi_re *re, size_t size)
{
    re->rest = amphi__str_slice(re->rest, size, re->rest.size);
}

static bool take(amphi_re *re, char c)
{
    bool is_there = at(re, c);
    if (is_there)
        skip(re, 1);
    return is_there;
}

static uint32_t take_char(amphi_re *re)
{
    uint32_t c = 0;
    size_t size = amphi__utf8_decode(re->rest, &c);
    if (size == 0) {
        re->bad = true;
        return 0;
    }
    skip(re, size);
    return c;
}

static void emit(amphi_re *re, amphi_re_op op, int32_t a, int b, bool negated)
{
    if (re->size >= PROGRAM_MAX) {
        re->bad = true;
        return;
    }
    amphi_re_step step = {(uint8_t)op, negated, a, (int16_t)b};
    re->program[re->size++] = step;
}

/* Puts a split before what was emitted since `from`; jumps are relative, so it moves as it is. */
static void insert_split(amphi_re *re, size_t from, int a, int b)
{
    emit(re, RE_SPLIT, a, b, false);
    if (re->bad)
        return;
    amphi_re_step split = re->program[re->size - 1];
    memmove(
        &re->program[from + 1], &re->program[from], (re->size - 1 - from) * sizeof re->program[0]);
    re->program[from] = split;
}

static void add_range(amphi_re *re, uint32_t low, uint32_t high)
{
    if (re->ranges_count >= RANGES_MAX || low > high) {
        re->bad = true;
        return;
    }
    re->ranges[re->ranges_count].low = low;
    re->ranges[re->ranges_count++].high = high;
}

static void add_complement(amphi_re *re, const amphi_re_range *ranges, size_t count)
{
    uint32_t from = 0;
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].low > from)
            add_range(re, from, ranges[i].low - 1);
        from = ranges[i].high + 1;
    }
    add_range(re, from, 0x10ffff);
}

/* \d \w \s and their opposites; false when the letter is none of them. */
static bool add_named_set(amphi_re *re, char letter)
{
    static const amphi_re_range digits[] = {{'0', '9'}};
    static const amphi_re_range word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    static const amphi_re_range space[] = {{9, 13}, {32, 32}, {0xa0, 0xa0}, {0x1680, 0x1680},
        {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
        {0xfeff, 0xfeff}};
    const amphi_re_range *set;
    size_t count;
    switch (letter | 0x20) {
    case 'd':
        set = digits;
        count = sizeof digits / sizeof digits[0];
        break;
    case 'w':
        set = word;
        count = sizeof word / sizeof word[0];
        break;
    case 's':
        set = space;
        count = sizeof space / sizeof space[0];
        break;
    default:
        return false;
    }
    if (letter >= 'a')
        for (size_t i = 0; i < count; i++)
            add_range(re, set[i].low, set[i].high);
    else
        add_complement(re, set, count);
    return true;
}

static uint32_t take_hex(amphi_re *re, size_t digits)
{
    uint32_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        char c = re->rest.size > i ? re->rest.data[i] : '?';
        uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0')
                         : (c | 0x20) >= 'a' && (c | 0x20) <= 'f'
                             ? (uint32_t)((c | 0x20) - 'a') + 10
                             : 16;
        if (digit == 16) {
            re->bad = true;
            return 0;
        }
        value = value * 16 + digit;
    }
    skip(re, digits);
    return value;
}

/* After a backslash: one character. Back references and \p are not for us. */
static uint32_t take_escape(amphi_re *re)
{
    uint32_t c = take_char(re);
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'f':
        return '\f';
    case 'v':
        return '\v';
    case '0':
        return 0;
    case 'x':
        return take_hex(re, 2);
    case 'u':
        return take_hex(re, 4);
    default:
        re->bad = re->bad || (c >= '1' && c <= '9') || c == 'k' || c == 'p' || c == 'P';
        return c;
    }
}

/* One side of a range in brackets; true when it was a named set, which is added already. */
static bool take_set_item(amphi_re *re, uint32_t *c)
{
    if (!take(re, '\\')) {
        *c = take_char(re);
        return false;
    }
    if (re->rest.size > 0 && add_named_set(re, re->rest.data[0])) {
        skip(re, 1);
        return true;
    }
    if (take(re, 'b')) {
        *c = '\b';
        return false;
    }
    *c = take_escape(re);
    return false;
}

static void parse_set(amphi_re *re)
{
    bool negated = take(re, '^');
    size_t first = re->ranges_count;
    while (!re->bad && !at(re, ']')) {
        uint32_t low = 0;
        uint32_t high = 0;
        if (take_set_item(re, &low))
            continue;
        if (re->rest.size > 1 && at(re, '-') && re->rest.data[1] != ']') {
            skip(re, 1);
            if (take_set_item(re, &high)) { /* [a-\d]: three separate things */
                add_range(re, low, low);
                add_range(re, '-', '-');
            } else {
                add_range(re, low, high);
            }
        } else {
            add_range(re, low, low);
        }
    }
    re->bad = re->bad || !take(re, ']');
    emit(re, RE_SET, (int32_t)first, (int)(re->ranges_count - first), negated);
}

static void parse_escape(amphi_re *re)
{
    size_t first = re->ranges_count;
    if (re->rest.size > 0 && add_named_set(re, re->rest.data[0])) {
        skip(re, 1);
        emit(re, RE_SET, (int32_t)first, (int)(re->ranges_count - first), false);
    } else if (take(re, 'b')) {
        emit(re, RE_WORD_EDGE, 0, 0, false);
        re->can_repeat = false;
    } else if (take(re, 'B')) {
        emit(re, RE_NOT_WORD_EDGE, 0, 0, false);
        re->can_repeat = false;
    } else {
        emit(re, RE_CHAR, (int32_t)take_escape(re), 0, false);
    }
}

static void parse_group(amphi_re *re)
{
    if (take(re, '?') && !take(re, ':')) {
        re->bad = true; /* look-around, names */
        return;
    }
    if (++re->depth > GROUPS_MAX) {
        re->bad = true;
        return;
    }
    parse_alternatives(re);
    re->depth--;
    re->bad = re->bad || !take(re, ')');
}

/* Returns false where the sequence ends. */
static bool parse_atom(amphi_re *re)
{
    if (re->rest.size == 0 || at(re, '|') || at(re, ')'))
        return false;
    re->can_repeat = true;
    if (take(re, '(')) {
        parse_group(re);
        re->can_repeat = true;
    } else if (take(re, '[')) {
        parse_set(re);
    } else if (take(re, '.')) {
        emit(re, RE_ANY, 0, 0, false);
    } else if (take(re, '^')) {
        emit(re, RE_BEGIN, 0, 0, false);
        re->can_repeat = false;
    } else if (take(re, '$')) {
        emit(re, RE_END, 0, 0, false);
        re->can_repeat = false;
    } else if (take(re, '\\')) {
        parse_escape(re);
    } else if (at(re, '*') || at(re, '+') || at(re, '?')) {
        re->bad = true; /* nothing to repeat */
    } else {
        emit(re, RE_CHAR, (int32_t)take_char(re), 0, false);
    }
    return !re->bad;
}

static bool take_count(amphi_str *text, int *out)
{
    int value = 0;
    size_t i = 0;
    for (; i < text->size && text->data[i] >= '0' && text->data[i] <= '9'; i++)
        value = value < 100000 ? value * 10 + (text->data[i] - '0') : value;
    *out = value;
    *text = amphi__str_slice(*text, i, text->size);
    return i > 0;
}

/* *, +, ?, {2}, {2,}, {2,5}; most -1: no bound. A brace that is no quantifier is a character. */
static bool take_quantifier(amphi_re *re, int *least, int *most)
{
    if (at(re, '*') || at(re, '+') || at(re, '?')) {
        *least = at(re, '+');
        *most = at(re, '?') ? 1 : -1;
        skip(re, 1);
        return true;
    }
    amphi_str text = amphi__str_slice(re->rest, 1, re->rest.size);
    if (!at(re, '{') || !take_count(&text, least))
        return false;
    *most = *least;
    if (text.size > 0 && text.data[0] == ',') {
        text = amphi__str_slice(text, 1, text.size);
        if (!take_count(&text, most))
            *most = -1;
    }
    if (text.size == 0 || text.data[0] != '}')
        return false;
    re->rest = amphi__str_slice(text, 1, text.size);
    re->bad =
        re->bad || *least > REPEAT_MAX || *most > REPEAT_MAX || (*most >= 0 && *most < *least);
    return true;
}

static void emit_copy(amphi_re *re, const size_t from, size_t size)
{
    for (size_t i = 0; i < size && !re->bad; i++) {
        amphi_re_step step = re->program[from + i];
        emit(re, (amphi_re_op)step.op, step.a, step.b, step.negated);
    }
}

/* The atom stands at from .. size; repeats it. Greed does not matter to a yes or no. */
static void repeat(amphi_re *re, size_t from, int least, int most)
{
    size_t size = re->size - from;
    if (most == 0) {
        re->size = from;
        return;
    }
    if (least == 0) { /* the first copy can be stepped over */
        insert_split(re, from, 1, (int)size + (most < 0 ? 2 : 1));
        if (most < 0) {
            emit(re, RE_JUMP, -(int)size - 1, 0, false);
            return;
        }
        from++;
    }
    for (int i = 1; i < least && !re->bad; i++)
        emit_copy(re, from, size);
    if (most < 0) {
        emit(re, RE_SPLIT, -(int)size, 1, false);
        return;
    }
    for (int i = least > 0 ? least : 1; i < most && !re->bad; i++) {
        emit(re, RE_SPLIT, 1, (int)size + 1, false);
        emit_copy(re, from, size);
    }
}

static void parse_sequence(amphi_re *re)
{
    for (;;) {
        size_t from = re->size;
        int least = 0;
        int most = 0;
        if (!parse_atom(re))
            return;
        if (take_quantifier(re, &least, &most)) {
            take(re, '?'); /* lazy */
            re->bad = re->bad || !re->can_repeat;
            repeat(re, from, least, most);
        }
    }
}

static void parse_alternatives(amphi_re *re)
{
    size_t from = re->size;
    parse_sequence(re);
    if (re->bad || !take(re, '|'))
        return;
    /* split L1, L2; L1: left; jump end; L2: right; end: */
    insert_split(re, from, 1, (int)(re->size - from) + 2);
    size_t jump = re->size;
    emit(re, RE_JUMP, 0, 0, false);
    if (++re->depth > GROUPS_MAX) {
        re->bad = true;
        return;
    }
    parse_alternatives(re);
    re->depth--;
    if (!re->bad)
        re->program[jump].a = (int32_t)(re->size - jump);
}

/* ---- running it ---- */

typedef struct amphi_re_threads {
    uint16_t at[PROGRAM_MAX];
    size_t count;
} amphi_re_threads;

static bool is_word(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static uint32_t other_case(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? c ^ 0x20 : c;
}

static bool set_has(const amphi_re *re, const amphi_re_step *step, uint32_t c)
{
    for (int i = 0; i < step->b; i++) {
        const amphi_re_range *range = &re->ranges[step->a + i];
        if (c >= range->low && c <= range->high)
            return true;
    }
    return false;
}

static bool accepts(const amphi_re *re, const amphi_re_step *step, uint32_t c)
{
    uint32_t other = re->ignore_case ? other_case(c) : c;
    switch ((amphi_re_op)step->op) {
    case RE_CHAR:
        return (uint32_t)step->a == c || (uint32_t)step->a == other;
    case RE_ANY:
        return c != '\n' && c != '\r' && c != 0x2028 && c != 0x2029;
    case RE_SET:
        return (set_has(re, step, c) || set_has(re, step, other)) != step->negated;
    default:
        return false;
    }
}

/* Where in the text the threads stand; -1: outside. */
typedef struct amphi_re_place {
    int64_t before, after;
} amphi_re_place;

static bool holds(const amphi_re_step *step, const amphi_re_place *place)
{
    bool edge = (place->before >= 0 && is_word((uint32_t)place->before)) !=
                (place->after >= 0 && is_word((uint32_t)place->after));
    switch ((amphi_re_op)step->op) {
    case RE_BEGIN:
        return place->before < 0;
    case RE_END:
        return place->after < 0;
    case RE_WORD_EDGE:
        return edge;
    default:
        return !edge;
    }
}

/* Follows splits and jumps from `start`; true when the program's end is reached. */
static bool add_thread(const amphi_re *re, amphi_re_threads *threads, uint8_t *seen, size_t start,
    const amphi_re_place *place)
{
    uint16_t stack[2 * PROGRAM_MAX];
    size_t depth = 0;
    stack[depth++] = (uint16_t)start;
    while (depth > 0) {
        size_t pc = stack[--depth];
        const amphi_re_step *step = &re->program[pc];
        if (seen[pc])
            continue;
        seen[pc] = 1;
        switch ((amphi_re_op)step->op) {
        case RE_MATCH:
            return true;
        case RE_JUMP:
            stack[depth++] = (uint16_t)((int32_t)pc + step->a);
            break;
        case RE_SPLIT:
            stack[depth++] = (uint16_t)((int32_t)pc + step->b);
            stack[depth++] = (uint16_t)((int32_t)pc + step->a);
            break;
        case RE_CHAR:
        case RE_ANY:
        case RE_SET:
            threads->at[threads->count++] = (uint16_t)pc;
            break;
        default:
            if (holds(step, place))
                stack[depth++] = (uint16_t)(pc + 1);
            break;
        }
    }
    return false;
}

static int64_t peek(amphi_str text, size_t *size)
{
    uint32_t c = 0;
    *size = amphi__utf8_decode(text, &c);
    if (text.size == 0)
        return -1;
    if (*size == 0) { /* not UTF-8: a byte for itself */
        *size = 1;
        return (unsigned char)text.data[0];
    }
    return c;
}

/* What one place in the text costs, in steps of an evaluation. */
static uint64_t cost_of(const amphi_re *re, size_t threads)
{
    return 1 + re->size / 64 + threads * (4 + re->ranges_count) / 16;
}

static bool run(amphi_gb *gb, const amphi_re *re, amphi_str text)
{
    amphi_re_threads lists[2];
    amphi_re_threads *now = &lists[0];
    amphi_re_threads *next = &lists[1];
    uint8_t seen[PROGRAM_MAX];
    amphi_re_place place = {-1, -1};
    size_t size = 0;
    now->count = 0;
    memset(seen, 0, re->size);
    place.after = peek(text, &size);
    for (;;) {
        /* A match may start anywhere, so a fresh thread joins at every place. */
        if (add_thread(re, now, seen, 0, &place))
            return true;
        if (place.after < 0 || !amphi__gb_charge(gb, cost_of(re, now->count)))
            return false;
        uint32_t c = (uint32_t)place.after;
        text = amphi__str_slice(text, size, text.size);
        place.before = place.after;
        place.after = peek(text, &size);
        next->count = 0;
        memset(seen, 0, re->size);
        for (size_t i = 0; i < now->count; i++)
            if (accepts(re, &re->program[now->at[i]], c) &&
                add_thread(re, next, seen, (size_t)now->at[i] + 1, &place))
                return true;
        amphi_re_threads *done = now;
        now = next;
        next = done;
    }
}

bool amphi__gb_regex_charged(
    amphi_gb *gb, amphi_str pattern, amphi_str text, bool ignore_case, bool *valid)
{
    amphi_re re;
    re.rest = pattern;
    re.ignore_case = ignore_case;
    re.bad = re.can_repeat = false;
    re.depth = 0;
    re.size = 0;
    re.ranges_count = 0;
    parse_alternatives(&re);
    re.bad = re.bad || re.rest.size > 0; /* an unmatched ")" */
    emit(&re, RE_MATCH, 0, 0, false);
    *valid = !re.bad;
    return amphi__gb_charge(gb, pattern.size / 16 + re.size / 8) && !re.bad && run(gb, &re, text);
}

bool amphi__gb_regex(amphi_str pattern, amphi_str text, bool ignore_case, bool *valid)
{
    amphi_gb gb;
    bool unused;
    amphi__gb_init(&gb, NULL, NULL);
    gb.steps_left = UINT32_MAX;
    return amphi__gb_regex_charged(
        &gb, pattern, text, ignore_case, valid != NULL ? valid : &unused);
}
