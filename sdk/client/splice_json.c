/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer that is JSON: it goes on when what comes is what the grammar allows next, to the end.
 * Where an object may begin, a new answer may begin too: there the object has to close and the
 * outer one to go on. Inside a string the words decide (splice_prose.c), unless what follows the
 * string shows it.
 */
#include "sdk/client/splice_judge.h"

#include "sdk/client/splice_words.h"
#include "sdk/core/str.h"

enum { DEPTH_MAX = 64, KEY_BYTES_MAX = 64, MARKS_SURE = 1, BYTES_SURE = 3, KEYS_MAX = 128 };

static const char *const no_end = "the JSON would not be complete";

typedef enum expected {
    VALUE = 0,    /* of a member, of an array behind a comma, or the whole */
    VALUE_OR_END, /* behind [ */
    KEY,          /* behind a comma in an object */
    KEY_OR_END,   /* behind { */
    COLON,
    COMMA_OR_END,
    NOTHING /* the whole is complete */
} expected;

typedef struct reader {
    bool in_object[DEPTH_MAX];
    size_t depth;
    expected next;
    bool in_string;
    bool is_key;
    bool escaped;
    bool in_word; /* a number, true, false, null */
    char word[32];
    size_t word_size;
    size_t marks;  /* structural characters, quotes at a string's end included */
    size_t lowest; /* depth */
    uint32_t hash; /* of the key that is read */
    struct {
        size_t depth;
        uint32_t hash;
    } keys[KEYS_MAX]; /* of the objects that are open */
    size_t keys_count;
    bool has_twice; /* a key came twice in one object */
} reader;

static void after_value(reader *r)
{
    r->next = r->depth > 0 ? COMMA_OR_END : NOTHING;
}

/* Keys beyond KEYS_MAX are not compared. */
static void end_key(reader *r)
{
    for (size_t i = 0; i < r->keys_count; i++)
        r->has_twice |= r->keys[i].depth == r->depth && r->keys[i].hash == r->hash;
    if (r->keys_count < KEYS_MAX) {
        r->keys[r->keys_count].depth = r->depth;
        r->keys[r->keys_count++].hash = r->hash;
    }
}

static bool begins_with(const char *whole, const reader *r)
{
    return r->word_size <= strlen(whole) && memcmp(whole, r->word, r->word_size) == 0;
}

/* Could this be the beginning of a number or a literal? */
static bool is_scalar(const reader *r)
{
    size_t at = r->word[0] == '-';
    if (r->word_size > at && (r->word[at] < '0' || r->word[at] > '9'))
        return begins_with("true", r) || begins_with("false", r) || begins_with("null", r);
    for (; at < r->word_size; at++)
        if (strchr("0123456789.eE+-", r->word[at]) == NULL)
            return false;
    return true;
}

static bool open_value(reader *r, char c)
{
    if (r->depth == DEPTH_MAX)
        return false;
    r->in_object[r->depth++] = c == '{';
    r->next = c == '{' ? KEY_OR_END : VALUE_OR_END;
    r->marks++;
    return true;
}

static bool close_value(reader *r, char c)
{
    bool may_end = r->next == COMMA_OR_END || r->next == (c == '}' ? KEY_OR_END : VALUE_OR_END);
    if (r->depth == 0 || !may_end || r->in_object[r->depth - 1] != (c == '}'))
        return false;
    while (r->keys_count > 0 && r->keys[r->keys_count - 1].depth == r->depth)
        r->keys_count--;
    r->depth--;
    r->lowest = r->depth < r->lowest ? r->depth : r->lowest;
    r->marks++;
    after_value(r);
    return true;
}

static bool begin_scalar(reader *r, char c)
{
    r->in_word = true;
    r->word[0] = c;
    r->word_size = 1;
    return is_scalar(r);
}

static bool read_outside(reader *r, char c)
{
    bool is_value = r->next == VALUE || r->next == VALUE_OR_END;
    if (strchr(" \t\r\n", c) != NULL)
        return true;
    switch (c) {
    case '{':
    case '[':
        return is_value && open_value(r, c);
    case '}':
    case ']':
        return close_value(r, c);
    case ',':
        if (r->next != COMMA_OR_END)
            return false;
        r->next = r->in_object[r->depth - 1] ? KEY : VALUE;
        r->marks++;
        return true;
    case ':':
        if (r->next != COLON)
            return false;
        r->next = VALUE;
        r->marks++;
        return true;
    case '"':
        r->is_key = r->next == KEY || r->next == KEY_OR_END;
        r->in_string = true;
        r->hash = 2166136261u;
        return is_value || r->is_key;
    default:
        return is_value && begin_scalar(r, c);
    }
}

static bool read_char(reader *r, char c)
{
    if (r->in_string) {
        r->hash = (r->hash ^ (unsigned char)c) * 16777619u;
        if (r->escaped)
            r->escaped = false;
        else if (c == '\\')
            r->escaped = true;
        else if (c == '"') {
            r->in_string = false;
            r->marks++;
            if (r->is_key) {
                end_key(r);
                r->next = COLON;
            } else {
                after_value(r);
            }
        }
        return (unsigned char)c >= 0x20 || c == '\n';
    }
    if (r->in_word) {
        if (strchr(" \t\r\n,]}", c) == NULL) {
            if (r->word_size == sizeof r->word)
                return false;
            r->word[r->word_size++] = c;
            return is_scalar(r);
        }
        r->in_word = false;
        after_value(r);
    }
    return read_outside(r, c);
}

/* How much of the text fits; all of it: its size. Stops where the whole is complete. */
static size_t read_text(reader *r, amphi_str text)
{
    size_t at = 0;
    while (at < text.size && r->next != NOTHING && read_char(r, text.data[at]))
        at++;
    return at;
}

/* Where the JSON of an answer begins: at its first character, or behind the fence that it is in. */
static size_t begin_of(amphi_str text)
{
    size_t at = amphi__splice_blanks(text);
    if (amphi__str_starts_with(amphi__str_slice(text, at, text.size), AMPHI_STR("```"))) {
        const char *line_end = memchr(text.data + at, '\n', text.size - at);
        at = line_end != NULL ? (size_t)(line_end - text.data) + 1 : text.size;
        at += amphi__splice_blanks(amphi__str_slice(text, at, text.size));
    }
    return at;
}

static bool begins_json(amphi_str text)
{
    size_t at = begin_of(text);
    return at < text.size && (text.data[at] == '{' || text.data[at] == '[');
}

/* The first key of an object, or of the first one in an array. */
static amphi_str first_key(amphi_str text)
{
    size_t at = begin_of(text);
    while (at < text.size && strchr("{[ \t\r\n", text.data[at]) != NULL)
        at++;
    amphi_str rest = amphi__str_slice(text, at + 1, text.size);
    const char *end = rest.size > 0 ? memchr(rest.data, '"', rest.size) : NULL;
    if (at >= text.size || text.data[at] != '"' || end == NULL)
        return amphi_str_make(NULL, 0);
    return amphi_str_make(rest.data, (size_t)(end - rest.data));
}

static amphi_seam_ruling judge_misfit(const amphi_seam *seam, const reader *before)
{
    size_t at = amphi__splice_blanks(seam->after);
    bool is_object = seam->after.data[at] == '{';
    bool same_form = begins_json(seam->after) && before->in_object[0] == is_object &&
                     (seam->after.data[amphi__splice_blanks(seam->after)] != '`' ||
                         seam->before.data[amphi__splice_blanks(seam->before)] == '`');
    return same_form ? amphi__seam_rule(AMPHI_SEAM_ANEW, "it began the JSON anew")
                     : amphi__seam_rule(AMPHI_SEAM_USELESS, "the JSON would no longer parse");
}

/* Where a value is due, an object may be that value or a new answer. */
static amphi_seam_ruling judge_object(const amphi_seam *seam, const reader *before, const reader *r)
{
    amphi_str own = first_key(seam->after);
    amphi_str whole = first_key(seam->before);
    bool top_is_object = before->in_object[0];
    char open = seam->after.data[amphi__splice_blanks(seam->after)];
    if (top_is_object == (open == '{') && own.size > 0 && amphi__str_equal(own, whole))
        return amphi__seam_rule(AMPHI_SEAM_ANEW, "it began the JSON anew");
    if (!top_is_object && open == '{' && own.size > 0 && amphi__str_equal(own, whole))
        return amphi__seam_rule(AMPHI_SEAM_CONTINUES, NULL); /* the next of an array of them */
    if (r->lowest < before->depth || (r->depth == before->depth && r->next != COMMA_OR_END))
        return amphi__seam_rule(AMPHI_SEAM_CONTINUES, NULL);
    if (seam->is_known && seam->is_late)
        return amphi__seam_rule(AMPHI_SEAM_CONTINUES, NULL);
    return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
}

/* Inside of a string, and it has not ended yet. */
static amphi_seam_ruling judge_string(const amphi_seam *seam, amphi_str json)
{
    size_t from = json.size;
    while (from > 0 && !(json.data[from - 1] == '"' && (from < 2 || json.data[from - 2] != '\\')))
        from--;
    if (!seam->is_late && !seam->is_all)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    if (seam->is_all)
        return amphi__seam_rule(AMPHI_SEAM_USELESS, no_end);
    amphi_seam inside = *seam;
    amphi_str content = amphi__str_slice(json, from, json.size);
    inside.before = amphi__str_slice(content, 0, amphi__splice_without_blanks(content));
    return amphi__seam_look_at_prose(&inside);
}

/* A fence with its own line: in a string a line's end is written with a backslash. */
static bool opens_block(amphi_str text)
{
    return amphi__str_starts_with(text, AMPHI_STR("```")) &&
           memchr(text.data, '\n', text.size) != NULL;
}

amphi_seam_ruling amphi__seam_look_at_json(const amphi_seam *seam)
{
    reader r = {.next = VALUE};
    if (!begins_json(seam->before))
        return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
    amphi_str json = amphi__str_slice(seam->before, begin_of(seam->before), seam->before.size);
    if (read_text(&r, json) < json.size || r.next == NOTHING)
        return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
    (void)read_text(&r, seam->blanks);
    const reader before = r;
    /* Blanks that were delivered and are said again: only a string would keep them. */
    size_t skip = 0;
    while (skip < seam->blanks.size && skip < seam->after.size &&
           seam->after.data[skip] == seam->blanks.data[skip])
        skip++;
    amphi_str text = amphi__str_slice(seam->after, skip, seam->after.size);
    r.marks = 0;
    r.lowest = r.depth;
    r.has_twice = false;
    size_t fits = read_text(&r, text);
    bool is_complete = r.next == NOTHING;
    if (fits < text.size && !is_complete)
        return judge_misfit(seam, &before);
    if (r.has_twice)
        return amphi__seam_rule(AMPHI_SEAM_USELESS, "a key would come twice");
    if (before.in_string && opens_block(seam->after))
        return amphi__seam_rule(AMPHI_SEAM_USELESS, "it opened a code block inside the JSON");
    size_t at = amphi__splice_blanks(text);
    bool is_open = at < text.size && (text.data[at] == '{' || text.data[at] == '[');
    if (seam->is_all && !is_complete)
        return is_open && !before.in_string ? judge_misfit(seam, &before)
                                            : amphi__seam_rule(AMPHI_SEAM_USELESS, no_end);
    amphi_seam_ruling ruling = {.verdict = AMPHI_SEAM_CONTINUES};
    if (is_open && !before.in_string)
        ruling = judge_object(seam, &before, &r);
    else if (before.in_string && r.in_string && r.marks == 0)
        ruling = judge_string(seam, json);
    else if (r.marks < MARKS_SURE + (size_t)before.in_string && !is_complete && !seam->is_late)
        ruling.verdict = AMPHI_SEAM_UNDECIDED;
    ruling.is_sure = ruling.verdict == AMPHI_SEAM_CONTINUES && r.marks > 1;
    ruling.skip = ruling.verdict == AMPHI_SEAM_CONTINUES ? skip + ruling.skip : 0;
    ruling.needs_blank = ruling.needs_blank && before.in_string;
    return ruling;
}
