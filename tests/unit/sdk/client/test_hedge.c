/* SPDX-License-Identifier: Apache-2.0
 *
 * A late first token starts the next route as well; the first with output answers.
 */
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void chat__late_first_token_is_hedged_and_the_loser_is_cancelled(void **state)
{
    static const scripted_step late[] = {{SCRIPT_WAIT, NULL, 60000}, {SCRIPT_SAY, "Late.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open_with(&f, says_hello, late, "{\"cloud\":{\"hedge_ms\":30}}");
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_CLOUD);
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(f.takeovers, 1);
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    chat_fixture_close(&f);
}

static void chat__prompt_first_token_is_not_hedged(void **state)
{
    chat_fixture f;
    chat_fixture_open_with(&f, says_hello, says_hello, "{\"cloud\":{\"hedge_ms\":5000}}");
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_CLOUD);
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(f.takeovers, 0);
    assert_int_equal(atomic_load(&f.local.starts), 0);
    chat_fixture_close(&f);
}

static void chat__hedge_goes_on_when_the_first_route_fails(void **state)
{
    static const scripted_step fails[] = {
        {SCRIPT_WAIT, NULL, 60}, {SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
    static const scripted_step slow[] = {{SCRIPT_WAIT, NULL, 150}, {SCRIPT_SAY, "Slow.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open_with(&f, slow, fails, "{\"cloud\":{\"hedge_ms\":30}}");
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_CLOUD);
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Slow.");
    assert_int_equal(atomic_load(&f.local.starts), 1);
    chat_fixture_close(&f);
}

static void chat__private_requests_never_hedge_to_the_cloud(void **state)
{
    static const scripted_step slow[] = {{SCRIPT_WAIT, NULL, 120}, {SCRIPT_SAY, "Mine.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open_with(&f, slow, says_hello, "{\"cloud\":{\"hedge_ms\":10}}");
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.is_private = true;
    chat_fixture_ask(&f, &request, "Secret");
    chat_fixture_expect(&f, "Mine.");
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat__late_first_token_is_hedged_and_the_loser_is_cancelled),
        cmocka_unit_test(chat__prompt_first_token_is_not_hedged),
        cmocka_unit_test(chat__hedge_goes_on_when_the_first_route_fails),
        cmocka_unit_test(chat__private_requests_never_hedge_to_the_cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
