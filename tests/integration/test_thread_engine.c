/* SPDX-License-Identifier: Apache-2.0
 *
 * isolation = thread: the same answers as from the engine process, stops when it is cancelled, and
 * what the next launch knows of an app that died with its engine. Apps that die are processes of
 * their own.
 */
#include "local/breadcrumb.h"
#include "tests/support/engine_recorder.h"
#include "tests/support/scratch_dir.h"

#include "local/local.h"
#include "sdk/core/str.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MODEL "local/models/amphi-help.gguf"
#define BODY                                                                                       \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"What happens when the battery is low?\"}],"   \
    "\"temperature\":0,\"max_tokens\":30}"

static amphi_engine make(amphi_isolation isolation)
{
    amphi_local_options options;
    amphi_engine engine;
    memset(&options, 0, sizeof options);
    options.model_path = AMPHI_STR(MODEL);
    options.threads = 2;
    options.context_tokens_max = 512;
    options.isolation = isolation;
    assert_int_equal(amphi__local_engine_new(&engine, &options, NULL), AMPHI_OK);
    return engine;
}

static void run_once(amphi_engine engine, engine_recorder *r, const char *prefix)
{
    amphi_engine_run *run = NULL;
    engine_recorder_init(r);
    assert_int_equal(engine_start(engine, &run, r, BODY, prefix, 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(r, 60000));
    engine.ops->release(engine.self, run);
    assert_int_equal(r->terminals, 1);
}

static void thread__answers_as_the_process_does(void **state)
{
    amphi_engine process = make(AMPHI_ISOLATION_PROCESS);
    amphi_engine thread = make(AMPHI_ISOLATION_THREAD);
    amphi_engine_info a, b;
    amphi_engine_info_init(&a);
    amphi_engine_info_init(&b);
    process.ops->describe(process.self, &a);
    thread.ops->describe(thread.self, &b);
    assert_true(a.available && b.available);
    assert_true(b.in_process && !a.in_process);
    assert_string_equal(a.model, b.model);
    assert_string_equal(a.fingerprint, b.fingerprint);
    assert_int_equal(a.weights_bytes, b.weights_bytes);
    for (int turn = 0; turn < 2; turn++) { /* cold, and with what the first one left */
        engine_recorder from_process, from_thread;
        run_once(process, &from_process, turn == 0 ? "" : "When the");
        run_once(thread, &from_thread, turn == 0 ? "" : "When the");
        assert_true(from_process.finished && from_thread.finished);
        assert_true(from_process.text.size > 10);
        assert_true(amphi__str_equal(
            amphi__buf_str(&from_process.text), amphi__buf_str(&from_thread.text)));
        engine_recorder_clear(&from_process);
        engine_recorder_clear(&from_thread);
    }
    process.ops->free(process.self);
    thread.ops->free(thread.self);
}

static void thread__stops_when_cancelled_and_when_memory_is_wanted(void **state)
{
    amphi_engine engine = make(AMPHI_ISOLATION_THREAD);
    for (int evict = 0; evict < 2; evict++) {
        engine_recorder r;
        amphi_engine_run *run = NULL;
        engine_recorder_init(&r);
        assert_int_equal(engine_start(engine, &run, &r, BODY, "", 5), AMPHI_OK);
        assert_true(engine_recorder_wait_text(&r, 1, 60000));
        if (evict)
            engine.ops->unload(engine.self, true);
        else
            engine.ops->cancel(engine.self, run);
        assert_true(engine_recorder_wait_end(&r, 5000));
        engine.ops->release(engine.self, run);
        assert_int_equal(r.error.status, evict ? AMPHI_E_RESOURCE : AMPHI_E_CANCELLED);
        assert_int_equal(r.terminals, 1);
        engine_recorder_clear(&r);
    }
    engine.ops->free(engine.self);
}

static void breadcrumb__remembers_ends_in_mid_work_until_a_whole_answer(void **state)
{
    scratch_dir dir;
    amphi_breadcrumb crumb, second;
    scratch_dir_make(&dir);
    const char *path = scratch_dir_file(&dir, "crumb");
    for (uint32_t launch = 0; launch < 3; launch++) {
        amphi__breadcrumb_open(&crumb, path);
        assert_true(crumb.fd >= 0);
        assert_int_equal(amphi__breadcrumb_crashes(&crumb, "f1"), launch);
        assert_int_equal(amphi__breadcrumb_crashes(&crumb, "f2"), 0);
        amphi__breadcrumb_open(&second, path); /* another process: none while we have it */
        assert_int_equal(second.fd, -1);
        assert_int_equal(amphi__breadcrumb_crashes(&second, "f1"), launch); /* it knows, though */
        amphi__breadcrumb_set(&second, AMPHI_BREADCRUMB_LOAD, "f1");
        amphi__breadcrumb_close(&second);
        amphi__breadcrumb_set(&crumb, AMPHI_BREADCRUMB_TOKEN, "f1");
        amphi__breadcrumb_close(&crumb); /* as if it had died: no IDLE came */
    }
    amphi__breadcrumb_open(&crumb, path);
    assert_int_equal(amphi__breadcrumb_crashes(&crumb, "f1"), 3);
    amphi__breadcrumb_forgive(&crumb);
    amphi__breadcrumb_set(&crumb, AMPHI_BREADCRUMB_IDLE, "f1");
    amphi__breadcrumb_close(&crumb);
    amphi__breadcrumb_open(&crumb, path);
    assert_int_equal(amphi__breadcrumb_crashes(&crumb, "f1"), 0);
    amphi__breadcrumb_close(&crumb);
    scratch_dir_remove(&dir);
}

static void breadcrumb__a_spoiled_one_counts_as_none(void **state)
{
    scratch_dir dir;
    amphi_breadcrumb crumb;
    size_t size = 0;
    scratch_dir_make(&dir);
    const char *path = scratch_dir_file(&dir, "crumb");
    amphi__breadcrumb_open(&crumb, path);
    amphi__breadcrumb_set(&crumb, AMPHI_BREADCRUMB_TOKEN, "f1");
    amphi__breadcrumb_close(&crumb);
    char *good = scratch_read(path, &size);
    assert_int_equal(size, 64);
    for (size_t i = 0; i < size; i++) {
        char bad[64];
        memcpy(bad, good, size);
        bad[i] ^= 0x11;
        scratch_write(path, bad, size, 0600);
        amphi__breadcrumb_open(&crumb, path);
        assert_int_equal(amphi__breadcrumb_crashes(&crumb, "f1"), 0);
        amphi__breadcrumb_close(&crumb);
    }
    free(good);
    amphi__breadcrumb_open(&crumb, ""); /* no place for it */
    assert_int_equal(crumb.fd, -1);
    amphi__breadcrumb_close(&crumb);
    scratch_dir_remove(&dir);
}

/* ---- launches of an app ---- */

static void snapshot(void *self, amphi_device_facts *out)
{
    amphi_device_facts_init(out);
}

static const amphi_device_ops device_ops = {
    .struct_size = sizeof(amphi_device_ops), .name = "unknown", .snapshot = snapshot};

static amphi_client *open_app(const char *data, amphi_parts *parts)
{
    amphi_client_options options;
    amphi_client *client = NULL;
    amphi_error error;
    amphi_client_options_init(&options);
    amphi_parts_init(parts);
    parts->device.ops = &device_ops;
    options.parts = parts;
    options.data_dir = amphi_str_from(data);
    options.model_path = AMPHI_STR(MODEL);
    options.isolation = AMPHI_ISOLATION_THREAD;
    options.policy_json = AMPHI_STR("{\"local\":{\"tokens_per_second_max\":20}}");
    if (amphi_client_new(&client, &options, &error) != AMPHI_OK)
        fprintf(stderr, "%s\n", error.message);
    return client;
}

/* So that reading it takes more than one step. */
#define WORDS         "the battery is low and the network is slow and the engine is hot and "
#define LONG_QUESTION "What happens when " WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS "then?"

/* How an app ends, and when: "load", "prefill" or "token". */
typedef struct ending {
    const char *phase;
    int signal;
} ending;

static bool is_time(const char *phase, const amphi_event *event)
{
    bool progress = event->kind == AMPHI_EVENT_PROGRESS && event->text.size > 0;
    return strcmp(phase, "load") == 0      ? progress && event->text.data[0] == 'l'
           : strcmp(phase, "prefill") == 0 ? progress && event->text.data[0] == 'r'
                                           : event->kind == AMPHI_EVENT_DELTA;
}

/* Runs a request; dies in that phase, by a fault of the engine or by a kill from outside. */
static int dying_app(const char *data, const char *phase, int signal_number)
{
    amphi_parts parts;
    amphi_client *client = open_app(data, &parts);
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR(LONG_QUESTION)};
    amphi_chat_request request;
    amphi_stream *stream = NULL;
    amphi_event event;
    signal(signal_number, SIG_DFL); /* a sanitizer's handler would write a report */
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.no_cache = true;
    if (client == NULL || amphi_chat_start(&stream, client, &request, NULL) != AMPHI_OK)
        return 9;
    while (amphi_stream_next(stream, 60000, &event, NULL) == AMPHI_OK)
        if (is_time(phase, &event))
            kill(getpid(), signal_number);
    return 8;
}

static bool count_item(void *user, const amphi_outbox_entry *item)
{
    ++*(int *)user;
    return true;
}

static int launch(const char *program, const char *data, const ending *end)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        char number[8];
        snprintf(number, sizeof number, "%d", end->signal);
        execl(program, program, "--dying-app", data, end->phase, number, (char *)NULL);
        _exit(7);
    }
    waitpid(child, &status, 0);
    return status;
}

static void die_twice(const ending *end)
{
    scratch_dir dir;
    amphi_parts parts, second_parts;
    amphi_decision decision;
    amphi_decision_init(&decision);
    amphi_chat_request request;
    char self[512];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(size > 0);
    self[size] = '\0';
    scratch_dir_make(&dir);
    for (int i = 0; i < 2; i++) {
        int status = launch(self, dir.path, end);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != end->signal)
            fail_msg("%s, signal %d: status %d", end->phase, end->signal, status);
    }
    amphi_client *client = open_app(dir.path, &parts);
    amphi_client *second = open_app(dir.path, &second_parts); /* beside it: it knows as well */
    assert_non_null(client);
    assert_non_null(second);
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("hi")};
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            amphi_route_explain(i == 0 ? client : second, &request, &decision, NULL), AMPHI_OK);
        assert_int_equal(decision.routes_count, 1);
        assert_false(decision.routes[0].kept);
        assert_non_null(strstr(decision.routes[0].why, "2 times"));
    }
    int waiting = 0;
    assert_int_equal(amphi_outbox_entries(client, count_item, &waiting, NULL), AMPHI_OK);
    assert_int_equal(waiting, 2); /* both turns are offered again */
    amphi_client_free(second);
    amphi_client_free(client);
    scratch_dir_remove(&dir);
}

static void thread__two_launches_that_died_leave_the_model_alone_and_keep_the_turns(void **state)
{
    static const ending endings[] = {{"token", SIGKILL}, {"token", SIGSEGV}, {"prefill", SIGABRT},
        {"prefill", SIGKILL}, {"load", SIGSEGV}, {"load", SIGKILL}};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        die_twice(&endings[i]);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--dying-app") == 0)
        return dying_app(argv[2], argv[3], atoi(argv[4]));
    if (access(MODEL, R_OK) != 0) {
        printf("skipped: %s is not here\n", MODEL);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breadcrumb__remembers_ends_in_mid_work_until_a_whole_answer),
        cmocka_unit_test(breadcrumb__a_spoiled_one_counts_as_none),
        cmocka_unit_test(thread__answers_as_the_process_does),
        cmocka_unit_test(thread__stops_when_cancelled_and_when_memory_is_wanted),
        cmocka_unit_test(thread__two_launches_that_died_leave_the_model_alone_and_keep_the_turns),
    };
    return cmocka_run_group_tests_name("integration.thread_engine", tests, NULL, NULL);
}
