/* SPDX-License-Identifier: Apache-2.0
 *
 * Which requests the response cache answers, and which answers it keeps.
 */
#include "sdk/client/client.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void chat__same_question_is_answered_from_the_cache(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.no_cache = false;
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(atomic_load(&f.local.starts) + atomic_load(&f.cloud.starts), 1);
    chat_fixture_ask(&f, &request, "Hi!");
    assert_int_equal(atomic_load(&f.local.starts) + atomic_load(&f.cloud.starts), 2);
    request.sampling.seed = 7;
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.local.starts) + atomic_load(&f.cloud.starts), 3);
    chat_fixture_close(&f);
}

static void identify(void *self, amphi_engine_info *out)
{
    *out = ((scripted_engine *)self)->info;
}

static amphi_status start_and_swap(void *self, amphi_engine_run **out,
    const amphi_engine_request *request, const amphi_engine_sink *sink, amphi_error *error)
{
    scripted_engine *engine = self;
    ++engine->info.fingerprint[0];
    return scripted_engine_value(engine).ops->start(self, out, request, sink, error);
}

/* The file may change under a client that lives, also while it answers. */
static void chat__answer_of_another_model_file_does_not_come_from_the_cache(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_engine_ops ops = *f.parts.local.ops;
    ops.identify = identify;
    f.client->routes[0].engine.ops = &ops;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    request.no_cache = false;
    strcpy(f.local.info.fingerprint, "a");
    for (int starts = 1; starts <= 2; starts++) {
        chat_fixture_ask(&f, &request, "Hi");
        chat_fixture_ask(&f, &request, "Hi");
        assert_int_equal(atomic_load(&f.local.starts), starts);
        strcpy(f.local.info.fingerprint, "b");
    }
    f.local.info.fingerprint[0] = '\0'; /* it is gone: what is known is still told */
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.local.starts), 2);
    strcpy(f.local.info.fingerprint, "c");
    ops.start = start_and_swap; /* to d: whose answer is it? */
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.local.starts), 3);
    ops.start = scripted_engine_value(&f.local).ops->start;
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.local.starts), 4);
    chat_fixture_close(&f);
}

static void chat__failed_answers_are_not_cached(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, dies_in_mid_word, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    request.no_cache = false;
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(f.last, AMPHI_EVENT_ERROR);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat__same_question_is_answered_from_the_cache),
        cmocka_unit_test(chat__answer_of_another_model_file_does_not_come_from_the_cache),
        cmocka_unit_test(chat__failed_answers_are_not_cached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
