/* SPDX-License-Identifier: Apache-2.0
 *
 * The same as test_abi_read.c for what stores read, and for what the client passes on to them.
 */
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "storage/storage.h"
#include "storage/store_checks.h"
#include "storage/stores.h"
#include "tests/support/abi_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Both stores, one after the other; they have to agree. */
static amphi_status in_both_stores(
    amphi_status (*call)(amphi_store store, const void *argument, amphi_error *error),
    const void *argument, amphi_error *error)
{
    amphi_keys keys;
    amphi_store stores[2];
    assert_int_equal(amphi__keys_file_new(&keys, amphi_str_from(abi_scratch.path), NULL), AMPHI_OK);
    const amphi_storage_options options = {
        .data_dir = amphi_str_from(abi_scratch.path), .keys = keys};
    assert_int_equal(amphi__store_memory_new(&stores[0], &options, NULL), AMPHI_OK);
    assert_int_equal(amphi__store_new(&stores[1], &options, NULL), AMPHI_OK);
    amphi_status in_memory = call(stores[0], argument, error);
    amphi_status status = call(stores[1], argument, error);
    for (size_t i = 0; i < 2; i++)
        stores[i].ops->free(stores[i].self);
    keys.ops->free(keys.self);
    assert_int_equal(status, in_memory);
    return status;
}

static void fill_turn(void *whole)
{
    static const amphi_store_message message = {.role = {"user", 4}, .content = {"Hi", 2}};
    amphi_store_turn *turn = whole;
    amphi_store_turn_init(turn);
    turn->conversation_id = AMPHI_STR("c");
    turn->now_ms = 1;
    turn->messages = &message;
    turn->messages_count = 1;
    turn->outbox_id = AMPHI_STR("gone");
    turn->privacy = AMPHI_PRIVACY_PRIVATE;
    turn->erasure_epoch = 1;
}

static amphi_status append_turn(amphi_store store, const void *argument, amphi_error *error)
{
    return store.ops->turn_append(store.self, argument, error);
}

static amphi_status call_turn_append(const void *argument, amphi_error *error)
{
    return in_both_stores(append_turn, argument, error);
}

static void fill_row_query(void *whole)
{
    amphi_store_row_query *query = whole;
    amphi_store_row_query_init(query);
    query->conversation_id = AMPHI_STR("none");
    query->newest_first = true;
    query->from_id = 9;
    query->limit = 2;
}

static bool ignore_row(void *user, const amphi_store_row *row)
{
    return true;
}

static amphi_status read_rows(amphi_store store, const void *argument, amphi_error *error)
{
    return store.ops->rows(store.self, argument, ignore_row, NULL, error);
}

static amphi_status call_rows(const void *argument, amphi_error *error)
{
    return in_both_stores(read_rows, argument, error);
}

static void fill_cache_entry(void *whole)
{
    static const uint8_t key[AMPHI_CACHE_KEY_BYTES] = {1};
    amphi_store_cache_entry *entry = whole;
    amphi_store_cache_entry_init(entry);
    entry->key = key;
    entry->value = AMPHI_STR("v");
    entry->expires_ms = 9;
}

static amphi_status append_cached(amphi_store store, const void *argument, amphi_error *error)
{
    amphi_store_turn turn;
    fill_turn(&turn);
    turn.cached = argument;
    return store.ops->turn_append(store.self, &turn, error);
}

static amphi_status call_append_cached(const void *argument, amphi_error *error)
{
    return in_both_stores(append_cached, argument, error);
}

static void fill_history_query(void *whole)
{
    amphi_history_query *query = whole;
    amphi_history_query_init(query);
    query->conversation_id = AMPHI_STR("none");
    query->cursor = AMPHI_STR("1,2,3");
    query->limit = 2;
    query->backwards = query->with_archived = true;
}

static void fill_search_query(void *whole)
{
    amphi_search_query *query = whole;
    amphi_search_query_init(query);
    query->words = AMPHI_STR("w");
    query->before_id = 9;
    query->limit = 2;
}

static bool ignore_hit(void *user, const amphi_search_hit *hit)
{
    return true;
}

static amphi_status search_in_store(amphi_store store, const void *argument, amphi_error *error)
{
    return store.ops->search(store.self, argument, ignore_hit, NULL, error);
}

static amphi_status call_search_in_store(const void *argument, amphi_error *error)
{
    return in_both_stores(search_in_store, argument, error);
}

static amphi_status call_search(const void *argument, amphi_error *error)
{
    return amphi_history_search(abi_fixture.client, argument, ignore_hit, NULL, error);
}

static bool ignore_conversation(void *user, const amphi_history_conversation *item)
{
    return true;
}

static amphi_status call_list(const void *argument, amphi_error *error)
{
    return amphi_history_list(abi_fixture.client, argument, ignore_conversation, NULL, error);
}

static void fill_message_query(void *whole)
{
    amphi_history_message_query *query = whole;
    amphi_history_message_query_init(query);
    query->conversation_id = AMPHI_STR("c");
    query->from_id = 9;
    query->limit = 2;
    query->newest_first = true;
}

static bool ignore_message(void *user, const amphi_history_message *item)
{
    return true;
}

static amphi_status call_read(const void *argument, amphi_error *error)
{
    return amphi_history_read(abi_fixture.client, argument, ignore_message, NULL, error);
}

static void fill_change(void *whole)
{
    amphi_store_change *change = whole;
    amphi_store_change_init(change);
    change->conversation_id = AMPHI_STR("none");
    change->sets_title = change->is_pinned = true;
}

static amphi_status change_in_store(amphi_store store, const void *argument, amphi_error *error)
{
    return store.ops->change(store.self, argument, error);
}

static amphi_status call_change(const void *argument, amphi_error *error)
{
    return in_both_stores(change_in_store, argument, error);
}

static void fill_erasure(void *whole)
{
    amphi_store_erasure *what = whole;
    amphi_store_erasure_init(what);
    what->conversation_id = AMPHI_STR("none");
    what->message_id = 4;
}

static amphi_status erase_in_store(amphi_store store, const void *argument, amphi_error *error)
{
    amphi_history_receipt receipt;
    amphi_history_receipt_init(&receipt);
    return store.ops->erase(store.self, argument, &receipt, error);
}

static amphi_status call_erase(const void *argument, amphi_error *error)
{
    return in_both_stores(erase_in_store, argument, error);
}

static void fill_import(void *whole)
{
    static const amphi_store_row row = {.struct_size = sizeof row,
        .id = 7,
        .created_ms = 1,
        .message = {.role = {"user", 4}, .content = {"Hi", 2}}};
    amphi_store_import *what = whole;
    amphi_store_import_init(what);
    what->conversation_id = AMPHI_STR("imported");
    what->title = AMPHI_STR("t");
    what->is_pinned = what->is_archived = true;
    what->rows = &row;
    what->rows_count = 1;
}

/* The memory store has no import. */
static amphi_status import_in_store(amphi_store store, const void *argument, amphi_error *error)
{
    uint64_t added = 0;
    amphi_store_import own;
    return store.ops->import != NULL ? store.ops->import(store.self, argument, &added, error)
                                     : amphi__read_import(&own, argument, error);
}

static amphi_status call_import(const void *argument, amphi_error *error)
{
    return in_both_stores(import_in_store, argument, error);
}

static void fill_retention(void *whole)
{
    amphi_history_retention *keep = whole;
    amphi_history_retention_init(keep);
    keep->max_bytes = keep->max_age_ms = 1ull << 40;
}

static amphi_status call_prune(const void *argument, amphi_error *error)
{
    return amphi_history_prune(abi_fixture.client, argument, NULL, error);
}

static amphi_status add_item(amphi_store store, const void *argument, amphi_error *error)
{
    amphi_status status = store.ops->outbox_add(store.self, argument, error);
    if (status == AMPHI_OK)
        (void)store.ops->outbox_remove(store.self, AMPHI_STR("id"), NULL);
    return status;
}

static amphi_status call_outbox_add(const void *argument, amphi_error *error)
{
    return in_both_stores(add_item, argument, error);
}

static void fill_outbox_change(void *whole)
{
    amphi_store_outbox_change *change = whole;
    amphi_store_outbox_change_init(change);
    change->id = AMPHI_STR("id");
    change->kind = AMPHI_OUTBOX_CHANGE_REPORTED;
    change->reason = AMPHI_STR("r");
    change->state = AMPHI_OUTBOX_EXPIRED;
}

static amphi_status make_change(amphi_store store, const void *argument, amphi_error *error)
{
    amphi_store_outbox_item item;
    abi_fill_outbox_item(&item);
    assert_int_equal(store.ops->outbox_add(store.self, &item, NULL), AMPHI_OK);
    amphi_status status = store.ops->outbox_change(store.self, argument, error);
    assert_int_equal(store.ops->outbox_remove(store.self, AMPHI_STR("id"), NULL), AMPHI_OK);
    return status;
}

static amphi_status call_outbox_change(const void *argument, amphi_error *error)
{
    return in_both_stores(make_change, argument, error);
}

static void fill_start(void *whole)
{
    amphi_store_start *start = whole;
    amphi_store_start_init(start);
    start->fingerprint = AMPHI_STR("f");
    start->build = AMPHI_STR("b");
    start->kernels = AMPHI_STR("reference");
    start->host = AMPHI_STR("h");
    start->phase = AMPHI_START_TOKEN;
    start->outcome = AMPHI_START_OK;
}

static amphi_status add_start(amphi_store store, const void *argument, amphi_error *error)
{
    int64_t id = 0;
    return store.ops->ledger_add(store.self, argument, &id, error);
}

static amphi_status call_ledger_add(const void *argument, amphi_error *error)
{
    return in_both_stores(add_start, argument, error);
}

static const abi_read_case reads[] = {
    READ(amphi_store_turn, fill_turn, call_turn_append),
    READ(amphi_store_row_query, fill_row_query, call_rows),
    READ(amphi_store_cache_entry, fill_cache_entry, call_append_cached),
    READ(amphi_history_query, fill_history_query, call_list),
    READ(amphi_history_message_query, fill_message_query, call_read),
    READ(amphi_search_query, fill_search_query, call_search),
    READ(amphi_search_query, fill_search_query, call_search_in_store),
    READ(amphi_store_change, fill_change, call_change),
    READ(amphi_store_erasure, fill_erasure, call_erase),
    READ(amphi_store_import, fill_import, call_import),
    READ(amphi_history_retention, fill_retention, call_prune),
    READ(amphi_store_outbox_item, abi_fill_outbox_item, call_outbox_add),
    READ(amphi_store_outbox_change, fill_outbox_change, call_outbox_change),
    READ(amphi_store_start, fill_start, call_ledger_add),
};

enum { READS = sizeof reads / sizeof reads[0] };

static void read__what_an_older_caller_lacks_counts_as_zero(void **state)
{
    abi_read_older(reads, READS);
}

static void read__a_newer_callers_tail_must_be_zero(void **state)
{
    abi_read_newer(reads, READS);
}

static void read__a_size_that_is_none_is_refused_with_the_init_function(void **state)
{
    abi_read_no_size(reads, READS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__what_an_older_caller_lacks_counts_as_zero),
        cmocka_unit_test(read__a_newer_callers_tail_must_be_zero),
        cmocka_unit_test(read__a_size_that_is_none_is_refused_with_the_init_function),
    };
    return cmocka_run_group_tests(tests, abi_set_up, abi_tear_down);
}
