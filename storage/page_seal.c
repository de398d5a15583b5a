/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLCipher derives the HMAC's key from the raw key with two rounds of PBKDF2, over the salt with
 * each byte XOR 0x3a; hash and sizes depend on the format.
 */
#include "storage/page_seal.h"

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
