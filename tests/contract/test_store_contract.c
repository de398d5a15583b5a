/* SPDX-License-Identifier: Apache-2.0
 *
 * What ext/store.h promises, tested over every store that this build has. Each test runs once per
 * store on a fresh one.
 */
#include "sdk/core/clock.h"
#include "sdk/core/thread.h"
#include "storage/stores.h"
#include "tests/support/scratch_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW  1700000000000
#define DAY  (24ll * 3600 * 1000)
#define S(x) AMPHI_STR(x)

typedef amphi_status store_new_fn(amphi_store *, const amphi_storage_options *, amphi_error *);

typedef struct fixture {
    store_new_fn *make;
    scratch_dir dir;
    amphi_keys keys;
    amphi_store store;
} fixture;

static void open_store(fixture *f, amphi_storage_options options)
{
    amphi_error error = {0};
    options.data_dir = amphi_str_from(f->dir.path);
    options.keys = f->keys;
    amphi_status status = f->make(&f->store, &options, &error);
    if (status != AMPHI_OK)
        print_message("%s\n", error.message);
    assert_int_equal(status, AMPHI_OK);
}

static void reopen_with(fixture *f, amphi_storage_options options)
{
    f->store.ops->free(f->store.self);
    open_store(f, options);
}

static int set_up(void **state, store_new_fn *make)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->make = make;
    scratch_dir_make(&f->dir);
    assert_int_equal(amphi__keys_file_new(&f->keys, amphi_str_from(f->dir.path), NULL), AMPHI_OK);
    open_store(f, (amphi_storage_options){.cache_entries_max = 0});
    *state = f;
    return 0;
}

static int set_up_memory(void **state)
{
    return set_up(state, amphi__store_memory_new);
}

static int set_up_sqlcipher(void **state)
{
    return set_up(state, amphi__store_new); /* the build's own; see main */
}

static int tear_down(void **state)
{
    fixture *f = *state;
    f->store.ops->free(f->store.self);
    f->keys.ops->free(f->keys.self);
    scratch_dir_remove(&f->dir);
    free(f);
    return 0;
}

/* ---- Shorthands ---- */

static amphi_status say(
    fixture *f, const char *conversation, int64_t now, const char *role, amphi_str content)
{
    amphi_store_message message = {.role = amphi_str_from(role), .content = content};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = now,
        .conversation_id = amphi_str_from(conversation),
        .messages = &message,
        .messages_count = 1};
    return f->store.ops->turn_append(f->store.self, &turn, NULL);
}

static amphi_status queue(fixture *f, const char *id, const char *conversation, int64_t now)
{
    amphi_store_outbox_item item = {.struct_size = sizeof item,
        .id = amphi_str_from(id),
        .conversation_id = amphi_str_from(conversation),
        .request_json = S("{\"q\":1}"),
        .created_ms = now};
    return f->store.ops->outbox_add(f->store.self, &item, NULL);
}

/* Visitors write what they see as text, one line each. */
typedef struct text {
    char data[20000];
    size_t size;
    int stop_after; /* lines; 0: never */
    int lines;
} text;

static void add(text *t, amphi_str s)
{
    assert_true(t->size + s.size < sizeof t->data);
    if (s.size > 0)
        memcpy(t->data + t->size, s.data, s.size);
    t->size += s.size;
    t->data[t->size] = '\0';
}

static bool end_line(text *t)
{
    add(t, S("\n"));
    return ++t->lines != t->stop_after;
}

static bool see_message(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    char line[64];
    text *t = user;
    assert_true(id > 0);
    add(t, message->role);
    add(t, S(":"));
    add(t, message->content);
    snprintf(line, sizeof line, "@%lld", (long long)(created_ms - NOW));
    add(t, amphi_str_from(line));
    return end_line(t);
}

static bool see_conversation(void *user, const amphi_history_conversation *item)
{
    char line[64];
    text *t = user;
    add(t, item->id);
    snprintf(line, sizeof line, " %llu @%lld ", (unsigned long long)item->messages_count,
        (long long)(item->updated_ms - NOW));
    add(t, amphi_str_from(line));
    add(t, item->title);
    return end_line(t);
}

static bool see_entry(void *user, const amphi_store_outbox_item *item)
{
    char line[32];
    text *t = user;
    add(t, item->id);
    snprintf(line, sizeof line, "/%u", (unsigned)item->attempts);
    add(t, amphi_str_from(line));
    return end_line(t);
}

static void see_value(void *user, amphi_str value)
{
    add(user, value);
}

static const char *messages_of(fixture *f, const char *conversation, text *t)
{
    *t = (text){.stop_after = t->stop_after};
    assert_int_equal(
        f->store.ops->messages(f->store.self, amphi_str_from(conversation), see_message, t, NULL),
        AMPHI_OK);
    return t->data;
}

static const char *conversations_of(fixture *f, text *t)
{
    *t = (text){.stop_after = t->stop_after};
    assert_int_equal(
        f->store.ops->conversations(f->store.self, see_conversation, t, NULL), AMPHI_OK);
    return t->data;
}

static const char *entries_of(fixture *f, text *t)
{
    *t = (text){.stop_after = t->stop_after};
    assert_int_equal(f->store.ops->outbox_entries(f->store.self, see_entry, t, NULL), AMPHI_OK);
    return t->data;
}

/* "id/attempts\n", or "" when nothing can be claimed. */
static const char *claim(fixture *f, int64_t now, uint32_t lease, text *t)
{
    *t = (text){.stop_after = 0};
    amphi_status status = f->store.ops->outbox_claim(f->store.self, now, lease, see_entry, t, NULL);
    assert_true(status == AMPHI_OK || status == AMPHI_E_NOT_FOUND);
    assert_true((status == AMPHI_OK) == (t->lines == 1));
    return t->data;
}

static void cache_key(uint8_t key[AMPHI_CACHE_KEY_BYTES], int n)
{
    memset(key, 0, AMPHI_CACHE_KEY_BYTES); /* NULs inside are part of the test */
    memcpy(key + 20, &n, sizeof n);
}

static amphi_status cache_put(fixture *f, int n, amphi_str value, int64_t expires)
{
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    cache_key(key, n);
    return f->store.ops->cache_put(f->store.self, key, value, NOW, expires, NULL);
}

static amphi_status cache_get(fixture *f, int n, int64_t now, text *t)
{
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    cache_key(key, n);
    *t = (text){.stop_after = 0};
    return f->store.ops->cache_get(f->store.self, key, now, see_value, t, NULL);
}

/* ---- History ---- */

static void history__messages_come_back_in_order(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    assert_int_equal(say(f, "c", NOW, "user", S("hello")), AMPHI_OK);
    assert_int_equal(say(f, "c", NOW + 5, "assistant", S("hi")), AMPHI_OK);
    assert_int_equal(say(f, "d", NOW + 6, "user", S("other")), AMPHI_OK);
    assert_int_equal(say(f, "c", NOW + 4, "user", S("and?")), AMPHI_OK); /* clock went back */
    assert_string_equal(messages_of(f, "c", &t), "user:hello@0\nassistant:hi@5\nuser:and?@4\n");
    assert_string_equal(messages_of(f, "d", &t), "user:other@6\n");
}

static bool check_all_fields(
    void *user, const amphi_store_message *m, int64_t id, int64_t created_ms)
{
    (void)id;
    assert_memory_equal(m->content.data, "a\0b\0", 4);
    assert_int_equal(m->content.size, 4);
    assert_true(m->content_is_json);
    assert_memory_equal(m->extra_json.data, "{\"tool_calls\":[]}", m->extra_json.size);
    assert_int_equal(m->extra_json.size, 17);
    assert_memory_equal(m->route.data, "cloud", 5);
    assert_memory_equal(m->model.data, "m", 1);
    assert_memory_equal(m->decision_json.data, "{\"d\":1}", 7);
    assert_int_equal(m->usage.prompt_tokens, UINT32_MAX);
    assert_int_equal(m->usage.completion_tokens, 2);
    assert_int_equal(m->usage.cached_tokens, 3);
    assert_int_equal(created_ms, NOW);
    ++*(int *)user;
    return true;
}

static void history__every_field_survives_also_with_nuls_inside(void **state)
{
    fixture *f = *state;
    int seen = 0;
    amphi_store_message message = {.role = S("assistant"),
        .content = S("a\0b\0"),
        .content_is_json = true,
        .extra_json = S("{\"tool_calls\":[]}"),
        .route = S("cloud"),
        .model = S("m"),
        .decision_json = S("{\"d\":1}"),
        .usage = {UINT32_MAX, 2, 3}};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW,
        .conversation_id = S("c"),
        .messages = &message,
        .messages_count = 1};
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_OK);
    assert_int_equal(
        f->store.ops->messages(f->store.self, S("c"), check_all_fields, &seen, NULL), AMPHI_OK);
    assert_int_equal(seen, 1);
}

static void history__ids_with_nuls_are_different_conversations(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    amphi_store_message message = {.role = S("user"), .content = S("x")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW,
        .conversation_id = S("c\0d"),
        .messages = &message,
        .messages_count = 1};
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_OK);
    assert_int_equal(
        f->store.ops->messages(f->store.self, S("c"), see_message, &t, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(
        f->store.ops->messages(f->store.self, S("c\0d"), see_message, &t, NULL), AMPHI_OK);
}

static void history__a_long_conversation_is_read_whole_and_a_visitor_can_stop(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    amphi_store_message messages[400];
    for (int i = 0; i < 400; i++)
        messages[i] = (amphi_store_message){.role = S("user"), .content = S("x")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW,
        .conversation_id = S("c"),
        .messages = messages,
        .messages_count = 400};
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_OK);
    messages_of(f, "c", &t);
    assert_int_equal(t.lines, 400);
    t.stop_after = 130;
    messages_of(f, "c", &t);
    assert_int_equal(t.lines, 130);
}

static void history__conversations_are_listed_newest_first_with_title_and_count(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    say(f, "a", NOW, "system", S("be brief"));
    say(f, "a", NOW + 1, "user", S("first question"));
    say(f, "b", NOW + 2, "user", S("second"));
    say(f, "a", NOW + 3, "user", S("another question"));
    assert_string_equal(conversations_of(f, &t), "a 3 @3 first question\nb 1 @2 second\n");
    t.stop_after = 1;
    conversations_of(f, &t);
    assert_int_equal(t.lines, 1);
}

static void history__many_conversations_are_listed_once_each(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    char id[16];
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "%d", i);
        assert_int_equal(say(f, id, NOW + i / 7, "user", S("q")), AMPHI_OK); /* with equal times */
    }
    conversations_of(f, &t);
    assert_int_equal(t.lines, 300);
    assert_memory_equal(t.data, "299 1 @42 q\n298 1 @42 q\n", 24);
}

static void history__a_title_is_sixty_characters_cut_at_a_border(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    char content[61 * 2 + 1] = {0}, line[200];
    for (int i = 0; i < 61; i++)
        memcpy(content + 2 * i, "\xc3\xa9", 2);
    say(f, "c", NOW, "user", amphi_str_from(content));
    snprintf(line, sizeof line, "c 1 @0 %.120s\n", content);
    assert_string_equal(conversations_of(f, &t), line);
}

static void history__a_title_comes_from_the_first_text_part(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    amphi_store_message message = {.role = S("user"),
        .content_is_json = true,
        .content = S("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:\"}},"
                     "{\"type\":\"text\",\"text\":\"What is this?\"}]")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW,
        .conversation_id = S("c"),
        .messages = &message,
        .messages_count = 1};
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_OK);
    assert_string_equal(conversations_of(f, &t), "c 1 @0 What is this?\n");
}

static void history__unknown_conversations_are_not_found(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    amphi_error error = {0};
    assert_int_equal(
        f->store.ops->messages(f->store.self, S("no"), see_message, &t, &error), AMPHI_E_NOT_FOUND);
    assert_int_equal(error.status, AMPHI_E_NOT_FOUND);
    assert_int_equal(
        f->store.ops->conversation_delete(f->store.self, S("no"), NULL), AMPHI_E_NOT_FOUND);
    assert_string_equal(conversations_of(f, &t), "");
}

static void history__a_deleted_conversation_is_gone_with_what_it_queued(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    say(f, "a", NOW, "user", S("x"));
    say(f, "b", NOW, "user", S("y"));
    queue(f, "1", "a", NOW);
    queue(f, "2", "b", NOW);
    assert_int_equal(f->store.ops->conversation_delete(f->store.self, S("a"), NULL), AMPHI_OK);
    assert_int_equal(
        f->store.ops->messages(f->store.self, S("a"), see_message, &t, NULL), AMPHI_E_NOT_FOUND);
    assert_string_equal(conversations_of(f, &t), "b 1 @0 y\n");
    assert_string_equal(entries_of(f, &t), "2/0\n");
    say(f, "a", NOW + 1, "user", S("new"));
    assert_string_equal(messages_of(f, "a", &t), "user:new@1\n");
}

static void history__mistakes_are_named_and_change_nothing(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    amphi_error error = {0};
    char long_id[300];
    memset(long_id, 'a', sizeof long_id);
    amphi_store_message messages[2] = {{.role = S("user"), .content = S("x")}, {.content = S("y")}};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW,
        .conversation_id = S("c"),
        .messages = messages,
        .messages_count = 2};
    amphi_store_turn bad = turn;
    assert_int_equal(f->store.ops->turn_append(f->store.self, &bad, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "role"));
    bad.messages_count = 1;
    bad.conversation_id = S("");
    assert_int_equal(f->store.ops->turn_append(f->store.self, &bad, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "conversation_id"));
    bad.conversation_id = amphi_str_make(long_id, sizeof long_id);
    assert_int_equal(f->store.ops->turn_append(f->store.self, &bad, NULL), AMPHI_E_ARGUMENT);
    bad.conversation_id = S("c");
    messages[0].content.size = (16u << 20) + 1; /* refused by its size: never read */
    assert_int_equal(f->store.ops->turn_append(f->store.self, &bad, NULL), AMPHI_E_LIMIT);
    bad.struct_size = 8;
    assert_int_equal(f->store.ops->turn_append(f->store.self, &bad, NULL), AMPHI_E_ARGUMENT);
    assert_string_equal(conversations_of(f, &t), "");
}

static bool append_again(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    (void)id;
    (void)created_ms;
    assert_memory_equal(message->content.data, "x", 1);
    assert_int_equal(say(user, "other", NOW, "user", S("from a visitor")), AMPHI_OK);
    return true;
}

/* More than the header asks for: a visitor that does call the store finds it unlocked. */
static void history__no_lock_is_held_while_a_visitor_runs(void **state)
{
    fixture *f = *state;
    say(f, "c", NOW, "user", S("x"));
    assert_int_equal(
        f->store.ops->messages(f->store.self, S("c"), append_again, f, NULL), AMPHI_OK);
}

enum { THREADS = 4, THREAD_TURNS = 25 };

typedef struct worker {
    fixture *f;
    int number, failures;
    amphi_thread thread;
} worker;

static bool count_messages(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    (void)message;
    (void)id;
    (void)created_ms;
    ++*(int *)user;
    return true;
}

static void work(void *arg)
{
    worker *w = arg;
    char own[16];
    snprintf(own, sizeof own, "own%d", w->number);
    for (int i = 0; i < THREAD_TURNS; i++) {
        int count = 0;
        w->failures += say(w->f, own, NOW + i, "user", S("q")) != AMPHI_OK;
        w->failures += say(w->f, "shared", NOW + i, "user", S("q")) != AMPHI_OK;
        w->failures += w->f->store.ops->messages(w->f->store.self, amphi_str_from(own),
                           count_messages, &count, NULL) != AMPHI_OK;
        w->failures += count != i + 1;
    }
}

static void history__threads_may_write_and_read_at_once(void **state)
{
    fixture *f = *state;
    worker workers[THREADS];
    text t = {.stop_after = 0};
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.f = f, .number = i};
        assert_int_equal(
            amphi__thread_start(&workers[i].thread, "test", work, &workers[i]), AMPHI_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        amphi__thread_join(&workers[i].thread);
        assert_int_equal(workers[i].failures, 0);
    }
    messages_of(f, "shared", &t);
    assert_int_equal(t.lines, THREADS * THREAD_TURNS);
}

/* ---- Cache ---- */

static void cache__a_value_comes_back_until_it_expires(void **state)
{
    fixture *f = *state;
    text t;
    assert_int_equal(cache_get(f, 1, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(cache_put(f, 1, S("va\0lue"), NOW + 1000), AMPHI_OK);
    assert_int_equal(cache_get(f, 1, NOW + 999, &t), AMPHI_OK);
    assert_int_equal(t.size, 6);
    assert_memory_equal(t.data, "va\0lue", 6);
    assert_int_equal(cache_get(f, 2, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(cache_get(f, 1, NOW + 1000, &t), AMPHI_E_NOT_FOUND);
}

static void cache__a_second_put_replaces_and_clear_empties(void **state)
{
    fixture *f = *state;
    text t;
    cache_put(f, 1, S("old"), NOW + DAY);
    cache_put(f, 1, S(""), NOW + DAY);
    assert_int_equal(cache_get(f, 1, NOW, &t), AMPHI_OK);
    assert_int_equal(t.size, 0);
    cache_put(f, 2, S("two"), NOW + DAY);
    assert_int_equal(f->store.ops->cache_clear(f->store.self, NULL), AMPHI_OK);
    assert_int_equal(cache_get(f, 1, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(cache_get(f, 2, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(cache_put(f, 2, S("again"), NOW + DAY), AMPHI_OK);
    assert_int_equal(cache_get(f, 2, NOW, &t), AMPHI_OK);
}

static void cache__the_least_recently_used_goes_first(void **state)
{
    fixture *f = *state;
    text t;
    reopen_with(f, (amphi_storage_options){.cache_entries_max = 3});
    for (int i = 1; i <= 3; i++)
        cache_put(f, i, S("v"), NOW + DAY);
    assert_int_equal(cache_get(f, 1, NOW, &t), AMPHI_OK); /* 2 is the oldest now */
    cache_put(f, 4, S("v"), NOW + DAY);
    assert_int_equal(cache_get(f, 2, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(cache_get(f, 3, NOW, &t), AMPHI_OK);
    assert_int_equal(cache_get(f, 1, NOW, &t), AMPHI_OK);
    cache_put(f, 5, S("v"), NOW + DAY); /* order was 4 3 1 */
    assert_int_equal(cache_get(f, 4, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(cache_get(f, 5, NOW, &t), AMPHI_OK);
}

static void cache__many_reads_keep_their_order(void **state)
{
    fixture *f = *state;
    text t;
    reopen_with(f, (amphi_storage_options){.cache_entries_max = 200});
    for (int i = 0; i < 200; i++)
        assert_int_equal(cache_put(f, i, S("v"), NOW + DAY), AMPHI_OK);
    for (int i = 0; i < 150; i++)
        assert_int_equal(cache_get(f, i, NOW, &t), AMPHI_OK);
    for (int i = 200; i < 250; i++)
        assert_int_equal(cache_put(f, i, S("v"), NOW + DAY), AMPHI_OK);
    for (int i = 0; i < 250; i++)
        assert_int_equal(
            cache_get(f, i, NOW, &t), i >= 150 && i < 200 ? AMPHI_E_NOT_FOUND : AMPHI_OK);
}

static void cache__bytes_are_bounded_and_expired_entries_make_room(void **state)
{
    fixture *f = *state;
    text t;
    char value[400] = {0};
    amphi_str v = amphi_str_make(value, sizeof value);
    reopen_with(f, (amphi_storage_options){.cache_bytes_max = 1000});
    assert_int_equal(cache_put(f, 1, v, NOW + DAY), AMPHI_OK);
    assert_int_equal(cache_put(f, 2, v, NOW), AMPHI_OK); /* expires at once */
    assert_int_equal(cache_put(f, 3, v, NOW + DAY), AMPHI_OK);
    assert_int_equal(cache_get(f, 1, NOW, &t), AMPHI_OK);
    assert_int_equal(cache_put(f, 4, v, NOW + DAY), AMPHI_OK);
    assert_int_equal(cache_get(f, 3, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(cache_get(f, 1, NOW, &t), AMPHI_OK);
    assert_int_equal(cache_get(f, 4, NOW, &t), AMPHI_OK);
}

static void cache__too_large_values_are_refused(void **state)
{
    fixture *f = *state;
    size_t size = (1u << 20) + 1;
    char *value = calloc(1, size);
    assert_non_null(value);
    assert_int_equal(cache_put(f, 1, amphi_str_make(value, size), NOW + DAY), AMPHI_E_LIMIT);
    assert_int_equal(cache_put(f, 1, amphi_str_make(value, size - 1), NOW + DAY), AMPHI_OK);
    free(value);
    reopen_with(f, (amphi_storage_options){.cache_bytes_max = 3});
    assert_int_equal(cache_put(f, 2, S("1234"), NOW + DAY), AMPHI_E_LIMIT);
}

/* ---- Outbox ---- */

static void outbox__entries_are_claimed_oldest_first_and_once(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    queue(f, "1", "", NOW);
    queue(f, "2", "", NOW - 5);
    assert_string_equal(entries_of(f, &t), "1/0\n2/0\n");
    assert_string_equal(claim(f, NOW, 1000, &t), "1/0\n");
    assert_string_equal(claim(f, NOW, 1000, &t), "2/0\n");
    assert_string_equal(claim(f, NOW + 999, 1000, &t), "");
    assert_string_equal(claim(f, NOW + 1000, 1000, &t), "1/0\n"); /* its lease ran out */
}

static bool count_leased(void *user, const amphi_store_outbox_item *item)
{
    *(int *)user += item->is_leased;
    return true;
}

static int leased_of(fixture *f)
{
    int count = 0;
    assert_int_equal(
        f->store.ops->outbox_entries(f->store.self, count_leased, &count, NULL), AMPHI_OK);
    return count;
}

static void outbox__only_a_lease_that_has_not_run_out_is_told(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    int64_t now = amphi__clock_wall_ms(NULL);
    queue(f, "1", "", now);
    assert_int_equal(leased_of(f), 0);
    assert_string_equal(claim(f, now - 2000, 1000, &t), "1/0\n");
    assert_int_equal(leased_of(f), 0);
    assert_string_equal(claim(f, now, 600000, &t), "1/0\n");
    assert_int_equal(leased_of(f), 1);
    assert_int_equal(f->store.ops->outbox_release(f->store.self, S("1"), now, NULL), AMPHI_OK);
    assert_int_equal(leased_of(f), 0);
    assert_string_equal(claim(f, now + 400 * DAY, 1000, &t), ""); /* it is too old then */
    queue(f, "2", "", now + 400 * DAY);
    assert_string_equal(claim(f, now + 400 * DAY, 1000, &t), "2/0\n");
    assert_int_equal(leased_of(f), 0); /* the clock was set back */
}

static void outbox__order_within_a_conversation_holds(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    queue(f, "a1", "a", NOW);
    queue(f, "a2", "a", NOW);
    queue(f, "b1", "b", NOW);
    assert_string_equal(claim(f, NOW, 1000, &t), "a1/0\n");
    assert_string_equal(claim(f, NOW, 1000, &t), "b1/0\n");
    assert_string_equal(claim(f, NOW, 1000, &t), "");
    assert_int_equal(
        f->store.ops->outbox_release(f->store.self, S("a1"), NOW + 500, NULL), AMPHI_OK);
    assert_string_equal(claim(f, NOW + 499, 1000, &t), ""); /* a2 waits for a1 */
    assert_string_equal(claim(f, NOW + 500, 1000, &t), "a1/1\n");
    assert_int_equal(f->store.ops->outbox_remove(f->store.self, S("a1"), NULL), AMPHI_OK);
    assert_string_equal(claim(f, NOW + 500, 1000, &t), "a2/0\n");
}

static void outbox__a_turn_takes_its_entry_along_or_writes_nothing(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    queue(f, "id", "c", NOW);
    amphi_store_message message = {.role = S("user"), .content = S("sent")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW,
        .conversation_id = S("c"),
        .messages = &message,
        .messages_count = 1,
        .outbox_id = S("id")};
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_OK);
    assert_string_equal(entries_of(f, &t), "");
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_E_NOT_FOUND);
    assert_string_equal(messages_of(f, "c", &t), "user:sent@0\n");
    assert_string_equal(conversations_of(f, &t), "c 1 @0 sent\n");
}

static void outbox__bounds_in_entries_and_age_hold(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    reopen_with(f, (amphi_storage_options){.outbox_entries_max = 2, .outbox_age_max_ms = 1000});
    assert_int_equal(queue(f, "1", "", NOW), AMPHI_OK);
    assert_int_equal(queue(f, "2", "", NOW + 500), AMPHI_OK);
    assert_int_equal(queue(f, "3", "", NOW + 500), AMPHI_E_FULL);
    assert_string_equal(claim(f, NOW + 1001, 100, &t), "2/0\n"); /* 1 was too old */
    assert_string_equal(entries_of(f, &t), "2/0\n");
    /* 2 is being sent and stays however old it is; once its lease has run out it goes. */
    assert_int_equal(queue(f, "4", "", NOW + 1050), AMPHI_OK);
    assert_string_equal(entries_of(f, &t), "2/0\n4/0\n");
    assert_int_equal(queue(f, "5", "", NOW + 1600), AMPHI_OK);
    assert_string_equal(entries_of(f, &t), "4/0\n5/0\n");
}

static void outbox__a_clock_that_was_set_back_blocks_nothing(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    queue(f, "1", "", NOW);
    queue(f, "2", "", NOW);
    assert_string_equal(claim(f, NOW + 5 * DAY, 1000, &t), "1/0\n");
    assert_int_equal(
        f->store.ops->outbox_release(f->store.self, S("1"), NOW + 400 * DAY, NULL), AMPHI_OK);
    assert_string_equal(claim(f, NOW, 1000, &t), "1/1\n");
}

static void outbox__ids_are_unique_and_unknown_ones_not_found(void **state)
{
    fixture *f = *state;
    amphi_store_outbox_item item = {.struct_size = sizeof item, .id = S("")};
    assert_int_equal(queue(f, "1", "", NOW), AMPHI_OK);
    assert_int_equal(queue(f, "1", "", NOW), AMPHI_E_ARGUMENT);
    assert_int_equal(f->store.ops->outbox_add(f->store.self, &item, NULL), AMPHI_E_ARGUMENT);
    assert_int_equal(
        f->store.ops->outbox_release(f->store.self, S("2"), NOW, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(f->store.ops->outbox_remove(f->store.self, S("2"), NULL), AMPHI_E_NOT_FOUND);
}

/* ---- Settings and keys ---- */

static void settings__values_are_replaced_and_may_be_binary(void **state)
{
    fixture *f = *state;
    text t = {.stop_after = 0};
    assert_int_equal(
        f->store.ops->setting_get(f->store.self, S("n"), see_value, &t, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(f->store.ops->setting_put(f->store.self, S("n"), S("old"), NULL), AMPHI_OK);
    assert_int_equal(f->store.ops->setting_put(f->store.self, S("n"), S("\0new"), NULL), AMPHI_OK);
    assert_int_equal(
        f->store.ops->setting_get(f->store.self, S("n"), see_value, &t, NULL), AMPHI_OK);
    assert_int_equal(t.size, 4);
    assert_memory_equal(t.data, "\0new", 4);
    assert_int_equal(
        f->store.ops->setting_put(f->store.self, S(""), S("x"), NULL), AMPHI_E_ARGUMENT);
    assert_int_equal(f->store.ops->setting_put(
                         f->store.self, S("big"), amphi_str_make("", (4u << 20) + 1), NULL),
        AMPHI_E_LIMIT);
}

static void keys__purposes_give_different_keys_and_the_same_twice(void **state)
{
    fixture *f = *state;
    uint8_t a[32], b[32], c[32];
    assert_int_equal(f->store.ops->derive_key(f->store.self, S("cache"), a, NULL), AMPHI_OK);
    assert_int_equal(f->store.ops->derive_key(f->store.self, S("other"), b, NULL), AMPHI_OK);
    assert_int_equal(f->store.ops->derive_key(f->store.self, S("cache"), c, NULL), AMPHI_OK);
    assert_memory_equal(a, c, 32);
    assert_memory_not_equal(a, b, 32);
}

/* ---- Ledger ---- */

static int64_t add_start(fixture *f, const char *fingerprint, int64_t now_ms)
{
    amphi_store_start start = {.struct_size = sizeof start,
        .fingerprint = amphi_str_from(fingerprint),
        .build = S("build"),
        .kernels = S("avx2"),
        .host = S("boot/1/2"),
        .in_process = true,
        .started_ms = now_ms,
        .changed_ms = now_ms,
        .phase = AMPHI_START_LOAD,
        .outcome = AMPHI_START_RUNNING};
    int64_t id = 0;
    assert_int_equal(f->store.ops->ledger_add(f->store.self, &start, &id, NULL), AMPHI_OK);
    assert_true(id > 0);
    return id;
}

/* "phase/outcome@changed-started " of each row. */
static bool see_start(void *user, const amphi_store_start *start)
{
    char *seen = user;
    size_t used = strlen(seen);
    assert_true(start->in_process);
    assert_int_equal(start->build.size, 5);
    assert_memory_equal(start->kernels.data, "avx2", 4);
    assert_memory_equal(start->host.data, "boot/1/2", 8);
    snprintf(seen + used, 1000 - used, "%d/%d@%d-%d ", (int)start->phase, (int)start->outcome,
        (int)(start->changed_ms - NOW), (int)(start->started_ms - NOW));
    return strlen(seen) < 900;
}

static void ledger__starts_of_a_model_are_listed_by_their_last_change(void **state)
{
    fixture *f = *state;
    char seen[1000] = "";
    int64_t first = add_start(f, "m1", NOW);
    int64_t second = add_start(f, "m1", NOW + 10);
    add_start(f, "m2", NOW + 20);
    assert_int_equal(f->store.ops->ledger_set(f->store.self, first, AMPHI_START_TOKEN,
                         AMPHI_START_CRASHED, NOW + 30, NULL),
        AMPHI_OK);
    assert_int_equal(
        f->store.ops->ledger_list(f->store.self, S("m1"), NOW, see_start, seen, NULL), AMPHI_OK);
    assert_string_equal(seen, "2/4@30-0 0/0@10-10 ");
    seen[0] = '\0';
    assert_int_equal(
        f->store.ops->ledger_list(f->store.self, S("m1"), NOW + 11, see_start, seen, NULL),
        AMPHI_OK);
    assert_string_equal(seen, "2/4@30-0 ");
    assert_int_equal(f->store.ops->ledger_set(
                         f->store.self, second + 100, AMPHI_START_TOKEN, AMPHI_START_OK, NOW, NULL),
        AMPHI_E_NOT_FOUND);
}

static bool count_start(void *user, const amphi_store_start *start)
{
    ++*(int *)user;
    return true;
}

static void ledger__is_bounded_and_refuses_nonsense(void **state)
{
    fixture *f = *state;
    int count = 0;
    int64_t id = 0;
    amphi_store_start start = {.struct_size = sizeof start};
    assert_int_equal(f->store.ops->ledger_add(f->store.self, &start, &id, NULL), AMPHI_E_ARGUMENT);
    start.fingerprint = S("m");
    start.outcome = AMPHI_START_OUTCOME_COUNT;
    assert_int_equal(f->store.ops->ledger_add(f->store.self, &start, &id, NULL), AMPHI_E_ARGUMENT);
    int64_t oldest = add_start(f, "old", NOW);
    for (int i = 0; i < 640; i++)
        add_start(f, "m", NOW + i);
    assert_int_equal(
        f->store.ops->ledger_list(f->store.self, S("m"), 0, count_start, &count, NULL), AMPHI_OK);
    assert_in_range(count, 200, 512);
    assert_int_equal(f->store.ops->ledger_set(
                         f->store.self, oldest, AMPHI_START_TOKEN, AMPHI_START_OK, NOW, NULL),
        AMPHI_E_NOT_FOUND);
}

#define BOTH(test)                                                                                 \
    {"memory: " #test, test, set_up_memory, tear_down, NULL},                                      \
    {                                                                                              \
        "own: " #test, test, set_up_sqlcipher, tear_down, NULL                                     \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(history__messages_come_back_in_order),
        BOTH(history__every_field_survives_also_with_nuls_inside),
        BOTH(history__ids_with_nuls_are_different_conversations),
        BOTH(history__a_long_conversation_is_read_whole_and_a_visitor_can_stop),
        BOTH(history__conversations_are_listed_newest_first_with_title_and_count),
        BOTH(history__many_conversations_are_listed_once_each),
        BOTH(history__a_title_is_sixty_characters_cut_at_a_border),
        BOTH(history__a_title_comes_from_the_first_text_part),
        BOTH(history__unknown_conversations_are_not_found),
        BOTH(history__a_deleted_conversation_is_gone_with_what_it_queued),
        BOTH(history__mistakes_are_named_and_change_nothing),
        BOTH(history__no_lock_is_held_while_a_visitor_runs),
        BOTH(history__threads_may_write_and_read_at_once),
        BOTH(cache__a_value_comes_back_until_it_expires),
        BOTH(cache__a_second_put_replaces_and_clear_empties),
        BOTH(cache__the_least_recently_used_goes_first),
        BOTH(cache__many_reads_keep_their_order),
        BOTH(cache__bytes_are_bounded_and_expired_entries_make_room),
        BOTH(cache__too_large_values_are_refused),
        BOTH(outbox__entries_are_claimed_oldest_first_and_once),
        BOTH(outbox__only_a_lease_that_has_not_run_out_is_told),
        BOTH(outbox__order_within_a_conversation_holds),
        BOTH(outbox__a_turn_takes_its_entry_along_or_writes_nothing),
        BOTH(outbox__bounds_in_entries_and_age_hold),
        BOTH(outbox__a_clock_that_was_set_back_blocks_nothing),
        BOTH(outbox__ids_are_unique_and_unknown_ones_not_found),
        BOTH(settings__values_are_replaced_and_may_be_binary),
        BOTH(keys__purposes_give_different_keys_and_the_same_twice),
        BOTH(ledger__starts_of_a_model_are_listed_by_their_last_change),
        BOTH(ledger__is_bounded_and_refuses_nonsense),
    };
    return cmocka_run_group_tests_name("contract.store_contract", tests, NULL, NULL);
}
