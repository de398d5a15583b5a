/* SPDX-License-Identifier: Apache-2.0
 *
 * What was said privately stays on the device, whatever is asked later: by each mode, and where the
 * policy leaves the turns out.
 */
#include "sdk/client/privacy.h"

#include "tests/support/privacy_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const scripted_step fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
static const scripted_step dies[] = {
    {SCRIPT_SAY, "Hel", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_ENGINE_DIED}};

/* ---- private_history: local ---- */

static void local__only_cloud_is_refused_with_both_ways_out(void **state)
{
    chat_fixture f;
    privacy_open_with_secret(&f, NULL);
    privacy_outcome o = privacy_ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_int_equal(o.kind, AMPHI_EVENT_ERROR);
    privacy_expect_says(o.error, "private turns");
    privacy_expect_says(o.error, "another mode");
    privacy_expect_says(o.error, "private_history to \"omit\"");
    assert_null(strchr(o.error, '\n'));
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

static void local__every_other_mode_stays_here_and_says_why(void **state)
{
    static const amphi_mode modes[] = {AMPHI_MODE_AUTO, AMPHI_MODE_PREFER_LOCAL,
        AMPHI_MODE_PREFER_CLOUD, AMPHI_MODE_ONLY_LOCAL, AMPHI_MODE_DEFAULT};
    chat_fixture f;
    privacy_open_with_secret(&f, NULL);
    for (size_t i = 0; i < 5; i++) {
        privacy_outcome o = privacy_ask(&f, "c", modes[i], false, "and now?");
        assert_int_equal(o.kind, AMPHI_EVENT_DONE);
        assert_string_equal(o.route, "local");
        assert_int_equal(o.privacy, AMPHI_PRIVACY_PRIVATE); /* it has them in its prompt */
        assert_non_null(strstr(f.local.last_body, "SECRET-Q"));
        if (modes[i] != AMPHI_MODE_ONLY_LOCAL)
            privacy_expect_says(o.cloud_why, "private_history is \"local\"");
    }
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    privacy_outcome o =
        privacy_ask(&f, "d", AMPHI_MODE_PREFER_CLOUD, false, "another conversation");
    assert_string_equal(o.route, "cloud");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_NONE);
    chat_fixture_close(&f);
}

static void local__no_takeover_no_hedge_no_outbox(void **state)
{
    chat_fixture f;
    privacy_open_with_secret(&f, "{\"cloud\":{\"hedge_ms\":1}}");
    f.local.script = dies;
    privacy_outcome o = privacy_ask(&f, "c", AMPHI_MODE_PREFER_LOCAL, false, "and now?");
    assert_int_equal(o.kind, AMPHI_EVENT_ERROR); /* not QUEUED */
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

static void local__only_local_turns_bind_as_well_unless_the_policy_sends_them(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, privacy_answers_secretly, says_hello);
    privacy_outcome o = privacy_ask(&f, "c", AMPHI_MODE_ONLY_LOCAL, false, "SECRET-Q");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_ONLY_LOCAL);
    o = privacy_ask(&f, "c", AMPHI_MODE_PREFER_CLOUD, false, "and now?");
    assert_string_equal(o.route, "local");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_ONLY_LOCAL);
    privacy_expect_says(o.cloud_why, "only_local_history is \"as_private\"");
    o = privacy_ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    privacy_expect_says(o.error, "only_local turns");
    assert_int_equal(atomic_load(&f.cloud.starts), 0);

    amphi_client *sending = chat_fixture_client(&f, "{\"only_local_history\":\"send\"}");
    o = privacy_ask_client(sending, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_string_equal(o.route, "cloud");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_ONLY_LOCAL); /* it still had them in its prompt */
    assert_non_null(strstr(f.cloud.last_body, "SECRET-Q"));
    o = privacy_ask_client(sending, "p", AMPHI_MODE_AUTO, true, "SECRET-P");
    o = privacy_ask_client(sending, "p", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_int_equal(o.kind, AMPHI_EVENT_ERROR); /* private ones are private */
    amphi_client_free(sending);
    chat_fixture_close(&f);
}

/* The policy's own mode makes a turn only_local too: a later policy must not send or queue it. */
static void local__the_policys_mode_counts_as_the_requests(void **state)
{
    chat_fixture f;
    chat_fixture_open_with(&f, privacy_answers_secretly, says_hello, "{\"mode\":\"only_local\"}");
    privacy_outcome o = privacy_ask(&f, "c", AMPHI_MODE_DEFAULT, false, "SECRET-Q");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_ONLY_LOCAL);
    f.local.script = fails;
    o = privacy_ask(&f, "q", AMPHI_MODE_DEFAULT, false, "SECRET-Q");
    assert_int_equal(o.kind, AMPHI_EVENT_ERROR); /* not QUEUED */
    amphi_client *later = chat_fixture_client(&f, NULL);
    o = privacy_ask_client(later, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_int_equal(o.kind, AMPHI_EVENT_ERROR);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    amphi_client_free(later);
    chat_fixture_close(&f);
}

/* ---- private_history: omit ---- */

static void omit__the_turns_are_left_out_for_every_route(void **state)
{
    chat_fixture f;
    privacy_open_with_secret(&f, PRIVACY_OMIT);
    privacy_outcome o = privacy_ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_string_equal(o.route, "cloud");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_NONE);
    assert_int_equal(o.turns_omitted, 1);
    privacy_expect_says(o.cloud_why, "1 private turn left out");
    assert_non_null(strstr(f.cloud.last_body, "first"));
    privacy_expect_cloud_knows_nothing(&f);
    f.local.script = says_hello;
    o = privacy_ask(&f, "c", AMPHI_MODE_PREFER_LOCAL, false, "and now?");
    assert_string_equal(o.route, "local");
    assert_null(strstr(f.local.last_body, "SECRET")); /* a cloud may have to continue it */
    chat_fixture_close(&f);
}

static void omit__a_takeover_brings_nothing_along(void **state)
{
    chat_fixture f;
    privacy_open_with_secret(&f, PRIVACY_OMIT);
    f.local.script = dies;
    f.cloud.script = continues_hello;
    privacy_outcome o = privacy_ask(&f, "c", AMPHI_MODE_PREFER_LOCAL, false, "and now?");
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    assert_string_equal(o.route, "cloud");
    assert_string_equal(f.cloud.last_prefix, "Hel");
    privacy_expect_cloud_knows_nothing(&f);
    chat_fixture_close(&f);
}

/* What stays here by itself may know everything, and is as private as that. */
static void omit__a_request_that_stays_here_has_the_whole_conversation(void **state)
{
    chat_fixture f;
    privacy_open_with_secret(&f, PRIVACY_OMIT);
    privacy_outcome o = privacy_ask(&f, "c", AMPHI_MODE_AUTO, true, "and?");
    assert_non_null(strstr(f.local.last_body, "SECRET-Q"));
    assert_int_equal(o.turns_omitted, 0);
    o = privacy_ask(&f, "c", AMPHI_MODE_ONLY_LOCAL, false, "and?");
    assert_non_null(strstr(f.local.last_body, "SECRET-Q"));
    assert_int_equal(o.privacy, AMPHI_PRIVACY_PRIVATE);
    o = privacy_ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_int_equal(o.turns_omitted, 3);
    privacy_expect_says(o.cloud_why, "3 private turns left out");
    privacy_expect_cloud_knows_nothing(&f);
    chat_fixture_close(&f);
}

static void record__tells_a_private_turn(void **state)
{
    static const struct {
        const char *record;
        amphi_privacy privacy;
    } cases[] = {
        {"", AMPHI_PRIVACY_PRIVATE},
        {"{\"decision\":[{\"route\":\"cloud\",\"reason\":\"private\"}]}", AMPHI_PRIVACY_PRIVATE},
        {"{\"privacy\":\"private\"}", AMPHI_PRIVACY_PRIVATE},
        {"{\"privacy\":\"only_local\"}", AMPHI_PRIVACY_ONLY_LOCAL},
        {"{\"why\":\"mode only_local excludes the cloud\"}", AMPHI_PRIVACY_ONLY_LOCAL},
        {"{\"why\":\"only_local: local first, model loaded\"}", AMPHI_PRIVACY_ONLY_LOCAL},
        {"{\"text\":\"\\\"privacy\\\":\\\"private\\\"\",\"privacy\":\"none\"}", AMPHI_PRIVACY_NONE},
        {"{\"decision\":[]}", AMPHI_PRIVACY_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(
            amphi__privacy_of_record(amphi_str_from(cases[i].record)), cases[i].privacy);
}

/* The last gate, should a plan ever have a route that it must not. */
static void gate__lets_nothing_off_this_device_have_what_stays_here(void **state)
{
    amphi_privacy_ruling ruling = {.stays_here = true};
    amphi_engine_info local = {.kind = AMPHI_ENGINE_LOCAL};
    amphi_engine_info cloud = {.kind = AMPHI_ENGINE_CLOUD};
    amphi_engine_info strange = {.kind = (amphi_engine_kind)77};
    assert_true(amphi__privacy_allows(&ruling, &local));
    assert_false(amphi__privacy_allows(&ruling, &cloud));
    assert_false(amphi__privacy_allows(&ruling, &strange));
    amphi_engine_info system = {.kind = AMPHI_ENGINE_SYSTEM, .on_device = true};
    assert_true(amphi__privacy_allows(&ruling, &system));
    system.on_device = false;
    assert_false(amphi__privacy_allows(&ruling, &system));
    ruling.policy.system_private_cloud_trusted = true;
    assert_true(amphi__privacy_allows(&ruling, &system));
    cloud.on_device = true; /* a field of SYSTEM only */
    assert_false(amphi__privacy_allows(&ruling, &cloud));
    ruling.stays_here = false;
    assert_true(amphi__privacy_allows(&ruling, &cloud));
}

static void explain__says_what_the_conversation_demands(void **state)
{
    chat_fixture f;
    privacy_open_with_secret(&f, NULL);
    amphi_client *omitting = chat_fixture_client(&f, PRIVACY_OMIT);
    amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("and now?")};
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.messages = &message;
    request.messages_count = 1;
    request.conversation_id = AMPHI_STR("c");
    char *json = NULL;
    assert_int_equal(amphi_route_explain_json(f.client, &request, &json, NULL), AMPHI_OK);
    privacy_expect_says(json, "\"privacy\":\"private\",\"turns_omitted\":0");
    privacy_expect_says(json, "the conversation holds 1 private turn, and private_history is");
    amphi_string_free(json);
    assert_int_equal(amphi_route_explain_json(omitting, &request, &json, NULL), AMPHI_OK);
    privacy_expect_says(json, "\"privacy\":\"none\",\"turns_omitted\":1");
    privacy_expect_says(json, "1 private turn left out");
    amphi_string_free(json);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    amphi_client_free(omitting);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local__only_cloud_is_refused_with_both_ways_out),
        cmocka_unit_test(local__every_other_mode_stays_here_and_says_why),
        cmocka_unit_test(local__no_takeover_no_hedge_no_outbox),
        cmocka_unit_test(local__only_local_turns_bind_as_well_unless_the_policy_sends_them),
        cmocka_unit_test(local__the_policys_mode_counts_as_the_requests),
        cmocka_unit_test(omit__the_turns_are_left_out_for_every_route),
        cmocka_unit_test(omit__a_takeover_brings_nothing_along),
        cmocka_unit_test(omit__a_request_that_stays_here_has_the_whole_conversation),
        cmocka_unit_test(record__tells_a_private_turn),
        cmocka_unit_test(gate__lets_nothing_off_this_device_have_what_stays_here),
        cmocka_unit_test(explain__says_what_the_conversation_demands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
