/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows in one buffer. The order of the values of each kind of row stands in store_visit.h.
 */
#include "storage/rows.h"

#include <assert.h>

void amphi__rows_init(amphi_rows *rows)
{
    *rows = (amphi_rows){.count = 0};
    amphi__buf_init(&rows->bytes, 0);
}

void amphi__rows_reset(amphi_rows *rows)
{
    amphi__buf_reset(&rows->bytes);
    rows->count = 0;
    rows->read = 0;
}

void amphi__rows_clear(amphi_rows *rows)
{
    amphi__buf_wipe(&rows->bytes);
    rows->count = 0;
    rows->read = 0;
}

void amphi__rows_put_int(amphi_rows *rows, int64_t value)
{
    amphi__buf_append(&rows->bytes, &value, sizeof value);
}

void amphi__rows_put_str(amphi_rows *rows, amphi_str value)
{
    amphi__rows_put_int(rows, (int64_t)value.size);
    amphi__buf_append_str(&rows->bytes, value);
}

bool amphi__rows_end(amphi_rows *rows)
{
    rows->count++;
    return rows->bytes.status == AMPHI_OK && rows->count < AMPHI_ROWS_PAGE_COUNT &&
           rows->bytes.size < AMPHI_ROWS_PAGE_BYTES;
}

int64_t amphi__rows_take_int(amphi_rows *rows)
{
    int64_t value;
    assert(rows->bytes.size - rows->read >= sizeof value);
    memcpy(&value, rows->bytes.data + rows->read, sizeof value);
    rows->read += sizeof value;
    return value;
}

amphi_str amphi__rows_take_str(amphi_rows *rows)
{
    size_t size = (size_t)amphi__rows_take_int(rows);
    assert(rows->bytes.size - rows->read >= size);
    amphi_str value = amphi_str_make(rows->bytes.data + rows->read, size);
    rows->read += size;
    return value;
}
