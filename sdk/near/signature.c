/* SPDX-License-Identifier: Apache-2.0
 *
 * MinHash (Broder, 1997) over the gist's 2-grams, in bands: of 16 minima, four bands of four. Two
 * texts share a band with probability 1 - (1 - J^4)^4 where J is the Jaccard index of their gists:
 * 1 for near questions, 0.85 at J = 0.8, 0.23 at J = 0.5. A band leaves as an HMAC, since hashes of
 * short questions could be guessed.
 */
#include "sdk/core/crypto.h"
#include "sdk/core/str.h"
#include "sdk/near/bigrams.h"
#include "sdk/near/gist.h"
#include "sdk/near/near.h"

enum { ROWS = 4, MINIMA = AMPHI_NEAR_BANDS * ROWS };

/* The finalizer of SplitMix64 (Steele, Lea, Flood, 2014): a bijection whose bits look random. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

static amphi_status write_gist(amphi_buf *out, const amphi_near_list *list)
{
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; status == AMPHI_OK && i < list->count; i++) {
        bool parts_words = i > 0 && list->tokens[i].kind == AMPHI_NEAR_KIND_WORD &&
                           list->tokens[i - 1].kind == AMPHI_NEAR_KIND_WORD;
        if (parts_words)
            status = amphi__buf_append_char(out, ' ');
        if (status == AMPHI_OK)
            status = amphi__buf_append_str(out, list->tokens[i].lower);
    }
    return status;
}

static amphi_status fill_bands(amphi_near_signature *out, amphi_str gist, const uint8_t key[32])
{
    amphi_bigrams bigrams;
    uint64_t minima[MINIMA];
    amphi_status status = amphi__bigrams_of(&bigrams, gist);
    for (size_t i = 0; i < MINIMA; i++) {
        minima[i] = UINT64_MAX;
        for (size_t j = 0; j < bigrams.count; j++) {
            uint64_t hash = mix(bigrams.grams[j] ^ mix(i + 1));
            minima[i] = hash < minima[i] ? hash : minima[i];
        }
    }
    for (size_t i = 0; status == AMPHI_OK && i < AMPHI_NEAR_BANDS; i++) {
        uint8_t digest[32];
        uint64_t band[1 + ROWS] = {i};
        memcpy(&band[1], &minima[i * ROWS], ROWS * sizeof minima[0]);
        status = amphi__hmac_sha256(key, amphi_str_make((const char *)band, sizeof band), digest);
        memcpy(&out->bands[i], digest, sizeof out->bands[i]);
    }
    amphi__bigrams_clear(&bigrams);
    return status;
}

amphi_status amphi__near_signature(amphi_near_signature *out, amphi_str text, const uint8_t key[32])
{
    amphi_near_reading reading;
    amphi_buf gist;
    memset(out, 0, sizeof *out);
    amphi__buf_init(&gist, 0);
    amphi_status status = amphi__near_read(&reading, text);
    bool is_free = status == AMPHI_OK && !reading.is_long && reading.freedom == AMPHI_NEAR_FREE;
    if (is_free) {
        amphi__near_gist(&reading);
        status = write_gist(&gist, &reading.list);
    }
    if (is_free && status == AMPHI_OK && gist.size > 0)
        status = fill_bands(out, amphi__buf_str(&gist), key);
    out->is_near_able = is_free && status == AMPHI_OK && gist.size > 0;
    amphi__buf_wipe(&gist);
    amphi__near_reading_clear(&reading);
    return status;
}
