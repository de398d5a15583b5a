/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON forms of a stream: chunks and whole completions in OpenAI's shape.
 */
#include "sdk/client/stream.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

enum { CHUNKS_MAX = 16 };

/* All chunks of one request. */
typedef struct chunks {
    amphi_json *items[CHUNKS_MAX];
    size_t count;
} chunks;

static amphi_stream *start(chat_fixture *f, const char *json)
{
    amphi_stream *stream = NULL;
    amphi_error error;
    if (amphi_chat_start_json(&stream, f->client, amphi_str_from(json), &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return stream;
}

static chunks pull(amphi_stream *stream)
{
    chunks c = {.count = 0};
    bool terminal = false;
    amphi_str text;
    while (!terminal) {
        assert_in_range(c.count, 0, CHUNKS_MAX - 1);
        assert_int_equal(amphi_stream_next_json(stream, 20000, &text, &terminal, NULL), AMPHI_OK);
        assert_int_equal(amphi__json_parse(&c.items[c.count++], text, "chunk", NULL), AMPHI_OK);
    }
    assert_int_equal(amphi_stream_next_json(stream, 0, &text, &terminal, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(text.size, 0);
    return c;
}

static void clear(chunks *c)
{
    for (size_t i = 0; i < c->count; i++)
        amphi__json_free(c->items[i]);
}

/* The member at a path of keys ("0": the first element), or NULL. */
static const amphi_json *at(const amphi_json *value, const char *path)
{
    amphi_str rest = amphi_str_from(path);
    while (rest.size > 0) {
        amphi_str key = amphi__str_cut(rest, '.', &rest);
        char name[32];
        amphi__str_copy_to(name, sizeof name, key);
        value = strcmp(name, "0") == 0 ? amphi__json_first(value) : amphi__json_get(value, name);
    }
    return value;
}

static void expect_str(const amphi_json *value, const char *path, const char *text)
{
    if (!amphi__str_equal_c(amphi__json_string(at(value, path)), text))
        fail_msg("%s is not \"%s\"", path, text);
}

#define BODY(more)                                                                                 \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"amphi\":{\"mode\":"                  \
    "\"prefer_local\",\"no_cache\":true}" more "}"

static void wait_for_end(amphi_stream *stream)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    for (bool ended = false; !ended;) {
        nanosleep(&pause, NULL);
        amphi__mutex_lock(&stream->lock);
        ended = stream->terminal_queued;
        amphi__mutex_unlock(&stream->lock);
    }
}

/* The chunk of each event is written while memory has run out, then again: no event is lost, none
 * comes twice, and the terminal one ends it. */
static void chunks__are_given_again_when_memory_ran_out(void **state)
{
    static const char *const events[] = {"route", "delta", "delta", "usage", "done"};
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_stream *stream = start(&f, BODY(""));
    wait_for_end(stream);
    amphi_client_free(f.client); /* no other thread takes the failure */
    f.client = NULL;
    amphi_str text;
    amphi_error error;
    bool terminal = false;
    int failures = 0;
    failing_alloc_install();
    for (size_t i = 0; !terminal; i++) {
        amphi_json *chunk = NULL;
        failing_alloc_at(1);
        amphi_status status = amphi_stream_next_json(stream, 0, &text, &terminal, &error);
        if (failing_alloc_failed()) {
            failures++;
            assert_int_equal(status, AMPHI_E_NO_MEMORY);
            assert_false(terminal);
            failing_alloc_at(0);
            status = amphi_stream_next_json(stream, 0, &text, &terminal, &error);
        }
        failing_alloc_at(0);
        assert_int_equal(status, AMPHI_OK);
        assert_int_equal(amphi__json_parse(&chunk, text, "chunk", NULL), AMPHI_OK);
        assert_in_range(i, 0, 4);
        expect_str(chunk, "amphi.event", events[i]);
        amphi__json_free(chunk);
    }
    assert_int_equal(amphi_stream_next_json(stream, 0, &text, &terminal, NULL), AMPHI_E_NOT_FOUND);
    assert_true(failures > 0);
    amphi_stream_free(stream);
    failing_alloc_remove();
    chat_fixture_close(&f);
}

static void chunks__have_openais_shape_and_one_id(void **state)
{
    static const char *const events[] = {"route", "delta", "delta", "usage", "done"};
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_stream *stream = start(&f, BODY(""));
    chunks c = pull(stream);
    assert_int_equal(c.count, 5);
    for (size_t i = 0; i < c.count; i++) {
        expect_str(c.items[i], "amphi.event", events[i]);
        expect_str(c.items[i], "object", "chat.completion.chunk");
        assert_true(amphi__json_equal(at(c.items[i], "id"), at(c.items[0], "id")));
        assert_true(amphi__json_string(at(c.items[i], "id")).size > 9);
        assert_int_equal(amphi__json_kind(at(c.items[i], "choices.0.finish_reason")),
            i < 3    ? AMPHI_JSON_NULL
            : i == 3 ? AMPHI_JSON_NONE
                     : AMPHI_JSON_STRING);
        assert_int_equal(amphi__json_kind(at(c.items[i], "usage")),
            i == 3 ? AMPHI_JSON_OBJECT : AMPHI_JSON_NONE);
    }
    expect_str(c.items[0], "choices.0.delta.role", "assistant");
    expect_str(c.items[1], "choices.0.delta.content", "Hello");
    expect_str(c.items[2], "choices.0.delta.content", " world.");
    expect_str(c.items[2], "model", "script-1");
    assert_int_equal(amphi__json_count(at(c.items[3], "choices")), 0);
    assert_int_equal(amphi__json_int(at(c.items[3], "usage.completion_tokens"), -1), 2);
    expect_str(c.items[4], "choices.0.finish_reason", "stop");
    clear(&c);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

/* OpenAI has them in each chunk; here they come once, before the text. The route that failed had
 * others. */
static void chunks__each_has_the_envelope_of_its_route(void **state)
{
    static const scripted_step fails[] = {
        {SCRIPT_EXTRA, "{\"chunk\":{\"system_fingerprint\":\"fp_1\",\"provider\":\"A\"}}", 0},
        {SCRIPT_SAY, "Hel", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_ENGINE_DIED}};
    static const scripted_step answers[] = {{SCRIPT_REFUSE_PREFIX, NULL, 0},
        {SCRIPT_EXTRA,
            "{\"chunk\":{\"system_fingerprint\":\"fp_2\",\"service_tier\":\"flex\","
            "\"citations\":[1]}}",
            0},
        {SCRIPT_SAY, "Good", 0}, {SCRIPT_SAY, " day.", 0}, {SCRIPT_USAGE, NULL, 2},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open(&f, fails, answers);
    amphi_stream *stream = start(&f, BODY(""));
    chunks c = pull(stream);
    size_t told[2] = {0, 0}, cited = 0;
    for (size_t i = 0; i < c.count; i++) {
        bool is_second =
            amphi__str_equal_c(amphi__json_string(at(c.items[i], "amphi.route")), "cloud");
        cited += amphi__json_count(at(c.items[i], "citations"));
        if (amphi__json_string(at(c.items[i], "system_fingerprint")).size == 0) {
            assert_int_equal(told[is_second], 0); /* once it came, in each */
            continue;
        }
        told[is_second]++;
        expect_str(c.items[i], "system_fingerprint", is_second ? "fp_2" : "fp_1");
        expect_str(c.items[i], is_second ? "service_tier" : "provider", is_second ? "flex" : "A");
        assert_null(at(c.items[i], is_second ? "provider" : "service_tier"));
    }
    assert_in_range(told[0], 1, 2);
    assert_in_range(told[1], 4, CHUNKS_MAX); /* the last text, the usage and the end among them */
    assert_int_equal(cited, 1);
    expect_str(c.items[c.count - 1], "system_fingerprint", "fp_2");
    expect_str(c.items[c.count - 1], "choices.0.finish_reason", "stop");
    clear(&c);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void chunks__usage_is_null_elsewhere_for_who_asked(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_stream *stream =
        start(&f, BODY(",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
    assert_true(amphi_stream_wants_chunks(stream));
    assert_true(amphi_stream_wants_usage(stream));
    chunks c = pull(stream);
    for (size_t i = 0; i < c.count; i++)
        assert_int_equal(amphi__json_kind(at(c.items[i], "usage")),
            i == 3 ? AMPHI_JSON_OBJECT : AMPHI_JSON_NULL);
    clear(&c);
    amphi_stream_free(stream);
    assert_false(amphi_stream_wants_chunks(NULL));
    assert_false(amphi_stream_wants_usage(NULL));
    chat_fixture_close(&f);
}

static void chunks__takeover_and_replacement_are_understood_without_amphi(void **state)
{
    static const scripted_step another[] = {{SCRIPT_REFUSE_PREFIX, NULL, 0},
        {SCRIPT_SAY, "Good day.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open(&f, dies_in_mid_word, another);
    amphi_stream *stream = start(&f, BODY(""));
    chunks c = pull(stream);
    bool replaced = false;
    bool taken_over = false;
    for (size_t i = 0; i < c.count; i++) {
        amphi_str event = amphi__json_string(at(c.items[i], "amphi.event"));
        if (amphi__str_equal_c(event, "takeover")) {
            taken_over = true;
            expect_str(c.items[i], "amphi.from", "local");
            expect_str(c.items[i], "amphi.to", "cloud");
            expect_str(c.items[i], "amphi.reason", "engine_died");
            assert_int_equal(amphi__json_int(at(c.items[i], "amphi.byte_offset"), -1), 3);
            assert_int_equal(amphi__json_count(at(c.items[i], "choices.0.delta")), 0);
        } else if (amphi__str_equal_c(event, "replace")) {
            replaced = true;
            amphi_str shown = amphi__json_string(at(c.items[i], "choices.0.delta.content"));
            assert_true(amphi__str_starts_with(shown, AMPHI_STR("\n\n"))); /* a new paragraph */
            assert_true(amphi__str_equal(amphi__str_slice(shown, 2, shown.size),
                amphi__json_string(at(c.items[i], "amphi.text"))));
        }
    }
    assert_true(taken_over && replaced);
    clear(&c);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void error__is_an_object_in_both_forms(void **state)
{
    static const scripted_step refuses[] = {{SCRIPT_FAIL, NULL, AMPHI_E_REQUEST}};
    chat_fixture f;
    chat_fixture_open(&f, refuses, refuses);
    amphi_stream *stream = start(&f, BODY(""));
    chunks c = pull(stream);
    expect_str(c.items[c.count - 1], "error.code", "request");
    expect_str(c.items[c.count - 1], "error.type", "invalid_request_error");
    expect_str(c.items[c.count - 1], "error.amphi.status", "request");
    assert_true(amphi__json_string(at(c.items[c.count - 1], "error.message")).size > 0);
    assert_null(at(c.items[c.count - 1], "choices"));
    char *text = NULL;
    assert_int_equal(amphi_stream_completion_json(stream, &text, NULL), AMPHI_OK);
    amphi_json *whole = NULL;
    assert_int_equal(amphi__json_parse(&whole, amphi_str_from(text), "whole", NULL), AMPHI_OK);
    assert_true(amphi__json_equal(at(whole, "error"), at(c.items[c.count - 1], "error")));
    amphi__json_free(whole);
    amphi_string_free(text);
    clear(&c);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static amphi_json *completion(chat_fixture *f, const char *json)
{
    amphi_stream *stream = start(f, json);
    char *text = NULL;
    amphi_error error;
    assert_int_equal(amphi_stream_completion_json(stream, &text, &error), AMPHI_E_BUSY);
    assert_null(text);
    assert_int_equal(amphi_stream_completion_json(stream, NULL, &error), AMPHI_E_ARGUMENT);
    chunks c = pull(stream);
    clear(&c);
    assert_int_equal(amphi_stream_completion_json(stream, &text, NULL), AMPHI_OK);
    amphi_json *whole = NULL;
    assert_int_equal(amphi__json_parse(&whole, amphi_str_from(text), "whole", NULL), AMPHI_OK);
    amphi_string_free(text);
    amphi_stream_free(stream);
    return whole;
}

static void completion__has_openais_shape(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_json *whole = completion(&f, BODY(""));
    expect_str(whole, "object", "chat.completion");
    expect_str(whole, "model", "script-1");
    expect_str(whole, "choices.0.message.role", "assistant");
    expect_str(whole, "choices.0.message.content", "Hello world.");
    expect_str(whole, "choices.0.finish_reason", "stop");
    assert_int_equal(amphi__json_int(at(whole, "usage.total_tokens"), -1), 2);
    expect_str(whole, "amphi.route", "local");
    expect_str(whole, "amphi.text", ""); /* not twice */
    amphi__json_free(whole);
    chat_fixture_close(&f);
}

/* A provider that counts nothing has not answered for nothing. */
static void completion__without_counts_has_no_usage(void **state)
{
    static const scripted_step uncounted[] = {
        {SCRIPT_SAY, "Hello world.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open(&f, uncounted, uncounted);
    amphi_json *whole = completion(&f, BODY(""));
    assert_null(at(whole, "usage"));
    assert_null(at(whole, "amphi.usage"));
    assert_non_null(at(whole, "amphi.timing"));
    amphi__json_free(whole);
    chat_fixture_close(&f);
    chat_fixture_open(&f, says_hello, says_hello);
    whole = completion(&f, BODY(""));
    assert_int_equal(amphi__json_int(at(whole, "usage.completion_tokens"), -1), 2);
    assert_int_equal(amphi__json_int(at(whole, "amphi.usage.completion_tokens"), -1), 2);
    amphi__json_free(whole);
    chat_fixture_close(&f);
}

static void completion__of_a_tool_call_has_null_content(void **state)
{
    static const scripted_step calls[] = {{SCRIPT_REASON, "Hm.", 0},
        {SCRIPT_TOOL_CALL,
            "[{\"index\":0,\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
            "\"arguments\":\"{}\"}}]",
            0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_TOOL_CALLS}};
    chat_fixture f;
    chat_fixture_open(&f, calls, calls);
    amphi_json *whole = completion(&f, BODY(""));
    assert_int_equal(amphi__json_kind(at(whole, "choices.0.message.content")), AMPHI_JSON_NULL);
    expect_str(whole, "choices.0.message.reasoning_content", "Hm.");
    expect_str(whole, "choices.0.message.tool_calls.0.function.name", "f");
    expect_str(whole, "choices.0.finish_reason", "tool_calls");
    amphi__json_free(whole);
    chat_fixture_close(&f);
}

/* The older form of tools is answered in the older form. */
static void completion__of_functions_has_a_function_call(void **state)
{
    static const scripted_step calls[] = {{SCRIPT_TOOL_CALL,
                                              "[{\"index\":0,\"id\":\"c\",\"type\":\"function\","
                                              "\"function\":{\"name\":\"f\","
                                              "\"arguments\":\"{}\"}}]",
                                              0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_TOOL_CALLS}};
    chat_fixture f;
    chat_fixture_open(&f, calls, calls);
    amphi_json *whole = completion(&f, BODY(",\"functions\":[{\"name\":\"f\"}]"));
    expect_str(whole, "choices.0.message.function_call.name", "f");
    expect_str(whole, "choices.0.message.function_call.arguments", "{}");
    expect_str(whole, "choices.0.finish_reason", "function_call");
    assert_null(at(whole, "choices.0.message.tool_calls"));
    amphi__json_free(whole);
    chat_fixture_close(&f);
}

static void completion__that_was_queued_says_so(void **state)
{
    static const scripted_step down[] = {{SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
    chat_fixture f;
    chat_fixture_open(&f, down, down);
    amphi_json *whole = completion(&f, BODY(""));
    expect_str(whole, "choices.0.finish_reason", "queued");
    expect_str(whole, "amphi.route", "outbox");
    amphi__json_free(whole);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks__have_openais_shape_and_one_id),
        cmocka_unit_test(chunks__are_given_again_when_memory_ran_out),
        cmocka_unit_test(chunks__each_has_the_envelope_of_its_route),
        cmocka_unit_test(chunks__usage_is_null_elsewhere_for_who_asked),
        cmocka_unit_test(chunks__takeover_and_replacement_are_understood_without_amphi),
        cmocka_unit_test(error__is_an_object_in_both_forms),
        cmocka_unit_test(completion__has_openais_shape),
        cmocka_unit_test(completion__without_counts_has_no_usage),
        cmocka_unit_test(completion__of_a_tool_call_has_null_content),
        cmocka_unit_test(completion__of_functions_has_a_function_call),
        cmocka_unit_test(completion__that_was_queued_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
