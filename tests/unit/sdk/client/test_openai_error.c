/* SPDX-License-Identifier: Apache-2.0
 *
 * A failure's HTTP status, type and code are those by which OpenAI's packages choose an exception.
 */
#include "sdk/client/openai_error.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"

#include <amphi/chat.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct answer {
    amphi_json *root;
    uint32_t http_status;
    bool try_again;
} answer;

static amphi_str member(const answer *a, const char *name)
{
    return amphi__json_string(amphi__json_get(amphi__json_get(a->root, "error"), name));
}

static answer tell(amphi_status status, const char *message, uint32_t retry_after_ms,
    const amphi_provider_error *provider)
{
    answer a = {.root = NULL};
    amphi_error failure;
    char *json = NULL;
    amphi__fail(&failure, status, 0, "%s", message);
    failure.retry_after_ms = retry_after_ms;
    assert_int_equal(
        amphi_error_json(&json, &a.http_status, &a.try_again, &failure, provider, NULL), AMPHI_OK);
    assert_int_equal(amphi__json_parse(&a.root, amphi_str_from(json), "error", NULL), AMPHI_OK);
    amphi_string_free(json);
    return a;
}

static void expect(amphi_status status, const amphi_provider_error *provider, uint32_t http_status,
    const char *type, const char *code, bool try_again)
{
    answer a = tell(status, "in words", 0, provider);
    assert_int_equal(a.http_status, http_status);
    assert_true(amphi__str_equal_c(member(&a, "type"), type));
    assert_true(amphi__str_equal_c(member(&a, "code"), code));
    assert_int_equal(a.try_again, try_again);
    amphi__json_free(a.root);
}

static void error__statuses_types_and_codes_are_openais(void **state)
{
    static const char request[] = "invalid_request_error";
    expect(AMPHI_E_ARGUMENT, NULL, 400, request, "argument", false);
    expect(AMPHI_E_CONTEXT_LENGTH, NULL, 400, request, "context_length_exceeded", false);
    expect(AMPHI_E_CONTENT_FILTER, NULL, 400, request, "content_filter", false);
    expect(AMPHI_E_AUTH, NULL, 401, request, "invalid_api_key", false);
    expect(AMPHI_E_REFUSED, NULL, 403, request, "refused", false);
    expect(AMPHI_E_NOT_FOUND, NULL, 404, request, "not_found", false);
    expect(AMPHI_E_RATE_LIMITED, NULL, 429, "rate_limit_error", "rate_limit_exceeded", true);
    expect(AMPHI_E_BACKGROUND, NULL, 503, "server_error", "background", false);
    expect(AMPHI_E_QUOTA, NULL, 429, "insufficient_quota", "insufficient_quota", false);
    expect(AMPHI_E_BUSY, NULL, 503, "server_error", "busy", true);
    expect(AMPHI_E_OFFLINE, NULL, 503, "server_error", "offline", false);
    expect(AMPHI_E_TIMEOUT, NULL, 504, "server_error", "timeout", false);
    expect(AMPHI_E_NETWORK, NULL, 502, "server_error", "network", false);
    expect(AMPHI_E_INTERNAL, NULL, 500, "server_error", "internal", false);
}

static void error__a_providers_words_come_first_but_what_has_one_code_keeps_it(void **state)
{
    amphi_provider_error said = {.http_status = 404,
        .type = "their_type",
        .code = "model_not_found",
        .param = "model",
        .message = "The model `m` does not exist"};
    answer a = tell(AMPHI_E_REQUEST, "the provider refused the request", 0, &said);
    assert_int_equal(a.http_status, 404);
    assert_true(amphi__str_equal_c(member(&a, "message"), said.message));
    assert_true(amphi__str_equal_c(member(&a, "param"), "model"));
    amphi__json_free(a.root);
    expect(AMPHI_E_REQUEST, &said, 404, "their_type", "model_not_found", false);
    said.http_status = 402;
    expect(AMPHI_E_QUOTA, &said, 429, "insufficient_quota", "insufficient_quota", false);
    said.http_status = 400;
    expect(AMPHI_E_CONTEXT_LENGTH, &said, 400, "their_type", "context_length_exceeded", false);
    said.http_status = 403;
    expect(AMPHI_E_AUTH, &said, 403, "their_type", "model_not_found", false);
    said.http_status = 401; /* not the caller's own key: it is the request that was refused */
    expect(AMPHI_E_REQUEST, &said, 400, "their_type", "model_not_found", false);
    said.http_status = 503;
    expect(AMPHI_E_PROVIDER, &said, 503, "their_type", "model_not_found", false);
    said.http_status = 500;
    expect(AMPHI_E_PROVIDER, &said, 502, "their_type", "model_not_found", false);
}

static void error__a_long_pause_is_not_waited_for(void **state)
{
    static const uint32_t pauses_ms[] = {0, 60000, 60001};
    for (size_t i = 0; i < 3; i++) {
        answer a = tell(AMPHI_E_RATE_LIMITED, "later", pauses_ms[i], NULL);
        assert_int_equal(a.try_again, i < 2);
        amphi__json_free(a.root);
    }
}

static void error__the_fields_name_is_its_param(void **state)
{
    answer a = tell(AMPHI_E_ARGUMENT, "messages[0].role: one of ...", 0, NULL);
    assert_true(amphi__str_equal_c(member(&a, "param"), "messages[0].role"));
    amphi__json_free(a.root);
    a = tell(AMPHI_E_NETWORK, "connect: refused", 0, NULL);
    assert_int_equal(amphi__json_kind(amphi__json_get(amphi__json_get(a.root, "error"), "param")),
        AMPHI_JSON_NULL);
    amphi__json_free(a.root);
}

static void error__every_allocation_may_fail(void **state)
{
    amphi_error failure;
    amphi_status status;
    size_t n = 1;
    amphi__fail(&failure, AMPHI_E_BUSY, 0, "busy");
    assert_int_equal(amphi_error_json(NULL, NULL, NULL, &failure, NULL, NULL), AMPHI_E_ARGUMENT);
    failing_alloc_install();
    do {
        char *json = NULL;
        failing_alloc_at(n++);
        status = amphi_error_json(&json, NULL, NULL, &failure, NULL, NULL);
        failing_alloc_at(0);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        assert_int_equal(json != NULL, status == AMPHI_OK);
        amphi_string_free(json);
        assert_int_equal(failing_alloc_live(), 0);
    } while (status != AMPHI_OK);
    failing_alloc_remove();
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error__statuses_types_and_codes_are_openais),
        cmocka_unit_test(error__a_providers_words_come_first_but_what_has_one_code_keeps_it),
        cmocka_unit_test(error__a_long_pause_is_not_waited_for),
        cmocka_unit_test(error__the_fields_name_is_its_param),
        cmocka_unit_test(error__every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
