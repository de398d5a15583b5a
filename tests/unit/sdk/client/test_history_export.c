/* SPDX-License-Identifier: Apache-2.0
 *
 * An export of a store that was lost is refused by the library, for each of its faces.
 */
#include "tests/support/chat_fixture.h"
#include "tests/support/own_store.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static bool count_line(void *user, amphi_str line)
{
    ++*(int *)user;
    return true;
}

static amphi_status export_counted(const chat_fixture *f, int *lines, amphi_error *error)
{
    *lines = 0;
    return amphi_history_export(f->client, true, count_line, lines, NULL, error);
}

static amphi_status say(amphi_store store)
{
    amphi_store_message message = {.role = AMPHI_STR("user"), .content = AMPHI_STR("q")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .conversation_id = AMPHI_STR("c"),
        .now_ms = 1000,
        .messages = &message,
        .messages_count = 1};
    return store.ops->turn_append(store.self, &turn, NULL);
}

/* A client over the store that is in the folder now. */
static void start(chat_fixture *f, const own_store *own, amphi_store *memory)
{
    chat_fixture_init(f, says_hello, says_hello);
    *memory = f->parts.store;
    f->parts.store = own->store;
    chat_fixture_start(f, NULL);
}

static void stop(chat_fixture *f, amphi_store memory)
{
    f->parts.store = memory;
    chat_fixture_close(f);
}

static void export__of_a_lost_store_is_refused_before_a_line_is_written(void **state)
{
    own_store own;
    chat_fixture f;
    amphi_store memory;
    amphi_error error = {0};
    int lines;
    own_store_begin(&own);
    assert_int_equal(say(own.store), AMPHI_OK);
    start(&f, &own, &memory);
    assert_int_equal(export_counted(&f, &lines, &error), AMPHI_OK);
    assert_int_equal(lines, 3);
    assert_int_equal(unlink(scratch_dir_file(&own.dir, "amphi.db")), 0); /* while it is in use */
    assert_int_equal(export_counted(&f, &lines, &error), AMPHI_E_NOT_FOUND);
    stop(&f, memory);
    own_store_close(&own);
    (void)unlink(scratch_dir_file(&own.dir, "amphi.db"));
    own_store_open(&own); /* a new, empty one */
    start(&f, &own, &memory);
    assert_int_equal(say(own.store), AMPHI_OK);
    assert_int_equal(export_counted(&f, &lines, &error), AMPHI_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "restore a backup"));
    assert_int_equal(lines, 0);
    assert_int_equal(amphi_history_backup(
                         f.client, amphi_str_from(scratch_dir_file(&own.dir, "copy.db")), &error),
        AMPHI_E_NOT_FOUND);
    stop(&f, memory);
    own_store_end(&own);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(export__of_a_lost_store_is_refused_before_a_line_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
