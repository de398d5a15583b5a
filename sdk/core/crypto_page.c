/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto_page.h over mbedTLS's low-level functions (2.28 and 3.x), which work in the context that
 * they are given. PSA is of no use here: it imports each key into memory of its own, under a lock.
 */
#include "sdk/core/crypto_page.h"

#include "sdk/core/alloc.h"

#include <mbedtls/aes.h>
#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <mbedtls/version.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define HASH_BLOCK_MAX 128 /* bytes that SHA-512 takes at a time */

/* The names without _ret are the ones that return a status from 3.0 on. */
#if MBEDTLS_VERSION_NUMBER < 0x03000000
#define STATUS_OF(name) name##_ret
#else
#define STATUS_OF(name) name
#endif

typedef struct hashing {
    amphi_hash hash;
    union {
        mbedtls_sha1_context sha1;
        mbedtls_sha256_context sha256;
        mbedtls_sha512_context sha512;
    };
} hashing;

static size_t block_bytes(amphi_hash hash)
{
    return hash == AMPHI_HASH_SHA512 ? HASH_BLOCK_MAX : 64;
}

size_t amphi__hash_bytes(amphi_hash hash)
{
    return hash == AMPHI_HASH_SHA1 ? 20 : hash == AMPHI_HASH_SHA256 ? 32 : 64;
}

static bool hashing_begin(hashing *h, amphi_hash hash)
{
    h->hash = hash;
    switch (hash) {
    case AMPHI_HASH_SHA1:
        mbedtls_sha1_init(&h->sha1);
        return STATUS_OF(mbedtls_sha1_starts)(&h->sha1) == 0;
    case AMPHI_HASH_SHA256:
        mbedtls_sha256_init(&h->sha256);
        return STATUS_OF(mbedtls_sha256_starts)(&h->sha256, 0) == 0;
    default:
        mbedtls_sha512_init(&h->sha512);
        return STATUS_OF(mbedtls_sha512_starts)(&h->sha512, 0) == 0;
    }
}

static bool hashing_add(hashing *h, const uint8_t *data, size_t size)
{
    if (size == 0)
        return true;
    switch (h->hash) {
    case AMPHI_HASH_SHA1:
        return STATUS_OF(mbedtls_sha1_update)(&h->sha1, data, size) == 0;
    case AMPHI_HASH_SHA256:
        return STATUS_OF(mbedtls_sha256_update)(&h->sha256, data, size) == 0;
    default:
        return STATUS_OF(mbedtls_sha512_update)(&h->sha512, data, size) == 0;
    }
}

/* Wipes the context too. */
static bool hashing_end(hashing *h, uint8_t *out)
{
    bool ok;
    switch (h->hash) {
    case AMPHI_HASH_SHA1:
        ok = STATUS_OF(mbedtls_sha1_finish)(&h->sha1, out) == 0;
        break;
    case AMPHI_HASH_SHA256:
        ok = STATUS_OF(mbedtls_sha256_finish)(&h->sha256, out) == 0;
        break;
    default:
        ok = STATUS_OF(mbedtls_sha512_finish)(&h->sha512, out) == 0;
        break;
    }
    amphi__wipe(h, sizeof *h);
    return ok;
}

/* One hash over the key's block (masked) and two pieces. */
static bool masked_hash(
    amphi_hash hash, const uint8_t *block, uint8_t mask, amphi_bytes a, amphi_bytes b, uint8_t *out)
{
    hashing h;
    uint8_t masked[HASH_BLOCK_MAX];
    for (size_t i = 0; i < block_bytes(hash); i++)
        masked[i] = block[i] ^ mask;
    bool ok = hashing_begin(&h, hash);
    ok = ok && hashing_add(&h, masked, block_bytes(hash));
    ok = ok && hashing_add(&h, a.data, a.size);
    ok = ok && hashing_add(&h, b.data, b.size);
    ok = hashing_end(&h, out) && ok;
    amphi__wipe(masked, sizeof masked);
    return ok;
}

bool amphi__page_hmac(amphi_hash hash, amphi_bytes key, amphi_bytes a, amphi_bytes b, uint8_t *out)
{
    static const amphi_bytes nothing = {NULL, 0};
    uint8_t block[HASH_BLOCK_MAX] = {0};
    uint8_t inner[AMPHI_HASH_BYTES_MAX];
    bool ok = true;
    if (key.size <= block_bytes(hash)) {
        if (key.size > 0)
            memcpy(block, key.data, key.size);
    } else { /* a long key is its hash */
        hashing h;
        ok = hashing_begin(&h, hash);
        ok = ok && hashing_add(&h, key.data, key.size);
        ok = hashing_end(&h, block) && ok;
    }
    ok = ok && masked_hash(hash, block, 0x36, a, b, inner);
    ok = ok && masked_hash(
                   hash, block, 0x5c, (amphi_bytes){inner, amphi__hash_bytes(hash)}, nothing, out);
    if (!ok)
        memset(out, 0, amphi__hash_bytes(hash));
    amphi__wipe(block, sizeof block);
    amphi__wipe(inner, sizeof inner);
    return ok;
}

/* T(index) of RFC 8018, 5.2. */
static bool kdf_block(amphi_hash hash, amphi_bytes password, amphi_bytes salt, uint32_t rounds,
    uint32_t index, uint8_t *out)
{
    const uint8_t number[4] = {
        (uint8_t)(index >> 24), (uint8_t)(index >> 16), (uint8_t)(index >> 8), (uint8_t)index};
    uint8_t u[AMPHI_HASH_BYTES_MAX];
    size_t size = amphi__hash_bytes(hash);
    bool ok = amphi__page_hmac(hash, password, salt, (amphi_bytes){number, sizeof number}, u);
    memcpy(out, u, size);
    for (uint32_t round = 1; ok && round < rounds; round++) {
        ok = amphi__page_hmac(hash, password, (amphi_bytes){u, size}, (amphi_bytes){NULL, 0}, u);
        for (size_t i = 0; i < size; i++)
            out[i] ^= u[i];
    }
    amphi__wipe(u, sizeof u);
    return ok;
}

bool amphi__page_kdf(amphi_hash hash, amphi_bytes password, amphi_bytes salt, uint32_t rounds,
    uint8_t *out, size_t size)
{
    uint8_t block[AMPHI_HASH_BYTES_MAX];
    bool ok = rounds > 0;
    uint32_t index = 1;
    for (size_t done = 0; ok && done < size; index++) {
        size_t part = amphi__hash_bytes(hash);
        if (part > size - done)
            part = size - done;
        ok = kdf_block(hash, password, salt, rounds, index, block);
        memcpy(out + done, block, part);
        done += part;
    }
    if (!ok)
        memset(out, 0, size);
    amphi__wipe(block, sizeof block);
    return ok;
}

bool amphi__page_cipher(const uint8_t key[AMPHI_PAGE_KEY_BYTES],
    const uint8_t iv[AMPHI_PAGE_IV_BYTES], amphi_page_direction direction, amphi_bytes in,
    uint8_t *out)
{
    bool encrypt = direction == AMPHI_PAGE_ENCRYPT;
    uint8_t chained[AMPHI_PAGE_IV_BYTES]; /* mbedTLS leaves the last block there */
    mbedtls_aes_context aes;
    memcpy(chained, iv, sizeof chained);
    mbedtls_aes_init(&aes);
    int rc = encrypt ? mbedtls_aes_setkey_enc(&aes, key, 8 * AMPHI_PAGE_KEY_BYTES)
                     : mbedtls_aes_setkey_dec(&aes, key, 8 * AMPHI_PAGE_KEY_BYTES);
    if (rc == 0)
        rc = mbedtls_aes_crypt_cbc(&aes, encrypt ? MBEDTLS_AES_ENCRYPT : MBEDTLS_AES_DECRYPT,
            in.size, chained, in.data, out);
    mbedtls_aes_free(&aes);
    if (rc != 0)
        memset(out, 0, in.size);
    amphi__wipe(chained, sizeof chained);
    return rc == 0;
}

bool amphi__page_random(uint8_t *out, size_t size)
{
    static const size_t part_max = 256; /* getentropy gives no more at a time */
    for (size_t done = 0; done < size;) {
        size_t part = size - done < part_max ? size - done : part_max;
        if (getentropy(out + done, part) != 0) {
            memset(out, 0, size);
            return false;
        }
        done += part;
    }
    return true;
}
