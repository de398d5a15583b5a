/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies of rows, gathered under the store's lock and handed to visitors after it. A flat run of
 * numbers and strings: read back in the order in which they were put.
 */
#ifndef AMPHI_STORAGE_ROWS_H
#define AMPHI_STORAGE_ROWS_H

#include "sdk/core/buf.h"

/* A page is full when it has this much of either. */
#define AMPHI_ROWS_PAGE_COUNT 128
#define AMPHI_ROWS_PAGE_BYTES (1u << 20)

typedef struct amphi_rows {
    amphi_buf bytes;
    size_t count; /* rows put */
    size_t read;  /* offset of the next value to take */
} amphi_rows;

void amphi__rows_init(amphi_rows *rows);
void amphi__rows_reset(amphi_rows *rows); /* empty, keeps its memory */
void amphi__rows_clear(amphi_rows *rows); /* overwrites (it held a conversation) and frees */
void amphi__rows_put_int(amphi_rows *rows, int64_t value);
void amphi__rows_put_str(amphi_rows *rows, amphi_str value);
/* Counts a row as complete. false: the page is full, or memory ran out (rows->bytes.status). */
bool amphi__rows_end(amphi_rows *rows);
int64_t amphi__rows_take_int(amphi_rows *rows);
amphi_str amphi__rows_take_str(amphi_rows *rows); /* valid until reset or clear */

#endif
