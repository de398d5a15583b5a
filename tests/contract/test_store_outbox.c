/* SPDX-License-Identifier: Apache-2.0
 *
 * What ext/store.h promises of the outbox, tested over every store that this build has.
 */
#include "sdk/core/clock.h"
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void outbox__entries_are_claimed_oldest_first_and_once(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    store_queue(f, "1", "", NOW);
    store_queue(f, "2", "", NOW - 5);
    assert_string_equal(store_entries_of(f, &t), "1/0\n2/0\n");
    assert_string_equal(store_claim(f, NOW, 1000, &t), "1/0\n");
    assert_string_equal(store_claim(f, NOW, 1000, &t), "2/0\n");
    assert_string_equal(store_claim(f, NOW + 999, 1000, &t), "");
    assert_string_equal(store_claim(f, NOW + 1000, 1000, &t), "1/0\n"); /* its lease ran out */
}

static bool count_leased(void *user, const amphi_store_outbox_item *item)
{
    *(int *)user += item->is_leased;
    return true;
}

static int leased_of(store_fixture *f)
{
    int count = 0;
    assert_int_equal(
        f->store.ops->outbox_entries(f->store.self, count_leased, &count, NULL), AMPHI_OK);
    return count;
}

static void outbox__only_a_lease_that_has_not_run_out_is_told(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    int64_t now = amphi__clock_wall_ms(NULL);
    store_queue(f, "1", "", now);
    assert_int_equal(leased_of(f), 0);
    assert_string_equal(store_claim(f, now - 2000, 1000, &t), "1/0\n");
    assert_int_equal(leased_of(f), 0);
    assert_string_equal(store_claim(f, now, 600000, &t), "1/0\n");
    assert_int_equal(leased_of(f), 1);
    assert_int_equal(f->store.ops->outbox_release(f->store.self, S("1"), now, NULL), AMPHI_OK);
    assert_int_equal(leased_of(f), 0);
    assert_string_equal(store_claim(f, now + 400 * DAY, 1000, &t), ""); /* it is too old then */
    store_queue(f, "2", "", now + 400 * DAY);
    assert_string_equal(store_claim(f, now + 400 * DAY, 1000, &t), "2/0\n");
    assert_int_equal(leased_of(f), 0); /* the clock was set back */
}

static void outbox__order_within_a_conversation_holds(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    store_queue(f, "a1", "a", NOW);
    store_queue(f, "a2", "a", NOW);
    store_queue(f, "b1", "b", NOW);
    assert_string_equal(store_claim(f, NOW, 1000, &t), "a1/0\n");
    assert_string_equal(store_claim(f, NOW, 1000, &t), "b1/0\n");
    assert_string_equal(store_claim(f, NOW, 1000, &t), "");
    assert_int_equal(
        f->store.ops->outbox_release(f->store.self, S("a1"), NOW + 500, NULL), AMPHI_OK);
    assert_string_equal(store_claim(f, NOW + 499, 1000, &t), ""); /* a2 waits for a1 */
    assert_string_equal(store_claim(f, NOW + 500, 1000, &t), "a1/1\n");
    assert_int_equal(f->store.ops->outbox_remove(f->store.self, S("a1"), NULL), AMPHI_OK);
    assert_string_equal(store_claim(f, NOW + 500, 1000, &t), "a2/0\n");
}

static void outbox__a_turn_takes_its_entry_along_or_writes_nothing(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    store_queue(f, "id", "c", NOW);
    amphi_store_message message = {.role = S("user"), .content = S("sent")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW,
        .conversation_id = S("c"),
        .messages = &message,
        .messages_count = 1,
        .outbox_id = S("id")};
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_OK);
    assert_string_equal(store_entries_of(f, &t), "");
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_E_NOT_FOUND);
    assert_string_equal(store_messages_of(f, "c", &t), "user:sent@0\n");
    assert_string_equal(store_conversations_of(f, &t), "c 1 @0 sent\n");
}

static void outbox__bounds_in_entries_and_age_hold(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    store_reopen_with(
        f, (amphi_storage_options){.outbox_entries_max = 2, .outbox_age_max_ms = 1000});
    assert_int_equal(store_queue(f, "1", "", NOW), AMPHI_OK);
    assert_int_equal(store_queue(f, "2", "", NOW + 500), AMPHI_OK);
    assert_int_equal(store_queue(f, "3", "", NOW + 500), AMPHI_E_FULL);
    assert_string_equal(store_claim(f, NOW + 1001, 100, &t), "2/0\n"); /* 1 was too old */
    assert_string_equal(store_entries_of(f, &t), "2/0\n");
    /* 2 is being sent and stays however old it is; once its lease has run out it goes. */
    assert_int_equal(store_queue(f, "4", "", NOW + 1050), AMPHI_OK);
    assert_string_equal(store_entries_of(f, &t), "2/0\n4/0\n");
    assert_int_equal(store_queue(f, "5", "", NOW + 1600), AMPHI_OK);
    assert_string_equal(store_entries_of(f, &t), "4/0\n5/0\n");
}

static void outbox__a_clock_that_was_set_back_blocks_nothing(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    store_queue(f, "1", "", NOW);
    store_queue(f, "2", "", NOW);
    assert_string_equal(store_claim(f, NOW + 5 * DAY, 1000, &t), "1/0\n");
    assert_int_equal(
        f->store.ops->outbox_release(f->store.self, S("1"), NOW + 400 * DAY, NULL), AMPHI_OK);
    assert_string_equal(store_claim(f, NOW, 1000, &t), "1/1\n");
}

static void outbox__ids_are_unique_and_unknown_ones_not_found(void **state)
{
    store_fixture *f = *state;
    amphi_store_outbox_item item = {.struct_size = sizeof item, .id = S("")};
    assert_int_equal(store_queue(f, "1", "", NOW), AMPHI_OK);
    assert_int_equal(store_queue(f, "1", "", NOW), AMPHI_E_ARGUMENT);
    assert_int_equal(f->store.ops->outbox_add(f->store.self, &item, NULL), AMPHI_E_ARGUMENT);
    assert_int_equal(
        f->store.ops->outbox_release(f->store.self, S("2"), NOW, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(f->store.ops->outbox_remove(f->store.self, S("2"), NULL), AMPHI_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_STORES(outbox__entries_are_claimed_oldest_first_and_once),
        BOTH_STORES(outbox__only_a_lease_that_has_not_run_out_is_told),
        BOTH_STORES(outbox__order_within_a_conversation_holds),
        BOTH_STORES(outbox__a_turn_takes_its_entry_along_or_writes_nothing),
        BOTH_STORES(outbox__bounds_in_entries_and_age_hold),
        BOTH_STORES(outbox__a_clock_that_was_set_back_blocks_nothing),
        BOTH_STORES(outbox__ids_are_unique_and_unknown_ones_not_found),
    };
    return cmocka_run_group_tests_name("contract.store_outbox", tests, NULL, NULL);
}
