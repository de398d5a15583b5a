/* SPDX-License-Identifier: Apache-2.0
 *
 * The public calls on the outbox, what a request says when it can't be queued, and stores of an
 * earlier version. What the sender does: test_outbox_sender.c.
 */
#include "sdk/core/str.h"
#include "tests/support/outbox_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static char queued_because[240]; /* what the event said */

/* The request's error, or "" when it was queued. */
static const char *ask(chat_fixture *f, const char *text)
{
    static char message[240];
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    amphi_stream *stream = chat_fixture_begin(f, &request, text);
    amphi_event event;
    do {
        assert_int_equal(amphi_stream_next(stream, OUTBOX_FIXTURE_LONG_MS, &event, NULL), AMPHI_OK);
    } while (!amphi_event_is_terminal(&event));
    message[0] = '\0';
    if (event.kind == AMPHI_EVENT_ERROR)
        amphi__str_copy_to(message, sizeof message, amphi_str_from(event.error->message));
    else
        assert_int_equal(event.kind, AMPHI_EVENT_QUEUED);
    amphi__str_copy_to(queued_because, sizeof queued_because, amphi_str_from(event.error->message));
    amphi_stream_free(stream);
    return message;
}

typedef struct listed {
    int count;
    char id[64];
    char text[200];
    char reason[200];
    char request[1000];
    amphi_outbox_entry entry; /* without its strings */
} listed;

static bool note_entry(void *user, const amphi_outbox_entry *entry)
{
    listed *l = user;
    l->count++;
    l->entry = *entry;
    amphi__str_copy_to(l->id, sizeof l->id, entry->id);
    amphi__str_copy_to(l->text, sizeof l->text, entry->text);
    amphi__str_copy_to(l->reason, sizeof l->reason, entry->reason);
    amphi__str_copy_to(l->request, sizeof l->request, entry->request_json);
    return true;
}

static listed list(chat_fixture *f)
{
    listed l = {.count = 0};
    assert_int_equal(amphi_outbox_entries(f->client, note_entry, &l, NULL), AMPHI_OK);
    return l;
}

static void entries__show_text_reason_and_the_request(void **state)
{
    chat_fixture f;
    static const scripted_step fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
    chat_fixture_open(&f, says_hello, fails);
    outbox_fixture_set_network(f.client, "none");
    assert_string_equal(ask(&f, "Hi \"there\""), "");
    listed l = list(&f);
    assert_int_equal(l.count, 1);
    assert_string_equal(l.text, "Hi \"there\"");
    assert_string_equal(l.reason, queued_because);
    assert_true(l.reason[0] != '\0');
    assert_int_equal(l.entry.state, AMPHI_OUTBOX_QUEUED);
    assert_true(l.entry.age_ms < OUTBOX_FIXTURE_LONG_MS * 10);
    assert_int_equal(amphi_outbox_flush(f.client, OUTBOX_FIXTURE_LONG_MS, NULL, NULL), AMPHI_OK);
    l = list(&f);
    assert_true(l.reason[0] != '\0'); /* why it still waits */
    assert_true(l.entry.attempts > 0);
    assert_int_equal(amphi_outbox_cancel(f.client, amphi_str_from(l.id), NULL), AMPHI_OK);
    outbox_fixture_set_network(f.client, "free");
    amphi_stream *again = NULL; /* what was kept can be asked again by the app */
    assert_int_equal(
        amphi_chat_start_json(&again, f.client, amphi_str_from(l.request), NULL), AMPHI_OK);
    chat_fixture_pull(&f, again);
    amphi_stream_free(again);
    chat_fixture_close(&f);
}

static void entries__show_content_parts_as_json(void **state)
{
    static const char parts[] = "[{\"type\":\"text\",\"text\":\"Hi\"}]";
    chat_fixture f;
    char json[300];
    amphi_stream *stream = NULL;
    chat_fixture_open(&f, says_hello, says_hello);
    outbox_fixture_set_network(f.client, "none");
    snprintf(json, sizeof json,
        "{\"messages\":[{\"role\":\"system\",\"content\":\"Be brief\"},"
        "{\"role\":\"user\",\"content\":%s}],\"amphi\":{\"mode\":\"only_cloud\"}}",
        parts);
    assert_int_equal(
        amphi_chat_start_json(&stream, f.client, amphi_str_from(json), NULL), AMPHI_OK);
    chat_fixture_pull(&f, stream);
    amphi_stream_free(stream);
    assert_int_equal(f.last, AMPHI_EVENT_QUEUED);
    assert_string_equal(list(&f).text, parts);
    chat_fixture_close(&f);
}

static void cancel_and_collect__say_what_they_can_not_do(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    outbox_fixture_set_network(f.client, "none");
    assert_string_equal(ask(&f, "Hi"), "");
    listed l = list(&f);
    amphi_error error;
    assert_int_equal(
        amphi_outbox_collect(f.client, amphi_str_from(l.id), &error), AMPHI_E_ARGUMENT);
    assert_string_equal(error.message, "outbox: the entry still waits: cancel it instead");
    assert_int_equal(
        amphi_outbox_cancel(f.client, AMPHI_STR("nothing"), &error), AMPHI_E_NOT_FOUND);
    assert_int_equal(amphi_outbox_cancel(f.client, AMPHI_STR(""), &error), AMPHI_E_ARGUMENT);
    assert_int_equal(amphi_outbox_cancel(NULL, AMPHI_STR("x"), &error), AMPHI_E_ARGUMENT);
    assert_int_equal(amphi_outbox_cancel(f.client, amphi_str_from(l.id), &error), AMPHI_OK);
    assert_int_equal(list(&f).count, 0);
    chat_fixture_close(&f);
}

static void request__says_why_it_was_not_queued(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    chat_fixture_store(&f, &(amphi_storage_options){.outbox_entries_max = 1});
    chat_fixture_start(&f, NULL);
    outbox_fixture_set_network(f.client, "none");
    assert_string_equal(ask(&f, "Hi"), "");
    const char *message = ask(&f, "Hi again");
    const char *why = strstr(message, "; not queued: ");
    assert_non_null(why);
    assert_string_equal(why, "; not queued: outbox: full (1 messages)");
    assert_true(why > message); /* and what failed in the first place */
    chat_fixture_close(&f);
}

/* As an app's store was written for version 0.1's first headers. */
static void store__without_the_later_entries_still_delivers(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    amphi_store_ops older = *f.parts.store.ops;
    older.outbox_change = NULL;
    older.outbox_event = NULL;
    f.parts.store.ops = &older;
    chat_fixture_start(&f, NULL);
    outbox_fixture_set_network(f.client, "none");
    uint32_t left = 9;
    for (int i = 0; i < 2; i++)
        assert_string_equal(ask(&f, "Hi"), "");
    assert_int_equal(amphi_outbox_flush(f.client, OUTBOX_FIXTURE_LONG_MS, &left, NULL), AMPHI_OK);
    assert_int_equal(left, 2);
    listed l = list(&f);
    assert_int_equal(
        amphi_outbox_collect(f.client, amphi_str_from(l.id), NULL), AMPHI_E_UNSUPPORTED);
    assert_int_equal(amphi_outbox_cancel(f.client, amphi_str_from(l.id), NULL), AMPHI_OK);
    outbox_fixture_set_network(f.client, "free");
    assert_int_equal(amphi_outbox_flush(f.client, OUTBOX_FIXTURE_LONG_MS, &left, NULL), AMPHI_OK);
    assert_int_equal(left, 0);
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries__show_text_reason_and_the_request),
        cmocka_unit_test(entries__show_content_parts_as_json),
        cmocka_unit_test(cancel_and_collect__say_what_they_can_not_do),
        cmocka_unit_test(request__says_why_it_was_not_queued),
        cmocka_unit_test(store__without_the_later_entries_still_delivers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
