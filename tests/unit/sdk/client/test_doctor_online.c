/* SPDX-License-Identifier: Apache-2.0
 *
 * What the doctor finds out about an endpoint's key, over a transport that the test plays itself,
 * and what happens when memory runs out at any point.
 */
#include "sdk/core/str.h"
#include "tests/support/answering_http.h"
#include "tests/support/chat_fixture.h"
#include "tests/support/failing_alloc.h"

#include <amphi/doctor.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- The endpoint ---------------------------------------------------------------------------- */

static answering_http_reply to_list; /* GET .../models */
static answering_http_reply to_chat;
static atomic_uint chats;

static answering_http_reply reply_to(const amphi_http_request *request)
{
    bool is_list = amphi__str_equal_c(request->method, "GET");
    atomic_fetch_add(&chats, is_list ? 0 : 1);
    return is_list ? to_list : to_chat;
}

static answering_http http = {.answer = reply_to};

#define LIST "{\"data\":[{\"id\":\"m-1\"},{\"id\":\"m-2\"}]}"
#define WORD                                                                                       \
    "data: {\"model\":\"m-1\",\"choices\":[{\"delta\":{\"content\":\"Hi\"},"                       \
    "\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n"
#define REFUSAL "{\"error\":{\"message\":\"Incorrect API key\",\"code\":\"invalid_api_key\"}}"

/* ---- The doctor ------------------------------------------------------------------------------ */

static chat_fixture fixture;
static char found[4096]; /* "LEVEL PART: TEXT\n" */
static char remedy[256]; /* of the last of them */
static amphi_error error;

static void collect(void *user, const amphi_finding *finding)
{
    size_t used = strlen(found);
    snprintf(found + used, sizeof found - used, "%d %.*s: %.*s\n", finding->level,
        (int)finding->part.size, finding->part.data, (int)finding->text.size, finding->text.data);
    amphi__str_copy_to(remedy, sizeof remedy, finding->remedy);
}

/* A visit to the endpoint "work" with the model m-1. */
static amphi_status visit(bool asks, const char *policy)
{
    amphi_client_options options;
    amphi_endpoint_options endpoint;
    found[0] = '\0';
    memset(&error, 0, sizeof error);
    amphi_endpoint_options_init(&endpoint);
    endpoint.name = AMPHI_STR("work");
    endpoint.url = AMPHI_STR("https://nowhere.invalid/v1");
    endpoint.model = AMPHI_STR("m-1");
    amphi_client_options_init(&options);
    options.parts = &fixture.parts;
    options.endpoints = &endpoint;
    options.endpoints_count = 1;
    options.policy_json = amphi_str_from(policy);
    return amphi_doctor_online(&options, asks, collect, NULL, &error);
}

static int set_up(void **state)
{
    chat_fixture_init(&fixture, says_hello, says_hello);
    fixture.parts.http = answering_http_value(&http);
    to_list = (answering_http_reply){200, LIST};
    to_chat = (answering_http_reply){200, WORD};
    atomic_store(&http.starts, 0);
    atomic_store(&chats, 0);
    return 0;
}

static int tear_down(void **state)
{
    chat_fixture_close(&fixture);
    return 0;
}

static void doctor__list_of_models_tells_without_a_question(void **state)
{
    assert_int_equal(visit(false, NULL), AMPHI_OK);
    assert_string_equal(found, "0 key work: the key is good for 2 models, \"m-1\" among them\n");
    assert_int_equal(atomic_load(&http.starts), 1);
}

static void doctor__asks_where_there_is_no_list(void **state)
{
    to_list = (answering_http_reply){404, "not found"};
    assert_int_equal(visit(false, NULL), AMPHI_OK);
    assert_non_null(strstr(found, "0 key work: the key may chat: \"m-1\" answered after "));
    assert_int_equal(atomic_load(&chats), 1);
    to_list = (answering_http_reply){200, LIST};
    assert_int_equal(visit(true, NULL), AMPHI_OK); /* and where the caller wants it */
    assert_int_equal(atomic_load(&chats), 2);
}

static void doctor__refused_key_is_a_fault_in_the_providers_words(void **state)
{
    to_list = (answering_http_reply){401, REFUSAL};
    assert_int_equal(visit(false, NULL), AMPHI_OK);
    assert_non_null(strstr(found, "2 key work: the provider refuses the key ("));
    assert_non_null(strstr(found, "; the provider said: Incorrect API key\n"));
    assert_int_equal(atomic_load(&chats), 0);
}

static void doctor__sends_no_key_over_a_metered_network_that_is_forbidden(void **state)
{
    fixture.device.network = AMPHI_NETWORK_METERED;
    assert_int_equal(visit(true, "{\"network\":{\"metered_allowed\":false}}"), AMPHI_OK);
    assert_string_equal(found, "1 key work: its key was not tried: the network is metered, "
                               "and network.metered_allowed is false\n");
    assert_int_equal(atomic_load(&http.starts), 0);
}

/* What is then said of the key is true all the same. Nothing leaks, which the sanitizer sees. */
static void doctor__memory_may_run_out_at_any_time(void **state)
{
    static const struct {
        answering_http_reply to_list;
        const char *found;
    } cases[] = {
        {{200, LIST}, "0 key work: the key is good for 2 models, \"m-1\" among them\n"},
        {{404, "not found"}, "0 key work: the key may chat: \"m-1\" answered after "},
        {{401, REFUSAL}, "2 key work: the provider refuses the key ("},
    };
    failing_alloc_install();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool has_failed = true;
        size_t n = 1, told = 0;
        set_up(state);
        to_list = cases[i].to_list;
        for (; has_failed; n++) {
            failing_alloc_at(n);
            amphi_status status = visit(false, NULL);
            has_failed = failing_alloc_failed();
            failing_alloc_at(0);
            bool is_said = strncmp(found, cases[i].found, strlen(cases[i].found)) == 0;
            bool is_memory =
                strstr(found, "out of memory") != NULL && strstr(remedy, "connection") == NULL;
            told += is_memory;
            if (status == AMPHI_OK ? !is_said && !is_memory : status != AMPHI_E_NO_MEMORY)
                fail_msg("%zu, allocation %zu: %s %s", i, n, error.message, found);
            assert_true(has_failed || is_said);
        }
        print_message("%zu: %zu allocations, %zu of them told by a finding\n", i, n - 2, told);
        tear_down(state);
        assert_int_equal(failing_alloc_live(), 0);
    }
    failing_alloc_remove();
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(doctor__list_of_models_tells_without_a_question),
        T(doctor__asks_where_there_is_no_list),
        T(doctor__refused_key_is_a_fault_in_the_providers_words),
        T(doctor__sends_no_key_over_a_metered_network_that_is_forbidden),
        cmocka_unit_test(doctor__memory_may_run_out_at_any_time),
    };
    return cmocka_run_group_tests_name("unit.sdk.client.doctor_online", tests, NULL, NULL);
}
