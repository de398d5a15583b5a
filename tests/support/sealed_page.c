/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/sealed_page.h"

#include "sdk/core/crypto_page.h"
#include "tests/support/scratch_dir.h"

#include <stdlib.h>

void sealed_page_make(uint8_t page[AMPHI_DB_PAGE_BYTES], const amphi_page_seal *seal,
    const amphi_db_key *key, uint32_t number)
{
    static const uint8_t header[8] = {16, 0, 1, 1, 48, 64, 32, 32};
    bool is_old = seal->format == AMPHI_PAGE_FORMAT_3;
    size_t end = AMPHI_DB_PAGE_BYTES - (is_old ? 48 : 80);
    size_t start = number == 1 ? 16 : 0;
    const uint8_t last[4] = {
        (uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16), (uint8_t)(number >> 24)};
    for (size_t i = 0; i < AMPHI_DB_PAGE_BYTES; i++)
        page[i] = (uint8_t)(i * 31 + i / 256 + number);
    memset(page, 0, 8); /* a page that has no next one */
    memcpy(page + 16, header, sizeof header);
    amphi__page_cipher(key->key, page + end, AMPHI_PAGE_ENCRYPT,
        (amphi_bytes){page + start, end - start}, page + start);
    amphi__page_hmac(is_old ? AMPHI_HASH_SHA1 : AMPHI_HASH_SHA512,
        (amphi_bytes){seal->hmac_key, sizeof seal->hmac_key},
        (amphi_bytes){page + start, end + 16 - start}, (amphi_bytes){last, sizeof last},
        page + end + 16);
}

static bool is_empty(const uint8_t *page)
{
    for (size_t i = 0; i < AMPHI_DB_PAGE_BYTES; i++)
        if (page[i] != 0)
            return false;
    return true;
}

static int count_bad_pages(const uint8_t *bytes, size_t size, const amphi_page_seal *seal)
{
    int bad = 0;
    for (size_t at = 0; at + AMPHI_DB_PAGE_BYTES <= size; at += AMPHI_DB_PAGE_BYTES) {
        uint32_t number = (uint32_t)(at / AMPHI_DB_PAGE_BYTES + 1);
        bad += !is_empty(bytes + at) && !amphi__page_seal_holds(seal, number, bytes + at);
    }
    return bad;
}

static int count_bad_frames(const uint8_t *bytes, size_t size, const amphi_page_seal *seal)
{
    int bad = 0;
    for (size_t at = 32; at + 24 + AMPHI_DB_PAGE_BYTES <= size; at += 24 + AMPHI_DB_PAGE_BYTES) {
        const uint8_t *frame = bytes + at;
        uint32_t number = (uint32_t)frame[0] << 24 | (uint32_t)frame[1] << 16 |
                          (uint32_t)frame[2] << 8 | frame[3];
        if (memcmp(frame + 8, bytes + 16, 8) == 0) /* of this generation */
            bad += !amphi__page_seal_holds(seal, number, frame + 24);
    }
    return bad;
}

int sealed_page_count_bad(const char *path, const amphi_page_seal *seal, bool is_log)
{
    size_t size;
    char *bytes = scratch_read(path, &size);
    if (bytes == NULL)
        return -1;
    int bad = is_log ? count_bad_frames((uint8_t *)bytes, size, seal)
                     : count_bad_pages((uint8_t *)bytes, size, seal);
    free(bytes);
    return bad;
}
