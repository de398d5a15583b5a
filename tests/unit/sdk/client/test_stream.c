/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream whose memory runs out: an event that can't be kept is a failure, never a hole.
 */
#include "tests/support/chat_fixture.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ALLOCATIONS_MAX = 2000, SHOWN_BYTES = 64 };

#define WHOLE "one two three four"

static const scripted_step says_four_pieces[] = {{SCRIPT_SAY, "one", 0}, {SCRIPT_SAY, " two", 0},
    {SCRIPT_SAY, " three", 0}, {SCRIPT_SAY, " four", 0}, {SCRIPT_USAGE, NULL, 4},
    {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};

/* What the events show, without an allocation. Returns whether the last one was DONE. */
static bool pull(amphi_stream *stream, char shown[SHOWN_BYTES])
{
    amphi_event event;
    size_t size = 0;
    bool done = false;
    while (amphi_stream_next(stream, 20000, &event, NULL) == AMPHI_OK) {
        if (event.kind == AMPHI_EVENT_REPLACE)
            size = 0;
        if (event.kind == AMPHI_EVENT_DELTA || event.kind == AMPHI_EVENT_REPLACE) {
            assert_in_range(size + event.text.size, 0, SHOWN_BYTES - 1);
            memcpy(shown + size, event.text.data, event.text.size);
            size += event.text.size;
        }
        done = event.kind == AMPHI_EVENT_DONE;
    }
    shown[size] = '\0';
    return done;
}

/* One request in which allocation n fails; false when it has no such allocation. */
static bool ask_failing_at(size_t n, unsigned *done_out)
{
    chat_fixture f;
    chat_fixture_open(&f, says_four_pieces, says_four_pieces);
    amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("Count")};
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    amphi_stream *stream = NULL;
    char shown[SHOWN_BYTES] = "";
    request.messages = &message;
    request.messages_count = 1;
    request.no_queue = true;
    failing_alloc_at(n);
    if (amphi_chat_start(&stream, f.client, &request, NULL) == AMPHI_OK) {
        bool done = pull(stream, shown);
        *done_out += done;
        if (done) {
            amphi_chat_result result;
            amphi_chat_result_init(&result);
            assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
            assert_string_equal(shown, WHOLE);
            assert_int_equal(result.text.size, strlen(WHOLE));
            assert_memory_equal(result.text.data, WHOLE, strlen(WHOLE));
        }
    }
    bool failed = failing_alloc_failed();
    failing_alloc_at(0);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
    return failed;
}

static void stream__answer_with_a_hole_is_never_called_whole(void **state)
{
    unsigned done = 0;
    size_t n = 1;
    failing_alloc_install();
    while (ask_failing_at(n, &done))
        assert_in_range(++n, 2, ALLOCATIONS_MAX);
    failing_alloc_remove();
    assert_in_range(n, 10, ALLOCATIONS_MAX);
    assert_in_range(done, 1, n); /* at least the last one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream__answer_with_a_hole_is_never_called_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
