/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting and asking tests/support/badcloud.py; see cloud.h.
 */
#include "tests/support/cloud.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { LINE_MAX_BYTES = 4 << 20, PATIENCE_MS = 30000 };

/* One line from the child, parsed; NULL when it says nothing for too long. */
static amphi_json *read_line(amphi_test_cloud *cloud)
{
    amphi_buf line;
    amphi_json *value = NULL;
    amphi__buf_init(&line, LINE_MAX_BYTES);
    struct pollfd wait = {.fd = cloud->from_fd, .events = POLLIN};
    char c = '\0';
    while (poll(&wait, 1, PATIENCE_MS) == 1 && read(cloud->from_fd, &c, 1) == 1 && c != '\n')
        amphi__buf_append_char(&line, c);
    if (c == '\n')
        amphi__json_parse(&value, amphi__buf_str(&line), "badcloud", NULL);
    amphi__buf_clear(&line);
    return value;
}

static bool spawn(amphi_test_cloud *cloud)
{
    int to[2];
    int from[2];
    /* Were our ends inherited by the next child, this one would not see the end of its input. */
    if (pipe2(to, O_CLOEXEC) != 0)
        return false;
    if (pipe2(from, O_CLOEXEC) != 0) {
        close(to[0]);
        close(to[1]);
        return false;
    }
    char *arguments[] = {"python3", "tests/support/badcloud.py", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    int rc = posix_spawnp(&cloud->pid, "python3", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    cloud->to_fd = to[1];
    cloud->from_fd = from[0];
    return rc == 0;
}

bool amphi_test_cloud_start(amphi_test_cloud *cloud)
{
    memset(cloud, 0, sizeof *cloud);
    signal(SIGPIPE, SIG_IGN);
    if (!spawn(cloud) || (cloud->info = read_line(cloud)) == NULL) {
        fprintf(stderr, "tests/support/badcloud.py did not start\n");
        return false;
    }
    amphi_str ca = amphi__json_string(amphi__json_get(cloud->info, "ca"));
    snprintf(cloud->ca_file, sizeof cloud->ca_file, "%.*s", (int)ca.size, ca.data);
    snprintf(cloud->base_url, sizeof cloud->base_url, "https://localhost:%d",
        amphi_test_cloud_port(cloud, "main"));
    return true;
}

void amphi_test_cloud_stop(amphi_test_cloud *cloud)
{
    if (cloud->pid > 0) {
        close(cloud->to_fd);
        close(cloud->from_fd);
        waitpid(cloud->pid, NULL, 0);
    }
    amphi__json_free(cloud->info);
    memset(cloud, 0, sizeof *cloud);
}

int amphi_test_cloud_port(const amphi_test_cloud *cloud, const char *listener)
{
    const amphi_json *ports = amphi__json_get(cloud->info, "ports");
    return (int)amphi__json_int(amphi__json_get(ports, listener), 0);
}

amphi_str amphi_test_cloud_pin(const amphi_test_cloud *cloud, const char *listener)
{
    const amphi_json *pins = amphi__json_get(cloud->info, "pins");
    return amphi__json_string(amphi__json_get(pins, listener));
}

void amphi_test_cloud_url(const amphi_test_cloud *cloud, char *out, size_t out_size,
    const char *listener, const char *scenario)
{
    snprintf(out, out_size, "%s://localhost:%d/%s/v1",
        strcmp(listener, "plain") == 0 ? "http" : "https", amphi_test_cloud_port(cloud, listener),
        scenario);
}

static amphi_json *ask(amphi_test_cloud *cloud, const char *verb, const char *a, const char *b)
{
    char line[1024];
    int size = snprintf(line, sizeof line, "%s %s %s\n", verb, a, b);
    if (size <= 0 || (size_t)size >= sizeof line ||
        write(cloud->to_fd, line, (size_t)size) != (ssize_t)size)
        return NULL;
    return read_line(cloud);
}

static int64_t ask_value(amphi_test_cloud *cloud, const char *verb, const char *name)
{
    amphi_json *reply = ask(cloud, verb, name, "");
    int64_t value = amphi__json_int(amphi__json_get(reply, "value"), -1);
    amphi__json_free(reply);
    return value;
}

int64_t amphi_test_cloud_attempts(amphi_test_cloud *cloud, const char *name)
{
    return ask_value(cloud, "attempts", name);
}

int64_t amphi_test_cloud_bytes(amphi_test_cloud *cloud, const char *listener)
{
    return ask_value(cloud, "bytes", listener);
}

int64_t amphi_test_cloud_connections(amphi_test_cloud *cloud, const char *listener)
{
    return ask_value(cloud, "connections", listener);
}

void amphi_test_cloud_set(amphi_test_cloud *cloud, const char *name, const char *scenario)
{
    amphi__json_free(ask(cloud, "set", name, scenario));
}

void amphi_test_cloud_set_answer(amphi_test_cloud *cloud, const char *text)
{
    amphi__json_free(ask(cloud, "answer", text, ""));
}

void amphi_test_cloud_reset_counts(amphi_test_cloud *cloud)
{
    amphi__json_free(ask(cloud, "reset", "", ""));
}

amphi_json *amphi_test_cloud_last(amphi_test_cloud *cloud, const char *name)
{
    return ask(cloud, "last", name, "");
}
