/* SPDX-License-Identifier: Apache-2.0
 *
 * Admission: hostile and malformed requests in both public forms. What is refused is refused with
 * the field's name; what is accepted reaches the engine as it was meant.
 */
#include "sdk/client/request.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define USER    "{\"role\":\"user\",\"content\":\"Hi\"}"
#define BODY(x) "{\"messages\":[" USER "]" x "}"

typedef struct refused_case {
    const char *json;
    const char *message; /* how the error's message begins */
} refused_case;

static void expect_refused(const char *json, const char *message)
{
    amphi_request request;
    amphi_error error;
    if (amphi__request_from_json(&request, amphi_str_from(json), &error) == AMPHI_OK)
        fail_msg("accepted: %s", json);
    assert_null(request.body); /* nothing is left to free */
    if (strncmp(error.message, message, strlen(message)) != 0)
        fail_msg("%s: \"%s\" instead of \"%s...\"", json, error.message, message);
}

static void expect_all_refused(const refused_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect_refused(cases[i].json, cases[i].message);
}

static void accept_json(amphi_request *out, amphi_str json)
{
    amphi_error error;
    if (amphi__request_from_json(out, json, &error) != AMPHI_OK)
        fail_msg("%.80s: %s", json.data, error.message);
}

/* What an engine gets of a request. The caller clears *out. */
static void engine_body(amphi_buf *out, const char *json, uint32_t answer_tokens_max)
{
    amphi_request request;
    accept_json(&request, amphi_str_from(json));
    amphi__buf_init(out, 0);
    assert_int_equal(
        amphi__request_engine_body(&request, AMPHI_STR(""), answer_tokens_max, out), AMPHI_OK);
    amphi__request_clear(&request);
}

static void expect_engine_body(const char *json, const char *body)
{
    amphi_buf out;
    engine_body(&out, json, 0);
    assert_string_equal(out.data, body);
    amphi__buf_clear(&out);
}

static void json__that_is_no_object_is_refused(void **state)
{
    static const refused_case cases[] = {{"", "request: "}, {" ", "request: "},
        {"null", "request: a JSON object"}, {"3", "request: a JSON object"},
        {"\"{}\"", "request: a JSON object"}, {"[]", "request: a JSON object"},
        {BODY("") "x", "request: not valid JSON"}, {"{\"messages\":", "request: not valid JSON"},
        {"{'messages':[]}", "request: not valid JSON"}};
    expect_all_refused(cases, sizeof cases / sizeof cases[0]);
}

static void json__messages_are_required(void **state)
{
    static const refused_case cases[] = {{"{}", "messages: "},
        {"{\"messages\":null}", "messages: "}, {"{\"messages\":[]}", "messages: "},
        {"{\"messages\":{}}", "messages: "}, {"{\"messages\":\"Hi\"}", "messages: "},
        {"{\"messages\":{\"a\":" USER "}}", "messages: "},
        {"{\"Messages\":[" USER "]}", "messages: "}};
    expect_all_refused(cases, sizeof cases / sizeof cases[0]);
}

static void json__malformed_message_is_refused_by_its_index(void **state)
{
    static const char *const messages[][2] = {{"null", "messages[1].role: "},
        {"\"Hi\"", "messages[1].role: "}, {"[]", "messages[1].role: "},
        {"{}", "messages[1].role: "},
        {"{\"role\":\"User\",\"content\":\"x\"}", "messages[1].role: "},
        {"{\"role\":1,\"content\":\"x\"}", "messages[1].role: "},
        {"{\"role\":\"user\\u0000\",\"content\":\"x\"}", "messages[1].role: "},
        {"{\"role\":\"user\",\"content\":5}", "messages[1].content: "},
        {"{\"role\":\"user\",\"content\":true}", "messages[1].content: "},
        {"{\"role\":\"user\",\"content\":{\"text\":\"x\"}}", "messages[1].content: "},
        {"{\"role\":\"user\",\"content\":[\"x\"]}", "messages: a content part"},
        {"{\"role\":\"user\",\"content\":[{}]}", "messages: a content part"},
        {"{\"role\":\"user\",\"content\":[{\"type\":7}]}", "messages: a content part"}};
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        char json[256];
        snprintf(json, sizeof json, "{\"messages\":[" USER ",%s]}", messages[i][0]);
        expect_refused(json, messages[i][1]);
    }
}

static void json__wrong_type_is_refused_by_the_field(void **state)
{
    /* Every field that Amphi itself reads, in every type that it must not have. */
    static const struct {
        const char *field;
        const char *wrong[8];
    } fields[] = {
        {"n", {"0", "2", "1.5", "\"1\"", "[]", "{}", "true", "1e300"}},
        {"model", {"5", "true", "[]", "{}"}},
        {"tools", {"5", "true", "\"f\"", "{\"a\":1}"}},
        {"temperature", {"\"0\"", "true", "[]", "{}", "-0.01", "2.01", "1e400", "-1e400"}},
        {"max_tokens", {"\"5\"", "true", "[]", "{}", "0", "-1", "0.5", "1e400"}},
        {"max_completion_tokens", {"\"5\"", "true", "[]", "{}", "0", "-1", "0.5", "1073741825"}},
        {"seed", {"\"5\"", "true", "[]", "{}", "0.5", "1e400", "9223372036854775808"}},
        {"stop", {"5", "true", "{}", "[5]", "[null]", "[[\"a\"]]"}},
        {"logit_bias", {"5", "true", "[]", "\"x\"", "{\"x\":1}", "{\"1\":null}", "{\"1\":101}"}},
        {"logprobs", {"5", "\"true\"", "[]", "{}"}},
        {"stream", {"1", "\"true\"", "[]", "{}"}},
        {"fallbacks", {"5", "true", "\"cloud\"", "{}", "[5]", "[null]", "[\"\"]"}},
        {"amphi", {"5", "true", "\"private\"", "[]", "null"}},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        for (size_t k = 0; k < 8 && fields[i].wrong[k] != NULL; k++) {
            char json[256];
            snprintf(json, sizeof json, BODY(",\"%s\":%s"), fields[i].field, fields[i].wrong[k]);
            expect_refused(json, fields[i].field);
        }
    }
}

/* A wrong type here must not count as false: it could send what should stay. */
static void json__wrong_type_in_amphi_is_refused_by_the_member(void **state)
{
    static const char *const cases[][2] = {{"mode", "\"\""}, {"mode", "\"local\""}, {"mode", "4"},
        {"mode", "null"}, {"private", "1"}, {"private", "\"true\""}, {"private", "null"},
        {"private", "[true]"}, {"no_cache", "1"}, {"no_cache", "\"true\""}, {"no_cache", "[]"},
        {"no_queue", "0"}, {"no_queue", "\"false\""}, {"no_queue", "{}"}, {"conversation_id", "5"},
        {"conversation_id", "true"}, {"conversation_id", "[\"c\"]"}, {"budgets", "5"},
        {"budgets", "[]"}, {"budgets", "\"100\""}, {"budgets", "{\"total_ms\":\"100\"}"},
        {"budgets", "{\"idle_ms\":-1}"}, {"budgets", "{\"connect_ms\":1.5}"},
        {"budgets", "{\"first_token_ms\":4294967296}"}, {"budgets", "{\"total_ms\":1e300}"},
        {"unkept_messages", "-1"}, {"unkept_messages", "\"1\""}, {"unkept_messages", "1.5"},
        {"unkept_messages", "10001"}, {"unkept_messages", "true"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[256];
        char message[64];
        snprintf(json, sizeof json, BODY(",\"amphi\":{\"%s\":%s}"), cases[i][0], cases[i][1]);
        snprintf(message, sizeof message, "amphi.%s", cases[i][0]);
        expect_refused(json, message);
    }
}

static void json__amphi_member_is_read(void **state)
{
    amphi_request request;
    accept_json(&request,
        AMPHI_STR(
            BODY(",\"amphi\":{\"mode\":\"only_cloud\",\"private\":true,\"no_cache\":true,"
                 "\"no_queue\":true,\"conversation_id\":\"c-1\",\"budgets\":{\"connect_ms\":0,"
                 "\"first_token_ms\":1,\"idle_ms\":2,\"total_ms\":4294967295}}")));
    assert_int_equal(request.mode, AMPHI_MODE_ONLY_CLOUD);
    assert_true(request.is_private && request.no_cache && request.no_queue);
    assert_string_equal(request.conversation_id, "c-1");
    assert_int_equal(request.budgets.connect_ms, 0);
    assert_int_equal(request.budgets.first_token_ms, 1);
    assert_int_equal(request.budgets.idle_ms, 2);
    assert_int_equal(request.budgets.total_ms, UINT32_MAX);
    amphi__request_clear(&request);
    accept_json(
        &request, AMPHI_STR(BODY(",\"amphi\":{\"budgets\":null,\"conversation_id\":null}")));
    assert_false(request.is_private || request.no_cache || request.no_queue);
    assert_string_equal(request.conversation_id, "");
    amphi__request_clear(&request);
    accept_json(&request, AMPHI_STR(BODY("")));
    assert_true(request.no_queue); /* such a caller would not understand "queued" */
    amphi__request_clear(&request);
}

static void json__nesting_has_a_limit(void **state)
{
    enum { AROUND = 1 }; /* the body itself */
    char json[2 * AMPHI_JSON_DEPTH_MAX + 128];
    for (int more = 0; more <= 1; more++) {
        int depth = AMPHI_JSON_DEPTH_MAX - AROUND + more;
        size_t used = (size_t)snprintf(json, sizeof json, "{\"messages\":[" USER "],\"x\":");
        memset(json + used, '[', (size_t)depth);
        memset(json + used + depth, ']', (size_t)depth);
        strcpy(json + used + 2 * depth, "}");
        if (more == 1)
            expect_refused(json, "request: not valid JSON at byte");
        else
            expect_engine_body(json, json);
    }
}

static void json__invalid_text_is_refused_and_nul_replaced(void **state)
{
    static const refused_case cases[] = {
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}", "request: not valid JSON"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"\xc0\x80\"}]}",
            "request: not valid JSON"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"\xed\xa0\x80\"}]}",
            "request: not valid JSON"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"\\ud800\"}]}", "request: not valid JSON"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"\n\"}]}", "request: not valid JSON"},
    };
    expect_all_refused(cases, sizeof cases / sizeof cases[0]);
    static const char raw_nul[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"a\0b\"}]}";
    amphi_request request;
    amphi_error error;
    assert_int_equal(
        amphi__request_from_json(&request, amphi_str_make(raw_nul, sizeof raw_nul - 1), &error),
        AMPHI_E_FORMAT);
    expect_engine_body("{\"messages\":[{\"role\":\"user\",\"content\":\"a\\u0000b\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\xEF\xBF\xBD"
        "b\"}]}");
}

/* Two ids must never become one, and what the store refuses at the end is refused at once. */
static void conversation_id__is_whole_or_refused_by_name(void **state)
{
    static const char name[] = "amphi.conversation_id: ";
    static const char *const wrong[] = {"\"c\\u0000d\"", "\"\\u0000\"", "\"c\xEF\xBF\xBD\"",
        "\"c\\ufffd\"", "5", "1.5", "true", "[\"c\"]", "{\"id\":\"c\"}", "{}"};
    char json[1024];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(json, sizeof json, BODY(",\"amphi\":{\"conversation_id\":%s}"), wrong[i]);
        expect_refused(json, name);
    }
    char id[AMPHI_CONVERSATION_ID_BYTES_MAX + 2];
    memset(id, 'c', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    snprintf(json, sizeof json, BODY(",\"amphi\":{\"conversation_id\":\"%s\"}"), id);
    expect_refused(json, "amphi.conversation_id: longer than 256 bytes");
    id[sizeof id - 2] = '\0';
    snprintf(json, sizeof json, BODY(",\"amphi\":{\"conversation_id\":\"%s\"}"), id);
    amphi_request request;
    accept_json(&request, amphi_str_from(json));
    assert_string_equal(request.conversation_id, id);
    amphi__request_clear(&request);
}

static void conversation_id__of_the_struct_is_held_to_the_same(void **state)
{
    static const amphi_message message = {AMPHI_ROLE_USER, {"Hi", 2}};
    char long_id[AMPHI_CONVERSATION_ID_BYTES_MAX + 1];
    memset(long_id, 'c', sizeof long_id);
    const amphi_str wrong[] = {{"c\0d", 3}, {"c\0", 2}, {"\0", 1}, {"c\xff", 2}, {"\xc0\x80", 2},
        {"c\xEF\xBF\xBD", 4}, {long_id, sizeof long_id}, {NULL, 3}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        amphi_chat_request r;
        amphi_request request;
        amphi_error error;
        amphi_chat_request_init(&r);
        r.messages = &message;
        r.messages_count = 1;
        r.conversation_id = wrong[i];
        if (amphi__request_from_struct(&request, &r, &error) != AMPHI_E_ARGUMENT ||
            strncmp(error.message, "request.conversation_id: ", 25) != 0)
            fail_msg("%zu: %s", i, error.message);
    }
}

static void json__huge_numbers_keep_their_digits_or_are_refused(void **state)
{
    expect_engine_body(BODY(",\"seed\":9007199254740993"), BODY(",\"seed\":9007199254740993"));
    expect_engine_body(
        BODY(",\"seed\":-9223372036854775808"), BODY(",\"seed\":-9223372036854775808"));
    expect_engine_body(BODY(",\"x\":123456789012345678901234567890"),
        BODY(",\"x\":123456789012345678901234567890"));
    expect_refused(BODY(",\"max_tokens\":99999999999999999999999"), "max_tokens: ");
    expect_refused(BODY(",\"top_k\":99999999999999999999999"), "top_k: ");
}

static void json__limits_of_messages_and_bytes_are_exact(void **state)
{
    enum { MESSAGES_MAX = 10000, BYTES_MAX = 16 << 20 };
    amphi_request request;
    amphi_error error;
    amphi_buf json;
    for (int more = 0; more <= 1; more++) {
        amphi__buf_init(&json, 0);
        amphi__buf_append_c(&json, "{\"messages\":[" USER);
        for (int i = 1; i < MESSAGES_MAX + more; i++)
            amphi__buf_append_c(&json, "," USER);
        amphi__buf_append_c(&json, "]}");
        amphi_status status = amphi__request_from_json(&request, amphi__buf_str(&json), &error);
        assert_int_equal(status, more == 0 ? AMPHI_OK : AMPHI_E_LIMIT);
        if (more == 1)
            assert_string_equal(error.message, "messages: more than 10000");
        amphi__request_clear(&request);
        amphi__buf_clear(&json);
    }
    amphi__buf_init(&json, 0);
    amphi__buf_append_c(&json, BODY(""));
    while (json.size < BYTES_MAX)
        amphi__buf_append_char(&json, ' ');
    accept_json(&request, amphi__buf_str(&json));
    amphi__request_clear(&request);
    amphi__buf_append_char(&json, ' ');
    assert_int_equal(
        amphi__request_from_json(&request, amphi__buf_str(&json), &error), AMPHI_E_LIMIT);
    assert_int_equal(strncmp(error.message, "request: ", 9), 0);
    amphi__buf_clear(&json);
}

static void json__needs_are_read_from_the_parts(void **state)
{
    static const struct {
        const char *json;
        bool tools, images, audio;
    } cases[] = {
        {BODY(""), false, false, false},
        {BODY(",\"tools\":[]"), false, false, false},
        {BODY(",\"tools\":null"), false, false, false},
        {BODY(",\"tools\":[{\"type\":\"function\"}]"), true, false, false},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"},"
         "{\"type\":\"image_url\"}]}]}",
            false, true, false},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}," USER "]}",
            false, false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_request request;
        accept_json(&request, amphi_str_from(cases[i].json));
        assert_int_equal(request.needs_tools, cases[i].tools);
        assert_int_equal(request.needs_images, cases[i].images);
        assert_int_equal(request.needs_audio, cases[i].audio);
        amphi__request_clear(&request);
    }
}

static void json__answer_limit_is_the_one_that_says_something(void **state)
{
    static const struct {
        const char *json;
        uint32_t tokens_max;
    } cases[] = {{BODY(""), 0}, {BODY(",\"max_tokens\":null"), 0}, {BODY(",\"max_tokens\":5"), 5},
        {BODY(",\"max_completion_tokens\":7,\"max_tokens\":5"), 7},
        {BODY(",\"max_completion_tokens\":null,\"max_tokens\":5"), 5},
        {BODY(",\"max_tokens\":1073741824"), 1u << 30}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_request request;
        accept_json(&request, amphi_str_from(cases[i].json));
        assert_int_equal(request.tokens_max, cases[i].tokens_max);
        amphi__request_clear(&request);
    }
}

static void engine_body__has_each_limit_once(void **state)
{
    static const char *const cases[][2] = {
        {BODY(""), BODY(",\"max_tokens\":9")},
        {BODY(",\"max_tokens\":null,\"seed\":1"), BODY(",\"seed\":1,\"max_tokens\":9")},
        {BODY(",\"max_completion_tokens\":null"), BODY(",\"max_tokens\":9")},
        {BODY(",\"max_tokens\":5"), BODY(",\"max_tokens\":5")},
        {BODY(",\"fallbacks\":[\"a\"],\"amphi\":{\"private\":true}"), BODY(",\"max_tokens\":9")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_buf out;
        engine_body(&out, cases[i][0], 9);
        assert_string_equal(out.data, cases[i][1]);
        amphi__buf_clear(&out);
    }
}

static void engine_body__puts_history_first_and_leaves_a_beginning_out(void **state)
{
    amphi_request request;
    amphi_buf out;
    accept_json(&request,
        AMPHI_STR("{\"messages\":[" USER ",{\"role\":\"assistant\",\"content\":\"He\"}]}"));
    amphi__buf_init(&out, 0);
    assert_int_equal(
        amphi__request_engine_body(&request, AMPHI_STR("{\"role\":\"system\"}"), 0, &out),
        AMPHI_OK);
    assert_string_equal(out.data, "{\"messages\":[{\"role\":\"system\"}," USER "]}");
    request.unkept_count = 1; /* for this request alone: before the history */
    amphi__buf_reset(&out);
    assert_int_equal(
        amphi__request_engine_body(&request, AMPHI_STR("{\"role\":\"system\"}"), 0, &out),
        AMPHI_OK);
    assert_string_equal(out.data, "{\"messages\":[" USER ",{\"role\":\"system\"}]}");
    amphi__request_clear(&request);
    amphi__buf_clear(&out);
}

static void put_stored__writes_one_object_whatever_blanks_its_extra_has(void **state)
{
    static const char *const extras[] = {"", "{}", "{ }", "{ \"a\":1 }"};
    for (size_t i = 0; i < 4; i++) {
        amphi_buf out;
        amphi_store_message message = {.role = AMPHI_STR("user"), .content = AMPHI_STR("x")};
        message.extra_json = amphi_str_from(extras[i]);
        amphi__buf_init(&out, 0);
        assert_int_equal(amphi__request_put_stored(&out, &message), AMPHI_OK);
        assert_string_equal(out.data, i < 3 ? "{\"role\":\"user\",\"content\":\"x\"}"
                                            : "{\"role\":\"user\",\"content\":\"x\",\"a\":1}");
        amphi__buf_clear(&out);
    }
}

/* What the outbox keeps is the same request when it is read again. */
static void to_json__is_read_as_the_same_request(void **state)
{
    amphi_request first;
    amphi_request second;
    amphi_buf once;
    amphi_buf twice;
    accept_json(&first,
        AMPHI_STR(BODY(",\"seed\":9007199254740993,\"own\":[1.0,null],\"amphi\":{\"mode\":"
                       "\"prefer_cloud\",\"private\":true,\"conversation_id\":\"\\u00e9\\n\\\"\","
                       "\"budgets\":{\"total_ms\":4294967295},\"unkept_messages\":1,"
                       "\"history_end\":4611686018427387905}")));
    assert_int_equal(first.unkept_count, 1);
    amphi__buf_init(&once, 0);
    assert_int_equal(amphi__request_to_json(&first, &once), AMPHI_OK);
    accept_json(&second, amphi__buf_str(&once));
    amphi__buf_init(&twice, 0);
    assert_int_equal(amphi__request_to_json(&second, &twice), AMPHI_OK);
    assert_string_equal(once.data, twice.data);
    assert_int_equal(second.mode, first.mode);
    assert_true(second.is_private);
    assert_int_equal(second.budgets.total_ms, UINT32_MAX);
    assert_true(second.history_end == (INT64_C(1) << 62) + 1);
    assert_string_equal(second.conversation_id, first.conversation_id);
    amphi__request_clear(&first);
    amphi__request_clear(&second);
    amphi__buf_clear(&once);
    amphi__buf_clear(&twice);
}

/* ---- the struct ---- */

static amphi_chat_request valid_struct(void)
{
    static const amphi_message message = {AMPHI_ROLE_USER, {"Hi", 2}};
    amphi_chat_request request;
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    return request;
}

static void expect_struct_refused(const amphi_chat_request *request, const char *message)
{
    amphi_request out;
    amphi_error error;
    if (amphi__request_from_struct(&out, request, &error) == AMPHI_OK)
        fail_msg("accepted instead of \"%s\"", message);
    if (strncmp(error.message, message, strlen(message)) != 0)
        fail_msg("\"%s\" instead of \"%s...\"", error.message, message);
}

static void struct__fields_out_of_range_are_refused_by_name(void **state)
{
    amphi_chat_request r = valid_struct();
    r.messages_count = 0;
    expect_struct_refused(&r, "messages: ");
    r = valid_struct();
    r.messages = NULL;
    expect_struct_refused(&r, "request.messages: ");
    r = valid_struct();
    const amphi_message nobody = {(amphi_role)4, {"x", 1}};
    r.messages = &nobody;
    expect_struct_refused(&r, "messages[0].role: ");
    r = valid_struct();
    r.mode = (amphi_mode)6;
    expect_struct_refused(&r, "request.mode: ");
    r.mode = (amphi_mode)-1;
    expect_struct_refused(&r, "request.mode: ");
    r = valid_struct();
    r.sampling.top_k = UINT32_MAX;
    expect_struct_refused(&r, "top_k: ");
    r = valid_struct();
    r.sampling.tokens_max = UINT32_MAX;
    expect_struct_refused(&r, "max_tokens: ");
    static const float temperatures[] = {-0.5f, 2.5f, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof temperatures / sizeof temperatures[0]; i++) {
        r = valid_struct();
        r.sampling.temperature = temperatures[i];
        expect_struct_refused(&r, "temperature: ");
    }
}

static void struct__extra_json_cannot_replace_a_field(void **state)
{
    static const char *const cases[][2] = {{"[]", "extra_json: "}, {"5", "extra_json: "},
        {"{", "extra_json: "}, {"{\"messages\":[]}", "extra_json: \"messages\""},
        {"{\"amphi\":{\"private\":false}}", "extra_json: \"amphi\""}, {"{\"seed\":8}", "seed: "},
        {"{\"top_p\":7}", "top_p: "}, {"{\"n\":2}", "n: "}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_chat_request r = valid_struct();
        r.sampling.seed = 7;
        r.is_private = true;
        r.extra_json = amphi_str_from(cases[i][0]);
        expect_struct_refused(&r, cases[i][1]);
    }
}

static void struct__becomes_the_same_request_as_json(void **state)
{
    amphi_chat_request r = valid_struct();
    const amphi_message odd = {AMPHI_ROLE_USER, {"a\0\xff\"", 4}};
    r.messages = &odd;
    r.sampling.temperature = 0.7f;
    r.sampling.top_p = 0;
    r.sampling.top_k = 40;
    r.sampling.tokens_max = 64;
    r.sampling.seed = INT64_MAX / 2;
    r.extra_json = AMPHI_STR("{\"stop\":[\"x\"]}");
    amphi_request request;
    assert_int_equal(amphi__request_from_struct(&request, &r, NULL), AMPHI_OK);
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(amphi__request_engine_body(&request, AMPHI_STR(""), 0, &out), AMPHI_OK);
    assert_string_equal(out.data,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\xEF\xBF\xBD\xEF\xBF\xBD\\\"\"}],"
        "\"temperature\":0.7,\"top_p\":0,\"top_k\":40,\"max_tokens\":64,"
        "\"seed\":4611686018427387903,\"stop\":[\"x\"]}");
    amphi__buf_clear(&out);
    amphi__request_clear(&request);
}

static void request__every_failed_allocation_is_reported(void **state)
{
    amphi_status status = AMPHI_OK;
    amphi_chat_request r = valid_struct();
    r.extra_json = AMPHI_STR("{\"stop\":[\"x\"]}");
    r.conversation_id = AMPHI_STR("c");
    failing_alloc_install();
    for (size_t n = 1; n < 10000; n++) {
        amphi_request request;
        failing_alloc_at(n);
        status = amphi__request_from_struct(&request, &r, NULL);
        bool failed = failing_alloc_failed();
        failing_alloc_at(0);
        if (status == AMPHI_OK)
            amphi__request_clear(&request);
        assert_int_equal(failing_alloc_live(), 0);
        assert_int_equal(status, failed ? AMPHI_E_NO_MEMORY : AMPHI_OK);
        if (!failed)
            break;
    }
    failing_alloc_remove();
    assert_int_equal(status, AMPHI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__that_is_no_object_is_refused),
        cmocka_unit_test(json__messages_are_required),
        cmocka_unit_test(json__malformed_message_is_refused_by_its_index),
        cmocka_unit_test(json__wrong_type_is_refused_by_the_field),
        cmocka_unit_test(json__wrong_type_in_amphi_is_refused_by_the_member),
        cmocka_unit_test(json__amphi_member_is_read),
        cmocka_unit_test(json__nesting_has_a_limit),
        cmocka_unit_test(json__invalid_text_is_refused_and_nul_replaced),
        cmocka_unit_test(conversation_id__is_whole_or_refused_by_name),
        cmocka_unit_test(conversation_id__of_the_struct_is_held_to_the_same),
        cmocka_unit_test(json__huge_numbers_keep_their_digits_or_are_refused),
        cmocka_unit_test(json__limits_of_messages_and_bytes_are_exact),
        cmocka_unit_test(json__needs_are_read_from_the_parts),
        cmocka_unit_test(json__answer_limit_is_the_one_that_says_something),
        cmocka_unit_test(engine_body__has_each_limit_once),
        cmocka_unit_test(engine_body__puts_history_first_and_leaves_a_beginning_out),
        cmocka_unit_test(put_stored__writes_one_object_whatever_blanks_its_extra_has),
        cmocka_unit_test(to_json__is_read_as_the_same_request),
        cmocka_unit_test(struct__fields_out_of_range_are_refused_by_name),
        cmocka_unit_test(struct__extra_json_cannot_replace_a_field),
        cmocka_unit_test(struct__becomes_the_same_request_as_json),
        cmocka_unit_test(request__every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
