/* SPDX-License-Identifier: Apache-2.0
 *
 * What providers' error responses mean, by the error bodies that they document or are known to
 * send; and that nothing of their prose reaches a message.
 */
#include "remote/provider_error.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct sample {
    int http_status;
    const char *body;
    amphi_status status;
    uint32_t retry_after_ms;
} sample;

static const sample samples[] = {
    /* OpenAI */
    {401,
        "{\"error\":{\"message\":\"Incorrect API key provided: sk-abc123.\",\"type\":"
        "\"invalid_request_error\",\"param\":null,\"code\":\"invalid_api_key\"}}",
        AMPHI_E_AUTH, 0},
    {429,
        "{\"error\":{\"message\":\"Rate limit reached for gpt-4o in organization org-x on tokens "
        "per "
        "min (TPM): Limit 30000, Used 29000. Please try again in 1.2s. Visit ...\",\"type\":"
        "\"tokens\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}",
        AMPHI_E_RATE_LIMITED, 1200},
    {429,
        "{\"error\":{\"message\":\"Please try again in 6m0s.\",\"code\":\"rate_limit_exceeded\"}}",
        AMPHI_E_RATE_LIMITED, 360000},
    {429, "{\"error\":{\"message\":\"Please try again in 20ms.\"}}", AMPHI_E_RATE_LIMITED, 20},
    {429,
        "{\"error\":{\"message\":\"You exceeded your current "
        "quota\",\"type\":\"insufficient_quota\","
        "\"code\":\"insufficient_quota\"}}",
        AMPHI_E_QUOTA, 0},
    {400,
        "{\"error\":{\"message\":\"This model's maximum context length is 128000 tokens. However, "
        "your "
        "messages resulted in 200000 tokens.\",\"type\":\"invalid_request_error\",\"param\":"
        "\"messages\",\"code\":\"context_length_exceeded\"}}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {400,
        "{\"error\":{\"message\":\"Unrecognized request argument supplied: foo\",\"type\":"
        "\"invalid_request_error\",\"param\":null,\"code\":null}}",
        AMPHI_E_REQUEST, 0},
    {404, "{\"error\":{\"message\":\"The model `x` does not exist\",\"code\":\"model_not_found\"}}",
        AMPHI_E_REQUEST, 0},
    {500, "{\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\"}}",
        AMPHI_E_PROVIDER, 0},
    {503, "{\"error\":{\"message\":\"The engine is currently overloaded\"}}", AMPHI_E_PROVIDER, 0},
    /* Azure */
    {400,
        "{\"error\":{\"message\":\"The response was filtered "
        "...\",\"type\":null,\"param\":\"prompt\","
        "\"code\":\"content_filter\",\"status\":400,\"innererror\":{\"code\":"
        "\"ResponsibleAIPolicyViolation\"}}}",
        AMPHI_E_CONTENT_FILTER, 0},
    {429,
        "{\"error\":{\"code\":\"429\",\"message\":\"Requests have exceeded the token rate limit. "
        "Please retry after 5 seconds.\"}}",
        AMPHI_E_RATE_LIMITED, 5000},
    /* Google, in its compatibility mode: an array, the delay among the details */
    {429,
        "[{\"error\":{\"code\":429,\"message\":\"Resource has been exhausted\",\"status\":"
        "\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"type.googleapis.com/"
        "google.rpc.QuotaFailure\"},"
        "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"37.5s\"}]}}]",
        AMPHI_E_RATE_LIMITED, 37500},
    {503,
        "[{\"error\":{\"code\":503,\"message\":\"The model is "
        "overloaded.\",\"status\":\"UNAVAILABLE\"}}]",
        AMPHI_E_PROVIDER, 0},
    /* DeepSeek, Qwen, Mistral, vLLM, llama.cpp, OpenRouter, a proxy's web page, nothing at all */
    {402, "{\"error\":{\"message\":\"Insufficient Balance\"}}", AMPHI_E_QUOTA, 0},
    {400,
        "{\"error\":{\"code\":\"data_inspection_failed\",\"message\":\"Input data may contain "
        "...\"}}",
        AMPHI_E_CONTENT_FILTER, 0},
    {400,
        "{\"object\":\"error\",\"message\":\"Prompt contains 40000 tokens, too large for model "
        "with "
        "32768 maximum context length\",\"type\":\"invalid_request_prompt\"}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {400,
        "{\"object\":\"error\",\"message\":\"This model's maximum context length is 4096 tokens.\","
        "\"type\":\"BadRequestError\",\"param\":null,\"code\":400}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {400,
        "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context size\","
        "\"type\":\"exceed_context_size_error\",\"n_ctx\":4096}}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {403,
        "{\"error\":{\"code\":403,\"message\":\"Your chosen model requires moderation and your "
        "input "
        "was flagged\",\"metadata\":{}}}",
        AMPHI_E_CONTENT_FILTER, 0},
    {422, "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\"}]}", AMPHI_E_REQUEST, 0},
    {502, "<html><head><title>502 Bad Gateway</title></head></html>", AMPHI_E_PROVIDER, 0},
    {504, "", AMPHI_E_PROVIDER, 0},
    {529, "", AMPHI_E_PROVIDER, 0},
    {408, "", AMPHI_E_PROVIDER, 0},
    {403, "", AMPHI_E_AUTH, 0},
    {418, "null", AMPHI_E_REQUEST, 0},
    {307, "", AMPHI_E_PROTOCOL, 0},
    {304, "", AMPHI_E_PROTOCOL, 0},
    /* Too long, in the words of Anthropic, Gemini, TGI, xAI, Kimi, Cohere, Qwen, Zhipu, Copilot */
    {400,
        "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"input "
        "length "
        "and `max_tokens` exceed context limit: 190000 + 20000 > 200000\"}}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {400,
        "[{\"error\":{\"code\":400,\"message\":\"The input token count (1200000) exceeds the "
        "maximum "
        "number of tokens allowed (1048576).\",\"status\":\"INVALID_ARGUMENT\"}}]",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {422,
        "{\"error\":\"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8192\","
        "\"error_type\":\"validation\"}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {400,
        "{\"code\":\"Client specified an invalid argument\",\"error\":\"This model's maximum "
        "prompt "
        "length is 131072 but the request contains 537812 tokens.\"}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {400,
        "{\"error\":{\"message\":\"Invalid request: Your request exceeded model token limit: "
        "8192\"}}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {400, "{\"message\":\"too many tokens: size limit exceeded by 1000 tokens.\"}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {400, "{\"error\":{\"message\":\"Range of input length should be [1, 30720]\"}}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {400, "{\"error\":{\"code\":\"1261\",\"message\":\"Prompt exceeds max length\"}}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {400, "{\"error\":{\"message\":\"...\",\"code\":\"model_max_prompt_tokens_exceeded\"}}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    /* Filters of OpenAI's reasoning models, OpenRouter, Zhipu; none, though it is too large */
    {400,
        "{\"error\":{\"message\":\"Invalid prompt: your prompt was flagged as potentially "
        "violating "
        "our usage policy.\",\"code\":\"invalid_prompt\"}}",
        AMPHI_E_CONTENT_FILTER, 0},
    {403, "{\"error\":{\"code\":403,\"message\":\"Your input was flagged\"}}",
        AMPHI_E_CONTENT_FILTER, 0},
    {400,
        "{\"error\":{\"code\":\"1301\",\"message\":"
        "\"\xE5\x8F\xAF\xE8\x83\xBD\xE5\x8C\x85\xE5\x90\xAB"
        "\xE6\x95\x8F\xE6\x84\x9F\xE5\x86\x85\xE5\xAE\xB9\"}}",
        AMPHI_E_CONTENT_FILTER, 0},
    {413, "<html>413 Request Entity Too Large</html>", AMPHI_E_REQUEST, 0},
    /* Inside a stream, under HTTP 200 */
    {200, "{\"error\":{\"message\":\"Overloaded\",\"type\":\"overloaded_error\"}}",
        AMPHI_E_PROVIDER, 0},
    {200, "{\"error\":{\"code\":429,\"message\":\"...\",\"retry_after\":2.5}}",
        AMPHI_E_RATE_LIMITED, 2500},
    {200, "{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"try again in 3s\"}}",
        AMPHI_E_RATE_LIMITED, 3000},
    /* Bedrock's throttling: its text names tokens, as that of a full context does */
    {200, "{\"error\":{\"message\":\"Too many tokens, please wait before trying again.\"}}",
        AMPHI_E_RATE_LIMITED, 0},
    {200, "{\"error\":{\"type\":\"ThrottlingException\",\"message\":\"Too many tokens\"}}",
        AMPHI_E_RATE_LIMITED, 0},
    {200, "{\"error\":\"too many tokens: size limit exceeded by 1000 tokens.\"}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {200, "{\"error\":\"something\"}", AMPHI_E_PROVIDER, 0},
    {200, "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"maximum context length\"}}",
        AMPHI_E_CONTEXT_LENGTH, 0},
    {200, "{\"error\":{\"type\":\"authentication_error\"}}", AMPHI_E_AUTH, 0},
};

static void provider_error__bodies_of_providers_are_understood(void **state)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        amphi_provider_verdict r;
        amphi__provider_error_explain(
            &r, samples[i].http_status, amphi_str_from(samples[i].body), 0, false);
        if (r.error.status != samples[i].status ||
            r.error.retry_after_ms != samples[i].retry_after_ms) {
            print_message(
                "%d %s\n -> %s\n", samples[i].http_status, samples[i].body, r.error.message);
        }
        assert_int_equal(r.error.status, samples[i].status);
        assert_int_equal(r.error.retry_after_ms, samples[i].retry_after_ms);
        assert_int_equal(r.error.native_code, samples[i].http_status);
        assert_false(r.prefix_refused);
    }
}

static void provider_error__message_holds_an_identifier_at_most(void **state)
{
    static const char *const bodies[] = {
        "{\"error\":{\"message\":\"key sk-SECRET1 is bad, prompt 'SECRET2'\",\"code\":\"SECRET3 "
        "x\","
        "\"type\":\"sk-SECRET4\",\"param\":\"SECRET5\"}}",
        "SECRET6",
        "{\"error\":\"SECRET7 \"}",
        "{\"detail\":\"SECRET8\"}",
        "{\"error\":{\"code\":\"SECRET9\"}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        amphi_provider_verdict r;
        amphi__provider_error_explain(&r, 400, amphi_str_from(bodies[i]), 0, false);
        assert_null(strstr(r.error.message, "SECRET"));
    }
    amphi_provider_verdict r;
    amphi__provider_error_explain(
        &r, 400, AMPHI_STR("{\"error\":{\"code\":\"unsupported_value\"}}"), 0, false);
    assert_string_equal(
        r.error.message, "HTTP 400 (unsupported_value): the provider refused the request");
}

static void provider_error__trailing_assistant_message_is_recognized_only_when_one_was_sent(
    void **state)
{
    static const char *const about_prefix[] = {
        "{\"error\":{\"message\":\"Expected last role User or Tool (or Assistant with prefix True) "
        "for "
        "serving but got assistant\",\"type\":\"invalid_request_message_order\"}}",
        "{\"error\":{\"message\":\"This model does not support assistant message prefill. The "
        "conversation must end with a user message.\"}}",
        "{\"error\":{\"message\":\"roles must alternate user/assistant\"}}",
        "{\"error\":{\"message\":\"Bad request\"}}",
        "",
    };
    static const struct {
        int http_status;
        const char *body;
    } about_else[] = {
        {400, "{\"error\":{\"code\":\"model_not_found\",\"message\":\"no such model\"}}"},
        {400, "{\"error\":{\"code\":\"context_length_exceeded\"}}"},
        {400, "{\"error\":{\"code\":\"content_filter\"}}"},
        {404, ""},
        {429, ""},
        {500, "assistant"},
        {401, "assistant"},
    };
    amphi_provider_verdict r;
    for (size_t i = 0; i < sizeof about_prefix / sizeof *about_prefix; i++) {
        amphi__provider_error_explain(&r, 400, amphi_str_from(about_prefix[i]), 0, true);
        assert_true(r.prefix_refused);
        assert_int_equal(r.error.status, AMPHI_E_REQUEST);
        amphi__provider_error_explain(&r, 400, amphi_str_from(about_prefix[i]), 0, false);
        assert_false(r.prefix_refused);
    }
    for (size_t i = 0; i < sizeof about_else / sizeof *about_else; i++) {
        amphi__provider_error_explain(
            &r, about_else[i].http_status, amphi_str_from(about_else[i].body), 0, true);
        assert_false(r.prefix_refused);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(provider_error__bodies_of_providers_are_understood),
        cmocka_unit_test(provider_error__message_holds_an_identifier_at_most),
        cmocka_unit_test(
            provider_error__trailing_assistant_message_is_recognized_only_when_one_was_sent),
    };
    return cmocka_run_group_tests_name("unit.remote.provider_error", tests, NULL, NULL);
}
