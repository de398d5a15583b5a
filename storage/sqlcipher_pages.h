/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages of a database file as the last commit left them, read past SQLite: each is decrypted
 * only when its seal holds. For the check and the repair of what SQLite can't read any more. Pages
 * that the log (WAL) has anew are taken from there.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_PAGES_H
#define AMPHI_STORAGE_SQLCIPHER_PAGES_H

#include "storage/page_seal.h"

typedef struct amphi_db_pages amphi_db_pages;

typedef enum amphi_page_state {
    AMPHI_PAGE_GOOD,
    AMPHI_PAGE_BAD,  /* its seal does not hold, or it is missing */
    AMPHI_PAGE_ZERO, /* nothing but zeros: it was never written */
    AMPHI_PAGE_IO    /* it can't be read: the disk */
} amphi_page_state;

/* AMPHI_E_NOT_FOUND: no such file. AMPHI_E_KEY: another key's file, or a plain one. */
amphi_status amphi__db_pages_open(
    amphi_db_pages **out, const char *path, const amphi_db_key *key, amphi_error *error);
/* Gives the lock back as well. NULL is fine. */
void amphi__db_pages_close(amphi_db_pages *pages);
/* Until the end no other connection may read or write. AMPHI_E_BUSY: another connection is open. */
amphi_status amphi__db_pages_lock(amphi_db_pages *pages, amphi_error *error);
/* Reads the log again, for pages that changed since. */
amphi_status amphi__db_pages_refresh(amphi_db_pages *pages, amphi_error *error);

uint32_t amphi__db_pages_count(const amphi_db_pages *pages);
/* Bytes of a page that hold data; the rest is IV and HMAC. */
uint32_t amphi__db_pages_usable(const amphi_db_pages *pages);
/* Committed pages in the log, and those among them whose seal does not hold. */
void amphi__db_pages_log(const amphi_db_pages *pages, uint32_t *count, uint32_t *bad);
/* Is the log damaged, so that SQLite would not read, and then overwrite, commits that are in it?
 * The pages here are read from all of it then. `out` says what, as a part of a sentence. */
bool amphi__db_pages_log_damage(const amphi_db_pages *pages, char *out, size_t capacity);
/* Is the log damaged, and can each commit in it be read all the same, whole pages of all of them?
 * Then the pages here are the last commit's. */
bool amphi__db_pages_has_all_commits(const amphi_db_pages *pages);
/* The log's frame that has this page; 0: it stands in the database. */
uint32_t amphi__db_pages_frame(const amphi_db_pages *pages, uint32_t number);
/* A page as it stands in the database's own file, sealed; zeros behind its end. */
amphi_page_state amphi__db_pages_read_file(amphi_db_pages *pages, uint32_t number, uint8_t *out);
/* As the last commit left it, sealed. */
amphi_page_state amphi__db_pages_read_sealed(amphi_db_pages *pages, uint32_t number, uint8_t *out);
/* `out` gets AMPHI_DB_PAGE_BYTES when the page is good; wipe it. */
amphi_page_state amphi__db_pages_read(amphi_db_pages *pages, uint32_t number, uint8_t *out);

/* Under the lock: copies the log's good pages to their places in the database and syncs it, as a
 * checkpoint does. May be cut off and done again. The log stays. */
amphi_status amphi__db_pages_settle(amphi_db_pages *pages, amphi_error *error);

#endif
