/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns of our schema keep to their declared types, which SQLite itself does not ask for.
 */
#include "storage/salvage_table.h"

#include "sdk/core/str.h"

amphi_value_type amphi__salvage_type(amphi_str declared)
{
    if (amphi__str_equal_c(declared, "INTEGER"))
        return AMPHI_VALUE_INT;
    if (amphi__str_equal_c(declared, "TEXT"))
        return AMPHI_VALUE_TEXT;
    if (amphi__str_equal_c(declared, "BLOB"))
        return AMPHI_VALUE_BLOB;
    return amphi__str_equal_c(declared, "REAL") ? AMPHI_VALUE_FLOAT : AMPHI_VALUE_NULL;
}

static bool value_fits(amphi_value_type declared, amphi_value_type got)
{
    if (declared == AMPHI_VALUE_NULL || declared == got)
        return true;
    return (declared == AMPHI_VALUE_BLOB && got == AMPHI_VALUE_TEXT) ||
           (declared == AMPHI_VALUE_FLOAT && got == AMPHI_VALUE_INT);
}

bool amphi__salvage_fits(const amphi_salvage_table *table, const amphi_row *row)
{
    if (row->count == 0 || row->count > table->count)
        return false;
    for (size_t i = 0; i < table->count; i++) {
        const amphi_salvage_column *column = &table->columns[i];
        bool is_rowid = table->rowid_column == (int)i;
        if (i >= row->count) {
            if (column->is_required)
                return false;
            continue;
        }
        amphi_value_type got = row->values[i].type;
        if (is_rowid                  ? got != AMPHI_VALUE_NULL
            : got == AMPHI_VALUE_NULL ? column->is_never_null
                                      : !value_fits(column->type, got))
            return false;
    }
    return true;
}
