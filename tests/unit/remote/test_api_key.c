/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the API key comes from, what is not a key, and that no message holds it.
 */
#include "remote/api_key.h"
#include "sdk/core/error.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char key_path[] = "/tmp/amphi-api-key-XXXXXX";

/* Knows the endpoint "mine" only; self is what it answers for it. */
static amphi_status provide(
    void *self, amphi_str endpoint, char *out, size_t capacity, size_t *size, amphi_error *error)
{
    const amphi_error *failure = self;
    if (endpoint.size != 4 || memcmp(endpoint.data, "mine", 4) != 0)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "no key");
    if (failure != NULL)
        return amphi__fail(error, failure->status, 0, "%s", failure->message);
    memcpy(out, "provided", 8);
    *size = 8;
    return AMPHI_OK;
}

static const amphi_keys_ops provider_ops = {
    .struct_size = sizeof provider_ops, .name = "test", .api_key = provide};

static void write_key(const char *data, size_t size)
{
    FILE *file = fopen(key_path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void assert_authorization(const amphi_api_key_source *source, const char *expected)
{
    amphi_buf out;
    amphi_error error;
    amphi__error_clear(&error);
    amphi__buf_init(&out, 0);
    assert_int_equal(amphi__api_key_authorization(&out, source, &error), AMPHI_OK);
    assert_int_equal(error.status, AMPHI_OK);
    assert_int_equal(out.size, strlen(expected));
    assert_memory_equal(out.data != NULL ? out.data : "", expected, out.size);
    amphi__buf_wipe(&out);
}

static void assert_failure(
    const amphi_api_key_source *source, amphi_status expected, const char *words)
{
    amphi_buf out;
    amphi_error error;
    amphi__buf_init(&out, 0);
    assert_int_equal(amphi__api_key_authorization(&out, source, &error), expected);
    assert_int_equal(error.status, expected);
    assert_non_null(strstr(error.message, words));
    assert_null(strstr(error.message, "SECRET"));
    assert_int_equal(out.size, 0);
    amphi__buf_wipe(&out);
}

static void api_key__provider_counts_before_the_file(void **state)
{
    write_key(" from-file\r\n", 12);
    amphi_api_key_source source = {"mine", key_path, {&provider_ops, NULL}};
    assert_authorization(&source, "Bearer provided");
    source.endpoint = "other"; /* which the provider does not know */
    assert_authorization(&source, "Bearer from-file");
    source.keys.ops = NULL;
    assert_authorization(&source, "Bearer from-file");
    amphi_error failure = {.status = AMPHI_E_IO, .message = "locked"};
    source = (amphi_api_key_source){"mine", key_path, {&provider_ops, &failure}};
    assert_failure(&source, AMPHI_E_IO, "locked"); /* the file is no way round it */
}

static void api_key__none_is_configured(void **state)
{
    const amphi_api_key_source source = {"other", "", {&provider_ops, NULL}};
    assert_authorization(&source, "");
}

static void api_key__what_is_not_a_key_is_refused(void **state)
{
    const amphi_api_key_source source = {"e", key_path, {NULL, NULL}};
    write_key("", 0);
    assert_failure(&source, AMPHI_E_FORMAT, "endpoint e: the key must be one line");
    write_key("SECRET\nX-Header: 1", 18);
    assert_failure(&source, AMPHI_E_FORMAT, "one line");
    write_key("SECRET\xC3\xA9", 8);
    assert_failure(&source, AMPHI_E_FORMAT, "ASCII");
    static char longest[4096];
    memset(longest, 'k', sizeof longest);
    write_key(longest, sizeof longest);
    assert_failure(&source, AMPHI_E_FORMAT, "too long"); /* 4 KiB and more may be cut */
    write_key(longest, sizeof longest - 1);
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(amphi__api_key_authorization(&out, &source, NULL), AMPHI_OK);
    assert_int_equal(out.size, sizeof longest - 1 + 7);
    amphi__buf_wipe(&out);
}

static void api_key__file_that_cannot_be_read(void **state)
{
    amphi_api_key_source source = {"e", "/nonexistent/key", {NULL, NULL}};
    assert_failure(&source, AMPHI_E_NOT_FOUND, "endpoint e: the key file can't be read");
    source.key_file = "/tmp"; /* a folder opens, but can't be read */
    assert_failure(&source, AMPHI_E_IO, "endpoint e: the key file can't be read");
}

static int make_key_file(void **state)
{
    int fd = mkstemp(key_path);
    return fd >= 0 && close(fd) == 0 ? 0 : -1;
}

static int remove_key_file(void **state)
{
    return unlink(key_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(api_key__provider_counts_before_the_file),
        cmocka_unit_test(api_key__none_is_configured),
        cmocka_unit_test(api_key__what_is_not_a_key_is_refused),
        cmocka_unit_test(api_key__file_that_cannot_be_read),
    };
    return cmocka_run_group_tests_name(
        "unit.remote.api_key", tests, make_key_file, remove_key_file);
}
