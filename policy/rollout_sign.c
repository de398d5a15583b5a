/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's side of signed payloads: key pairs, and lines of a signature file. A private key
 * is a JWK (RFC 7517), so that other tools can sign as well; what holds it is wiped.
 */
#include "policy/policy.h"
#include "policy/rollout_signature.h"
#include "sdk/core/alloc.h"
#include "sdk/core/base64url.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

static void put_coordinate(amphi_buf *out, const char *name, const uint8_t bytes[32])
{
    amphi__buf_printf(out, "\"%s\":\"", name);
    amphi__base64url_write(out, bytes, 32);
    amphi__buf_append_c(out, "\",");
}

amphi_status amphi__rollout_keygen(
    amphi_buf *private_jwk, amphi_buf *public_key, amphi_error *error)
{
    uint8_t secret[AMPHI_P256_PRIVATE_BYTES];
    uint8_t point[AMPHI_P256_PUBLIC_BYTES];
    char kid[AMPHI_ROLLOUT_KID_MAX];
    amphi_status status = amphi__p256_generate(secret, point);
    if (status == AMPHI_OK)
        status = amphi__rollout_kid(point, kid);
    if (status == AMPHI_OK) {
        amphi__buf_append_c(private_jwk, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ES256\",");
        put_coordinate(private_jwk, "x", point + 1);
        put_coordinate(private_jwk, "y", point + 33);
        put_coordinate(private_jwk, "d", secret);
        amphi__buf_printf(private_jwk, "\"kid\":\"%s\"}\n", kid);
        status = private_jwk->status;
    }
    if (status == AMPHI_OK)
        status = amphi__base64url_write(public_key, point, sizeof point);
    amphi__wipe(secret, sizeof secret);
    if (status == AMPHI_E_NO_MEMORY)
        return amphi__fail_no_memory(error);
    return status == AMPHI_OK ? AMPHI_OK
                              : amphi__fail(error, status, 0, "rollout: no key pair could be made");
}

/* The private number of a JWK. */
static amphi_status read_jwk(
    uint8_t out[AMPHI_P256_PRIVATE_BYTES], amphi_str jwk, amphi_error *error)
{
    amphi_json *json = NULL;
    amphi_status status = amphi__json_parse(&json, jwk, "the private key", error);
    if (status != AMPHI_OK)
        return status;
    bool fits = amphi__str_equal_c(amphi__json_string(amphi__json_get(json, "kty")), "EC") &&
                amphi__str_equal_c(amphi__json_string(amphi__json_get(json, "crv")), "P-256") &&
                amphi__base64url_read_exactly(out, AMPHI_P256_PRIVATE_BYTES,
                    amphi__json_string(amphi__json_get(json, "d"))) == AMPHI_OK;
    amphi__json_free(json);
    if (fits)
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "rollout: this is no private key of P-256: give the file that `amphi rollout keygen` "
        "wrote");
}

amphi_status amphi__rollout_sign(amphi_buf *out, amphi_str private_jwk, amphi_str payload,
    uint64_t version, uint64_t issued_s, uint64_t expires_s, amphi_error *error)
{
    uint8_t secret[AMPHI_P256_PRIVATE_BYTES];
    const amphi_rollout_claims claims = {
        .version = version, .issued_s = issued_s, .expires_s = expires_s};
    if (version == 0 || version > AMPHI_ROLLOUT_VERSION_MAX)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "rollout: versions begin at 1");
    if (expires_s <= issued_s || expires_s - issued_s > AMPHI_ROLLOUT_LIFETIME_MAX)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "rollout: a signature holds for 1 to 180 days");
    amphi_status status = read_jwk(secret, private_jwk, error);
    if (status == AMPHI_OK)
        status = amphi__rollout_sign_line(out, &claims, secret, payload, error);
    amphi__wipe(secret, sizeof secret);
    return status;
}
