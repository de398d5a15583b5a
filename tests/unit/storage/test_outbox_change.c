/* SPDX-License-Identifier: Apache-2.0
 *
 * What became of entries of the encrypted outbox, over restarts and reboots.
 */
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HOUR (3600ll * 1000)

typedef struct seen {
    int count;
    int refusals;
    char lease[160];
} seen;

static bool see(void *user, const amphi_store_outbox_item *item)
{
    seen *s = user;
    s->count++;
    s->refusals += (int)item->refusals;
    snprintf(s->lease, sizeof s->lease, "%.*s", (int)item->lease.size, item->lease.data);
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

static void refusal__its_pause_and_its_count_last_over_restart_and_reboot(void **state)
{
    store_fixture *f = *state;
    store_queue(f, "1", "c", store_wall(f));
    for (int i = 0; i < 2; i++) {
        seen s = claim(f);
        assert_int_equal(s.count, 1);
        const amphi_store_outbox_change refused = {.struct_size = sizeof refused,
            .id = AMPHI_STR("1"),
            .kind = AMPHI_OUTBOX_CHANGE_REFUSED,
            .lease = amphi_str_from(s.lease),
            .pause_ms = (uint64_t)HOUR,
            .reason = AMPHI_STR("no")};
        assert_int_equal(f->store.ops->outbox_change(f->store.self, &refused, NULL), AMPHI_OK);
        if (i == 0)
            store_reopen_with(f, (amphi_storage_options){.cache_entries_max = 0});
        else
            reboot(f, 0);
        store_pass(f, HOUR - 1);
        assert_int_equal(claim(f).count, 0);
        store_pass(f, 1);
        assert_int_equal(look(f).refusals, i + 1);
    }
    assert_int_equal(claim(f).count, 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, store_set_up_own, store_tear_down)
    const struct CMUnitTest tests[] = {
        T(refusal__its_pause_and_its_count_last_over_restart_and_reboot),
    };
    return cmocka_run_group_tests_name("unit.storage.outbox_change", tests, NULL, NULL);
}
