/* SPDX-License-Identifier: Apache-2.0
 *
 * The operating system's model through the whole client: sdk/docs/examples/system_engine.c over a
 * system that follows a script. What it says before the first word, in mid-word and between two
 * requests, what the client makes of it, and what the record says.
 */
#include "tests/support/chat_fixture.h"
#include "tests/support/scripted_system.h"

#include <amphi/amphi.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a client with an own model, a cloud and the system's model ---- */

typedef struct world {
    chat_fixture f; /* cloud2 is not used: the system stands in its place */
    scripted_system os;
    amphi_stream *stream; /* of the last request */
    amphi_chat_result result;
} world;

static const scripted_system_answer os_hello = {"Hello world.", SYSTEM_DONE, 0};

/* The own model has "Hello world." to say, or what it lacks of it; likewise the cloud. */
static void prepare(world *w, const scripted_system_answer *answers, size_t count)
{
    memset(w, 0, sizeof *w);
    scripted_system_init(&w->os, answers, count);
    chat_fixture_init(&w->f, continues_hello, continues_hello);
    w->f.engines[1] = scripted_system_value(&w->os);
    w->f.parts.engines_count = 2;
}

static void open_world(world *w, const scripted_system_answer *answers, size_t count)
{
    prepare(w, answers, count);
    chat_fixture_start(&w->f, NULL);
}

static void close_world(world *w)
{
    amphi_stream_free(w->stream);
    scripted_system_go_on(&w->os);
    chat_fixture_close(&w->f);
    scripted_system_clear(&w->os);
}

static void ask_as(world *w, amphi_chat_request *request)
{
    amphi_stream_free(w->stream);
    w->stream = chat_fixture_begin(&w->f, request, "Hi");
    chat_fixture_pull(&w->f, w->stream);
    amphi_chat_result_init(&w->result);
    assert_int_equal(amphi_stream_result(w->stream, &w->result, NULL), AMPHI_OK);
}

static void ask(world *w, amphi_mode mode)
{
    amphi_chat_request request = chat_fixture_request(mode);
    request.no_queue = true;
    ask_as(w, &request);
}

static void expect_in(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in %s", part, text);
}

/* The record, as the history and `amphi ask --json` have it. */
static void expect_record(const world *w, const char *part)
{
    char *json = NULL;
    assert_int_equal(amphi_stream_result_json(w->stream, &json, NULL), AMPHI_OK);
    expect_in(json, part);
    amphi_string_free(json);
}

/* What `amphi route --explain` prints of the next request. */
static void expect_explained(world *w, amphi_mode mode, const char *part)
{
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("Hi")};
    amphi_chat_request request = chat_fixture_request(mode);
    char *json = NULL;
    request.messages = &message;
    request.messages_count = 1;
    assert_int_equal(amphi_route_explain_json(w->f.client, &request, &json, NULL), AMPHI_OK);
    expect_in(json, part);
    amphi_string_free(json);
}

static void expect_route(const world *w, const char *route)
{
    assert_null(w->result.error);
    assert_string_equal(w->result.route.data, route);
}

/* The one takeover of the last request. */
static void expect_takeover(const world *w, const char *to, amphi_status reason, const char *why)
{
    assert_int_equal(w->result.takeovers_count, 1);
    assert_string_equal(w->result.takeovers[0].from, "system");
    assert_string_equal(w->result.takeovers[0].to, to);
    assert_int_equal(w->result.takeovers[0].reason, reason);
    assert_string_equal(w->result.takeovers[0].why, why);
}

static void expect_asked(const world *w, int system, int local, int cloud)
{
    assert_int_equal(atomic_load(&w->os.starts), system);
    assert_int_equal(atomic_load(&w->f.local.starts), local);
    assert_int_equal(atomic_load(&w->f.cloud.starts), cloud);
}

static void push_foreground(world *w, bool is_in_front)
{
    const char *json = is_in_front ? "{\"in_foreground\":true}" : "{\"in_foreground\":false}";
    assert_int_equal(amphi_device_push_json(w->f.client, amphi_str_from(json), NULL), AMPHI_OK);
}

/* ---- what is promised ---- */

static void system__answers_first_and_may_have_what_is_private(void **state)
{
    world w;
    open_world(&w, &os_hello, 1);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.is_private = true;
    ask_as(&w, &request);
    expect_route(&w, "system");
    chat_fixture_expect(&w.f, "Hello world.");
    expect_record(&w, "\"route\":\"system\",\"model\":\"os-model\"");
    expect_record(&w, "{\"route\":\"system\",\"kept\":true,\"reason\":\"ok\",\"why\":\"auto: local "
                      "first, the system's model, ready\"");
    expect_in(w.os.last_body, "\"content\":\"Hi\"");
    expect_asked(&w, 1, 0, 0);
    close_world(&w);
}

static void quota__next_route_answers_and_the_system_is_not_asked_again(void **state)
{
    static const scripted_system_answer quota[] = {{NULL, SYSTEM_QUOTA, 0}};
    world w;
    open_world(&w, quota, 1);
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "local");
    expect_takeover(
        &w, "local", AMPHI_E_QUOTA, "system: the system's quota for this app is used up");
    expect_record(&w, "\"reason\":\"quota\"");
    chat_fixture_expect(&w.f, "Hello world.");
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "local");
    assert_int_equal(w.result.takeovers_count, 0);
    expect_record(&w, "{\"route\":\"system\",\"kept\":false,\"reason\":\"quota\",\"why\":\"the "
                      "system takes no more requests of this app; asked again in ");
    expect_explained(&w, AMPHI_MODE_AUTO, "\"reason\":\"quota\"");
    expect_asked(&w, 1, 2, 0);
    close_world(&w);
}

/* Before anything is asked, from what the engine says of itself, until it says otherwise. */
static void quota__that_the_system_announces_refuses_it(void **state)
{
    world w;
    open_world(&w, &os_hello, 1);
    w.os.state.quota_used_up = true;
    w.os.state.retry_after_ms = 3600000;
    w.f.local.info.available = w.f.cloud.info.available = false;
    ask(&w, AMPHI_MODE_AUTO);
    assert_int_equal(w.result.error->status, AMPHI_E_QUOTA);
    assert_int_equal(w.result.error->retry_after_ms, 3600000);
    expect_in(w.result.error->message, "system: the system takes no more requests"); /* cut */
    expect_asked(&w, 0, 0, 0);
    w.os.state.quota_used_up = false;
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "system");
    close_world(&w);
}

static void busy__rests_as_long_as_it_says_and_comes_last(void **state)
{
    static const scripted_system_answer busy[] = {
        {NULL, SYSTEM_BUSY, 3600000}, {"Hello world.", SYSTEM_DONE, 0}};
    world w;
    open_world(&w, busy, 2);
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "local");
    expect_takeover(&w, "local", AMPHI_E_BUSY, "system: the system's model works for others");
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "local");
    expect_record(&w, "{\"route\":\"system\",\"kept\":true,\"reason\":\"busy\",\"why\":\"kept as "
                      "last resort: the system's model works for others; free in about ");
    expect_asked(&w, 1, 2, 0);
    w.f.local.info.available = w.f.cloud.info.available = false; /* there is nothing else */
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "system");
    expect_explained(&w, AMPHI_MODE_AUTO, "auto: local first, the system's model, ready");
    close_world(&w);
}

static void busy__for_a_moment_is_waited_for_where_nothing_else_answers(void **state)
{
    static const scripted_system_answer busy[] = {
        {NULL, SYSTEM_BUSY, 30}, {"Hello world.", SYSTEM_DONE, 0}};
    world w;
    open_world(&w, busy, 2);
    w.f.local.info.available = w.f.cloud.info.available = false;
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "system");
    chat_fixture_expect(&w.f, "Hello world.");
    expect_asked(&w, 2, 0, 0);
    close_world(&w);
}

static void background__leaves_the_route_out_and_says_so(void **state)
{
    world w;
    open_world(&w, &os_hello, 1);
    w.os.state.needs_foreground = true;
    push_foreground(&w, false);
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "local");
    expect_record(&w,
        "{\"route\":\"system\",\"kept\":false,\"reason\":\"background\",\"why\":\"the "
        "app is in the background, where the system refuses its model\"");
    expect_explained(&w, AMPHI_MODE_AUTO, "\"reason\":\"background\"");
    w.f.local.info.available = w.f.cloud.info.available = false;
    ask(&w, AMPHI_MODE_AUTO);
    assert_int_equal(w.result.error->status, AMPHI_E_BACKGROUND);
    expect_asked(&w, 0, 1, 0);
    push_foreground(&w, true);
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "system");
    close_world(&w);
}

/* A quota comes back, and a download ends: a message that no other route may have waits for it. */
static void outbox__takes_what_the_system_will_answer_later(void **state)
{
    static const scripted_system_answer quota[] = {{NULL, SYSTEM_QUOTA, 0}};
    world w;
    open_world(&w, quota, 1);
    w.f.local.info.available = w.f.cloud.info.available = false;
    for (int i = 0; i < 3; i++) {
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
        ask_as(&w, &request); /* refused; not asked; then not there yet */
        assert_int_equal(w.f.last, AMPHI_EVENT_QUEUED);
        assert_int_equal(w.f.error, i < 2 ? AMPHI_E_QUOTA : AMPHI_E_BUSY);
        w.os.state.availability = i == 0 ? SYSTEM_AVAILABLE : SYSTEM_DOWNLOADING;
    }
    w.os.state.availability = SYSTEM_NOT_ENABLED;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    ask_as(&w, &request);
    assert_int_equal(w.f.last, AMPHI_EVENT_ERROR);
    assert_int_equal(w.f.error, AMPHI_E_REFUSED);
    expect_asked(&w, 1, 0, 0);
    close_world(&w);
}

static atomic_int sent;

static void on_outbox(void *user, const amphi_outbox_entry *entry)
{
    if (entry->state == AMPHI_OUTBOX_SENT)
        atomic_fetch_add(&sent, 1);
}

/* Asked in the background, answered when the app is in front: nothing else may answer. */
static void background__message_waits_in_the_outbox_until_the_app_is_in_front(void **state)
{
    world w;
    prepare(&w, &os_hello, 1);
    w.os.state.needs_foreground = true;
    w.f.local.info.available = w.f.cloud.info.available = false;
    w.f.outbox_event = on_outbox;
    chat_fixture_start(&w.f, NULL);
    atomic_store(&sent, 0);
    push_foreground(&w, false);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    ask_as(&w, &request);
    assert_int_equal(w.f.last, AMPHI_EVENT_QUEUED);
    assert_int_equal(w.f.error, AMPHI_E_BACKGROUND);
    push_foreground(&w, true);
    uint32_t left = 1;
    assert_int_equal(amphi_outbox_flush(w.f.client, 20000, &left, NULL), AMPHI_OK);
    assert_int_equal(left, 0);
    for (int i = 0; i < 4000 && atomic_load(&sent) == 0; i++)
        usleep(5000);
    assert_int_equal(atomic_load(&sent), 1);
    expect_asked(&w, 1, 0, 0);
    close_world(&w);
}

/* The app goes to the background in mid-word, and the system takes its model away. */
static void background__in_mid_word_is_taken_over(void **state)
{
    static const scripted_system_answer refused[] = {{"Hel", SYSTEM_BACKGROUND, 0}};
    world w;
    amphi_event event;
    open_world(&w, refused, 1);
    w.os.state.needs_foreground = true;
    w.os.waits = true;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    w.stream = chat_fixture_begin(&w.f, &request, "Hi");
    do
        assert_int_equal(amphi_stream_next(w.stream, 20000, &event, NULL), AMPHI_OK);
    while (event.kind != AMPHI_EVENT_DELTA);
    assert_string_equal(event.text.data, "Hel");
    push_foreground(&w, false);
    scripted_system_go_on(&w.os);
    while (amphi_stream_next(w.stream, 20000, &event, NULL) == AMPHI_OK)
        assert_int_not_equal(event.kind, AMPHI_EVENT_REPLACE);
    amphi_chat_result_init(&w.result);
    assert_int_equal(amphi_stream_result(w.stream, &w.result, NULL), AMPHI_OK);
    expect_route(&w, "local");
    assert_string_equal(w.result.text.data, "Hello world.");
    expect_takeover(
        &w, "local", AMPHI_E_BACKGROUND, "system: the system refuses an app in the background");
    assert_true(w.result.takeovers[0].continued);
    assert_int_equal(w.result.takeovers[0].byte_offset, 3);
    assert_string_equal(w.f.local.last_prefix, "Hel");
    expect_record(&w, "\"reason\":\"background\"");
    close_world(&w);
}

/* An app that does not say where it is: the refusal itself counts for a moment. */
static void background__that_only_the_system_knows_puts_it_last(void **state)
{
    static const scripted_system_answer refused[] = {{NULL, SYSTEM_BACKGROUND, 3600000}};
    world w;
    open_world(&w, refused, 1);
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "local");
    ask(&w, AMPHI_MODE_AUTO);
    expect_record(&w, "\"reason\":\"background\",\"why\":\"kept as last resort: the system refused "
                      "its model to an app in the background; tried again in ");
    expect_asked(&w, 1, 2, 0);
    push_foreground(&w, true);
    expect_explained(&w, AMPHI_MODE_AUTO, "auto: local first, the system's model, ready");
    close_world(&w);
}

/* A refusal for safety is an answer: no other model is asked instead. */
static void guardrail__ends_the_request(void **state)
{
    static const scripted_system_answer guarded[] = {
        {NULL, SYSTEM_GUARDRAIL, 0}, {"Hel", SYSTEM_GUARDRAIL, 0}};
    world w;
    open_world(&w, guarded, 2);
    for (int i = 0; i < 2; i++) {
        ask(&w, AMPHI_MODE_AUTO);
        assert_int_equal(w.result.error->status, AMPHI_E_CONTENT_FILTER);
        assert_string_equal(w.result.error->message, "system: the system's safety rules refuse it");
        assert_int_equal(w.result.takeovers_count, 0);
    }
    expect_asked(&w, 2, 0, 0);
    close_world(&w);
}

static void context__too_long_goes_to_a_longer_one(void **state)
{
    static const scripted_system_answer too_long[] = {{NULL, SYSTEM_TOO_LONG, 0}};
    world w;
    open_world(&w, too_long, 1);
    w.f.cloud.info.context_tokens_max = 128000; /* the own model has no more than the system's */
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "cloud");
    expect_takeover(
        &w, "cloud", AMPHI_E_CONTEXT_LENGTH, "system: longer than the system's model takes");
    expect_asked(&w, 1, 0, 1);
    w.os.state.context_tokens = 60; /* what surely does not fit is not sent */
    ask(&w, AMPHI_MODE_PREFER_LOCAL);
    expect_record(&w, "{\"route\":\"system\",\"kept\":false,\"reason\":\"context_length\"");
    expect_asked(&w, 1, 1, 1);
    close_world(&w);
}

static void unsupported__what_it_can_t_do_goes_on_elsewhere(void **state)
{
    static const scripted_system_answer foreign[] = {
        {NULL, SYSTEM_LANGUAGE, 0}, {NULL, SYSTEM_UNSUPPORTED, 0}};
    world w;
    open_world(&w, foreign, 2);
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "local");
    expect_takeover(&w, "local", AMPHI_E_UNSUPPORTED,
        "system: the system's model does not speak this language");
    ask(&w, AMPHI_MODE_AUTO); /* asked again: nothing is wrong with it */
    expect_takeover(
        &w, "local", AMPHI_E_UNSUPPORTED, "system: the system's model can't do what is asked for");
    expect_asked(&w, 2, 2, 0);
    close_world(&w);
}

/* The user switched it off, or the system made room: asked, gone, and later it is there again. */
static void assets__that_vanish_are_seen_at_once(void **state)
{
    static const scripted_system_answer gone[] = {
        {"Hello", SYSTEM_ASSETS_GONE, 0}, {"Hello world.", SYSTEM_DONE, 0}};
    static const struct {
        system_availability availability;
        const char *why;
    } cases[] = {{SYSTEM_NOT_DOWNLOADED, "the system's model is not downloaded"},
        {SYSTEM_DOWNLOADING, "the system's model is being downloaded"},
        {SYSTEM_NOT_ENABLED, "the system's model is switched off: the user can switch it on"},
        {SYSTEM_NOT_ELIGIBLE, "this device has no system's model"}};
    world w;
    open_world(&w, gone, 2);
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "local");
    chat_fixture_expect(&w.f, "Hello world.");
    expect_takeover(&w, "local", AMPHI_E_RESOURCE, "system: the system took its model away");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        w.os.state.availability = cases[i].availability;
        expect_explained(&w, AMPHI_MODE_AUTO, "\"reason\":\"unavailable\"");
        expect_explained(&w, AMPHI_MODE_AUTO, cases[i].why);
    }
    w.os.state.availability = SYSTEM_AVAILABLE;
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "system");
    close_world(&w);
}

static void death__in_mid_word_is_continued(void **state)
{
    static const scripted_system_answer dies[] = {{"Hello wo", SYSTEM_SERVICE_DIED, 0}};
    world w;
    open_world(&w, dies, 1);
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "local");
    chat_fixture_expect(&w.f, "Hello world.");
    assert_int_equal(w.f.replaces, 0);
    expect_takeover(
        &w, "local", AMPHI_E_ENGINE_DIED, "system: the system's service ended in mid-answer");
    expect_record(&w, "\"authors\":\"begun by system, continued by local;");
    close_world(&w);
}

/* It can't go on with another's words, so it begins again, and the screen shows one answer. */
static void takeover__by_the_system_starts_again(void **state)
{
    static const scripted_step cut[] = {
        {SCRIPT_SAY, "Greetings, ", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
    world w;
    prepare(&w, &os_hello, 1);
    w.f.cloud.script = cut;
    w.f.local.info.available = false;
    chat_fixture_start(&w.f, NULL);
    ask(&w, AMPHI_MODE_PREFER_CLOUD);
    expect_route(&w, "system");
    chat_fixture_expect(&w.f, "Hello world.");
    assert_int_equal(w.f.replaces, 1);
    assert_int_equal(w.result.takeovers_count, 1);
    assert_false(w.result.takeovers[0].continued);
    close_world(&w);
}

static void private_cloud__gets_nothing_private_unless_the_policy_trusts_it(void **state)
{
    static const char trusts[] = "{\"system\":{\"private_cloud_trusted\":true}}";
    for (int trusted = 0; trusted < 2; trusted++) {
        world w;
        prepare(&w, &os_hello, 1);
        w.os.state.on_device = false;
        w.f.local.info.available = false;
        chat_fixture_start(&w.f, trusted ? trusts : NULL);
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
        request.is_private = true;
        ask_as(&w, &request);
        if (trusted) {
            expect_route(&w, "system");
        } else {
            assert_int_equal(w.result.error->status, AMPHI_E_REFUSED);
            expect_record(&w, "{\"route\":\"system\",\"kept\":false,\"reason\":\"private\","
                              "\"why\":\"private: the request never leaves this device\"");
        }
        expect_asked(&w, trusted, 0, 0);
        ask(&w, AMPHI_MODE_ONLY_LOCAL);
        expect_asked(&w, 2 * trusted, 0, 0);
        close_world(&w);
    }
}

/* Off this device, a private client and the kill switch keep it from that as well. */
static void prewarm__reaches_it_where_a_request_may_go(void **state)
{
    static const struct {
        const char *policy;
        bool on_device, is_private, expected;
    } cases[] = {{NULL, true, true, true}, {NULL, false, false, true}, {NULL, false, true, false},
        {"{\"system\":{\"private_cloud_trusted\":true}}", false, true, true},
        {"{\"system\":{\"enabled\":false}}", true, false, false},
        {"{\"cloud\":{\"enabled\":false}}", true, false, true},
        {"{\"cloud\":{\"enabled\":false}}", false, false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world w;
        prepare(&w, &os_hello, 1);
        w.os.state.on_device = cases[i].on_device;
        w.f.is_private = cases[i].is_private;
        chat_fixture_start(&w.f, cases[i].policy);
        assert_int_equal(amphi_client_prewarm(w.f.client, NULL), AMPHI_OK);
        assert_int_equal(atomic_load(&w.os.prewarms), cases[i].expected);
        close_world(&w);
    }
}

static void cancel__reaches_the_system(void **state)
{
    static const scripted_system_answer cancelled[] = {{"Hel", SYSTEM_CANCELLED, 0}};
    world w;
    amphi_event event;
    open_world(&w, cancelled, 1);
    w.os.waits = true;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    w.stream = chat_fixture_begin(&w.f, &request, "Hi");
    do
        assert_int_equal(amphi_stream_next(w.stream, 20000, &event, NULL), AMPHI_OK);
    while (event.kind != AMPHI_EVENT_DELTA);
    amphi_stream_cancel(w.stream);
    while (amphi_stream_next(w.stream, 20000, &event, NULL) == AMPHI_OK)
        if (event.error != NULL)
            assert_int_equal(event.error->status, AMPHI_E_CANCELLED);
    assert_int_equal(event.kind, AMPHI_EVENT_ERROR);
    assert_true(atomic_load(&w.os.cancels) > 0);
    expect_asked(&w, 1, 0, 0);
    close_world(&w);
}

static void answer__that_the_system_cut_says_so(void **state)
{
    static const scripted_system_answer cut[] = {{"Hello", SYSTEM_CUT, 0}};
    world w;
    open_world(&w, cut, 1);
    ask(&w, AMPHI_MODE_AUTO);
    expect_route(&w, "system");
    assert_int_equal(w.result.finish, AMPHI_FINISH_LENGTH);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system__answers_first_and_may_have_what_is_private),
        cmocka_unit_test(quota__next_route_answers_and_the_system_is_not_asked_again),
        cmocka_unit_test(quota__that_the_system_announces_refuses_it),
        cmocka_unit_test(busy__rests_as_long_as_it_says_and_comes_last),
        cmocka_unit_test(busy__for_a_moment_is_waited_for_where_nothing_else_answers),
        cmocka_unit_test(background__leaves_the_route_out_and_says_so),
        cmocka_unit_test(background__message_waits_in_the_outbox_until_the_app_is_in_front),
        cmocka_unit_test(outbox__takes_what_the_system_will_answer_later),
        cmocka_unit_test(background__in_mid_word_is_taken_over),
        cmocka_unit_test(background__that_only_the_system_knows_puts_it_last),
        cmocka_unit_test(guardrail__ends_the_request),
        cmocka_unit_test(context__too_long_goes_to_a_longer_one),
        cmocka_unit_test(unsupported__what_it_can_t_do_goes_on_elsewhere),
        cmocka_unit_test(prewarm__reaches_it_where_a_request_may_go),
        cmocka_unit_test(assets__that_vanish_are_seen_at_once),
        cmocka_unit_test(death__in_mid_word_is_continued),
        cmocka_unit_test(takeover__by_the_system_starts_again),
        cmocka_unit_test(private_cloud__gets_nothing_private_unless_the_policy_trusts_it),
        cmocka_unit_test(cancel__reaches_the_system),
        cmocka_unit_test(answer__that_the_system_cut_says_so),
    };
    return cmocka_run_group_tests_name("integration.system_engine", tests, NULL, NULL);
}
