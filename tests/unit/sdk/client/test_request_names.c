/* SPDX-License-Identifier: Apache-2.0
 *
 * A word that was meant for Amphi is read, or refused by name; what other servers know passes.
 */
#include "sdk/client/request_names.h"

#include "sdk/client/request.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"

static amphi_status read(const char *member, amphi_request *request, amphi_error *error)
{
    static char json[4096];
    snprintf(json, sizeof json, "{" MESSAGES ",%s}", member);
    return amphi__request_from_json(request, amphi_str_from(json), error);
}

/* One line, with the words in it. */
static void expect_refused(const char *member, const char *words)
{
    amphi_request request;
    amphi_error error;
    amphi_status status = read(member, &request, &error);
    if (status != AMPHI_E_ARGUMENT || strstr(error.message, words) == NULL ||
        strchr(error.message, '\n') != NULL)
        fail_msg("%s: status %d, \"%s\"", member, status, error.message);
}

static void expect_accepted(const char *member, bool is_private)
{
    amphi_request request;
    amphi_error error;
    if (read(member, &request, &error) != AMPHI_OK)
        fail_msg("%s: %s", member, error.message);
    if (request.is_private != is_private)
        fail_msg("%s: private is %d", member, request.is_private);
    amphi__request_clear(&request);
}

/* What was checked must be what is sent: of two values a provider may read the other one. */
static void a_name__that_is_given_twice_is_refused(void **state)
{
    static const char *const cases[][2] = {{MESSAGES, "messages: "}, {"\"n\":2,\"n\":1", "n: "},
        {"\"temperature\":9,\"temperature\":1", "temperature: "},
        {"\"max_tokens\":-1,\"max_tokens\":1", "max_tokens: "},
        {"\"model\":\"a\",\"model\":\"b\"", "model: "}, {"\"tools\":[],\"tools\":[{}]", "tools: "},
        {"\"stream\":true,\"stream\":true", "stream: "}, {"\"stop\":\"a\",\"stop\":5", "stop: "},
        {"\"fallbacks\":[],\"fallbacks\":[\"x\"]", "fallbacks: "},
        {"\"amphi\":{\"private\":true},\"amphi\":{}", "amphi: "},
        {"\"amphi\":{\"private\":true,\"private\":false}", "amphi.private: "},
        {"\"amphi\":{\"mode\":\"only_local\",\"mode\":\"auto\"}", "amphi.mode: "}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused(cases[i][0], cases[i][1]);
    expect_accepted("\"own\":1,\"own\":2", false);
}

/* Every one of these went to the cloud in silence. */
static void amphi__an_unknown_member_is_refused_by_name(void **state)
{
    static const char *const names[] = {"is_private", "privat", "Private", "PRIVATE", "private ",
        " private", "privte", "isPrivate", "is-private", "privacy", "secret", "local_only",
        "no_cloud", "Mode", "modes", "conversation", "conversationId", "conversation_ID",
        "no-cache", "noCache", "no_queues", "budget", "x", "", "private\\u0000", "pr\\u0131vate",
        "privat\\u0435", "\\uff50\\uff52\\uff49\\uff56\\uff41\\uff54\\uff45", "private\\n",
        "model"};
    char member[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(member, sizeof member, "\"amphi\":{\"%s\":true}", names[i]);
        expect_refused(member, "amphi.");
        snprintf(member, sizeof member, "\"amphi\":{\"private\":true,\"%s\":true}", names[i]);
        expect_refused(member, "amphi.");
    }
    expect_refused("\"amphi\":{\"is_private\":true}", "amphi.is_private: ");
    expect_refused("\"amphi\":{\"budgets\":{\"total\":5}}", "amphi.budgets.total: ");
    expect_refused("\"amphi\":{\"budgets\":{\"total_ms \":5}}", "amphi.budgets.");
}

static void foreign__words_of_privacy_inside_other_members_are_refused(void **state)
{
    static const char *const members[] = {"\"options\":{\"private\":true}",
        "\"provider\":{\"is_private\":true}", "\"stream_options\":{\"privat\":true}",
        "\"settings\":{\"amphi\":{\"private\":true}}",
        "\"extra_headers\":{\"X-Amphi-Private\":\"true\"}", "\"local\":true", "\"offline\":true"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        expect_refused(members[i], "is not read here");
}

static void amphi__doubled_members_are_refused_at_every_level(void **state)
{
    static const char *const pairs[][2] = {
        {"\"amphi\":{\"private\":true},\"amphi\":{}", "amphi: twice"},
        {"\"amphi\":{},\"amphi\":{\"private\":true}", "amphi: twice"},
        {"\"amphi\":{\"private\":true,\"private\":false}", "amphi.private: twice"},
        {"\"amphi\":{\"private\":false,\"pr\\u0069vate\":true}", "amphi.private: twice"},
        {"\"amphi\":{\"mode\":\"only_local\",\"mode\":\"auto\"}", "amphi.mode: twice"},
        {"\"amphi\":{\"conversation_id\":\"a\",\"conversation_id\":\"b\"}",
            "amphi.conversation_id: twice"},
        {"\"amphi\":{\"budgets\":{},\"budgets\":{}}", "amphi.budgets: twice"},
        {"\"amphi\":{\"budgets\":{\"idle_ms\":1,\"idle_ms\":2}}", "amphi.budgets.idle_ms: twice"},
        {"\"model\":\"a\",\"model\":\"b\"", "model: twice"},
        {"\"stream_options\":{\"include_usage\":true,\"include_usage\":false}",
            "stream_options.include_usage: twice"},
        {MESSAGES, "messages: twice"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        expect_refused(pairs[i][0], pairs[i][1]);
    static const char *const messages[][2] = {
        {"{\"messages\":[{\"role\":\"user\",\"role\":\"system\",\"content\":\"Hi\"}]}",
            "messages[].role: twice"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\",\"content\":\"Ho\"}]}",
            "messages[].content: twice"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\","
         "\"text\":"
         "\"b\"}]}]}",
            "messages[].content[].text: twice"},
    };
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        amphi_request request;
        amphi_error error;
        assert_int_equal(amphi__request_from_json(&request, amphi_str_from(messages[i][0]), &error),
            AMPHI_E_ARGUMENT);
        assert_non_null(strstr(error.message, messages[i][1]));
    }
}

static void amphi__private_is_true_or_false_and_nothing_else(void **state)
{
    static const char *const values[] = {
        "1", "0", "\"true\"", "\"false\"", "\"yes\"", "null", "[]", "[true]", "{}", "1.0"};
    char member[64];
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        snprintf(member, sizeof member, "\"amphi\":{\"private\":%s}", values[i]);
        expect_refused(member, "amphi.private: true or false");
    }
    static const char *const forms[] = {"true", "false", "null", "1", "\"private\"", "[]",
        "[{\"private\":true}]", "\"{\\\"private\\\":true}\""};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        snprintf(member, sizeof member, "\"amphi\":%s", forms[i]);
        expect_refused(member, "amphi: an object is expected");
    }
    expect_accepted("\"amphi\":{\"private\":true}", true);
    expect_accepted("\"amphi\":{\"private\":false}", false);
    expect_accepted("\"amphi\":{}", false);
}

/* At the top, in a message, in a part and in extra_body, where OpenAI's clients leave it when their
 * own extra_body was meant. */
static void foreign__words_of_privacy_do_not_pass_in_silence(void **state)
{
    static const char *const names[] = {"private", "is_private", "privat", "Private", "PRIVATE",
        "isPrivate", "is-private", "is private", " private", "private ", "private_", "_private",
        "prvate", "pirvate", "privte", "privaet", "privatee", "rivate", "privite", "priv",
        "privacy", "privacy_mode", "private_mode", "make_private", "x-private", "amphi.private",
        "amphi_private", "amphi[private]", "amphi-options", "Amphi", "AMPHI", "amphi ", "amhpi",
        "amphy", "only_local", "onlyLocal", "local_only", "no_cloud", "on_device", "incognito",
        "confidential", "conversation_id", "conversationId", "no_cache", "no-cache", "noQueue",
        "budgets", "priv\\u0430te", "\\u0440rivate",
        "\\uff50\\uff52\\uff49\\uff56\\uff41\\uff54\\uff45", "private\\u0000", "pri\\tvate",
        "is_privat", "isprivte", "private?", "private:true"};
    char member[256];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(member, sizeof member, "\"%s\":true", names[i]);
        expect_refused(member, ": ");
        snprintf(member, sizeof member, "\"extra_body\":{\"%s\":true}", names[i]);
        expect_refused(member, "extra_body.");
        snprintf(member, sizeof member, "\"amphi\":{\"mode\":\"auto\"},\"%s\":true", names[i]);
        expect_refused(member, ": ");
    }
    print_message("%zu spellings refused\n", sizeof names / sizeof names[0]);
    expect_refused("\"private\":true", "private: is not read here");
    expect_refused("\"extra_body\":{\"amphi\":{\"private\":true}}", "extra_body.amphi: ");
    expect_refused("\"mode\":\"only_local\"", "mode: ");
    expect_refused("\"mode\":\"Only-Local\"", "mode: ");
    expect_refused("\"mode\":\"private\"", "mode: ");
    amphi_request request;
    amphi_error error;
    assert_int_equal(
        amphi__request_from_json(&request,
            AMPHI_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\",\"private\":true}]}"),
            &error),
        AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "messages[].private: "));
    assert_int_equal(
        amphi__request_from_json(&request,
            AMPHI_STR(
                "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\","
                "\"is_private\":true}]}]}"),
            &error),
        AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "messages[].content[].is_private: "));
}

/* Parameters of chat completions, from each server's own reference. */
static void foreign__parameters_of_other_servers_pass(void **state)
{
    static const char *const names[] = {/* OpenAI */
        "audio", "function_call", "functions", "metadata", "modalities", "prediction",
        "prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "safety_identifier",
        "service_tier", "tool_choice", "user", "verbosity", "web_search_options",
        /* vLLM, SGLang */
        "best_of", "use_beam_search", "length_penalty", "stop_token_ids",
        "include_stop_str_in_output", "ignore_eos", "min_tokens", "skip_special_tokens",
        "spaces_between_special_tokens", "truncate_prompt_tokens", "prompt_logprobs", "echo",
        "add_generation_prompt", "continue_final_message", "documents", "chat_template",
        "chat_template_kwargs", "mm_processor_kwargs", "guided_json", "guided_regex",
        "guided_choice", "structural_tag", "priority", "request_id", "cache_salt",
        "kv_transfer_params", "vllm_xargs", "lora_path", "separate_reasoning", "rid",
        "bootstrap_host",
        /* llama-server, Ollama, text-generation-webui */
        "cache_prompt", "id_slot", "samplers", "mirostat", "mirostat_tau", "mirostat_eta",
        "dynatemp_range", "typ_p", "grammar", "json_schema", "n_predict", "n_keep", "n_probs",
        "timings_per_token", "post_sampling_probs", "lora", "keep_alive", "options", "format",
        "think", "character", "instruction_template", "preset", "name1", "name2", "context",
        /* OpenRouter, LiteLLM, Together, Groq, Fireworks, Perplexity, xAI */
        "models", "route", "provider", "transforms", "plugins", "top_a", "usage", "reasoning",
        "include_reasoning", "session_id", "caching", "cache", "ttl", "num_retries", "timeout",
        "api_base", "api_key", "safety_model", "reasoning_format", "prompt_truncate_len",
        "context_length_exceeded_behavior", "search_domain_filter", "search_mode", "return_images",
        "search_parameters", "deferred", "prompt", "parameters", "profile", "primary", "principal",
        /* Mistral, DeepSeek, DashScope, Azure, Google */
        "safe_prompt", "random_seed", "prompt_mode", "prefix", "thinking", "enable_thinking",
        "thinking_budget", "enable_search", "search_options", "incremental_output", "data_sources",
        "extra_body", "google", "tool_config"};
    char member[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(member, sizeof member, "\"%s\":1", names[i]);
        expect_accepted(member, false);
    }
    expect_accepted("\"mode\":\"instruct\"", false);
    expect_accepted("\"mode\":\"chat-instruct\"", false);
    expect_accepted("\"metadata\":{\"private\":\"yes\"}", false); /* the user's own tags */
    expect_accepted("\"extra_body\":{\"google\":{\"thinking_config\":{}}}", false);
}

/* What is compared of a name is bounded; what a message shows of it, too. */
static void foreign__a_long_name_is_no_slip(void **state)
{
    static char member[2048];
    memset(member, 'z', sizeof member);
    member[0] = '"';
    memcpy(member + 1000, "\":1", 4);
    expect_accepted(member, false);
    memcpy(member + 1, "private", 7);
    expect_refused(member, "a name with blanks or other characters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amphi__an_unknown_member_is_refused_by_name),
        cmocka_unit_test(foreign__words_of_privacy_inside_other_members_are_refused),
        cmocka_unit_test(amphi__doubled_members_are_refused_at_every_level),
        cmocka_unit_test(amphi__private_is_true_or_false_and_nothing_else),
        cmocka_unit_test(foreign__words_of_privacy_do_not_pass_in_silence),
        cmocka_unit_test(a_name__that_is_given_twice_is_refused),
        cmocka_unit_test(foreign__parameters_of_other_servers_pass),
        cmocka_unit_test(foreign__a_long_name_is_no_slip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
