/* SPDX-License-Identifier: Apache-2.0
 *
 * Markdown's block structure, which is the same in every language: a code fence that is open can be
 * closed but not opened again, a sentence is no code, a numbered list goes on with its next number,
 * and a heading stands at the beginning of a line.
 */
#include "sdk/client/splice_judge.h"

#include "sdk/client/splice_words.h"
#include "sdk/core/str.h"
#include "sdk/core/unicode.h"

enum { PROSE_WORDS = 4, CODE_WORDS = 3 };

static const char *const again = "it opened the code block again";

static amphi_str line_at(amphi_str text, size_t at)
{
    const char *end = at < text.size ? memchr(text.data + at, '\n', text.size - at) : NULL;
    return amphi__str_slice(text, at, end != NULL ? (size_t)(end - text.data) : text.size);
}

static amphi_str last_line(amphi_str text)
{
    size_t at = text.size;
    while (at > 0 && text.data[at - 1] != '\n')
        at--;
    return amphi__str_slice(text, at, text.size);
}

static size_t indent_of(amphi_str line)
{
    size_t at = 0;
    while (at < line.size && (line.data[at] == ' ' || line.data[at] == '\t'))
        at++;
    return at;
}

static bool is_fence(amphi_str line)
{
    return amphi__str_starts_with(
        amphi__str_slice(line, indent_of(line), line.size), AMPHI_STR("```"));
}

/* "```c" names a language: such a line opens a block and never closes one. */
static bool names_language(amphi_str line)
{
    amphi_str rest = amphi__str_trim(amphi__str_slice(line, indent_of(line) + 3, line.size));
    return rest.size > 0;
}

static bool has_open_fence(amphi_str text)
{
    bool is_open = false;
    for (size_t at = 0; at < text.size;) {
        amphi_str line = line_at(text, at);
        is_open ^= is_fence(line);
        at += line.size + 1;
    }
    return is_open;
}

/* Does the new text stand at the beginning of a line? */
static bool is_at_line(const amphi_seam *seam)
{
    size_t blanks = amphi__splice_blanks(seam->after);
    return seam->before.size == 0 ||
           (seam->blanks.size > 0 && memchr(seam->blanks.data, '\n', seam->blanks.size) != NULL) ||
           (blanks > 0 && memchr(seam->after.data, '\n', blanks) != NULL);
}

static amphi_seam_ruling rule_anew(bool is_same_form, const char *why)
{
    return amphi__seam_rule(is_same_form ? AMPHI_SEAM_ANEW : AMPHI_SEAM_USELESS, why);
}

/* The seam's blanks, so that none is said twice, and a line that is joined keeps its indent. */
static amphi_seam_ruling go_on(const amphi_seam *seam)
{
    amphi_seam_ruling ruling = {.verdict = AMPHI_SEAM_CONTINUES};
    while (ruling.skip < seam->blanks.size && ruling.skip < seam->after.size &&
           seam->blanks.data[ruling.skip] == seam->after.data[ruling.skip])
        ruling.skip++;
    return ruling;
}

/* ---- In an open code block ------------------------------------------------------------------- */

static bool is_code_mark(char c)
{
    return strchr("{}()[]<>=;_&|$@\\/*+%^~#", c) != NULL;
}

/* Words and little else, and it begins as a sentence does. */
static bool is_prose(amphi_str line)
{
    amphi_str text = amphi__str_trim(line);
    uint32_t first = amphi__splice_first_char(text);
    bool begins = amphi__unicode_is_upper(first) || amphi__splice_is_unspaced(first) ||
                  first == 0xA1 || first == 0xBF;
    size_t words = amphi__splice_words_count(text, PROSE_WORDS);
    if (!begins || words < (size_t)(amphi__splice_is_unspaced(first) ? PROSE_WORDS : 2))
        return false;
    size_t marks = 0;
    for (size_t i = 0; i < text.size; i++)
        marks += is_code_mark(text.data[i]);
    uint32_t last = amphi__splice_last_char(text);
    bool ends = amphi__splice_is_sentence_end(last) || last == ':' || last == 0xFF1A;
    return marks == 0 && (ends || words >= PROSE_WORDS);
}

/* In a comment or a text that goes over lines, words are what is expected. */
static bool is_in_comment(amphi_str before)
{
    amphi_str line = amphi__str_trim(last_line(before));
    static const char *const marks[] = {"//", "#", "/*", "*", "--", "\"\"\"", "'''", "<!--", NULL};
    for (size_t i = 0; marks[i] != NULL; i++)
        if (amphi__str_find(line, amphi_str_from(marks[i])) != SIZE_MAX)
            return true;
    size_t quotes = 0;
    for (size_t i = 0; i < line.size; i++)
        quotes += line.data[i] == '"';
    return quotes % 2 == 1;
}

/* Is there a fence behind the first line of what came? *names: one that opens. */
static bool has_later_fence(amphi_str after, bool *names)
{
    for (size_t at = line_at(after, 0).size + 1; at < after.size;) {
        amphi_str line = line_at(after, at);
        if (is_fence(line)) {
            *names = names_language(line);
            return true;
        }
        at += line.size + 1;
    }
    return false;
}

/* In mid-line, and without a blank of its own, it begins as a line does that defines or returns. */
static bool begins_statement(const amphi_seam *seam, amphi_str line)
{
    static const char *const words[] = {"def ", "class ", "import ", "from ", "function ",
        "return ", "const ", "let ", "var ", "fn ", "func ", "public ", "static ", "#include",
        "SELECT ", "CREATE ", "INSERT ", "with ", "package ", "using ", NULL};
    if (is_at_line(seam) || seam->after.data[0] == ' ' || seam->is_known)
        return false;
    for (size_t i = 0; words[i] != NULL; i++)
        if (amphi__str_starts_with(line, amphi_str_from(words[i])))
            return true;
    return false;
}

static amphi_seam_ruling look_in_block(const amphi_seam *seam)
{
    size_t blanks = amphi__splice_blanks(seam->after);
    amphi_str text = amphi__str_slice(seam->after, blanks, seam->after.size);
    amphi_str line = line_at(text, 0);
    bool has_line = line.size < text.size || seam->is_all || seam->is_late;
    bool before_is_block = is_fence(line_at(seam->before, 0));
    bool names = false;
    if (text.size < 3 && line.size == text.size && !seam->is_all && !seam->is_late)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    if (is_fence(line)) {
        if (!has_line)
            return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
        if (names_language(line) || !is_at_line(seam))
            return rule_anew(before_is_block && names_language(line), again);
        return go_on(seam);
    }
    bool closed = has_later_fence(text, &names);
    if (closed && names)
        return rule_anew(false, again);
    if (seam->is_all && !closed)
        return amphi__seam_rule(AMPHI_SEAM_USELESS, "the code block would not be closed");
    if (begins_statement(seam, line))
        return amphi__seam_doubt("a line began inside another");
    bool is_known = seam->is_known && seam->is_late;
    bool is_capital = amphi__unicode_is_upper(amphi__splice_first_char(text));
    if (is_in_comment(seam->before) && is_capital && seam->after.data[0] != ' ' &&
        !is_at_line(seam) && !is_known)
        return amphi__seam_rule(AMPHI_SEAM_USELESS, "it spoke where code was expected");
    if (is_prose(line) && !is_in_comment(seam->before) && !is_known)
        return amphi__seam_rule(AMPHI_SEAM_USELESS, "it spoke where code was expected");
    bool has_words = has_line && amphi__splice_words_count(line, CODE_WORDS) < CODE_WORDS;
    bool is_enough = closed || (text.size > line.size + 1 && has_words) ||
                     amphi__splice_words_count(text, PROSE_WORDS + 2) >= PROSE_WORDS + 2;
    if (!is_enough && !seam->is_late && !seam->is_all)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    return go_on(seam);
}

amphi_seam_ruling amphi__seam_look_at_code(const amphi_seam *seam)
{
    size_t blanks = amphi__splice_blanks(seam->after);
    amphi_str text = amphi__str_slice(seam->after, blanks, seam->after.size);
    if (has_open_fence(seam->before)) {
        /* A fence's own line that was cut: what comes is its language, or the first line. */
        if (is_fence(last_line(seam->before)) && seam->blanks.size == 0)
            return text.size > 0 && is_fence(line_at(text, 0))
                       ? amphi__seam_rule(AMPHI_SEAM_USELESS, again)
                       : look_in_block(seam);
        return look_in_block(seam);
    }
    if (text.size > 0 && is_fence(line_at(text, 0))) {
        bool before_is_block = is_fence(line_at(seam->before, 0));
        if (!is_at_line(seam) || before_is_block || is_fence(last_line(seam->before)))
            return rule_anew(before_is_block, again);
        return go_on(seam);
    }
    return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
}

/* ---- Lists and headings ---------------------------------------------------------------------- */

/* "12. " or "12) " at the beginning of a line; 0: none. */
static unsigned number_of(amphi_str line)
{
    size_t at = indent_of(line);
    unsigned number = 0;
    size_t digits = 0;
    for (; at < line.size && line.data[at] >= '0' && line.data[at] <= '9' && digits < 4; at++) {
        number = number * 10 + (unsigned)(line.data[at] - '0');
        digits++;
    }
    bool is_item = digits > 0 && at + 1 < line.size &&
                   (line.data[at] == '.' || line.data[at] == ')') && line.data[at + 1] == ' ';
    return is_item ? number : 0;
}

static bool is_bullet(amphi_str line)
{
    amphi_str text = amphi__str_slice(line, indent_of(line), line.size);
    return text.size > 1 && strchr("-*+", text.data[0]) != NULL && text.data[1] == ' ';
}

static bool is_heading(amphi_str line)
{
    size_t marks = 0;
    while (marks < line.size && line.data[marks] == '#')
        marks++;
    return marks > 0 && marks < 7 && marks < line.size && line.data[marks] == ' ';
}

/* The text may still become a number with its dot, or a mark with its blank. */
static bool may_become_item(amphi_str line)
{
    size_t at = 0;
    while (at < line.size && line.data[at] >= '0' && line.data[at] <= '9')
        at++;
    if (at > 0 && at < 4)
        return at == line.size || (at + 1 == line.size && strchr(".)", line.data[at]) != NULL);
    return line.size == 1 && strchr("-*+#", line.data[0]) != NULL;
}

/* Did the list that is going on number each item 1? Markdown counts by itself. */
static bool counts_by_itself(amphi_str before)
{
    size_t items = 0;
    size_t ones = 0;
    for (size_t at = 0; at < before.size;) {
        amphi_str line = line_at(before, at);
        unsigned number = number_of(line);
        items += number > 0;
        ones += number == 1;
        at += line.size + 1;
    }
    return items > 1 && ones == items;
}

/* Was a numbered list begun? */
static bool has_list(amphi_str before)
{
    for (size_t at = 0; at < before.size;) {
        amphi_str line = line_at(before, at);
        if (number_of(line) > 0)
            return true;
        at += line.size + 1;
    }
    return false;
}

/* Of the first item behind the first line of what came; 0: there is none. */
static unsigned first_number_behind(amphi_str after)
{
    for (size_t at = line_at(after, 0).size + 1; at < after.size;) {
        amphi_str line = line_at(after, at);
        if (number_of(line) > 0)
            return number_of(line);
        at += line.size + 1;
    }
    return 0;
}

amphi_seam_ruling amphi__seam_look_at_list(const amphi_seam *seam)
{
    static const char *const restarts = "it began the list again";
    size_t blanks = amphi__splice_blanks(seam->after);
    amphi_str text = amphi__str_slice(seam->after, blanks, seam->after.size);
    amphi_str line = line_at(text, 0);
    amphi_str last = last_line(seam->before);
    bool may_wait = !seam->is_all && !seam->is_late;
    unsigned number = number_of(line);
    unsigned reached = number_of(last);
    bool is_item = number > 0 || is_bullet(line) || is_heading(line);
    if (may_wait && may_become_item(line))
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    if (!is_item && has_list(seam->before) && first_number_behind(text) == 1)
        return amphi__seam_rule(AMPHI_SEAM_USELESS, restarts);
    if (!is_item)
        return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
    if (!is_at_line(seam)) {
        if (seam->is_known && number == 0)
            return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
        bool is_same = number == 1 && number_of(line_at(seam->before, 0)) == 1;
        return amphi__seam_rule(is_same ? AMPHI_SEAM_ANEW : AMPHI_SEAM_USELESS, restarts);
    }
    bool is_inner =
        seam->after.data[0] == ' ' || (blanks > 0 && seam->after.data[blanks - 1] == ' ');
    if (reached > 0 && number > 0 && !is_inner && number != reached + 1 &&
        !counts_by_itself(seam->before)) {
        bool is_same = number == 1 && number_of(line_at(seam->before, 0)) == 1;
        return amphi__seam_rule(is_same ? AMPHI_SEAM_ANEW : AMPHI_SEAM_USELESS, restarts);
    }
    if (is_bullet(last) && number == 1 && !is_inner)
        return amphi__seam_rule(AMPHI_SEAM_USELESS, restarts);
    uint32_t mark = amphi__splice_last_char(seam->before);
    bool is_announced = (mark == ':' || mark == 0xFF1A) && number < 2 && !has_list(seam->before);
    if (is_announced || (number > 0 && number == reached + 1 && reached > 0)) {
        amphi_seam_ruling ruling = go_on(seam);
        ruling.is_sure = !is_announced;
        return ruling;
    }
    return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
}
