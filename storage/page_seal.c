/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLCipher derives the HMAC's key from the raw key with two rounds of PBKDF2, over the salt with
 * each byte XOR 0x3a; hash and sizes depend on the format.
 */
#include "storage/page_seal.h"

#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/crypto_page.h"

#define SALT_MASK  0x3a
#define KDF_ROUNDS 2

static amphi_hash hash_of(amphi_page_format format)
{
    return format == AMPHI_PAGE_FORMAT_3 ? AMPHI_HASH_SHA1 : AMPHI_HASH_SHA512;
}

uint32_t amphi__page_seal_bytes(amphi_page_format format)
{
    return format == AMPHI_PAGE_FORMAT_3 ? 48 : 80;
}

void amphi__page_seal_init(amphi_page_seal *seal, amphi_page_format format, const amphi_db_key *key)
{
    uint8_t salt[AMPHI_DB_SALT_BYTES];
    for (size_t i = 0; i < sizeof salt; i++)
        salt[i] = key->salt[i] ^ SALT_MASK;
    seal->format = format;
    memcpy(seal->salt, key->salt, sizeof seal->salt);
    amphi__page_kdf(hash_of(format), (amphi_bytes){key->key, sizeof key->key},
        (amphi_bytes){salt, sizeof salt}, KDF_ROUNDS, seal->hmac_key, sizeof seal->hmac_key);
}

bool amphi__page_seal_holds(const amphi_page_seal *seal, uint32_t number, const uint8_t *page)
{
    const uint8_t little_endian[4] = {
        (uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16), (uint8_t)(number >> 24)};
    size_t start = number == 1 ? AMPHI_DB_SALT_BYTES : 0;
    size_t hmac_at =
        AMPHI_DB_PAGE_BYTES - amphi__page_seal_bytes(seal->format) + AMPHI_PAGE_IV_BYTES;
    uint8_t hmac[AMPHI_HASH_BYTES_MAX];
    bool ok = amphi__page_hmac(hash_of(seal->format),
        (amphi_bytes){seal->hmac_key, sizeof seal->hmac_key},
        (amphi_bytes){page + start, hmac_at - start},
        (amphi_bytes){little_endian, sizeof little_endian}, hmac);
    return ok && amphi__bytes_equal(hmac, page + hmac_at, amphi__hash_bytes(hash_of(seal->format)));
}

/* Pearson's test against equal frequencies: 255 on average and 23 to either side for ciphertext;
 * 700 is 13 deviations away. Text, zeros and SQLite's own structures are in the thousands. */
static bool is_spread(const uint8_t *bytes, size_t size)
{
    uint32_t counts[256] = {0};
    uint64_t squares = 0;
    for (size_t i = 0; i < size; i++)
        counts[bytes[i]]++;
    for (size_t i = 0; i < 256; i++)
        squares += (uint64_t)counts[i] * counts[i];
    return squares * 256 <= ((uint64_t)size + 700) * size;
}

/* The database's header (page 1), a tree's (type, then offsets and counts that fit the page), the
 * number of a next page, or zeros. */
static bool is_beginning(const uint8_t *block, uint32_t number)
{
    static const uint8_t fixed[3] = {64, 32, 32};
    uint32_t first =
        (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
    if (number == 1)
        return block[0] == AMPHI_DB_PAGE_BYTES >> 8 && block[1] == 0 &&
               memcmp(block + 5, fixed, sizeof fixed) == 0;
    bool is_tree = (block[0] == 2 || block[0] == 5 || block[0] == 10 || block[0] == 13) &&
                   block[1] <= AMPHI_DB_PAGE_BYTES >> 8 && block[3] < 8 &&
                   block[5] <= AMPHI_DB_PAGE_BYTES >> 8;
    return is_tree || first / 2 <= number + 32768;
}

bool amphi__page_is_encrypted(const amphi_page_seal *seal, const uint8_t key[AMPHI_DB_KEY_BYTES],
    uint32_t number, const uint8_t *page)
{
    uint8_t block[AMPHI_PAGE_IV_BYTES];
    size_t end = AMPHI_DB_PAGE_BYTES - amphi__page_seal_bytes(seal->format);
    size_t start = number == 1 ? AMPHI_DB_SALT_BYTES : 0;
    bool ok = is_spread(page + start, end - start) &&
              amphi__page_cipher(key, page + end, AMPHI_PAGE_DECRYPT,
                  (amphi_bytes){page + start, sizeof block}, block) &&
              is_beginning(block, number);
    amphi__wipe(block, sizeof block);
    return ok;
}
