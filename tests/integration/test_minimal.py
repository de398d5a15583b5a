#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every swappable part can be left out: without curl, SQLCipher, a local engine and the command,
what is left still builds without a warning, and a client of it says what it lacks."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import environment, promise, write  # noqa: E402

PROGRAM = """#include <amphi/amphi.h>
#include <stdio.h>
static void print_finding(void *user, const amphi_finding *finding)
{
    (void)user;
    printf("%.*s: %.*s\\n", (int)finding->part.size, finding->part.data, (int)finding->text.size,
        finding->text.data);
}
int main(int argc, char **argv)
{
    amphi_client_options options;
    amphi_client *client = NULL;
    amphi_stream *stream = NULL;
    amphi_error error;
    amphi_event event = {0};
    amphi_client_options_init(&options);
    options.data_dir = amphi_str_from(argc > 1 ? argv[1] : "");
    if (amphi_client_new(&client, &options, &error) != AMPHI_OK)
        return 1;
    amphi_message message = {.role = AMPHI_ROLE_USER, .content = AMPHI_STR("Hello")};
    amphi_chat_request request;
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.no_queue = true;
    if (amphi_chat_start(&stream, client, &request, &error) != AMPHI_OK)
        return 2;
    while (!amphi_event_is_terminal(&event))
        if (amphi_stream_next(stream, 10000, &event, &error) != AMPHI_OK)
            return 3;
    printf("ended with %s\\n", event.kind == AMPHI_EVENT_ERROR ? event.error->message : "no error");
    int rc = event.kind == AMPHI_EVENT_ERROR ? 0 : 4;
    amphi_stream_free(stream);
    amphi_client_free(client);
    (void)amphi_doctor(&options, print_finding, NULL, &error);
    return rc;
}
"""


@promise
def minimal__builds_without_a_warning_and_refuses_politely(folder):
    build = os.path.join(folder, "build")
    for words in (["cmake", "--preset", "minimal", "-B", build], ["cmake", "--build", build]):
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    library = os.path.join(build, "lib")
    linked = subprocess.run(["ldd", os.path.join(library, "libamphi.so")], capture_output=True,
                            text=True)
    for foreign in ("curl", "sqlcipher", "sqlite", "pcre2"):
        assert foreign not in linked.stdout, linked.stdout
    program = os.path.join(folder, "program")
    subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Isdk/include",
                    write(folder, "program.c", PROGRAM), "-o", program, f"-L{library}", "-lamphi",
                    f"-Wl,-rpath,{library}"], check=True)
    done = subprocess.run([program, os.path.join(folder, "data")], capture_output=True, text=True,
                          timeout=30, env=environment())
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    assert "ended with " in done.stdout and "local" in done.stdout, done.stdout


if __name__ == "__main__":
    faces.main()
