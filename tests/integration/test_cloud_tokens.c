/* SPDX-License-Identifier: Apache-2.0
 *
 * An app that ships no key: its token callback and its signatures, through the whole client and
 * over real sockets and TLS. Tokens are renewed after a 401 and before they expire; callbacks that
 * fail, take long, or are wanted by several requests at once; what is signed is what arrives; and a
 * token is in no line of the log, no error, no record and no file.
 */
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"
#include "tests/support/cloud_app.h"
#include "tests/support/scratch_dir.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SECRET "Q7fz" /* in every token */

enum { AT_ONCE = 6, WAIT_S_MAX = 20 };

static atomic_uint leaking_lines; /* log lines with a token in them */
static atomic_uint said;

/* The app's side. What is not atomic is written before a request and read after it. */
typedef struct app {
    scratch_dir dir;
    amphi_client *client;
    const char *header; /* of its tokens; NULL: a bearer's */
    int64_t life_ms;
    amphi_status fails; /* instead of giving a token */
    atomic_uint tokens;
    atomic_uint renewed; /* of them, because the last was refused */
    atomic_uint inside;  /* callbacks for tokens under way */
    atomic_uint inside_max;
    atomic_bool holds; /* those for endpoint "a" wait */
    atomic_bool is_held;
    bool signs;
    char signed_url[256];
    char signed_method[8];
    char signed_hash[72];
    size_t signed_body_size;
} app;

static void pause_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static amphi_status app_token(
    void *self, const amphi_token_request *request, amphi_token *out, amphi_error *error)
{
    app *a = self;
    unsigned inside = atomic_fetch_add(&a->inside, 1) + 1;
    if (inside > atomic_load(&a->inside_max))
        atomic_store(&a->inside_max, inside);
    bool is_first = amphi__str_equal_c(request->endpoint, "a");
    for (int i = 0; i < WAIT_S_MAX * 100 && is_first && atomic_load(&a->holds); i++) {
        atomic_store(&a->is_held, true);
        pause_ms(10);
    }
    if (a->fails == AMPHI_OK) {
        unsigned number = atomic_fetch_add(&a->tokens, 1) + 1;
        atomic_fetch_add(&a->renewed, request->renew ? 1 : 0);
        if (a->header != NULL)
            snprintf(out->header, sizeof out->header, "%s", a->header);
        snprintf(out->value, sizeof out->value, "tok-%u-" SECRET, number);
        out->expires_ms = (int64_t)time(NULL) * 1000 + a->life_ms;
    }
    atomic_fetch_sub(&a->inside, 1);
    return a->fails == AMPHI_OK ? AMPHI_OK
                                : amphi__fail(error, a->fails, 0, "the attestation was refused");
}

static amphi_status app_sign(void *self, const amphi_sign_request *request,
    amphi_add_header_fn *add, void *user, amphi_error *error)
{
    app *a = self;
    char signature[128];
    if (!a->signs)
        return AMPHI_OK;
    amphi__str_copy_to(a->signed_url, sizeof a->signed_url, request->url);
    amphi__str_copy_to(a->signed_method, sizeof a->signed_method, request->method);
    memcpy(a->signed_hash, request->body_sha256, sizeof a->signed_hash);
    a->signed_body_size = request->body.size;
    snprintf(signature, sizeof signature, "%s/%s", a->signed_method, request->body_sha256);
    return add(user, AMPHI_STR("X-Signature"), amphi_str_from(signature));
}

static amphi_status app_store_key(
    void *self, uint8_t out[AMPHI_STORE_KEY_BYTES], bool *created, amphi_error *error)
{
    memset(out, 7, AMPHI_STORE_KEY_BYTES);
    *created = false;
    return AMPHI_OK;
}

static const amphi_keys_ops app_ops = {.struct_size = sizeof app_ops,
    .name = "app",
    .store_key = app_store_key,
    .api_token = app_token,
    .sign = app_sign};

static void on_log(void *user, int level, amphi_str line)
{
    atomic_fetch_add(&said, 1);
    if (memmem(line.data, line.size, SECRET, sizeof SECRET - 1) != NULL)
        atomic_fetch_add(&leaking_lines, 1);
}

/* Endpoints "a" and "b" at these paths; "b" is asked only by its name. */
static void open_app(app *a, const char *first, const char *second)
{
    char urls[2][CLOUD_URL_MAX];
    amphi_client_options options;
    amphi_endpoint_options endpoints[2];
    amphi_parts parts;
    amphi_test_cloud_reset_counts(&app_cloud);
    scratch_dir_make(&a->dir);
    amphi_parts_init(&parts);
    parts.keys = (amphi_keys){&app_ops, a};
    amphi_client_options_init(&options);
    cloud_app_endpoint(&endpoints[0], urls[0], 0, first);
    cloud_app_endpoint(&endpoints[1], urls[1], 1, second);
    options.data_dir = amphi_str_from(a->dir.path);
    options.model_path = AMPHI_STR("/nowhere/model.gguf");
    options.endpoints = endpoints;
    options.endpoints_count = 2;
    options.log = on_log;
    options.parts = &parts;
    assert_int_equal(amphi_client_new(&a->client, &options, NULL), AMPHI_OK);
}

static void close_app(app *a)
{
    amphi_client_free(a->client);
    assert_int_equal(scratch_files_with(&a->dir, SECRET), 0);
    scratch_dir_remove(&a->dir);
}

static amphi_stream *begin(app *a, const char *route)
{
    amphi_stream *stream;
    amphi_chat_request request;
    char extra[64];
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("How was the harbour?")};
    snprintf(extra, sizeof extra, "{\"model\":\"%s\",\"fallbacks\":[]}", route);
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.mode = AMPHI_MODE_ONLY_CLOUD;
    request.no_cache = request.no_queue = true;
    request.conversation_id = AMPHI_STR("kept");
    request.extra_json = amphi_str_from(extra);
    assert_int_equal(amphi_chat_start(&stream, a->client, &request, NULL), AMPHI_OK);
    return stream;
}

/* To its end; `error` gets what it failed with. */
static amphi_event_kind end(amphi_stream *stream, amphi_error *error)
{
    amphi_event event = {0};
    char *record = NULL;
    memset(error, 0, sizeof *error);
    while (!amphi_event_is_terminal(&event))
        assert_int_equal(amphi_stream_next(stream, 60000, &event, NULL), AMPHI_OK);
    if (event.error != NULL)
        *error = *event.error;
    amphi_event_kind kind = event.kind;
    assert_int_equal(amphi_stream_result_json(stream, &record, NULL), AMPHI_OK);
    assert_null(strstr(record, SECRET)); /* the provider's words are in it, redacted */
    assert_null(strstr(error->message, SECRET));
    amphi_string_free(record);
    amphi_stream_free(stream);
    return kind;
}

static void expect_done(app *a, const char *route)
{
    amphi_error error;
    if (end(begin(a, route), &error) != AMPHI_EVENT_DONE)
        fail_msg("%s", error.message);
}

static amphi_str sent(amphi_json *last, const char *header)
{
    return amphi__json_string(amphi__json_get(amphi__json_get(last, "headers"), header));
}

static void token__is_renewed_once_after_a_401_and_kept_then(void **state)
{
    app a = {.life_ms = 3600000};
    amphi_error error;
    open_app(&a, "token:2", "ok");
    expect_done(&a, "a"); /* the first token is refused, its successor is not */
    assert_int_equal(amphi_test_cloud_attempts(&app_cloud, "token:2"), 2);
    assert_int_equal(atomic_load(&a.renewed), 1);
    expect_done(&a, "a");
    assert_int_equal(amphi_test_cloud_attempts(&app_cloud, "token:2"), 3);
    assert_int_equal(atomic_load(&a.tokens), 2);
    amphi_test_cloud_set(&app_cloud, "token:2", "token:99"); /* none will do */
    assert_int_equal(end(begin(&a, "a"), &error), AMPHI_EVENT_ERROR);
    assert_int_equal(error.status, AMPHI_E_AUTH);
    assert_int_equal(atomic_load(&a.renewed), 2); /* once, not for ever */
    assert_int_equal(amphi_test_cloud_attempts(&app_cloud, "token:2"), 5);
    amphi_test_cloud_set(&app_cloud, "token:2", "token:2");
    close_app(&a);
}

static void token__that_expires_is_renewed_before_the_request(void **state)
{
    app a = {.life_ms = 3600000};
    open_app(&a, "token:1", "ok");
    expect_done(&a, "a");
    expect_done(&a, "a");
    assert_int_equal(atomic_load(&a.tokens), 1);
    close_app(&a);
    app b = {.life_ms = -1000}; /* over when it comes: for this request alone */
    open_app(&b, "token:1", "ok");
    for (unsigned i = 1; i <= 3; i++) {
        expect_done(&b, "a");
        assert_int_equal(atomic_load(&b.tokens), i);
    }
    assert_int_equal(atomic_load(&b.renewed), 0); /* none was refused */
    assert_int_equal(amphi_test_cloud_attempts(&app_cloud, "token:1"), 3);
    close_app(&b);
}

static void token__callback_that_fails_is_the_reason_and_nothing_is_sent(void **state)
{
    app a = {.life_ms = 3600000, .fails = AMPHI_E_KEY};
    amphi_error error;
    open_app(&a, "token:1", "ok");
    assert_int_equal(end(begin(&a, "a"), &error), AMPHI_EVENT_ERROR);
    assert_int_equal(error.status, AMPHI_E_KEY);
    assert_non_null(strstr(error.message, "the attestation was refused"));
    assert_int_equal(amphi_test_cloud_attempts(&app_cloud, "*"), 0);
    a.fails = AMPHI_OK; /* a failure is not kept */
    expect_done(&a, "a");
    close_app(&a);
}

/* One callback at a time for each endpoint, whose token all of them get; none waits for another
 * endpoint's. */
static void token__is_asked_for_once_by_many_requests_and_holds_up_no_other_endpoint(void **state)
{
    app a = {.life_ms = 3600000};
    amphi_stream *streams[AT_ONCE];
    amphi_error error;
    open_app(&a, "token:1", "token:1b");
    amphi_test_cloud_set(&app_cloud, "token:1b", "token:1");
    atomic_store(&a.holds, true);
    for (size_t i = 0; i < AT_ONCE; i++)
        streams[i] = begin(&a, "a");
    for (int i = 0; i < WAIT_S_MAX * 100 && !atomic_load(&a.is_held); i++)
        pause_ms(10);
    assert_true(atomic_load(&a.is_held));
    expect_done(&a, "b"); /* while the callback for "a" is under way */
    assert_true(atomic_load(&a.holds));
    assert_int_equal(amphi_test_cloud_attempts(&app_cloud, "token:1"), 0);
    atomic_store(&a.holds, false);
    for (size_t i = 0; i < AT_ONCE; i++)
        assert_int_equal(end(streams[i], &error), AMPHI_EVENT_DONE);
    assert_int_equal(amphi_test_cloud_attempts(&app_cloud, "token:1"), AT_ONCE);
    assert_int_equal(atomic_load(&a.tokens), 2);     /* one for each endpoint */
    assert_int_equal(atomic_load(&a.inside_max), 2); /* "a" and "b", and never two for "a" */
    close_app(&a);
}

/* A cancelled request waits for a callback under way, and no longer. */
static void token__cancel_during_a_slow_callback_ends_with_it(void **state)
{
    app a = {.life_ms = 3600000};
    amphi_error error;
    open_app(&a, "token:1", "ok");
    atomic_store(&a.holds, true);
    amphi_stream *stream = begin(&a, "a");
    for (int i = 0; i < WAIT_S_MAX * 100 && !atomic_load(&a.is_held); i++)
        pause_ms(10);
    amphi_stream_cancel(stream);
    atomic_store(&a.holds, false);
    assert_int_equal(end(stream, &error), AMPHI_EVENT_ERROR);
    assert_int_equal(error.status, AMPHI_E_CANCELLED);
    expect_done(&a, "a");
    close_app(&a);
}

static void signature__covers_what_arrives_beside_an_app_check_header(void **state)
{
    app a = {.life_ms = 3600000, .header = "X-Firebase-AppCheck", .signs = true};
    char url[256];
    char hash[72];
    char signature[128];
    uint8_t digest[32];
    open_app(&a, "token:2", "ok");
    expect_done(&a, "a");
    amphi_test_cloud_url(&app_cloud, url, sizeof url, "main", "token:2");
    snprintf(url + strlen(url), sizeof url - strlen(url), "/chat/completions");
    amphi_json *last = amphi_test_cloud_last(&app_cloud, "token:2");
    amphi_str body = amphi__json_string(amphi__json_get(last, "body"));
    assert_true(amphi__str_equal_c(sent(last, "x-firebase-appcheck"), "tok-2-" SECRET));
    assert_int_equal(sent(last, "authorization").size, 0);
    assert_int_equal(amphi__sha256(body, digest), AMPHI_OK);
    amphi__hex(hash, digest, sizeof digest);
    snprintf(signature, sizeof signature, "POST/%s", hash);
    assert_true(amphi__str_equal_c(sent(last, "x-signature"), signature));
    assert_string_equal(a.signed_url, url);
    assert_string_equal(a.signed_method, "POST");
    assert_string_equal(a.signed_hash, hash);
    assert_int_equal(a.signed_body_size, body.size);
    amphi__json_free(last);
    close_app(&a);
}

static void token__was_in_no_line_of_the_log(void **state)
{
    assert_true(atomic_load(&said) > 0);
    assert_int_equal(atomic_load(&leaking_lines), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token__is_renewed_once_after_a_401_and_kept_then),
        cmocka_unit_test(token__that_expires_is_renewed_before_the_request),
        cmocka_unit_test(token__callback_that_fails_is_the_reason_and_nothing_is_sent),
        cmocka_unit_test(token__is_asked_for_once_by_many_requests_and_holds_up_no_other_endpoint),
        cmocka_unit_test(token__cancel_during_a_slow_callback_ends_with_it),
        cmocka_unit_test(signature__covers_what_arrives_beside_an_app_check_header),
        cmocka_unit_test(token__was_in_no_line_of_the_log),
    };
    return cmocka_run_group_tests_name(
        "integration.cloud_tokens", tests, cloud_app_set_up, cloud_app_tear_down);
}
