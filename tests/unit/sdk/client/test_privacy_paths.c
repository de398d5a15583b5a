/* SPDX-License-Identifier: Apache-2.0
 *
 * What was said privately stays on the device on the other paths too: the outbox, the rollout, the
 * response cache, another process between the reading and the sending, a store without rows.
 */
#include "sdk/client/privacy.h"

#include "sdk/core/str.h"
#include "tests/support/privacy_scene.h"

#include <amphi/rollout.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { LONG_MS = 20000 };

static const scripted_step fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};

/* ---- other paths ---- */

static uint32_t flush(amphi_client *client)
{
    uint32_t left = UINT32_MAX;
    assert_int_equal(amphi_outbox_flush(client, LONG_MS, &left, NULL), AMPHI_OK);
    return left;
}

static void set_network(amphi_client *client, const char *json)
{
    assert_int_equal(amphi_device_push_json(client, amphi_str_from(json), NULL), AMPHI_OK);
}

static void queue(chat_fixture *f, const char *conversation, const char *text)
{
    set_network(f->client, "{\"network\":\"none\"}");
    assert_int_equal(
        privacy_ask(f, conversation, AMPHI_MODE_ONLY_CLOUD, false, text).kind, AMPHI_EVENT_QUEUED);
}

/* The first entry, as it is listed. */
typedef struct listed {
    int count;
    uint32_t attempts;
    int64_t not_before_ms;
    amphi_outbox_state state;
    char reason[256];
} listed;

static bool note_listed(void *user, const amphi_outbox_entry *item)
{
    listed *l = user;
    if (l->count++ > 0)
        return true;
    l->attempts = item->attempts;
    l->not_before_ms = item->not_before_ms;
    l->state = item->state;
    amphi__str_copy_to(l->reason, sizeof l->reason, item->reason);
    return true;
}

static listed list(amphi_client *client)
{
    listed l = {.count = 0};
    assert_int_equal(amphi_outbox_entries(client, note_listed, &l, NULL), AMPHI_OK);
    return l;
}

/* What was said after it is not in its prompt, and so does not keep it. */
static void outbox__what_is_said_privately_later_neither_goes_along_nor_keeps_it(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, privacy_answers_secretly, says_hello);
    (void)privacy_ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "before all");
    queue(&f, "c", "first, queued");
    queue(&f, "c", "second, queued");
    queue(&f, "d", "of another conversation");
    (void)privacy_ask(&f, "c", AMPHI_MODE_AUTO, true, "SECRET-Q");
    (void)privacy_ask(&f, "c", AMPHI_MODE_ONLY_LOCAL, false, "SECRET-L");
    (void)privacy_ask(&f, "e", AMPHI_MODE_AUTO, true, "SECRET-E");
    set_network(f.client, "{\"network\":\"free\"}");
    assert_int_equal(flush(f.client), 0);
    assert_int_equal(atomic_load(&f.cloud.starts), 4);
    privacy_expect_cloud_knows_nothing(&f);
    assert_int_equal(privacy_ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?").kind,
        AMPHI_EVENT_ERROR); /* it was said after them */
    chat_fixture_close(&f);
}

/* It has in its prompt what was said before it, and what was queued before it. */
static void outbox__an_entry_knows_what_was_said_before_it(void **state)
{
    static const char *const secrets[] = {"SECRET-Q", "SECRET-L"};
    for (int i = 0; i < 2; i++) {
        chat_fixture f;
        chat_fixture_open_with(
            &f, privacy_answers_secretly, says_hello, "{\"only_local_history\":\"send\"}");
        (void)privacy_ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "before all");
        queue(&f, "c", "first, queued");
        queue(&f, "c", "second, queued");
        (void)privacy_ask(
            &f, "c", i == 0 ? AMPHI_MODE_AUTO : AMPHI_MODE_ONLY_LOCAL, i == 0, secrets[i]);
        set_network(f.client, "{\"network\":\"free\"}");
        assert_int_equal(flush(f.client), 0);
        assert_non_null(strstr(f.cloud.last_body, "before all"));
        assert_non_null(strstr(f.cloud.last_body, "first, queued"));
        assert_non_null(strstr(f.cloud.last_body, "second, queued"));
        privacy_expect_cloud_knows_nothing(&f); /* nor what the policy would send: it came later */
        chat_fixture_close(&f);
    }
}

/* As an earlier version has queued it: what its conversation holds may have been before it. */
static void outbox__what_its_conversation_keeps_here_waits_and_says_why(void **state)
{
    chat_fixture f;
    privacy_open_with_secret(&f, NULL);
    amphi_store store = f.parts.store;
    amphi_store_outbox_item item = {.struct_size = sizeof item,
        .id = AMPHI_STR("old"),
        .conversation_id = AMPHI_STR("c"),
        .request_json = AMPHI_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],"
                                  "\"amphi\":{\"mode\":\"only_cloud\","
                                  "\"conversation_id\":\"c\"}}"),
        .created_ms = 1000};
    assert_int_equal(store.ops->outbox_add(store.self, &item, NULL), AMPHI_OK);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(flush(f.client), 1);
        listed l = list(f.client);
        assert_int_equal(l.state, AMPHI_OUTBOX_QUEUED);
        assert_int_equal(l.not_before_ms, 0); /* it was not refused */
        assert_true(l.attempts > i);
        privacy_expect_says(l.reason, "private turns");
    }
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    amphi_client *omitting = chat_fixture_client(&f, PRIVACY_OMIT);
    assert_int_equal(flush(omitting), 0);
    privacy_expect_cloud_knows_nothing(&f);
    amphi_client_free(omitting);
    chat_fixture_close(&f);
}

static void outbox__a_private_client_delivers_nothing_to_a_cloud(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, fails, says_hello);
    queue(&f, "c", "queued by a client that is not private");
    amphi_client_options options;
    amphi_client_options_init(&options);
    options.parts = &f.parts;
    options.is_private = true;
    amphi_client *own = NULL;
    assert_int_equal(amphi_client_new(&own, &options, NULL), AMPHI_OK);
    listed before = list(f.client);
    assert_int_equal(flush(own), 1);
    assert_int_equal(flush(own), 1);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    amphi_client_free(own);
    listed after = list(f.client);
    assert_int_equal(
        after.attempts, before.attempts); /* it is for others to say what became of it */
    assert_string_equal(after.reason, before.reason);
    set_network(f.client, "{\"network\":\"free\"}");
    assert_int_equal(flush(f.client), 0); /* it was not put off for the others */
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    chat_fixture_close(&f);
}

/* An entry that this client may not send does not keep it from the others. */
static void outbox__a_private_client_answers_what_it_can_behind_what_it_can_not(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, fails, fails);
    queue(&f, "c", "only for the cloud");
    assert_int_equal(
        privacy_ask(&f, "d", AMPHI_MODE_AUTO, false, "for all").kind, AMPHI_EVENT_QUEUED);
    f.local.script = privacy_answers_secretly;
    amphi_client_options options;
    amphi_client_options_init(&options);
    options.parts = &f.parts;
    options.is_private = true;
    amphi_client *own = NULL;
    assert_int_equal(amphi_client_new(&own, &options, NULL), AMPHI_OK);
    assert_int_equal(flush(own), 1);
    assert_int_equal(flush(own), 1); /* no lease is left */
    amphi_client_free(own);
    f.cloud.script = says_hello;
    set_network(f.client, "{\"network\":\"free\"}");
    assert_int_equal(flush(f.client), 0);
    assert_non_null(strstr(f.cloud.last_body, "only for the cloud"));
    chat_fixture_close(&f);
}

/* ---- the rollout ---- */

static atomic_int lookups;

static amphi_status count_lookup(void *self, amphi_http_exchange **out,
    const amphi_http_request *request, const amphi_http_sink *sink, amphi_error *error)
{
    *out = NULL;
    atomic_fetch_add(&lookups, 1);
    return AMPHI_E_OFFLINE;
}

static void ignore_exchange(void *self, amphi_http_exchange *exchange)
{
}

static void free_nothing(void *self)
{
}

static const amphi_http_ops counting_http = {.struct_size = sizeof counting_http,
    .name = "counting",
    .start = count_lookup,
    .cancel = ignore_exchange,
    .release = ignore_exchange,
    .free = free_nothing};

static amphi_client *client_with_rollout(chat_fixture *f, bool is_private)
{
    amphi_client_options options;
    amphi_client *client = NULL;
    amphi_client_options_init(&options);
    f->parts.http.ops = &counting_http;
    options.parts = &f->parts;
    options.is_private = is_private;
    options.rollout_source = AMPHI_STR("https://rollout.example/features");
    assert_int_equal(amphi_client_new(&client, &options, NULL), AMPHI_OK);
    return client;
}

/* A flush is a round of the background thread, which begins with the look-up. */
static void rollout__a_private_client_looks_up_only_when_called_to(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    atomic_store(&lookups, 0);
    f.client = client_with_rollout(&f, true);
    (void)flush(f.client);
    (void)amphi_client_prewarm(f.client, NULL);
    assert_int_equal(atomic_load(&lookups), 0);
    assert_int_not_equal(amphi_rollout_refresh(f.client, NULL), AMPHI_OK);
    assert_int_equal(atomic_load(&lookups), 1);
    amphi_client_free(f.client);
    f.client = client_with_rollout(&f, false);
    (void)flush(f.client);
    assert_true(atomic_load(&lookups) > 1);
    chat_fixture_close(&f);
}

static privacy_outcome ask_cached(
    chat_fixture *f, const char *conversation, amphi_mode mode, bool is_private)
{
    amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("the same question")};
    amphi_chat_request request;
    amphi_stream *stream = NULL;
    amphi_event event;
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.mode = mode;
    request.sampling.temperature = 0;
    request.is_private = is_private;
    request.conversation_id = amphi_str_from(conversation);
    assert_int_equal(amphi_chat_start(&stream, f->client, &request, NULL), AMPHI_OK);
    do {
        assert_int_equal(amphi_stream_next(stream, LONG_MS, &event, NULL), AMPHI_OK);
    } while (!amphi_event_is_terminal(&event));
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    privacy_outcome out = {.kind = event.kind, .privacy = result.privacy};
    amphi__str_copy_to(out.route, sizeof out.route, result.route);
    amphi_stream_free(stream);
    return out;
}

static void cache__an_answer_serves_requests_of_its_own_privacy(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, privacy_answers_secretly, says_hello);
    assert_string_equal(ask_cached(&f, "p", AMPHI_MODE_AUTO, true).route, "local");
    assert_string_equal(ask_cached(&f, "l", AMPHI_MODE_ONLY_LOCAL, false).route, "local");
    assert_string_equal(ask_cached(&f, "n", AMPHI_MODE_PREFER_CLOUD, false).route, "cloud");
    assert_string_equal(ask_cached(&f, "p2", AMPHI_MODE_AUTO, true).route, "cache");
    privacy_outcome o = ask_cached(&f, "l2", AMPHI_MODE_ONLY_LOCAL, false);
    assert_string_equal(o.route, "cache");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_ONLY_LOCAL);
    assert_string_equal(ask_cached(&f, "n2", AMPHI_MODE_PREFER_CLOUD, false).route, "cache");
    /* A hit is as private as its request: the next turn of "p2" stays here. */
    assert_int_equal(
        privacy_ask(&f, "p2", AMPHI_MODE_ONLY_CLOUD, false, "and now?").kind, AMPHI_EVENT_ERROR);
    chat_fixture_close(&f);
}

/* ---- another process adds a private turn between the reading and the sending ---- */

static amphi_store inner;

static amphi_status rows_then_another_turn(void *self, const amphi_store_row_query *query,
    amphi_store_row_fn *visit, void *user, amphi_error *error)
{
    const amphi_store_message messages[] = {
        {.role = AMPHI_STR("user"), .content = AMPHI_STR("SECRET-Q")},
        {.role = AMPHI_STR("assistant"), .content = AMPHI_STR("SECRET-A")}};
    amphi_status status = inner.ops->rows(self, query, visit, user, error);
    amphi_store_turn turn;
    amphi_store_turn_init(&turn);
    turn.conversation_id = query->conversation_id;
    turn.messages = messages;
    turn.messages_count = 2;
    turn.privacy = AMPHI_PRIVACY_PRIVATE;
    assert_int_equal(inner.ops->turn_append(self, &turn, NULL), AMPHI_OK);
    return status;
}

static void reading__what_was_read_is_what_is_sent(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, privacy_answers_secretly, says_hello);
    inner = f.parts.store;
    amphi_store_ops ops = *inner.ops;
    ops.rows = rows_then_another_turn;
    f.parts.store.ops = &ops;
    chat_fixture_start(&f, NULL);
    privacy_outcome o = privacy_ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "first");
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    assert_int_equal(o.privacy, AMPHI_PRIVACY_NONE);
    privacy_expect_cloud_knows_nothing(&f);
    atomic_store(&f.cloud.starts, 0);
    o = privacy_ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "second");
    assert_int_equal(o.kind, AMPHI_EVENT_ERROR);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    f.parts.store.ops = inner.ops;
    chat_fixture_close(&f);
}

/* ---- a store that can't keep them apart ---- */

static void foreign__a_store_without_rows_is_given_no_private_turn(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, privacy_answers_secretly, says_hello);
    inner = f.parts.store;
    amphi_store_ops ops = *inner.ops;
    ops.rows = NULL;
    f.parts.store.ops = &ops;
    chat_fixture_start(&f, NULL);
    privacy_outcome o = privacy_ask(&f, "c", AMPHI_MODE_AUTO, true, "SECRET-Q");
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    privacy_expect_says(o.history_error, "rows");
    o = privacy_ask(&f, "c", AMPHI_MODE_ONLY_LOCAL, false, "SECRET-Q");
    privacy_expect_says(o.history_error, "rows");
    o = privacy_ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "first");
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    privacy_expect_cloud_knows_nothing(&f);
    o = privacy_ask(
        &f, "c", AMPHI_MODE_ONLY_CLOUD, false, "second"); /* its record says that it may */
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    assert_non_null(strstr(f.cloud.last_body, "first"));
    f.parts.store.ops = inner.ops;
    chat_fixture_close(&f);
}

/* As an earlier version left it: no privacy, only the record. */
static void keep_as_before(amphi_store store, const char *id, const char *text, const char *record)
{
    const amphi_store_message messages[] = {
        {.role = AMPHI_STR("user"), .content = amphi_str_from(text)},
        {.role = AMPHI_STR("assistant"),
            .content = amphi_str_from(text),
            .decision_json = amphi_str_from(record)}};
    amphi_store_turn turn;
    amphi_store_turn_init(&turn);
    turn.conversation_id = amphi_str_from(id);
    turn.messages = messages;
    turn.messages_count = 2;
    assert_int_equal(store.ops->turn_append(store.self, &turn, NULL), AMPHI_OK);
}

static void foreign__what_an_earlier_version_left_in_it_is_known_by_its_record(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, privacy_answers_secretly, says_hello);
    inner = f.parts.store;
    amphi_store_ops ops = *inner.ops;
    ops.rows = NULL;
    f.parts.store.ops = &ops;
    chat_fixture_start(&f, PRIVACY_OMIT);
    keep_as_before(inner, "c", "before", "{\"decision\":[]}");
    keep_as_before(inner, "c", "SECRET-Q", "{\"decision\":[{\"reason\":\"private\"}]}");
    keep_as_before(inner, "c", "SECRET-with it in the prompt", "{\"decision\":[]}");
    keep_as_before(inner, "u", "SECRET-unknown", "");
    privacy_outcome o = privacy_ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    assert_int_equal(o.turns_omitted, 2);
    assert_non_null(strstr(f.cloud.last_body, "before"));
    privacy_expect_cloud_knows_nothing(&f);
    o = privacy_ask(&f, "u", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_int_equal(o.turns_omitted, 1);
    privacy_expect_cloud_knows_nothing(&f);
    f.parts.store.ops = inner.ops;
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outbox__what_is_said_privately_later_neither_goes_along_nor_keeps_it),
        cmocka_unit_test(outbox__an_entry_knows_what_was_said_before_it),
        cmocka_unit_test(outbox__what_its_conversation_keeps_here_waits_and_says_why),
        cmocka_unit_test(outbox__a_private_client_answers_what_it_can_behind_what_it_can_not),
        cmocka_unit_test(outbox__a_private_client_delivers_nothing_to_a_cloud),
        cmocka_unit_test(rollout__a_private_client_looks_up_only_when_called_to),
        cmocka_unit_test(cache__an_answer_serves_requests_of_its_own_privacy),
        cmocka_unit_test(reading__what_was_read_is_what_is_sent),
        cmocka_unit_test(foreign__a_store_without_rows_is_given_no_private_turn),
        cmocka_unit_test(foreign__what_an_earlier_version_left_in_it_is_known_by_its_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
