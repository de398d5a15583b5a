/* SPDX-License-Identifier: Apache-2.0
 *
 * See store_fixture.h.
 */
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t tell_boot_us(void *self)
{
    return (uint64_t)((store_fixture *)self)->boot_ms * 1000;
}

static int64_t tell_wall_ms(void *self)
{
    return ((store_fixture *)self)->wall_ms;
}

void store_pass(store_fixture *f, int64_t ms)
{
    f->boot_ms += ms;
    f->wall_ms += ms;
}

void store_jump(store_fixture *f, int64_t ms)
{
    f->wall_ms += ms;
}

int64_t store_wall(const store_fixture *f)
{
    return f->wall_ms;
}

static void open_store(store_fixture *f, amphi_storage_options options)
{
    amphi_error error = {0};
    options.data_dir = amphi_str_from(f->dir.path);
    options.keys = f->keys;
    options.clock = &f->clock;
    amphi_status status = f->make(&f->store, &options, &error);
    if (status != AMPHI_OK)
        print_message("%s\n", error.message);
    assert_int_equal(status, AMPHI_OK);
}

void store_reopen_with(store_fixture *f, amphi_storage_options options)
{
    f->store.ops->free(f->store.self);
    open_store(f, options);
}

static int set_up(void **state, store_new_fn *make)
{
    store_fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->make = make;
    f->clock = (amphi_clock){.struct_size = sizeof f->clock,
        .name = "test",
        .self = f,
        .monotonic_us = tell_boot_us,
        .wall_ms = tell_wall_ms,
        .boot_us = tell_boot_us};
    f->boot_ms = 50000;
    f->wall_ms = NOW;
    scratch_dir_make(&f->dir);
    assert_int_equal(amphi__keys_file_new(&f->keys, amphi_str_from(f->dir.path), NULL), AMPHI_OK);
    open_store(f, (amphi_storage_options){.cache_entries_max = 0});
    *state = f;
    return 0;
}

int store_set_up_memory(void **state)
{
    return set_up(state, amphi__store_memory_new);
}

int store_set_up_own(void **state)
{
    return set_up(state, amphi__store_new);
}

int store_tear_down(void **state)
{
    store_fixture *f = *state;
    f->store.ops->free(f->store.self);
    f->keys.ops->free(f->keys.self);
    scratch_dir_remove(&f->dir);
    free(f);
    return 0;
}

amphi_status store_say(
    store_fixture *f, const char *conversation, int64_t now, const char *role, amphi_str content)
{
    amphi_store_message message = {.role = amphi_str_from(role), .content = content};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = now,
        .conversation_id = amphi_str_from(conversation),
        .messages = &message,
        .messages_count = 1};
    return f->store.ops->turn_append(f->store.self, &turn, NULL);
}

amphi_status store_queue(store_fixture *f, const char *id, const char *conversation, int64_t now)
{
    amphi_store_outbox_item item = {.struct_size = sizeof item,
        .id = amphi_str_from(id),
        .conversation_id = amphi_str_from(conversation),
        .request_json = S("{\"q\":1}"),
        .created_ms = now};
    return f->store.ops->outbox_add(f->store.self, &item, NULL);
}

static void store_text_add(store_text *t, amphi_str s)
{
    assert_true(t->size + s.size < sizeof t->data);
    if (s.size > 0)
        memcpy(t->data + t->size, s.data, s.size);
    t->size += s.size;
    t->data[t->size] = '\0';
}

static bool store_text_end_line(store_text *t)
{
    store_text_add(t, S("\n"));
    return ++t->lines != t->stop_after;
}

bool store_see_message(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    char line[64];
    store_text *t = user;
    assert_true(id > 0);
    store_text_add(t, message->role);
    store_text_add(t, S(":"));
    store_text_add(t, message->content);
    snprintf(line, sizeof line, "@%lld", (long long)(created_ms - NOW));
    store_text_add(t, amphi_str_from(line));
    return store_text_end_line(t);
}

static bool store_see_conversation(void *user, const amphi_history_conversation *item)
{
    char line[64];
    store_text *t = user;
    store_text_add(t, item->id);
    snprintf(line, sizeof line, " %llu @%lld ", (unsigned long long)item->messages_count,
        (long long)(item->updated_ms - NOW));
    store_text_add(t, amphi_str_from(line));
    store_text_add(t, item->title);
    return store_text_end_line(t);
}

static bool store_see_entry(void *user, const amphi_store_outbox_item *item)
{
    char line[32];
    store_text *t = user;
    store_text_add(t, item->id);
    snprintf(line, sizeof line, "/%u", (unsigned)item->attempts);
    store_text_add(t, amphi_str_from(line));
    return store_text_end_line(t);
}

void store_see_value(void *user, amphi_str value)
{
    store_text_add(user, value);
}

const char *store_messages_of(store_fixture *f, const char *conversation, store_text *t)
{
    *t = (store_text){.stop_after = t->stop_after};
    assert_int_equal(f->store.ops->messages(
                         f->store.self, amphi_str_from(conversation), store_see_message, t, NULL),
        AMPHI_OK);
    return t->data;
}

const char *store_conversations_of(store_fixture *f, store_text *t)
{
    *t = (store_text){.stop_after = t->stop_after};
    assert_int_equal(
        f->store.ops->conversations(f->store.self, store_see_conversation, t, NULL), AMPHI_OK);
    return t->data;
}

const char *store_entries_of(store_fixture *f, store_text *t)
{
    *t = (store_text){.stop_after = t->stop_after};
    assert_int_equal(
        f->store.ops->outbox_entries(f->store.self, store_see_entry, t, NULL), AMPHI_OK);
    return t->data;
}

/* "id/attempts\n", or "" when nothing can be claimed. */
const char *store_claim(store_fixture *f, uint32_t lease, store_text *t)
{
    *t = (store_text){.stop_after = 0};
    amphi_status status =
        f->store.ops->outbox_claim(f->store.self, f->wall_ms, lease, store_see_entry, t, NULL);
    assert_true(status == AMPHI_OK || status == AMPHI_E_NOT_FOUND);
    assert_true((status == AMPHI_OK) == (t->lines == 1));
    return t->data;
}

void store_cache_key(uint8_t key[AMPHI_CACHE_KEY_BYTES], int n)
{
    memset(key, 0, AMPHI_CACHE_KEY_BYTES); /* NULs inside are part of the test */
    memcpy(key + 20, &n, sizeof n);
}

amphi_status store_cache_put(store_fixture *f, int n, amphi_str value, int64_t expires)
{
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    store_cache_key(key, n);
    return f->store.ops->cache_put(f->store.self, key, value, NOW, expires, NULL);
}

amphi_status store_cache_get(store_fixture *f, int n, int64_t now, store_text *t)
{
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    store_cache_key(key, n);
    *t = (store_text){.stop_after = 0};
    return f->store.ops->cache_get(f->store.self, key, now, store_see_value, t, NULL);
}
