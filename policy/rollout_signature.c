/* SPDX-License-Identifier: Apache-2.0
 *
 * rollout_signature.h: HEADER..SIGNATURE, one line for each key (RFC 7515, appendix F; RFC 7797).
 * The file is from outside, so its form is narrow: exactly these members, each once, and the one
 * base64url text that bytes have.
 */
#include "policy/rollout_signature.h"

#include "sdk/core/base64url.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define HEADER_MAX     512 /* bytes of its JSON */
#define HEADER_MEMBERS 7

/* ---- keys ---- */

amphi_status amphi__rollout_kid(
    const uint8_t point[AMPHI_P256_PUBLIC_BYTES], char out[AMPHI_ROLLOUT_KID_MAX])
{
    amphi_buf text;
    uint8_t digest[32];
    amphi__buf_init(&text, 0);
    amphi__buf_append_c(&text, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
    amphi__base64url_write(&text, point + 1, 32);
    amphi__buf_append_c(&text, "\",\"y\":\"");
    amphi__base64url_write(&text, point + 33, 32);
    amphi__buf_append_c(&text, "\"}");
    amphi_status status = text.status;
    if (status == AMPHI_OK)
        status = amphi__sha256(amphi__buf_str(&text), digest);
    amphi__buf_truncate(&text, 0);
    if (status == AMPHI_OK)
        status = amphi__base64url_write(&text, digest, sizeof digest);
    if (status == AMPHI_OK)
        amphi__str_copy_to(out, AMPHI_ROLLOUT_KID_MAX, amphi__buf_str(&text));
    amphi__buf_clear(&text);
    return status;
}

static amphi_status parse_key(amphi_rollout_key *out, amphi_str text, amphi_error *error)
{
    uint8_t nothing[64] = {0};
    if (amphi__base64url_read_exactly(out->point, sizeof out->point, text) != AMPHI_OK ||
        amphi__p256_verify(out->point, nothing, nothing) == AMPHI_E_ARGUMENT)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "rollout keys: \"%.*s\" is no public key: give what `amphi rollout keygen` prints",
            (int)(text.size < 20 ? text.size : 20), text.data);
    return amphi__rollout_kid(out->point, out->kid) == AMPHI_OK ? AMPHI_OK
                                                                : amphi__fail_no_memory(error);
}

amphi_status amphi__rollout_keys_parse(amphi_rollout_keys *out, amphi_str text, amphi_error *error)
{
    memset(out, 0, sizeof *out);
    while (text.size > 0) {
        amphi_str key = amphi__str_trim(amphi__str_cut(text, ';', &text));
        if (key.size == 0)
            continue;
        if (out->count == AMPHI_ROLLOUT_KEYS_MAX)
            return amphi__fail(
                error, AMPHI_E_ARGUMENT, 0, "rollout keys: more than %d", AMPHI_ROLLOUT_KEYS_MAX);
        amphi_status status = parse_key(&out->keys[out->count], key, error);
        if (status != AMPHI_OK)
            return status;
        out->count++;
    }
    return AMPHI_OK;
}

static const amphi_rollout_key *key_of(const amphi_rollout_keys *keys, amphi_str kid)
{
    for (size_t i = 0; i < keys->count; i++)
        if (amphi__str_equal_c(kid, keys->keys[i].kid))
            return &keys->keys[i];
    return NULL;
}

/* ---- checking ---- */

static bool is_text(const amphi_json *value, const char *text)
{
    return amphi__json_is_string(value) && amphi__str_equal_c(amphi__json_string(value), text);
}

static bool is_crit(const amphi_json *list)
{
    static const char *const names[] = {"b64", "exp", "ver"};
    const amphi_json *name = amphi__json_first(list);
    if (amphi__json_kind(list) != AMPHI_JSON_ARRAY)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!is_text(name, names[i]))
            return false;
        name = amphi__json_next(name);
    }
    return name == NULL;
}

static bool read_number(const amphi_json *value, uint64_t *out)
{
    int64_t number = amphi__json_is_float(value) ? -1 : amphi__json_int(value, -1);
    *out = (uint64_t)number;
    return number > 0 && (uint64_t)number <= AMPHI_ROLLOUT_VERSION_MAX;
}

/* The header's members; a second one of a name would make them eight. */
static bool read_header(const amphi_json *header, amphi_rollout_claims *out)
{
    bool fits = amphi__json_kind(header) == AMPHI_JSON_OBJECT &&
                amphi__json_count(header) == HEADER_MEMBERS &&
                is_text(amphi__json_get(header, "alg"), "ES256") &&
                amphi__json_kind(amphi__json_get(header, "b64")) == AMPHI_JSON_BOOL &&
                !amphi__json_bool(amphi__json_get(header, "b64"), true) &&
                is_crit(amphi__json_get(header, "crit")) &&
                amphi__json_is_string(amphi__json_get(header, "kid")) &&
                read_number(amphi__json_get(header, "ver"), &out->version) &&
                read_number(amphi__json_get(header, "iat"), &out->issued_s) &&
                read_number(amphi__json_get(header, "exp"), &out->expires_s);
    if (fits)
        amphi__str_copy_to(
            out->kid, sizeof out->kid, amphi__json_string(amphi__json_get(header, "kid")));
    return fits;
}

/* SHA-256 of what is signed: the header's text, a dot, the payload as it is. */
static amphi_status digest_of(amphi_str header, amphi_str payload, uint8_t out[32])
{
    amphi_buf text;
    amphi__buf_init(&text, 0);
    amphi__buf_append_str(&text, header);
    amphi__buf_append_char(&text, '.');
    amphi__buf_append_str(&text, payload);
    amphi_status status =
        text.status == AMPHI_OK ? amphi__sha256(amphi__buf_str(&text), out) : text.status;
    amphi__buf_clear(&text);
    return status;
}

/* AMPHI_E_FORMAT: no signature. AMPHI_E_NOT_FOUND: of a key that is not pinned. */
static amphi_status check_line(
    amphi_rollout_claims *out, const amphi_rollout_keys *keys, amphi_str line, amphi_str payload)
{
    uint8_t signature[AMPHI_P256_SIGNATURE_BYTES];
    uint8_t digest[32];
    amphi_str rest;
    amphi_str encoded = amphi__str_cut(line, '.', &rest);
    amphi_json *header = NULL;
    amphi_buf text;
    if (rest.size == 0 || rest.data[0] != '.' ||
        amphi__base64url_read_exactly(
            signature, sizeof signature, amphi__str_slice(rest, 1, rest.size)) != AMPHI_OK)
        return AMPHI_E_FORMAT;
    amphi__buf_init(&text, HEADER_MAX);
    amphi_status status = amphi__base64url_read(&text, encoded);
    status = status == AMPHI_E_LIMIT ? AMPHI_E_FORMAT : status;
    if (status == AMPHI_OK)
        status = amphi__json_parse(&header, amphi__buf_str(&text), "signature", NULL);
    if (status == AMPHI_OK && !read_header(header, out))
        status = AMPHI_E_FORMAT;
    const amphi_rollout_key *key =
        status == AMPHI_OK ? key_of(keys, amphi_str_from(out->kid)) : NULL;
    if (status == AMPHI_OK && key == NULL)
        status = AMPHI_E_NOT_FOUND;
    if (status == AMPHI_OK)
        status = digest_of(encoded, payload, digest);
    if (status == AMPHI_OK)
        status = amphi__p256_verify(key->point, digest, signature);
    amphi__json_free(header);
    amphi__buf_clear(&text);
    return status;
}

amphi_status amphi__rollout_signature_check(amphi_rollout_claims *out,
    const amphi_rollout_keys *keys, amphi_str signature, amphi_str payload, amphi_error *error)
{
    amphi_status worst = AMPHI_E_NOT_FOUND;
    unsigned lines = 0;
    memset(out, 0, sizeof *out);
    if (signature.size == 0 || signature.size > AMPHI_ROLLOUT_SIGNATURE_MAX ||
        signature.data[signature.size - 1] != '\n')
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "rollout: the signature file is empty, cut or too long: sign the payload again");
    while (signature.size > 0) {
        amphi_rollout_claims claims = {0};
        amphi_str line = amphi__str_cut(signature, '\n', &signature);
        if (++lines > AMPHI_ROLLOUT_LINES_MAX)
            return amphi__fail(error, AMPHI_E_FORMAT, 0, "rollout: more than %d signatures",
                AMPHI_ROLLOUT_LINES_MAX);
        amphi_status status = check_line(&claims, keys, line, payload);
        if (status == AMPHI_OK)
            status = amphi__sha256(payload, claims.digest);
        if (status == AMPHI_OK) {
            *out = claims;
            return AMPHI_OK;
        }
        if (status == AMPHI_E_NO_MEMORY)
            return amphi__fail_no_memory(error);
        worst = status != AMPHI_E_NOT_FOUND ? status : worst;
    }
    if (worst == AMPHI_E_FORMAT)
        return amphi__fail(
            error, AMPHI_E_FORMAT, 0, "rollout: a line of the signature file is none");
    return amphi__fail(error, AMPHI_E_CORRUPT, 0,
        worst == AMPHI_E_NOT_FOUND
            ? "rollout: no signature is of a key that this app pins"
            : "rollout: the signature is not of this payload (or one of the two is older)");
}

/* ---- version and time ---- */

static uint64_t later_of(const amphi_rollout_floor *floor, int64_t now_s)
{
    uint64_t now = now_s > 0 ? (uint64_t)now_s : 0;
    return now > floor->issued_s ? now : floor->issued_s;
}

bool amphi__rollout_claims_expired(
    const amphi_rollout_claims *claims, const amphi_rollout_floor *floor, int64_t now_s)
{
    return claims->version > 0 && later_of(floor, now_s) > claims->expires_s;
}

amphi_status amphi__rollout_claims_admit(const amphi_rollout_claims *claims,
    const amphi_rollout_floor *floor, int64_t now_s, amphi_error *error)
{
    if (claims->version < floor->version)
        return amphi__fail(error, AMPHI_E_REFUSED, 0,
            "rollout: version %llu is older than %llu, which was taken before",
            (unsigned long long)claims->version, (unsigned long long)floor->version);
    if (claims->version == floor->version &&
        memcmp(claims->digest, floor->digest, sizeof floor->digest) != 0)
        return amphi__fail(error, AMPHI_E_REFUSED, 0,
            "rollout: another payload has version %llu: sign this one with a higher version",
            (unsigned long long)claims->version);
    if (claims->expires_s <= claims->issued_s ||
        claims->expires_s - claims->issued_s > AMPHI_ROLLOUT_LIFETIME_MAX)
        return amphi__fail(error, AMPHI_E_REFUSED, 0,
            "rollout: the signature's expiry is not within 180 days of its time");
    if (amphi__rollout_claims_expired(claims, floor, now_s))
        return amphi__fail(error, AMPHI_E_REFUSED, 0,
            "rollout: version %llu has expired, or this device's clock is ahead",
            (unsigned long long)claims->version);
    if (now_s <= 0 || (uint64_t)now_s + AMPHI_ROLLOUT_SKEW < claims->issued_s)
        return amphi__fail(error, AMPHI_E_REFUSED, 0,
            "rollout: version %llu was signed later than this device's clock says: set the clock",
            (unsigned long long)claims->version);
    return AMPHI_OK;
}

void amphi__rollout_floor_raise(amphi_rollout_floor *floor, const amphi_rollout_claims *claims)
{
    if (claims->version > floor->version) {
        floor->version = claims->version;
        memcpy(floor->digest, claims->digest, sizeof floor->digest);
    }
    if (claims->issued_s > floor->issued_s)
        floor->issued_s = claims->issued_s;
}

/* ---- signing ---- */

amphi_status amphi__rollout_sign_line(amphi_buf *out, const amphi_rollout_claims *claims,
    const uint8_t private_key[AMPHI_P256_PRIVATE_BYTES], amphi_str payload, amphi_error *error)
{
    uint8_t point[AMPHI_P256_PUBLIC_BYTES];
    uint8_t digest[32];
    uint8_t signature[AMPHI_P256_SIGNATURE_BYTES];
    char kid[AMPHI_ROLLOUT_KID_MAX];
    amphi_buf header;
    amphi_buf encoded;
    amphi__buf_init(&header, HEADER_MAX);
    amphi__buf_init(&encoded, 0);
    amphi_status status = amphi__p256_public(private_key, point);
    if (status == AMPHI_OK)
        status = amphi__rollout_kid(point, kid);
    if (status != AMPHI_OK)
        goto cleanup;
    amphi__buf_printf(&header,
        "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\",\"exp\",\"ver\"],\"exp\":%llu,"
        "\"iat\":%llu,\"kid\":\"%s\",\"ver\":%llu}",
        (unsigned long long)claims->expires_s, (unsigned long long)claims->issued_s, kid,
        (unsigned long long)claims->version);
    status = header.status;
    if (status == AMPHI_OK)
        status = amphi__base64url_write(&encoded, header.data, header.size);
    if (status == AMPHI_OK)
        status = digest_of(amphi__buf_str(&encoded), payload, digest);
    if (status == AMPHI_OK)
        status = amphi__p256_sign(private_key, digest, signature);
    if (status == AMPHI_OK) {
        amphi__buf_append_str(out, amphi__buf_str(&encoded));
        amphi__buf_append_c(out, "..");
        amphi__base64url_write(out, signature, sizeof signature);
        amphi__buf_append_char(out, '\n');
        status = out->status;
    }
cleanup:
    amphi__buf_clear(&header);
    amphi__buf_clear(&encoded);
    if (status == AMPHI_E_ARGUMENT)
        return amphi__fail(error, status, 0, "rollout: the private key is none of P-256");
    return status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}
