/* SPDX-License-Identifier: Apache-2.0
 *
 * The gray release through the client: no payload opens what the app has closed or pinned.
 */
#include "tests/support/chat_fixture.h"
#include "tests/support/scratch_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const scripted_step dies_at_once[] = {{SCRIPT_FAIL, NULL, AMPHI_E_ENGINE_DIED}};

/* Everything that a hostile payload could want. */
static const char opens_everything[] =
    "{\"features\":{\"amphi.policy\":{\"defaultValue\":{\"mode\":\"only_cloud\",\"private_"
    "history\":"
    "\"omit\",\"only_local_history\":\"send\",\"cloud\":{\"enabled\":true},\"network\":{"
    "\"metered_allowed\":true},\"memory\":{\"max_percent\":1}}}}}";

typedef struct scene {
    chat_fixture f;
    scratch_dir dir;
} scene;

static void open_scene(scene *s, const char *policy, const char *pinned, const char *payload)
{
    amphi_client_options options;
    amphi_error error;
    scratch_dir_make(&s->dir);
    const char *path = scratch_dir_file(&s->dir, "payload.json");
    scratch_write(path, payload, strlen(payload), 0600);
    chat_fixture_init(&s->f, dies_at_once, says_hello);
    amphi_client_options_init(&options);
    options.parts = &s->f.parts;
    options.policy_json = amphi_str_from(policy);
    options.policy_pinned = amphi_str_from(pinned);
    options.rollout_source = amphi_str_from(path);
    if (amphi_client_new(&s->f.client, &options, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
}

static void close_scene(scene *s)
{
    chat_fixture_close(&s->f);
    scratch_dir_remove(&s->dir);
}

static void rollout__does_not_send_what_the_app_keeps(void **state)
{
    static const char *const policies[] = {"{\"cloud\":{\"enabled\":false}}",
        "{\"mode\":\"only_local\"}", "{\"network\":{\"metered_allowed\":false}}",
        "{\"mode\":\"only_local\",\"pinned\":[\"mode\"]}"};
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        scene s;
        open_scene(&s, policies[i], NULL, opens_everything);
        assert_int_equal(
            amphi_device_push_json(s.f.client, AMPHI_STR("{\"network\":\"metered\"}"), NULL),
            AMPHI_OK);
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_DEFAULT);
        request.no_queue = true;
        chat_fixture_ask(&s.f, &request, "Hi");
        assert_int_equal(s.f.last, AMPHI_EVENT_ERROR);
        assert_int_equal(atomic_load(&s.f.cloud.starts), 0);
        close_scene(&s);
    }
    scene s; /* the same payload where the app has closed nothing */
    open_scene(&s, "{}", NULL, opens_everything);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_DEFAULT);
    chat_fixture_ask(&s.f, &request, "Hi");
    chat_fixture_expect(&s.f, "Hello world.");
    assert_int_equal(atomic_load(&s.f.cloud.starts), 1);
    close_scene(&s);
}

static void rollout__leaves_what_is_pinned_in_code(void **state)
{
    scene s;
    char *json = NULL;
    open_scene(&s, "{}", "mode, memory", opens_everything);
    assert_int_equal(amphi_rollout_show(s.f.client, &json, NULL), AMPHI_OK);
    assert_non_null(strstr(json, "mode \\\"only_cloud\\\" became \\\"auto\\\": pinned"));
    assert_non_null(strstr(json, "\"policy\":{\"mode\":\"auto\""));
    assert_non_null(strstr(json, "\"max_percent\":70"));
    amphi_string_free(json);
    close_scene(&s);
}

static void rollout__a_pin_of_no_field_is_refused_by_name(void **state)
{
    amphi_client_options options;
    amphi_client *client = NULL;
    amphi_error error;
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    amphi_client_options_init(&options);
    options.parts = &f.parts;
    options.policy_pinned = AMPHI_STR("cloud.enabled,batery");
    assert_int_equal(amphi_client_new(&client, &options, &error), AMPHI_E_ARGUMENT);
    assert_null(client);
    assert_non_null(strstr(error.message, "\"batery\""));
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rollout__does_not_send_what_the_app_keeps),
        cmocka_unit_test(rollout__leaves_what_is_pinned_in_code),
        cmocka_unit_test(rollout__a_pin_of_no_field_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
