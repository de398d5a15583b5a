/* SPDX-License-Identifier: Apache-2.0
 *
 * The Responses dialect: streams as OpenAI's API reference shows their events ("Streaming events"),
 * fed whole, at every cut and at random; and chat-completions requests in its terms.
 */
#include "remote/dialect_responses.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "tests/support/dialect_feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define DIALECT amphi__dialect_responses

typedef struct recording {
    const char *name;
    const char *events[16]; /* the data of each event */
    const char *text;
    const char *reasoning;
    const char *tools;
    const char *extra;   /* NULL: not looked at */
    amphi_status status; /* OK: FINISH */
    amphi_finish finish;
    amphi_usage usage;
    bool no_usage;
} recording;

#define RESPONSE(status, rest)                                                                     \
    "\"response\":{\"id\":\"resp_67c9\",\"object\":\"response\",\"created_at\":1741290958,"        \
    "\"status\":\"" status "\",\"model\":\"m-1\",\"output\":[]," rest                              \
    "\"parallel_tool_calls\":true,\"store\":false}"
#define CREATED                                                                                    \
    "{\"type\":\"response.created\",\"sequence_number\":0," RESPONSE(                              \
        "in_progress", "\"error\":null,\"incomplete_details\":null,\"usage\":null,") "}",          \
        "{\"type\":\"response.in_progress\",\"sequence_number\":1," RESPONSE(                      \
            "in_progress", "\"usage\":null,") "}"
#define USAGE                                                                                      \
    "\"usage\":{\"input_tokens\":37,\"input_tokens_details\":{\"cached_tokens\":3},"               \
    "\"output_tokens\":11,\"output_tokens_details\":{\"reasoning_tokens\":0},"                     \
    "\"total_tokens\":48},"
#define MESSAGE_ADDED(index)                                                                       \
    "{\"type\":\"response.output_item.added\",\"output_index\":" index ",\"item\":{\"id\":\"msg_"  \
    "67c9\",\"type\":\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":"   \
    "[]}}",                                                                                        \
        "{\"type\":\"response.content_part.added\",\"item_id\":\"msg_67c9\",\"output_"             \
        "index\":" index ",\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\","  \
        "\"annotations\":[]}}"
#define TEXT(delta)                                                                                \
    "{\"type\":\"response.output_text.delta\",\"item_id\":\"msg_67c9\",\"output_index\":0,"        \
    "\"content_index\":0,\"delta\":\"" delta "\",\"logprobs\":[],\"obfuscation\":\"aB3\"}"
#define MESSAGE_DONE(text)                                                                         \
    "{\"type\":\"response.output_text.done\",\"item_id\":\"msg_67c9\",\"output_index\":0,"         \
    "\"content_index\":0,\"text\":\"" text "\"}",                                                  \
        "{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"id\":\"msg_67c9\"" \
        ",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":"       \
        "[{\"type\":\"output_text\",\"text\":\"" text "\",\"annotations\":[]}]}}"
#define COMPLETED                                                                                  \
    "{\"type\":\"response.completed\",\"sequence_number\":9," RESPONSE("completed", USAGE) "}"
#define CALL_ITEM(status, arguments)                                                               \
    "{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":\"call_a\",\"name\":\"get_weather\"," \
    "\"arguments\":\"" arguments "\",\"status\":\"" status "\"}"

static const recording recordings[] = {
    {"text with usage",
        {CREATED, MESSAGE_ADDED("0"), TEXT("Hello"), TEXT(" w\\u00f6rld"),
            TEXT(" \\ud83d\\ude00\\n\\\"ok\\\""),
            MESSAGE_DONE("Hello w\\u00f6rld \\ud83d\\ude00\\n\\\"ok\\\""), COMPLETED},
        .text = "Hello w\xC3\xB6rld \xF0\x9F\x98\x80\n\"ok\"", .finish = AMPHI_FINISH_STOP,
        .usage = {37, 11, 3}},
    {"a function call in pieces",
        {CREATED,
            "{\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":" CALL_ITEM(
                "in_progress", "") "}",
            "{\"type\":\"response.function_call_arguments.delta\",\"item_id\":\"fc_1\","
            "\"output_index\":0,\"delta\":\"{\\\"ci\"}",
            "{\"type\":\"response.function_call_arguments.delta\",\"item_id\":\"fc_1\","
            "\"output_index\":0,\"delta\":\"ty\\\":1}\"}",
            "{\"type\":\"response.function_call_arguments.done\",\"item_id\":\"fc_1\","
            "\"output_index\":0,\"arguments\":\"{\\\"city\\\":1}\"}",
            "{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":" CALL_ITEM(
                "completed", "{\\\"city\\\":1}") "}",
            COMPLETED},
        .tools = "[{\"index\":0,\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":"
                 "\"get_weather\",\"arguments\":\"\"}}]\n"
                 "[{\"index\":0,\"function\":{\"arguments\":\"{\\\"ci\"}}]\n"
                 "[{\"index\":0,\"function\":{\"arguments\":\"ty\\\":1}\"}}]\n",
        .finish = AMPHI_FINISH_TOOL_CALLS, .usage = {37, 11, 3}},
    {"reasoning, then text, then two calls that come only when they are done",
        {CREATED,
            "{\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"id\":\"rs_1\","
            "\"type\":\"reasoning\",\"summary\":[]}}",
            "{\"type\":\"response.reasoning_summary_text.delta\",\"item_id\":\"rs_1\","
            "\"output_index\":0,\"summary_index\":0,\"delta\":\"Let me\"}",
            "{\"type\":\"response.reasoning_text.delta\",\"item_id\":\"rs_1\",\"output_index\":0,"
            "\"content_index\":0,\"delta\":\" see.\"}",
            "{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"id\":\"rs_1\","
            "\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"Let "
            "me\"}]}}",
            MESSAGE_ADDED("1"), TEXT("I look."),
            "{\"type\":\"response.output_item.done\",\"output_index\":2,\"item\":" CALL_ITEM(
                "completed", "{}") "}",
            "{\"type\":\"response.output_item.done\",\"output_index\":3,\"item\":" CALL_ITEM(
                "completed", "[]") "}",
            COMPLETED},
        .text = "I look.", .reasoning = "Let me see.",
        .tools = "[{\"index\":0,\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":"
                 "\"get_weather\",\"arguments\":\"{}\"}}]\n"
                 "[{\"index\":1,\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":"
                 "\"get_weather\",\"arguments\":\"[]\"}}]\n",
        .finish = AMPHI_FINISH_TOOL_CALLS, .usage = {37, 11, 3}},
    {"a message without deltas", {CREATED, MESSAGE_DONE("All at once."), COMPLETED},
        .text = "All at once.", .finish = AMPHI_FINISH_STOP, .usage = {37, 11, 3}},
    {"refusal",
        {CREATED,
            "{\"type\":\"response.refusal.delta\",\"item_id\":\"msg\",\"output_index\":0,"
            "\"content_index\":0,\"delta\":\"I can't\"}",
            "{\"type\":\"response.refusal.delta\",\"delta\":\" do that.\"}",
            "{\"type\":\"response.refusal.done\",\"refusal\":\"I can't do that.\"}", COMPLETED},
        .extra = "{\"delta\":{\"refusal\":\"I can't\"}}\n{\"delta\":{\"refusal\":\" do "
                 "that.\"}}\n",
        .finish = AMPHI_FINISH_STOP, .usage = {37, 11, 3}},
    {"cut at its limit of tokens",
        {CREATED, TEXT("One two"),
            "{\"type\":\"response.incomplete\"," RESPONSE("incomplete",
                "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}," USAGE) "}"},
        .text = "One two", .finish = AMPHI_FINISH_LENGTH, .usage = {37, 11, 3}},
    {"stopped by the content filter",
        {CREATED, TEXT("No"),
            "{\"type\":\"response.incomplete\"," RESPONSE("incomplete",
                "\"incomplete_details\":{\"reason\":\"content_filter\"},\"usage\":null,") "}"},
        .text = "No", .finish = AMPHI_FINISH_CONTENT_FILTER, .no_usage = true},
    {"failed",
        {CREATED, TEXT("Half"),
            "{\"type\":\"response.failed\"," RESPONSE("failed",
                "\"error\":{\"code\":\"server_error\",\"message\":\"The model failed.\"},") "}"},
        .text = "Half", .status = AMPHI_E_PROVIDER},
    {"failed: rate limit",
        {CREATED,
            "{\"type\":\"response.failed\"," RESPONSE("failed",
                "\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"Slow down.\"},") "}"},
        .status = AMPHI_E_RATE_LIMITED},
    {"error event",
        {CREATED, TEXT("Half"),
            "{\"type\":\"error\",\"code\":\"ERR_SOMETHING\",\"message\":\"Something went wrong\","
            "\"param\":null,\"sequence_number\":1}"},
        .text = "Half", .status = AMPHI_E_PROVIDER},
    {"an event that is no JSON",
        {CREATED, TEXT("Half"), "{\"type\":\"response.output_te", COMPLETED}, .text = "Half",
        .status = AMPHI_E_PROTOCOL},
    {"an event that is JSON but no object", {CREATED, TEXT("Half"), "[1,2]"}, .text = "Half",
        .status = AMPHI_E_PROTOCOL},
    {"chat completions' end marker before the end", {CREATED, TEXT("Half"), "[DONE]"},
        .text = "Half", .status = AMPHI_E_TRUNCATED},
    {"types that are new to us, and nothing behind the end",
        {CREATED, "{\"type\":\"response.web_search_call.searching\",\"output_index\":0}",
            "{\"type\":\"response.audio.delta\",\"delta\":\"AAAA\"}", TEXT("Yes"), COMPLETED,
            TEXT(" more"), "[DONE]"},
        .text = "Yes", .finish = AMPHI_FINISH_STOP, .usage = {37, 11, 3}},
};
enum { RECORDINGS = sizeof recordings / sizeof *recordings, FRAMINGS = 4 };

/* The same events with the line ends, comments and fields that servers put around them. */
static void frame(amphi_buf *out, const recording *r, int framing)
{
    static const char *const ends[FRAMINGS] = {"\n", "\r\n", "\r", "\n"};
    const char *end = ends[framing];
    amphi__buf_init(out, 0);
    if (framing == 3)
        amphi__buf_append_c(out, "\xEF\xBB\xBF: hello\n\n");
    for (size_t i = 0; r->events[i] != NULL; i++) {
        if (framing == 3) {
            amphi__buf_printf(
                out, ": keepalive%s%sevent: ignored%sid: %zu%s", end, end, end, i, end);
        }
        amphi__buf_printf(out, "data:%s%s%s%s", framing == 2 ? "" : " ", r->events[i], end, end);
    }
}

static const amphi_http_header json_type[] = {{{"content-type", 12}, {"application/json", 16}}};

static void assert_as_recorded(const engine_recorder *record, const recording *r)
{
    assert_string_equal(text_of(&record->text), r->text != NULL ? r->text : "");
    assert_string_equal(text_of(&record->reasoning), r->reasoning != NULL ? r->reasoning : "");
    assert_string_equal(text_of(&record->tool_calls), r->tools != NULL ? r->tools : "");
    assert_string_equal(text_of(&record->model), "m-1");
    if (r->extra != NULL)
        assert_int_equal(strncmp(text_of(&record->extra), r->extra, strlen(r->extra)), 0);
    assert_int_equal(record->finished, r->status == AMPHI_OK);
    assert_int_equal(record->error.status, r->status);
    assert_int_equal(record->finish, r->finish);
    if (r->status == AMPHI_OK) {
        assert_int_equal(record->usages, r->no_usage ? 0 : 1);
        assert_int_equal(record->usage.prompt_tokens, r->usage.prompt_tokens);
        assert_int_equal(record->usage.completion_tokens, r->usage.completion_tokens);
        assert_int_equal(record->usage.cached_tokens, r->usage.cached_tokens);
    }
}

static void answer__recordings_give_their_events_in_every_framing_and_split(void **state)
{
    for (size_t i = 0; i < RECORDINGS; i++) {
        for (int framing = 0; framing < FRAMINGS; framing++) {
            amphi_buf stream;
            frame(&stream, &recordings[i], framing);
            for (size_t cut = 0; cut < stream.size; cut++) {
                engine_recorder record;
                engine_recorder_init(&record);
                feed(&DIALECT, &record, amphi__buf_str(&stream), &cut, 1, NULL);
                assert_as_recorded(&record, &recordings[i]);
                engine_recorder_clear(&record);
            }
            amphi__buf_clear(&stream);
        }
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void answer__random_splits_give_the_same_events(void **state)
{
    uint32_t seed = 42;
    for (int round = 0; round < 3000; round++) {
        const recording *r = &recordings[next_random(&seed) % RECORDINGS];
        amphi_buf stream;
        engine_recorder record;
        size_t cuts[64];
        size_t count = 0;
        engine_recorder_init(&record);
        frame(&stream, r, (int)(next_random(&seed) % FRAMINGS));
        size_t step = 1 + next_random(&seed) % 60;
        for (size_t at = 0; count < 64 && at < stream.size; at += 1 + next_random(&seed) % step)
            cuts[count++] = at;
        feed(&DIALECT, &record, amphi__buf_str(&stream), cuts, count, NULL);
        assert_as_recorded(&record, r);
        engine_recorder_clear(&record);
        amphi__buf_clear(&stream);
    }
}

/* Where a healthy answer may be called whole: inside its last event, behind the one before. */
static size_t end_offset(amphi_str stream)
{
    size_t completed = amphi__str_find(stream, AMPHI_STR("\"response.completed\""));
    size_t incomplete = amphi__str_find(stream, AMPHI_STR("\"response.incomplete\""));
    return completed < incomplete ? completed : incomplete;
}

static void answer__cut_at_every_byte_never_succeeds_early(void **state)
{
    amphi_error broken;
    amphi__fail(&broken, AMPHI_E_TRUNCATED, 0, "cut");
    for (size_t i = 0; i < RECORDINGS; i++) {
        amphi_buf stream;
        frame(&stream, &recordings[i], (int)(i % FRAMINGS));
        for (size_t cut = 0; cut < stream.size; cut++) {
            for (int clean = 0; clean < 2; clean++) {
                engine_recorder record;
                engine_recorder_init(&record);
                amphi_str beginning = amphi__str_slice(amphi__buf_str(&stream), 0, cut);
                feed(&DIALECT, &record, beginning, NULL, 0, clean ? NULL : &broken);
                if (record.finished) {
                    assert_true(recordings[i].status == AMPHI_OK);
                    assert_true(cut > end_offset(amphi__buf_str(&stream)) + 100);
                    assert_string_equal(text_of(&record.text),
                        recordings[i].text != NULL ? recordings[i].text : "");
                } else {
                    assert_true(record.error.status == AMPHI_E_TRUNCATED ||
                                record.error.status == recordings[i].status);
                }
                engine_recorder_clear(&record);
            }
        }
        amphi__buf_clear(&stream);
    }
}

static void answer__type_may_stand_in_the_event_field_only(void **state)
{
    engine_recorder record;
    engine_recorder_init(&record);
    feed(&DIALECT, &record,
        AMPHI_STR("event: response.output_text.delta\ndata: {\"delta\":\"Hi\"}\n\n"
                  "event: response.completed\ndata: {\"response\":{\"status\":\"completed\"}}\n\n"),
        NULL, 0, NULL);
    assert_true(record.finished);
    assert_string_equal(text_of(&record.text), "Hi");
    engine_recorder_clear(&record);
}

static void feed_whole(engine_recorder *record, int http_status, const char *body)
{
    amphi_answer *answer = new_answer(&DIALECT, record, NULL);
    DIALECT.answer_headers(answer, http_status, json_type, 1);
    for (size_t at = 0; at < strlen(body); at += 7)
        DIALECT.answer_body(answer, amphi__str_slice(amphi_str_from(body), at, at + 7));
    DIALECT.answer_end(answer, NULL);
    DIALECT.answer_free(answer);
    assert_int_equal(record->terminals, 1);
    assert_int_equal(record->after_terminal, 0);
}

static const char whole[] =
    "{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"completed\",\"error\":null,"
    "\"incomplete_details\":null,\"model\":\"m-1\",\"output\":[{\"type\":\"reasoning\",\"summary\":"
    "[{\"type\":\"summary_text\",\"text\":\"Hm.\"}]},{\"type\":\"message\",\"role\":\"assistant\","
    "\"content\":[{\"type\":\"output_text\",\"text\":\"All of it.\"}]},{\"type\":\"function_call\","
    "\"call_id\":\"call_a\",\"name\":\"f\",\"arguments\":\"{}\"}]," USAGE "\"x\":1}";

static void answer__in_one_piece_is_understood_and_whole_or_nothing(void **state)
{
    engine_recorder record;
    engine_recorder_init(&record);
    feed_whole(&record, 200, whole);
    assert_true(record.finished);
    assert_int_equal(record.finish, AMPHI_FINISH_TOOL_CALLS);
    assert_string_equal(text_of(&record.text), "All of it.");
    assert_string_equal(text_of(&record.reasoning), "Hm.");
    assert_string_equal(text_of(&record.tool_calls),
        "[{\"index\":0,\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"{}\"}}]\n");
    assert_int_equal(record.usage.prompt_tokens, 37);
    for (size_t cut = 0; cut + 1 < sizeof whole - 1; cut += 3) {
        char beginning[sizeof whole];
        memcpy(beginning, whole, cut);
        beginning[cut] = '\0';
        engine_recorder_reset(&record);
        feed_whole(&record, 200, beginning);
        assert_false(record.finished);
        assert_int_equal(record.text.size, 0);
    }
    engine_recorder_reset(&record);
    feed_whole(&record, 200, "{\"object\":\"response\",\"status\":\"in_progress\"}");
    assert_int_equal(record.error.status, AMPHI_E_TRUNCATED);
    engine_recorder_reset(&record);
    feed_whole(&record, 200,
        "{\"object\":\"response\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\"}}");
    assert_int_equal(record.error.status, AMPHI_E_PROVIDER);
    engine_recorder_clear(&record);
}

static void answer__refusals_are_explained(void **state)
{
    engine_recorder record;
    engine_recorder_init(&record);
    feed_whole(&record, 400, "{\"error\":{\"code\":\"context_length_exceeded\"}}");
    assert_int_equal(record.error.status, AMPHI_E_CONTEXT_LENGTH);
    engine_recorder_reset(&record);
    feed_whole(&record, 429, "{\"error\":{\"code\":\"rate_limit_exceeded\"}}");
    assert_int_equal(record.error.status, AMPHI_E_RATE_LIMITED);
    engine_recorder_reset(&record);
    feed_whole(&record, 200, "<html>Sign in</html>");
    assert_int_equal(record.error.status, AMPHI_E_PROTOCOL);
    engine_recorder_reset(&record);
    feed_whole(&record, 503, "");
    assert_int_equal(record.error.status, AMPHI_E_PROVIDER);
    engine_recorder_clear(&record);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static void assert_request(
    const char *body, const char *model, const char *prefix, const char *expected)
{
    amphi_buf out;
    amphi_error error;
    amphi__buf_init(&out, 0);
    const amphi_dialect_request request = {
        .body = amphi_str_from(body),
        .model = amphi_str_from(model),
        .prefix = amphi_str_from(prefix),
    };
    assert_int_equal(DIALECT.request_write(&out, &request, &error), AMPHI_OK);
    assert_string_equal(out.data, expected);
    assert_int_equal(amphi__json_check(amphi__buf_str(&out), "out", NULL), AMPHI_OK);
    amphi__buf_clear(&out);
}

#define TAIL "\"store\":false,\"stream\":true}"

static void request__messages_become_instructions_and_input(void **state)
{
    assert_request("{\"messages\":[{\"role\":\"system\",\"content\":\"Be \\\"kind\\\".\"},"
                   "{\"role\":\"developer\",\"content\":\"Be short.\"},"
                   "{\"role\":\"user\",\"content\":\"Hi \\u00e9\"},"
                   "{\"role\":\"assistant\",\"content\":\"Hello.\"},"
                   "{\"role\":\"system\",\"content\":\"Later.\"}]}",
        "gpt-5", NULL,
        "{\"model\":\"gpt-5\",\"instructions\":\"Be \\\"kind\\\".\\n\\nBe short.\",\"input\":["
        "{\"role\":\"user\",\"content\":\"Hi \\u00e9\"},"
        "{\"role\":\"assistant\",\"content\":\"Hello.\"},"
        "{\"role\":\"system\",\"content\":\"Later.\"}]," TAIL);
    assert_request("{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}", NULL,
        "He said",
        "{\"model\":\"x\",\"input\":[{\"role\":\"user\",\"content\":\"Hi\"},"
        "{\"role\":\"assistant\",\"content\":\"He said\"}]," TAIL);
}

static void request__tool_calls_and_results_become_items(void **state)
{
    assert_request(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"?\"},{\"role\":\"assistant\","
        "\"content\":null,\"tool_calls\":[{\"id\":\"call_a\",\"type\":\"function\",\"function\":"
        "{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},{\"role\":\"tool\","
        "\"tool_call_id\":\"call_a\",\"content\":[{\"type\":\"text\",\"text\":\"7\"},"
        "{\"type\":\"text\",\"text\":\" C\"}]}]}",
        NULL, NULL,
        "{\"input\":[{\"role\":\"user\",\"content\":\"?\"},{\"type\":\"function_call\","
        "\"call_id\":\"call_a\",\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"},"
        "{\"type\":\"function_call_output\",\"call_id\":\"call_a\",\"output\":\"7 C\"}]," TAIL);
}

static void request__parts_change_their_names(void **state)
{
    assert_request(
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"See\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:x\",\"detail\":\"low\"}},"
        "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA\",\"format\":\"wav\"}},"
        "{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Yes\"}]}]}",
        NULL, NULL,
        "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"See\"},"
        "{\"type\":\"input_image\",\"image_url\":\"data:x\",\"detail\":\"low\"},"
        "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA\",\"format\":\"wav\"}},"
        "{\"type\":\"input_file\",\"file_id\":\"f\"}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Yes\"}]}]"
        "," TAIL);
}

static void request__tools_limits_and_formats_are_translated(void **state)
{
    assert_request(
        "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"a\":"
        "9007199254740993}}},{\"type\":\"function\",\"function\":{\"name\":\"g\",\"strict\":true}},"
        "{\"type\":\"web_search\"}],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":"
        "\"f\"}},\"messages\":[],\"max_tokens\":5,\"max_completion_tokens\":7,\"reasoning_effort\":"
        "\"low\",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"s\","
        "\"schema\":{}}},\"temperature\":0.30000000000000004,\"unknown\":[1]}",
        NULL, NULL,
        "{\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"a\":9007199254740993},"
        "\"strict\":false},{\"type\":\"function\",\"name\":\"g\",\"strict\":true},"
        "{\"type\":\"web_search\"}],\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"},"
        "\"reasoning\":{\"effort\":\"low\"},\"text\":{\"format\":{\"type\":\"json_schema\","
        "\"name\":\"s\",\"schema\":{}}},\"temperature\":0.30000000000000004,\"unknown\":[1],"
        "\"input\":[],\"max_output_tokens\":7," TAIL);
    assert_request("{\"tool_choice\":\"auto\",\"response_format\":{\"type\":\"json_object\"},"
                   "\"max_tokens\":5,\"store\":true,\"messages\":[]}",
        NULL, NULL,
        "{\"tool_choice\":\"auto\",\"text\":{\"format\":{\"type\":\"json_object\"}},\"store\":true,"
        "\"input\":[],\"max_output_tokens\":5,\"stream\":true}");
}

static void request__ours_and_what_the_api_has_no_word_for_stay_here(void **state)
{
    amphi_buf out;
    amphi_error error;
    assert_request("{\"amphi\":{\"mode\":\"auto\"},\"fallbacks\":[\"b\"],\"n\":1,\"seed\":3,"
                   "\"stream\":false,\"stream_options\":{},\"stop\":null,\"messages\":[]}",
        NULL, NULL, "{\"input\":[]," TAIL);
    amphi__buf_init(&out, 0);
    const amphi_dialect_request request = {
        .body = AMPHI_STR("{\"messages\":[],\"stop\":[\"END\"]}")};
    assert_int_equal(DIALECT.request_write(&out, &request, &error), AMPHI_E_UNSUPPORTED);
    assert_true(strncmp(error.message, "stop:", 5) == 0);
    amphi__buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer__recordings_give_their_events_in_every_framing_and_split),
        cmocka_unit_test(answer__random_splits_give_the_same_events),
        cmocka_unit_test(answer__cut_at_every_byte_never_succeeds_early),
        cmocka_unit_test(answer__type_may_stand_in_the_event_field_only),
        cmocka_unit_test(answer__in_one_piece_is_understood_and_whole_or_nothing),
        cmocka_unit_test(answer__refusals_are_explained),
        cmocka_unit_test(request__messages_become_instructions_and_input),
        cmocka_unit_test(request__tool_calls_and_results_become_items),
        cmocka_unit_test(request__parts_change_their_names),
        cmocka_unit_test(request__tools_limits_and_formats_are_translated),
        cmocka_unit_test(request__ours_and_what_the_api_has_no_word_for_stay_here),
    };
    return cmocka_run_group_tests_name("unit.remote.dialect_responses", tests, NULL, NULL);
}
