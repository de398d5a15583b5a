/* SPDX-License-Identifier: Apache-2.0
 *
 * A query as pieces, each of which a message has to hold; and what is shown of a message that does.
 */
#ifndef AMPHI_STORAGE_SEARCH_QUERY_H
#define AMPHI_STORAGE_SEARCH_QUERY_H

#include "storage/search_text.h"

#include <amphi/search.h>

#define AMPHI_SEARCH_PIECES_MAX      16
#define AMPHI_SEARCH_WORDS_BYTES_MAX 1024
#define AMPHI_SEARCH_LIMIT           20
#define AMPHI_SEARCH_LIMIT_MAX       1000

typedef struct amphi_search_piece {
    amphi_str text; /* one word, or several that stand in this order; parted by single blanks */
    bool is_prefix; /* its last word may go on */
} amphi_search_piece;

typedef struct amphi_search_pieces {
    amphi_search_text text; /* the pieces point into it */
    amphi_search_piece pieces[AMPHI_SEARCH_PIECES_MAX];
    size_t count; /* 0: nothing to look for */
} amphi_search_pieces;

/* Reads what the caller hands over, whatever its version, and checks it; limit and before_id get
 * their defaults. */
amphi_status amphi__search_read_query(
    amphi_search_query *own, const amphi_search_query *given, amphi_error *error);

typedef struct amphi_search_snippet {
    amphi_buf text;
    amphi_text_range matches[AMPHI_SEARCH_MATCHES_MAX];
    size_t matches_count;
} amphi_search_snippet;

/* One message judged and, if it matches, ready to be handed out. Memory is kept from one to the
 * next. */
typedef struct amphi_search_judge {
    amphi_search_pieces pieces;
    amphi_search_text text;
    amphi_buf readable;
    amphi_search_snippet snippet;
} amphi_search_judge;

/* Clear it in any case. AMPHI_E_LIMIT: too many pieces. */
amphi_status amphi__search_judge_init(
    amphi_search_judge *judge, amphi_str words, amphi_error *error);
void amphi__search_judge_clear(amphi_search_judge *judge); /* wipes */
/* *hit: it matches, and judge->snippet is its. */
amphi_status amphi__search_judge_message(
    amphi_search_judge *judge, amphi_str content, bool is_json, bool *hit);

#endif
