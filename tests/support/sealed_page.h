/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages and files of a SQLCipher database, looked at from outside: written after the format's
 * description, not with the library.
 */
#ifndef AMPHI_TESTS_SEALED_PAGE_H
#define AMPHI_TESTS_SEALED_PAGE_H

#include "storage/page_seal.h"

/* Page `number` with something in it, encrypted and sealed. */
void sealed_page_make(uint8_t page[AMPHI_DB_PAGE_BYTES], const amphi_page_seal *seal,
    const amphi_db_key *key, uint32_t number);

/* Pages in a database or, when `is_log`, frames of the log's last generation, whose seal does not
 * hold. -1: the file is not there. */
int sealed_page_count_bad(const char *path, const amphi_page_seal *seal, bool is_log);

#endif
