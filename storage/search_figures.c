/* SPDX-License-Identifier: Apache-2.0
 *
 * What a search costs: a store is given many messages of made-up words, a few of which are frequent
 * and most are rare, and is asked for words, beginnings, phrases and Chinese.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "storage/history.h"
#include "storage/search.h"

#include <amphi/bench.h>

#include <stdio.h>

enum { TURN_MESSAGES = 100, WORDS = 60, WORD_BYTES = 8, TEXT_BYTES = WORDS * WORD_BYTES };
enum { ROUNDS = 9 };

static const char *const queries[] = {
    "kaba", "babab", "\"kaba kabi\"", "nothing like it", "lo mu", "天气", "北京的天气", "ze"};
enum { QUERIES = sizeof queries / sizeof queries[0] };

/* xorshift64 (Marsaglia, 2003): the same texts on every machine. */
static uint32_t next_number(uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 16) % below;
}

/* A word of two to four syllables; half of them are among the first hundred. */
static size_t put_word(char *out, uint64_t *state)
{
    static const char consonants[] = "kblmnrstvz";
    static const char vowels[] = "aeiou";
    uint32_t number =
        next_number(state, 2) == 0 ? next_number(state, 100) : next_number(state, 100000);
    size_t size = 0;
    do {
        out[size++] = consonants[number % 10];
        out[size++] = vowels[number / 10 % 5];
        number /= 50;
    } while (number > 0 && size < WORD_BYTES - 1);
    out[size++] = ' ';
    return size;
}

static amphi_str make_text(char out[TEXT_BYTES], uint64_t *state)
{
    uint32_t words = 5 + next_number(state, WORDS - 10);
    size_t size = 0;
    for (uint32_t i = 0; i < words; i++)
        size += put_word(out + size, state);
    if (next_number(state, 40) == 0) {
        amphi_str chinese = AMPHI_STR("北京的天气怎么样");
        memcpy(out, chinese.data, chinese.size < size ? chinese.size : 0);
    }
    return amphi_str_make(out, size);
}

static amphi_status fill(amphi_store_sqlcipher *store, uint32_t messages, amphi_error *error)
{
    uint64_t state = 88172645463325252u;
    char(*texts)[TEXT_BYTES] = amphi__calloc(TURN_MESSAGES, sizeof *texts);
    amphi_status status = texts != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
    for (uint32_t done = 0; status == AMPHI_OK && done < messages; done += TURN_MESSAGES) {
        amphi_store_message list[TURN_MESSAGES] = {0};
        amphi_store_turn turn;
        amphi_db *db;
        for (size_t i = 0; i < TURN_MESSAGES; i++) {
            list[i].role = i % 2 == 0 ? AMPHI_STR("user") : AMPHI_STR("assistant");
            list[i].content = make_text(texts[i], &state);
        }
        amphi_store_turn_init(&turn);
        turn.conversation_id = AMPHI_STR("search");
        turn.now_ms = 1;
        turn.messages = list;
        turn.messages_count = TURN_MESSAGES;
        status = amphi__store_write_begin_unsynced(store, AMPHI_PATIENCE_LONG_MS, &db, error);
        if (status == AMPHI_OK)
            status = amphi__store_write_end(
                store, amphi__history_append_within(store, db, &turn, error), error);
    }
    amphi__free(texts);
    return status;
}

static bool count_hit(void *user, const amphi_search_hit *hit)
{
    *(size_t *)user += hit->snippet.size > 0;
    return true;
}

amphi_status amphi__search_measure(
    amphi_store_sqlcipher *store, uint32_t messages, double *p50_ms, amphi_error *error)
{
    double took_us[ROUNDS * QUERIES];
    size_t hits = 0;
    amphi_status status = fill(store, messages, error);
    if (status == AMPHI_OK)
        amphi__search_catch_up(store, true, SIZE_MAX);
    for (size_t i = 0; status == AMPHI_OK && i < ROUNDS * QUERIES; i++) {
        amphi_search_query query;
        amphi_search_query_init(&query);
        query.words = amphi_str_from(queries[i % QUERIES]);
        uint64_t begun_us = amphi__clock_us(NULL);
        status = amphi__store_search(store, &query, count_hit, &hits, error);
        took_us[i] = (double)(amphi__clock_us(NULL) - begun_us);
    }
    if (status == AMPHI_OK && hits == 0)
        status = amphi__fail(error, AMPHI_E_INTERNAL, 0, "the search found nothing");
    if (status != AMPHI_OK)
        return status;
    *p50_ms = amphi_bench_median(took_us, ROUNDS * QUERIES) / 1000;
    return AMPHI_OK;
}
