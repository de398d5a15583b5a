/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto.h over mbedTLS's PSA Crypto API 1.0. psa_crypto_init is idempotent but not thread-safe
 * in 2.28, and neither is its key store there, so one lock guards every call.
 */
#include "sdk/core/crypto_psa.h"

#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/thread.h"

#include <stdio.h>

static pthread_mutex_t psa_lock = PTHREAD_MUTEX_INITIALIZER;

amphi_status amphi__psa_enter(void)
{
    pthread_mutex_lock(&psa_lock);
    if (psa_crypto_init() == PSA_SUCCESS)
        return AMPHI_OK;
    pthread_mutex_unlock(&psa_lock);
    return AMPHI_E_INTERNAL;
}

amphi_status amphi__psa_leave(psa_status_t result)
{
    pthread_mutex_unlock(&psa_lock);
    if (result == PSA_ERROR_INSUFFICIENT_MEMORY)
        return AMPHI_E_NO_MEMORY;
    return result == PSA_SUCCESS ? AMPHI_OK : AMPHI_E_INTERNAL;
}

amphi_status amphi__random(void *out, size_t size)
{
    amphi_status status = amphi__psa_enter();
    if (status != AMPHI_OK)
        return status;
    return amphi__psa_leave(psa_generate_random(out, size));
}

amphi_status amphi__sha256(amphi_str data, uint8_t out[32])
{
    amphi_status status = amphi__psa_enter();
    if (status != AMPHI_OK)
        return status;
    size_t size = 0;
    return amphi__psa_leave(
        psa_hash_compute(PSA_ALG_SHA_256, (const uint8_t *)data.data, data.size, out, 32, &size));
}

/* Call between enter and leave. */
static psa_status_t hmac_locked(
    const uint8_t *key, size_t key_size, amphi_str data, uint8_t out[32])
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_HMAC);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_MESSAGE);
    psa_set_key_algorithm(&attributes, PSA_ALG_HMAC(PSA_ALG_SHA_256));
    psa_key_id_t id = 0;
    psa_status_t result = psa_import_key(&attributes, key, key_size, &id);
    if (result != PSA_SUCCESS)
        return result;
    size_t size = 0;
    result = psa_mac_compute(
        id, PSA_ALG_HMAC(PSA_ALG_SHA_256), (const uint8_t *)data.data, data.size, out, 32, &size);
    psa_destroy_key(id);
    return result;
}

amphi_status amphi__hmac_sha256(const uint8_t key[32], amphi_str data, uint8_t out[32])
{
    amphi_status status = amphi__psa_enter();
    if (status != AMPHI_OK)
        return status;
    return amphi__psa_leave(hmac_locked(key, 32, data, out));
}

/* One block of RFC 5869: extract with a zero salt, then expand T(1). */
amphi_status amphi__hkdf_sha256(const uint8_t key[32], amphi_str info, uint8_t out[32])
{
    char block[256];
    if (info.size >= sizeof block)
        return AMPHI_E_ARGUMENT;
    amphi_status status = amphi__psa_enter();
    if (status != AMPHI_OK)
        return status;
    uint8_t salt[32] = {0};
    uint8_t extracted[32];
    psa_status_t result =
        hmac_locked(salt, sizeof salt, amphi_str_make((const char *)key, 32), extracted);
    if (result == PSA_SUCCESS) {
        if (info.size > 0)
            memcpy(block, info.data, info.size);
        block[info.size] = 1;
        result =
            hmac_locked(extracted, sizeof extracted, amphi_str_make(block, info.size + 1), out);
    }
    amphi__wipe(extracted, sizeof extracted);
    return amphi__psa_leave(result);
}

/* ---- sealing ---- */

#define NONCE_BYTES 12
#define TAG_BYTES   16
_Static_assert(NONCE_BYTES + TAG_BYTES == AMPHI_SEAL_BYTES, "what crypto.h says");

static psa_status_t import_gcm(const uint8_t key[32], psa_key_usage_t usage, psa_key_id_t *id)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_AES);
    psa_set_key_usage_flags(&attributes, usage);
    psa_set_key_algorithm(&attributes, PSA_ALG_GCM);
    return psa_import_key(&attributes, key, 32, id);
}

/* Makes room for `size` bytes at the end of `out`: NULL on failure. */
static uint8_t *extend(amphi_buf *out, size_t size)
{
    if (amphi__buf_reserve(out, size) != AMPHI_OK)
        return NULL;
    uint8_t *added = (uint8_t *)out->data + out->size;
    out->size += size;
    out->data[out->size] = '\0';
    return added;
}

amphi_status amphi__seal(const uint8_t key[32], amphi_str bound, amphi_str plain, amphi_buf *out)
{
    size_t before = out->size;
    uint8_t *sealed = extend(out, plain.size + AMPHI_SEAL_BYTES);
    if (sealed == NULL)
        return out->status;
    amphi_status status = amphi__psa_enter();
    if (status != AMPHI_OK)
        goto cleanup;
    psa_key_id_t id = 0;
    psa_status_t result = psa_generate_random(sealed, NONCE_BYTES);
    if (result == PSA_SUCCESS)
        result = import_gcm(key, PSA_KEY_USAGE_ENCRYPT, &id);
    if (result == PSA_SUCCESS) {
        size_t size = 0;
        result = psa_aead_encrypt(id, PSA_ALG_GCM, sealed, NONCE_BYTES, (const uint8_t *)bound.data,
            bound.size, (const uint8_t *)plain.data, plain.size, sealed + NONCE_BYTES,
            plain.size + TAG_BYTES, &size);
        psa_destroy_key(id);
    }
    status = amphi__psa_leave(result);
cleanup:
    if (status != AMPHI_OK)
        amphi__buf_truncate(out, before);
    return status;
}

amphi_status amphi__open(const uint8_t key[32], amphi_str bound, amphi_str sealed, amphi_buf *out)
{
    size_t before = out->size;
    if (sealed.size < AMPHI_SEAL_BYTES)
        return AMPHI_E_CORRUPT;
    size_t plain_size = sealed.size - AMPHI_SEAL_BYTES;
    uint8_t *plain = extend(out, plain_size);
    if (plain == NULL)
        return out->status;
    amphi_status status = amphi__psa_enter();
    if (status != AMPHI_OK)
        goto cleanup;
    psa_key_id_t id = 0;
    const uint8_t *bytes = (const uint8_t *)sealed.data;
    psa_status_t result = import_gcm(key, PSA_KEY_USAGE_DECRYPT, &id);
    if (result == PSA_SUCCESS) {
        size_t size = 0;
        result = psa_aead_decrypt(id, PSA_ALG_GCM, bytes, NONCE_BYTES, (const uint8_t *)bound.data,
            bound.size, bytes + NONCE_BYTES, sealed.size - NONCE_BYTES, plain, plain_size, &size);
        psa_destroy_key(id);
    }
    status = amphi__psa_leave(result);
    if (result == PSA_ERROR_INVALID_SIGNATURE)
        status = AMPHI_E_CORRUPT;
cleanup:
    if (status != AMPHI_OK)
        amphi__buf_truncate(out, before);
    return status;
}

bool amphi__bytes_equal(const void *a, const void *b, size_t size)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++)
        difference |= x[i] ^ y[i];
    return difference == 0;
}

void amphi__hex(char *out, const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * size] = '\0';
}

amphi_status amphi__uuid(char out[37])
{
    uint8_t bytes[16];
    amphi_status status = amphi__random(bytes, sizeof bytes);
    if (status != AMPHI_OK)
        return status;
    bytes[6] = (uint8_t)(0x40 | (bytes[6] & 0x0F));
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3F));
    char hex[33];
    amphi__hex(hex, bytes, sizeof bytes);
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return AMPHI_OK;
}
