/* SPDX-License-Identifier: Apache-2.0
 *
 * Leases of the encrypted outbox over restarts and reboots.
 */
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HOUR (3600ll * 1000)

typedef struct seen {
    int count;
    int leased;
} seen;

static bool see(void *user, const amphi_store_outbox_item *item)
{
    seen *s = user;
    s->count++;
    s->leased += item->is_leased;
    return true;
}

static seen look(store_fixture *f)
{
    seen s = {.count = 0};
    assert_int_equal(f->store.ops->outbox_entries(f->store.self, see, &s, NULL), AMPHI_OK);
    return s;
}

static seen claim(store_fixture *f)
{
    seen s = {.count = 0};
    amphi_status status =
        f->store.ops->outbox_claim(f->store.self, NOW, (uint32_t)HOUR, see, &s, NULL);
    assert_true(status == (s.count > 0 ? AMPHI_OK : AMPHI_E_NOT_FOUND));
    return s;
}

/* The device is off for a while; the new boot's clock begins at zero. */
static void reboot(store_fixture *f, int64_t up_ms)
{
    f->wall_ms += 5 * DAY;
    f->boot_ms = up_ms;
    store_reopen_with(f, (amphi_storage_options){.cache_entries_max = 0});
}

static seen claim_head(store_fixture *f)
{
    seen s = {.count = 0};
    amphi_status status = f->store.ops->outbox_claim_head(
        f->store.self, AMPHI_STR("c"), (uint32_t)HOUR, see, &s, NULL);
    assert_true(status == (s.count > 0 ? AMPHI_OK : AMPHI_E_NOT_FOUND));
    return s;
}

static void lease__outlives_a_store_that_is_opened_again(void **state)
{
    store_fixture *f = *state;
    store_queue(f, "1", "c", store_wall(f));
    seen first = claim(f);
    assert_int_equal(first.count, 1);
    assert_int_equal(look(f).leased, 1);
    assert_int_equal(claim(f).count, 0);
    store_reopen_with(f, (amphi_storage_options){.cache_entries_max = 0});
    assert_int_equal(claim(f).count, 0); /* this process lives: it may still be sending */
    store_pass(f, HOUR);
    assert_int_equal(claim(f).count, 1);
    assert_int_equal(look(f).leased, 1);
    reboot(f, 1);
    store_pass(f, 3 * HOUR);
    assert_int_equal(claim(f).count, 1);
}

/* Nor does a send that the user asks for. */
static void lease__stands_against_a_claim_of_the_head_until_it_ends(void **state)
{
    store_fixture *f = *state;
    store_queue(f, "1", "c", store_wall(f));
    assert_int_equal(claim_head(f).count, 1);
    store_reopen_with(f, (amphi_storage_options){.cache_entries_max = 0});
    assert_int_equal(claim_head(f).count, 0);
    reboot(f, 1);
    store_pass(f, 3 * HOUR);
    assert_int_equal(claim_head(f).count, 1); /* it has run out */
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, store_set_up_own, store_tear_down)
    const struct CMUnitTest tests[] = {
        T(lease__outlives_a_store_that_is_opened_again),
        T(lease__stands_against_a_claim_of_the_head_until_it_ends),
    };
    return cmocka_run_group_tests_name("unit.storage.outbox_lease", tests, NULL, NULL);
}
