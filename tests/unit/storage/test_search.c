/* SPDX-License-Identifier: Apache-2.0
 *
 * The encrypted store's search: segments change nothing of what is found, and no word outlives its
 * message in them.
 */
#include "storage/search.h"

#include "tests/support/failing_alloc.h"
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int64_t number(store_fixture *f, const char *sql)
{
    amphi_db *db = NULL;
    amphi_query q;
    assert_int_equal(amphi__store_read_begin(f->store.self, &db, NULL), AMPHI_OK);
    amphi__query_begin(&q, db, sql);
    int64_t value = amphi__query_row(&q) ? amphi__query_int(&q, 0) : -1;
    assert_int_equal(amphi__query_end(&q, NULL), AMPHI_OK);
    amphi__store_read_end(f->store.self);
    return value;
}

typedef struct found {
    int64_t ids[1000];
    size_t count;
} found;

static bool note_hit(void *user, const amphi_search_hit *hit)
{
    found *f = user;
    f->ids[f->count++] = hit->message_id;
    return true;
}

static void search(store_fixture *f, const char *words, found *out)
{
    amphi_search_query query;
    amphi_search_query_init(&query);
    query.words = amphi_str_from(words);
    query.limit = 1000;
    out->count = 0;
    assert_int_equal(f->store.ops->search(f->store.self, &query, note_hit, out, NULL), AMPHI_OK);
}

/* Turns of ten messages; words of message i: its number, and one of a few. */
static void fill(store_fixture *f, int messages, const char *conversation)
{
    static const char *const words[] = {"plum", "pear", "Kirsche", "苹果汁", "prune plums"};
    for (int i = 0; i < messages; i += 10) {
        char texts[10][64];
        amphi_store_message list[10];
        memset(list, 0, sizeof list);
        for (int k = 0; k < 10; k++) {
            snprintf(
                texts[k], sizeof texts[k], "%s %s n%d", conversation, words[(i + k) % 5], i + k);
            list[k].role = S("user");
            list[k].content = amphi_str_from(texts[k]);
        }
        amphi_store_turn turn = {.struct_size = sizeof turn,
            .conversation_id = amphi_str_from(conversation),
            .now_ms = NOW,
            .messages = list,
            .messages_count = 10};
        assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_OK);
    }
}

static const char *const queries[] = {
    "plum", "plum ", "pear n7", "kirsche", "果汁", "汁", "\"plum n15\"", "n1", "n1 ", "nothing"};
enum { QUERIES = sizeof queries / sizeof queries[0] };

static void drop_index(store_fixture *f)
{
    amphi_db *db = NULL;
    assert_int_equal(amphi__store_write_begin(f->store.self, 1000, &db, NULL), AMPHI_OK);
    amphi_status status =
        amphi__db_exec(db, "DELETE FROM search_segments; DELETE FROM search_index", NULL);
    assert_int_equal(amphi__store_write_end(f->store.self, status, NULL), AMPHI_OK);
}

static void search__segments_change_nothing_of_what_is_found(void **state)
{
    store_fixture *f = *state;
    found first;
    found again;
    fill(f, 900, "c"); /* small segments and a rest, made with the turns */
    assert_true(number(f, "SELECT COUNT(*) FROM search_segments") >= 2);
    for (size_t i = 0; i < QUERIES; i++) {
        search(f, queries[i], &first);
        drop_index(f);
        search(f, queries[i], &again); /* which indexes everything anew, in larger pieces */
        assert_int_equal(number(f, "SELECT COUNT(*) FROM search_segments"), 1);
        assert_int_equal(first.count, again.count);
        assert_memory_equal(first.ids, again.ids, first.count * sizeof first.ids[0]);
    }
    search(f, "plum", &first);
    assert_int_equal(first.count, 360);
    search(f, "plum ", &first); /* not "plums" */
    assert_int_equal(first.count, 180);
}

static void search__small_segments_become_large_ones(void **state)
{
    store_fixture *f = *state;
    found hits;
    fill(f, 4500, "c");
    assert_true(number(f, "SELECT COUNT(*) FROM search_segments") <= 10);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM search_segments s JOIN search_segments t"
                               " ON t.first_id <= s.last_id AND t.last_id > s.last_id"),
        0);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM search_index WHERE segment NOT IN"
                               " (SELECT last_id FROM search_segments)"),
        0);
    search(f, "n44", &hits); /* n44, n440 to n449, n4400 to n4499 */
    assert_int_equal(hits.count, 111);
}

static void search__no_word_outlives_its_message(void **state)
{
    store_fixture *f = *state;
    found hits;
    fill(f, 300, "secret");
    fill(f, 300, "kept");
    search(f, "secret", &hits);
    assert_int_equal(hits.count, 300);
    assert_true(
        number(f, "SELECT COUNT(*) FROM search_index WHERE term = CAST('secret' AS BLOB)") > 0);
    assert_int_equal(f->store.ops->conversation_delete(f->store.self, S("secret"), NULL), AMPHI_OK);
    assert_int_equal(
        number(f, "SELECT COUNT(*) FROM search_index WHERE term = CAST('secret' AS BLOB)"), 0);
    search(f, "secret", &hits);
    assert_int_equal(hits.count, 0);
    search(f, "kept", &hits);
    assert_int_equal(hits.count, 300);
}

static void search__a_changed_text_is_found_by_its_new_words(void **state)
{
    store_fixture *f = *state;
    found hits;
    amphi_db *db = NULL;
    fill(f, 300, "c");
    search(f, "n42 ", &hits);
    assert_int_equal(hits.count, 1);
    assert_int_equal(amphi__store_write_begin(f->store.self, 1000, &db, NULL), AMPHI_OK);
    amphi_status status = amphi__db_exec(
        db, "UPDATE messages SET content = 'quince' WHERE content LIKE '% n42'", NULL);
    assert_int_equal(amphi__store_write_end(f->store.self, status, NULL), AMPHI_OK);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM search_segments"), 0);
    search(f, "n42 ", &hits);
    assert_int_equal(hits.count, 0);
    search(f, "quince", &hits);
    assert_int_equal(hits.count, 1);
}

static void search__memory_that_runs_out_is_said(void **state)
{
    store_fixture *f = *state;
    fill(f, 300, "c");
    for (int round = 0; round < 2; round++) {
        amphi_status status = AMPHI_E_NO_MEMORY;
        for (size_t n = 1; status != AMPHI_OK; n += 1 + n / 16) {
            found out = {.count = 0};
            amphi_search_query query;
            amphi_search_query_init(&query);
            query.words = S("plum n1");
            drop_index(f);
            failing_alloc_install();
            failing_alloc_at(n);
            status = f->store.ops->search(f->store.self, &query, note_hit, &out, NULL);
            bool failed = failing_alloc_failed();
            failing_alloc_at(0);
            assert_int_equal(failing_alloc_live(), 0);
            failing_alloc_remove();
            assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
            if (status == AMPHI_OK && failed)
                status = AMPHI_E_NO_MEMORY; /* only the index was not made: go on */
        }
    }
}

int main(void)
{
#define OWN(test) cmocka_unit_test_setup_teardown(test, store_set_up_own, store_tear_down)
    const struct CMUnitTest tests[] = {
        OWN(search__segments_change_nothing_of_what_is_found),
        OWN(search__small_segments_become_large_ones),
        OWN(search__no_word_outlives_its_message),
        OWN(search__a_changed_text_is_found_by_its_new_words),
        OWN(search__memory_that_runs_out_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
