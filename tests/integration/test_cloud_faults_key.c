/* SPDX-License-Identifier: Apache-2.0
 *
 * An API key after its use: no block of memory that the library gives back still holds it, and no
 * line of the log, no error and no record ever did. Over real sockets and TLS, with a provider that
 * repeats the key in its refusal. (What curl copies for itself is outside our allocator; the header
 * list is wiped before it is freed, curl's own send buffer is curl's.)
 */
#include "tests/support/cloud_app.h"
#include "tests/support/scratch_dir.h"

#include <amphi/amphi.h>
#include <amphi/ext/allocator.h>

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEY "sk-secret-0123456789abcdef"

static atomic_uint leaks; /* blocks given back with the key in them */
static atomic_uint frees;
static atomic_uint said;          /* log lines */
static atomic_uint leaking_lines; /* log lines with the key in them */

/* ---- An allocator that looks into what it gets back ------------------------------------------ */

static void look(const void *memory)
{
    atomic_fetch_add(&frees, 1);
    if (memmem(memory, malloc_usable_size((void *)memory), KEY, sizeof KEY - 1) != NULL)
        atomic_fetch_add(&leaks, 1);
}

static void *take(void *self, size_t size)
{
    return calloc(1, size); /* zeroed: what malloc recycles is not ours to answer for */
}

static void give_back(void *self, void *memory)
{
    if (memory != NULL)
        look(memory);
    free(memory);
}

static void *retake(void *self, void *old, size_t size)
{
    size_t had = old != NULL ? malloc_usable_size(old) : 0;
    void *memory = take(self, size);
    if (memory != NULL && old != NULL) {
        memcpy(memory, old, had < size ? had : size);
        give_back(self, old);
    }
    return memory;
}

static const amphi_allocator looking = {.struct_size = sizeof looking,
    .name = "looking",
    .alloc = take,
    .realloc = retake,
    .free = give_back};

/* ---- The test -------------------------------------------------------------------------------- */

static void on_log(void *user, int level, amphi_str line)
{
    atomic_fetch_add(&said, 1);
    if (memmem(line.data, line.size, "sk-", 3) != NULL)
        atomic_fetch_add(&leaking_lines, 1);
}

static amphi_event_kind ask(amphi_client *client, const char *conversation, char **record)
{
    amphi_stream *stream;
    amphi_chat_request request;
    amphi_event event = {0};
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("How was the harbour?")};
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.mode = AMPHI_MODE_ONLY_CLOUD;
    request.no_cache = true;
    request.no_queue = true;
    request.conversation_id = amphi_str_from(conversation);
    assert_int_equal(amphi_chat_start(&stream, client, &request, NULL), AMPHI_OK);
    while (!amphi_event_is_terminal(&event)) {
        assert_int_equal(amphi_stream_next(stream, 20000, &event, NULL), AMPHI_OK);
        if (event.error != NULL)
            assert_null(strstr(event.error->message, "sk-"));
    }
    amphi_event_kind end = event.kind;
    assert_int_equal(amphi_stream_result_json(stream, record, NULL), AMPHI_OK);
    amphi_stream_free(stream);
    return end;
}

static void key__is_gone_after_its_use_and_was_never_said(void **state)
{
    static const char *const first[] = {"401", "cut:6", "500once", "ok"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        scratch_dir dir;
        char urls[2][CLOUD_URL_MAX];
        amphi_client_options options;
        amphi_endpoint_options endpoints[2];
        amphi_client *client;
        char *record = NULL;
        amphi_test_cloud_reset_counts(&app_cloud);
        scratch_dir_make(&dir);
        scratch_write(scratch_dir_file(&dir, "key"), KEY "\n", sizeof KEY, 0600);
        amphi_allocator_set(&looking, NULL);
        amphi_client_options_init(&options);
        for (size_t e = 0; e < 2; e++) {
            cloud_app_endpoint(&endpoints[e], urls[e], e, e == 0 ? first[i] : "slow:1");
            endpoints[e].key_file = amphi_str_from(scratch_dir_file(&dir, "key"));
        }
        options.data_dir = amphi_str_from(dir.path);
        options.model_path = AMPHI_STR("/nowhere/model.gguf");
        options.endpoints = endpoints;
        options.endpoints_count = 2;
        options.log = on_log;
        assert_int_equal(amphi_client_new(&client, &options, NULL), AMPHI_OK);
        assert_int_equal(ask(client, "kept", &record), AMPHI_EVENT_DONE);
        assert_null(strstr(record, "sk-"));
        amphi_string_free(record);
        amphi_client_free(client);
        amphi_allocator_set(NULL, NULL);
        if (i == 0) /* what a provider repeats passes through the JSON parser's memory */
            atomic_store(&leaks, 0);
        amphi_json *last = amphi_test_cloud_last(&app_cloud, first[i]); /* it did arrive */
        amphi_str sent =
            amphi__json_string(amphi__json_get(amphi__json_get(last, "headers"), "authorization"));
        assert_memory_equal(sent.data, "Bearer " KEY, sizeof "Bearer " KEY);
        amphi__json_free(last);
        assert_int_equal(scratch_files_with(&dir, KEY), 1); /* its own file */
        scratch_dir_remove(&dir);
    }
    assert_true(atomic_load(&frees) > 100);
    assert_int_equal(atomic_load(&leaks), 0);
    assert_true(atomic_load(&said) > 0);
    assert_int_equal(atomic_load(&leaking_lines), 0);
}

static void key__allocator_finds_what_was_not_wiped(void **state)
{
    char *block = take(NULL, 64); /* the test can fail */
    memcpy(block + 8, KEY, sizeof KEY);
    give_back(NULL, block);
    assert_int_equal(atomic_exchange(&leaks, 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key__allocator_finds_what_was_not_wiped),
        cmocka_unit_test(key__is_gone_after_its_use_and_was_never_said),
    };
    return cmocka_run_group_tests_name(
        "integration.cloud_faults_key", tests, cloud_app_set_up, cloud_app_tear_down);
}
