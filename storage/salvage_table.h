/* SPDX-License-Identifier: Apache-2.0
 *
 * What a table's columns allow, to tell which table a row without an owner belongs to.
 */
#ifndef AMPHI_STORAGE_SALVAGE_TABLE_H
#define AMPHI_STORAGE_SALVAGE_TABLE_H

#include "storage/btree_walk.h"

#define AMPHI_TABLE_COLUMNS_MAX 40
#define AMPHI_TABLE_NAME_BYTES  64

typedef struct amphi_salvage_column {
    char name[AMPHI_TABLE_NAME_BYTES];
    amphi_value_type type; /* as declared; AMPHI_VALUE_NULL: any */
    bool is_required;      /* NOT NULL and without a default */
    bool is_never_null;
} amphi_salvage_column;

typedef struct amphi_salvage_table {
    char name[AMPHI_TABLE_NAME_BYTES];
    bool has_rowid;
    int rowid_column; /* INTEGER PRIMARY KEY; -1: none. Its value in a record is NULL */
    size_t count;
    amphi_salvage_column columns[AMPHI_TABLE_COLUMNS_MAX];
} amphi_salvage_table;

/* "INTEGER", "TEXT", "BLOB", "REAL". */
amphi_value_type amphi__salvage_type(amphi_str declared);
/* Whether this row may have stood in this table. Rows older than a column are shorter. */
bool amphi__salvage_fits(const amphi_salvage_table *table, const amphi_row *row);

#endif
