/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/sqlcipher_absent_log.h"

#include <string.h>

static int no_close(sqlite3_file *file)
{
    file->pMethods = NULL;
    return SQLITE_OK;
}

static int no_read(sqlite3_file *file, void *out, int size, sqlite3_int64 offset)
{
    (void)file;
    (void)offset;
    memset(out, 0, (size_t)size);
    return SQLITE_IOERR_SHORT_READ;
}

static int no_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    (void)file;
    (void)data;
    (void)size;
    (void)offset;
    return SQLITE_READONLY;
}

static int no_change(sqlite3_file *file, sqlite3_int64 size)
{
    (void)file;
    (void)size;
    return SQLITE_READONLY;
}

static int no_size(sqlite3_file *file, sqlite3_int64 *size)
{
    (void)file;
    *size = 0;
    return SQLITE_OK;
}

static int no_effect(sqlite3_file *file, int argument)
{
    (void)file;
    (void)argument;
    return SQLITE_OK;
}

static int no_check(sqlite3_file *file, int *is_reserved)
{
    (void)file;
    *is_reserved = 0;
    return SQLITE_OK;
}

static int no_control(sqlite3_file *file, int op, void *arg)
{
    (void)file;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int no_trait(sqlite3_file *file)
{
    (void)file;
    return 0;
}

const sqlite3_io_methods amphi__absent_log_methods = {
    .iVersion = 1,
    .xClose = no_close,
    .xRead = no_read,
    .xWrite = no_write,
    .xTruncate = no_change,
    .xSync = no_effect,
    .xFileSize = no_size,
    .xLock = no_effect,
    .xUnlock = no_effect,
    .xCheckReservedLock = no_check,
    .xFileControl = no_control,
    .xSectorSize = no_trait,
    .xDeviceCharacteristics = no_trait,
};
