/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache's memory against a plain model of it.
 */
#include "sdk/client/cache_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Keys whose first bytes are few, so that chains are long. */
static void key_of(unsigned n, uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    memset(key, 0, AMPHI_CACHE_KEY_BYTES);
    key[0] = (uint8_t)(n % 7);
    memcpy(key + 8, &n, sizeof n);
}

static void put(amphi_cache_memory *memory, unsigned n, const char *text, int64_t until_ms)
{
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    amphi_cached_answer answer = {
        .text = (char *)text, .question = "", .model = "", .route = "", .identity = ""};
    key_of(n, key);
    amphi__cache_memory_put(memory, key, &answer, until_ms, amphi__cache_memory_generation(memory));
}

/* The text under n, in a static buffer; "" when there is none. */
static const char *get(amphi_cache_memory *memory, unsigned n, int64_t now_ms)
{
    static char text[64];
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    amphi_cached_answer answer;
    key_of(n, key);
    text[0] = '\0';
    if (amphi__cache_memory_get(memory, key, now_ms, &answer) == AMPHI_OK) {
        snprintf(text, sizeof text, "%s", answer.text);
        amphi__cached_answer_clear(&answer);
    }
    return text;
}

static void memory__last_put_of_a_key_counts_until_its_time(void **state)
{
    amphi_cache_memory *memory = amphi__cache_memory_new();
    assert_string_equal(get(memory, 1, 0), "");
    put(memory, 1, "a", 10);
    put(memory, 8, "b", 10);
    put(memory, 1, "c", 10);
    assert_string_equal(get(memory, 1, 9), "c");
    assert_string_equal(get(memory, 8, 9), "b");
    assert_string_equal(get(memory, 1, 10), "");
    amphi__cache_memory_free(memory);
}

static void memory__least_recently_used_goes(void **state)
{
    amphi_cache_memory *memory = amphi__cache_memory_new();
    for (unsigned n = 0; n < AMPHI_CACHE_MEMORY_ENTRIES; n++)
        put(memory, n, "x", 10);
    assert_string_equal(get(memory, 0, 0), "x");
    for (unsigned n = 0; n < 5; n++)
        put(memory, 10000 + n, "y", 10);
    assert_string_equal(get(memory, 0, 0), "x");
    for (unsigned n = 1; n <= 5; n++)
        assert_string_equal(get(memory, n, 0), "");
    assert_string_equal(get(memory, 6, 0), "x");
    amphi__cache_memory_free(memory);
}

static void memory__forgets_everything_and_what_was_on_its_way(void **state)
{
    amphi_cache_memory *memory = amphi__cache_memory_new();
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    const amphi_cached_answer answer = {
        .text = "x", .question = "", .model = "", .route = "", .identity = ""};
    for (unsigned n = 0; n < 100; n++)
        put(memory, n, "x", 10);
    uint64_t generation = amphi__cache_memory_generation(memory);
    amphi__cache_memory_clear(memory);
    for (unsigned n = 0; n < 100; n++)
        assert_string_equal(get(memory, n, 0), "");
    key_of(1, key);
    amphi__cache_memory_put(memory, key, &answer, 10, generation);
    assert_string_equal(get(memory, 1, 0), "");
    put(memory, 1, "y", 10);
    assert_string_equal(get(memory, 1, 0), "y");
    amphi__cache_memory_free(memory);
}

static void memory__does_as_its_model_does(void **state)
{
    enum { KEYS = 300 };
    static int values[KEYS]; /* 0: none */
    amphi_cache_memory *memory = amphi__cache_memory_new();
    srand(1);
    for (int step = 1; step < 20000; step++) {
        unsigned n = (unsigned)rand() % KEYS;
        char text[16];
        if (step % 997 == 0) {
            amphi__cache_memory_clear(memory);
            memset(values, 0, sizeof values);
        }
        if (rand() % 2 == 0) {
            snprintf(text, sizeof text, "%d", step);
            put(memory, n, text, 10);
            values[n] = step;
        }
        snprintf(text, sizeof text, "%d", values[n]);
        assert_string_equal(get(memory, n, 0), values[n] == 0 ? "" : text);
    }
    amphi__cache_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory__last_put_of_a_key_counts_until_its_time),
        cmocka_unit_test(memory__least_recently_used_goes),
        cmocka_unit_test(memory__forgets_everything_and_what_was_on_its_way),
        cmocka_unit_test(memory__does_as_its_model_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
