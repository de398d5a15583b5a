/* SPDX-License-Identifier: Apache-2.0
 *
 * What was said privately stays on the device, whatever is asked later, by whom, on which path.
 */
#include "sdk/client/privacy.h"

#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"

#include <amphi/rollout.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { LONG_MS = 20000 };

#define OMIT "{\"private_history\":\"omit\"}"

static const scripted_step answers_secretly[] = {
    {SCRIPT_SAY, "SECRET-A", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
static const scripted_step fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
static const scripted_step dies[] = {
    {SCRIPT_SAY, "Hel", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_ENGINE_DIED}};

/* ---- asking ---- */

typedef struct outcome {
    amphi_event_kind kind;
    amphi_privacy privacy;
    uint32_t turns_omitted;
    char route[AMPHI_NAME_MAX];
    char error[160];
    char history_error[160];
    char cloud_why[160]; /* of the decision */
} outcome;

static outcome ask_client(amphi_client *client, const char *conversation, amphi_mode mode,
    bool is_private, const char *text)
{
    amphi_message message = {AMPHI_ROLE_USER, amphi_str_from(text)};
    amphi_chat_request request = chat_fixture_request(mode);
    request.messages = &message;
    request.messages_count = 1;
    request.conversation_id = amphi_str_from(conversation);
    request.is_private = is_private;
    amphi_stream *stream = NULL;
    amphi_event event;
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_chat_start(&stream, client, &request, NULL), AMPHI_OK);
    do {
        assert_int_equal(amphi_stream_next(stream, LONG_MS, &event, NULL), AMPHI_OK);
    } while (!amphi_event_is_terminal(&event));
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    outcome out = {.kind = event.kind, .privacy = result.privacy};
    out.turns_omitted = result.turns_omitted;
    amphi__str_copy_to(out.route, sizeof out.route, result.route);
    if (result.error != NULL)
        amphi__str_copy_to(out.error, sizeof out.error, amphi_str_from(result.error->message));
    if (result.history_error != NULL)
        amphi__str_copy_to(out.history_error, sizeof out.history_error,
            amphi_str_from(result.history_error->message));
    for (size_t i = 0; i < result.decision->routes_count; i++)
        if (strcmp(result.decision->routes[i].route, "cloud") == 0)
            amphi__str_copy_to(out.cloud_why, sizeof out.cloud_why,
                amphi_str_from(result.decision->routes[i].why));
    amphi_stream_free(stream);
    return out;
}

static outcome ask(
    chat_fixture *f, const char *conversation, amphi_mode mode, bool is_private, const char *text)
{
    return ask_client(f->client, conversation, mode, is_private, text);
}

static void expect_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static void expect_cloud_knows_nothing(const chat_fixture *f)
{
    assert_null(strstr(f->cloud.last_body, "SECRET"));
    assert_null(strstr(f->cloud.last_prefix, "SECRET"));
}

/* A conversation "c" with one private turn, and one that is not before it. */
static void open_with_secret(chat_fixture *f, const char *policy)
{
    chat_fixture_open_with(f, answers_secretly, says_hello, policy);
    assert_int_equal(ask(f, "c", AMPHI_MODE_ONLY_CLOUD, false, "first").kind, AMPHI_EVENT_DONE);
    outcome o = ask(f, "c", AMPHI_MODE_AUTO, true, "SECRET-Q");
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    assert_int_equal(o.privacy, AMPHI_PRIVACY_PRIVATE);
    assert_string_equal(o.route, "local");
    atomic_store(&f->cloud.starts, 0);
}

/* ---- private_history: local ---- */

static void local__only_cloud_is_refused_with_both_ways_out(void **state)
{
    chat_fixture f;
    open_with_secret(&f, NULL);
    outcome o = ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_int_equal(o.kind, AMPHI_EVENT_ERROR);
    expect_says(o.error, "private turns");
    expect_says(o.error, "another mode");
    expect_says(o.error, "private_history to \"omit\"");
    assert_null(strchr(o.error, '\n'));
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

static void local__every_other_mode_stays_here_and_says_why(void **state)
{
    static const amphi_mode modes[] = {AMPHI_MODE_AUTO, AMPHI_MODE_PREFER_LOCAL,
        AMPHI_MODE_PREFER_CLOUD, AMPHI_MODE_ONLY_LOCAL, AMPHI_MODE_DEFAULT};
    chat_fixture f;
    open_with_secret(&f, NULL);
    for (size_t i = 0; i < 5; i++) {
        outcome o = ask(&f, "c", modes[i], false, "and now?");
        assert_int_equal(o.kind, AMPHI_EVENT_DONE);
        assert_string_equal(o.route, "local");
        assert_int_equal(o.privacy, AMPHI_PRIVACY_PRIVATE); /* it has them in its prompt */
        assert_non_null(strstr(f.local.last_body, "SECRET-Q"));
        if (modes[i] != AMPHI_MODE_ONLY_LOCAL)
            expect_says(o.cloud_why, "private_history is \"local\"");
    }
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    outcome o = ask(&f, "d", AMPHI_MODE_PREFER_CLOUD, false, "another conversation");
    assert_string_equal(o.route, "cloud");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_NONE);
    chat_fixture_close(&f);
}

static void local__no_takeover_no_hedge_no_outbox(void **state)
{
    chat_fixture f;
    open_with_secret(&f, "{\"cloud\":{\"hedge_ms\":1}}");
    f.local.script = dies;
    outcome o = ask(&f, "c", AMPHI_MODE_PREFER_LOCAL, false, "and now?");
    assert_int_equal(o.kind, AMPHI_EVENT_ERROR); /* not QUEUED */
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

static void local__only_local_turns_bind_as_well_unless_the_policy_sends_them(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, answers_secretly, says_hello);
    outcome o = ask(&f, "c", AMPHI_MODE_ONLY_LOCAL, false, "SECRET-Q");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_ONLY_LOCAL);
    o = ask(&f, "c", AMPHI_MODE_PREFER_CLOUD, false, "and now?");
    assert_string_equal(o.route, "local");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_ONLY_LOCAL);
    expect_says(o.cloud_why, "only_local_history is \"as_private\"");
    o = ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    expect_says(o.error, "only_local turns");
    assert_int_equal(atomic_load(&f.cloud.starts), 0);

    amphi_client *sending = chat_fixture_client(&f, "{\"only_local_history\":\"send\"}");
    o = ask_client(sending, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_string_equal(o.route, "cloud");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_ONLY_LOCAL); /* it still had them in its prompt */
    assert_non_null(strstr(f.cloud.last_body, "SECRET-Q"));
    o = ask_client(sending, "p", AMPHI_MODE_AUTO, true, "SECRET-P");
    o = ask_client(sending, "p", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_int_equal(o.kind, AMPHI_EVENT_ERROR); /* private ones are private */
    amphi_client_free(sending);
    chat_fixture_close(&f);
}

/* The policy's own mode makes a turn only_local too: a later policy must not send or queue it. */
static void local__the_policys_mode_counts_as_the_requests(void **state)
{
    chat_fixture f;
    chat_fixture_open_with(&f, answers_secretly, says_hello, "{\"mode\":\"only_local\"}");
    outcome o = ask(&f, "c", AMPHI_MODE_DEFAULT, false, "SECRET-Q");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_ONLY_LOCAL);
    f.local.script = fails;
    o = ask(&f, "q", AMPHI_MODE_DEFAULT, false, "SECRET-Q");
    assert_int_equal(o.kind, AMPHI_EVENT_ERROR); /* not QUEUED */
    amphi_client *later = chat_fixture_client(&f, NULL);
    o = ask_client(later, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_int_equal(o.kind, AMPHI_EVENT_ERROR);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    amphi_client_free(later);
    chat_fixture_close(&f);
}

/* ---- private_history: omit ---- */

static void omit__the_turns_are_left_out_for_every_route(void **state)
{
    chat_fixture f;
    open_with_secret(&f, OMIT);
    outcome o = ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_string_equal(o.route, "cloud");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_NONE);
    assert_int_equal(o.turns_omitted, 1);
    expect_says(o.cloud_why, "1 private turn left out");
    assert_non_null(strstr(f.cloud.last_body, "first"));
    expect_cloud_knows_nothing(&f);
    f.local.script = says_hello;
    o = ask(&f, "c", AMPHI_MODE_PREFER_LOCAL, false, "and now?");
    assert_string_equal(o.route, "local");
    assert_null(strstr(f.local.last_body, "SECRET")); /* a cloud may have to continue it */
    chat_fixture_close(&f);
}

static void omit__a_takeover_brings_nothing_along(void **state)
{
    chat_fixture f;
    open_with_secret(&f, OMIT);
    f.local.script = dies;
    f.cloud.script = continues_hello;
    outcome o = ask(&f, "c", AMPHI_MODE_PREFER_LOCAL, false, "and now?");
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    assert_string_equal(o.route, "cloud");
    assert_string_equal(f.cloud.last_prefix, "Hel");
    expect_cloud_knows_nothing(&f);
    chat_fixture_close(&f);
}

/* What stays here by itself may know everything, and is as private as that. */
static void omit__a_request_that_stays_here_has_the_whole_conversation(void **state)
{
    chat_fixture f;
    open_with_secret(&f, OMIT);
    outcome o = ask(&f, "c", AMPHI_MODE_AUTO, true, "and?");
    assert_non_null(strstr(f.local.last_body, "SECRET-Q"));
    assert_int_equal(o.turns_omitted, 0);
    o = ask(&f, "c", AMPHI_MODE_ONLY_LOCAL, false, "and?");
    assert_non_null(strstr(f.local.last_body, "SECRET-Q"));
    assert_int_equal(o.privacy, AMPHI_PRIVACY_PRIVATE);
    o = ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_int_equal(o.turns_omitted, 3);
    expect_says(o.cloud_why, "3 private turns left out");
    expect_cloud_knows_nothing(&f);
    chat_fixture_close(&f);
}

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
        ask(f, conversation, AMPHI_MODE_ONLY_CLOUD, false, text).kind, AMPHI_EVENT_QUEUED);
}

static void outbox__an_entry_is_judged_again_when_it_is_delivered(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, answers_secretly, says_hello);
    queue(&f, "c", "first, queued");
    queue(&f, "d", "of another conversation");
    (void)ask(&f, "c", AMPHI_MODE_AUTO, true, "SECRET-Q");
    set_network(f.client, "{\"network\":\"free\"}");
    assert_int_equal(flush(f.client), 1); /* only_cloud, and now the conversation forbids it */
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    assert_non_null(strstr(f.cloud.last_body, "of another"));
    amphi_client_free(f.client);
    chat_fixture_start(&f, OMIT);
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
    assert_int_equal(flush(own), 1);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    amphi_client_free(own);
    set_network(f.client, "{\"network\":\"free\"}");
    assert_int_equal(flush(f.client), 0); /* it was not put off for the others */
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
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

static outcome ask_cached(
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
    outcome out = {.kind = event.kind, .privacy = result.privacy};
    amphi__str_copy_to(out.route, sizeof out.route, result.route);
    amphi_stream_free(stream);
    return out;
}

static void cache__an_answer_serves_requests_of_its_own_privacy(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, answers_secretly, says_hello);
    assert_string_equal(ask_cached(&f, "p", AMPHI_MODE_AUTO, true).route, "local");
    assert_string_equal(ask_cached(&f, "l", AMPHI_MODE_ONLY_LOCAL, false).route, "local");
    assert_string_equal(ask_cached(&f, "n", AMPHI_MODE_PREFER_CLOUD, false).route, "cloud");
    assert_string_equal(ask_cached(&f, "p2", AMPHI_MODE_AUTO, true).route, "cache");
    outcome o = ask_cached(&f, "l2", AMPHI_MODE_ONLY_LOCAL, false);
    assert_string_equal(o.route, "cache");
    assert_int_equal(o.privacy, AMPHI_PRIVACY_ONLY_LOCAL);
    assert_string_equal(ask_cached(&f, "n2", AMPHI_MODE_PREFER_CLOUD, false).route, "cache");
    /* A hit is as private as its request: the next turn of "p2" stays here. */
    assert_int_equal(
        ask(&f, "p2", AMPHI_MODE_ONLY_CLOUD, false, "and now?").kind, AMPHI_EVENT_ERROR);
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
    chat_fixture_init(&f, answers_secretly, says_hello);
    inner = f.parts.store;
    amphi_store_ops ops = *inner.ops;
    ops.rows = rows_then_another_turn;
    f.parts.store.ops = &ops;
    chat_fixture_start(&f, NULL);
    outcome o = ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "first");
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    assert_int_equal(o.privacy, AMPHI_PRIVACY_NONE);
    expect_cloud_knows_nothing(&f);
    atomic_store(&f.cloud.starts, 0);
    o = ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "second");
    assert_int_equal(o.kind, AMPHI_EVENT_ERROR);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    f.parts.store.ops = inner.ops;
    chat_fixture_close(&f);
}

/* ---- a store that can't keep them apart ---- */

static void foreign__a_store_without_rows_is_given_no_private_turn(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, answers_secretly, says_hello);
    inner = f.parts.store;
    amphi_store_ops ops = *inner.ops;
    ops.rows = NULL;
    f.parts.store.ops = &ops;
    chat_fixture_start(&f, NULL);
    outcome o = ask(&f, "c", AMPHI_MODE_AUTO, true, "SECRET-Q");
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    expect_says(o.history_error, "rows");
    o = ask(&f, "c", AMPHI_MODE_ONLY_LOCAL, false, "SECRET-Q");
    expect_says(o.history_error, "rows");
    o = ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "first");
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    expect_cloud_knows_nothing(&f);
    o = ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "second"); /* its record says that it may */
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
    chat_fixture_init(&f, answers_secretly, says_hello);
    inner = f.parts.store;
    amphi_store_ops ops = *inner.ops;
    ops.rows = NULL;
    f.parts.store.ops = &ops;
    chat_fixture_start(&f, OMIT);
    keep_as_before(inner, "c", "before", "{\"decision\":[]}");
    keep_as_before(inner, "c", "SECRET-Q", "{\"decision\":[{\"reason\":\"private\"}]}");
    keep_as_before(inner, "c", "SECRET-with it in the prompt", "{\"decision\":[]}");
    keep_as_before(inner, "u", "SECRET-unknown", "");
    outcome o = ask(&f, "c", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    assert_int_equal(o.turns_omitted, 2);
    assert_non_null(strstr(f.cloud.last_body, "before"));
    expect_cloud_knows_nothing(&f);
    o = ask(&f, "u", AMPHI_MODE_ONLY_CLOUD, false, "and now?");
    assert_int_equal(o.turns_omitted, 1);
    expect_cloud_knows_nothing(&f);
    f.parts.store.ops = inner.ops;
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
static void gate__lets_nothing_but_a_local_engine_have_what_stays_here(void **state)
{
    amphi_privacy_ruling ruling = {.stays_here = true};
    amphi_engine_info local = {.kind = AMPHI_ENGINE_LOCAL};
    amphi_engine_info cloud = {.kind = AMPHI_ENGINE_CLOUD};
    amphi_engine_info strange = {.kind = (amphi_engine_kind)77};
    assert_true(amphi__privacy_allows(&ruling, &local));
    assert_false(amphi__privacy_allows(&ruling, &cloud));
    assert_false(amphi__privacy_allows(&ruling, &strange));
    ruling.stays_here = false;
    assert_true(amphi__privacy_allows(&ruling, &cloud));
}

static void explain__says_what_the_conversation_demands(void **state)
{
    chat_fixture f;
    open_with_secret(&f, NULL);
    amphi_client *omitting = chat_fixture_client(&f, OMIT);
    amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("and now?")};
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.messages = &message;
    request.messages_count = 1;
    request.conversation_id = AMPHI_STR("c");
    char *json = NULL;
    assert_int_equal(amphi_route_explain_json(f.client, &request, &json, NULL), AMPHI_OK);
    expect_says(json, "\"privacy\":\"private\",\"turns_omitted\":0");
    expect_says(json, "the conversation holds 1 private turn, and private_history is");
    amphi_string_free(json);
    assert_int_equal(amphi_route_explain_json(omitting, &request, &json, NULL), AMPHI_OK);
    expect_says(json, "\"privacy\":\"none\",\"turns_omitted\":1");
    expect_says(json, "1 private turn left out");
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
        cmocka_unit_test(outbox__an_entry_is_judged_again_when_it_is_delivered),
        cmocka_unit_test(outbox__a_private_client_delivers_nothing_to_a_cloud),
        cmocka_unit_test(rollout__a_private_client_looks_up_only_when_called_to),
        cmocka_unit_test(cache__an_answer_serves_requests_of_its_own_privacy),
        cmocka_unit_test(reading__what_was_read_is_what_is_sent),
        cmocka_unit_test(foreign__a_store_without_rows_is_given_no_private_turn),
        cmocka_unit_test(foreign__what_an_earlier_version_left_in_it_is_known_by_its_record),
        cmocka_unit_test(record__tells_a_private_turn),
        cmocka_unit_test(gate__lets_nothing_but_a_local_engine_have_what_stays_here),
        cmocka_unit_test(explain__says_what_the_conversation_demands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
