/* SPDX-License-Identifier: Apache-2.0
 *
 * Auto-rollback in a client: what is counted, when a release is given up, and what remembers it.
 */
#include "sdk/client/client.h"
#include "sdk/client/crash_ledger.h"
#include "sdk/client/rollout_record.h"
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"
#include "tests/support/scratch_dir.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

#define NO_RELEASE "{\"features\":{}}"
#define RELEASE                                                                                    \
    "{\"features\":{\"amphi.policy\":{\"defaultValue\":null,\"rules\":[{\"id\":\"fr_1\","          \
    "\"coverage\":1,\"force\":{\"total_ms\":50000,\"mode\":\"prefer_local\",\"network\":"          \
    "{\"metered_allowed\":false}}}]}}}"
#define RELEASE_2                                                                                  \
    "{\"features\":{\"amphi.policy\":{\"rules\":[{\"id\":\"fr_2\",\"force\":"                      \
    "{\"total_ms\":60000}}]}}}"

static chat_fixture f;
static scratch_dir dir;
static char source[300];
static amphi_client_options options;
static amphi_rollout_settings settings;
static amphi_rollout_exposure exposed[8];
static atomic_uint exposed_count; /* by the threads of two clients */

static void see_exposure(void *user, const amphi_rollout_exposure *exposure)
{
    (void)user;
    unsigned at = atomic_fetch_add(&exposed_count, 1);
    if (at < 8)
        exposed[at] = *exposure;
}

static int set_up(void **state)
{
    (void)state;
    atomic_store(&exposed_count, 0);
    chat_fixture_init(&f, says_hello, says_hello);
    scratch_dir_make(&dir);
    snprintf(source, sizeof source, "%s", scratch_dir_file(&dir, "rollout.json"));
    amphi_rollout_settings_init(&settings);
    settings.exposure = see_exposure;
    amphi_client_options_init(&options);
    options.parts = &f.parts;
    options.rollout = &settings;
    options.rollout_source = amphi_str_from(source);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    chat_fixture_close(&f);
    scratch_dir_remove(&dir);
    return 0;
}

static amphi_client *client_of(const char *payload)
{
    amphi_client *client = NULL;
    amphi_error error;
    scratch_write(source, payload, strlen(payload), 0600);
    if (amphi_client_new(&client, &options, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return client;
}

static void release(const char *payload)
{
    scratch_write(source, payload, strlen(payload), 0600);
    assert_int_equal(amphi_rollout_refresh(f.client, NULL), AMPHI_OK);
}

static void restart(const char *payload)
{
    amphi_client_free(f.client);
    f.client = client_of(payload);
}

static void ask(amphi_mode mode)
{
    amphi_chat_request request = chat_fixture_request(mode);
    chat_fixture_ask(&f, &request, "Hi");
}

static void ask_often(unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        ask(AMPHI_MODE_DEFAULT);
}

static void copy_setting(void *user, amphi_str value)
{
    amphi__rollout_record_read(user, value);
}

static amphi_rollout_record record(void)
{
    amphi_rollout_record out;
    memset(&out, 0, sizeof out);
    amphi__rollout_guard_write(f.client);
    (void)f.parts.store.ops->setting_get(
        f.parts.store.self, AMPHI_STR("rollout.guard"), copy_setting, &out, NULL);
    return out;
}

static bool shows(const char *words)
{
    char *json = NULL;
    assert_int_equal(amphi_rollout_show(f.client, &json, NULL), AMPHI_OK);
    bool found = strstr(json, words) != NULL;
    amphi_string_free(json);
    return found;
}

static uint32_t total_ms(void)
{
    amphi_policy policy;
    amphi__client_policy(f.client, &policy);
    return policy.total_ms;
}

/* A background round, from its beginning to its end: events come from there. */
static void run_round(void)
{
    uint32_t left = 0;
    assert_int_equal(amphi_outbox_flush(f.client, 20000, &left, NULL), AMPHI_OK);
}

/* Twenty good answers without a release, then one whose engine dies in each. */
static void give_up(void)
{
    f.client = client_of(NO_RELEASE);
    ask_often(20);
    release(RELEASE);
    assert_int_equal(total_ms(), 50000);
    f.local.script = dies_in_mid_word;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(total_ms(), 50000);
        ask(AMPHI_MODE_DEFAULT);
    }
    f.local.script = says_hello;
}

static void release__that_crashes_is_given_up_and_said_so(void **state)
{
    (void)state;
    give_up();
    amphi_policy policy;
    amphi__client_policy(f.client, &policy);
    assert_int_equal(policy.total_ms, 120000);
    assert_int_equal(policy.mode, AMPHI_MODE_AUTO);
    assert_false(policy.metered_allowed); /* what it takes away stays */
    assert_true(shows("rolled back: crash 3 of 3 against 0 of 20"));
    assert_true(shows("\"rolled_back\":{\"kind\":\"crash\",\"failed\":3,\"of\":3,"
                      "\"control_failed\":0,\"control_of\":20"));
    run_round();
    assert_int_equal(atomic_load(&exposed_count), 2);
    assert_int_equal(exposed[0].rolled_back, AMPHI_ROLLBACK_NONE);
    assert_string_equal(exposed[1].rule, "fr_1");
    assert_int_equal(exposed[1].rolled_back, AMPHI_ROLLBACK_CRASH);
    assert_int_equal(exposed[1].rolled_back_failed, 3);
    assert_int_equal(exposed[1].control_of, 20);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_DEFAULT);
    amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
    char *json = NULL;
    chat_fixture_pull(&f, stream);
    assert_int_equal(amphi_stream_result_json(stream, &json, NULL), AMPHI_OK);
    assert_non_null(strstr(json, "\"rolled_back\":\"crash 3 of 3 against 0 of 20\""));
    amphi_string_free(json);
    amphi_stream_free(stream);
}

static void release__stays_given_up_over_restarts_and_in_other_processes(void **state)
{
    (void)state;
    give_up();
    amphi_client *first = f.client;
    f.client = client_of(RELEASE); /* beside it */
    assert_int_equal(total_ms(), 120000);
    ask_often(5); /* they count to the control group */
    assert_int_equal(record().control.answers, 25);
    amphi_client_free(first);
    restart(RELEASE);
    assert_int_equal(total_ms(), 120000);
    assert_true(shows("rolled back: crash 3 of 3 against 0 of 20"));
    restart(RELEASE_2); /* another payload is another release ... */
    assert_int_equal(total_ms(), 60000);
    assert_false(shows("rolled back"));
    ask_often(2);
    assert_int_equal(record().treated.answers, 2);
    restart(RELEASE); /* ... and the first one is not forgotten by it */
    assert_int_equal(total_ms(), 120000);
}

static void release__is_seen_given_up_by_a_running_client(void **state)
{
    (void)state;
    f.client = client_of(RELEASE);
    amphi_client *other = f.client;
    f.client = NULL;
    give_up();
    amphi_client *mine = f.client;
    f.client = other;
    run_round(); /* reads what the other one wrote */
    assert_int_equal(total_ms(), 120000);
    f.client = mine;
    amphi_client_free(other);
}

static void guard__is_off_where_the_app_says_so(void **state)
{
    (void)state;
    options.policy_json = AMPHI_STR("{\"rollback\":{\"enabled\":false}}");
    f.client = client_of(NO_RELEASE);
    ask_often(20);
    release(RELEASE);
    f.local.script = dies_in_mid_word;
    ask_often(8);
    assert_int_equal(total_ms(), 50000);
    assert_true(record().treated.failed[AMPHI_ROLLBACK_CRASH] >= 3);
}

static void counted__is_what_the_release_may_be_blamed_for(void **state)
{
    (void)state;
    static const scripted_step refused[] = {{SCRIPT_FAIL, NULL, AMPHI_E_REQUEST}};
    static const scripted_step offline[] = {{SCRIPT_FAIL, NULL, AMPHI_E_OFFLINE}};
    static const scripted_step broken[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROTOCOL}};
    static const struct {
        const scripted_step *local, *cloud;
        amphi_mode mode;
        uint32_t answers, failed[AMPHI_ROLLBACK_KINDS];
    } cases[] = {
        {says_hello, says_hello, AMPHI_MODE_ONLY_LOCAL, 1, {0}},
        {says_hello, refused, AMPHI_MODE_ONLY_CLOUD, 0, {0}},
        {says_hello, offline, AMPHI_MODE_ONLY_CLOUD, 0, {0}},
        {says_hello, broken, AMPHI_MODE_ONLY_CLOUD, 1, {0, 0, 1, 0, 0}},
        {says_hello, broken, AMPHI_MODE_PREFER_CLOUD, 1, {0, 0, 0, 0, 1}},
        {dies_in_mid_word, says_hello, AMPHI_MODE_PREFER_LOCAL, 1, {0, 1, 0, 0, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_rollout_record before, after;
        f.local.script = cases[i].local;
        f.cloud.script = cases[i].cloud;
        f.client = client_of(RELEASE);
        before = record();
        amphi_chat_request request = chat_fixture_request(cases[i].mode);
        request.no_queue = true;
        chat_fixture_ask(&f, &request, "Hi");
        after = record();
        assert_int_equal(after.treated.answers - before.treated.answers, cases[i].answers);
        for (unsigned k = AMPHI_ROLLBACK_CRASH; k < AMPHI_ROLLBACK_KINDS; k++)
            assert_int_equal(
                after.treated.failed[k] - before.treated.failed[k], cases[i].failed[k]);
        amphi_client_free(f.client);
        f.client = NULL;
    }
}

/* Slow is slow; but not where two routes were asked, which is the policy's own doing. */
static void counted__is_no_hedge(void **state)
{
    (void)state;
    static const scripted_step late[] = {{SCRIPT_WAIT, NULL, 800}, {SCRIPT_SAY, "Hello", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    f.local.script = late;
    options.policy_json = AMPHI_STR("{\"rollback\":{\"slow_first_token_ms\":300}}");
    f.client = client_of(RELEASE);
    ask(AMPHI_MODE_ONLY_LOCAL);
    assert_int_equal(record().treated.failed[AMPHI_ROLLBACK_SLOW], 1);
    amphi_client_free(f.client);
    options.policy_json =
        AMPHI_STR("{\"rollback\":{\"slow_first_token_ms\":1},\"cloud\":{\"hedge_ms\":1}}");
    f.cloud.script = late;
    f.local.script = says_hello;
    f.client = client_of(RELEASE);
    ask(AMPHI_MODE_PREFER_CLOUD);
    assert_int_equal(record().treated.answers, 2);
    assert_int_equal(record().treated.failed[AMPHI_ROLLBACK_SLOW], 1);
    assert_int_equal(record().treated.failed[AMPHI_ROLLBACK_TAKEOVER], 0);
}

/* ---- several processes ---- */

static void *ask_thirty(void *arg)
{
    amphi_client *client = arg;
    for (unsigned i = 0; i < 30; i++) {
        amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("Hi")};
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
        amphi_stream *stream = NULL;
        amphi_event event;
        request.messages = &message;
        request.messages_count = 1;
        if (amphi_chat_start(&stream, client, &request, NULL) != AMPHI_OK)
            return arg;
        while (amphi_stream_next(stream, 20000, &event, NULL) == AMPHI_OK)
            ;
        amphi_stream_free(stream);
    }
    return NULL;
}

static void record__loses_no_answer_of_two_clients(void **state)
{
    (void)state;
    pthread_t threads[2];
    amphi_client *clients[2];
    f.client = client_of(RELEASE);
    clients[0] = f.client;
    clients[1] = client_of(RELEASE);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_thirty, clients[i]), 0);
    for (size_t i = 0; i < 2; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(record().treated.answers, 60);
    amphi_client_free(clients[1]);
}

/* A row of the ledger as an app leaves it that died with the engine inside it. */
static void leave_running_row(int64_t started_ms)
{
    amphi_engine_info info;
    int64_t id = 0;
    amphi_engine engine = f.parts.local;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    engine.ops->describe(engine.self, &info);
    char model[2 * AMPHI_NAME_MAX];
    snprintf(model, sizeof model, "%s/%s", info.name, info.model);
    amphi_store_start row = {
        .struct_size = sizeof row,
        .fingerprint = amphi_str_from(info.fingerprint[0] != '\0' ? info.fingerprint : model),
        .build = amphi_str_from(info.build),
        .kernels = amphi_str_from(info.kernels),
        .host = AMPHI_STR("another-boot/pid:[1]/1/1"),
        .in_process = true,
        .started_ms = started_ms,
        .changed_ms = started_ms,
        .phase = AMPHI_START_TOKEN,
        .outcome = AMPHI_START_RUNNING,
    };
    assert_int_equal(f.parts.store.ops->ledger_add(f.parts.store.self, &row, &id, NULL), AMPHI_OK);
}

static void death__of_the_app_is_counted_once_by_its_group(void **state)
{
    (void)state;
    f.client = client_of(RELEASE);
    int64_t since_ms = record().since_ms;
    assert_true(since_ms > 0);
    leave_running_row(since_ms + 1);
    leave_running_row(since_ms - 1000); /* of a group before */
    amphi_client *other = client_of(RELEASE);
    amphi_client *mine = f.client;
    ask(AMPHI_MODE_ONLY_LOCAL);
    f.client = other;
    ask(AMPHI_MODE_ONLY_LOCAL);
    assert_int_equal(record().treated.failed[AMPHI_ROLLBACK_CRASH], 1);
    assert_int_equal(record().treated.answers, 3);
    assert_int_equal(record().deaths_count, 2);
    f.client = mine;
    amphi_client_free(other);
}

/* ---- one snapshot ---- */

static atomic_int done;

static void *flip(void *arg)
{
    for (unsigned i = 0; i < 300; i++) {
        const char *payload = i % 2 == 0 ? RELEASE : RELEASE_2;
        scratch_write(source, payload, strlen(payload), 0600);
        (void)amphi_rollout_refresh(arg, NULL);
    }
    atomic_store(&done, 1);
    return NULL;
}

static void snapshot__policy_and_exposure_are_of_one_payload(void **state)
{
    (void)state;
    pthread_t thread;
    unsigned seen[2] = {0, 0};
    f.client = client_of(RELEASE);
    atomic_store(&done, 0);
    assert_int_equal(pthread_create(&thread, NULL, flip, f.client), 0);
    while (!atomic_load(&done)) {
        amphi_policy policy;
        amphi_rollout_steering steering;
        amphi__client_steering(f.client, &policy, &steering);
        bool is_first = policy.total_ms == 50000;
        assert_string_equal(steering.exposures[0].rule, is_first ? "fr_1" : "fr_2");
        assert_string_equal(steering.exposures[0].payload, steering.arm.payload);
        seen[is_first]++;
    }
    pthread_join(thread, NULL);
    assert_true(seen[0] > 0 && seen[1] > 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(release__that_crashes_is_given_up_and_said_so),
        CASE(release__stays_given_up_over_restarts_and_in_other_processes),
        CASE(release__is_seen_given_up_by_a_running_client),
        CASE(guard__is_off_where_the_app_says_so),
        CASE(counted__is_what_the_release_may_be_blamed_for),
        CASE(counted__is_no_hedge),
        CASE(record__loses_no_answer_of_two_clients),
        CASE(death__of_the_app_is_counted_once_by_its_group),
        CASE(snapshot__policy_and_exposure_are_of_one_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
