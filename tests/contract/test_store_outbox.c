/* SPDX-License-Identifier: Apache-2.0
 *
 * What ext/store.h promises of the outbox, tested over every store that this build has. Time is the
 * fixture's boot clock; the wall clock jumps about and must not matter.
 */
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { LEASE = 1000 };

/* ---- what an outbox holds, as text ---- */

static bool see_state(void *user, const amphi_store_outbox_item *item)
{
    char line[400];
    store_text *t = user;
    snprintf(line, sizeof line, "%.*s %s%s attempts %u refusals %u age %llu [%.*s] %.*s\n",
        (int)item->id.size, item->id.data, amphi_outbox_state_name(item->state),
        item->is_leased ? " leased" : "", item->attempts, item->refusals,
        (unsigned long long)item->age_ms, (int)item->reason.size, item->reason.data,
        (int)item->request_json.size, item->request_json.data);
    store_see_value(t, amphi_str_from(line));
    return true;
}

static const char *states_of(store_fixture *f, store_text *t)
{
    *t = (store_text){.stop_after = 0};
    assert_int_equal(f->store.ops->outbox_entries(f->store.self, see_state, t, NULL), AMPHI_OK);
    return t->data;
}

/* "ID STATE ..." of the next event, or "". */
static const char *event_of(store_fixture *f, store_text *t)
{
    *t = (store_text){.stop_after = 0};
    amphi_status status = f->store.ops->outbox_event(f->store.self, see_state, t, NULL);
    assert_true(status == (t->size > 0 ? AMPHI_OK : AMPHI_E_NOT_FOUND));
    return t->data;
}

static bool take_lease(void *user, const amphi_store_outbox_item *item)
{
    snprintf(user, 160, "%.*s", (int)item->lease.size, item->lease.data);
    return true;
}

/* The lease of the next entry; "" when there is none. */
static const char *lease_next(store_fixture *f, char lease[160], uint32_t lease_ms)
{
    lease[0] = '\0';
    amphi_status status =
        f->store.ops->outbox_claim(f->store.self, store_wall(f), lease_ms, take_lease, lease, NULL);
    assert_true(status == (lease[0] != '\0' ? AMPHI_OK : AMPHI_E_NOT_FOUND));
    return lease;
}

static amphi_status change(store_fixture *f, amphi_outbox_change_kind kind, const char *id,
    const char *lease, const char *reason)
{
    const amphi_store_outbox_change wanted = {.struct_size = sizeof wanted,
        .id = amphi_str_from(id),
        .kind = kind,
        .lease = amphi_str_from(lease),
        .lease_ms = LEASE,
        .pause_ms = 5000,
        .reason = amphi_str_from(reason),
        .state = AMPHI_OUTBOX_EXPIRED};
    return f->store.ops->outbox_change(f->store.self, &wanted, NULL);
}

static amphi_status report(store_fixture *f, const char *id, amphi_outbox_state state)
{
    const amphi_store_outbox_change wanted = {.struct_size = sizeof wanted,
        .id = amphi_str_from(id),
        .kind = AMPHI_OUTBOX_CHANGE_REPORTED,
        .state = state};
    return f->store.ops->outbox_change(f->store.self, &wanted, NULL);
}

static amphi_status answer(store_fixture *f, const char *id, const char *lease)
{
    const amphi_store_message message = {.role = S("user"), .content = S("sent")};
    const amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW,
        .conversation_id = S("c"),
        .messages = &message,
        .messages_count = 1,
        .outbox_id = amphi_str_from(id),
        .outbox_lease = amphi_str_from(lease)};
    return f->store.ops->turn_append(f->store.self, &turn, NULL);
}

static amphi_status watch(store_fixture *f, const char *id)
{
    const amphi_store_outbox_item item = {.struct_size = sizeof item,
        .id = amphi_str_from(id),
        .conversation_id = S("c"),
        .request_json = S("{\"q\":1}"),
        .created_ms = store_wall(f),
        .is_watched = true};
    return f->store.ops->outbox_add(f->store.self, &item, NULL);
}

/* ---- reasons ---- */

/* Why no route answered, until a try fails otherwise; what was sent has none. */
static void reason__is_the_request_s_own_until_a_try_fails(void **state)
{
    store_fixture *f = *state;
    char lease[160];
    char too_long[256];
    store_text t = {.stop_after = 0};
    amphi_error error;
    amphi_store_outbox_item item = {.struct_size = sizeof item,
        .id = S("1"),
        .request_json = S("{}"),
        .created_ms = store_wall(f),
        .reason = S("a: could not be reached"),
        .is_watched = true};
    assert_int_equal(f->store.ops->outbox_add(f->store.self, &item, NULL), AMPHI_OK);
    assert_string_equal(
        states_of(f, &t), "1 queued attempts 0 refusals 0 age 0 [a: could not be reached] {}\n");
    assert_string_equal(
        event_of(f, &t), "1 queued attempts 0 refusals 0 age 0 [a: could not be reached] {}\n");
    lease_next(f, lease, LEASE);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_FAILED, "1", lease, "a: busy"), AMPHI_OK);
    assert_string_equal(states_of(f, &t), "1 queued attempts 1 refusals 0 age 0 [a: busy] {}\n");
    memset(too_long, 'x', sizeof too_long);
    item.id = S("2");
    item.reason = amphi_str_make(too_long, sizeof too_long);
    assert_int_equal(f->store.ops->outbox_add(f->store.self, &item, &error), AMPHI_E_ARGUMENT);
    assert_string_equal(error.message, "reason: longer than 255 bytes");
    item.reason.size--;
    assert_int_equal(f->store.ops->outbox_add(f->store.self, &item, NULL), AMPHI_OK);
}

/* ---- order and leases ---- */

static void outbox__entries_are_claimed_oldest_first_and_once(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    store_queue(f, "1", "", store_wall(f));
    store_queue(f, "2", "", store_wall(f) - 5);
    assert_string_equal(store_entries_of(f, &t), "1/0\n2/0\n");
    assert_string_equal(store_claim(f, LEASE, &t), "1/0\n");
    assert_string_equal(store_claim(f, LEASE, &t), "2/0\n");
    store_pass(f, LEASE - 1);
    assert_string_equal(store_claim(f, LEASE, &t), "");
    store_pass(f, 1);
    assert_string_equal(store_claim(f, LEASE, &t), "1/0\n"); /* its lease ran out */
}

static void outbox__the_wall_clock_changes_no_lease_no_pause_and_no_age(void **state)
{
    static const int64_t jumps[] = {-NOW, 8 * DAY, -3600000, -400 * DAY, 400 * DAY};
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    char lease[160];
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        char id[8];
        snprintf(id, sizeof id, "%zu", i);
        store_queue(f, id, id, store_wall(f));
        lease_next(f, lease, LEASE);
        store_jump(f, jumps[i]);
        assert_string_equal(store_claim(f, LEASE, &t), "");
        assert_non_null(strstr(states_of(f, &t), " leased "));
        assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_REFUSED, id, lease, "no"), AMPHI_OK);
        store_jump(f, -jumps[i]);
        assert_string_equal(store_claim(f, LEASE, &t), "");
        store_jump(f, jumps[i]);
        store_pass(f, 5000);
        lease_next(f, lease, LEASE);
        assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_FAILED, id, lease, "off"), AMPHI_OK);
        char expected[200];
        snprintf(expected, sizeof expected,
            "%s queued attempts 2 refusals 1 age 5000 [off] {\"q\":1}\n", id);
        assert_string_equal(states_of(f, &t), expected);
        assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_CANCEL, id, "", ""), AMPHI_OK);
    }
}

static void outbox__order_within_a_conversation_holds(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    store_queue(f, "a1", "a", NOW);
    store_queue(f, "a2", "a", NOW);
    store_queue(f, "b1", "b", NOW);
    assert_string_equal(store_claim(f, LEASE, &t), "a1/0\n");
    assert_string_equal(store_claim(f, LEASE, &t), "b1/0\n");
    assert_string_equal(store_claim(f, LEASE, &t), "");
    assert_int_equal(
        f->store.ops->outbox_release(f->store.self, S("a1"), store_wall(f) + 500, NULL), AMPHI_OK);
    store_pass(f, 499);
    assert_string_equal(store_claim(f, LEASE, &t), ""); /* a2 waits for a1 */
    store_pass(f, 1);
    assert_string_equal(store_claim(f, LEASE, &t), "a1/1\n");
    assert_int_equal(f->store.ops->outbox_remove(f->store.self, S("a1"), NULL), AMPHI_OK);
    assert_string_equal(store_claim(f, LEASE, &t), "a2/0\n");
}

/* The lease of the entry that an explicit send would try; "" when there is none. */
static const char *lease_head(store_fixture *f, const char *conversation, char lease[160])
{
    lease[0] = '\0';
    amphi_status status = f->store.ops->outbox_claim_head(
        f->store.self, amphi_str_from(conversation), LEASE, take_lease, lease, NULL);
    assert_true(status == (lease[0] != '\0' ? AMPHI_OK : AMPHI_E_NOT_FOUND));
    return lease;
}

static void head__goes_though_it_was_put_off(void **state)
{
    store_fixture *f = *state;
    char lease[160];
    store_text t = {.stop_after = 0};
    store_queue(f, "a1", "a", NOW);
    store_queue(f, "a2", "a", NOW);
    store_queue(f, "b1", "b", NOW);
    lease_next(f, lease, LEASE);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_REFUSED, "a1", lease, "no"), AMPHI_OK);
    assert_string_equal(lease_head(f, "x", lease), "");
    lease_head(f, "a", lease); /* a1, not a2 */
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_RETURNED, "a1", lease, ""), AMPHI_OK);
    lease_head(f, "", lease); /* of any: the one that was not tried yet */
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_RETURNED, "b1", lease, ""), AMPHI_OK);
    assert_string_equal(store_claim(f, LEASE, &t), "b1/0\n"); /* a1 is put off for others */
}

static void head__lease_and_hold_of_others_stand(void **state)
{
    store_fixture *f = *state;
    char lease[160];
    store_queue(f, "a1", "a", NOW);
    lease_next(f, lease, LEASE);
    assert_string_equal(lease_head(f, "a", lease), "");
    assert_string_equal(lease_head(f, "", lease), "");
    store_pass(f, LEASE);
    lease_head(f, "a", lease); /* it ran out */
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_CANCEL, "a1", "", ""), AMPHI_OK);
    const amphi_store_outbox_item held = {.struct_size = sizeof held,
        .id = S("h"),
        .conversation_id = S("c"),
        .request_json = S("{}"),
        .created_ms = store_wall(f),
        .not_before_ms = store_wall(f) + 5000};
    assert_int_equal(f->store.ops->outbox_add(f->store.self, &held, NULL), AMPHI_OK);
    assert_string_equal(lease_head(f, "c", lease), ""); /* its request runs in an app */
    store_pass(f, 5000);
    assert_string_not_equal(lease_head(f, "c", lease), "");
}

static void waiting__is_one_conversation_in_its_order_without_the_requests(void **state)
{
    store_fixture *f = *state;
    char lease[160];
    store_text t = {.stop_after = 0};
    store_queue(f, "a1", "a", NOW);
    store_queue(f, "b1", "b", NOW);
    store_queue(f, "a2", "a", NOW);
    store_queue(f, "a3", "a", NOW);
    lease_next(f, lease, LEASE);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_EXPIRED, "a1", lease, "old"), AMPHI_OK);
    assert_int_equal(
        f->store.ops->outbox_waiting(f->store.self, S("a"), see_state, &t, NULL), AMPHI_OK);
    assert_string_equal(t.data, "a2 queued attempts 0 refusals 0 age 0 [] \n"
                                "a3 queued attempts 0 refusals 0 age 0 [] \n");
    t = (store_text){.stop_after = 0};
    assert_int_equal(
        f->store.ops->outbox_waiting(f->store.self, S("x"), see_state, &t, NULL), AMPHI_OK);
    assert_string_equal(t.data, "");
}

/* An entry whose route is gone must not keep the others from theirs. */
static void outbox__entries_take_turns(void **state)
{
    static const char *const ids[] = {"a", "b", "c"};
    store_fixture *f = *state;
    char lease[160];
    store_text t = {.stop_after = 0};
    for (int i = 0; i < 3; i++)
        store_queue(f, ids[i], ids[i], NOW);
    for (int i = 0; i < 7; i++) {
        lease_next(f, lease, LEASE);
        assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_FAILED, ids[i % 3], lease, "off"), AMPHI_OK);
    }
    lease_next(f, lease, LEASE);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_RETURNED, "b", lease, ""), AMPHI_OK);
    assert_string_equal(store_claim(f, LEASE, &t), "b/2\n"); /* it kept its turn */
}

static void outbox__only_the_lease_that_holds_changes_an_entry(void **state)
{
    store_fixture *f = *state;
    char first[160];
    char second[160];
    store_text t = {.stop_after = 0};
    store_queue(f, "1", "c", NOW);
    lease_next(f, first, LEASE);
    store_pass(f, LEASE - 1);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_RENEW, "1", first, ""), AMPHI_OK);
    store_pass(f, LEASE - 1);
    assert_string_equal(store_claim(f, LEASE, &t), "");
    store_pass(f, 1);
    lease_next(f, second, LEASE); /* the first one was frozen for too long */
    for (int kind = AMPHI_OUTBOX_CHANGE_RENEW; kind <= AMPHI_OUTBOX_CHANGE_EXPIRED; kind++)
        assert_int_equal(
            change(f, (amphi_outbox_change_kind)kind, "1", first, "late"), AMPHI_E_NOT_FOUND);
    assert_int_equal(answer(f, "1", first), AMPHI_E_NOT_FOUND);
    assert_string_equal(
        states_of(f, &t), "1 queued leased attempts 0 refusals 0 age 1999 [] {\"q\":1}\n");
    assert_string_equal(store_conversations_of(f, &t), ""); /* nothing was written */
    assert_int_equal(answer(f, "1", second), AMPHI_OK);
    assert_int_equal(answer(f, "1", second), AMPHI_E_NOT_FOUND);
    assert_string_equal(states_of(f, &t), "");
    assert_string_equal(store_messages_of(f, "c", &t), "user:sent@0\n");
}

static void outbox__a_turn_takes_its_entry_along_or_writes_nothing(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    store_queue(f, "id", "c", NOW);
    assert_int_equal(answer(f, "id", ""), AMPHI_OK);
    assert_string_equal(store_entries_of(f, &t), "");
    assert_int_equal(answer(f, "id", ""), AMPHI_E_NOT_FOUND);
    assert_string_equal(store_messages_of(f, "c", &t), "user:sent@0\n");
    assert_string_equal(store_conversations_of(f, &t), "c 1 @0 sent\n");
}

/* ---- the end of an entry ---- */

static void outbox__nothing_is_dropped_for_its_age(void **state)
{
    store_fixture *f = *state;
    char lease[160];
    store_text t = {.stop_after = 0};
    store_reopen_with(f, (amphi_storage_options){.outbox_age_max_ms = 3 * DAY});
    store_queue(f, "1", "c", store_wall(f));
    store_queue(f, "2", "c", store_wall(f));
    store_pass(f, 3 * DAY);
    assert_string_equal(lease_next(f, lease, LEASE), lease);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_FAILED, "1", lease, "off"), AMPHI_OK);
    store_pass(f, 1);
    store_queue(f, "3", "d", store_wall(f));
    lease_next(f, lease, LEASE); /* too old, and has its try */
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_RETURNED, "3", lease, ""), AMPHI_OK);
    lease_next(f, lease, LEASE);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_FAILED, "3", lease, "off"), AMPHI_OK);
    lease_next(f, lease, LEASE);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_FAILED, "1", lease, "no route"), AMPHI_OK);
    assert_string_equal(states_of(f, &t),
        "1 expired attempts 2 refusals 0 age 259200001"
        " [not sent within 3 days; the last try: no route] {\"q\":1}\n"
        "2 queued attempts 0 refusals 0 age 259200001 [] {\"q\":1}\n"
        "3 queued attempts 1 refusals 0 age 0 [off] {\"q\":1}\n");
    assert_string_equal(store_claim(f, LEASE, &t), "2/0\n"); /* the next one of its conversation */
}

static void outbox__a_refused_entry_can_expire_and_waits_to_be_collected(void **state)
{
    store_fixture *f = *state;
    char lease[160];
    store_text t = {.stop_after = 0};
    store_queue(f, "1", "c", NOW);
    store_queue(f, "2", "c", NOW);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_COLLECT, "1", "", ""), AMPHI_E_ARGUMENT);
    lease_next(f, lease, LEASE);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_REFUSED, "1", lease, "400"), AMPHI_OK);
    assert_string_equal(store_claim(f, LEASE, &t), "");
    store_pass(f, 5000);
    lease_next(f, lease, LEASE);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_EXPIRED, "1", lease, "400 again"), AMPHI_OK);
    assert_string_equal(states_of(f, &t),
        "1 expired attempts 2 refusals 1 age 5000 [400 again] {\"q\":1}\n"
        "2 queued attempts 0 refusals 0 age 5000 [] {\"q\":1}\n");
    assert_int_equal(answer(f, "1", lease), AMPHI_E_NOT_FOUND);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_COLLECT, "1", "", ""), AMPHI_OK);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_COLLECT, "1", "", ""), AMPHI_E_NOT_FOUND);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_CANCEL, "1", "", ""), AMPHI_E_NOT_FOUND);
    lease_next(f, lease, LEASE);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_CANCEL, "2", "", ""), AMPHI_OK);
    assert_int_equal(answer(f, "2", lease), AMPHI_E_NOT_FOUND); /* it was cancelled meanwhile */
    assert_string_equal(states_of(f, &t), "");
}

static void outbox__a_deleted_conversation_takes_its_entries_along(void **state)
{
    store_fixture *f = *state;
    char lease[160];
    store_text t = {.stop_after = 0};
    store_queue(f, "1", "c", NOW);
    lease_next(f, lease, LEASE);
    assert_int_equal(f->store.ops->conversation_delete(f->store.self, S("c"), NULL), AMPHI_OK);
    assert_int_equal(answer(f, "1", lease), AMPHI_E_NOT_FOUND);
    assert_string_equal(states_of(f, &t), "");
    assert_string_equal(store_conversations_of(f, &t), "");
}

static void outbox__bounds_in_entries_and_bytes_say_which(void **state)
{
    store_fixture *f = *state;
    amphi_error error = {0};
    char lease[160];
    amphi_store_outbox_item item = {
        .struct_size = sizeof item, .id = S("9"), .request_json = S("{\"q\":1}")};
    store_reopen_with(f, (amphi_storage_options){.outbox_entries_max = 2, .outbox_bytes_max = 20});
    assert_int_equal(store_queue(f, "1", "", NOW), AMPHI_OK);
    lease_next(f, lease, LEASE);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_EXPIRED, "1", lease, "no"), AMPHI_OK);
    assert_int_equal(store_queue(f, "2", "", NOW), AMPHI_OK);
    assert_int_equal(f->store.ops->outbox_add(f->store.self, &item, &error), AMPHI_E_FULL);
    assert_string_equal(error.message,
        "outbox: full (2 messages; 1 of them have expired and wait to be collected)");
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_CANCEL, "1", "", ""), AMPHI_OK);
    item.request_json = S("{\"q\":\"longer\"}");
    assert_int_equal(f->store.ops->outbox_add(f->store.self, &item, &error), AMPHI_E_FULL);
    assert_string_equal(error.message, "outbox: full (7 bytes in 1 messages, 20 are the most)");
    item.request_json = S("{\"q\":\"brief\"}");
    assert_int_equal(f->store.ops->outbox_add(f->store.self, &item, NULL), AMPHI_OK);
}

/* ---- events ---- */

static void events__queued_comes_before_what_became_of_it(void **state)
{
    store_fixture *f = *state;
    char lease[160];
    store_text t = {.stop_after = 0};
    watch(f, "1");
    lease_next(f, lease, LEASE);
    assert_int_equal(answer(f, "1", lease), AMPHI_OK);
    assert_string_equal(states_of(f, &t), ""); /* no entry any more, but a note */
    assert_string_equal(store_claim(f, LEASE, &t), "");
    for (int i = 0; i < 2; i++) /* reported only when the app has seen it */
        assert_string_equal(event_of(f, &t), "1 queued attempts 0 refusals 0 age 0 [] \n");
    assert_int_equal(report(f, "1", AMPHI_OUTBOX_QUEUED), AMPHI_OK);
    for (int i = 0; i < 2; i++)
        assert_string_equal(event_of(f, &t), "1 sent attempts 0 refusals 0 age 0 [] \n");
    assert_int_equal(report(f, "1", AMPHI_OUTBOX_SENT), AMPHI_OK);
    assert_string_equal(event_of(f, &t), "");
    assert_int_equal(report(f, "1", AMPHI_OUTBOX_SENT), AMPHI_E_NOT_FOUND);
}

static void events__an_expired_entry_is_told_of_and_stays(void **state)
{
    store_fixture *f = *state;
    char lease[160];
    store_text t = {.stop_after = 0};
    store_queue(f, "1", "a", NOW); /* not watched; this is reported all the same */
    watch(f, "2");
    assert_string_equal(event_of(f, &t), "2 queued attempts 0 refusals 0 age 0 [] {\"q\":1}\n");
    assert_int_equal(report(f, "2", AMPHI_OUTBOX_QUEUED), AMPHI_OK);
    assert_string_equal(event_of(f, &t), "");
    lease_next(f, lease, LEASE);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_EXPIRED, "1", lease, "no"), AMPHI_OK);
    assert_string_equal(event_of(f, &t), "1 expired attempts 1 refusals 0 age 0 [no] {\"q\":1}\n");
    assert_int_equal(report(f, "1", AMPHI_OUTBOX_EXPIRED), AMPHI_OK);
    assert_string_equal(event_of(f, &t), "");
    assert_string_equal(states_of(f, &t), "1 expired attempts 1 refusals 0 age 0 [no] {\"q\":1}\n"
                                          "2 queued attempts 0 refusals 0 age 0 [] {\"q\":1}\n");
}

/* It is not queued while its request runs in this app (takeover.c). */
static void events__an_entry_that_is_held_is_none(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    const amphi_store_outbox_item item = {.struct_size = sizeof item,
        .id = S("1"),
        .request_json = S("{}"),
        .created_ms = 500,
        .not_before_ms = 600,
        .is_watched = true};
    assert_int_equal(f->store.ops->outbox_add(f->store.self, &item, NULL), AMPHI_OK);
    store_pass(f, 99);
    assert_string_equal(event_of(f, &t), "");
    assert_string_equal(store_claim(f, LEASE, &t), "");
    store_pass(f, 1);
    assert_string_equal(event_of(f, &t), "1 queued attempts 0 refusals 0 age 100 [] {}\n");
    assert_string_equal(store_claim(f, LEASE, &t), "1/0\n");
}

static void events__notes_of_what_was_sent_are_bounded(void **state)
{
    enum { NOTES = 1000 };
    store_fixture *f = *state;
    char id[16];
    char lease[160];
    store_text t = {.stop_after = 0};
    for (int i = 0; i <= NOTES; i++) {
        snprintf(id, sizeof id, "%d", i);
        watch(f, id);
        lease_next(f, lease, LEASE);
        assert_int_equal(answer(f, id, lease), AMPHI_OK);
    }
    assert_string_equal(event_of(f, &t), "1 queued attempts 0 refusals 0 age 0 [] \n");
    assert_int_equal(store_queue(f, "more", "", NOW), AMPHI_OK); /* they fill no outbox */
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
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_CANCEL, "2", "", ""), AMPHI_E_NOT_FOUND);
    assert_int_equal(change(f, AMPHI_OUTBOX_CHANGE_RENEW, "1", "", ""), AMPHI_E_ARGUMENT);
    assert_int_equal(report(f, "2", AMPHI_OUTBOX_SENT), AMPHI_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_STORES(reason__is_the_request_s_own_until_a_try_fails),
        BOTH_STORES(outbox__entries_are_claimed_oldest_first_and_once),
        BOTH_STORES(outbox__the_wall_clock_changes_no_lease_no_pause_and_no_age),
        BOTH_STORES(outbox__order_within_a_conversation_holds),
        BOTH_STORES(head__goes_though_it_was_put_off),
        BOTH_STORES(head__lease_and_hold_of_others_stand),
        BOTH_STORES(waiting__is_one_conversation_in_its_order_without_the_requests),
        BOTH_STORES(outbox__entries_take_turns),
        BOTH_STORES(outbox__only_the_lease_that_holds_changes_an_entry),
        BOTH_STORES(outbox__a_turn_takes_its_entry_along_or_writes_nothing),
        BOTH_STORES(outbox__nothing_is_dropped_for_its_age),
        BOTH_STORES(outbox__a_refused_entry_can_expire_and_waits_to_be_collected),
        BOTH_STORES(outbox__a_deleted_conversation_takes_its_entries_along),
        BOTH_STORES(outbox__bounds_in_entries_and_bytes_say_which),
        BOTH_STORES(events__queued_comes_before_what_became_of_it),
        BOTH_STORES(events__an_expired_entry_is_told_of_and_stays),
        BOTH_STORES(events__an_entry_that_is_held_is_none),
        BOTH_STORES(events__notes_of_what_was_sent_are_bounded),
        BOTH_STORES(outbox__ids_are_unique_and_unknown_ones_not_found),
    };
    return cmocka_run_group_tests_name("contract.store_outbox", tests, NULL, NULL);
}
