/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of models as their makers' own services spell them: no one else serves those, so the
 * name tells the way through any router. Mistral continues a message with "prefix", Claude before
 * 4.6 a trailing assistant message, which later ones refuse with 400; the others answer anew.
 */
#include "sdk/core/continuation.h"

#include "sdk/core/str.h"

static const char *const names[AMPHI_CONTINUE_COUNT] = {
    [AMPHI_CONTINUE_AUTO] = "auto",
    [AMPHI_CONTINUE_NO] = "no",
    [AMPHI_CONTINUE_NATIVE] = "native",
    [AMPHI_CONTINUE_VLLM] = "vllm",
    [AMPHI_CONTINUE_PREFIX] = "prefix",
    [AMPHI_CONTINUE_INSTRUCT] = "instruct",
};

const char *amphi__continuation_name(amphi_continuation way)
{
    return (unsigned)way < AMPHI_CONTINUE_COUNT ? names[way] : "auto";
}

bool amphi__continuation_parse(amphi_continuation *out, amphi_str name)
{
    *out = AMPHI_CONTINUE_AUTO;
    if (name.size == 0)
        return true;
    for (size_t i = 0; i < AMPHI_CONTINUE_COUNT; i++) {
        if (!amphi__str_equal_c(name, names[i]))
            continue;
        *out = (amphi_continuation)i;
        return true;
    }
    return false;
}

/* ---- By a model's name ----------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Behind "claude-": "3-5-sonnet-20241022", "sonnet-4-5@20250929", "opus-4.6", "instant-1.2". */
static amphi_continuation of_claude(amphi_str name)
{
    size_t at = 0;
    while (at < name.size && !is_digit(name.data[at]))
        at++;
    unsigned major = 0;
    unsigned minor = 0;
    for (; at < name.size && is_digit(name.data[at]) && major < 100; at++)
        major = major * 10 + (unsigned)(name.data[at] - '0');
    if (at + 1 < name.size && is_digit(name.data[at + 1]) &&
        (at + 2 == name.size || !is_digit(name.data[at + 2]))) /* else it is a date */
        minor = (unsigned)(name.data[at + 1] - '0');
    bool takes_prefill = major > 0 && (major < 4 || (major == 4 && minor < 6));
    return takes_prefill ? AMPHI_CONTINUE_NATIVE : AMPHI_CONTINUE_INSTRUCT;
}

/* "mistral-large-latest", "codestral-2501", "open-mistral-nemo"; the weights that others serve are
 * called otherwise ("mistralai/Mistral-7B-Instruct-v0.3", "mistral:7b"). */
static bool is_mistral_service(amphi_str model)
{
    static const char *const families[] = {"mistral-", "ministral-", "codestral-", "magistral-",
        "devstral-", "pixtral-", "voxtral-", NULL};
    if (amphi__str_starts_with(model, AMPHI_STR("mistral/"))) /* as LiteLLM spells it */
        model = amphi__str_slice(model, sizeof "mistral/" - 1, model.size);
    if (amphi__str_starts_with(model, AMPHI_STR("open-mistral-")) ||
        amphi__str_starts_with(model, AMPHI_STR("open-mixtral-")))
        return true;
    bool is_dated = model.size > 5 && model.data[model.size - 5] == '-';
    for (size_t i = 1; i <= 4; i++)
        is_dated = is_dated && is_digit(model.data[model.size - i]);
    if (!is_dated && !amphi__str_ends_with(model, AMPHI_STR("-latest")))
        return false;
    for (size_t i = 0; families[i] != NULL; i++)
        if (amphi__str_starts_with(model, amphi_str_from(families[i])))
            return true;
    return false;
}

/* "gpt-4o", "chatgpt-4o-latest", "o3-mini", "gemini-2.5-pro", "grok-4", "deepseek-chat"; not
 * "gpt-oss-20b", which has open weights. */
static bool answers_anew(amphi_str name)
{
    if (amphi__str_starts_with(name, AMPHI_STR("gpt-")))
        return name.size > 4 && is_digit(name.data[4]);
    if (name.size >= 2 && name.data[0] == 'o' && is_digit(name.data[1]))
        return name.size == 2 || name.data[2] == '-';
    return amphi__str_starts_with(name, AMPHI_STR("chatgpt-")) ||
           amphi__str_starts_with(name, AMPHI_STR("gemini-")) ||
           amphi__str_starts_with(name, AMPHI_STR("grok-")) ||
           amphi__str_equal_c(name, "deepseek-chat") ||
           amphi__str_equal_c(name, "deepseek-reasoner") ||
           amphi__str_equal_c(name, "deepseek-v4-flash") ||
           amphi__str_equal_c(name, "deepseek-v4-pro");
}

amphi_continuation amphi__continuation_of_model(amphi_str model)
{
    amphi_str name = model; /* without the folders of a router: "openai/gpt-4o" */
    size_t claude = amphi__str_find(model, AMPHI_STR("claude-"));
    if (claude != SIZE_MAX &&
        (claude == 0 || model.data[claude - 1] == '/' || model.data[claude - 1] == '.'))
        return of_claude(amphi__str_slice(model, claude + sizeof "claude-" - 1, model.size));
    if (is_mistral_service(model))
        return AMPHI_CONTINUE_PREFIX;
    for (size_t i = model.size; i > 0 && name.size == model.size; i--)
        if (model.data[i - 1] == '/')
            name = amphi__str_slice(model, i, model.size);
    return answers_anew(name) ? AMPHI_CONTINUE_INSTRUCT : AMPHI_CONTINUE_AUTO;
}
