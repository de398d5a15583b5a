/* SPDX-License-Identifier: Apache-2.0
 *
 * The seal of one page of a SQLCipher file: that it was encrypted and authenticated with our key.
 * A page is ciphertext, IV (16 bytes), HMAC, and random bytes up to its end; the first 16 bytes of
 * page 1 are the salt and not sealed. The HMAC covers ciphertext, IV and the page's number in
 * little-endian order (sqlcipher_page_hmac in SQLCipher's crypto_impl.c).
 */
#ifndef AMPHI_STORAGE_PAGE_SEAL_H
#define AMPHI_STORAGE_PAGE_SEAL_H

#include <amphi/error.h>

#define AMPHI_DB_KEY_BYTES  32
#define AMPHI_DB_SALT_BYTES 16
#define AMPHI_DB_PAGE_BYTES 4096

typedef struct amphi_db_key {
    uint8_t key[AMPHI_DB_KEY_BYTES];
    uint8_t salt[AMPHI_DB_SALT_BYTES]; /* becomes the file's first bytes */
} amphi_db_key;

/* SQLCipher 3: HMAC-SHA-1, 48 bytes at a page's end. SQLCipher 4: HMAC-SHA-512, 80 bytes. */
typedef enum amphi_page_format {
    AMPHI_PAGE_FORMAT_3 = 3,
    AMPHI_PAGE_FORMAT_4 = 4
} amphi_page_format;

/* What a page's end takes for IV, HMAC and padding: 48 or 80. */
uint32_t amphi__page_seal_bytes(amphi_page_format format);

typedef struct amphi_page_seal {
    amphi_page_format format;
    uint8_t hmac_key[AMPHI_DB_KEY_BYTES];
    uint8_t salt[AMPHI_DB_SALT_BYTES]; /* not sealed, but known */
} amphi_page_seal;

/* Wipe it at its end. */
void amphi__page_seal_init(
    amphi_page_seal *seal, amphi_page_format format, const amphi_db_key *key);
/* Whether the page, AMPHI_DB_PAGE_BYTES long, is page `number` (from 1), as it was sealed. */
bool amphi__page_seal_holds(const amphi_page_seal *seal, uint32_t number, const uint8_t *page);
/* Whether such a page is ciphertext under this key: its bytes are spread like random ones, and its
 * first block decrypts to what SQLite begins pages with. A page that was sealed without having been
 * encrypted, or whose ciphertext is another page's, fails (a chance of about 1 in 40,000 is left
 * for the latter; plain text has none). */
bool amphi__page_is_encrypted(const amphi_page_seal *seal, const uint8_t key[AMPHI_DB_KEY_BYTES],
    uint32_t number, const uint8_t *page);

#endif
