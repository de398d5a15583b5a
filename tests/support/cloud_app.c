/* SPDX-License-Identifier: Apache-2.0
 *
 * See cloud_app.h.
 */
#include "tests/support/cloud_app.h"

#include "sdk/core/clock.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

amphi_test_cloud app_cloud;

void cloud_app_endpoint(
    amphi_endpoint_options *out, char url[CLOUD_URL_MAX], size_t i, const char *path)
{
    static const char *const letters[] = {"a", "b", "c"};
    amphi_endpoint_options_init(out);
    amphi_test_cloud_url(&app_cloud, url, CLOUD_URL_MAX, "main", path);
    out->name = amphi_str_from(letters[i]);
    out->url = amphi_str_from(url);
    out->ca_file = amphi_str_from(app_cloud.ca_file);
    out->priority = (uint32_t)i;
}

void cloud_app_open_with(
    cloud_app *a, const cloud_endpoint *endpoints, size_t count, const char *policy)
{
    amphi_endpoint_options options[ENDPOINTS_MAX];
    char urls[ENDPOINTS_MAX][CLOUD_URL_MAX];
    amphi_client_options client;
    amphi_error error;
    memset(a, 0, sizeof *a);
    scratch_dir_make(&a->dir);
    amphi_test_cloud_reset_counts(&app_cloud);
    for (size_t i = 0; i < count; i++) {
        cloud_app_endpoint(&options[i], urls[i], i, endpoints[i].path);
        options[i].model = amphi_str_from(endpoints[i].model);
        options[i].context_tokens_max = endpoints[i].context_tokens_max;
        a->names[i] = endpoints[i].path;
    }
    amphi_client_options_init(&client);
    client.data_dir = amphi_str_from(a->dir.path);
    client.model_path = AMPHI_STR("/nowhere/model.gguf"); /* the app_cloud is on its own here */
    client.endpoints = options;
    client.endpoints_count = count;
    client.policy_json = amphi_str_from(policy);
    if (amphi_client_new(&a->client, &client, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
}

void cloud_app_open(cloud_app *a, const char *first, const char *second)
{
    const cloud_endpoint endpoints[] = {{.path = first}, {.path = second}};
    cloud_app_open_with(a, endpoints, second != NULL ? 2 : 1, NULL);
}

void cloud_app_close(cloud_app *a)
{
    amphi_client_free(a->client);
    scratch_dir_remove(&a->dir);
}

amphi_budgets short_budgets(void)
{
    return (amphi_budgets){
        .connect_ms = 2000, .first_token_ms = 700, .idle_ms = 500, .total_ms = 12000};
}

static void note(cloud_outcome *o, const amphi_event *event)
{
    if (event->kind == AMPHI_EVENT_REPLACE) {
        amphi__buf_reset(&o->screen);
        o->replaces++;
    }
    if (event->kind == AMPHI_EVENT_DELTA || event->kind == AMPHI_EVENT_REPLACE) {
        amphi__buf_append_str(&o->screen, event->text);
        amphi__buf_append_str(&o->shown, event->text);
    }
    if (event->kind == AMPHI_EVENT_TAKEOVER) {
        o->takeovers++;
        o->takeover = *event->takeover;
    }
    if (amphi_event_is_terminal(event)) {
        o->terminals++;
        o->end = event->kind;
        o->finish = event->finish;
        o->usage = event->usage;
        amphi__str_copy_to(o->route, sizeof o->route, event->route);
        amphi__str_copy_to(o->model, sizeof o->model, event->model);
        if (event->error != NULL)
            o->error = *event->error;
    }
}

void cloud_app_pull(amphi_stream *stream, cloud_outcome *o)
{
    amphi_event event;
    amphi_error error;
    uint64_t began_ms = amphi__clock_ms(NULL);
    memset(o, 0, sizeof *o);
    amphi__buf_init(&o->screen, 0);
    amphi__buf_init(&o->shown, 0);
    amphi__buf_append_c(&o->screen, "");
    while (o->terminals == 0) {
        assert_int_equal(amphi_stream_next(stream, 30000, &event, &error), AMPHI_OK);
        note(o, &event);
    }
    o->took_ms = amphi__clock_ms(NULL) - began_ms;
    assert_int_equal(amphi_stream_next(stream, 0, &event, &error), AMPHI_E_NOT_FOUND);
    amphi_stream_free(stream);
}

void cloud_app_ask_with(
    cloud_app *a, cloud_outcome *o, amphi_budgets budgets, const char *extra_json)
{
    amphi_stream *stream;
    amphi_chat_request request;
    amphi_error error;
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("How was the harbour?")};
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.mode = AMPHI_MODE_ONLY_CLOUD;
    request.no_cache = true;
    request.no_queue = true;
    request.budgets = budgets;
    request.extra_json = amphi_str_from(extra_json);
    if (amphi_chat_start(&stream, a->client, &request, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    cloud_app_pull(stream, o);
}

void cloud_app_ask(cloud_app *a, cloud_outcome *o)
{
    cloud_app_ask_with(a, o, short_budgets(), NULL);
}

void cloud_outcome_clear(cloud_outcome *o)
{
    amphi__buf_clear(&o->screen);
    amphi__buf_clear(&o->shown);
}

int cloud_app_attempts(const cloud_app *a, size_t which)
{
    return (int)amphi_test_cloud_attempts(&app_cloud, a->names[which]);
}

const char *cloud_screen(const cloud_outcome *o)
{
    return o->screen.data != NULL ? o->screen.data : "";
}

void cloud_expect_whole(const cloud_outcome *o)
{
    if (o->end != AMPHI_EVENT_DONE)
        print_message("%s: %s\n", amphi_status_name(o->error.status), o->error.message);
    assert_int_equal(o->end, AMPHI_EVENT_DONE);
    assert_string_equal(cloud_screen(o), ANSWER);
    assert_int_equal(o->finish, AMPHI_FINISH_STOP);
}

static void expect_fault(const cloud_fault *r)
{
    cloud_app a;
    cloud_outcome o;
    cloud_app_open(&a, r->first, "ok");
    cloud_app_ask(&a, &o);
    if (cloud_app_attempts(&a, 0) != r->first_attempts ||
        cloud_app_attempts(&a, 1) != r->second_attempts || o.took_ms < r->from_ms ||
        o.took_ms > r->to_ms || o.end != AMPHI_EVENT_DONE) {
        print_message("%s: %d and %d attempts, %llu ms: %s\n", r->first, cloud_app_attempts(&a, 0),
            cloud_app_attempts(&a, 1), (unsigned long long)o.took_ms, o.error.message);
    }
    cloud_expect_whole(&o);
    assert_int_equal(cloud_app_attempts(&a, 0), r->first_attempts);
    assert_int_equal(cloud_app_attempts(&a, 1), r->second_attempts);
    assert_in_range(o.took_ms, r->from_ms, r->to_ms);
    assert_string_equal(o.route, r->second_attempts > 0 ? "b" : "a");
    assert_string_equal(o.model, "badcloud-1");
    assert_int_equal(o.usage.completion_tokens, 22);
    assert_int_equal(o.takeovers, r->second_attempts > 0);
    assert_int_equal(o.replaces, 0);
    assert_null(strstr(o.shown.data, " bro")); /* of the event that is no JSON */
    if (r->mid_answer) {
        assert_true(o.takeover.continued);
        assert_true(o.takeover.byte_offset > 0);
    }
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

void cloud_app_expect_faults(const cloud_fault *faults, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect_fault(&faults[i]);
}

int cloud_app_set_up(void **state)
{
    return amphi_test_cloud_start(&app_cloud) ? 0 : -1;
}

int cloud_app_tear_down(void **state)
{
    amphi_test_cloud_stop(&app_cloud);
    return 0;
}
