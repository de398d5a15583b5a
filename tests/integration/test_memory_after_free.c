/* SPDX-License-Identifier: Apache-2.0
 *
 * After amphi_client_free nothing of what was said is left in the process's memory: the API key,
 * the system prompt, the question, the answer, a tool's arguments, the conversation's id and the
 * store's key are looked for in every writable mapping. The test keeps them in a form of its own,
 * so that it does not find itself, and wipes what it hands over.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/str.h"
#include "storage/storage.h"
#include "tests/support/cloud.h"
#include "tests/support/real_engine.h"
#include "tests/support/scratch_dir.h"

#include <amphi/amphi.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { SECRET_MAX = 64, MASK = 0xa5, PIECE = 1 << 20 };
/* Only a sanitizer's shadow is larger. */
#define MAPPING_MAX ((size_t)64 << 30)

typedef enum secret_kind {
    API_KEY,
    SYSTEM_PROMPT,
    QUESTION,
    ANSWER,
    TOOL_ARGUMENT,
    CONVERSATION,
    STORE_KEY_HEX,
    STORE_KEY,
    SECRETS
} secret_kind;

static const char *const names[SECRETS] = {"API key", "system prompt", "question", "answer",
    "tool argument", "conversation id", "store key in hex", "store key"};

typedef struct secret {
    unsigned char masked[SECRET_MAX];
    size_t size;
} secret;

static secret secrets[SECRETS];
static amphi_test_cloud cloud;

static void keep(secret_kind kind, const void *bytes, size_t size)
{
    assert_true(size <= SECRET_MAX);
    for (size_t i = 0; i < size; i++)
        secrets[kind].masked[i] = ((const unsigned char *)bytes)[i] ^ MASK;
    secrets[kind].size = size;
}

/* Appends the secret to text in `out`. */
static void reveal(secret_kind kind, char *out)
{
    char *end = out + strlen(out);
    for (size_t i = 0; i < secrets[kind].size; i++)
        end[i] = (char)(secrets[kind].masked[i] ^ MASK);
    end[secrets[kind].size] = '\0';
}

/* 24 random letters each: one word to a tokenizer, none of any other text. */
static void make_secrets(void)
{
    for (int kind = API_KEY; kind <= CONVERSATION; kind++) {
        unsigned char letters[24];
        assert_int_equal(amphi__random(letters, sizeof letters), AMPHI_OK);
        for (size_t i = 0; i < sizeof letters; i++)
            letters[i] = (unsigned char)('a' + letters[i] % 26);
        keep(kind, letters, sizeof letters);
        amphi__wipe(letters, sizeof letters);
    }
}

static void keep_store_key(const scratch_dir *dir)
{
    char hex[2 * AMPHI_STORE_KEY_BYTES];
    unsigned char key[AMPHI_STORE_KEY_BYTES];
    int fd = open(scratch_dir_file(dir, AMPHI_KEY_FILE), O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, hex, sizeof hex), sizeof hex);
    close(fd);
    for (size_t i = 0; i < sizeof key; i++) {
        const char pair[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        key[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    keep(STORE_KEY_HEX, hex, sizeof hex);
    keep(STORE_KEY, key, sizeof key);
    amphi__wipe(hex, sizeof hex);
    amphi__wipe(key, sizeof key);
}

/* ---- searching ---- */

static bool is_at(const unsigned char *at, const secret *what)
{
    for (size_t i = 0; i < what->size; i++)
        if ((at[i] ^ MASK) != what->masked[i])
            return false;
    return true;
}

/* It looks at every byte of the process. */
__attribute__((no_sanitize("address", "undefined"))) static int search_piece(
    const unsigned char *piece, size_t size, size_t from, const char *where)
{
    bool is_first[256] = {false};
    int hits = 0;
    for (int kind = 0; kind < SECRETS; kind++)
        if (secrets[kind].size > 0)
            is_first[secrets[kind].masked[0] ^ MASK] = true;
    for (size_t i = 0; i < size; i++)
        for (int kind = 0; is_first[piece[i]] && kind < SECRETS; kind++) {
            const secret *what = &secrets[kind];
            if (what->size == 0 || i + what->size > size || !is_at(piece + i, what))
                continue;
            hits++;
            if (hits > 8)
                continue;
            printf("  %s at %zx of %s", names[kind], from + i, where);
            printf(" behind \"");
            for (size_t k = i > 40 ? i - 40 : 0; k < i; k++)
                putchar(piece[k] >= ' ' && piece[k] < 127 ? piece[k] : '.');
            printf("\"\n");
        }
    return hits;
}

/* Has any page from this address on been used? Sanitizers map far more than they use. */
static bool is_used(int pagemap, size_t address, size_t size)
{
    static uint64_t entries[PIECE / 4096 + 1];
    size_t count = (size + 4095) / 4096;
    ssize_t got = pread(
        pagemap, entries, count * sizeof entries[0], (off_t)(address / 4096 * sizeof entries[0]));
    for (size_t i = 0; got > 0 && i < (size_t)got / sizeof entries[0]; i++)
        if (entries[i] >> 62 != 0) /* present, or swapped out */
            return true;
    return got <= 0;
}

/* How often any of them is in writable memory. */
static int search_memory(void)
{
    static unsigned char piece[PIECE + SECRET_MAX];
    char line[512];
    int hits = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    assert_non_null(maps);
    assert_true(memory >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        size_t from = 0;
        size_t to = 0;
        char access[8] = "";
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%zx-%zx %7s", &from, &to, access) != 3 || access[1] != 'w' ||
            to - from > MAPPING_MAX)
            continue;
        for (size_t at = from; at < to; at += PIECE) {
            size_t wanted = to - at < sizeof piece ? to - at : sizeof piece;
            if (!is_used(pagemap, at, wanted))
                continue;
            ssize_t got = pread(memory, piece, wanted, (off_t)at);
            if (got > 0 && !(at < (size_t)piece + sizeof piece && at + wanted > (size_t)piece))
                hits += search_piece(piece, (size_t)got, at - from, line);
        }
    }
    amphi__wipe(piece, sizeof piece);
    close(memory);
    close(pagemap);
    fclose(maps);
    return hits;
}

/* ---- a client's life ---- */

static void set_answer(void)
{
    char line[256] = "answer It is ";
    reveal(ANSWER, line);
    strcat(line, " indeed.\n");
    assert_int_equal(write(cloud.to_fd, line, strlen(line)), strlen(line));
    amphi__wipe(line, sizeof line);
    char c = '\0';
    while (read(cloud.from_fd, &c, 1) == 1 && c != '\n')
        continue;
}

static void write_key_file(const char *path)
{
    char line[128] = "";
    reveal(API_KEY, line);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, line, strlen(line)), strlen(line));
    close(fd);
    amphi__wipe(line, sizeof line);
}

static amphi_client *open_client(const scratch_dir *dir, const char *scenario)
{
    char url[256];
    char key_file[256];
    amphi_client *client = NULL;
    amphi_error error = {0};
    amphi_client_options options;
    amphi_endpoint_options endpoint;
    amphi_client_options_init(&options);
    amphi_endpoint_options_init(&endpoint);
    snprintf(key_file, sizeof key_file, "%s", scratch_dir_file(dir, "api.key"));
    write_key_file(key_file);
    amphi_test_cloud_url(&cloud, url, sizeof url, "main", scenario);
    endpoint.name = AMPHI_STR("a");
    endpoint.url = amphi_str_from(url);
    endpoint.ca_file = amphi_str_from(cloud.ca_file);
    endpoint.key_file = amphi_str_from(key_file);
    options.data_dir = amphi_str_from(dir->path);
    options.endpoints = &endpoint;
    options.endpoints_count = 1;
    options.model_path = AMPHI_STR("local/models/amphi-help.gguf");
    if (amphi_client_new(&client, &options, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return client;
}

static void write_tool_call(char *out)
{
    strcat(out, "{\"role\":\"user\",\"content\":\"Look it up.\"},{\"role\":\"assistant\","
                "\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
                "\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"at\\\":\\\"");
    reveal(TOOL_ARGUMENT, out);
    strcat(out, "\\\"}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"Found.\"},");
}

/* A request in JSON with everything that is secret; the tool's call only where it can be sent: the
 * help model knows no tools. */
static void write_request(char *out, size_t size, const char *mode)
{
    snprintf(out, size, "{\"messages\":[{\"role\":\"system\",\"content\":\"You know ");
    reveal(SYSTEM_PROMPT, out);
    strcat(out, ".\"},");
    if (strcmp(mode, "only_local") != 0)
        write_tool_call(out);
    strcat(out, "{\"role\":\"user\",\"content\":\"What is ");
    reveal(QUESTION, out);
    strcat(out, "?\"}],\"max_tokens\":24,\"temperature\":0,\"amphi\":{\"conversation_id\":\"");
    reveal(CONVERSATION, out);
    snprintf(out + strlen(out), size - strlen(out), "\",\"mode\":\"%s\"}}", mode);
}

static void ask(amphi_client *client, const char *mode)
{
    char request[2048];
    amphi_stream *stream = NULL;
    amphi_event event;
    amphi_error error = {0};
    write_request(request, sizeof request, mode);
    if (amphi_chat_start_json(&stream, client, amphi_str_from(request), &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    amphi__wipe(request, sizeof request);
    do
        assert_int_equal(amphi_stream_next(stream, 60000, &event, &error), AMPHI_OK);
    while (!amphi_event_is_terminal(&event));
    if (event.kind != AMPHI_EVENT_DONE)
        fail_msg("%s: %s", mode, event.error->message);
    amphi_stream_free(stream);
}

static int left_after(const char *scenario, const char *const *modes)
{
    scratch_dir dir;
    scratch_dir_make(&dir);
    amphi_client *client = open_client(&dir, scenario);
    for (size_t i = 0; modes[i] != NULL; i++)
        ask(client, modes[i]);
    keep_store_key(&dir);
    amphi_client_free(client);
    int hits = search_memory();
    printf("%d left after %s, %s\n", hits, scenario, modes[0]);
    scratch_dir_remove(&dir);
    return hits;
}

/* The search finds what is there: on the heap, and in freed memory. */
static void memory__search_finds_a_secret_that_is_left(void **state)
{
    int before = search_memory();
    char *here = malloc(4096);
    assert_non_null(here);
    here[1000] = '\0';
    reveal(QUESTION, here + 1000);
    int found = search_memory();
    amphi__wipe(here, 4096);
    free(here);
    assert_int_equal(found, before + 1);
}

static void memory__after_a_local_answer_holds_nothing_of_it(void **state)
{
    static const char *const modes[] = {"only_local", "only_local", NULL};
    assert_int_equal(left_after("ok", modes), 0);
}

static void memory__after_a_cloud_answer_holds_nothing_of_it(void **state)
{
    static const char *const modes[] = {"only_cloud", "only_cloud", NULL};
    assert_int_equal(left_after("ok", modes), 0);
}

static int start(void **state)
{
    make_secrets();
    if (!amphi_test_cloud_start(&cloud))
        return 1;
    set_answer();
    return 0;
}

static int stop(void **state)
{
    amphi_test_cloud_stop(&cloud);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory__search_finds_a_secret_that_is_left),
        cmocka_unit_test(memory__after_a_local_answer_holds_nothing_of_it),
        cmocka_unit_test(memory__after_a_cloud_answer_holds_nothing_of_it),
    };
    setvbuf(stdout, NULL, _IONBF, 0);
    return cmocka_run_group_tests(tests, start, stop);
}
