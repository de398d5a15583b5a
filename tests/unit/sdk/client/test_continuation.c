/* SPDX-License-Identifier: Apache-2.0
 *
 * What is learnt of how a route continues, and what is chosen for the next takeover.
 */
#include "sdk/client/continuation.h"
#include "sdk/core/str.h"
#include "tests/support/settings_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static int64_t now_ms;

static int64_t wall_ms(void *self)
{
    return now_ms;
}

static const amphi_clock fixed_clock = {.wall_ms = wall_ms};

typedef struct scene {
    fake_store store;
    amphi_client client; /* its store and its clock, and nothing else */
    amphi_engine_info info;
} scene;

static void open_scene(scene *s)
{
    memset(s, 0, sizeof *s);
    now_ms = 1700000000000;
    s->client.store = (amphi_store){&settings_store_ops, &s->store};
    s->client.clock = &fixed_clock;
    amphi_engine_info_init(&s->info);
    s->info.kind = AMPHI_ENGINE_CLOUD;
    amphi__str_copy_to(s->info.name, sizeof s->info.name, AMPHI_STR("work"));
    amphi__str_copy_to(s->info.model, sizeof s->info.model, AMPHI_STR("m-1"));
}

static void close_scene(scene *s)
{
    for (size_t i = 0; i < s->store.count; i++)
        free(s->store.settings[i].value);
}

static void expect(scene *s, amphi_continuation way, bool is_known)
{
    amphi_continuation_choice choice = amphi__continuation_choose(&s->client, &s->info);
    assert_int_equal(choice.way, way);
    assert_int_equal(choice.is_known, is_known);
}

static void learn(scene *s, amphi_continuation way, amphi_continuation_result result)
{
    amphi__continuation_learn(&s->client, &s->info, way, result);
}

static void continuation__new_answer_is_remembered_and_ages_out(void **state)
{
    scene s;
    open_scene(&s);
    expect(&s, AMPHI_CONTINUE_VLLM, false); /* not known: with the flags that others do not read */
    learn(&s, AMPHI_CONTINUE_VLLM, AMPHI_CONTINUATION_ANEW);
    expect(&s, AMPHI_CONTINUE_NO, false);
    amphi__str_copy_to(s.info.model, sizeof s.info.model, AMPHI_STR("m-2"));
    expect(&s, AMPHI_CONTINUE_VLLM, false); /* of one model of one endpoint */
    amphi__str_copy_to(s.info.model, sizeof s.info.model, AMPHI_STR("m-1"));
    now_ms += 8 * (int64_t)86400000;
    expect(&s, AMPHI_CONTINUE_VLLM, false);
    close_scene(&s);
}

static void continuation__refused_flags_are_left_out_next_time(void **state)
{
    scene s;
    open_scene(&s);
    learn(&s, AMPHI_CONTINUE_VLLM, AMPHI_CONTINUATION_REFUSED);
    expect(&s, AMPHI_CONTINUE_NATIVE, false);
    learn(&s, AMPHI_CONTINUE_NATIVE, AMPHI_CONTINUATION_REFUSED);
    expect(&s, AMPHI_CONTINUE_INSTRUCT, false); /* which can't be refused */
    learn(&s, AMPHI_CONTINUE_INSTRUCT, AMPHI_CONTINUATION_ANEW);
    expect(&s, AMPHI_CONTINUE_NO, false);
    close_scene(&s);
}

static void continuation__models_name_is_the_guess_where_the_server_tells_nothing(void **state)
{
    scene s;
    open_scene(&s);
    amphi__str_copy_to(s.info.model, sizeof s.info.model, AMPHI_STR("mistral-large-latest"));
    expect(&s, AMPHI_CONTINUE_PREFIX, false);
    learn(&s, AMPHI_CONTINUE_PREFIX, AMPHI_CONTINUATION_REFUSED);
    expect(&s, AMPHI_CONTINUE_INSTRUCT, false);
    learn(&s, AMPHI_CONTINUE_INSTRUCT, AMPHI_CONTINUATION_WORKED);
    expect(&s, AMPHI_CONTINUE_INSTRUCT, false);
    amphi__str_copy_to(s.info.model, sizeof s.info.model, AMPHI_STR("gpt-4o"));
    expect(&s, AMPHI_CONTINUE_INSTRUCT, false);
    s.info.continuation_guess = AMPHI_CONTINUE_NATIVE; /* a llama-server that is called so */
    expect(&s, AMPHI_CONTINUE_NATIVE, false);
    close_scene(&s);
}

static void continuation__after_a_refusal_comes_what_no_server_refuses(void **state)
{
    scene s;
    open_scene(&s);
    assert_int_equal(
        amphi__continuation_after_refusal(&s.client, &s.info), AMPHI_CONTINUE_INSTRUCT);
    learn(&s, AMPHI_CONTINUE_INSTRUCT, AMPHI_CONTINUATION_ANEW);
    assert_int_equal(amphi__continuation_after_refusal(&s.client, &s.info), AMPHI_CONTINUE_NO);
    s.info.continuation = AMPHI_CONTINUE_NATIVE; /* as configured, or not at all */
    amphi__str_copy_to(s.info.name, sizeof s.info.name, AMPHI_STR("other"));
    assert_int_equal(amphi__continuation_after_refusal(&s.client, &s.info), AMPHI_CONTINUE_NO);
    s.info.continuation = AMPHI_CONTINUE_AUTO;
    s.info.kind = AMPHI_ENGINE_LOCAL;
    assert_int_equal(amphi__continuation_after_refusal(&s.client, &s.info), AMPHI_CONTINUE_NO);
    close_scene(&s);
}

static void continuation__what_works_is_kept_and_one_doubt_does_not_end_it(void **state)
{
    scene s;
    open_scene(&s);
    s.info.continuation_guess = AMPHI_CONTINUE_INSTRUCT;
    expect(&s, AMPHI_CONTINUE_INSTRUCT, false);
    learn(&s, AMPHI_CONTINUE_NATIVE, AMPHI_CONTINUATION_WORKED);
    expect(&s, AMPHI_CONTINUE_NATIVE, false);
    learn(&s, AMPHI_CONTINUE_NATIVE, AMPHI_CONTINUATION_WORKED);
    expect(&s, AMPHI_CONTINUE_NATIVE, true);
    learn(&s, AMPHI_CONTINUE_NATIVE, AMPHI_CONTINUATION_DOUBTFUL);
    expect(&s, AMPHI_CONTINUE_NATIVE, false);
    learn(&s, AMPHI_CONTINUE_NATIVE, AMPHI_CONTINUATION_ANEW);
    expect(&s, AMPHI_CONTINUE_INSTRUCT, false);
    close_scene(&s);
}

static void continuation__what_is_configured_decides(void **state)
{
    scene s;
    open_scene(&s);
    s.info.continuation = AMPHI_CONTINUE_PREFIX;
    learn(&s, AMPHI_CONTINUE_PREFIX, AMPHI_CONTINUATION_REFUSED);
    expect(&s, AMPHI_CONTINUE_PREFIX, false);
    s.info.continuation = AMPHI_CONTINUE_NO;
    expect(&s, AMPHI_CONTINUE_NO, false);
    s.info.continuation = AMPHI_CONTINUE_AUTO;
    s.info.prefix = AMPHI_NO;
    expect(&s, AMPHI_CONTINUE_NO, false);
    s.info.prefix = AMPHI_YES;
    expect(&s, AMPHI_CONTINUE_NATIVE, false);
    s.info.kind = AMPHI_ENGINE_LOCAL;
    expect(&s, AMPHI_CONTINUE_AUTO, true);
    close_scene(&s);
}

/* Such models take a conversation and answer it: one that can go on has to say so. */
static void continuation__a_system_model_goes_on_only_if_it_says_so(void **state)
{
    scene s;
    open_scene(&s);
    s.info.kind = AMPHI_ENGINE_SYSTEM;
    s.info.prefix = AMPHI_UNKNOWN;
    expect(&s, AMPHI_CONTINUE_NO, false);
    s.info.continuation = AMPHI_CONTINUE_INSTRUCT;
    expect(&s, AMPHI_CONTINUE_INSTRUCT, false);
    s.info.continuation = AMPHI_CONTINUE_AUTO;
    s.info.prefix = AMPHI_YES;
    expect(&s, AMPHI_CONTINUE_NATIVE, false);
    learn(&s, AMPHI_CONTINUE_NATIVE, AMPHI_CONTINUATION_WORKED);
    learn(&s, AMPHI_CONTINUE_NATIVE, AMPHI_CONTINUATION_WORKED);
    learn(&s, AMPHI_CONTINUE_NATIVE, AMPHI_CONTINUATION_WORKED);
    expect(&s, AMPHI_CONTINUE_NATIVE, true);
    close_scene(&s);
}

static void continuation__spoilt_setting_is_as_if_nothing_was_learnt(void **state)
{
    scene s;
    open_scene(&s);
    learn(&s, AMPHI_CONTINUE_VLLM, AMPHI_CONTINUATION_ANEW);
    memset(s.store.settings[0].value, '?', s.store.settings[0].size);
    expect(&s, AMPHI_CONTINUE_VLLM, false);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(continuation__new_answer_is_remembered_and_ages_out),
        cmocka_unit_test(continuation__refused_flags_are_left_out_next_time),
        cmocka_unit_test(continuation__models_name_is_the_guess_where_the_server_tells_nothing),
        cmocka_unit_test(continuation__after_a_refusal_comes_what_no_server_refuses),
        cmocka_unit_test(continuation__what_works_is_kept_and_one_doubt_does_not_end_it),
        cmocka_unit_test(continuation__what_is_configured_decides),
        cmocka_unit_test(continuation__a_system_model_goes_on_only_if_it_says_so),
        cmocka_unit_test(continuation__spoilt_setting_is_as_if_nothing_was_learnt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
