/* SPDX-License-Identifier: Apache-2.0
 *
 * Words and sentences for the judge at the seam, in any script, and the few phrases of several
 * languages that it knows. Pure; nothing is copied.
 */
#ifndef AMPHI_CLIENT_SPLICE_WORDS_H
#define AMPHI_CLIENT_SPLICE_WORDS_H

#include <amphi/types.h>

/* A run of letters, marks, digits and apostrophes; in scripts without blanks one character. */
typedef struct amphi_splice_word {
    amphi_str text;
    size_t end;        /* offset behind it in the text that is walked */
    bool is_upper;     /* it begins with a capital */
    bool is_caseless;  /* it begins with a letter of a script without capitals */
    bool is_unspaced;  /* of a script without blanks between words */
    bool is_number;    /* it begins with a digit */
    bool blank_before; /* between it and what was before it */
} amphi_splice_word;

/* The next word at or behind *offset, which moves behind it; false: there is none. */
bool amphi__splice_word_next(amphi_str text, size_t *offset, amphi_splice_word *out);
/* The last word; false: the text has none. Only the last kilobyte is looked at. */
bool amphi__splice_word_last(amphi_str text, amphi_splice_word *out);
size_t amphi__splice_words_count(amphi_str text, size_t most);

/* The first or last character, 0: empty. */
uint32_t amphi__splice_first_char(amphi_str text);
uint32_t amphi__splice_last_char(amphi_str text);
bool amphi__splice_is_word_char(uint32_t c);
bool amphi__splice_is_unspaced(uint32_t c);
/* Full stop, question and exclamation mark of any script. */
bool amphi__splice_is_sentence_end(uint32_t c);

/* The size of the blanks in front, and of the text without those at its end. */
size_t amphi__splice_blanks(amphi_str text);
size_t amphi__splice_without_blanks(amphi_str text);
/* Does a sentence, a line or a block end here, closing quotes and brackets aside? */
bool amphi__splice_is_complete(amphi_str text);
/* The first sentence or line, with the mark that ends it. */
amphi_str amphi__splice_first_sentence(amphi_str text);

/* "Sure", "Natürlich", "好的" ...: a phrase that opens an answer and belongs to no text. */
bool amphi__splice_is_opener(amphi_str text);
/* An apology, a refusal, or words to the person who asked. */
bool amphi__splice_is_address(amphi_str sentence);
/* It speaks of continuing a text. */
bool amphi__splice_is_about_continuing(amphi_str sentence);

/* How many of the first words of `text` (those that say something: of four letters and more) are
 * among those of `other`; in scripts without blanks, of pairs of characters. *others_count: how
 * many `other` has. */
size_t amphi__splice_shared_words(amphi_str text, amphi_str other, size_t *others_count);

#endif
