/* SPDX-License-Identifier: Apache-2.0
 *
 * A client with many routes: each one is reached, by takeover, by name and as a fallback, also
 * those behind the 16th, the 32nd and the last bit.
 */
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { MANY = AMPHI_ROUTES_MAX - 1 };

static const scripted_step fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_AUTH}};

typedef struct many_routes {
    chat_fixture f;
    scripted_engine engines[MANY];
    amphi_engine values[MANY];
} many_routes;

static many_routes m;

/* `count` clouds, "e0" first, of which only `answering` does not fail. */
static void start(size_t count, size_t answering)
{
    chat_fixture_init(&m.f, says_hello, says_hello);
    for (size_t i = 0; i < count; i++) {
        char name[AMPHI_NAME_MAX];
        snprintf(name, sizeof name, "e%zu", i);
        scripted_engine_init(
            &m.engines[i], name, AMPHI_ENGINE_CLOUD, i == answering ? says_hello : fails);
        m.engines[i].info.priority = (uint32_t)i;
        m.values[i] = scripted_engine_value(&m.engines[i]);
    }
    m.f.parts.engines = m.values;
    m.f.parts.engines_count = count;
    chat_fixture_start(&m.f, NULL);
}

static void ask(const char *extra, const char *route)
{
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    amphi_chat_result result;
    request.no_queue = true;
    request.extra_json = amphi_str_from(extra);
    amphi_stream *stream = chat_fixture_begin(&m.f, &request, "Hi");
    chat_fixture_pull(&m.f, stream);
    chat_fixture_expect(&m.f, "Hello world.");
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    assert_int_equal(result.route.size, strlen(route));
    assert_memory_equal(result.route.data, route, result.route.size);
    amphi_stream_free(stream);
}

static void routes__twenty_are_tried_one_after_the_other(void **state)
{
    start(20, 19);
    ask("", "e19");
    for (size_t i = 0; i < 20; i++)
        assert_true(atomic_load(&m.engines[i].starts) >= 1);
    chat_fixture_close(&m.f);
}

static void routes__behind_each_bit_are_found_by_name(void **state)
{
    static const size_t places[] = {15, 16, 31, 32, MANY - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char extra[96];
        char route[8];
        start(MANY, places[i]);
        snprintf(route, sizeof route, "e%zu", places[i]);
        snprintf(extra, sizeof extra, "{\"model\":\"%s\",\"fallbacks\":[]}", route);
        ask(extra, route);
        snprintf(extra, sizeof extra, "{\"model\":\"e3\",\"fallbacks\":[\"e40\",\"%s\"]}", route);
        ask(extra, route);
        assert_int_equal(atomic_load(&m.engines[0].starts), 0);
        assert_int_equal(atomic_load(&m.engines[places[i] - 1].starts), 0);
        chat_fixture_close(&m.f);
    }
}

/* What a caller of the first version sees are the first of them. */
static void routes__decision_has_all_of_them(void **state)
{
    amphi_decision decision;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    const amphi_message message = {.role = AMPHI_ROLE_USER, .content = AMPHI_STR("Hi")};
    request.messages = &message;
    request.messages_count = 1;
    start(MANY, 0);
    amphi_decision_init(&decision);
    assert_int_equal(amphi_route_explain(m.f.client, &request, &decision, NULL), AMPHI_OK);
    assert_int_equal(decision.entries_count, MANY + 1);
    assert_string_equal(decision.entries[MANY - 1].route.route, "e62");
    assert_string_equal(decision.entries[MANY].route.route, "local");
    assert_int_equal(decision.routes_count, AMPHI_DECISION_ROUTES_MAX);
    assert_string_equal(decision.routes[15].route, "e15");
    decision.struct_size = offsetof(amphi_decision, entries);
    memset(&decision.routes, 0, sizeof decision.routes);
    decision.entries_count = 12345;
    assert_int_equal(amphi_route_explain(m.f.client, &request, &decision, NULL), AMPHI_OK);
    assert_string_equal(decision.routes[15].route, "e15");
    assert_int_equal(decision.entries_count, 12345);
    chat_fixture_close(&m.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes__twenty_are_tried_one_after_the_other),
        cmocka_unit_test(routes__behind_each_bit_are_found_by_name),
        cmocka_unit_test(routes__decision_has_all_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
