/* SPDX-License-Identifier: Apache-2.0
 *
 * The first column of a statement's first row.
 */
#ifndef AMPHI_TESTS_DB_NUMBER_H
#define AMPHI_TESTS_DB_NUMBER_H

#include "storage/sqlcipher.h"

/* -1: no row. Asserts that the statement succeeds; `sql` must be a string literal. */
int64_t db_number(amphi_db *db, const char *sql);

#endif
