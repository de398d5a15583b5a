/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of a damaged database, read from its pages without SQLite (section 1.6 to 2.1 of
 * fileformat2.html on sqlite.org). Bad pages cost the rows on them and nothing else.
 */
#ifndef AMPHI_STORAGE_BTREE_WALK_H
#define AMPHI_STORAGE_BTREE_WALK_H

#include "storage/sqlcipher_pages.h"

#define AMPHI_ROW_VALUES_MAX 64

typedef enum amphi_value_type {
    AMPHI_VALUE_NULL,
    AMPHI_VALUE_INT,
    AMPHI_VALUE_FLOAT,
    AMPHI_VALUE_TEXT,
    AMPHI_VALUE_BLOB
} amphi_value_type;

typedef struct amphi_row_value {
    amphi_value_type type;
    int64_t integer;
    double real;
    amphi_str bytes;
} amphi_row_value;

typedef struct amphi_row {
    int64_t rowid; /* 0 in a table WITHOUT ROWID */
    size_t count;
    amphi_row_value values[AMPHI_ROW_VALUES_MAX];
} amphi_row;

/* False stops the walk. The row is valid for the call. */
typedef bool amphi_row_fn(void *user, const amphi_row *row);

typedef struct amphi_walk {
    amphi_db_pages *pages;
    uint8_t *seen;      /* a bit per page */
    uint32_t pages_bad; /* that a tree led to */
    uint32_t rows_bad;  /* cells that make no sense, or whose rest lies on a bad page */
    bool is_out_of_memory;
    bool is_stopped;
} amphi_walk;

amphi_status amphi__walk_init(amphi_walk *walk, amphi_db_pages *pages, amphi_error *error);
void amphi__walk_clear(amphi_walk *walk);
/* Every row of the table whose tree begins at this page. AMPHI_E_NO_MEMORY. */
amphi_status amphi__walk_table(
    amphi_walk *walk, uint32_t root, amphi_row_fn *visit, void *user, amphi_error *error);
/* The rows of tables with rowids on one page, if it is a leaf of such a tree and no walk has been
 * there: for what a bad page above has cut off. */
amphi_status amphi__walk_orphan(
    amphi_walk *walk, uint32_t number, amphi_row_fn *visit, void *user, amphi_error *error);

#endif
