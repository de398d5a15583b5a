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

/* One word, or a piece of one, that was delivered and is said again: in small letters that is the
 * word that was cut. With a capital it may as well begin a sentence. */
static amphi_seam_ruling judge_one_word(
    const amphi_seam *seam, amphi_str old, amphi_str now, size_t end)
{
    uint32_t next = amphi__splice_first_char(amphi__str_slice(seam->after, end, seam->after.size));
    uint32_t first = amphi__splice_first_char(old);
    if (!amphi__splice_is_word_char(amphi__splice_last_char(old)))
        return amphi__seam_rule(AMPHI_SEAM_NONE, NULL); /* a whole word and its mark */
    if (end == seam->after.size && !seam->is_all && !seam->is_late)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    if (!amphi__unicode_is_lower(first) || amphi__unicode_is_upper(amphi__splice_first_char(now)))
        return amphi__seam_doubt("it began with the last word");
    bool is_longer = amphi__splice_is_word_char(next);
    if (old.size < 3 || (!is_longer && seam->blanks.size == 0 && old.size < 4))
        return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
    return cut(seam, end);
}

static amphi_str end_of(amphi_str text)
{
    size_t from = text.size > END_BYTES ? text.size - END_BYTES : 0;
    while (from < text.size && ((unsigned char)text.data[from] & 0xC0) == 0x80)
        from++;
    return amphi__str_slice(text, from, text.size);
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
        if (amphi__splice_words_count(old, 2) == 1)
            return judge_one_word(seam, old, now, begin + m.end);
        uint32_t first = amphi__splice_first_char(old);
        if (amphi__splice_is_unspaced(first))
            return amphi__seam_doubt("it began with the last words");
    }
    bool waits = may_come && !seam->is_all && !seam->is_late;
    return amphi__seam_rule(waits ? AMPHI_SEAM_UNDECIDED : AMPHI_SEAM_NONE, NULL);
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
    match m = compare(old, now);
    if (is_no_news(m, now))
        return true;
    old = end_of(seam->before);
    while (amphi__splice_word_next(old, &offset, &word)) {
        m = compare(amphi__str_slice(old, word.end - word.text.size, old.size), now);
        if (is_no_news(m, now))
            return true;
    }
    return false;
}
