/* SPDX-License-Identifier: Apache-2.0
 *
 * The OpenAI dialect: answers as the public documentation of several providers shows them, in four
 * framings each, fed whole, at every cut and at random.
 */
#include "remote/dialect_openai.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "tests/support/dialect_feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define DIALECT amphi__dialect_openai

typedef struct recording {
    const char *name;
    const char *events[16]; /* the data of each event */
    const char *text;
    const char *reasoning;
    const char *tools;
    const char *model;
    const char *extra;   /* NULL: not looked at */
    amphi_status status; /* OK: FINISH */
    amphi_finish finish;
    amphi_usage usage;
    bool no_usage;
} recording;

#define CHUNK(rest)                                                                                \
    "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-1\"," rest "}"
#define DELTA(delta, reason)                                                                       \
    CHUNK("\"choices\":[{\"index\":0,\"delta\":" delta                                             \
          ",\"logprobs\":null,\"finish_reason\":" reason "}]")

static const recording recordings[] = {
    {"OpenAI with usage",
        {DELTA("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null"),
            DELTA("{\"content\":\"Hello\"}", "null"),
            DELTA("{\"content\":\" w\\u00f6rld\"}", "null"),
            DELTA("{\"content\":\" \\ud83d\\ude00\\n\\\"ok\\\"\"}", "null"),
            DELTA("{}", "\"stop\""),
            CHUNK("\"choices\":[],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":10,"
                  "\"total_tokens\":29,\"prompt_tokens_details\":{\"cached_tokens\":3}}"),
            "[DONE]"},
        .text = "Hello w\xC3\xB6rld \xF0\x9F\x98\x80\n\"ok\"", .model = "m-1",
        .finish = AMPHI_FINISH_STOP, .usage = {19, 10, 3}},
    {"without usage",
        {DELTA("{\"role\":\"assistant\",\"content\":\"Hi\"}", "null"), DELTA("{}", "\"stop\""),
            "[DONE]"},
        .text = "Hi", .model = "m-1", .finish = AMPHI_FINISH_STOP, .no_usage = true},
    {"length, finish in the chunk of the last word",
        {DELTA("{\"content\":\"One\"}", "null"), DELTA("{\"content\":\" two\"}", "\"length\""),
            "[DONE]"},
        .text = "One two", .model = "m-1", .finish = AMPHI_FINISH_LENGTH, .no_usage = true},
    {"two tool calls in pieces",
        {DELTA(
             "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":\"call_"
             "a\","
             "\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"arguments\":\"\"}}]}",
             "null"),
            DELTA("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"ci\"}}]}",
                "null"),
            DELTA("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"ty\\\":1}\"}}]}",
                "null"),
            DELTA("{\"tool_calls\":[{\"index\":1,\"id\":\"call_b\",\"type\":\"function\","
                  "\"function\":{\"name\":\"now\",\"arguments\":\"{}\"}}]}",
                "null"),
            DELTA("{}", "\"tool_calls\""), "[DONE]"},
        .tools =
            "[{\"index\":0,\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":"
            "\"get_weather\",\"arguments\":\"\"}}]\n"
            "[{\"index\":0,\"function\":{\"arguments\":\"{\\\"ci\"}}]\n"
            "[{\"index\":0,\"function\":{\"arguments\":\"ty\\\":1}\"}}]\n"
            "[{\"index\":1,\"id\":\"call_b\",\"type\":\"function\",\"function\":{\"name\":\"now\","
            "\"arguments\":\"{}\"}}]\n",
        .model = "m-1", .finish = AMPHI_FINISH_TOOL_CALLS, .no_usage = true},
    {"tool calls that are not counted",
        {DELTA(
             "{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}",
             "null"),
            DELTA("{\"tool_calls\":[{\"function\":{\"arguments\":\"}\"}}]}", "null"),
            DELTA("{\"tool_calls\":[{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}"
                  "\"}}]}",
                "\"tool_calls\"")},
        .tools =
            "[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]\n"
            "[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]\n"
            "[{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]\n",
        .model = "m-1", .finish = AMPHI_FINISH_TOOL_CALLS, .no_usage = true},
    {"DeepSeek: reasoning_content and cache hits",
        {DELTA("{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"Let\"}", "null"),
            DELTA("{\"content\":null,\"reasoning_content\":\" me see.\"}", "null"),
            DELTA("{\"content\":\"42\",\"reasoning_content\":null}", "null"),
            CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":"
                  "\"stop\"}],"
                  "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,"
                  "\"prompt_cache_hit_tokens\":4}"),
            "[DONE]"},
        .text = "42", .reasoning = "Let me see.", .model = "m-1", .finish = AMPHI_FINISH_STOP,
        .usage = {7, 5, 4}},
    {"OpenRouter: reasoning beside it",
        {DELTA("{\"reasoning\":\"Hm.\",\"content\":\"\"}", "null"),
            DELTA("{\"content\":\"Yes\"}", "null"), DELTA("{\"content\":\"\"}", "\"stop\""),
            "[DONE]"},
        .text = "Yes", .reasoning = "Hm.", .model = "m-1", .finish = AMPHI_FINISH_STOP,
        .no_usage = true},
    {"refusal",
        {DELTA("{\"role\":\"assistant\",\"refusal\":\"\"}", "null"),
            DELTA("{\"refusal\":\"I can't\"}", "null"),
            DELTA("{\"refusal\":\" do that.\"}", "null"), DELTA("{}", "\"stop\""), "[DONE]"},
        .extra = "{\"delta\":{\"refusal\":\"I can't\"}}\n{\"delta\":{\"refusal\":\" do "
                 "that.\"}}\n",
        .model = "m-1", .finish = AMPHI_FINISH_STOP, .no_usage = true},
    {"Azure: a first chunk with the prompt's filter results",
        {"{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\","
         "\"prompt_filter_results\":[{\"prompt_index\":0}]}",
            DELTA("{\"content\":\"No\"}", "null"), DELTA("{}", "\"content_filter\""), "[DONE]"},
        .text = "No", .model = "m-1", .finish = AMPHI_FINISH_CONTENT_FILTER, .no_usage = true},
    {"usage that grows in every chunk",
        {CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"content\":\"A\"},\"finish_reason\":null}],"
               "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}"),
            CHUNK(
                "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"B\"},\"finish_reason\":null}],"
                "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}"),
            CHUNK("\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
                  "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3}"),
            "[DONE]"},
        .text = "AB", .model = "m-1", .finish = AMPHI_FINISH_STOP, .usage = {5, 3, 0}},
    {"other choices are not ours, nothing follows the finish",
        {"{\"model\":\"m-1\",\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}},"
         "{\"index\":0,\"delta\":{\"content\":\"yes\"}}]}",
            "{\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}",
            DELTA("{}", "\"stop\""), DELTA("{\"content\":\" more\"}", "null"), "[DONE]"},
        .text = "yes", .model = "m-1", .finish = AMPHI_FINISH_STOP, .no_usage = true},
    {"Mistral: content in parts",
        {DELTA("{\"content\":[{\"type\":\"text\",\"text\":\"Bon\"},{\"type\":\"reference\"},"
               "{\"type\":\"text\",\"text\":\"jour\"}]}",
             "null"),
            DELTA("{\"content\":\"\"}", "\"stop\""), "[DONE]"},
        .text = "Bonjour", .model = "m-1", .finish = AMPHI_FINISH_STOP, .no_usage = true},
    {"error in mid-stream",
        {DELTA("{\"content\":\"Half\"}", "null"),
            "{\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\","
            "\"param\":null,\"code\":null}}",
            "[DONE]"},
        .text = "Half", .model = "m-1", .status = AMPHI_E_PROVIDER},
    {"OpenRouter: rate limit in mid-stream",
        {DELTA("{\"content\":\"Half\"}", "null"),
            "{\"id\":\"c\",\"error\":{\"code\":429,\"message\":\"Rate "
            "limited\"},\"choices\":[{\"index\":0,"
            "\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}"},
        .text = "Half", .model = "m-1", .status = AMPHI_E_RATE_LIMITED},
    {"DeepSeek: broken off for lack of resources",
        {DELTA("{\"content\":\"Half\"}", "null"), DELTA("{}", "\"insufficient_system_resource\""),
            "[DONE]"},
        .text = "Half", .model = "m-1", .status = AMPHI_E_PROVIDER},
    {"an event that is no JSON",
        {DELTA("{\"content\":\"Half\"}", "null"), "{\"choices\":[{\"delta\":{\"content\":\"x",
            DELTA("{}", "\"stop\""), "[DONE]"},
        .text = "Half", .model = "m-1", .status = AMPHI_E_PROTOCOL},
    {"an event that is JSON but no object",
        {DELTA("{\"content\":\"Half\"}", "null"), "[1,2]", "[DONE]"}, .text = "Half",
        .model = "m-1", .status = AMPHI_E_PROTOCOL},
    {"the end marker without a finish reason", {DELTA("{\"content\":\"Half\"}", "null"), "[DONE]"},
        .text = "Half", .model = "m-1", .status = AMPHI_E_TRUNCATED},
    {"no end marker",
        {DELTA("{\"content\":\"All\"}", "null"), DELTA("{}", "\"stop\""),
            CHUNK("\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}")},
        .text = "All", .model = "m-1", .finish = AMPHI_FINISH_STOP, .usage = {1, 2, 0}},
    {"numbers of tokens that make no sense",
        {DELTA("{\"content\":\"A\"}", "\"stop\""),
            CHUNK("\"choices\":[],\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":1e18,"
                  "\"prompt_tokens_details\":null}"),
            "[DONE]"},
        .text = "A", .model = "m-1", .finish = AMPHI_FINISH_STOP, .usage = {0, UINT32_MAX, 0}},
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
                out, ": keepalive%s%sevent: message%sid: %zu%s", end, end, end, i, end);
        }
        amphi__buf_printf(out, "data:%s%s%s%s", framing == 2 ? "" : " ", r->events[i], end, end);
    }
}

static void assert_as_recorded(const engine_recorder *record, const recording *r)
{
    assert_string_equal(text_of(&record->text), r->text != NULL ? r->text : "");
    assert_string_equal(text_of(&record->reasoning), r->reasoning != NULL ? r->reasoning : "");
    assert_string_equal(text_of(&record->tool_calls), r->tools != NULL ? r->tools : "");
    assert_string_equal(text_of(&record->model), r->model);
    if (r->extra != NULL)
        assert_string_equal(text_of(&record->extra), r->extra);
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

static void answer__recordings_give_their_events_in_every_framing(void **state)
{
    for (size_t i = 0; i < RECORDINGS; i++) {
        for (int framing = 0; framing < FRAMINGS; framing++) {
            amphi_buf stream;
            engine_recorder record;
            engine_recorder_init(&record);
            frame(&stream, &recordings[i], framing);
            feed(&DIALECT, &record, amphi__buf_str(&stream), NULL, 0, NULL);
            assert_as_recorded(&record, &recordings[i]);
            engine_recorder_clear(&record);
            amphi__buf_clear(&stream);
        }
    }
}

static void answer__every_two_way_split_gives_the_same_events(void **state)
{
    for (size_t i = 0; i < RECORDINGS; i++) {
        for (int framing = 0; framing < FRAMINGS; framing++) {
            amphi_buf stream;
            frame(&stream, &recordings[i], framing);
            for (size_t cut = 1; cut < stream.size; cut++) {
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

static void answer__ten_thousand_random_splits_give_the_same_events(void **state)
{
    uint32_t seed = 42;
    for (int round = 0; round < 10000; round++) {
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

/* Where a healthy answer may be called whole: behind the event with its finish reason. */
static size_t finish_offset(amphi_str stream)
{
    size_t at = amphi__str_find(stream, AMPHI_STR("\"finish_reason\":\""));
    return at;
}

static void answer__cut_anywhere_never_ends_in_success_before_the_finish(void **state)
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
                    assert_true(cut > finish_offset(amphi__buf_str(&stream)));
                    assert_string_equal(text_of(&record.text),
                        recordings[i].text != NULL ? recordings[i].text : "");
                    assert_string_equal(text_of(&record.tool_calls),
                        recordings[i].tools != NULL ? recordings[i].tools : "");
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

/* recordings[0] has usage behind its finish reason, recordings[1] has none. */
static void check_end(size_t which, const char *last)
{
    engine_recorder record;
    amphi_buf stream;
    engine_recorder_init(&record);
    frame(&stream, &recordings[which], 0);
    amphi_answer *answer = new_answer(&DIALECT, &record, NULL);
    assert_int_equal(DIALECT.answer_headers(answer, 200, event_stream, 1), AMPHI_ANSWER_OPEN);
    amphi_str all = amphi__buf_str(&stream);
    size_t last_at = amphi__str_find(all, amphi_str_from(last));
    size_t behind =
        last_at + amphi__str_find(amphi__str_slice(all, last_at, all.size), AMPHI_STR("\n\n")) + 2;
    assert_int_equal(
        DIALECT.answer_body(answer, amphi__str_slice(all, 0, last_at)), AMPHI_ANSWER_ENDING);
    assert_int_equal(record.terminals, 0);
    assert_int_equal(
        DIALECT.answer_body(answer, amphi__str_slice(all, last_at, behind)), AMPHI_ANSWER_ENDED);
    assert_true(record.finished);
    DIALECT.answer_body(answer, amphi__str_slice(all, behind, all.size));
    DIALECT.answer_body(answer, AMPHI_STR("data: {\"error\":1}\n\n"));
    DIALECT.answer_end(answer, NULL);
    assert_int_equal(record.terminals, 1);
    DIALECT.answer_free(answer);
    engine_recorder_clear(&record);
    amphi__buf_clear(&stream);
}

static void answer__usage_or_end_marker_finishes_before_the_body_ends(void **state)
{
    check_end(0, "\"usage\"");
    check_end(1, "data: [DONE]");
}

typedef struct oddity {
    const char *body; /* under text/event-stream */
    amphi_status status;
    amphi_finish finish;
    const char *text;
    const char *tools; /* each report with an LF behind it */
} oddity;

#define EVENT(json)    "data: " json "\n\n"
#define SAY(text)      EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}")
#define CALL(piece)    EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[" piece "]}}]}")
#define END(reason)    "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}"
#define FINISH(reason) SAY("Hi") EVENT(END(reason))

static const oddity oddities[] = {
    /* The last event's end is missing, in four ways. */
    {SAY("Hi") "data: " END("stop"), AMPHI_OK, AMPHI_FINISH_STOP, "Hi", NULL},
    {SAY("Hi") "data: " END("stop") "\n", AMPHI_OK, AMPHI_FINISH_STOP, "Hi", NULL},
    {SAY("Hi") "data: " END("stop") "\r", AMPHI_OK, AMPHI_FINISH_STOP, "Hi", NULL},
    {SAY("Hi") "data: " END("stop") "\r\n", AMPHI_OK, AMPHI_FINISH_STOP, "Hi", NULL},
    {SAY("Hi") "data: {\"choices\":[{\"index\":0,\"del", AMPHI_E_TRUNCATED, 0, "Hi", NULL},
    {FINISH("stop") "data: {\"choices\":[],\"usa", AMPHI_OK, AMPHI_FINISH_STOP, "Hi", NULL},
    /* JSON under the event stream's type. */
    {"\n{\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}", AMPHI_OK,
        AMPHI_FINISH_STOP, "Hi", NULL},
    {"{\"error\":{\"message\":\"No\",\"code\":\"insufficient_quota\"}}", AMPHI_E_QUOTA, 0, "",
        NULL},
    {"", AMPHI_E_TRUNCATED, 0, "", NULL},
    {"\n\n", AMPHI_E_TRUNCATED, 0, "", NULL},
    /* Errors that are no {"error": ...}. */
    {SAY("Hi") EVENT("{\"object\":\"error\",\"message\":\"Engine died\",\"code\":500}"),
        AMPHI_E_PROVIDER, 0, "Hi", NULL},
    {SAY("Hi") "event: error\n" EVENT("{\"message\":\"rate limit\"}"), AMPHI_E_RATE_LIMITED, 0,
        "Hi", NULL},
    {SAY("Hi") "event: error\n" SAY("no answer"), AMPHI_E_PROVIDER, 0, "Hi", NULL},
    /* Reasons. */
    {FINISH("model_length"), AMPHI_OK, AMPHI_FINISH_LENGTH, "Hi", NULL},
    {FINISH("MAX_TOKENS"), AMPHI_OK, AMPHI_FINISH_LENGTH, "Hi", NULL},
    {FINISH("sensitive"), AMPHI_OK, AMPHI_FINISH_CONTENT_FILTER, "Hi", NULL},
    {FINISH("SAFETY"), AMPHI_OK, AMPHI_FINISH_CONTENT_FILTER, "Hi", NULL},
    {FINISH("end_turn"), AMPHI_OK, AMPHI_FINISH_STOP, "Hi", NULL},
    {FINISH("network_error"), AMPHI_E_PROVIDER, 0, "Hi", NULL},
    /* Every call has the index 0. */
    {CALL("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
          "{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}")
            EVENT(END("tool_calls")),
        AMPHI_OK, AMPHI_FINISH_TOOL_CALLS, "",
        "[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
        "{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]\n"},
    /* Another id with every piece is still one call. */
    {CALL("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}") CALL(
         "{\"index\":0,\"id\":\"b\",\"function\":{\"arguments\":\"}\"}}") EVENT(END("tool_calls")),
        AMPHI_OK, AMPHI_FINISH_TOOL_CALLS, "",
        "[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]\n"
        "[{\"index\":0,\"id\":\"b\",\"function\":{\"arguments\":\"}\"}}]\n"},
    /* Indices begin at 1; pieces are interleaved; one says nothing. */
    {CALL("{\"index\":1,\"id\":\"a\",\"function\":{\"name\":\"f\"}}")
            CALL("{\"index\":2,\"id\":\"b\",\"function\":{\"name\":\"g\"}}")
                CALL("{\"index\":1,\"function\":{\"arguments\":\"1\"}}")
                    CALL("{\"index\":2,\"function\":{\"arguments\":\"2\"}}") CALL(
                        "{\"index\":2,\"function\":{\"arguments\":\"\"}}") EVENT(END("tool_calls")),
        AMPHI_OK, AMPHI_FINISH_TOOL_CALLS, "",
        "[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\"}}]\n"
        "[{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\"}}]\n"
        "[{\"index\":0,\"function\":{\"arguments\":\"1\"}}]\n"
        "[{\"index\":1,\"function\":{\"arguments\":\"2\"}}]\n"},
    /* Arguments as an object; no id. */
    {CALL("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}")
            EVENT(END("tool_calls")),
        AMPHI_OK, AMPHI_FINISH_TOOL_CALLS, "",
        "[{\"index\":0,\"id\":\"call_0\",\"function\":{\"name\":\"f\",\"arguments\":"
        "\"{\\\"x\\\":1}\"}}]\n"},
    /* The form before tool_calls. */
    {EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"function_call\":{\"name\":\"f\","
           "\"arguments\":\"\"}}}]}") EVENT("{\"choices\":[{\"index\":0,\"delta\":{"
                                            "\"function_call\":{\"arguments\":\"{}\"}}}]}")
            EVENT(END("function_call")),
        AMPHI_OK, AMPHI_FINISH_TOOL_CALLS, "",
        "[{\"index\":0,\"id\":\"call_0\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]\n"
        "[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]\n"},
};

static void answer__odd_servers_are_understood_or_refused_with_their_reason(void **state)
{
    for (size_t i = 0; i < sizeof oddities / sizeof *oddities; i++) {
        const oddity *o = &oddities[i];
        engine_recorder record;
        engine_recorder_init(&record);
        feed(&DIALECT, &record, amphi_str_from(o->body), NULL, 0, NULL);
        if (record.error.status != o->status)
            print_message("%s\n%s\n", o->body, record.error.message);
        assert_int_equal(record.error.status, o->status);
        assert_int_equal(record.finished, o->status == AMPHI_OK);
        assert_int_equal(record.finish, o->finish);
        assert_string_equal(text_of(&record.text), o->text);
        assert_string_equal(text_of(&record.tool_calls), o->tools != NULL ? o->tools : "");
        engine_recorder_clear(&record);
    }
}

static void answer__more_tool_calls_than_anybody_makes_are_a_limit(void **state)
{
    engine_recorder record;
    amphi_buf body;
    engine_recorder_init(&record);
    amphi__buf_init(&body, 0);
    for (int i = 0; i < 200; i++) {
        amphi__buf_printf(
            &body, CALL("{\"index\":%d,\"id\":\"c%d\",\"function\":{\"name\":\"f\"}}"), i, i);
    }
    feed(&DIALECT, &record, amphi__buf_str(&body), NULL, 0, NULL);
    assert_int_equal(record.error.status, AMPHI_E_LIMIT);
    amphi__buf_clear(&body);
    engine_recorder_clear(&record);
}

static void answer__cancelled_is_cancelled_in_every_phase(void **state)
{
    amphi_error cancelled;
    amphi_buf stream;
    amphi__fail(&cancelled, AMPHI_E_CANCELLED, 0, "cancelled");
    frame(&stream, &recordings[1], 0);
    size_t done_at = amphi__str_find(amphi__buf_str(&stream), AMPHI_STR("data: [DONE]"));
    for (size_t size = 0; size <= done_at; size += done_at / 2) {
        engine_recorder record;
        engine_recorder_init(&record);
        feed(&DIALECT, &record, amphi__str_slice(amphi__buf_str(&stream), 0, size), NULL, 0,
            &cancelled);
        assert_int_equal(record.error.status, AMPHI_E_CANCELLED);
        engine_recorder_clear(&record);
    }
    amphi__buf_clear(&stream);
}

static void assert_continued(const char *prefix, const char *const *words, const char *expected)
{
    engine_recorder record;
    engine_recorder_init(&record);
    amphi_answer *answer = new_answer(&DIALECT, &record, prefix);
    DIALECT.answer_headers(answer, 200, event_stream, 1);
    for (; *words != NULL; words++) {
        amphi_buf event;
        amphi__buf_init(&event, 0);
        amphi__buf_printf(
            &event, "data: {\"choices\":[{\"delta\":{\"content\":\"%s\"}}]}\n\n", *words);
        DIALECT.answer_body(answer, amphi__buf_str(&event));
        amphi__buf_clear(&event);
    }
    DIALECT.answer_body(
        answer, AMPHI_STR("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"));
    DIALECT.answer_end(answer, NULL);
    DIALECT.answer_free(answer);
    assert_true(record.finished);
    assert_string_equal(text_of(&record.text), expected);
    engine_recorder_clear(&record);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void prefix__said_again_is_dropped_and_nothing_else(void **state)
{
    const char *prefix = "The harbour was quiet";
    assert_continued(prefix, WORDS(" and", " cold."), " and cold.");
    assert_continued(prefix, WORDS("The harbour", " was", " quiet", " and"), " and");
    assert_continued(prefix, WORDS("The harbour was quiet and"), " and");
    assert_continued(prefix, WORDS("The harbour was quiet", ""), "");
    assert_continued(prefix, WORDS("The harbour", " was", " loud."), "The harbour was loud.");
    assert_continued(prefix, WORDS("The"), "The");
    assert_continued(prefix, WORDS("", "The", "", "re"), "There");
    assert_continued("No, ", WORDS("No, ", "no."), "No, no."); /* too short to be sure */
    assert_continued(NULL, WORDS("The harbour was quiet"), "The harbour was quiet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer__recordings_give_their_events_in_every_framing),
        cmocka_unit_test(answer__every_two_way_split_gives_the_same_events),
        cmocka_unit_test(answer__ten_thousand_random_splits_give_the_same_events),
        cmocka_unit_test(answer__cut_anywhere_never_ends_in_success_before_the_finish),
        cmocka_unit_test(answer__usage_or_end_marker_finishes_before_the_body_ends),
        cmocka_unit_test(answer__odd_servers_are_understood_or_refused_with_their_reason),
        cmocka_unit_test(answer__more_tool_calls_than_anybody_makes_are_a_limit),
        cmocka_unit_test(answer__cancelled_is_cancelled_in_every_phase),
        cmocka_unit_test(prefix__said_again_is_dropped_and_nothing_else),
    };
    return cmocka_run_group_tests_name("unit.remote.dialect_openai", tests, NULL, NULL);
}
