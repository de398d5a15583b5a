/* SPDX-License-Identifier: Apache-2.0
 *
 * An app whose client has the operating system's model as a route (system_engine.h). The system is
 * pretended here: it answers once, and then says that the app has had its share.
 */
#include "system_engine.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#include <stdio.h>

static void state(void *user, system_state *out)
{
    (void)user; /* SystemLanguageModel.default.availability; generativeModel.checkStatus() */
    *out =
        (system_state){.availability = SYSTEM_AVAILABLE, .on_device = true, .context_tokens = 4096};
}

static void generate(void *user, system_run *run, const char *body, size_t size)
{
    static const char answer[] = "Hello from the system.";
    bool *has_answered = user;
    (void)body; /* a real one reads the messages and starts a Task or a coroutine */
    (void)size;
    if (!*has_answered)
        system_run_text(run, answer, sizeof answer - 1);
    system_run_end(run, *has_answered ? SYSTEM_QUOTA : SYSTEM_DONE, 0);
    *has_answered = true;
}

static void cancel(void *user, system_run *run)
{
    (void)user; /* every run has ended when `generate` returns: there is nothing to stop */
    (void)run;
}

static amphi_status ask(amphi_client *client, amphi_error *error)
{
    const amphi_message question = {AMPHI_ROLE_USER, AMPHI_STR("Hello?")};
    amphi_chat_request request;
    amphi_event event;
    amphi_stream *stream = NULL;
    amphi_chat_request_init(&request);
    request.messages = &question;
    request.messages_count = 1;
    request.no_cache = true;
    request.no_queue = true;
    request.mode = AMPHI_MODE_ONLY_LOCAL;
    amphi_status status = amphi_chat_start(&stream, client, &request, error);
    while (status == AMPHI_OK &&
           amphi_stream_next(stream, AMPHI_WAIT_FOREVER, &event, error) == AMPHI_OK) {
        if (event.kind == AMPHI_EVENT_DELTA)
            printf("%.*s", (int)event.text.size, event.text.data);
        if (event.kind == AMPHI_EVENT_DONE)
            printf(" (%.*s)\n", (int)event.route.size, event.route.data);
        if (event.kind == AMPHI_EVENT_ERROR)
            printf("%s: %s; again in %u s\n", amphi_status_name(event.error->status),
                event.error->message, event.error->retry_after_ms / 1000);
    }
    amphi_stream_free(stream);
    return status;
}

int main(int argc, char **argv)
{
    bool has_answered = false;
    const system_model model = {
        &has_answered, "system", "pretended", state, generate, cancel, NULL};
    const amphi_engine engines[] = {system_engine(&model)};
    amphi_client_options options;
    amphi_parts parts;
    amphi_error error = {AMPHI_OK, 0, 0, ""};
    amphi_client *client = NULL;
    amphi_parts_init(&parts);
    parts.engines = engines;
    parts.engines_count = 1;
    amphi_client_options_init(&options);
    options.data_dir = amphi_str_from(argc > 1 ? argv[1] : NULL);
    options.parts = &parts;
    amphi_status status = amphi_client_new(&client, &options, &error);
    for (int i = 0; status == AMPHI_OK && i < 3; i++)
        status = ask(client, &error);
    if (status != AMPHI_OK)
        fprintf(stderr, "%s\n", error.message);
    amphi_client_free(client);
    return status == AMPHI_OK ? 0 : 1;
}
