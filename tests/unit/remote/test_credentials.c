/* SPDX-License-Identifier: Apache-2.0
 *
 * Who asks: an app's short-lived tokens, kept for as long as they are good and renewed once;
 * headers of an endpoint; signatures. And what no header may be.
 */
#include "remote/credentials.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "tests/support/scratch_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- An app ---------------------------------------------------------------------------------- */

typedef struct app {
    unsigned tokens;  /* handed out */
    unsigned renewed; /* of them because the last was refused */
    int64_t life_ms;  /* of each; 0: it says nothing */
    amphi_status status;
    const char *header;
    const char *value; /* NULL: "token-N" */
    char signed_text[512];
} app;

static int64_t now_ms;

static int64_t app_wall_ms(void *self)
{
    return now_ms;
}

static uint64_t app_us(void *self)
{
    return 1;
}

static const amphi_clock app_clock = {.struct_size = sizeof app_clock,
    .name = "test",
    .monotonic_us = app_us,
    .wall_ms = app_wall_ms,
    .boot_us = app_us};

static amphi_status app_token(
    void *self, const amphi_token_request *request, amphi_token *out, amphi_error *error)
{
    app *a = self;
    if (a->status != AMPHI_OK)
        return amphi__fail(error, a->status, 0, "no network");
    assert_true(amphi__str_equal_c(request->endpoint, "work"));
    assert_true(amphi__str_equal_c(request->url, "https://api.example.com/v1"));
    a->tokens++;
    a->renewed += request->renew;
    if (a->header != NULL)
        snprintf(out->header, sizeof out->header, "%s", a->header);
    if (a->value != NULL)
        snprintf(out->value, sizeof out->value, "%s", a->value);
    else
        snprintf(out->value, sizeof out->value, "token-%u", a->tokens);
    out->expires_ms = a->life_ms > 0 ? now_ms + a->life_ms : 0;
    return AMPHI_OK;
}

static amphi_status app_sign(void *self, const amphi_sign_request *request,
    amphi_add_header_fn *add, void *user, amphi_error *error)
{
    app *a = self;
    snprintf(a->signed_text, sizeof a->signed_text, "%.*s %.*s %zu %.*s %s",
        (int)request->method.size, request->method.data, (int)request->url.size, request->url.data,
        request->headers_count, (int)request->body.size, request->body.data, request->body_sha256);
    assert_int_equal(add(user, AMPHI_STR("Host"), AMPHI_STR("x")), AMPHI_E_ARGUMENT);
    assert_int_equal(add(user, AMPHI_STR("X Sig"), AMPHI_STR("x")), AMPHI_E_ARGUMENT);
    assert_int_equal(add(user, AMPHI_STR("X-Sig"), AMPHI_STR("x\r\nHost: y")), AMPHI_E_ARGUMENT);
    assert_int_equal(add(user, AMPHI_STR("X-Sig"), AMPHI_STR("signed-1234")), AMPHI_OK);
    return a->status == AMPHI_OK ? AMPHI_OK : amphi__fail(error, a->status, 0, "no key store");
}

static const amphi_keys_ops app_ops = {
    .struct_size = sizeof app_ops, .name = "app", .api_token = app_token, .sign = app_sign};

/* ---- Helpers --------------------------------------------------------------------------------- */

static app the_app;
static amphi_token_cache cache;
static amphi_credential_source source;

static int set_up(void **state)
{
    now_ms = 1700000000000;
    memset(&the_app, 0, sizeof the_app);
    source = (amphi_credential_source){.endpoint = "work",
        .url = "https://api.example.com/v1",
        .headers = "",
        .headers_file = "",
        .key_file = "",
        .keys = {&app_ops, &the_app},
        .clock = &app_clock,
        .cache = &cache};
    return amphi__token_cache_init(&cache) == AMPHI_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    amphi__token_cache_clear(&cache);
    return 0;
}

static void expect_lines(const amphi_credentials *refused, const char *lines)
{
    amphi_credentials got;
    amphi_error error;
    amphi__credentials_init(&got);
    if (amphi__credentials_gather(&got, &source, refused, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    assert_string_equal(got.lines.data != NULL ? got.lines.data : "", lines);
    amphi__credentials_wipe(&got);
}

static amphi_status gather_status(char *message, size_t size)
{
    amphi_credentials got;
    amphi_error error;
    amphi__credentials_init(&got);
    amphi_status status = amphi__credentials_gather(&got, &source, NULL, &error);
    snprintf(message, size, "%s", status == AMPHI_OK ? "" : error.message);
    amphi__credentials_wipe(&got);
    return status;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void token__is_kept_until_shortly_before_it_expires(void **state)
{
    the_app.life_ms = 3600000;
    expect_lines(NULL, "Authorization: Bearer token-1\n");
    now_ms += 3600000 - 31000;
    expect_lines(NULL, "Authorization: Bearer token-1\n");
    now_ms += 2000;
    expect_lines(NULL, "Authorization: Bearer token-2\n");
    the_app.life_ms = 10000; /* a tenth of it, not 30 s */
    now_ms += 3600000;
    expect_lines(NULL, "Authorization: Bearer token-3\n");
    now_ms += 8000;
    expect_lines(NULL, "Authorization: Bearer token-3\n");
    now_ms += 1500;
    expect_lines(NULL, "Authorization: Bearer token-4\n");
    assert_int_equal(the_app.renewed, 0);
}

static void token__without_an_end_is_asked_for_each_time_and_has_its_own_header(void **state)
{
    the_app.header = "X-Firebase-AppCheck";
    expect_lines(NULL, "X-Firebase-AppCheck: token-1\n");
    expect_lines(NULL, "X-Firebase-AppCheck: token-2\n");
}

static void token__a_refused_one_is_renewed_once_for_all(void **state)
{
    amphi_credentials first;
    the_app.life_ms = 3600000;
    amphi__credentials_init(&first);
    assert_int_equal(amphi__credentials_gather(&first, &source, NULL, NULL), AMPHI_OK);
    expect_lines(&first, "Authorization: Bearer token-2\n");
    expect_lines(&first, "Authorization: Bearer token-2\n"); /* another request had the first too */
    assert_int_equal(the_app.renewed, 1);
    amphi__credentials_wipe(&first);
}

static void token__failures_say_whose_they_are(void **state)
{
    char message[300];
    the_app.status = AMPHI_E_NETWORK;
    assert_int_equal(gather_status(message, sizeof message), AMPHI_E_NETWORK);
    assert_string_equal(message, "endpoint work: the app has no token: no network");
    the_app.status = AMPHI_E_NOT_FOUND; /* none for this endpoint: it has no key either */
    expect_lines(NULL, "");
    the_app.status = AMPHI_OK;
    static const char *const bad[][2] = {{NULL, ""}, {NULL, "a\nb"}, {"Host", "a"}, {"X Y", "a"}};
    for (size_t i = 0; i < 4; i++) {
        the_app.header = bad[i][0];
        the_app.value = bad[i][1];
        assert_int_equal(gather_status(message, sizeof message), AMPHI_E_FORMAT);
    }
}

static void headers__come_from_options_and_file(void **state)
{
    scratch_dir folder;
    scratch_dir_make(&folder);
    char path[300];
    snprintf(path, sizeof path, "%s", scratch_dir_file(&folder, "headers"));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("X-Proxy-Token: abc-123\r\n\nX-Tier:2\n", file);
    fclose(file);
    the_app.status = AMPHI_E_NOT_FOUND;
    source.headers = "X-Team: blue";
    source.headers_file = path;
    expect_lines(NULL, "X-Team: blue\nX-Proxy-Token: abc-123\nX-Tier: 2\n");
    amphi_credentials got;
    amphi__credentials_init(&got);
    assert_int_equal(amphi__credentials_gather(&got, &source, NULL, NULL), AMPHI_OK);
    assert_string_equal(got.secrets.data, "abc-123\n"); /* the others are words */
    amphi__credentials_wipe(&got);
    char message[300];
    source.headers_file = "/nowhere/headers";
    assert_int_equal(gather_status(message, sizeof message), AMPHI_E_NOT_FOUND);
    scratch_dir_remove(&folder);
}

static void headers__of_the_connection_are_refused(void **state)
{
    static const char *const bad[] = {"Host: x", "connection: close", "Transfer-Encoding: chunked",
        "Content-Length: 3", "Content-Type: text/plain", "TE: x", "Proxy-Authorization: x",
        "Upgrade: x", "X Y: z", "X-Y", ": z", "X-Y: a\x01", "X-Y: \n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        amphi_error error;
        assert_int_equal(
            amphi__credentials_check(amphi_str_from(bad[i]), "endpoint.headers", &error),
            AMPHI_E_ARGUMENT);
        assert_true(strncmp(error.message, "endpoint.headers: ", 18) == 0);
    }
    assert_int_equal(amphi__credentials_check(
                         AMPHI_STR("Authorization: Basic x\nUser-Agent: mine\n\n"), "h", NULL),
        AMPHI_OK);
    amphi_buf many;
    amphi__buf_init(&many, 0);
    for (int i = 0; i < 33; i++)
        amphi__buf_printf(&many, "X-%d: y\n", i);
    assert_int_equal(amphi__credentials_check(amphi__buf_str(&many), "h", NULL), AMPHI_E_LIMIT);
    amphi__buf_clear(&many);
}

static void signature__covers_the_request_and_adds_headers(void **state)
{
    const amphi_http_header headers[] = {{AMPHI_STR("A"), AMPHI_STR("b")}};
    amphi_http_request request;
    amphi_credentials got;
    amphi_error error;
    amphi_http_request_init(&request);
    request.method = AMPHI_STR("POST");
    request.url = AMPHI_STR("https://api.example.com/v1/chat/completions");
    request.headers = headers;
    request.headers_count = 1;
    request.body = AMPHI_STR("abc");
    amphi__credentials_init(&got);
    assert_int_equal(amphi__credentials_sign(&got, &source, &request, &error), AMPHI_OK);
    assert_string_equal(the_app.signed_text,
        "POST https://api.example.com/v1/chat/completions 1 abc "
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(got.lines.data, "X-Sig: signed-1234\n");
    the_app.status = AMPHI_E_KEY;
    assert_int_equal(amphi__credentials_sign(&got, &source, &request, &error), AMPHI_E_KEY);
    assert_string_equal(
        error.message, "endpoint work: the app did not sign the request: no key store");
    amphi__credentials_wipe(&got);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(token__is_kept_until_shortly_before_it_expires),
        TEST(token__without_an_end_is_asked_for_each_time_and_has_its_own_header),
        TEST(token__a_refused_one_is_renewed_once_for_all),
        TEST(token__failures_say_whose_they_are),
        TEST(headers__come_from_options_and_file),
        TEST(headers__of_the_connection_are_refused),
        TEST(signature__covers_the_request_and_adds_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
