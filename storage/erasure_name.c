/* SPDX-License-Identifier: Apache-2.0
 *
 * HMAC-SHA256 under a key derived for this purpose, cut to 128 bits.
 */
#include "storage/erasure_name.h"

#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"

amphi_status amphi__erasure_name(const uint8_t master[32], amphi_str conversation_id,
    uint8_t out[AMPHI_ERASURE_NAME_BYTES], amphi_error *error)
{
    uint8_t key[32] = {0};
    uint8_t hash[32] = {0};
    amphi_status status = amphi__hkdf_sha256(master, AMPHI_STR("amphi/store/erasure/1"), key);
    if (status == AMPHI_OK)
        status = amphi__hmac_sha256(key, conversation_id, hash);
    memcpy(out, hash, AMPHI_ERASURE_NAME_BYTES);
    amphi__wipe(key, sizeof key);
    return status == AMPHI_OK ? status : amphi__fail(error, status, 0, "store: HMAC failed");
}
