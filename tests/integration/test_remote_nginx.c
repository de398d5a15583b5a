/* SPDX-License-Identifier: Apache-2.0
 *
 * The cloud half through nginx, as most clouds are reached: HTTP/2, one connection for many
 * answers, compression, buffering, connections that are drained, upstreams that go away. Skipped,
 * with a printed reason, where nginx is not installed.
 */
#include "remote/remote.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "tests/support/cloud.h"
#include "tests/support/engine_recorder.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NGINX "/usr/sbin/nginx"

extern char **environ;

static amphi_test_cloud cloud;
static amphi_http http;
static pid_t nginx;
static int port;
static char folder[256];

/* ---- nginx ----------------------------------------------------------------------------------- */

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &size) == 0;
    close(fd);
    return ok ? ntohs(address.sin_port) : 0;
}

static bool answers(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return ok;
}

static void write_configuration(const char *path, int keepalive_requests)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
        "daemon off;\nworker_processes 1;\n%spid %s/nginx.pid;\nerror_log %s/nginx.log;\n"
        "events {}\nhttp {\n"
        "  access_log off;\n  client_body_temp_path %s/body;\n  proxy_temp_path %s/proxy;\n"
        "  fastcgi_temp_path %s/f;\n  uwsgi_temp_path %s/u;\n  scgi_temp_path %s/s;\n"
        "  gzip on;\n  gzip_types text/event-stream;\n  gzip_proxied any;\n  gzip_min_length 1;\n"
        "  server {\n    listen 127.0.0.1:%d ssl http2;\n    ssl_protocols TLSv1.3;\n"
        "    ssl_certificate %s/good.pem;\n    ssl_certificate_key %s/good.key;\n"
        "    keepalive_requests %d;\n    proxy_http_version 1.1;\n"
        "    proxy_set_header X-Protocol $server_protocol;\n"
        "    proxy_set_header X-Connection $connection;\n"
        "    location / { proxy_pass http://127.0.0.1:%d; proxy_buffering off; gzip off; }\n"
        "    location /whole/ { proxy_pass http://127.0.0.1:%d; proxy_buffering on; }\n"
        "    location /slow:7/ { proxy_pass http://127.0.0.1:%d; proxy_buffering on; }\n"
        "    location /gone/ { proxy_pass http://127.0.0.1:1; }\n"
        "  }\n}\n",
        getuid() == 0 ? "user root;\n" : "", folder, folder, folder, folder, folder, folder, folder,
        port, folder, folder, keepalive_requests, amphi_test_cloud_port(&cloud, "plain"),
        amphi_test_cloud_port(&cloud, "plain"), amphi_test_cloud_port(&cloud, "plain"));
    fclose(file);
}

static void start_nginx(int keepalive_requests)
{
    char path[300];
    snprintf(path, sizeof path, "%s/nginx.conf", folder);
    port = free_port();
    write_configuration(path, keepalive_requests);
    char log[300];
    snprintf(log, sizeof log, "%s/start.log", folder);
    char *arguments[] = {"nginx", "-e", log, "-p", folder, "-c", path, NULL};
    assert_int_equal(posix_spawn(&nginx, NGINX, NULL, NULL, arguments, environ), 0);
    for (int i = 0; i < 250 && !answers(); i++)
        usleep(20000);
    assert_true(answers());
}

static void stop_nginx(int signal_number)
{
    if (nginx > 0) {
        kill(nginx, signal_number);
        waitpid(nginx, NULL, 0);
        nginx = 0;
    }
}

static int teardown(void **state)
{
    stop_nginx(SIGTERM);
    return 0;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static amphi_engine new_engine(const char *scenario)
{
    char url[256];
    amphi_engine engine;
    amphi_remote_options options;
    memset(&options, 0, sizeof options);
    amphi_endpoint_options_init(&options.endpoint);
    snprintf(url, sizeof url, "https://localhost:%d/%s/v1", port, scenario);
    options.endpoint.name = AMPHI_STR("cloud");
    options.endpoint.url = amphi_str_from(url);
    options.endpoint.ca_file = amphi_str_from(cloud.ca_file);
    options.http = http;
    assert_int_equal(amphi__remote_engine_new(&engine, &options, NULL), AMPHI_OK);
    return engine;
}

static amphi_engine_run *start(amphi_engine engine, engine_recorder *record)
{
    amphi_engine_run *run = NULL;
    amphi_engine_request request;
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.body =
        AMPHI_STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"?\"}]}");
    engine_recorder_init(record);
    amphi_engine_sink sink = engine_recorder_sink(record);
    assert_int_equal(engine.ops->start(engine.self, &run, &request, &sink, NULL), AMPHI_OK);
    return run;
}

static void finish(amphi_engine engine, amphi_engine_run *run, engine_recorder *record)
{
    assert_true(engine_recorder_wait_end(record, 10000));
    engine.ops->release(engine.self, run);
    assert_int_equal(record->terminals, 1);
    assert_int_equal(record->after_terminal, 0);
}

static void assert_whole(const engine_recorder *record)
{
    if (!record->finished)
        print_message("%s\n", record->error.message);
    assert_true(record->finished);
    assert_string_equal(record->text.data, AMPHI_TEST_CLOUD_ANSWER);
}

static void ask_whole(const char *scenario)
{
    engine_recorder record;
    amphi_engine engine = new_engine(scenario);
    finish(engine, start(engine, &record), &record);
    assert_whole(&record);
    engine.ops->free(engine.self);
    engine_recorder_clear(&record);
}

static amphi_status ask_broken(const char *scenario)
{
    engine_recorder record;
    amphi_engine engine = new_engine(scenario);
    finish(engine, start(engine, &record), &record);
    assert_false(record.finished);
    amphi_status status = record.error.status;
    engine.ops->free(engine.self);
    engine_recorder_clear(&record);
    return status;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static amphi_str last_header(amphi_json *last, const char *name)
{
    return amphi__json_string(amphi__json_get(amphi__json_get(last, "headers"), name));
}

static void http2__many_answers_share_one_connection(void **state)
{
    enum { COUNT = 16 };
    static engine_recorder records[COUNT];
    amphi_engine_run *runs[COUNT];
    start_nginx(1000);
    ask_whole("ok");
    amphi_json *last = amphi_test_cloud_last(&cloud, "ok");
    assert_true(amphi__str_equal_c(last_header(last, "x-protocol"), "HTTP/2.0"));
    char first[32];
    amphi__str_copy_to(first, sizeof first, last_header(last, "x-connection"));
    amphi__json_free(last);
    amphi_engine engine = new_engine("slow:5");
    for (int i = 0; i < COUNT; i++)
        runs[i] = start(engine, &records[i]);
    for (int i = 0; i < COUNT; i++) {
        finish(engine, runs[i], &records[i]);
        assert_whole(&records[i]);
        engine_recorder_clear(&records[i]);
    }
    engine.ops->free(engine.self);
    last = amphi_test_cloud_last(&cloud, "slow:5");
    assert_true(amphi__str_equal_c(last_header(last, "x-connection"), first));
    amphi__json_free(last);
}

static void http2__buffered_and_compressed_answers_are_whole(void **state)
{
    start_nginx(1000);
    ask_whole("whole");
    ask_whole("slow:7");
}

static void http2__drained_connections_lose_no_answer(void **state)
{
    start_nginx(3); /* GOAWAY after every third request */
    for (int i = 0; i < 14; i++)
        ask_whole("ok");
}

static void http2__answers_cut_behind_the_proxy_are_no_success(void **state)
{
    start_nginx(1000);
    assert_int_equal(ask_broken("cut"), AMPHI_E_TRUNCATED);
    assert_int_equal(ask_broken("cut-reset"), AMPHI_E_TRUNCATED);
    assert_int_equal(ask_broken("cut-end"), AMPHI_E_TRUNCATED);
    assert_int_equal(ask_broken("cut-length"), AMPHI_E_TRUNCATED);
    assert_int_equal(ask_broken("reset"), AMPHI_E_PROVIDER); /* a 502 page */
    assert_int_equal(ask_broken("gone"), AMPHI_E_PROVIDER);
    ask_whole("ok");
}

static void http2__graceful_stop_finishes_the_answer_a_hard_one_does_not(void **state)
{
    engine_recorder record;
    start_nginx(1000);
    amphi_engine engine = new_engine("slow:20");
    amphi_engine_run *run = start(engine, &record);
    assert_true(engine_recorder_wait_text(&record, 10, 5000));
    kill(nginx, SIGQUIT);
    finish(engine, run, &record);
    assert_whole(&record);
    engine.ops->free(engine.self);
    engine_recorder_clear(&record);
    stop_nginx(SIGTERM);

    start_nginx(1000);
    engine = new_engine("slow:20");
    run = start(engine, &record);
    assert_true(engine_recorder_wait_text(&record, 10, 5000));
    uint64_t began_ms = amphi__clock_ms(NULL);
    stop_nginx(SIGTERM);
    finish(engine, run, &record);
    assert_true(amphi__clock_ms(NULL) - began_ms < 1000);
    assert_int_equal(record.error.status, AMPHI_E_TRUNCATED);
    engine.ops->free(engine.self);
    engine_recorder_clear(&record);
}

/* After a change of network a connection may be dead without a sign: what was silent on it must not
 * wait on it again. */
static void http2__silent_connection_is_not_used_again(void **state)
{
    engine_recorder record;
    char first[32];
    start_nginx(1000);
    amphi_engine engine = new_engine("silence");
    amphi_engine_run *run = start(engine, &record);
    usleep(1300000);
    engine.ops->cancel(engine.self, run);
    finish(engine, run, &record);
    engine.ops->free(engine.self);
    engine_recorder_clear(&record);
    amphi_json *last = amphi_test_cloud_last(&cloud, "silence");
    amphi__str_copy_to(first, sizeof first, last_header(last, "x-connection"));
    amphi__json_free(last);
    assert_string_not_equal(first, "");
    ask_whole("ok");
    last = amphi_test_cloud_last(&cloud, "ok");
    assert_false(amphi__str_equal_c(last_header(last, "x-connection"), first));
    amphi__json_free(last);
}

static int start_all(void **state)
{
    if (!amphi_test_cloud_start(&cloud) || amphi__http_new(&http, NULL) != AMPHI_OK)
        return -1;
    amphi__str_copy_to(
        folder, sizeof folder, amphi__json_string(amphi__json_get(cloud.info, "folder")));
    return 0;
}

static int stop_all(void **state)
{
    http.ops->free(http.self);
    amphi_test_cloud_stop(&cloud);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    if (access(NGINX, X_OK) != 0) {
        printf("skipped: nginx is not installed\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        TEST(http2__many_answers_share_one_connection),
        TEST(http2__buffered_and_compressed_answers_are_whole),
        TEST(http2__drained_connections_lose_no_answer),
        TEST(http2__answers_cut_behind_the_proxy_are_no_success),
        TEST(http2__silent_connection_is_not_used_again),
        TEST(http2__graceful_stop_finishes_the_answer_a_hard_one_does_not),
    };
    return cmocka_run_group_tests_name("integration.remote_nginx", tests, start_all, stop_all);
}
