/* SPDX-License-Identifier: Apache-2.0
 *
 * The head's file: read whole, checked whole, and only then believed.
 */
#include "local/judge/head.h"

#include "local/model/fingerprint.h"
#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    VERSION = 1,
    FIXED_BYTES = 8 + 4 + 1 + 1 + 2 + 4 + 4 + 4 + AMPHI_HEAD_HASH_BYTES,
    PATH_BYTES_MAX = 4096 + 8
};

#define WEIGHT_MAX 1e6f /* far above any that training finds */

static const char magic[8] = {'A', 'M', 'P', 'H', 'H', 'E', 'A', 'D'};

/* ---- bytes ---- */

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static float get_float(const uint8_t *at)
{
    uint32_t bits = get_u32(at);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void put_u32(amphi_buf *out, uint32_t value)
{
    const uint8_t bytes[4] = {
        (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    amphi__buf_append(out, bytes, sizeof bytes);
}

static void put_float(amphi_buf *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_u32(out, bits);
}

/* ---- reading ---- */

static size_t weights_count(const amphi_head *head)
{
    return (size_t)head->values + AMPHI_EVIDENCE_NUMBERS;
}

static bool hash_fits(amphi_str bytes)
{
    uint8_t hash[AMPHI_HEAD_HASH_BYTES];
    size_t body = bytes.size - sizeof hash;
    return amphi__sha256(amphi_str_make(bytes.data, body), hash) == AMPHI_OK &&
           memcmp(hash, bytes.data + body, sizeof hash) == 0;
}

static amphi_status parse_fixed(amphi_head *out, amphi_str bytes, amphi_error *error)
{
    const uint8_t *at = (const uint8_t *)bytes.data;
    if (bytes.size < FIXED_BYTES || memcmp(at, magic, sizeof magic) != 0)
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "head: not a head's file");
    if (get_u32(at + 8) != VERSION)
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "head: of version %u, this library reads %d; train it again", get_u32(at + 8), VERSION);
    out->depth = at[12];
    out->pool = (amphi_state_pool)at[13];
    out->tokens = (uint32_t)at[14] | (uint32_t)at[15] << 8;
    out->values = get_u32(at + 16);
    out->rows = get_u32(at + 20);
    out->auc = get_float(at + 24);
    memcpy(out->model, at + 28, sizeof out->model);
    if (out->depth < 1 || out->depth > AMPHI_STATE_DEPTHS || out->pool >= AMPHI_POOL_COUNT ||
        out->tokens < 1 || out->tokens > AMPHI_JUDGED_TOKENS_MAX || out->values < 1 ||
        out->values > AMPHI_STATE_VALUES_MAX || !(out->auc >= 0 && out->auc <= 1))
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "head: a field is out of its range");
    return AMPHI_OK;
}

amphi_status amphi__head_parse(amphi_head *out, amphi_str bytes, amphi_error *error)
{
    *out = (amphi_head){0};
    amphi_status status = parse_fixed(out, bytes, error);
    if (status != AMPHI_OK)
        return status;
    size_t count = weights_count(out);
    if (bytes.size != FIXED_BYTES + (count + 1) * 4 + AMPHI_HEAD_HASH_BYTES || !hash_fits(bytes))
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "head: damaged, or cut off");
    out->weights = amphi__calloc(count, sizeof *out->weights);
    if (out->weights == NULL)
        return amphi__fail_no_memory(error);
    const uint8_t *at = (const uint8_t *)bytes.data + FIXED_BYTES;
    bool is_sound = true;
    for (size_t i = 0; i <= count; i++) {
        float value = get_float(at + i * 4);
        is_sound = is_sound && fabsf(value) <= WEIGHT_MAX; /* false for NaN */
        *(i < count ? &out->weights[i] : &out->bias) = value;
    }
    if (is_sound)
        return AMPHI_OK;
    amphi__head_clear(out);
    return amphi__fail(error, AMPHI_E_FORMAT, 0, "head: a weight is no number");
}

void amphi__head_clear(amphi_head *head)
{
    amphi__free(head->weights);
    *head = (amphi_head){0};
}

/* ---- writing ---- */

amphi_status amphi__head_write(const amphi_head *head, amphi_buf *out)
{
    const uint8_t small[4] = {(uint8_t)head->depth, (uint8_t)head->pool, (uint8_t)head->tokens,
        (uint8_t)(head->tokens >> 8)};
    uint8_t hash[AMPHI_HEAD_HASH_BYTES];
    amphi__buf_append(out, magic, sizeof magic);
    put_u32(out, VERSION);
    amphi__buf_append(out, small, sizeof small);
    put_u32(out, head->values);
    put_u32(out, head->rows);
    put_float(out, head->auc);
    amphi__buf_append(out, head->model, sizeof head->model);
    for (size_t i = 0; i < weights_count(head); i++)
        put_float(out, head->weights[i]);
    put_float(out, head->bias);
    if (out->status != AMPHI_OK)
        return out->status;
    amphi_status status = amphi__sha256(amphi__buf_str(out), hash);
    return status == AMPHI_OK ? amphi__buf_append(out, hash, sizeof hash) : status;
}

/* ---- beside the model ---- */

static amphi_status read_small(const char *path, amphi_buf *out, amphi_error *error)
{
    char block[4096];
    ssize_t got = 0;
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "head: the model has none beside it");
    amphi_status status = AMPHI_OK;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > AMPHI_HEAD_BYTES_MAX)
        status = amphi__fail(error, AMPHI_E_FORMAT, 0, "head: not a head's file");
    while (status == AMPHI_OK && (got = read(fd, block, sizeof block)) > 0)
        status = amphi__buf_append(out, block, (size_t)got);
    if (status == AMPHI_OK && got < 0)
        status = amphi__fail(error, AMPHI_E_IO, 0, "head: can't be read");
    close(fd);
    return status;
}

amphi_status amphi__head_open(amphi_head *out, const char *model_path, amphi_error *error)
{
    char path[PATH_BYTES_MAX];
    uint8_t model[AMPHI_HEAD_HASH_BYTES];
    amphi_buf bytes;
    *out = (amphi_head){0};
    if (snprintf(path, sizeof path, "%s%s", model_path, AMPHI_HEAD_SUFFIX) >= (int)sizeof path)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "head: the model's path is too long");
    amphi__buf_init(&bytes, AMPHI_HEAD_BYTES_MAX);
    amphi_status status = read_small(path, &bytes, error);
    if (status == AMPHI_OK)
        status = amphi__head_parse(out, amphi__buf_str(&bytes), error);
    amphi__buf_clear(&bytes);
    if (status == AMPHI_OK && (amphi__content_hash(model_path, model) != AMPHI_OK ||
                                  memcmp(model, out->model, sizeof model) != 0)) {
        amphi__head_clear(out);
        status = amphi__fail(error, AMPHI_E_FORMAT, 0,
            "head: it was trained for another model file; train it again");
    }
    return status;
}
