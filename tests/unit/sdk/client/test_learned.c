/* SPDX-License-Identifier: Apache-2.0
 *
 * What answers have shown is there for the next process, apart for each topic, route and model.
 */
#include "sdk/client/learned.h"
#include "sdk/core/str.h"
#include "tests/support/settings_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static fake_store store;
static amphi_client client;

static int set_up(void **state)
{
    memset(&store, 0, sizeof store);
    memset(&client, 0, sizeof client);
    client.store = (amphi_store){&settings_store_ops, &store};
    return 0;
}

static int tear_down(void **state)
{
    for (size_t i = 0; i < store.count; i++)
        free(store.settings[i].value);
    return 0;
}

static amphi_learned_key key(const char *topic, const char *route, const char *model)
{
    return (amphi_learned_key){topic, amphi_str_from(route), amphi_str_from(model)};
}

static void expect(const char *topic, const char *route, const char *model, const char *object)
{
    amphi_buf out;
    const amphi_learned_key asked = key(topic, route, model);
    amphi__buf_init(&out, 0);
    amphi__learned_read(&client, &asked, &out);
    assert_true(amphi__str_equal_c(amphi__buf_str(&out), object));
    amphi__buf_clear(&out);
}

static void put(const char *topic, const char *route, const char *model, const char *object)
{
    const amphi_learned_key named = key(topic, route, model);
    amphi__learned_write(&client, &named, amphi_str_from(object));
}

static void learned__is_apart_for_topic_route_and_model(void **state)
{
    put("engine", "work", "m", "{\"a\":1}");
    put("engine", "work", "", "{\"a\":2}");
    put("engine", "wor", "km", "{\"a\":3}");
    put("continue", "work", "m", "{\"a\":4}");
    expect("engine", "work", "m", "{\"a\":1}");
    expect("engine", "work", "", "{\"a\":2}");
    expect("engine", "wor", "km", "{\"a\":3}");
    expect("continue", "work", "m", "{\"a\":4}");
    expect("engine", "other", "m", "");
}

static void learned__the_last_one_counts_and_is_written_once(void **state)
{
    put("engine", "work", "m", "{\"a\":1}");
    put("engine", "work", "m", "{\"a\":2}");
    put("engine", "work", "m", "{\"a\":2}");
    expect("engine", "work", "m", "{\"a\":2}");
    assert_int_equal(store.puts, 2);
}

static void learned__only_small_objects_are_kept(void **state)
{
    static char large[AMPHI_LEARNED_BYTES_MAX + 16];
    memset(large, ' ', sizeof large - 1);
    memcpy(large, "{\"a\":1}", 7);
    put("engine", "work", "m", large);
    put("engine", "work", "m", "[1]");
    put("engine", "work", "m", "{\"a\":");
    put("engine", "work", "m", "");
    assert_int_equal(store.puts, 0);
    store.refuse_puts = true;
    put("engine", "work", "m", "{\"a\":1}");
    expect("engine", "work", "m", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            learned__is_apart_for_topic_route_and_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            learned__the_last_one_counts_and_is_written_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(learned__only_small_objects_are_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
