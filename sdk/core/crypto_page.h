/* SPDX-License-Identifier: Apache-2.0
 *
 * What encrypting and authenticating a database's pages takes, without one allocation: every
 * context lives on the stack, so that none of these can fail for lack of memory. False means an
 * argument that no caller of ours passes, or a random source that does not answer; the output is
 * zeros then. Any thread.
 */
#ifndef AMPHI_CORE_CRYPTO_PAGE_H
#define AMPHI_CORE_CRYPTO_PAGE_H

#include <amphi/error.h>

#define AMPHI_PAGE_KEY_BYTES 32
#define AMPHI_PAGE_IV_BYTES  16
#define AMPHI_HASH_BYTES_MAX 64

typedef enum amphi_hash { AMPHI_HASH_SHA1, AMPHI_HASH_SHA256, AMPHI_HASH_SHA512 } amphi_hash;

typedef enum amphi_page_direction { AMPHI_PAGE_DECRYPT, AMPHI_PAGE_ENCRYPT } amphi_page_direction;

typedef struct amphi_bytes {
    const uint8_t *data;
    size_t size;
} amphi_bytes;

/* 20, 32 or 64. */
size_t amphi__hash_bytes(amphi_hash hash);
/* AES-256-CBC without padding; in.size is a multiple of 16, `out` as long and apart or the same. */
bool amphi__page_cipher(const uint8_t key[AMPHI_PAGE_KEY_BYTES],
    const uint8_t iv[AMPHI_PAGE_IV_BYTES], amphi_page_direction direction, amphi_bytes in,
    uint8_t *out);
/* HMAC (RFC 2104) over `a` and then `b`, which may be empty; hash_bytes() bytes. */
bool amphi__page_hmac(amphi_hash hash, amphi_bytes key, amphi_bytes a, amphi_bytes b, uint8_t *out);
/* PBKDF2 (RFC 8018) over that HMAC. */
bool amphi__page_kdf(amphi_hash hash, amphi_bytes password, amphi_bytes salt, uint32_t rounds,
    uint8_t *out, size_t size);
/* From the kernel. */
bool amphi__page_random(uint8_t *out, size_t size);

#endif
