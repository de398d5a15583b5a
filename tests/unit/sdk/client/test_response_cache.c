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
    assert_int_equal(amphi__response_cache_key(cache, &request, AMPHI_STR(""), key), AMPHI_OK);
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

/* A search from end to end for each of them took minutes. */
static void key__of_a_request_with_many_members_is_made_at_once(void **state)
{
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    amphi_buf body;
    amphi__buf_init(&body, 0);
    amphi__buf_append_c(&body, "{" MESSAGES);
    for (int i = 0; i < 100000; i++)
        amphi__buf_printf(&body, ",\"x%d\":0", i);
    amphi__buf_append_char(&body, '}');
    uint64_t begin_ms = amphi__clock_ms(&amphi__clock_system);
    key_of(amphi__buf_str(&body), key);
    assert_in_range(amphi__clock_ms(&amphi__clock_system) - begin_ms, 0, 10000);
    amphi__buf_clear(&body);
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
        cmocka_unit_test(key__of_a_request_with_many_members_is_made_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
