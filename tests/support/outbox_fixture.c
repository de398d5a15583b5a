/* SPDX-License-Identifier: Apache-2.0
 *
 * See outbox_fixture.h.
 */
#include "tests/support/outbox_fixture.h"

#include "sdk/core/clock.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

/* ---- what the outbox and the history hold ---- */

static bool note_entry(void *user, const amphi_outbox_entry *item)
{
    outbox_fixture_entries *e = user;
    assert_in_range(e->count, 0, 7);
    e->items[e->count] = *item;
    amphi__str_copy_to(e->ids[e->count], 64, item->id);
    amphi__str_copy_to(e->conversations[e->count], 64, item->conversation_id);
    e->count++;
    return true;
}

outbox_fixture_entries outbox_fixture_list(amphi_client *client)
{
    outbox_fixture_entries e = {.count = 0};
    assert_int_equal(amphi_outbox_entries(client, note_entry, &e, NULL), AMPHI_OK);
    return e;
}

static bool append_message(void *user, const amphi_history_message *item)
{
    amphi__buf_append_str(user, item->role);
    amphi__buf_append_c(user, ": ");
    amphi__buf_append_str(user, item->content);
    amphi__buf_append_c(user, "\n");
    return true;
}

void outbox_fixture_expect_history(amphi_client *client, const char *conversation, const char *text)
{
    amphi_buf buf;
    amphi__buf_init(&buf, 0);
    (void)amphi_history_messages(client, amphi_str_from(conversation), append_message, &buf, NULL);
    amphi__buf_append_c(&buf, "");
    assert_string_equal(buf.data != NULL ? buf.data : "", text);
    amphi__buf_clear(&buf);
}

/* ---- a client that is offline ---- */

void outbox_fixture_set_network(amphi_client *client, const char *network)
{
    char json[64];
    snprintf(json, sizeof json, "{\"network\":\"%s\"}", network);
    assert_int_equal(amphi_device_push_json(client, amphi_str_from(json), NULL), AMPHI_OK);
}

void outbox_fixture_open_offline(chat_fixture *f, const scripted_step *cloud)
{
    chat_fixture_open(f, says_hello, cloud);
    outbox_fixture_set_network(f->client, "none");
}

void outbox_fixture_queue(chat_fixture *f, const char *conversation, const char *text, char id[64])
{
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    request.conversation_id = amphi_str_from(conversation);
    amphi_stream *stream = chat_fixture_begin(f, &request, text);
    amphi_event event;
    do {
        assert_int_equal(amphi_stream_next(stream, OUTBOX_FIXTURE_LONG_MS, &event, NULL), AMPHI_OK);
    } while (!amphi_event_is_terminal(&event));
    assert_int_equal(event.kind, AMPHI_EVENT_QUEUED);
    assert_true(amphi__str_equal_c(event.route, "outbox"));
    if (id != NULL)
        amphi__str_copy_to(id, 64, event.text);
    amphi_stream_free(stream);
}

uint32_t outbox_fixture_flush(amphi_client *client)
{
    uint32_t left = UINT32_MAX;
    assert_int_equal(amphi_outbox_flush(client, OUTBOX_FIXTURE_LONG_MS, &left, NULL), AMPHI_OK);
    return left;
}

/* ---- time ---- */

static atomic_llong passed_us;

static uint64_t tell_boot_us(void *self)
{
    return (uint64_t)(5000000 + atomic_load(&passed_us));
}

static uint64_t tell_monotonic_us(void *self)
{
    return amphi__clock_us(NULL);
}

static int64_t tell_wall_ms(void *self)
{
    return 1000; /* 1970 */
}

const amphi_clock outbox_fixture_clock = {.struct_size = sizeof outbox_fixture_clock,
    .name = "test",
    .monotonic_us = tell_monotonic_us,
    .wall_ms = tell_wall_ms,
    .boot_us = tell_boot_us};

void outbox_fixture_pass_hours(int hours)
{
    atomic_fetch_add(&passed_us, hours * 3600000000ll);
}

void outbox_fixture_init_with_clock(chat_fixture *f, const scripted_step *cloud)
{
    chat_fixture_init(f, says_hello, cloud);
    f->parts.clock = &outbox_fixture_clock;
    chat_fixture_store(f, &(amphi_storage_options){.clock = &outbox_fixture_clock});
}

void outbox_fixture_wait_until_running(scripted_engine *engine)
{
    uint64_t until_ms = amphi__clock_ms(NULL) + OUTBOX_FIXTURE_LONG_MS;
    while (atomic_load(&engine->running) == 0 && amphi__clock_ms(NULL) < until_ms)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    assert_int_equal(atomic_load(&engine->running), 1);
}
