/* SPDX-License-Identifier: Apache-2.0
 *
 * The response cache's keys (equal for what asks for the same answer, different for what does not,
 * at a cost that grows with the request's size only), its two levels and its counters.
 */
#include "sdk/client/response_cache.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "storage/stores.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#define ASKS(words) "{\"messages\":[{\"role\":\"user\",\"content\":\"" words "\"}]}"
#define MESSAGES    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static const amphi_shared_cache unshared = {NULL, NULL};
static amphi_store store;
static amphi_response_cache *cache;

static int set_up(void **state)
{
    amphi_storage_options options = {0};
    return amphi__store_memory_new(&store, &options, NULL) == AMPHI_OK &&
                   amphi__response_cache_new(&cache, store, unshared, &amphi__clock_system, NULL) ==
                       AMPHI_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    amphi__response_cache_free(cache);
    store.ops->free(store.self);
    return 0;
}

/* Without the question, which goes with the request. */
static void keys_in(amphi_response_cache *of, amphi_str json, amphi_cache_keys *keys)
{
    amphi_request request;
    assert_int_equal(amphi__request_from_json(&request, json, NULL), AMPHI_OK);
    amphi_privacy privacy = request.is_private ? AMPHI_PRIVACY_PRIVATE : AMPHI_PRIVACY_NONE;
    assert_int_equal(
        amphi__response_cache_keys(of, &request, privacy, AMPHI_STR(""), keys), AMPHI_OK);
    keys->question = amphi_str_make(NULL, 0);
    amphi__request_clear(&request);
}

static void key_of(amphi_str json, uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    amphi_cache_keys keys;
    keys_in(cache, json, &keys);
    memcpy(key, keys.exact, AMPHI_CACHE_KEY_BYTES);
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

static bool finds(amphi_response_cache *in, const amphi_cache_keys *keys, bool stale)
{
    amphi_cached_answer answer;
    bool found = amphi__response_cache_find(in, keys, keys->exact, stale, &answer) == AMPHI_OK;
    if (found) {
        assert_string_equal(answer.text, "yes");
        amphi__cached_answer_clear(&answer);
    }
    return found;
}

static char *copy_of(const char *text)
{
    char *copy = amphi__str_copy(amphi_str_from(text));
    assert_non_null(copy);
    return copy;
}

static void keep(
    amphi_response_cache *in, const amphi_cache_keys *keys, uint32_t ttl_s, uint32_t stale_s)
{
    amphi_cache_keeping keeping;
    amphi_cached_answer answer = {.text = copy_of("yes"),
        .question = copy_of("hi"),
        .model = copy_of("m"),
        .route = copy_of("local"),
        .identity = copy_of("m"),
        .usage = {.prompt_tokens = 3, .completion_tokens = 4},
        .took_ms = 5};
    const amphi_cache_terms terms = {.ttl_s = ttl_s, .stale_s = stale_s};
    amphi__response_cache_prepare(&keeping, in, &answer, &terms);
    amphi__response_cache_remember(in, keys, &keeping);
    amphi__response_cache_write(in, keys, &keeping, true, false);
    amphi__cache_keeping_clear(&keeping);
}

static amphi_response_cache *another(amphi_store on, amphi_shared_cache shared)
{
    amphi_response_cache *made = NULL;
    assert_int_equal(
        amphi__response_cache_new(&made, on, shared, &amphi__clock_system, NULL), AMPHI_OK);
    return made;
}

static void clear__forgets_what_memory_and_table_hold(void **state)
{
    amphi_cache_keys keys;
    keys_in(cache, AMPHI_STR("{" MESSAGES "}"), &keys);
    keep(cache, &keys, 60, 0);
    assert_true(finds(cache, &keys, false));
    assert_int_equal(amphi__response_cache_clear(cache, NULL), AMPHI_OK);
    assert_false(finds(cache, &keys, false)); /* neither half has it */
    keep(cache, &keys, 60, 0);
    amphi_response_cache *second = another(store, unshared);
    assert_true(finds(second, &keys, false)); /* from the table */
    assert_int_equal(amphi__response_cache_clear(second, NULL), AMPHI_OK);
    amphi__response_cache_free(second);
    assert_true(finds(cache, &keys, false)); /* another client's memory is its own */
    assert_int_equal(amphi__response_cache_clear(cache, NULL), AMPHI_OK);
    assert_false(finds(cache, &keys, false));
}

/* The entry is optional in a store's table. */
static void clear__is_refused_by_name_where_the_store_cannot(void **state)
{
    amphi_cache_keys keys;
    amphi_store_ops ops = *store.ops;
    const amphi_store without = {&ops, store.self};
    amphi_error error;
    ops.cache_clear = NULL;
    amphi_response_cache *second = another(without, unshared);
    keys_in(second, AMPHI_STR("{" MESSAGES ",\"seed\":9}"), &keys);
    keep(second, &keys, 60, 0);
    assert_int_equal(amphi__response_cache_clear(second, &error), AMPHI_E_UNSUPPORTED);
    assert_string_equal(error.message, "the app's store cannot clear its cache");
    amphi__response_cache_free(second);
}

static void stale__answer_is_found_only_by_who_asks_for_it(void **state)
{
    amphi_cache_keys keys;
    keys_in(cache, AMPHI_STR("{" MESSAGES ",\"seed\":10}"), &keys);
    keep(cache, &keys, 0, 60);
    amphi_response_cache *second = another(store, unshared);
    amphi_response_cache *both[] = {cache, second}; /* memory, and the table */
    for (int i = 0; i < 2; i++) {
        assert_false(finds(both[i], &keys, false));
        assert_true(finds(both[i], &keys, true));
    }
    amphi__response_cache_free(second);
}

static void near__way_leads_to_the_answer_and_holds_nothing_of_it(void **state)
{
    amphi_cache_keys kept, asked;
    uint8_t found[AMPHI_CACHE_KEY_BYTES];
    keys_in(cache, AMPHI_STR(ASKS("What is the capital of Norway?")), &kept);
    keys_in(cache, AMPHI_STR(ASKS("Please, what's the capital of Norway?")), &asked);
    assert_memory_not_equal(kept.exact, asked.exact, AMPHI_CACHE_KEY_BYTES);
    assert_int_equal(amphi__response_cache_find_near(cache, &asked, found), AMPHI_E_NOT_FOUND);
    keep(cache, &kept, 60, 0);
    assert_int_equal(amphi__response_cache_find_near(cache, &asked, found), AMPHI_OK);
    assert_memory_equal(found, kept.exact, AMPHI_CACHE_KEY_BYTES);
}

static void stats__add_up_over_clients(void **state)
{
    const amphi_cached_answer saved = {
        .usage = {.prompt_tokens = 30, .completion_tokens = 4}, .took_ms = 500};
    amphi_cache_stats before, after;
    amphi__response_cache_stats(cache, &before);
    for (int i = 0; i < 3; i++) {
        amphi_response_cache *c = another(store, unshared);
        amphi__response_cache_count(c, AMPHI_CACHE_COUNT_NEAR, &saved);
        amphi__response_cache_count(c, AMPHI_CACHE_COUNT_MISS, NULL);
        amphi__response_cache_free(c);
    }
    amphi__response_cache_stats(cache, &after);
    assert_int_equal(after.hits_near - before.hits_near, 3);
    assert_int_equal(after.misses - before.misses, 3);
    assert_int_equal(after.tokens_saved - before.tokens_saved, 3 * 34);
    assert_int_equal(after.ms_saved - before.ms_saved, 3 * 500);
    assert_int_equal(after.hits_exact, before.hits_exact);
}

static amphi_store inner;
static amphi_response_cache *other;

/* Between the reading and the writing of one client another one ends. */
static amphi_status get_then_other_ends(
    void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    amphi_status status = inner.ops->setting_get(self, name, visit, user, error);
    amphi_response_cache *ends = other;
    other = NULL;
    amphi__response_cache_free(ends);
    return status;
}

static void stats__of_clients_that_end_together_are_all_kept(void **state)
{
    amphi_cache_stats before, after;
    amphi_store_ops racing = *store.ops;
    amphi__response_cache_stats(cache, &before);
    inner = store;
    racing.setting_get = get_then_other_ends;
    amphi_response_cache *one =
        another((amphi_store){.ops = &racing, .self = store.self}, unshared);
    other = another(store, unshared);
    for (int i = 0; i < 3; i++)
        amphi__response_cache_count(other, AMPHI_CACHE_COUNT_MISS, NULL);
    amphi__response_cache_count(one, AMPHI_CACHE_COUNT_MISS, NULL);
    amphi__response_cache_free(one);
    assert_null(other);
    amphi__response_cache_stats(cache, &after);
    assert_int_equal(after.misses - before.misses, 4);
}

/* ---- a shared level ---- */

typedef struct shared_table {
    uint8_t secret;
    uint8_t keys[8][AMPHI_CACHE_KEY_BYTES];
    amphi_buf values[8];
    size_t count;
} shared_table;

static amphi_status table_secret(
    void *self, uint8_t out[AMPHI_CACHE_SECRET_BYTES], amphi_error *error)
{
    memset(out, ((shared_table *)self)->secret, AMPHI_CACHE_SECRET_BYTES);
    return AMPHI_OK;
}

static amphi_status table_get(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    shared_table *table = self;
    for (size_t i = 0; i < table->count; i++)
        if (memcmp(table->keys[i], key, AMPHI_CACHE_KEY_BYTES) == 0) {
            visit(user, amphi__buf_str(&table->values[i]));
            return AMPHI_OK;
        }
    return AMPHI_E_NOT_FOUND;
}

static amphi_status table_put(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_str value,
    uint64_t ttl_ms, amphi_error *error)
{
    shared_table *table = self;
    assert_in_range(table->count, 0, 7);
    memcpy(table->keys[table->count], key, AMPHI_CACHE_KEY_BYTES);
    amphi__buf_init(&table->values[table->count], 0);
    amphi__buf_append_str(&table->values[table->count++], value);
    return AMPHI_OK;
}

static bool holds(amphi_str bytes, const char *words)
{
    return memmem(bytes.data, bytes.size, words, strlen(words)) != NULL;
}

static void shared__level_sees_neither_question_nor_answer(void **state)
{
    static const amphi_shared_cache_ops ops = {
        .struct_size = sizeof ops, .secret = table_secret, .get = table_get, .put = table_put};
    shared_table table = {.secret = 1};
    const amphi_shared_cache shared = {&ops, &table};
    amphi_storage_options options = {0};
    amphi_store other_store;
    amphi_cache_keys keys, same, secret, foreign;
    assert_int_equal(amphi__store_memory_new(&other_store, &options, NULL), AMPHI_OK);
    amphi_response_cache *first = another(store, shared);
    amphi_response_cache *second = another(other_store, shared); /* another gateway */
    keys_in(first, AMPHI_STR("{" MESSAGES ",\"seed\":20}"), &keys);
    keys_in(second, AMPHI_STR("{" MESSAGES ",\"seed\":20}"), &same);
    assert_memory_equal(keys.exact, same.exact, AMPHI_CACHE_KEY_BYTES);
    keep(first, &keys, 60, 0);
    assert_true(table.count >= 1);
    assert_true(finds(second, &same, false));
    for (size_t i = 0; i < table.count; i++) {
        assert_false(holds(amphi__buf_str(&table.values[i]), "yes"));
        assert_false(holds(amphi__buf_str(&table.values[i]), "local"));
    }
    /* What is private stays in the client's own levels. */
    size_t before = table.count;
    keys_in(first, AMPHI_STR("{" MESSAGES ",\"amphi\":{\"private\":true}}"), &secret);
    keep(first, &secret, 60, 0);
    assert_int_equal(table.count, before);
    assert_true(finds(first, &secret, false));
    /* A team with another secret shares nothing, and changed bytes are no answer. */
    table.secret = 2;
    amphi_response_cache *stranger = another(other_store, shared);
    keys_in(stranger, AMPHI_STR("{" MESSAGES ",\"seed\":20}"), &foreign);
    assert_false(finds(stranger, &foreign, false));
    table.secret = 1;
    amphi_response_cache *third = another(other_store, shared);
    table.values[0].data[20] ^= 1;
    assert_false(finds(third, &keys, false));
    amphi__response_cache_free(third);
    amphi__response_cache_free(stranger);
    amphi__response_cache_free(second);
    amphi__response_cache_free(first);
    other_store.ops->free(other_store.self);
    for (size_t i = 0; i < table.count; i++)
        amphi__buf_clear(&table.values[i]);
}

static void key__is_the_same_for_what_only_looks_different(void **state)
{
    assert_true(
        is_same(ASKS("What is the capital of France?"), ASKS("  what is  the capital of France ")));
    assert_false(
        is_same(ASKS("What is the capital of France?"), ASKS("What is the capital of Spain?")));
    assert_false(is_same(
        "{\"messages\":[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"content\":"
        "\"Hi\"}]}",
        "{\"messages\":[{\"role\":\"system\",\"content\":\"A\"},{\"role\":\"user\",\"content\":"
        "\"Hi\"}]}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key__is_of_the_answer_that_is_asked_for),
        cmocka_unit_test(key__ends_for_a_member_without_a_name),
        cmocka_unit_test(key__is_the_same_for_what_only_looks_different),
        cmocka_unit_test(stale__answer_is_found_only_by_who_asks_for_it),
        cmocka_unit_test(near__way_leads_to_the_answer_and_holds_nothing_of_it),
        cmocka_unit_test(stats__add_up_over_clients),
        cmocka_unit_test(stats__of_clients_that_end_together_are_all_kept),
        cmocka_unit_test(shared__level_sees_neither_question_nor_answer),
        cmocka_unit_test(clear__forgets_what_memory_and_table_hold),
        cmocka_unit_test(clear__is_refused_by_name_where_the_store_cannot),
        cmocka_unit_test(key__cost_grows_with_the_number_of_members_not_with_its_square),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
