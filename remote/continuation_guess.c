/* SPDX-License-Identifier: Apache-2.0
 *
 * Measured or documented: Mistral and DeepSeek's beta address continue a message with "prefix";
 * llama.cpp's server, Ollama, Groq and Amphi itself continue a trailing assistant message; OpenAI,
 * Azure, Gemini, xAI and DeepSeek's plain address accept one and answer anew. Left out is what says
 * nothing: routers (OpenRouter, LiteLLM: the model's name says more), the ports 1234, 4000, 8000
 * and 8080, which several servers share, and servers that the way for unknown ones suits anyway.
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

static bool is_deepseek_beta(amphi_str path)
{
    return amphi__str_equal_c(path, "/beta") || amphi__str_starts_with(path, AMPHI_STR("/beta/"));
}

amphi_continuation amphi__continuation_guess_from_url(amphi_str text)
{
    static const char *const anew[] = {"api.openai.com", "openai.azure.com",
        "services.ai.azure.com", "generativelanguage.googleapis.com", "aiplatform.googleapis.com",
        "api.x.ai", "models.inference.ai.azure.com", "models.github.ai", NULL};
    enum { OLLAMA_PORT = 11434 };
    amphi_url url;
    if (amphi__url_parse(&url, text, NULL) != AMPHI_OK)
        return AMPHI_CONTINUE_AUTO;
    amphi_str host = url.host;
    if (is_host(host, "api.mistral.ai") || is_host(host, "codestral.mistral.ai"))
        return AMPHI_CONTINUE_PREFIX;
    if (is_host(host, "api.deepseek.com"))
        return is_deepseek_beta(url.path) ? AMPHI_CONTINUE_PREFIX : AMPHI_CONTINUE_INSTRUCT;
    if (is_host(host, "api.groq.com"))
        return AMPHI_CONTINUE_NATIVE;
    for (size_t i = 0; anew[i] != NULL; i++)
        if (is_host(host, anew[i]))
            return AMPHI_CONTINUE_INSTRUCT;
    if (amphi__str_find(url.path, AMPHI_STR("/openai/deployments/")) != SIZE_MAX)
        return AMPHI_CONTINUE_INSTRUCT; /* Azure behind a name of one's own */
    return url.port == OLLAMA_PORT ? AMPHI_CONTINUE_NATIVE : AMPHI_CONTINUE_AUTO;
}

static amphi_continuation from_server(amphi_str server)
{
    if (amphi__str_starts_with(server, AMPHI_STR("llama.cpp")) ||
        amphi__str_starts_with(server, AMPHI_STR("amphi")))
        return AMPHI_CONTINUE_NATIVE;
    if (amphi__str_starts_with(server, AMPHI_STR("vllm")) ||
        amphi__str_starts_with(server, AMPHI_STR("sglang")))
        return AMPHI_CONTINUE_VLLM;
    return AMPHI_CONTINUE_AUTO;
}

amphi_continuation amphi__continuation_guess_from_headers(
    const amphi_http_header *headers, size_t count)
{
    /* Their own names, whatever address they are reached by. */
    static const struct {
        const char *name;
        amphi_continuation way;
    } known[] = {{"mistral-correlation-id", AMPHI_CONTINUE_PREFIX},
        {"x-ds-trace-id", AMPHI_CONTINUE_INSTRUCT}, {"openai-version", AMPHI_CONTINUE_INSTRUCT},
        {"openai-processing-ms", AMPHI_CONTINUE_INSTRUCT},
        {"azureml-model-session", AMPHI_CONTINUE_INSTRUCT},
        {"x-groq-region", AMPHI_CONTINUE_NATIVE}};
    amphi_continuation way = AMPHI_CONTINUE_AUTO;
    for (size_t i = 0; i < count; i++) {
        amphi_continuation said = AMPHI_CONTINUE_AUTO;
        if (amphi__str_equal_ignore_case(headers[i].name, AMPHI_STR("server")))
            said = from_server(headers[i].value);
        else if (amphi__str_equal_ignore_case(
                     headers[i].name, AMPHI_STR("x-litellm-model-api-base")))
            said = amphi__continuation_guess_from_url(headers[i].value);
        if (said != AMPHI_CONTINUE_AUTO)
            return said; /* the server that answered; the others may come from one behind it */
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (amphi__str_equal_ignore_case(headers[i].name, amphi_str_from(known[k].name)))
                way = known[k].way;
    }
    return way;
}
