/* SPDX-License-Identifier: Apache-2.0
 *
 * A sender whose lease runs out: frozen, or slower than it may be.
 */
#include "sdk/core/str.h"
#include "tests/support/outbox_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static amphi_store inner;
static atomic_int turns; /* that reached turn_append */
static char taken_by_other[160];

static bool note_lease(void *user, const amphi_store_outbox_item *item)
{
    amphi__str_copy_to(taken_by_other, sizeof taken_by_other, item->lease);
    return true;
}

/* The process was frozen with the answer in its hands, for longer than its lease: another one has
 * the entry by now. */
static amphi_status append_too_late(void *self, const amphi_store_turn *turn, amphi_error *error)
{
    if (turn->outbox_id.size > 0 && atomic_fetch_add(&turns, 1) == 0) {
        outbox_fixture_pass_hours(1);
        (void)inner.ops->outbox_claim(self, 0, 3600000, note_lease, NULL, NULL);
    }
    return inner.ops->turn_append(self, turn, error);
}

static void lease__an_answer_that_comes_too_late_is_not_kept(void **state)
{
    chat_fixture f;
    outbox_fixture_init_with_clock(&f, says_hello);
    inner = f.parts.store;
    amphi_store_ops hooked = *inner.ops;
    hooked.turn_append = append_too_late;
    f.parts.store.ops = &hooked;
    atomic_store(&turns, 0);
    chat_fixture_start(&f, NULL);
    outbox_fixture_set_network(f.client, "none");
    outbox_fixture_queue(&f, "c", "Hi", NULL);
    outbox_fixture_set_network(f.client, "free");
    assert_int_equal(outbox_fixture_flush(f.client), 1);
    outbox_fixture_expect_history(f.client, "c", "");
    outbox_fixture_entries e = outbox_fixture_list(f.client);
    assert_true(e.items[0].is_being_sent); /* by the other one, which is left alone */
    const amphi_store_outbox_change back = {.struct_size = sizeof back,
        .id = amphi_str_from(e.ids[0]),
        .kind = AMPHI_OUTBOX_CHANGE_RETURNED,
        .lease = amphi_str_from(taken_by_other)};
    assert_int_equal(inner.ops->outbox_change(inner.self, &back, NULL), AMPHI_OK);
    assert_int_equal(outbox_fixture_flush(f.client), 0);
    outbox_fixture_expect_history(f.client, "c", "user: Hi\nassistant: Hello world.\n");
    chat_fixture_close(&f);
}

static atomic_uint longest_ms; /* lease that was asked for */

static amphi_status claim_and_note(void *self, int64_t now_ms, uint32_t lease_ms,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    if (lease_ms > atomic_load(&longest_ms))
        atomic_store(&longest_ms, lease_ms);
    return inner.ops->outbox_claim(self, now_ms, lease_ms, visit, user, error);
}

static amphi_status claim_head_and_note(void *self, amphi_str conversation, uint32_t lease_ms,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    if (lease_ms > atomic_load(&longest_ms))
        atomic_store(&longest_ms, lease_ms);
    return inner.ops->outbox_claim_head(self, conversation, lease_ms, visit, user, error);
}

static amphi_status change_and_note(
    void *self, const amphi_store_outbox_change *change, amphi_error *error)
{
    if (change->lease_ms > atomic_load(&longest_ms))
        atomic_store(&longest_ms, change->lease_ms);
    return inner.ops->outbox_change(self, change, error);
}

static void lease__is_longer_than_the_request_may_take(void **state)
{
    chat_fixture f;
    outbox_fixture_init_with_clock(&f, says_hello);
    inner = f.parts.store;
    amphi_store_ops hooked = *inner.ops;
    hooked.outbox_claim = claim_and_note;
    hooked.outbox_claim_head = claim_head_and_note;
    hooked.outbox_change = change_and_note;
    f.parts.store.ops = &hooked;
    for (int i = 0; i < 2; i++) {
        atomic_store(&longest_ms, 0);
        chat_fixture_start(&f, "{\"total_ms\":400000}");
        outbox_fixture_set_network(f.client, "none");
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
        request.budgets.total_ms = i == 0 ? 0 : 900000;
        chat_fixture_ask(&f, &request, "Hi");
        assert_int_equal(f.last, AMPHI_EVENT_QUEUED);
        outbox_fixture_set_network(f.client, "free");
        assert_int_equal(outbox_fixture_flush(f.client), 0);
        assert_true(atomic_load(&longest_ms) > (i == 0 ? 400000u : 900000u));
        if (i == 0)
            amphi_client_free(f.client);
    }
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lease__an_answer_that_comes_too_late_is_not_kept),
        cmocka_unit_test(lease__is_longer_than_the_request_may_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
