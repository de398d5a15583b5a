/* SPDX-License-Identifier: Apache-2.0
 *
 * What ext/store.h promises of the history, tested over every store that this build has.
 */
#include "sdk/core/clock.h"
#include "sdk/core/thread.h"
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void history__messages_come_back_in_order(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    assert_int_equal(store_say(f, "c", NOW, "user", S("hello")), AMPHI_OK);
    assert_int_equal(store_say(f, "c", NOW + 5, "assistant", S("hi")), AMPHI_OK);
    assert_int_equal(store_say(f, "d", NOW + 6, "user", S("other")), AMPHI_OK);
    assert_int_equal(store_say(f, "c", NOW + 4, "user", S("and?")), AMPHI_OK); /* clock went back */
    assert_string_equal(
        store_messages_of(f, "c", &t), "user:hello@0\nassistant:hi@5\nuser:and?@4\n");
    assert_string_equal(store_messages_of(f, "d", &t), "user:other@6\n");
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
    store_fixture *f = *state;
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
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    amphi_store_message message = {.role = S("user"), .content = S("x")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW,
        .conversation_id = S("c\0d"),
        .messages = &message,
        .messages_count = 1};
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_OK);
    assert_int_equal(f->store.ops->messages(f->store.self, S("c"), store_see_message, &t, NULL),
        AMPHI_E_NOT_FOUND);
    assert_int_equal(
        f->store.ops->messages(f->store.self, S("c\0d"), store_see_message, &t, NULL), AMPHI_OK);
}

static void history__a_long_conversation_is_read_whole_and_a_visitor_can_stop(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    amphi_store_message messages[400];
    for (int i = 0; i < 400; i++)
        messages[i] = (amphi_store_message){.role = S("user"), .content = S("x")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW,
        .conversation_id = S("c"),
        .messages = messages,
        .messages_count = 400};
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_OK);
    store_messages_of(f, "c", &t);
    assert_int_equal(t.lines, 400);
    t.stop_after = 130;
    store_messages_of(f, "c", &t);
    assert_int_equal(t.lines, 130);
}

static void history__conversations_are_listed_newest_first_with_title_and_count(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    store_say(f, "a", NOW, "system", S("be brief"));
    store_say(f, "a", NOW + 1, "user", S("first question"));
    store_say(f, "b", NOW + 2, "user", S("second"));
    store_say(f, "a", NOW + 3, "user", S("another question"));
    assert_string_equal(store_conversations_of(f, &t), "a 3 @3 first question\nb 1 @2 second\n");
    t.stop_after = 1;
    store_conversations_of(f, &t);
    assert_int_equal(t.lines, 1);
}

static void history__many_conversations_are_listed_once_each(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    char id[16];
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "%d", i);
        assert_int_equal(
            store_say(f, id, NOW + i / 7, "user", S("q")), AMPHI_OK); /* with equal times */
    }
    store_conversations_of(f, &t);
    assert_int_equal(t.lines, 300);
    assert_memory_equal(t.data, "299 1 @42 q\n298 1 @42 q\n", 24);
}

static void history__a_title_is_sixty_characters_cut_at_a_border(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    char content[61 * 2 + 1] = {0}, line[200];
    for (int i = 0; i < 61; i++)
        memcpy(content + 2 * i, "\xc3\xa9", 2);
    store_say(f, "c", NOW, "user", amphi_str_from(content));
    snprintf(line, sizeof line, "c 1 @0 %.120s\n", content);
    assert_string_equal(store_conversations_of(f, &t), line);
}

static void history__a_title_comes_from_the_first_text_part(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
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
    assert_string_equal(store_conversations_of(f, &t), "c 1 @0 What is this?\n");
}

static bool see_row(void *user, const amphi_store_row *row)
{
    char line[64];
    store_text *t = user;
    assert_int_equal(row->struct_size, sizeof *row);
    assert_int_equal(row->state, AMPHI_MESSAGE_COMPLETE);
    snprintf(line, sizeof line, "%.*s/%d ", (int)row->message.content.size,
        row->message.content.data, row->privacy);
    size_t size = strlen(line);
    assert_true(t->size + size < sizeof t->data);
    memcpy(t->data + t->size, line, size + 1);
    t->size += size;
    t->last_id = row->id;
    return ++t->lines != t->stop_after;
}

static const char *rows_of(store_fixture *f, const amphi_store_row_query *query, store_text *t)
{
    *t = (store_text){.stop_after = t->stop_after};
    assert_int_equal(f->store.ops->rows(f->store.self, query, see_row, t, NULL), AMPHI_OK);
    return t->data;
}

static void say_with_privacy(store_fixture *f, const char *content, amphi_privacy privacy)
{
    const amphi_store_message messages[2] = {
        {.role = S("user"), .content = amphi_str_from(content)},
        {.role = S("assistant"), .content = S("a")}};
    amphi_store_turn turn;
    amphi_store_turn_init(&turn);
    turn.conversation_id = S("c");
    turn.now_ms = NOW;
    turn.messages = messages;
    turn.messages_count = 2;
    turn.privacy = privacy;
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_OK);
}

static void history__rows_say_how_far_they_may_travel(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    amphi_store_row_query query;
    amphi_store_row_query_init(&query);
    query.conversation_id = S("c");
    say_with_privacy(f, "1", AMPHI_PRIVACY_NONE);
    say_with_privacy(f, "2", AMPHI_PRIVACY_PRIVATE);
    say_with_privacy(f, "3", AMPHI_PRIVACY_ONLY_LOCAL);
    store_say(f, "d", NOW, "user", S("other"));
    assert_string_equal(rows_of(f, &query, &t), "1/0 a/0 2/2 a/2 3/1 a/1 ");
    query.newest_first = true;
    assert_string_equal(rows_of(f, &query, &t), "a/1 3/1 a/2 2/2 a/0 1/0 ");
    query.limit = 4;
    assert_string_equal(rows_of(f, &query, &t), "a/1 3/1 a/2 2/2 ");
    query.from_id = t.last_id;
    assert_string_equal(rows_of(f, &query, &t), "a/0 1/0 ");
    query.newest_first = false;
    assert_string_equal(rows_of(f, &query, &t), "a/2 3/1 a/1 ");
    query.from_id = 0;
    query.limit = 1;
    assert_string_equal(rows_of(f, &query, &t), "1/0 ");
    query.from_id = t.last_id;
    query.limit = 3;
    assert_string_equal(rows_of(f, &query, &t), "a/0 2/2 a/2 ");
    t.stop_after = 2;
    assert_string_equal(rows_of(f, &query, &t), "a/0 2/2 ");
}

static void history__rows_are_read_in_pages_both_ways(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    amphi_store_row_query query;
    amphi_store_row_query_init(&query);
    query.conversation_id = S("c");
    char number[16];
    for (int i = 0; i < 200; i++) {
        snprintf(number, sizeof number, "%d", i);
        say_with_privacy(f, number, i == 199 ? AMPHI_PRIVACY_PRIVATE : AMPHI_PRIVACY_NONE);
    }
    rows_of(f, &query, &t);
    assert_int_equal(t.lines, 400);
    assert_non_null(strstr(t.data, " 198/0 a/0 199/2 a/2 "));
    query.newest_first = true;
    const char *text = rows_of(f, &query, &t);
    assert_int_equal(t.lines, 400);
    assert_int_equal(strncmp(text, "a/2 199/2 a/0 198/0 ", 20), 0);
    assert_string_equal(text + t.size - 16, "a/0 1/0 a/0 0/0 ");
    query.limit = 300;
    rows_of(f, &query, &t);
    assert_int_equal(t.lines, 300);
    assert_string_equal(t.data + t.size - 9, "a/0 50/0 ");
}

static void history__rows_of_an_unknown_conversation_and_mistakes(void **state)
{
    store_fixture *f = *state;
    amphi_error error;
    amphi_store_row_query query;
    amphi_store_row_query_init(&query);
    query.conversation_id = S("no");
    assert_int_equal(
        f->store.ops->rows(f->store.self, &query, see_row, NULL, NULL), AMPHI_E_NOT_FOUND);
    query.from_id = -1;
    assert_int_equal(
        f->store.ops->rows(f->store.self, &query, see_row, NULL, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "from_id"));
    query.from_id = 0;
    query.conversation_id = S("");
    assert_int_equal(
        f->store.ops->rows(f->store.self, &query, see_row, NULL, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "conversation_id"));
    const amphi_store_message message = {.role = S("user"), .content = S("x")};
    amphi_store_turn turn;
    amphi_store_turn_init(&turn);
    turn.conversation_id = S("c");
    turn.messages = &message;
    turn.messages_count = 1;
    turn.privacy = (amphi_privacy)3;
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "privacy"));
}

static void history__unknown_conversations_are_not_found(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    amphi_error error = {0};
    assert_int_equal(f->store.ops->messages(f->store.self, S("no"), store_see_message, &t, &error),
        AMPHI_E_NOT_FOUND);
    assert_int_equal(error.status, AMPHI_E_NOT_FOUND);
    assert_int_equal(
        f->store.ops->conversation_delete(f->store.self, S("no"), NULL), AMPHI_E_NOT_FOUND);
    assert_string_equal(store_conversations_of(f, &t), "");
}

static void history__a_deleted_conversation_is_gone_with_what_it_queued(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    store_say(f, "a", NOW, "user", S("x"));
    store_say(f, "b", NOW, "user", S("y"));
    store_queue(f, "1", "a", NOW);
    store_queue(f, "2", "b", NOW);
    assert_int_equal(f->store.ops->conversation_delete(f->store.self, S("a"), NULL), AMPHI_OK);
    assert_int_equal(f->store.ops->messages(f->store.self, S("a"), store_see_message, &t, NULL),
        AMPHI_E_NOT_FOUND);
    assert_string_equal(store_conversations_of(f, &t), "b 1 @0 y\n");
    assert_string_equal(store_entries_of(f, &t), "2/0\n");
    store_say(f, "a", NOW + 1, "user", S("new"));
    assert_string_equal(store_messages_of(f, "a", &t), "user:new@1\n");
}

static void history__mistakes_are_named_and_change_nothing(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
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
    assert_string_equal(store_conversations_of(f, &t), "");
}

static bool append_again(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    (void)id;
    (void)created_ms;
    assert_memory_equal(message->content.data, "x", 1);
    assert_int_equal(store_say(user, "other", NOW, "user", S("from a visitor")), AMPHI_OK);
    return true;
}

/* More than the header asks for: a visitor that does call the store finds it unlocked. */
static void history__no_lock_is_held_while_a_visitor_runs(void **state)
{
    store_fixture *f = *state;
    store_say(f, "c", NOW, "user", S("x"));
    assert_int_equal(
        f->store.ops->messages(f->store.self, S("c"), append_again, f, NULL), AMPHI_OK);
}

enum { THREADS = 4, THREAD_TURNS = 25 };

typedef struct worker {
    store_fixture *f;
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
        w->failures += store_say(w->f, own, NOW + i, "user", S("q")) != AMPHI_OK;
        w->failures += store_say(w->f, "shared", NOW + i, "user", S("q")) != AMPHI_OK;
        w->failures += w->f->store.ops->messages(w->f->store.self, amphi_str_from(own),
                           count_messages, &count, NULL) != AMPHI_OK;
        w->failures += count != i + 1;
    }
}

static void history__threads_may_write_and_read_at_once(void **state)
{
    store_fixture *f = *state;
    worker workers[THREADS];
    store_text t = {.stop_after = 0};
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.f = f, .number = i};
        assert_int_equal(
            amphi__thread_start(&workers[i].thread, "test", work, &workers[i]), AMPHI_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        amphi__thread_join(&workers[i].thread);
        assert_int_equal(workers[i].failures, 0);
    }
    store_messages_of(f, "shared", &t);
    assert_int_equal(t.lines, THREADS * THREAD_TURNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_STORES(history__messages_come_back_in_order),
        BOTH_STORES(history__every_field_survives_also_with_nuls_inside),
        BOTH_STORES(history__ids_with_nuls_are_different_conversations),
        BOTH_STORES(history__a_long_conversation_is_read_whole_and_a_visitor_can_stop),
        BOTH_STORES(history__conversations_are_listed_newest_first_with_title_and_count),
        BOTH_STORES(history__many_conversations_are_listed_once_each),
        BOTH_STORES(history__a_title_is_sixty_characters_cut_at_a_border),
        BOTH_STORES(history__a_title_comes_from_the_first_text_part),
        BOTH_STORES(history__rows_say_how_far_they_may_travel),
        BOTH_STORES(history__rows_are_read_in_pages_both_ways),
        BOTH_STORES(history__rows_of_an_unknown_conversation_and_mistakes),
        BOTH_STORES(history__unknown_conversations_are_not_found),
        BOTH_STORES(history__a_deleted_conversation_is_gone_with_what_it_queued),
        BOTH_STORES(history__mistakes_are_named_and_change_nothing),
        BOTH_STORES(history__no_lock_is_held_while_a_visitor_runs),
        BOTH_STORES(history__threads_may_write_and_read_at_once),
    };
    return cmocka_run_group_tests_name("contract.store_history", tests, NULL, NULL);
}
