/* SPDX-License-Identifier: Apache-2.0
 *
 * Children with pipes, found beside this program.
 */
#include "bench_processes.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool start_child(bench_child *c, char *const *arguments)
{
    int to[2], from[2];
    posix_spawn_file_actions_t actions;
    if (pipe(to) != 0)
        return false;
    if (pipe(from) != 0) {
        close(to[0]);
        close(to[1]);
        return false;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, to[1]); /* its own end would keep it waiting */
    posix_spawn_file_actions_addclose(&actions, from[0]);
    int rc = posix_spawn(&c->pid, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    c->to = fdopen(to[1], "w");
    c->from = fdopen(from[0], "r");
    if (rc != 0)
        c->pid = 0;
    return rc == 0 && c->to != NULL && c->from != NULL;
}

void bench_stop_child(bench_child *c, int signal_number)
{
    if (c->to != NULL)
        fclose(c->to);
    if (c->pid > 0 && signal_number != 0)
        kill(c->pid, signal_number);
    if (c->from != NULL)
        fclose(c->from);
    while (c->pid > 0 && waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* The path of this program. */
static bool find_self(char *out, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", out, size - 1);
    if (length <= 0)
        return false;
    out[length] = '\0';
    return true;
}

/* amphi-bench-curl: beside this program in a build folder, in libexec in an installed prefix. */
static bool find_bench_curl(char *out, size_t size)
{
    static const char *const places[] = {"amphi-bench-curl", "../libexec/amphi/amphi-bench-curl"};
    char folder[400];
    char *slash = find_self(folder, sizeof folder) ? strrchr(folder, '/') : NULL;
    if (slash == NULL)
        return false;
    *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(out, size, "%s/%s", folder, places[i]);
        if (access(out, X_OK) == 0)
            return true;
    }
    return false;
}

int bench_start_loopback(bench_child *out, char *url, size_t size)
{
    char program[512];
    unsigned port = 0;
    char *arguments[] = {program, NULL};
    if (!find_bench_curl(program, sizeof program))
        return cli_usage(
            "bench: amphi-bench-curl is neither beside this program nor in ../libexec/amphi");
    if (!start_child(out, arguments) || fscanf(out->from, "port %u", &port) != 1)
        return cli_usage("bench: the loopback server did not start");
    snprintf(url, size, "http://127.0.0.1:%u/v1", port);
    return CLI_OK;
}

int bench_start_gateway(
    bench_child *out, const char *endpoint_url, const char *folder, char *url, size_t size)
{
    char self[512], endpoint[160], data[300], line[256];
    char *arguments[] = {self, "serve", "--port", "0", "--json", "--allow-http-loopback",
        "--endpoint", endpoint, "--data", data, "--model", "/nowhere", NULL};
    snprintf(endpoint, sizeof endpoint, "bench=%s", endpoint_url);
    snprintf(data, sizeof data, "%s/gateway", folder);
    const char *found = NULL;
    if (find_self(self, sizeof self) && start_child(out, arguments) &&
        fgets(line, sizeof line, out->from) != NULL)
        found = strstr(line, "\"url\":\"");
    if (found == NULL)
        return cli_usage("bench: the gateway did not start");
    snprintf(url, size, "%.*s", (int)strcspn(found + 7, "\""), found + 7);
    return CLI_OK;
}

bool bench_make_folder(char *out, size_t size)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(out, size, "%s/amphi-bench-XXXXXX",
        temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp");
    if (mkdtemp(out) != NULL)
        return true;
    out[0] = '\0';
    return false;
}

void bench_remove_folder(const char *folder)
{
    char command[300];
    if (folder[0] == '\0')
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0)
        fprintf(stderr, "amphi: %s is left behind\n", folder);
}
