/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi ask: one question, one answer.
 */
#include "cli.h"

#include <stdlib.h>

static int print_chunks(amphi_stream *stream)
{
    amphi_str chunk;
    amphi_error error;
    bool terminal = false;
    while (!terminal) {
        if (amphi_stream_next_json(stream, AMPHI_WAIT_FOREVER, &chunk, &terminal, &error) !=
            AMPHI_OK)
            return cli_fail(&error);
        printf("%.*s\n", (int)chunk.size, chunk.data);
        fflush(stdout);
    }
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    if (amphi_stream_result(stream, &result, &error) != AMPHI_OK)
        return cli_fail(&error);
    if (result.error != NULL)
        return cli_fail_of_request(result.error, result.provider);
    cli_warn_of_history(stream);
    return CLI_OK;
}

/* {"response_format": ...} around the schema in a file; the caller frees it. is_shown: its words
 * are printed as they come. */
static int read_schema(const char *path, bool is_shown, char **out)
{
    static const char before[] = ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
                                 "{\"name\":\"answer\",\"strict\":true,\"schema\":";
    size_t size = 0;
    char *schema = cli_read_file(path, &size);
    if (schema == NULL)
        return CLI_USAGE;
    if (strlen(schema) != size || schema[strspn(schema, " \t\r\n")] != '{') {
        free(schema);
        return cli_usage("%s: a JSON Schema (an object) is expected", path);
    }
    size_t capacity = sizeof "{\"stream\":false" + sizeof before + size + sizeof "}}}";
    *out = malloc(capacity);
    if (*out != NULL)
        snprintf(
            *out, capacity, "{\"stream\":%s%s%s}}}", is_shown ? "true" : "false", before, schema);
    free(schema);
    return *out != NULL ? CLI_OK : CLI_FAILED;
}

/* An answer that was cut at its token limit does not satisfy the schema. */
static int check_whole(amphi_stream *stream)
{
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    amphi_error error;
    if (amphi_stream_result(stream, &result, &error) != AMPHI_OK)
        return cli_fail(&error);
    if (result.finish != AMPHI_FINISH_LENGTH)
        return CLI_OK;
    fprintf(stderr, "amphi: the answer reached its token limit before its JSON was whole; raise "
                    "--max-tokens\n");
    return CLI_FAILED;
}

static int run(cli_options *options)
{
    amphi_chat_request request;
    amphi_message message = {.role = AMPHI_ROLE_USER};
    amphi_stream *stream = NULL;
    amphi_client *client = NULL;
    amphi_error error;
    int rc = CLI_FAILED;
    char *extra = NULL;
    char *question = cli_words(options);
    if (question == NULL)
        return CLI_USAGE;
    size_t size = strlen(question);
    while (size > 0 && (question[size - 1] == '\n' || question[size - 1] == '\r'))
        size--;
    if (size == 0) {
        free(question);
        return cli_usage("ask what? For example: amphi ask \"What is Amphi?\"");
    }
    message.content = amphi_str_make(question, size);
    cli_request_init(options, &request, &message);
    bool is_shown = !options->json || cli_own(options, "--events") != NULL;
    if (!is_shown)
        request.extra_json = AMPHI_STR("{\"stream\":false}");
    if (cli_own(options, "--schema") != NULL) {
        rc = read_schema(cli_own(options, "--schema"), is_shown, &extra);
        if (rc != CLI_OK)
            goto cleanup;
        rc = CLI_FAILED;
        request.extra_json = amphi_str_from(extra);
    }
    client = cli_client_new(options);
    if (client == NULL)
        goto cleanup;
    if (amphi_chat_start(&stream, client, &request, &error) != AMPHI_OK)
        rc = cli_fail(&error);
    else
        rc = cli_own(options, "--events") != NULL ? print_chunks(stream)
                                                  : cli_stream_view(stream, options);
    if (rc == CLI_OK && extra != NULL)
        rc = check_whole(stream);
cleanup:
    amphi_stream_free(stream);
    amphi_client_free(client);
    free(extra);
    free(question);
    return rc;
}

static const char *const own_flags[] = {"--events", "--schema=", NULL};

const cli_command cli_ask = {
    .name = "ask",
    .summary = "one question, one answer",
    .help =
        "usage: amphi ask [flags] [QUESTION...]\n"
        "\n"
        "Prints the answer to the question (without one: to standard input) as it comes. With\n"
        "--json: one object with text, route, takeovers, cache, finish_reason, usage, timing and\n"
        "the decision with its reasons.\n"
        "  --events              every event as a JSON line, in OpenAI's chunk form\n"
        "  --schema FILE         the answer is JSON that satisfies this JSON Schema (if the token\n"
        "                        limit cuts it, that is a failure)\n"
        "Exit status: 0 answered (a history that could not keep it is said on standard error), 1 "
        "failed,\n"
        "2 usage, 3 kept in the outbox.\n"
        "\n"
        "Example: amphi ask --json --mode only_local \"What happens when the battery is low?\"\n",
    .own_flags = own_flags,
    .run = run,
};
