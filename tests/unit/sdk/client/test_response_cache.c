/* SPDX-License-Identifier: Apache-2.0
 *
 * The response cache's key: equal for what asks for the same answer, different for what does not,
 * and at a cost that grows with the request's size only.
 */
#include "sdk/client/response_cache.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "storage/stores.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static amphi_store store;
static amphi_response_cache *cache;

static int set_up(void **state)
{
    amphi_storage_options options = {0};
    return amphi__store_memory_new(&store, &options, NULL) == AMPHI_OK &&
                   amphi__response_cache_new(&cache, store, &amphi__clock_system, NULL) == AMPHI_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    amphi__response_cache_free(cache);
    store.ops->free(store.self);
    return 0;
}

static void key_of(amphi_str json, uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    amphi_request request;
    assert_int_equal(amphi__request_from_json(&request, json, NULL), AMPHI_OK);
    assert_int_equal(
        amphi__response_cache_key(cache, &request, AMPHI_PRIVACY_NONE, AMPHI_STR(""), key),
        AMPHI_OK);
    amphi__request_clear(&request);
}

static bool is_same(const char *a, const char *b)
{
    uint8_t keys[2][AMPHI_CACHE_KEY_BYTES];
    key_of(amphi_str_from(a), keys[0]);
    key_of(amphi_str_from(b), keys[1]);
    return memcmp(keys[0], keys[1], AMPHI_CACHE_KEY_BYTES) == 0;
}

static void key__is_of_the_answer_that_is_asked_for(void **state)
{
    assert_true(is_same("{" MESSAGES ",\"seed\":1,\"top_p\":0.5}",
        "{\"top_p\":0.5,\"stream\":true,\"user\":\"me\",\"seed\":1," MESSAGES "}"));
    assert_false(is_same("{" MESSAGES ",\"seed\":1}", "{" MESSAGES ",\"seed\":2}"));
    assert_false(is_same("{" MESSAGES ",\"seed\":1}", "{" MESSAGES "}"));
    /* Of duplicates the last one counts. */
    assert_true(is_same("{" MESSAGES ",\"x\":2,\"x\":1}", "{" MESSAGES ",\"x\":1}"));
}

static void key__ends_for_a_member_without_a_name(void **state)
{
    assert_true(is_same("{\"\":1," MESSAGES "}", "{" MESSAGES ",\"\":1}"));
    assert_false(is_same("{\"\":1," MESSAGES "}", "{" MESSAGES "}"));
}

static uint64_t cpu_us(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* Processor time of this thread, which a busy machine does not lengthen. */
static uint64_t cost_us(int members)
{
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    amphi_buf body;
    amphi__buf_init(&body, 0);
    amphi__buf_append_c(&body, "{" MESSAGES);
    for (int i = 0; i < members; i++)
        amphi__buf_printf(&body, ",\"x%d\":0", i);
    amphi__buf_append_char(&body, '}');
    uint64_t begin_us = cpu_us();
    key_of(amphi__buf_str(&body), key);
    uint64_t used_us = cpu_us() - begin_us;
    amphi__buf_clear(&body);
    return used_us;
}

/* A search from end to end for each member took minutes for 100,000. Eight times the members cost
 * 8 to 16 times as much when sorted, 64 times as much when searched. */
static void key__cost_grows_with_the_number_of_members_not_with_its_square(void **state)
{
    uint64_t few_us = cost_us(4000);
    uint64_t many_us = cost_us(32000);
    print_message("4,000 members: %llu us, 32,000 members: %llu us\n", (unsigned long long)few_us,
        (unsigned long long)many_us);
    assert_true(many_us < 32 * few_us + 1000);
}

static bool is_cached(const uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    amphi_cached_answer answer;
    bool found = amphi__response_cache_get(cache, key, &answer) == AMPHI_OK;
    if (found)
        amphi__cached_answer_clear(&answer);
    return found;
}

static void clear__forgets_what_memory_and_table_hold(void **state)
{
    const amphi_chat_result result = {.text = AMPHI_STR("yes")};
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    amphi_response_cache *second = NULL;
    key_of(AMPHI_STR("{" MESSAGES "}"), key);
    assert_int_equal(amphi__response_cache_put(cache, key, &result, AMPHI_STR("m"), 60), AMPHI_OK);
    assert_true(is_cached(key));
    assert_int_equal(amphi__response_cache_clear(cache, NULL), AMPHI_OK);
    assert_false(is_cached(key)); /* neither half has it */
    assert_int_equal(amphi__response_cache_put(cache, key, &result, AMPHI_STR("m"), 60), AMPHI_OK);
    assert_int_equal(
        amphi__response_cache_new(&second, store, &amphi__clock_system, NULL), AMPHI_OK);
    assert_int_equal(amphi__response_cache_clear(second, NULL), AMPHI_OK);
    amphi__response_cache_free(second);
    assert_true(is_cached(key)); /* another client's memory is its own */
    assert_int_equal(amphi__response_cache_clear(cache, NULL), AMPHI_OK);
    assert_false(is_cached(key));
}

/* The entry is optional in a store's table. */
static void clear__is_refused_by_name_where_the_store_cannot(void **state)
{
    const amphi_chat_result result = {.text = AMPHI_STR("yes")};
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    amphi_store_ops ops = *store.ops;
    const amphi_store without = {&ops, store.self};
    amphi_response_cache *second = NULL;
    amphi_error error;
    ops.cache_clear = NULL;
    key_of(AMPHI_STR("{" MESSAGES ",\"seed\":9}"), key);
    assert_int_equal(
        amphi__response_cache_new(&second, without, &amphi__clock_system, NULL), AMPHI_OK);
    assert_int_equal(amphi__response_cache_put(second, key, &result, AMPHI_STR("m"), 60), AMPHI_OK);
    assert_int_equal(amphi__response_cache_clear(second, &error), AMPHI_E_UNSUPPORTED);
    assert_string_equal(error.message, "the app's store cannot clear its cache");
    amphi__response_cache_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key__is_of_the_answer_that_is_asked_for),
        cmocka_unit_test(key__ends_for_a_member_without_a_name),
        cmocka_unit_test(clear__forgets_what_memory_and_table_hold),
        cmocka_unit_test(clear__is_refused_by_name_where_the_store_cannot),
        cmocka_unit_test(key__cost_grows_with_the_number_of_members_not_with_its_square),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
