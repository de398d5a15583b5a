/* SPDX-License-Identifier: Apache-2.0
 *
 * Notes keep copies of everything that an event points to, and share text when a queue is long.
 */
#include "sdk/client/event_queue.h"
#include "sdk/core/alloc.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void notes__keep_copies_for_the_caller(void **state)
{
    amphi_error error = {.status = AMPHI_E_NETWORK, .message = "cut"};
    amphi_takeover takeover = {.from = "a", .to = "b", .byte_offset = 7};
    amphi_provider_error provider = {.message = "no", .param = "tools"};
    char text[] = "words", route[] = "cloud", model[] = "m", logprobs[] = "[1]";
    char extra[] = "{\"chunk\":{}}";
    const amphi_event event = {.kind = AMPHI_EVENT_TAKEOVER,
        .text = amphi_str_from(text),
        .route = amphi_str_from(route),
        .model = amphi_str_from(model),
        .logprobs = amphi_str_from(logprobs),
        .usage = {1, 2, 3},
        .takeover = &takeover,
        .extra_json = amphi_str_from(extra),
        .provider = &provider,
        .error = &error};
    amphi_queued_event *queued = amphi__queued_event_for_caller(&event, false);
    assert_non_null(queued);
    memset(text, '#', sizeof text - 1);
    memset(route, '#', sizeof route - 1);
    memset(model, '#', sizeof model - 1);
    memset(logprobs, '#', sizeof logprobs - 1);
    memset(&error, 0, sizeof error);
    memset(&takeover, 0, sizeof takeover);
    memset(extra, '#', sizeof extra - 1);
    memset(&provider, 0, sizeof provider);
    assert_string_equal(queued->event.extra_json.data, "{\"chunk\":{}}");
    assert_string_equal(queued->event.provider->message, "no");
    assert_string_equal(queued->event.provider->param, "tools");
    assert_string_equal(queued->event.text.data, "words"); /* NUL-terminated, too */
    assert_string_equal(queued->event.route.data, "cloud");
    assert_string_equal(queued->event.model.data, "m");
    assert_string_equal(queued->event.logprobs.data, "[1]");
    assert_int_equal(queued->event.usage.completion_tokens, 2);
    assert_string_equal(queued->event.takeover->to, "b");
    assert_int_equal(queued->event.takeover->byte_offset, 7);
    assert_int_equal(queued->event.error->status, AMPHI_E_NETWORK);
    amphi__free(queued);
}

static void notes__keep_copies_from_an_engine(void **state)
{
    amphi_error error = {.status = AMPHI_E_ENGINE_DIED, .message = "SIGSEGV"};
    amphi_provider_error provider = {.message = "no", .http_status = 400};
    const amphi_engine_event fail = {
        .kind = AMPHI_ENGINE_FAIL, .error = &error, .provider = &provider};
    amphi_queued_event *queued = amphi__queued_event_from_engine(3, &fail, false);
    assert_non_null(queued);
    memset(&error, 0, sizeof error);
    memset(&provider, 0, sizeof provider);
    assert_int_equal(queued->attempt, 3);
    assert_string_equal(queued->engine.provider->message, "no");
    assert_int_equal(queued->engine.provider->http_status, 400);
    assert_string_equal(queued->engine.error->message, "SIGSEGV");
    assert_int_equal(queued->engine.text.size, 0);
    amphi__free(queued);

    const amphi_engine_event finish = {.kind = AMPHI_ENGINE_FINISH};
    queued = amphi__queued_event_from_engine(1, &finish, false);
    assert_non_null(queued);
    assert_null(queued->engine.error);
    amphi__free(queued);
}

/* Posts pieces as the stream does: into the last note if it has room. */
static void post(amphi_event_queue *queue, amphi_engine_event_kind kind, const char *text)
{
    const amphi_engine_event event = {.kind = kind, .text = amphi_str_from(text)};
    bool shared = amphi__event_queue_is_long(queue);
    if (!shared || !amphi__event_queue_merge_engine(queue, 1, &event))
        amphi__event_queue_push(queue, amphi__queued_event_from_engine(1, &event, shared));
}

static void notes__of_a_long_queue_share_text(void **state)
{
    enum { PIECES = 20000 };
    amphi_event_queue queue = {NULL, NULL, 0};
    size_t bytes = 0, count = 0;
    for (int i = 0; i < PIECES; i++)
        post(&queue, AMPHI_ENGINE_TEXT, "abc");
    post(&queue, AMPHI_ENGINE_REASONING, "other");
    for (amphi_queued_event *queued; (queued = amphi__event_queue_pop(&queue)) != NULL; count++) {
        amphi_str text = queued->engine.text;
        assert_int_equal(strlen(text.data), text.size);
        if (queued->engine.kind == AMPHI_ENGINE_TEXT)
            for (size_t i = 0; i < text.size; i++)
                assert_int_equal(text.data[i], "abc"[(bytes + i) % 3]);
        bytes += text.size;
        amphi__free(queued);
    }
    assert_int_equal(bytes, 3 * PIECES + strlen("other"));
    assert_in_range(count, 64 + 10, 64 + 20); /* 60,000 bytes in pieces of 4096 */
}

static void notes__join_arrays_of_tool_calls(void **state)
{
    amphi_event_queue queue = {NULL, NULL, 0};
    for (int i = 0; i < 70; i++)
        post(&queue, AMPHI_ENGINE_TOOL_CALL, "[{}]");
    const amphi_queued_event *last = queue.last;
    assert_string_equal(last->engine.text.data, "[{},{},{},{},{},{}]");
    assert_int_equal(last->engine.text.size, strlen("[{},{},{},{},{},{}]"));
    post(&queue, AMPHI_ENGINE_TOOL_CALL, "[]"); /* nothing to add: a note of its own */
    assert_ptr_not_equal(queue.last, last);
    amphi__event_queue_clear(&queue);
    assert_int_equal(queue.count, 0);
    assert_null(amphi__event_queue_pop(&queue));
}

static void notes__for_the_caller_share_only_with_the_same_source(void **state)
{
    amphi_event_queue queue = {NULL, NULL, 0};
    amphi_event event = {.kind = AMPHI_EVENT_DELTA,
        .text = AMPHI_STR("one"),
        .route = AMPHI_STR("cloud"),
        .model = AMPHI_STR("m")};
    assert_false(amphi__event_queue_merge_caller(&queue, &event)); /* nothing is there */
    amphi__event_queue_push(&queue, amphi__queued_event_for_caller(&event, true));
    event.text = AMPHI_STR(" two");
    assert_true(amphi__event_queue_merge_caller(&queue, &event));
    assert_string_equal(queue.last->event.text.data, "one two");
    event.model = AMPHI_STR("n");
    assert_false(amphi__event_queue_merge_caller(&queue, &event));
    event.model = AMPHI_STR("m");
    event.route = AMPHI_STR("local");
    assert_false(amphi__event_queue_merge_caller(&queue, &event));
    event.route = AMPHI_STR("cloud");
    event.kind = AMPHI_EVENT_REASONING;
    assert_false(amphi__event_queue_merge_caller(&queue, &event));
    amphi__event_queue_clear(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes__keep_copies_for_the_caller),
        cmocka_unit_test(notes__keep_copies_from_an_engine),
        cmocka_unit_test(notes__of_a_long_queue_share_text),
        cmocka_unit_test(notes__join_arrays_of_tool_calls),
        cmocka_unit_test(notes__for_the_caller_share_only_with_the_same_source),
    };
    return cmocka_run_group_tests_name("unit.sdk.client.event_queue", tests, NULL, NULL);
}
