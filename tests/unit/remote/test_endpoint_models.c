/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking an endpoint for its models, over a transport that the test plays itself: what is sent,
 * what becomes of each answer, and what happens when memory runs out at any point.
 */
#include "remote/remote.h"
#include "sdk/core/buf.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "tests/support/answering_http.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- The endpoint ---------------------------------------------------------------------------- */

static const answering_http_reply *replies; /* one for each exchange */
static char asked[512];                     /* the last request: method, URL, headers */

static answering_http_reply reply_next(const amphi_http_request *request)
{
    size_t at = (size_t)snprintf(asked, sizeof asked, "%.*s %.*s\n", (int)request->method.size,
        request->method.data, (int)request->url.size, request->url.data);
    for (size_t i = 0; i < request->headers_count && at < sizeof asked; i++)
        at += (size_t)snprintf(asked + at, sizeof asked - at, "%.*s: %.*s\n",
            (int)request->headers[i].name.size, request->headers[i].name.data,
            (int)request->headers[i].value.size, request->headers[i].value.data);
    return *replies++;
}

static answering_http http = {.answer = reply_next};

/* ---- The app: a new token each time, and a signature ----------------------------------------- */

static unsigned tokens;
static bool is_same;           /* its tokens never change */
static char token_is_for[128]; /* the URL */

static amphi_status app_token(
    void *self, const amphi_token_request *request, amphi_token *out, amphi_error *error)
{
    tokens++;
    amphi__str_copy_to(token_is_for, sizeof token_is_for, request->url);
    snprintf(out->value, sizeof out->value, "token-%u", is_same ? 1 : tokens);
    out->expires_ms = amphi__clock_wall_ms(NULL) + 3600000;
    return AMPHI_OK;
}

static amphi_status app_sign(void *self, const amphi_sign_request *request,
    amphi_add_header_fn *add, void *user, amphi_error *error)
{
    return add(user, AMPHI_STR("X-Signature"), AMPHI_STR("signed"));
}

static const amphi_keys_ops app_ops = {
    .struct_size = sizeof app_ops, .name = "app", .api_token = app_token, .sign = app_sign};

/* ---- Asking ---------------------------------------------------------------------------------- */

#define LIST    "{\"data\":[{\"id\":\"m-1\"},{\"id\":7},{},{\"id\":\"m-2\"}]}"
#define REFUSAL "{\"error\":{\"message\":\"Incorrect key: token-1\",\"code\":\"invalid_api_key\"}}"

static char models[64]; /* "m-1 m-2 " */
static amphi_provider_error said;
static amphi_error error;

static void note_model(void *user, amphi_str model)
{
    size_t used = strlen(models);
    snprintf(models + used, sizeof models - used, "%.*s ", (int)model.size, model.data);
}

/* A whole life of an endpoint at this URL. */
static amphi_status list_at(const char *url, const answering_http_reply *given)
{
    amphi_engine engine;
    amphi_remote_options options;
    memset(&options, 0, sizeof options);
    memset(&said, 0, sizeof said);
    memset(&error, 0, sizeof error);
    replies = given;
    tokens = 0;
    atomic_store(&http.starts, 0);
    atomic_store(&http.releases, 0);
    models[0] = asked[0] = '\0';
    amphi_endpoint_options_init(&options.endpoint);
    options.endpoint.name = AMPHI_STR("cloud");
    options.endpoint.url = amphi_str_from(url);
    options.http = answering_http_value(&http);
    options.keys = (amphi_keys){&app_ops, NULL};
    amphi_status status = amphi__remote_engine_new(&engine, &options, &error);
    if (status != AMPHI_OK)
        return status;
    status = engine.ops->list_models(engine.self, 1000, note_model, NULL, &said, &error);
    engine.ops->free(engine.self);
    assert_int_equal(atomic_load(&http.releases), atomic_load(&http.starts));
    assert_int_equal(status, error.status);
    return status;
}

static amphi_status list(const answering_http_reply *given)
{
    is_same = false;
    return list_at("https://api.example.com/v1", given);
}

static void models__are_asked_for_beside_the_chat_url_with_its_credentials(void **state)
{
    static const answering_http_reply given[] = {{200, LIST}};
    assert_int_equal(list(given), AMPHI_OK);
    assert_string_equal(models, "m-1 m-2 ");
    assert_non_null(strstr(asked, "GET https://api.example.com/v1/models\n"));
    assert_non_null(strstr(asked, "Authorization: Bearer token-1\n"));
    assert_non_null(strstr(asked, "X-Signature: signed\n"));
    assert_string_equal(token_is_for, "https://api.example.com/v1/models");
    assert_int_equal(list_at("https://api.example.com/v1/chat/completions?v=1", given), AMPHI_OK);
    assert_non_null(strstr(asked, "GET https://api.example.com/v1/models?v=1\n"));
}

static void models__list_of_any_known_shape_is_read_and_no_other(void **state)
{
    static const struct {
        answering_http_reply given;
        amphi_status status;
        const char *models;
    } cases[] = {
        {{200, "[{\"id\":\"m-1\"}]"}, AMPHI_OK, "m-1 "},
        {{200, "{\"data\":[]}"}, AMPHI_OK, ""},
        {{200, "{\"data\":7}"}, AMPHI_E_PROTOCOL, ""},
        {{200, "{}"}, AMPHI_E_PROTOCOL, ""},
        {{200, "<html>"}, AMPHI_E_PROTOCOL, ""},
        {{200, ""}, AMPHI_E_PROTOCOL, ""},
        {{0, NULL}, AMPHI_E_NETWORK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (list(&cases[i].given) != cases[i].status)
            fail_msg("%zu: %s", i, error.message);
        assert_string_equal(models, cases[i].models);
        assert_int_equal(atomic_load(&http.starts), 1);
    }
}

static void models__refusal_is_in_the_providers_words_without_the_key(void **state)
{
    static const answering_http_reply given[] = {{403, REFUSAL}};
    assert_int_equal(list(given), AMPHI_E_AUTH);
    assert_int_equal(error.native_code, 403);
    assert_string_equal(said.message, "Incorrect key: [key]");
    assert_string_equal(said.code, "invalid_api_key");
    assert_string_equal(said.request_id, "req_42");
    assert_int_equal(atomic_load(&http.starts), 1);
}

static void models__are_asked_for_once_more_with_a_new_token_after_a_401(void **state)
{
    static const answering_http_reply given[] = {{401, REFUSAL}, {200, LIST}, {200, LIST}};
    static const answering_http_reply never[] = {{401, REFUSAL}, {401, REFUSAL}, {200, LIST}};
    assert_int_equal(list(given), AMPHI_OK);
    assert_int_equal(atomic_load(&http.starts), 2);
    assert_string_equal(models, "m-1 m-2 ");
    assert_non_null(strstr(asked, "Authorization: Bearer token-2\n"));
    assert_int_equal(list(never), AMPHI_E_AUTH);
    assert_int_equal(atomic_load(&http.starts), 2);
    is_same = true;
    assert_int_equal(list_at("https://api.example.com/v1", never), AMPHI_E_AUTH);
    assert_int_equal(atomic_load(&http.starts), 1);
}

/* Each ends as it would with memory, or with AMPHI_E_NO_MEMORY. */
static void memory__every_failing_allocation_is_an_error_and_leaks_nothing(void **state)
{
    static const struct {
        answering_http_reply given[2];
        amphi_status status;
    } cases[] = {
        {{{200, LIST}}, AMPHI_OK},
        {{{401, REFUSAL}, {200, LIST}}, AMPHI_OK},
        {{{403, REFUSAL}}, AMPHI_E_AUTH},
        {{{200, "<html>"}}, AMPHI_E_PROTOCOL},
    };
    failing_alloc_install();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_status status;
        size_t n = 0;
        do {
            failing_alloc_at(++n);
            status = list(cases[i].given);
            if (status != cases[i].status && status != AMPHI_E_NO_MEMORY)
                fail_msg("%zu, allocation %zu: %s", i, n, error.message);
            if (status == AMPHI_E_NO_MEMORY)
                assert_non_null(strstr(error.message, "memory"));
            assert_int_equal(failing_alloc_live(), 0);
        } while (failing_alloc_failed());
        assert_int_equal(status, cases[i].status);
        assert_true(n > 12); /* it did fail many times before */
        print_message("%zu: %zu allocations\n", i, n - 1);
    }
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models__are_asked_for_beside_the_chat_url_with_its_credentials),
        cmocka_unit_test(models__list_of_any_known_shape_is_read_and_no_other),
        cmocka_unit_test(models__refusal_is_in_the_providers_words_without_the_key),
        cmocka_unit_test(models__are_asked_for_once_more_with_a_new_token_after_a_401),
        cmocka_unit_test(memory__every_failing_allocation_is_an_error_and_leaks_nothing),
    };
    return cmocka_run_group_tests_name("unit.remote.endpoint_models", tests, NULL, NULL);
}
