/* SPDX-License-Identifier: Apache-2.0
 *
 * Signed payloads (sdk/docs/decisions/0025-signed-remote-config.md): a detached JWS beside the
 * file, ES256 over the raw bytes, with a version that never goes back and an expiry. Pure but for
 * the cryptography; the store and the clock are the caller's.
 */
#ifndef AMPHI_POLICY_ROLLOUT_SIGNATURE_H
#define AMPHI_POLICY_ROLLOUT_SIGNATURE_H

#include "sdk/core/buf.h"
#include "sdk/core/crypto_sign.h"

#include <amphi/error.h>

#define AMPHI_ROLLOUT_KEYS_MAX      4
#define AMPHI_ROLLOUT_SIGNATURE_MAX 8192u /* bytes of the file */
#define AMPHI_ROLLOUT_LINES_MAX     8     /* signatures in it */
#define AMPHI_ROLLOUT_KID_MAX       44
#define AMPHI_ROLLOUT_LIFETIME_MAX  (180u * 24 * 3600) /* s, from `iat` to `exp` */
#define AMPHI_ROLLOUT_SKEW          (24u * 3600)       /* s that a clock may be behind `iat` */
#define AMPHI_ROLLOUT_VERSION_MAX   ((1ull << 53) - 1)

typedef struct amphi_rollout_key {
    uint8_t point[AMPHI_P256_PUBLIC_BYTES];
    char kid[AMPHI_ROLLOUT_KID_MAX]; /* its JWK thumbprint (RFC 7638) */
} amphi_rollout_key;

/* What the app pins; none: payloads need no signature. */
typedef struct amphi_rollout_keys {
    amphi_rollout_key keys[AMPHI_ROLLOUT_KEYS_MAX];
    size_t count;
} amphi_rollout_keys;

/* What a signature says of its payload. */
typedef struct amphi_rollout_claims {
    uint64_t version;   /* 1 and more; 0: not signed */
    uint64_t issued_s;  /* Unix time */
    uint64_t expires_s; /* likewise */
    uint8_t digest[32]; /* SHA-256 of the payload */
    char kid[AMPHI_ROLLOUT_KID_MAX];
} amphi_rollout_claims;

/* The newest that was ever taken. All zero: nothing was. */
typedef struct amphi_rollout_floor {
    uint64_t version;
    uint64_t issued_s; /* the latest of any version */
    uint8_t digest[32];
} amphi_rollout_floor;

/* "KEY;KEY": points in base64url. AMPHI_E_ARGUMENT names what is wrong. */
amphi_status amphi__rollout_keys_parse(amphi_rollout_keys *out, amphi_str text, amphi_error *error);
amphi_status amphi__rollout_kid(
    const uint8_t point[AMPHI_P256_PUBLIC_BYTES], char out[AMPHI_ROLLOUT_KID_MAX]);

/* Is one line of the signature file a pinned key's signature of this payload? Nothing is said about
 * version and time yet. AMPHI_E_CORRUPT: none is. AMPHI_E_FORMAT: it is no such file. */
amphi_status amphi__rollout_signature_check(amphi_rollout_claims *out,
    const amphi_rollout_keys *keys, amphi_str signature, amphi_str payload, amphi_error *error);

/* May it be taken now? AMPHI_E_REFUSED with the reason: older than the floor, another payload of
 * the same version, expired, or a clock that must be wrong. */
amphi_status amphi__rollout_claims_admit(const amphi_rollout_claims *claims,
    const amphi_rollout_floor *floor, int64_t now_s, amphi_error *error);
/* Has what is in force run out, by the later of the clock and the newest `iat`? */
bool amphi__rollout_claims_expired(
    const amphi_rollout_claims *claims, const amphi_rollout_floor *floor, int64_t now_s);
void amphi__rollout_floor_raise(amphi_rollout_floor *floor, const amphi_rollout_claims *claims);

/* One line: HEADER..SIGNATURE, a line end. claims->digest and ->kid are not read. */
amphi_status amphi__rollout_sign_line(amphi_buf *out, const amphi_rollout_claims *claims,
    const uint8_t private_key[AMPHI_P256_PRIVATE_BYTES], amphi_str payload, amphi_error *error);

#endif
