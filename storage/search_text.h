/* SPDX-License-Identifier: Apache-2.0
 *
 * A text in the form in which it is searched: folded words parted by single blanks, one blank at
 * each end. Scripts that are written without blanks are runs of characters, also parted from other
 * words by a blank. Every byte knows where it comes from, so that a match can be shown.
 */
#ifndef AMPHI_STORAGE_SEARCH_TEXT_H
#define AMPHI_STORAGE_SEARCH_TEXT_H

#include "sdk/core/buf.h"

#define AMPHI_SEARCH_TERM_BYTES_MAX 40 /* longer words are known by their beginning */

typedef struct amphi_search_text {
    amphi_buf folded;
    amphi_buf origins; /* uint32_t per byte of `folded`: offset in the original; may be left out */
    bool has_origins;
} amphi_search_text;

void amphi__search_text_init(amphi_search_text *text, bool has_origins);
void amphi__search_text_clear(amphi_search_text *text); /* wipes */
/* Replaces the content. Bytes that are not UTF-8 part words. AMPHI_OK or AMPHI_E_NO_MEMORY. */
amphi_status amphi__search_text_fold(amphi_search_text *text, amphi_str original);
uint32_t amphi__search_text_origin(const amphi_search_text *text, size_t folded_offset);

/* What the index knows of a text: its words, and of runs without blanks each pair of neighbours
 * and the last character. *at: 0 at first. false: no more. */
bool amphi__search_next_term(amphi_str folded, size_t *at, amphi_str *term);
/* Is the character at the beginning of `text` of a script without blanks? */
bool amphi__search_is_run(amphi_str text);

/* What a message's content says to a reader: itself, or the text parts of a JSON array of content
 * parts, a line each. */
amphi_status amphi__search_readable(amphi_buf *out, amphi_str content, bool is_json);

#endif
