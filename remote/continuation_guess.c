/* SPDX-License-Identifier: Apache-2.0
 *
 * Measured or documented: Mistral and DeepSeek's beta address continue a message with "prefix";
 * llama.cpp's server and Amphi itself continue a trailing assistant message; OpenAI, Azure, Gemini,
 * Groq, xAI and DeepSeek's plain address accept one and answer anew.
 */
#include "remote/continuation_guess.h"

#include "remote/url.h"

#include "sdk/core/str.h"

static bool is_host(amphi_str host, const char *name)
{
    amphi_str end = amphi_str_from(name);
    if (!amphi__str_ends_with(host, end))
        return false;
    return host.size == end.size || host.data[host.size - end.size - 1] == '.';
}

amphi_continuation amphi__continuation_guess_from_url(amphi_str text)
{
    static const char *const anew[] = {"api.openai.com", "openai.azure.com",
        "services.ai.azure.com", "generativelanguage.googleapis.com", "aiplatform.googleapis.com",
        "api.groq.com", "api.x.ai", "models.inference.ai.azure.com", "models.github.ai", NULL};
    amphi_url url;
    if (amphi__url_parse(&url, text, NULL) != AMPHI_OK)
        return AMPHI_CONTINUE_AUTO;
    amphi_str host = url.host;
    if (is_host(host, "api.mistral.ai") || is_host(host, "codestral.mistral.ai"))
        return AMPHI_CONTINUE_PREFIX;
    if (is_host(host, "api.deepseek.com"))
        return amphi__str_find(text, AMPHI_STR("/beta")) != SIZE_MAX ? AMPHI_CONTINUE_PREFIX
                                                                     : AMPHI_CONTINUE_INSTRUCT;
    for (size_t i = 0; anew[i] != NULL; i++)
        if (is_host(host, anew[i]))
            return AMPHI_CONTINUE_INSTRUCT;
    return AMPHI_CONTINUE_AUTO;
}

amphi_continuation amphi__continuation_guess_from_headers(
    const amphi_http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!amphi__str_equal_ignore_case(headers[i].name, AMPHI_STR("server")))
            continue;
        if (amphi__str_starts_with(headers[i].value, AMPHI_STR("llama.cpp")) ||
            amphi__str_starts_with(headers[i].value, AMPHI_STR("amphi")))
            return AMPHI_CONTINUE_NATIVE;
        if (amphi__str_starts_with(headers[i].value, AMPHI_STR("vllm")) ||
            amphi__str_starts_with(headers[i].value, AMPHI_STR("sglang")))
            return AMPHI_CONTINUE_VLLM;
    }
    return AMPHI_CONTINUE_AUTO;
}
