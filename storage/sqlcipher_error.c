/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLite's codes as ours. What the system said (a full disk, a read-only medium, no permission) is
 * known to the connection's guard; SQLite folds all of it into a few codes.
 */
#include "sdk/core/error.h"
#include "storage/sqlcipher_db.h"

#include <errno.h>

#define REMEDY_DAMAGED "the database is damaged: run `amphi history repair`"

static amphi_status fail_io(amphi_db *db, amphi_error *error, int native_code)
{
    int reason = amphi__db_guard_take_errno(db->guard);
    int kind = native_code & 0xff;
    const char *words = NULL;
    if (amphi__db_guard_take_refusal(db->guard))
        words = "a page that was not encrypted as it should be was kept from the disk, and nothing "
                "was changed; try again";
    else if (reason == ENOMEM || native_code == SQLITE_IOERR_NOMEM)
        return amphi__fail_no_memory(error);
    else if (kind == SQLITE_FULL || reason == ENOSPC)
        words = "the disk is full: make room";
    else if (reason == EDQUOT)
        words = "the disk quota is used up: make room";
    else if (reason == EFBIG)
        words = "the file may not grow further (ulimit -f)";
    else if (reason == EROFS)
        words = "the file system is read-only";
    else if (reason == EACCES || reason == EPERM)
        words = "no permission for the database or its folder";
    else if (reason == EMFILE || reason == ENFILE)
        words = "too many open files";
    else if (kind == SQLITE_READONLY)
        words = "the database can only be read here";
    if (words == NULL)
        return amphi__fail(error, AMPHI_E_IO, native_code, "store: %s (SQLite %d)",
            db->lib->errstr(native_code), native_code);
    return amphi__fail(error, AMPHI_E_IO, native_code, "store: %s", words);
}

/* Without memory SQLCipher 4 says the same as of a page whose HMAC fails; ours can't run out. Where
 * the pages that were read are whole, what they say about each other is not. */
static amphi_status fail_damaged(amphi_db *db, amphi_error *error, int native_code)
{
    bool is_memory = (native_code & 0xff) == SQLITE_NOTADB && db->lib->cipher_major > 3 &&
                     !amphi__db_guard_saw_bad_page(db->guard);
    if (is_memory)
        return amphi__fail_no_memory(error);
    return amphi__fail(error, AMPHI_E_CORRUPT, native_code, "store: " REMEDY_DAMAGED);
}

amphi_status amphi__db_fail_moved(amphi_error *error)
{
    return amphi__fail(error, AMPHI_E_BUSY, SQLITE_READONLY_DBMOVED,
        "store: the database was replaced while it was waited for; try again");
}

bool amphi__db_has_moved(const amphi_error *error)
{
    return error->status == AMPHI_E_BUSY && error->native_code == SQLITE_READONLY_DBMOVED;
}

amphi_status amphi__db_fail(amphi_db *db, amphi_error *error, int native_code)
{
    amphi_status status = AMPHI_E_INTERNAL;
    if (native_code == SQLITE_READONLY_DBMOVED)
        return amphi__db_fail_moved(error);
    switch (native_code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return AMPHI_OK;
    case SQLITE_NOMEM:
        return amphi__fail_no_memory(error);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return amphi__fail(error, AMPHI_E_BUSY, native_code,
            "store: %s (SQLite %d); another process holds it, try again",
            db->lib->errstr(native_code), native_code);
    case SQLITE_NOTADB: /* a page whose HMAC fails: a wrong key is found before (sqlcipher_open) */
    case SQLITE_CORRUPT:
        return fail_damaged(db, error, native_code);
    case SQLITE_ERROR: /* SQLCipher's word for such a page in the middle of a file; also bad SQL */
        if (amphi__db_guard_saw_bad_page(db->guard))
            return fail_damaged(db, error, native_code);
        break;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOLFS:
    case SQLITE_PROTOCOL:
        return fail_io(db, error, native_code);
    case SQLITE_TOOBIG:
        status = AMPHI_E_LIMIT;
        break;
    default:
        break;
    }
    return amphi__fail(error, status, native_code, "store: %s (SQLite %d)",
        db->lib->errstr(native_code), native_code);
}
