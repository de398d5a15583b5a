/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings beside a request fill in what it leaves open, and never loosen it.
 */
#include "sdk/client/request.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BODY(member) "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" member "}"

static amphi_status read_both(
    amphi_request *out, const char *body, const char *settings, amphi_error *error)
{
    amphi_status status = amphi__request_from_json(out, amphi_str_from(body), error);
    if (status == AMPHI_OK) {
        status = amphi__request_add_settings(out, amphi_str_from(settings), error);
        if (status != AMPHI_OK)
            amphi__request_clear(out);
    }
    return status;
}

static amphi_request both(const char *body, const char *settings)
{
    amphi_request request;
    assert_int_equal(read_both(&request, body, settings, NULL), AMPHI_OK);
    return request;
}

static void settings__fill_in_what_the_body_leaves_open(void **state)
{
    amphi_request request = both(BODY(""),
        "{\"mode\":\"only_cloud\",\"conversation_id\":\"c\",\"cache\":\"near\",\"no_store\":true,"
        "\"budgets\":{\"idle_ms\":7}}");
    assert_int_equal(request.mode, AMPHI_MODE_ONLY_CLOUD);
    assert_string_equal(request.conversation_id, "c");
    assert_int_equal(request.cache, AMPHI_CACHE_NEAR);
    assert_true(request.no_store && !request.is_private);
    assert_int_equal(request.budgets.idle_ms, 7);
    assert_true(request.no_queue); /* settings don't say that the client knows "queued" */
    amphi__request_clear(&request);
    request = both(BODY(",\"amphi\":{\"mode\":\"prefer_cloud\",\"cache\":\"exact\"}"),
        "{\"mode\":\"only_cloud\",\"cache\":\"near\"}");
    assert_int_equal(request.mode, AMPHI_MODE_PREFER_CLOUD);
    assert_int_equal(request.cache, AMPHI_CACHE_EXACT);
    amphi__request_clear(&request);
}

static void settings__only_make_a_request_stricter(void **state)
{
    amphi_request request = both(BODY(",\"amphi\":{\"private\":true,\"mode\":\"only_local\"}"),
        "{\"private\":false,\"mode\":\"only_cloud\"}");
    assert_true(request.is_private);
    assert_int_equal(request.mode, AMPHI_MODE_ONLY_LOCAL);
    amphi__request_clear(&request);
    request =
        both(BODY(",\"amphi\":{\"private\":false,\"mode\":\"only_cloud\",\"cache\":\"near\"}"),
            "{\"private\":true,\"mode\":\"only_local\",\"cache\":\"off\",\"no_queue\":true}");
    assert_true(request.is_private && request.no_queue);
    assert_int_equal(request.mode, AMPHI_MODE_ONLY_LOCAL);
    assert_int_equal(request.cache, AMPHI_CACHE_OFF);
    amphi__request_clear(&request);
}

static void settings__that_contradict_or_are_unknown_are_refused(void **state)
{
    static const char *const bad[] = {"[]", "{", "{\"privat\":true}", "{\"private\":\"yes\"}",
        "{\"mode\":\"fast\"}", "{\"conversation_id\":\"other\"}"};
    amphi_request request;
    amphi_error error;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_not_equal(
            read_both(&request, BODY(",\"amphi\":{\"conversation_id\":\"c\"}"), bad[i], &error),
            AMPHI_OK);
    request = both(BODY(",\"amphi\":{\"conversation_id\":\"c\"}"), "{\"conversation_id\":\"c\"}");
    assert_string_equal(request.conversation_id, "c");
    amphi__request_clear(&request);
}

static void settings__survive_every_failed_allocation(void **state)
{
    amphi_status status;
    size_t n = 1;
    failing_alloc_install();
    do {
        amphi_request request;
        failing_alloc_at(n++);
        status =
            read_both(&request, BODY(""), "{\"conversation_id\":\"c\",\"private\":true}", NULL);
        failing_alloc_at(0);
        if (status == AMPHI_OK)
            amphi__request_clear(&request);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        assert_int_equal(failing_alloc_live(), 0);
    } while (status != AMPHI_OK);
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings__fill_in_what_the_body_leaves_open),
        cmocka_unit_test(settings__only_make_a_request_stricter),
        cmocka_unit_test(settings__that_contradict_or_are_unknown_are_refused),
        cmocka_unit_test(settings__survive_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
