/* SPDX-License-Identifier: Apache-2.0
 *
 * Engines that were built against another version of the headers fill in no more of
 * amphi_engine_info than both sides know, and keep their names through a whole request.
 */
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TAIL_BYTES 64u

static chat_fixture fixture;
static const amphi_engine_ops *scripted;

typedef struct later_info {
    amphi_engine_info info;
    unsigned char tail[TAIL_BYTES];
} later_info;

static size_t version_bytes;    /* of amphi_engine_info, where the engine was built */
static bool states_its_version; /* writes its own size, as a copy of a whole struct does */

static void careful_describe(void *self, amphi_engine_info *out)
{
    later_info own;
    memset(&own, 0x5a, sizeof own);
    memset(&own.info, 0, sizeof own.info);
    own.info.kind = AMPHI_ENGINE_LOCAL;
    own.info.available = true;
    own.info.context_tokens_max = 4096;
    amphi__str_copy_to(own.info.name, sizeof own.info.name, AMPHI_STR("careful"));
    amphi__str_copy_to(own.info.model, sizeof own.info.model, AMPHI_STR("careful-1"));
    size_t bytes = out->struct_size < version_bytes ? out->struct_size : version_bytes;
    if (bytes <= sizeof(size_t))
        return;
    memcpy((unsigned char *)out + sizeof(size_t), (unsigned char *)&own + sizeof(size_t),
        bytes - sizeof(size_t));
    if (states_its_version)
        out->struct_size = version_bytes;
}

typedef struct names {
    int events;
    int messages;
} names;

static void is_careful(amphi_str route)
{
    if (!amphi__str_equal(route, AMPHI_STR("careful")))
        fail_msg("the route's name is \"%.*s\"", (int)route.size, route.data);
}

static bool check_message(void *user, const amphi_history_message *item)
{
    names *seen = user;
    if (amphi__str_equal(item->role, AMPHI_STR("assistant"))) {
        is_careful(item->route);
        assert_non_null(strstr(item->decision_json.data, "careful"));
        seen->messages++;
    }
    return true;
}

static bool check_route(void *user, amphi_str route, amphi_str model)
{
    is_careful(route);
    return true;
}

static void check_result(amphi_stream *stream)
{
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    is_careful(result.route);
    assert_int_equal(result.decision->routes_count, 1);
    is_careful(amphi_str_from(result.decision->routes[0].route));
    char *json = NULL;
    assert_int_equal(amphi_stream_result_json(stream, &json, NULL), AMPHI_OK);
    assert_non_null(strstr(json, "\"route\":\"careful\""));
    amphi_string_free(json);
}

static void keeps_its_name_through_a_request(void)
{
    amphi_client_options options;
    amphi_client *client = NULL;
    amphi_stream *stream = NULL;
    amphi_event event;
    names seen = {0, 0};
    amphi_engine_ops ops = *scripted;
    ops.describe = careful_describe;
    amphi_parts parts = fixture.parts;
    parts.local.ops = &ops;
    parts.engines_count = 0;
    amphi_client_options_init(&options);
    options.parts = &parts;
    assert_int_equal(amphi_client_new(&client, &options, NULL), AMPHI_OK);
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("Hi")};
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.conversation_id = AMPHI_STR("named");
    request.messages = &message;
    request.messages_count = 1;
    assert_int_equal(amphi_chat_start(&stream, client, &request, NULL), AMPHI_OK);
    while (amphi_stream_next(stream, 20000, &event, NULL) == AMPHI_OK) {
        if (event.kind == AMPHI_EVENT_ROUTE || event.kind == AMPHI_EVENT_DONE) {
            is_careful(event.route);
            seen.events++;
        }
    }
    assert_int_equal(seen.events, 2);
    check_result(stream);
    amphi_stream_free(stream);
    assert_int_equal(amphi_client_routes(client, check_route, NULL, NULL), AMPHI_OK);
    assert_int_equal(
        amphi_history_messages(client, AMPHI_STR("named"), check_message, &seen, NULL), AMPHI_OK);
    assert_int_equal(seen.messages, 1);
    assert_int_equal(amphi_history_delete(client, AMPHI_STR("named"), NULL), AMPHI_OK);
    amphi_client_free(client);
}

static void engine__of_any_version_keeps_its_name_through_a_request(void **state)
{
    const size_t versions[] = {offsetof(amphi_engine_info, ready),
        offsetof(amphi_engine_info, fingerprint), sizeof(amphi_engine_info),
        sizeof(amphi_engine_info) + TAIL_BYTES};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        for (int k = 0; k < 2; k++) {
            version_bytes = versions[i];
            states_its_version = k == 1;
            keeps_its_name_through_a_request();
        }
}

static int set_up(void **state)
{
    chat_fixture_open(&fixture, says_hello, says_hello);
    scripted = fixture.parts.local.ops;
    return 0;
}

static int tear_down(void **state)
{
    chat_fixture_close(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine__of_any_version_keeps_its_name_through_a_request),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
