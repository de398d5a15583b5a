/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto_sign.h over mbedTLS's PSA Crypto API 1.0. Keys are imported for one call each: the key
 * store of 2.28 has few places, and a signature is checked once an hour.
 */
#include "sdk/core/crypto_sign.h"

#include "sdk/core/crypto_psa.h"

#define CURVE PSA_ECC_FAMILY_SECP_R1
#define ECDSA PSA_ALG_ECDSA(PSA_ALG_SHA_256)

static psa_key_attributes_t attributes_of(psa_key_type_t type, psa_key_usage_t usage)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, type);
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, usage);
    psa_set_key_algorithm(&attributes, ECDSA);
    return attributes;
}

/* Leaves PSA's lock; what a key that is none means. */
static amphi_status leave(psa_status_t result)
{
    amphi_status status = amphi__psa_leave(result);
    return result == PSA_ERROR_INVALID_ARGUMENT ? AMPHI_E_ARGUMENT : status;
}

static psa_status_t export_public(psa_key_id_t id, uint8_t *public_key)
{
    size_t size = 0;
    psa_status_t result = psa_export_public_key(id, public_key, AMPHI_P256_PUBLIC_BYTES, &size);
    return result == PSA_SUCCESS && size != AMPHI_P256_PUBLIC_BYTES ? PSA_ERROR_GENERIC_ERROR
                                                                    : result;
}

amphi_status amphi__p256_generate(
    uint8_t private_key[AMPHI_P256_PRIVATE_BYTES], uint8_t public_key[AMPHI_P256_PUBLIC_BYTES])
{
    amphi_status status = amphi__psa_enter();
    if (status != AMPHI_OK)
        return status;
    psa_key_attributes_t attributes =
        attributes_of(PSA_KEY_TYPE_ECC_KEY_PAIR(CURVE), PSA_KEY_USAGE_EXPORT);
    psa_key_id_t id = 0;
    size_t size = 0;
    psa_status_t result = psa_generate_key(&attributes, &id);
    if (result == PSA_SUCCESS) {
        result = psa_export_key(id, private_key, AMPHI_P256_PRIVATE_BYTES, &size);
        if (result == PSA_SUCCESS)
            result = export_public(id, public_key);
        psa_destroy_key(id);
    }
    return leave(result);
}

/* Between enter and leave. */
static psa_status_t import_private(
    const uint8_t private_key[AMPHI_P256_PRIVATE_BYTES], psa_key_id_t *id)
{
    psa_key_attributes_t attributes =
        attributes_of(PSA_KEY_TYPE_ECC_KEY_PAIR(CURVE), PSA_KEY_USAGE_SIGN_HASH);
    return psa_import_key(&attributes, private_key, AMPHI_P256_PRIVATE_BYTES, id);
}

amphi_status amphi__p256_public(const uint8_t private_key[AMPHI_P256_PRIVATE_BYTES],
    uint8_t public_key[AMPHI_P256_PUBLIC_BYTES])
{
    amphi_status status = amphi__psa_enter();
    if (status != AMPHI_OK)
        return status;
    psa_key_id_t id = 0;
    psa_status_t result = import_private(private_key, &id);
    if (result == PSA_SUCCESS) {
        result = export_public(id, public_key);
        psa_destroy_key(id);
    }
    return leave(result);
}

amphi_status amphi__p256_sign(const uint8_t private_key[AMPHI_P256_PRIVATE_BYTES],
    const uint8_t digest[32], uint8_t signature[AMPHI_P256_SIGNATURE_BYTES])
{
    amphi_status status = amphi__psa_enter();
    if (status != AMPHI_OK)
        return status;
    psa_key_id_t id = 0;
    size_t size = 0;
    psa_status_t result = import_private(private_key, &id);
    if (result == PSA_SUCCESS) {
        result = psa_sign_hash(id, ECDSA, digest, 32, signature, AMPHI_P256_SIGNATURE_BYTES, &size);
        psa_destroy_key(id);
    }
    return leave(result);
}

amphi_status amphi__p256_verify(const uint8_t public_key[AMPHI_P256_PUBLIC_BYTES],
    const uint8_t digest[32], const uint8_t signature[AMPHI_P256_SIGNATURE_BYTES])
{
    if (public_key[0] != 4) /* another form of the point: PSA calls that unsupported */
        return AMPHI_E_ARGUMENT;
    amphi_status status = amphi__psa_enter();
    if (status != AMPHI_OK)
        return status;
    psa_key_attributes_t attributes =
        attributes_of(PSA_KEY_TYPE_ECC_PUBLIC_KEY(CURVE), PSA_KEY_USAGE_VERIFY_HASH);
    psa_key_id_t id = 0;
    psa_status_t result = psa_import_key(&attributes, public_key, AMPHI_P256_PUBLIC_BYTES, &id);
    bool imported = result == PSA_SUCCESS;
    if (imported) {
        result = psa_verify_hash(id, ECDSA, digest, 32, signature, AMPHI_P256_SIGNATURE_BYTES);
        psa_destroy_key(id);
    }
    bool is_wrong = imported && result != PSA_SUCCESS && result != PSA_ERROR_INSUFFICIENT_MEMORY;
    status = leave(result);
    return is_wrong ? AMPHI_E_CORRUPT : status;
}
