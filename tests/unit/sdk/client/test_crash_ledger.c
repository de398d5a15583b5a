/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger of local starts as the client keeps it: what is written, what the policy gets, how
 * crashes are forgiven, and what is known of an app that died.
 */
#include "sdk/client/crash_ledger.h"

#include "sdk/core/error.h"
#include "storage/stores.h"
#include "tests/support/scripted_engine.h"

#include <amphi/amphi.h>

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_MS 1700000000000

/* A client with a store in memory and a clock that stands still, made by hand: the ledger needs no
 * more of it. */
typedef struct bench {
    amphi_client client;
    amphi_policy policy;
    amphi_engine_info info;
    int64_t now_ms;
} bench;

static bench b;

static uint64_t monotonic_us(void *self)
{
    return (uint64_t)(b.now_ms - NOW_MS) * 1000 + 1;
}

static int64_t wall_ms(void *self)
{
    return b.now_ms;
}

static const amphi_clock still = {
    .struct_size = sizeof still, .name = "still", .monotonic_us = monotonic_us, .wall_ms = wall_ms};

static int set_up(void **state)
{
    amphi_storage_options storage = {0};
    memset(&b, 0, sizeof b);
    b.now_ms = NOW_MS;
    b.client.clock = &still;
    amphi__process_identity(b.client.process_identity);
    amphi__policy_init(&b.policy);
    b.info.struct_size = sizeof b.info;
    b.info.kind = AMPHI_ENGINE_LOCAL;
    b.info.available = true;
    snprintf(b.info.name, sizeof b.info.name, "local");
    snprintf(b.info.fingerprint, sizeof b.info.fingerprint, "f1");
    snprintf(b.info.build, sizeof b.info.build, "b1");
    snprintf(b.info.kernels, sizeof b.info.kernels, "avx2");
    if (amphi__mutex_init(&b.client.lock) != AMPHI_OK)
        return -1;
    return amphi__store_memory_new(&b.client.store, &storage, NULL) == AMPHI_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    b.client.store.ops->free(b.client.store.self);
    amphi__mutex_clear(&b.client.lock);
    return 0;
}

static void crash(amphi_start_phase phase, bool plain, amphi_status status)
{
    amphi_crash_ledger_start start;
    const amphi_error error = {.status = status};
    amphi__crash_ledger_begin(&b.client, &start, &b.info, plain);
    assert_true(start.id > 0);
    amphi__crash_ledger_phase(&b.client, &start, phase);
    amphi__crash_ledger_end(&b.client, &start, &error,
        status == AMPHI_E_RESOURCE ? AMPHI_CRASH_CAUSE_MEMORY : AMPHI_CRASH_CAUSE_ENGINE);
    assert_int_equal(start.id, 0);
}

static void kill_from_outside(void)
{
    amphi_crash_ledger_start start;
    const amphi_error error = {.status = AMPHI_E_ENGINE_DIED, .native_code = SIGKILL};
    amphi__crash_ledger_begin(&b.client, &start, &b.info, false);
    amphi__crash_ledger_end(&b.client, &start, &error, AMPHI_CRASH_CAUSE_OUTSIDE);
}

static amphi_crash_facts facts(void)
{
    amphi_crash_facts out;
    amphi__crash_ledger_facts(&b.client, &b.policy, &b.info, &out);
    return out;
}

static void ledger__crashes_are_told_apart_by_phase_kernels_and_memory(void **state)
{
    crash(AMPHI_START_LOAD, false, AMPHI_E_ENGINE_DIED);
    crash(AMPHI_START_TOKEN, false, AMPHI_E_ENGINE_DIED);
    crash(AMPHI_START_PREFILL, false, AMPHI_E_ENGINE_STALLED);
    crash(AMPHI_START_TOKEN, true, AMPHI_E_ENGINE_DIED);
    crash(AMPHI_START_TOKEN, false, AMPHI_E_RESOURCE);
    crash(AMPHI_START_TOKEN, false, AMPHI_OK);
    crash(AMPHI_START_TOKEN, false, AMPHI_E_CANCELLED);
    crash(AMPHI_START_TOKEN, false, AMPHI_E_TIMEOUT);
    amphi_crash_facts seen = facts();
    assert_int_equal(seen.crashes_early, 1);
    assert_int_equal(seen.crashes, 2);
    assert_int_equal(seen.crashes_plain, 1);
    assert_int_equal(seen.kills_memory, 1);
    assert_int_equal(seen.forgiven, 0);
    assert_int_equal(seen.quiet_left_s, 150);
}

static void ledger__kills_from_outside_are_no_crashes_until_they_never_end(void **state)
{
    crash(AMPHI_START_TOKEN, false, AMPHI_E_ENGINE_DIED);
    for (uint32_t i = 0; i < b.policy.crash_outside_limit - 1; i++) {
        b.now_ms += 1000;
        kill_from_outside();
    }
    amphi_crash_facts seen = facts();
    assert_int_equal(seen.kills_outside, 199);
    assert_int_equal(seen.crashes + seen.forgiven, 1); /* they do not prolong its pause either */
    assert_int_equal(seen.crashes_early + seen.crashes_plain + seen.kills_memory, 0);
    assert_false(amphi__policy_is_quarantined(&b.policy, &seen));
    assert_int_equal(seen.outside_left_s, 0);
    b.now_ms += 1000;
    kill_from_outside();
    seen = facts();
    assert_true(amphi__policy_is_quarantined(&b.policy, &seen));
    assert_int_equal(seen.outside_left_s, 600 - 199); /* until the first of them is out */
    b.now_ms += 401 * 1000 + 1;
    seen = facts();
    assert_false(amphi__policy_is_quarantined(&b.policy, &seen));
}

static amphi_device_facts device;

static void snapshot(void *self, amphi_device_facts *out)
{
    *out = device;
}

/* Android's lmkd and systemd-oomd leave no trace but the SIGKILL and the shortage. */
static void ledger__a_kill_while_memory_is_short_is_one_for_its_memory(void **state)
{
    static const amphi_device_ops ops = {
        .struct_size = sizeof ops, .name = "test", .snapshot = snapshot};
    amphi_error error = {.status = AMPHI_E_ENGINE_DIED, .native_code = SIGKILL};
    amphi_engine_event fail = {.kind = AMPHI_ENGINE_FAIL, .error = &error, .from_outside = true};
    b.client.device.ops = &ops;
    b.client.policy = b.policy;
    amphi_device_facts_init(&device);
    assert_int_equal(amphi__crash_ledger_cause(&b.client, &fail, false), AMPHI_CRASH_CAUSE_OUTSIDE);
    assert_int_equal(amphi__crash_ledger_cause(&b.client, &fail, true), AMPHI_CRASH_CAUSE_MEMORY);
    for (int how = 0; how < 2; how++) {
        amphi_device_facts_init(&device);
        device.known = how == 0 ? AMPHI_FACT_PRESSURE : AMPHI_FACT_MEMORY;
        device.memory_pressure = 1;
        device.memory_total_bytes = 1000;
        device.memory_available_bytes = 190; /* 81 % in use */
        b.client.probed_ms = 0;
        assert_int_equal(
            amphi__crash_ledger_cause(&b.client, &fail, false), AMPHI_CRASH_CAUSE_MEMORY);
        error.native_code = SIGTERM; /* no memory killer sends that */
        assert_int_equal(
            amphi__crash_ledger_cause(&b.client, &fail, false), AMPHI_CRASH_CAUSE_OUTSIDE);
        error.native_code = SIGKILL;
    }
    fail.from_outside = false; /* its own, whatever the device is like */
    assert_int_equal(amphi__crash_ledger_cause(&b.client, &fail, true), AMPHI_CRASH_CAUSE_ENGINE);
    fail.out_of_memory = true;
    assert_int_equal(amphi__crash_ledger_cause(&b.client, &fail, false), AMPHI_CRASH_CAUSE_MEMORY);
}

static void ledger__deaths_outside_of_attempts_are_told_apart_too(void **state)
{
    scripted_engine local;
    amphi_crash_facts seen;
    amphi_engine_info info;
    amphi_route route = {0};
    scripted_engine_init(&local, "local", AMPHI_ENGINE_LOCAL, NULL);
    snprintf(local.info.fingerprint, sizeof local.info.fingerprint, "f1");
    snprintf(local.info.build, sizeof local.info.build, "b1");
    static const amphi_device_ops ops = {
        .struct_size = sizeof ops, .name = "test", .snapshot = snapshot};
    amphi_device_facts_init(&device);
    b.client.device.ops = &ops;
    b.client.policy = b.policy;
    local.info.deaths_early = 1;
    local.info.deaths_memory = 2;
    local.info.deaths_outside = 3;
    route.engine = scripted_engine_value(&local);
    for (int look = 0; look < 2; look++) {
        assert_int_equal(amphi__crash_ledger_describe(&b.client, &route, &b.policy, &info, &seen),
            look == 0 ? 6 : 0);
        assert_int_equal(seen.crashes_early, 1);
        assert_int_equal(seen.kills_memory, 2);
        assert_int_equal(seen.kills_outside, 3);
    }
}

static void ledger__another_model_or_build_starts_clean(void **state)
{
    crash(AMPHI_START_LOAD, false, AMPHI_E_ENGINE_DIED);
    assert_int_equal(facts().crashes_early, 1);
    snprintf(b.info.build, sizeof b.info.build, "b2");
    assert_int_equal(facts().crashes_early, 0);
    snprintf(b.info.build, sizeof b.info.build, "b1");
    snprintf(b.info.fingerprint, sizeof b.info.fingerprint, "f2");
    assert_int_equal(facts().crashes_early, 0);
}

static void ledger__a_quiet_interval_forgives_one_and_a_failed_probe_begins_anew(void **state)
{
    for (int i = 0; i < 3; i++)
        crash(AMPHI_START_LOAD, false, AMPHI_E_ENGINE_DIED);
    amphi_crash_facts seen = facts();
    assert_true(amphi__policy_is_quarantined(&b.policy, &seen));
    b.now_ms += 149999;
    seen = facts();
    assert_true(amphi__policy_is_quarantined(&b.policy, &seen));
    assert_int_equal(seen.quiet_left_s, 1);
    b.now_ms += 1;
    seen = facts();
    assert_false(amphi__policy_is_quarantined(&b.policy, &seen)); /* the probe may go */
    assert_int_equal(seen.forgiven, 1);
    crash(AMPHI_START_LOAD, false, AMPHI_E_ENGINE_DIED);
    seen = facts();
    assert_true(amphi__policy_is_quarantined(&b.policy, &seen));
    assert_int_equal(seen.crashes_early, 4);
    b.now_ms += 300000;
    seen = facts();
    assert_false(amphi__policy_is_quarantined(&b.policy, &seen));
    b.now_ms += 300001; /* out of the window */
    seen = facts();
    assert_int_equal(seen.crashes_early + seen.forgiven, 0);
}

static void ledger__forgiving_climbs_back_from_the_deepest_step(void **state)
{
    for (int i = 0; i < 3; i++)
        crash(AMPHI_START_TOKEN, false, AMPHI_E_ENGINE_DIED);
    for (int i = 0; i < 3; i++)
        crash(AMPHI_START_TOKEN, true, AMPHI_E_ENGINE_DIED);
    b.now_ms += 150000;
    amphi_crash_facts seen = facts();
    assert_int_equal(seen.crashes_plain, 2); /* plain kernels may try again, the best ones not */
    assert_int_equal(seen.crashes, 3);
    b.now_ms += 300000;
    seen = facts();
    assert_int_equal(seen.crashes_plain, 0);
    assert_int_equal(seen.crashes, 3);
}

static void ledger__a_clock_set_back_forgives_nothing_and_holds_nothing_for_ever(void **state)
{
    crash(AMPHI_START_LOAD, false, AMPHI_E_ENGINE_DIED);
    b.now_ms -= 1000;
    assert_int_equal(facts().crashes_early, 1);
    b.now_ms -= 700 * 1000;
    assert_int_equal(facts().crashes_early, 0);
}

/* Rows of a process that is gone: the app's own death counts only when the engine ran inside. */
static void ledger__an_app_that_died_is_known_at_the_next_launch(void **state)
{
    char name[AMPHI_PROCESS_IDENTITY_MAX];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        amphi__process_identity(name);
        _exit(write(ends[1], name, sizeof name) == sizeof name ? 0 : 1);
    }
    assert_int_equal(read(ends[0], name, sizeof name), sizeof name);
    close(ends[0]);
    close(ends[1]);
    waitpid(child, NULL, 0);
    if (name[0] == '\0') {
        print_message("skipped: this system has no identity of a process\n");
        skip();
    }
    for (int in_process = 0; in_process < 2; in_process++) {
        amphi_crash_ledger_start start;
        char own[AMPHI_PROCESS_IDENTITY_MAX];
        memcpy(own, b.client.process_identity, sizeof own);
        memcpy(b.client.process_identity, name, sizeof name);
        b.info.in_process = in_process;
        amphi__crash_ledger_begin(&b.client, &start, &b.info, false);
        amphi__crash_ledger_phase(&b.client, &start, AMPHI_START_PREFILL);
        memcpy(b.client.process_identity, own, sizeof own);
        assert_int_equal(facts().crashes, in_process);
        assert_int_equal(facts().crashes, in_process); /* once, however often it is read */
    }
    amphi_crash_ledger_start mine;
    b.info.in_process = true;
    amphi__crash_ledger_begin(&b.client, &mine, &b.info, false);
    assert_int_equal(facts().crashes + facts().crashes_early, 1); /* we live */
}

static void ledger__hosts_are_told_apart(void **state)
{
    char name[AMPHI_PROCESS_IDENTITY_MAX + 8];
    amphi__process_identity(name);
    if (name[0] == '\0') {
        print_message("skipped: this system has no identity of a process\n");
        skip();
    }
    assert_false(amphi__process_has_ended(amphi_str_from(name)));
    strcat(name, "1"); /* the same number, started later */
    assert_true(amphi__process_has_ended(amphi_str_from(name)));
    name[0] = name[0] == 'a' ? 'b' : 'a'; /* another boot */
    assert_true(amphi__process_has_ended(amphi_str_from(name)));
    assert_false(amphi__process_has_ended(AMPHI_STR("")));
    assert_false(amphi__process_has_ended(AMPHI_STR("nonsense")));
}

static void hide(pid_t pid) /* what hidepid does, in a namespace of our own; 77: not allowed */
{
    char path[48];
    char name[AMPHI_PROCESS_IDENTITY_MAX];
    amphi__process_identity(name);
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
        mount("none", path, "tmpfs", MS_RDONLY, NULL) != 0)
        _exit(77);
    char *number = strrchr(name, '/'); /* of a process that we can't see, with any start */
    while (number[-1] != '/')
        number--;
    snprintf(number, sizeof name - (size_t)(number - name), "%d/1", (int)pid);
    _exit(amphi__process_has_ended(amphi_str_from(name)));
}

static void ledger__a_process_that_cannot_be_seen_is_not_gone(void **state)
{
    int how;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        hide(getppid());
    assert_int_equal(waitpid(child, &how, 0), child);
    if (WIFEXITED(how) && WEXITSTATUS(how) == 77) {
        print_message("skipped: no namespace to hide a process in\n");
        skip();
    }
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

/* Ended, and then also forgotten. */
static void ledger__a_process_that_ended_is_gone(void **state)
{
    char name[AMPHI_PROCESS_IDENTITY_MAX] = "";
    int pair[2];
    siginfo_t info;
    assert_int_equal(pipe(pair), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        amphi__process_identity(name);
        _exit(write(pair[1], name, sizeof name) != sizeof name);
    }
    assert_int_equal(read(pair[0], name, sizeof name), sizeof name);
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_true(amphi__process_has_ended(amphi_str_from(name)) || name[0] == '\0');
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(amphi__process_has_ended(amphi_str_from(name)) || name[0] == '\0');
}

static void ledger__without_a_place_for_it_nothing_is_written(void **state)
{
    amphi_store_ops ops = *b.client.store.ops;
    const amphi_store_ops *before = b.client.store.ops;
    amphi_crash_ledger_start start;
    ops.ledger_add = NULL;
    b.client.store.ops = &ops;
    assert_false(amphi__crash_ledger_is_supported(&b.client));
    amphi__crash_ledger_begin(&b.client, &start, &b.info, false);
    assert_int_equal(start.id, 0);
    amphi__crash_ledger_phase(&b.client, &start, AMPHI_START_TOKEN);
    assert_int_equal(facts().crashes, 0);
    b.client.store.ops = before;
}

/* ---- through a client ---- */

static const scripted_step dies_at_once[] = {{SCRIPT_FAIL, NULL, AMPHI_E_ENGINE_DIED}};
static const scripted_step answers[] = {
    {SCRIPT_CONTINUE, "From above.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};

static amphi_status list_status;

static amphi_status list_nothing(void *self, amphi_str fingerprint, int64_t since_ms,
    amphi_store_start_fn *visit, void *user, amphi_error *error)
{
    return amphi__fail(error, list_status, 0, "not to be read");
}

static void ledger__one_that_cannot_be_read_is_trusted_with_nothing(void **state)
{
    amphi_store_ops ops = *b.client.store.ops;
    const amphi_store_ops *own = b.client.store.ops;
    ops.ledger_list = list_nothing;
    b.client.store.ops = &ops;
    for (int inside = 0; inside < 2; inside++) {
        b.info.in_process = inside != 0;
        list_status = AMPHI_E_CORRUPT;
        assert_true(facts().is_unreadable);
        list_status = AMPHI_E_IO;
        assert_true(facts().is_unreadable);
        list_status = AMPHI_E_BUSY; /* for a moment: only the app's own process needs care */
        assert_int_equal(facts().is_unreadable, inside);
    }
    b.client.store.ops = own;
    assert_false(facts().is_unreadable);
}

static void ledger__an_engine_that_dies_while_it_loads_is_left_alone_after_three(void **state)
{
    scripted_engine local, cloud;
    amphi_parts parts;
    amphi_client_options options;
    amphi_client *client = NULL;
    scripted_engine_init(&local, "local", AMPHI_ENGINE_LOCAL, dies_at_once);
    scripted_engine_init(&cloud, "cloud", AMPHI_ENGINE_CLOUD, answers);
    amphi_engine value = scripted_engine_value(&cloud);
    amphi_parts_init(&parts);
    parts.local = scripted_engine_value(&local);
    parts.store = b.client.store;
    parts.engines = &value;
    parts.engines_count = 1;
    amphi_client_options_init(&options);
    options.parts = &parts;
    options.policy_json = AMPHI_STR("{\"mode\":\"prefer_local\",\"memory\":{\"max_percent\":100,"
                                    "\"unload_percent\":100}}");
    for (int launch = 0; launch < 5; launch++) { /* five apps, one store */
        const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("hi")};
        amphi_chat_request request;
        amphi_chat_result result;
        amphi_chat_result_init(&result);
        amphi_stream *stream = NULL;
        amphi_event event;
        assert_int_equal(amphi_client_new(&client, &options, NULL), AMPHI_OK);
        amphi_chat_request_init(&request);
        request.messages = &message;
        request.messages_count = 1;
        request.no_cache = true;
        assert_int_equal(amphi_chat_start(&stream, client, &request, NULL), AMPHI_OK);
        while (amphi_stream_next(stream, 20000, &event, NULL) == AMPHI_OK)
            continue;
        assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
        assert_null(result.error);
        assert_int_equal(result.text.size, 11);
        assert_int_equal(result.takeovers_count, launch < 3 ? 1 : 0);
        assert_int_equal(atomic_load(&local.starts), launch < 3 ? launch + 1 : 3);
        if (launch >= 3) {
            const amphi_decision_route *refused = &result.decision->routes[1];
            assert_int_equal(refused->reason, AMPHI_REASON_QUARANTINE);
            assert_non_null(strstr(refused->why, "crashed 3 times"));
        }
        amphi_stream_free(stream);
        amphi_client_free(client);
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(ledger__crashes_are_told_apart_by_phase_kernels_and_memory),
        T(ledger__kills_from_outside_are_no_crashes_until_they_never_end),
        T(ledger__a_kill_while_memory_is_short_is_one_for_its_memory),
        T(ledger__deaths_outside_of_attempts_are_told_apart_too),
        T(ledger__another_model_or_build_starts_clean),
        T(ledger__a_quiet_interval_forgives_one_and_a_failed_probe_begins_anew),
        T(ledger__forgiving_climbs_back_from_the_deepest_step),
        T(ledger__a_clock_set_back_forgives_nothing_and_holds_nothing_for_ever),
        T(ledger__an_app_that_died_is_known_at_the_next_launch),
        T(ledger__hosts_are_told_apart),
        T(ledger__a_process_that_cannot_be_seen_is_not_gone),
        T(ledger__a_process_that_ended_is_gone),
        T(ledger__without_a_place_for_it_nothing_is_written),
        T(ledger__one_that_cannot_be_read_is_trusted_with_nothing),
        T(ledger__an_engine_that_dies_while_it_loads_is_left_alone_after_three),
    };
    return cmocka_run_group_tests_name("unit.sdk.client.crash_ledger", tests, NULL, NULL);
}
