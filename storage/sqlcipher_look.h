/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file is, by its pages, before a key is used on it: empty, ours, a plain database, or
 * another key's. Nothing is written.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_LOOK_H
#define AMPHI_STORAGE_SQLCIPHER_LOOK_H

#include "storage/sqlcipher_db.h"

typedef enum amphi_file_kind {
    AMPHI_FILE_EMPTY,
    AMPHI_FILE_OURS,   /* perhaps damaged: the first read says so */
    AMPHI_FILE_PLAIN,  /* a SQLite database without encryption */
    AMPHI_FILE_FOREIGN /* another key's, or no database */
} amphi_file_kind;

typedef struct amphi_file_look {
    amphi_file_kind kind;
    amphi_page_format format;
    uint32_t pages;
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    uint8_t salt[AMPHI_DB_SALT_BYTES]; /* the file's first bytes */
} amphi_file_look;

/* A SQLite code. `db` is opened, and not keyed. */
int amphi__file_look_pages(amphi_db *db, amphi_file_look *look, const amphi_db_key *key);
/* The same, and what a lost power may have left half done at `path`. */
int amphi__file_look(
    amphi_db *db, const char *path, amphi_file_look *look, const amphi_db_key *key);
/* AMPHI_E_KEY, AMPHI_E_UNSUPPORTED: it can't be opened, and why. */
amphi_status amphi__file_look_check(
    const amphi_db *db, const amphi_file_look *look, amphi_error *error);

#endif
