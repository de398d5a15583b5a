/* SPDX-License-Identifier: Apache-2.0
 *
 * Repetitions: the next engine says the whole answer again and goes on (Mistral's API does), its
 * last sentence, its last words, or the word that was cut. Blanks are compared as blanks, and a
 * first letter may have become a capital.
 */
#include "sdk/client/splice_judge.h"

#include "sdk/client/splice_words.h"
#include "sdk/core/str.h"
#include "sdk/core/unicode.h"

enum {
    END_BYTES = 800,   /* of the delivered text that are compared */
    WORDS_SURE = 3,    /* so many repeated words are no chance */
    BYTES_SURE = 8,    /* and so many bytes in two */
    UNSPACED_SURE = 4, /* characters of scripts without blanks */
    LETTERS_SURE = 8,  /* from inside a word */
    LETTERS_MAYBE = 3, /* the same, but a chance is possible */
    ALIKE_WORDS = 2,   /* a new answer that begins as the old one */
    ALIKE_SURE = 5
};

typedef struct match {
    bool is_full;    /* all of the old text is there */
    bool is_partial; /* all of the new text is in the old one so far */
    size_t end;      /* offset in the new text behind what is alike */
} match;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool same_letter(amphi_str old, size_t i, amphi_str now, size_t k)
{
    uint32_t a = 0;
    uint32_t b = 0;
    if (old.data[i] == now.data[k])
        return true;
    return amphi__utf8_decode(amphi__str_slice(old, i, old.size), &a) > 0 &&
           amphi__utf8_decode(amphi__str_slice(now, k, now.size), &b) > 0 &&
           amphi__unicode_to_lower(a) == amphi__unicode_to_lower(b);
}

static match compare(amphi_str old, amphi_str now)
{
    size_t i = 0;
    size_t k = 0;
    bool is_first = true;
    while (i < old.size && k < now.size) {
        if (is_blank(old.data[i]) && is_blank(now.data[k])) {
            while (i < old.size && is_blank(old.data[i]))
                i++;
            while (k < now.size && is_blank(now.data[k]))
                k++;
        } else if (old.data[i] == now.data[k] || (is_first && same_letter(old, i, now, k))) {
            /* Of a letter in another case the other bytes are not compared. */
            bool is_same = old.data[i] == now.data[k];
            i++;
            k++;
            while (is_first && !is_same && i < old.size && k < now.size &&
                   ((unsigned char)old.data[i] & 0xC0) == 0x80) {
                i++;
                k++;
            }
            is_first = is_first && ((unsigned char)old.data[i - 1] & 0xC0) == 0xC0;
        } else {
            break;
        }
    }
    return (match){i == old.size, k == now.size && i < old.size, k};
}

/* Where the repeated text begins: behind blanks and dots that stand for what is left out. */
static size_t begin_of(amphi_str after)
{
    size_t at = amphi__splice_blanks(after);
    amphi_str rest = amphi__str_slice(after, at, after.size);
    if (amphi__str_starts_with(rest, AMPHI_STR("...")))
        at += 3;
    else if (amphi__str_starts_with(rest, AMPHI_STR("\xE2\x80\xA6")))
        at += 3;
    else
        return at;
    return at + amphi__splice_blanks(amphi__str_slice(after, at, after.size));
}

/* Are these words enough to be no chance? */
static bool is_telling(amphi_str text)
{
    amphi_splice_word word;
    size_t offset = 0;
    size_t words = 0;
    size_t unspaced = 0;
    while (words < WORDS_SURE + UNSPACED_SURE && amphi__splice_word_next(text, &offset, &word)) {
        words++;
        unspaced += word.is_unspaced;
    }
    if (unspaced > 0)
        return unspaced >= UNSPACED_SURE;
    return words >= WORDS_SURE || (words == 2 && text.size >= BYTES_SURE);
}

static amphi_seam_ruling cut(const amphi_seam *seam, size_t skip)
{
    amphi_seam_ruling ruling = {.verdict = AMPHI_SEAM_CONTINUES, .skip = skip, .is_sure = true};
    amphi_str rest = amphi__str_slice(seam->after, skip, seam->after.size);
    size_t own = 0; /* the blanks that were delivered already */
    while (own < seam->blanks.size && own < rest.size && rest.data[own] == seam->blanks.data[own])
        own++;
    ruling.skip += own;
    if (ruling.skip == seam->after.size && !seam->is_all && !seam->is_late)
        ruling.verdict = AMPHI_SEAM_UNDECIDED; /* its blank may follow */
    return ruling;
}

/* One word, or a piece of one, that was delivered and is said again. Where it grows by that, in
 * small letters, it is the word that was cut. The same word twice may be meant ("had had"), and
 * with a capital it may begin a sentence. */
static amphi_seam_ruling judge_one_word(
    const amphi_seam *seam, amphi_str old, amphi_str now, size_t end)
{
    static const char *const why = "it began with the last word";
    uint32_t next = amphi__splice_first_char(amphi__str_slice(seam->after, end, seam->after.size));
    uint32_t first = amphi__splice_first_char(old);
    bool has_blank = amphi__splice_blanks(seam->after) > 0;
    if (end == seam->after.size && !seam->is_all && !seam->is_late)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    if (amphi__unicode_is_digit(first))
        return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
    if (!amphi__splice_is_word_char(amphi__splice_last_char(old))) /* a whole word and its mark */
        return old.size > LETTERS_MAYBE ? amphi__seam_doubt(why)
                                        : amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
    if (!amphi__unicode_is_lower(first) || amphi__unicode_is_upper(amphi__splice_first_char(now)))
        return amphi__seam_doubt(why);
    if (old.size < 3 && has_blank)
        return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
    return amphi__splice_is_word_char(next) && old.size >= 3 ? cut(seam, end)
                                                             : amphi__seam_doubt(why);
}

static amphi_str end_of(amphi_str text)
{
    size_t from = text.size > END_BYTES ? text.size - END_BYTES : 0;
    while (from < text.size && ((unsigned char)text.data[from] & 0xC0) == 0x80)
        from++;
    return amphi__str_slice(text, from, text.size);
}

static size_t count_letters(amphi_str text)
{
    size_t count = 0;
    for (size_t at = 0; at < text.size;) {
        uint32_t c = 0;
        size_t size = amphi__utf8_decode(amphi__str_slice(text, at, text.size), &c);
        count += amphi__unicode_is_letter(c);
        at += size > 0 ? size : 1;
    }
    return count;
}

/* The end of the delivered text said again from any character on, inside a word or at a mark. */
static amphi_seam_ruling look_inside_words(const amphi_seam *seam, amphi_str now, size_t begin)
{
    amphi_str tail = end_of(seam->before);
    bool may_come = false;
    for (size_t at = 0; at < tail.size; at++) {
        amphi_str old = amphi__str_slice(tail, at, tail.size);
        if (old.data[0] != now.data[0])
            continue;
        match m = compare(old, now);
        may_come |= m.is_partial;
        size_t letters = m.is_full ? count_letters(old) : 0;
        bool is_unspaced = amphi__splice_is_unspaced(amphi__splice_last_char(old));
        if (letters >= (size_t)(is_unspaced ? UNSPACED_SURE : LETTERS_SURE))
            return cut(seam, begin + m.end);
        if (letters >= LETTERS_MAYBE && !may_come)
            return amphi__seam_doubt("it began with the last letters");
        if (letters >= LETTERS_MAYBE)
            break;
    }
    bool waits = may_come && !seam->is_all && !seam->is_late;
    return amphi__seam_rule(waits ? AMPHI_SEAM_UNDECIDED : AMPHI_SEAM_NONE, NULL);
}

/* One word or two: too few, unless they are the end of something longer that is said again. */
static amphi_seam_ruling judge_few_words(
    const amphi_seam *seam, amphi_str old, amphi_str now, size_t begin, size_t end)
{
    amphi_seam_ruling longer = look_inside_words(seam, now, begin);
    if (longer.verdict == AMPHI_SEAM_CONTINUES && longer.skip > cut(seam, begin + end).skip)
        return longer;
    if (amphi__splice_words_count(old, 2) == 1)
        return judge_one_word(seam, old, now, begin + end);
    return amphi__seam_doubt("it began with the last words");
}

static amphi_seam_ruling look_at_end(const amphi_seam *seam, amphi_str now, size_t begin)
{
    amphi_str tail = end_of(seam->before);
    amphi_splice_word word;
    size_t offset = 0;
    bool may_come = false;
    while (amphi__splice_word_next(tail, &offset, &word)) {
        amphi_str old = amphi__str_slice(tail, word.end - word.text.size, tail.size);
        match m = compare(old, now);
        may_come |= m.is_partial;
        if (!m.is_full)
            continue;
        bool is_capital = amphi__unicode_is_upper(amphi__splice_first_char(now)) &&
                          amphi__unicode_is_lower(amphi__splice_first_char(old));
        size_t needed = is_capital ? WORDS_SURE + 1 : 0; /* it may begin a sentence */
        if (is_telling(old) && amphi__splice_words_count(old, needed) >= needed)
            return cut(seam, begin + m.end);
        if (is_capital && !may_come)
            return amphi__seam_doubt("it began with the last words");
        if (may_come && !seam->is_all && !seam->is_late)
            break; /* more may turn out to be repeated */
        return judge_few_words(seam, old, now, begin, m.end);
    }
    bool waits = may_come && !seam->is_all && !seam->is_late;
    return amphi__seam_rule(waits ? AMPHI_SEAM_UNDECIDED : AMPHI_SEAM_NONE, NULL);
}

/* A quote mark and then the end of the delivered text: it quotes, and will close the mark. */
static amphi_seam_ruling look_at_decoration(const amphi_seam *seam, amphi_str now)
{
    static const char *const marks[] = {
        "\"", "'", "`", "\xE2\x80\x9C", "\xE2\x80\x9E", "\xC2\xAB", "\xE3\x80\x8C"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        amphi_str mark = amphi_str_from(marks[i]);
        if (!amphi__str_starts_with(now, mark) || now.size == mark.size)
            continue;
        amphi_str quoted = amphi__str_slice(now, mark.size, now.size);
        quoted = amphi__str_slice(quoted, amphi__splice_blanks(quoted), quoted.size);
        if (quoted.size == 0)
            break;
        amphi_seam_ruling ruling = look_at_end(seam, quoted, 0);
        if (ruling.verdict != AMPHI_SEAM_CONTINUES)
            ruling = look_inside_words(seam, quoted, 0);
        if (ruling.verdict == AMPHI_SEAM_CONTINUES)
            return amphi__seam_doubt("it quoted the last words");
        return ruling.verdict == AMPHI_SEAM_UNDECIDED ? ruling
                                                      : amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
    }
    return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
}

amphi_seam_ruling amphi__seam_look_at_repeats(const amphi_seam *seam)
{
    size_t begin = begin_of(seam->after);
    amphi_str now = amphi__str_slice(seam->after, begin, seam->after.size);
    size_t blanks = amphi__splice_blanks(seam->before);
    amphi_str old = amphi__str_slice(seam->before, blanks, seam->before.size);
    if (now.size == 0)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    match whole = compare(old, now);
    if (whole.is_full && is_telling(old))
        return cut(seam, begin + whole.end);
    if (whole.is_partial && !seam->is_all && !seam->is_late)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    amphi_seam_ruling end = look_at_end(seam, now, begin);
    if (end.verdict == AMPHI_SEAM_NONE && !whole.is_full)
        end = look_inside_words(seam, now, begin);
    if (end.verdict == AMPHI_SEAM_NONE)
        end = look_at_decoration(seam, now);
    if (end.verdict != AMPHI_SEAM_NONE)
        return end;
    if (whole.is_full)
        return amphi__seam_rule(AMPHI_SEAM_NONE, NULL); /* too short to tell */
    if (amphi__unicode_is_lower(amphi__splice_first_char(now)) &&
        amphi__unicode_is_upper(amphi__splice_first_char(old)))
        return amphi__seam_rule(AMPHI_SEAM_NONE, NULL); /* in mid-sentence */
    if (strchr("{[", old.data[0]) != NULL)
        return amphi__seam_rule(AMPHI_SEAM_NONE, NULL); /* the JSON decides */
    amphi_str alike = amphi__str_slice(now, 0, whole.end);
    size_t words = amphi__splice_words_count(alike, ALIKE_SURE + 1);
    bool in_word = whole.end < now.size && words > 0 &&
                   amphi__splice_is_word_char(amphi__splice_last_char(alike)) &&
                   amphi__splice_is_word_char(
                       amphi__splice_first_char(amphi__str_slice(now, whole.end, now.size)));
    bool is_unspaced = amphi__splice_is_unspaced(amphi__splice_first_char(alike));
    words -= in_word && !is_unspaced;
    if (whole.is_partial && words > 0)
        return amphi__seam_doubt("it only said the beginning again");
    if (words >= ALIKE_SURE)
        return amphi__seam_rule(AMPHI_SEAM_ANEW, "it began as the answer began");
    if (words >= (size_t)(is_unspaced ? 1 : ALIKE_WORDS))
        return amphi__seam_rule(AMPHI_SEAM_USELESS, "it began as the answer began");
    return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
}

static bool is_no_news(match m, amphi_str now)
{
    amphi_str rest = amphi__str_slice(now, m.end, now.size);
    return m.is_partial || (m.is_full && amphi__splice_blanks(rest) == rest.size);
}

bool amphi__seam_is_repeating(const amphi_seam *seam)
{
    size_t begin = begin_of(seam->after);
    amphi_str now = amphi__str_slice(seam->after, begin, seam->after.size);
    size_t blanks = amphi__splice_blanks(seam->before);
    amphi_str old = amphi__str_slice(seam->before, blanks, seam->before.size);
    amphi_splice_word word;
    size_t offset = 0;
    if (now.size == 0)
        return false;
    match m = compare(old, now);
    if (is_no_news(m, now))
        return true;
    old = end_of(seam->before);
    while (amphi__splice_word_next(old, &offset, &word)) {
        m = compare(amphi__str_slice(old, word.end - word.text.size, old.size), now);
        if (is_no_news(m, now))
            return true;
    }
    for (size_t at = 0; at < old.size; at++) {
        m = compare(amphi__str_slice(old, at, old.size), now);
        if (old.data[at] == now.data[0] && m.is_partial && count_letters(now) >= LETTERS_MAYBE)
            return true;
    }
    return false;
}
