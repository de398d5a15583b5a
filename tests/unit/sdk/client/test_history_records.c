/* SPDX-License-Identifier: Apache-2.0
 *
 * Records leave with what was decided and what came of it, and without a word that was said.
 */
#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool keep(void *user, amphi_str line)
{
    amphi_buf *lines = user;
    amphi__buf_append_str(lines, line);
    return amphi__buf_append_char(lines, '\n') == AMPHI_OK;
}

static bool refuse(void *user, amphi_str line)
{
    return --*(int *)user > 0;
}

static void ask(chat_fixture *f, amphi_mode mode, bool is_private, const char *text)
{
    amphi_chat_request request = chat_fixture_request(mode);
    request.conversation_id = AMPHI_STR("canary-conversation");
    request.is_private = is_private;
    chat_fixture_ask(f, &request, text);
}

/* The n-th line, parsed. */
static amphi_json *line_at(const amphi_buf *lines, size_t n)
{
    amphi_str rest = amphi__buf_str(lines);
    amphi_str line = amphi__str_cut(rest, '\n', &rest);
    amphi_json *root = NULL;
    while (n-- > 0)
        line = amphi__str_cut(rest, '\n', &rest);
    assert_int_equal(amphi__json_parse(&root, line, "line", NULL), AMPHI_OK);
    return root;
}

static void records__have_the_decision_and_its_outcome_and_no_word_that_was_said(void **state)
{
    static const char *const said[] = {"canary", "Hello", "world", "\"text\""};
    chat_fixture f;
    amphi_buf lines;
    amphi_history_transfer transfer;
    amphi_history_transfer_init(&transfer);
    chat_fixture_open(&f, dies_in_mid_word, continues_hello);
    ask(&f, AMPHI_MODE_PREFER_LOCAL, false, "canary-question");
    ask(&f, AMPHI_MODE_ONLY_CLOUD, false, "canary-cloud");
    amphi__buf_init(&lines, 0);
    assert_int_equal(
        amphi_history_export_records(f.client, keep, &lines, &transfer, NULL), AMPHI_OK);
    assert_int_equal(transfer.messages_count, 2);
    assert_int_equal(transfer.skipped_count, 0);
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        assert_null(strstr(lines.data, said[i]));
    amphi_json *first = line_at(&lines, 2);
    const amphi_json *moved = amphi__json_first(amphi__json_get(first, "takeovers"));
    assert_true(amphi__str_equal_c(amphi__json_string(amphi__json_get(moved, "from")), "local"));
    assert_true(amphi__str_equal_c(amphi__json_string(amphi__json_get(first, "route")), "cloud"));
    assert_true(amphi__str_equal_c(amphi__json_string(amphi__json_get(first, "status")), "ok"));
    assert_int_equal(amphi__json_count(amphi__json_get(first, "decision")), 2);
    assert_non_null(amphi__json_get(amphi__json_get(first, "timing"), "total_ms"));
    amphi__json_free(first);
    amphi__buf_clear(&lines);
    chat_fixture_close(&f);
}

static void records__of_private_answers_are_decisions_without_content(void **state)
{
    chat_fixture f;
    amphi_buf lines;
    char *record = NULL;
    amphi_error error;
    chat_fixture_open(&f, says_hello, says_hello);
    ask(&f, AMPHI_MODE_AUTO, true, "canary-secret");
    amphi__buf_init(&lines, 0);
    assert_int_equal(amphi_history_export_records(f.client, keep, &lines, NULL, NULL), AMPHI_OK);
    assert_null(strstr(lines.data, "canary"));
    assert_null(strstr(lines.data, "Hello"));
    amphi_json *line = line_at(&lines, 2);
    assert_true(
        amphi__str_equal_c(amphi__json_string(amphi__json_get(line, "privacy")), "private"));
    int64_t id = amphi__json_int(amphi__json_get(line, "answer"), 0);
    amphi__json_free(line);
    assert_int_equal(amphi_history_record(f.client, id, &record, &error), AMPHI_OK);
    char *document = strstr(record, ",\"document\":{\"mode\":"); /* behind the same line */
    assert_non_null(document);
    assert_null(strstr(record, "canary"));
    *document = '\0';
    assert_non_null(strstr(lines.data, record));
    amphi_string_free(record);
    assert_int_equal(amphi_history_record(f.client, id + 9, &record, &error), AMPHI_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "no answer of this id"));
    assert_int_equal(amphi_history_record(f.client, 0, &record, &error), AMPHI_E_ARGUMENT);
    amphi__buf_clear(&lines);
    chat_fixture_close(&f);
}

static void records__answers_without_one_are_counted(void **state)
{
    static const char *const kept[] = {"", "{\"text\":", "[1]"};
    chat_fixture f;
    amphi_buf lines;
    amphi_error error;
    amphi_history_transfer transfer;
    amphi_history_transfer_init(&transfer);
    chat_fixture_open(&f, says_hello, says_hello);
    for (size_t i = 0; i < 3; i++) {
        amphi_store store = f.parts.store;
        amphi_store_message message = {.role = AMPHI_STR("assistant"),
            .content = AMPHI_STR("a"),
            .decision_json = amphi_str_from(kept[i])};
        amphi_store_turn turn = {.struct_size = sizeof turn,
            .conversation_id = AMPHI_STR("c"),
            .now_ms = 1000,
            .messages = &message,
            .messages_count = 1};
        assert_int_equal(store.ops->turn_append(store.self, &turn, NULL), AMPHI_OK);
    }
    amphi__buf_init(&lines, 0);
    assert_int_equal(
        amphi_history_export_records(f.client, keep, &lines, &transfer, NULL), AMPHI_OK);
    assert_int_equal(transfer.messages_count, 0);
    assert_int_equal(transfer.skipped_count, 3);
    ask(&f, AMPHI_MODE_AUTO, false, "q");
    for (int i = 1; i <= 2; i++) { /* refused at the head, and at the record */
        int left = i;
        assert_int_equal(
            amphi_history_export_records(f.client, refuse, &left, NULL, &error), AMPHI_E_IO);
    }
    amphi__buf_clear(&lines);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records__have_the_decision_and_its_outcome_and_no_word_that_was_said),
        cmocka_unit_test(records__of_private_answers_are_decisions_without_content),
        cmocka_unit_test(records__answers_without_one_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
