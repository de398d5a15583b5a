/* SPDX-License-Identifier: Apache-2.0
 *
 * Prose. A capital inside a word or a sentence, a short sentence in front ("Sure!"), an apology, a
 * word about continuing, and words of the answer's beginning said in another order speak for a new
 * answer; small letters and marks that can only follow speak for a continuation. What of these can
 * be seen depends on the place of the cut and on the script.
 */
#include "sdk/client/splice_judge.h"

#include "sdk/client/splice_words.h"
#include "sdk/core/str.h"
#include "sdk/core/unicode.h"

enum {
    BLANK_SURE = 14,       /* amphi__seam_blank_score: a blank was lost */
    BLANK_MAYBE = -3,      /* it may have been */
    SHORT_WORDS = 3,       /* "Good question!" */
    SHORT_UNSPACED = 6,    /* the same, in characters */
    OPENING_BYTES = 400,   /* of the delivered text: what a new answer would begin as */
    OPENING_WORDS_MIN = 3, /* in it, for a comparison */
    TOLD_MANY = 3,         /* words of the opening, where something speaks for a continuation */
    TOLD_SMALL = 1,        /* the same, without the blank and in small letters */
    ENOUGH_WORDS = 3,      /* to rule for a continuation in small letters */
    TOLD_SCORE = 6,        /* of a word of the opening, beside amphi__seam_anew_score */
    ANEW_SURE = 8,         /* both together: a new answer in small letters */
    SHORT_ANSWER = 32      /* words of a question back to the user */
};

/* The joint, looked at once. */
typedef struct joint {
    amphi_str text;         /* what came, without its blanks in front */
    amphi_str sentence;     /* its first one */
    bool has_sentence;      /* it has ended */
    size_t skip;            /* blanks in front of `text` that were delivered */
    bool blank_between;     /* delivered, or come now */
    bool has_own_line;      /* it said an empty line that was not delivered */
    bool has_own_blank;     /* the engine said the blank that it was not given: it goes on */
    bool is_break;          /* a sentence, a line or an item was complete */
    bool in_word;           /* the delivered text ends in a letter or digit, and so `text` begins */
    uint32_t last;          /* character of the delivered text */
    uint32_t first;         /* character of `text` */
    amphi_splice_word word; /* the first of `text` */
    bool has_word;
} joint;

static void look(joint *j, const amphi_seam *seam)
{
    memset(j, 0, sizeof *j);
    size_t blanks = amphi__splice_blanks(seam->after);
    size_t offset = 0;
    while (j->skip < blanks && j->skip < seam->blanks.size &&
           seam->after.data[j->skip] == seam->blanks.data[j->skip])
        j->skip++;
    j->text = amphi__str_slice(seam->after, blanks, seam->after.size);
    j->sentence = amphi__splice_first_sentence(j->text);
    j->has_sentence = j->sentence.size < j->text.size || seam->is_all;
    j->blank_between = seam->blanks.size > 0 || blanks > 0;
    j->has_own_blank = blanks > 0 && (j->skip > 0 || seam->after.data[0] == ' ');
    j->has_own_line = blanks > 0 && seam->blanks.size == 0 && seam->after.data[0] == '\n';
    j->last = amphi__splice_last_char(seam->before);
    j->first = amphi__splice_first_char(j->text);
    j->is_break =
        seam->before.size == 0 || amphi__splice_is_complete(seam->before) ||
        memchr(seam->blanks.size > 0 ? seam->blanks.data : "", '\n', seam->blanks.size) != NULL ||
        (blanks > 0 && memchr(seam->after.data, '\n', blanks) != NULL);
    j->in_word = !j->blank_between && amphi__splice_is_word_char(j->last) &&
                 amphi__splice_is_word_char(j->first);
    j->has_word = amphi__splice_word_next(j->text, &offset, &j->word);
}

static amphi_seam_ruling go_on(const joint *j, bool is_sure)
{
    return (amphi_seam_ruling){
        .verdict = AMPHI_SEAM_CONTINUES, .skip = j->skip, .is_sure = is_sure};
}

/* ---- Signs of a new answer ------------------------------------------------------------------- */

/* "Sure!", "Great question!", "Of course.", "当然！": a first sentence of a few words. */
static bool is_short_sentence(amphi_str sentence)
{
    uint32_t last = amphi__splice_last_char(amphi__str_trim(sentence));
    bool is_cry = last == '!' || last == 0xFF01;
    size_t words = amphi__splice_words_count(sentence, 2 * SHORT_WORDS + 1);
    bool is_unspaced = amphi__splice_is_unspaced(amphi__splice_first_char(sentence));
    if (is_unspaced)
        return amphi__splice_is_sentence_end(last) && words <= (is_cry ? 6 : 4);
    return amphi__splice_is_sentence_end(last) && words > 0 && words <= (is_cry ? SHORT_WORDS : 2);
}

/* The first clause, up to a comma or colon. */
static amphi_str first_clause(amphi_str sentence)
{
    size_t at = 0;
    while (at < sentence.size) {
        uint32_t c = 0;
        size_t size = amphi__utf8_decode(amphi__str_slice(sentence, at, sentence.size), &c);
        at += size > 0 ? size : 1;
        if (c == ',' || c == ':' || c == 0xFF0C || c == 0xFF1A || c == 0x060C || c == 0x3001)
            break;
    }
    return amphi__str_slice(sentence, 0, at);
}

/* How many words of what came stand in the answer's opening already: a new answer to the same
 * question tells the same again, in other words. */
static size_t told_before(const amphi_seam *seam, const joint *j, size_t *opening_words)
{
    amphi_str opening = amphi__str_slice(seam->before, 0, OPENING_BYTES);
    return amphi__splice_shared_words(j->text, opening, opening_words);
}

amphi_seam_ruling amphi__seam_look_for_address(const amphi_seam *seam)
{
    joint j;
    look(&j, seam);
    if (!j.has_word || !(j.word.is_upper || j.word.is_caseless))
        return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
    amphi_str clause = first_clause(j.sentence);
    if (clause.size == j.text.size && !seam->is_all && !seam->is_late)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    uint32_t end = amphi__splice_last_char(amphi__str_trim(j.sentence));
    uint32_t mark = amphi__splice_last_char(clause);
    bool announces = end == ':' || end == 0xFF1A || mark == ':' || mark == 0xFF1A;
    if (announces && amphi__splice_is_about_continuing(j.sentence))
        return amphi__seam_rule(AMPHI_SEAM_USELESS, "it spoke of continuing");
    if (amphi__splice_is_address(j.sentence))
        return amphi__seam_rule(AMPHI_SEAM_USELESS, "it spoke to the user");
    if (amphi__splice_is_opener(clause))
        return amphi__seam_rule(AMPHI_SEAM_USELESS, "it began with a greeting");
    uint32_t last = amphi__splice_last_char(amphi__str_trim(j.text));
    bool is_short = amphi__splice_words_count(j.text, SHORT_ANSWER) < SHORT_ANSWER;
    if (seam->is_all && is_short && (last == '?' || last == 0xFF1F || last == 0x061F))
        return amphi__seam_rule(AMPHI_SEAM_USELESS, "it asked the user");
    return amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
}

/* ---- Where the text was cut ------------------------------------------------------------------ */

static bool is_open_mark(uint32_t c)
{
    return c == 0xA1 || c == 0xBF; /* inverted marks begin a Spanish sentence */
}

/* A capital in the middle of a sentence: a name, a German noun, or a sentence that began inside
 * another. */
static amphi_seam_ruling judge_capital(const amphi_seam *seam, const joint *j)
{
    static const char *const why = "a sentence began inside another";
    if (!j->has_own_blank && !seam->is_known)
        return amphi__seam_doubt(why);
    if (!j->has_sentence && !seam->is_late)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    size_t known = 0;
    if (!seam->is_known && told_before(seam, j, &known) >= TOLD_MANY)
        return amphi__seam_doubt(why);
    return go_on(j, false);
}

/* Letters on both sides, and nothing between them. */
static amphi_seam_ruling judge_in_word(const amphi_seam *seam, const joint *j)
{
    amphi_splice_word left;
    bool is_whole = j->word.end < j->text.size || seam->is_all || seam->is_late;
    if (!amphi__splice_word_last(seam->before, &left) || !is_whole)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    uint32_t second =
        amphi__splice_first_char(amphi__str_slice(j->word.text, 1, j->word.text.size));
    if (j->word.is_upper) {
        bool in_capitals = amphi__unicode_is_upper(j->last) &&
                           (amphi__unicode_is_upper(second) || j->word.text.size == 1);
        return in_capitals ? go_on(j, false)
                           : amphi__seam_rule(AMPHI_SEAM_USELESS, "a capital came inside a word");
    }
    if (j->word.is_number != left.is_number && !amphi__unicode_is_digit(j->last) &&
        j->word.is_number)
        return amphi__seam_rule(AMPHI_SEAM_USELESS, "a number came inside a word");
    if (j->word.is_number || amphi__unicode_is_digit(j->last))
        return go_on(j, true);
    int score = seam->is_known ? 0 : amphi__seam_blank_score(left.text, j->word.text);
    if (!seam->is_known && score > BLANK_MAYBE && score < BLANK_SURE)
        return amphi__seam_doubt("a blank may have been lost");
    amphi_seam_ruling ruling = go_on(j, score < 0);
    ruling.needs_blank = score >= BLANK_SURE;
    return ruling;
}

/* Where a sentence may begin, or in a script without capitals: the words have to decide, and those
 * have to be waited for. */
static amphi_seam_ruling judge_words(const amphi_seam *seam, const joint *j)
{
    bool needs_all = j->is_break || !j->has_sentence;
    if (!seam->is_late && !seam->is_all && (needs_all || seam->is_known))
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    if (seam->is_known)
        return go_on(j, false);
    if (is_short_sentence(j->sentence) && !j->word.is_number && j->is_break &&
        j->sentence.size < j->text.size)
        return amphi__seam_doubt("it began with a short sentence");
    size_t known = 0;
    size_t told = told_before(seam, j, &known);
    size_t most = j->has_own_blank ? TOLD_MANY : j->has_own_line ? 2 : 1;
    if (!j->has_own_blank && known < OPENING_WORDS_MIN)
        return amphi__seam_doubt("too little had been said to tell");
    if (told >= most)
        return amphi__seam_doubt("it told the beginning again");
    amphi_seam_ruling ruling = go_on(j, false);
    ruling.needs_blank =
        j->is_break && !j->blank_between && j->word.is_upper && !amphi__splice_is_unspaced(j->last);
    return ruling;
}

/* Marks that can only follow what was said. */
static bool is_following_mark(uint32_t c)
{
    return c == ',' || c == ';' || c == ')' || c == ']' || c == '.' || c == '!' || c == '?' ||
           c == '\'' || c == '%' || c == '/' || c == ':' || c == 0x2019 || c == 0xFF0C ||
           c == 0x3002 || c == 0x3001 || c == 0xFF1B || c == 0xFF1A || c == 0xFF09 || c == 0xFF01 ||
           c == 0xFF1F || c == 0x300D || c == 0x300F || c == 0x201D || c == 0x00BB || c == 0x060C ||
           c == 0x061B;
}

/* "out," and "and": behind such a mark and before a letter there is a blank. */
static bool lost_blank_behind_mark(const joint *j)
{
    bool is_mark = j->last == ',' || j->last == ';' || j->last == ':' || j->last == ')' ||
                   j->last == '%' || j->last == '!' || j->last == '?' || j->last == 0x060C;
    return is_mark && !j->blank_between && amphi__unicode_is_letter(j->first) &&
           !amphi__splice_is_unspaced(j->first);
}

/* Without the blank that it was not given, words of the opening in small letters are a new answer
 * that does not begin with a capital. */
static bool is_told_in_small(const amphi_seam *seam, const joint *j)
{
    size_t known = 0;
    if (seam->is_known || j->has_own_blank || !j->has_word || j->word.is_upper)
        return false;
    if (j->is_break && !j->blank_between && amphi__unicode_is_lower(j->first))
        return true; /* behind a whole sentence */
    size_t offset = 0;
    amphi_splice_word word;
    joint start = *j;
    for (int i = 0; i < ENOUGH_WORDS && amphi__splice_word_next(j->text, &offset, &word); i++)
        start.text = amphi__str_slice(j->text, 0, offset);
    return told_before(seam, &start, &known) >= TOLD_SMALL;
}

/* Small letters in mid-sentence and no blank of its own: which words follow each other, and how
 * much of the opening is said again, has to be seen over all that may be held. */
static amphi_seam_ruling judge_small(
    const amphi_seam *seam, const joint *j, amphi_seam_ruling ruling)
{
    size_t known = 0;
    if (ruling.verdict != AMPHI_SEAM_CONTINUES || seam->is_known || j->has_own_blank ||
        j->is_break || !j->has_word || !amphi__unicode_is_lower(j->first))
        return ruling;
    if (!seam->is_late && !seam->is_all)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    int score = amphi__seam_anew_score(seam->before, j->text, j->in_word) +
                TOLD_SCORE * (int)told_before(seam, j, &known);
    return score > ANEW_SURE ? amphi__seam_doubt("it reads as another beginning") : ruling;
}

amphi_seam_ruling amphi__seam_look_at_prose(const amphi_seam *seam)
{
    joint j;
    look(&j, seam);
    if (j.text.size == 0)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    if (is_open_mark(j.first) && !j.is_break)
        return amphi__seam_rule(AMPHI_SEAM_USELESS, "a sentence began inside another");
    if (is_following_mark(j.first))
        return go_on(&j, !j.is_break);
    if (j.has_word && j.word.is_caseless) {
        bool is_inside = j.in_word && !j.word.is_unspaced && !seam->is_known;
        if (is_inside && judge_in_word(seam, &j).verdict != AMPHI_SEAM_CONTINUES)
            return judge_in_word(seam, &j);
        if (is_inside && judge_in_word(seam, &j).needs_blank)
            return amphi__seam_doubt("a blank may have been lost");
        return judge_words(seam, &j);
    }
    if (j.is_break && j.has_word && (j.word.is_upper || j.word.is_number || j.blank_between))
        return judge_words(seam, &j);
    if (is_told_in_small(seam, &j))
        return amphi__seam_doubt("it told the beginning again");
    if (j.in_word)
        return judge_small(seam, &j, judge_in_word(seam, &j));
    if (j.has_word && j.word.is_upper)
        return judge_capital(seam, &j);
    bool is_enough = amphi__splice_words_count(j.text, ENOUGH_WORDS) >= ENOUGH_WORDS ||
                     seam->is_all || seam->is_late;
    if (!is_enough)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    amphi_seam_ruling ruling = go_on(&j, j.has_word && !j.is_break && j.blank_between);
    ruling.needs_blank = lost_blank_behind_mark(&j) && !seam->is_known;
    return judge_small(seam, &j, ruling);
}
