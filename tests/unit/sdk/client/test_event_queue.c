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
    char text[] = "words", route[] = "cloud", model[] = "m", logprobs[] = "[1]";
    const amphi_event event = {.kind = AMPHI_EVENT_TAKEOVER,
        .text = amphi_str_from(text),
        .route = amphi_str_from(route),
        .model = amphi_str_from(model),
        .logprobs = amphi_str_from(logprobs),
        .usage = {1, 2, 3},
        .takeover = &takeover,
        .error = &error};
    amphi_note *note = amphi__note_for_caller(&event, false);
    assert_non_null(note);
    memset(text, '#', sizeof text - 1);
    memset(route, '#', sizeof route - 1);
    memset(model, '#', sizeof model - 1);
    memset(logprobs, '#', sizeof logprobs - 1);
    memset(&error, 0, sizeof error);
    memset(&takeover, 0, sizeof takeover);
    assert_string_equal(note->event.text.data, "words"); /* NUL-terminated, too */
    assert_string_equal(note->event.route.data, "cloud");
    assert_string_equal(note->event.model.data, "m");
    assert_string_equal(note->event.logprobs.data, "[1]");
    assert_int_equal(note->event.usage.completion_tokens, 2);
    assert_string_equal(note->event.takeover->to, "b");
    assert_int_equal(note->event.takeover->byte_offset, 7);
    assert_int_equal(note->event.error->status, AMPHI_E_NETWORK);
    amphi__free(note);
}

static void notes__keep_copies_from_an_engine(void **state)
{
    amphi_error error = {.status = AMPHI_E_ENGINE_DIED, .message = "SIGSEGV"};
    const amphi_engine_event fail = {.kind = AMPHI_ENGINE_FAIL, .error = &error};
    amphi_note *note = amphi__note_from_engine(3, &fail, false);
    assert_non_null(note);
    memset(&error, 0, sizeof error);
    assert_int_equal(note->attempt, 3);
    assert_string_equal(note->engine.error->message, "SIGSEGV");
    assert_int_equal(note->engine.text.size, 0);
    amphi__free(note);

    const amphi_engine_event finish = {.kind = AMPHI_ENGINE_FINISH};
    note = amphi__note_from_engine(1, &finish, false);
    assert_non_null(note);
    assert_null(note->engine.error);
    amphi__free(note);
}

/* Posts pieces as the stream does: into the last note if it has room. */
static void post(amphi_notes *notes, amphi_engine_event_kind kind, const char *text)
{
    const amphi_engine_event event = {.kind = kind, .text = amphi_str_from(text)};
    bool shared = amphi__notes_is_long(notes);
    if (!shared || !amphi__notes_join_engine(notes, 1, &event))
        amphi__notes_push(notes, amphi__note_from_engine(1, &event, shared));
}

static void notes__of_a_long_queue_share_text(void **state)
{
    enum { PIECES = 20000 };
    amphi_notes notes = {NULL, NULL, 0};
    size_t bytes = 0, count = 0;
    for (int i = 0; i < PIECES; i++)
        post(&notes, AMPHI_ENGINE_TEXT, "abc");
    post(&notes, AMPHI_ENGINE_REASONING, "other");
    for (amphi_note *note; (note = amphi__notes_pop(&notes)) != NULL; count++) {
        amphi_str text = note->engine.text;
        assert_int_equal(strlen(text.data), text.size);
        if (note->engine.kind == AMPHI_ENGINE_TEXT)
            for (size_t i = 0; i < text.size; i++)
                assert_int_equal(text.data[i], "abc"[(bytes + i) % 3]);
        bytes += text.size;
        amphi__free(note);
    }
    assert_int_equal(bytes, 3 * PIECES + strlen("other"));
    assert_in_range(count, 64 + 10, 64 + 20); /* 60,000 bytes in pieces of 4096 */
}

static void notes__join_arrays_of_tool_calls(void **state)
{
    amphi_notes notes = {NULL, NULL, 0};
    for (int i = 0; i < 70; i++)
        post(&notes, AMPHI_ENGINE_TOOL_CALL, "[{}]");
    const amphi_note *last = notes.last;
    assert_string_equal(last->engine.text.data, "[{},{},{},{},{},{}]");
    assert_int_equal(last->engine.text.size, strlen("[{},{},{},{},{},{}]"));
    post(&notes, AMPHI_ENGINE_TOOL_CALL, "[]"); /* nothing to add: a note of its own */
    assert_ptr_not_equal(notes.last, last);
    amphi__notes_clear(&notes);
    assert_int_equal(notes.count, 0);
    assert_null(amphi__notes_pop(&notes));
}

static void notes__for_the_caller_share_only_with_the_same_source(void **state)
{
    amphi_notes notes = {NULL, NULL, 0};
    amphi_event event = {.kind = AMPHI_EVENT_DELTA,
        .text = AMPHI_STR("one"),
        .route = AMPHI_STR("cloud"),
        .model = AMPHI_STR("m")};
    assert_false(amphi__notes_join_caller(&notes, &event)); /* nothing is there */
    amphi__notes_push(&notes, amphi__note_for_caller(&event, true));
    event.text = AMPHI_STR(" two");
    assert_true(amphi__notes_join_caller(&notes, &event));
    assert_string_equal(notes.last->event.text.data, "one two");
    event.model = AMPHI_STR("n");
    assert_false(amphi__notes_join_caller(&notes, &event));
    event.model = AMPHI_STR("m");
    event.route = AMPHI_STR("local");
    assert_false(amphi__notes_join_caller(&notes, &event));
    event.route = AMPHI_STR("cloud");
    event.kind = AMPHI_EVENT_REASONING;
    assert_false(amphi__notes_join_caller(&notes, &event));
    amphi__notes_clear(&notes);
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
