/* SPDX-License-Identifier: Apache-2.0
 *
 * What the store keeps of a rollout: the install id, the last good payload, and the newest version
 * and time that a signature ever had. The payload lies with its tag, source and signature as one
 * value, so that a crash can't pair one payload with another's tag. The floor is a value of its own
 * and is written first: a crash in between leaves a version that was taken and not kept, which is
 * then taken again.
 */
#include "policy/rollout_state.h"

#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#define SETTING_ID    "rollout.install_id"
#define SETTING_KEPT  "rollout.payload" /* a head, a line end, the payload's bytes */
#define SETTING_FLOOR "rollout.floor"   /* {"version","issued","sha256"} */
#define KEPT_MAX      (AMPHI_ROLLOUT_PAYLOAD_MAX + 4 * AMPHI_ROLLOUT_SIGNATURE_MAX)
#define SWAPS_MAX     8

typedef struct amphi_rollout_setting {
    amphi_buf text;
} amphi_rollout_setting;

static void copy_setting(void *user, amphi_str value)
{
    amphi_rollout_setting *setting = user;
    amphi__buf_append_str(&setting->text, value);
}

/* An absent setting, or no store at all, is the empty text. */
static amphi_status read_setting(
    const amphi_rollout *rollout, const char *name, amphi_rollout_setting *out, amphi_error *error)
{
    amphi__buf_init(&out->text, KEPT_MAX);
    if (rollout->store.ops == NULL)
        return AMPHI_OK;
    amphi_status status = rollout->store.ops->setting_get(
        rollout->store.self, amphi_str_from(name), copy_setting, out, error);
    if (status == AMPHI_E_NOT_FOUND) {
        amphi__error_clear(error);
        return AMPHI_OK;
    }
    if (status == AMPHI_OK && out->text.status == AMPHI_E_NO_MEMORY)
        return amphi__fail_no_memory(error);
    if (out->text.status != AMPHI_OK)
        amphi__buf_reset(&out->text); /* longer than anything we wrote */
    return status;
}

/* ---- the install id ---- */

static bool is_install_id(amphi_str text)
{
    if (text.size != 36)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-'))
            return false;
    }
    return true;
}

amphi_status amphi__rollout_load_id(amphi_rollout *rollout, amphi_error *error)
{
    amphi_rollout_setting kept;
    amphi_status status = read_setting(rollout, SETTING_ID, &kept, error);
    amphi_str text = amphi__buf_str(&kept.text);
    if (status == AMPHI_OK && is_install_id(text)) {
        amphi__str_copy_to(rollout->install_id, sizeof rollout->install_id, text);
    } else if (status == AMPHI_OK) {
        status = amphi__uuid(rollout->install_id);
        if (status != AMPHI_OK) {
            amphi__fail(error, status, 0, "rollout: no random numbers for the install id");
        } else if (rollout->store.ops != NULL) {
            status = rollout->store.ops->setting_put(rollout->store.self, AMPHI_STR(SETTING_ID),
                amphi_str_from(rollout->install_id), error);
        }
    }
    amphi__buf_clear(&kept.text);
    return status;
}

/* ---- the last good payload ---- */

/* Its signature, by the keys that are pinned now. */
static amphi_status check_kept(
    const amphi_rollout *rollout, amphi_rollout_payload *out, amphi_str signature, amphi_str text)
{
    if (rollout->keys.count == 0)
        return amphi__sha256(text, out->claims.digest);
    amphi_status status =
        amphi__rollout_signature_check(&out->claims, &rollout->keys, signature, text, NULL);
    if (status == AMPHI_OK && (out->signature = amphi__str_copy(signature)) == NULL)
        status = AMPHI_E_NO_MEMORY;
    return status;
}

/* Of another source it stays in force until the new one has answered; only its tag says nothing. */
amphi_status amphi__rollout_load_kept(
    amphi_rollout *rollout, amphi_rollout_payload *out, amphi_error *error)
{
    amphi_rollout_setting kept;
    amphi_json *head = NULL;
    memset(out, 0, sizeof *out);
    amphi_status status = read_setting(rollout, SETTING_KEPT, &kept, error);
    amphi_str text;
    amphi_str line = amphi__str_cut(amphi__buf_str(&kept.text), '\n', &text);
    amphi_status usable =
        line.size > 0 ? amphi__json_parse(&head, line, "rollout", NULL) : AMPHI_E_NOT_FOUND;
    if (usable == AMPHI_OK && !amphi__json_is_string(amphi__json_get(head, "source")))
        usable = AMPHI_E_NOT_FOUND;
    if (usable == AMPHI_OK)
        usable =
            check_kept(rollout, out, amphi__json_string(amphi__json_get(head, "signature")), text);
    if (usable == AMPHI_OK)
        usable = amphi__rollout_parse(&out->root, text, NULL);
    if (usable == AMPHI_OK) {
        out->origin = ORIGIN_KEPT;
        bool is_same_file =
            amphi__str_equal_c(
                amphi__json_string(amphi__json_get(head, "source")), rollout->source) &&
            (out->signature != NULL) == (amphi__json_get(head, "signature") != NULL);
        if (is_same_file)
            amphi__str_copy_to(
                out->etag, sizeof out->etag, amphi__json_string(amphi__json_get(head, "etag")));
        if (amphi__sha256(amphi__buf_str(&kept.text), rollout->kept_digest) != AMPHI_OK)
            memset(rollout->kept_digest, 0, sizeof rollout->kept_digest);
    } else {
        amphi__free(out->signature);
        memset(out, 0, sizeof *out);
    }
    if (status == AMPHI_OK && usable == AMPHI_E_NO_MEMORY)
        status = amphi__fail_no_memory(error);
    amphi__json_free(head);
    amphi__buf_clear(&kept.text);
    return status;
}

amphi_status amphi__rollout_keep(amphi_rollout *rollout, const amphi_rollout_payload *payload,
    amphi_str text, amphi_error *error)
{
    if (rollout->store.ops == NULL)
        return AMPHI_OK;
    amphi_buf value;
    amphi_json_writer writer;
    uint8_t digest[32];
    amphi__buf_init(&value, KEPT_MAX);
    amphi__json_writer_init(&writer, &value);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "source", amphi_str_from(rollout->source));
    amphi__json_put_str(&writer, "etag", amphi_str_from(payload->etag));
    if (payload->signature != NULL)
        amphi__json_put_str(&writer, "signature", amphi_str_from(payload->signature));
    amphi__json_close(&writer, '}');
    amphi__buf_append_char(&value, '\n');
    amphi__buf_append_str(&value, text);
    amphi_status status = value.status;
    if (status == AMPHI_OK)
        status = amphi__sha256(amphi__buf_str(&value), digest);
    if (status != AMPHI_OK) {
        amphi__fail(error, status, 0, "out of memory, or longer than its limit");
        goto cleanup;
    }
    /* Only one refresh runs at a time, and only a refresh writes the digest. */
    if (memcmp(digest, rollout->kept_digest, sizeof digest) != 0) {
        status = rollout->store.ops->setting_put(
            rollout->store.self, AMPHI_STR(SETTING_KEPT), amphi__buf_str(&value), error);
        if (status == AMPHI_OK)
            memcpy(rollout->kept_digest, digest, sizeof digest);
    }
cleanup:
    amphi__buf_clear(&value);
    return status;
}

/* ---- the floor ---- */

static void parse_floor(amphi_rollout_floor *out, amphi_str text)
{
    amphi_json *json = NULL;
    memset(out, 0, sizeof *out);
    if (amphi__json_parse(&json, text, "floor", NULL) != AMPHI_OK)
        return;
    amphi_str hex = amphi__json_string(amphi__json_get(json, "sha256"));
    int64_t version = amphi__json_int(amphi__json_get(json, "version"), 0);
    int64_t issued = amphi__json_int(amphi__json_get(json, "issued"), 0);
    out->version = version > 0 ? (uint64_t)version : 0;
    out->issued_s = issued > 0 ? (uint64_t)issued : 0;
    for (size_t i = 0; hex.size == 64 && i < 32; i++) {
        unsigned byte = 0;
        for (size_t k = 0; k < 2; k++) {
            char c = hex.data[2 * i + k];
            byte = byte << 4 | (unsigned)(c >= 'a' ? c - 'a' + 10 : c - '0');
        }
        out->digest[i] = (uint8_t)byte;
    }
    amphi__json_free(json);
}

amphi_status amphi__rollout_load_floor(
    const amphi_rollout *rollout, amphi_rollout_floor *out, amphi_error *error)
{
    amphi_rollout_setting kept;
    memset(out, 0, sizeof *out);
    amphi_status status = read_setting(rollout, SETTING_FLOOR, &kept, error);
    if (status == AMPHI_OK && kept.text.size > 0)
        parse_floor(out, amphi__buf_str(&kept.text));
    amphi__buf_clear(&kept.text);
    return status;
}

static amphi_status write_floor(amphi_buf *out, const amphi_rollout_floor *floor)
{
    char hex[65];
    amphi_json_writer writer;
    amphi__hex(hex, floor->digest, sizeof floor->digest);
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_int(&writer, "version", (int64_t)floor->version);
    amphi__json_put_int(&writer, "issued", (int64_t)floor->issued_s);
    amphi__json_put_str(&writer, "sha256", amphi_str_from(hex));
    amphi__json_close(&writer, '}');
    return out->status;
}

/* One step; AMPHI_E_BUSY: another process wrote it meanwhile. */
static amphi_status raise_once(
    const amphi_rollout *rollout, const amphi_rollout_claims *claims, amphi_error *error)
{
    amphi_rollout_setting kept;
    amphi_rollout_floor floor;
    amphi_buf after;
    const amphi_store_ops *ops = rollout->store.ops;
    amphi__buf_init(&after, 0);
    amphi_status status = read_setting(rollout, SETTING_FLOOR, &kept, error);
    amphi_str before = amphi__buf_str(&kept.text);
    if (status != AMPHI_OK)
        goto cleanup;
    parse_floor(&floor, before);
    amphi__rollout_floor_raise(&floor, claims);
    if (write_floor(&after, &floor) != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    else if (amphi__str_equal(before, amphi__buf_str(&after)))
        status = AMPHI_OK;
    else if (ops->setting_swap != NULL)
        status = ops->setting_swap(
            rollout->store.self, AMPHI_STR(SETTING_FLOOR), before, amphi__buf_str(&after), error);
    else
        status = ops->setting_put(
            rollout->store.self, AMPHI_STR(SETTING_FLOOR), amphi__buf_str(&after), error);
cleanup:
    amphi__buf_clear(&kept.text);
    amphi__buf_clear(&after);
    return status;
}

amphi_status amphi__rollout_raise_floor(
    const amphi_rollout *rollout, const amphi_rollout_claims *claims, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    if (rollout->store.ops == NULL || claims->version == 0)
        return AMPHI_OK;
    for (unsigned i = 0; i < SWAPS_MAX; i++) {
        status = raise_once(rollout, claims, error);
        if (status != AMPHI_E_BUSY)
            break;
    }
    return status;
}
