/* SPDX-License-Identifier: Apache-2.0
 *
 * Which servers the cloud engine lets in, and what its requests carry.
 */
#include "remote/remote.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "tests/support/cloud_question.h"
#include "tests/support/engine_recorder.h"
#include "tests/support/memory_peak.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_whole(const cloud_outcome *o)
{
    if (!o->record.finished)
        print_message("%s\n", o->record.error.message);
    assert_true(o->record.finished);
    cloud_expect_text(o, AMPHI_TEST_CLOUD_ANSWER);
}

typedef struct tls_case {
    const char *listener;
    const char *pin_of; /* a pin of this listener's key; NULL: no pins */
    const char *backup_pin_of;
    bool tls12;
    bool accepted;
    amphi_status status;
} tls_case;

static const tls_case tls_cases[] = {
    {"main", NULL, NULL, false, true, AMPHI_OK},
    {"tls13", NULL, NULL, false, true, AMPHI_OK},
    {"tls13", NULL, NULL, true, true, AMPHI_OK},
    {"chained", NULL, NULL, false, true, AMPHI_OK},
    {"wrong-host", NULL, NULL, false, false, AMPHI_E_TLS},
    {"no-names", NULL, NULL, false, true, AMPHI_OK}, /* curl still reads a common name */
    {"wildcard", NULL, NULL, false, false, AMPHI_E_TLS},
    {"expired", NULL, NULL, false, false, AMPHI_E_TLS},
    {"not-yet", NULL, NULL, false, false, AMPHI_E_TLS},
    {"self-signed", NULL, NULL, false, false, AMPHI_E_TLS},
    {"other-authority", NULL, NULL, false, false, AMPHI_E_TLS},
    {"by-leaf", NULL, NULL, false, false, AMPHI_E_TLS},
    {"chain-missing", NULL, NULL, false, false, AMPHI_E_TLS},
    {"client-only", NULL, NULL, false, false, AMPHI_E_TLS},
    {"weak-key", NULL, NULL, false, false, AMPHI_E_TLS},
    {"main", "main", NULL, false, true, AMPHI_OK},
    {"main", "rotated", NULL, false, false, AMPHI_E_TLS},
    {"main", "rotated", "main", false, true, AMPHI_OK},    /* the backup pin fits */
    {"rotated", "main", NULL, false, false, AMPHI_E_TLS},  /* stale pin after rotation */
    {"rotated", "main", "rotated", false, true, AMPHI_OK}, /* rotation with a backup */
    {"main", "ca", NULL, false, false, AMPHI_E_TLS},       /* only the leaf's key counts */
    {"self-signed", "self-signed", NULL, false, false, AMPHI_E_TLS}, /* a pin is no pardon */
    {"expired", "expired", NULL, false, false, AMPHI_E_TLS},
    {"wrong-host", "wrong-host", NULL, false, false, AMPHI_E_TLS},
    {"other-authority", "other-authority", NULL, false, false, AMPHI_E_TLS},
    {"tls12", NULL, NULL, false, false, AMPHI_E_TLS},
    {"tls12", NULL, NULL, true, true, AMPHI_OK},
    {"tls12", "rotated", NULL, true, false, AMPHI_E_TLS},
    {"tls11", NULL, NULL, false, false, AMPHI_E_TLS},
    {"tls11", NULL, NULL, true, false, AMPHI_E_TLS},
};

static void check_tls_case(const tls_case *c)
{
    cloud_outcome o;
    char pins[256] = "";
    amphi_test_cloud_reset_counts(&test_cloud);
    if (c->pin_of != NULL) {
        amphi_str pin = amphi_test_cloud_pin(&test_cloud, c->pin_of);
        amphi_str backup =
            amphi_test_cloud_pin(&test_cloud, c->backup_pin_of != NULL ? c->backup_pin_of : "");
        snprintf(pins, sizeof pins, "%.*s%s%.*s", (int)pin.size, pin.data,
            backup.size > 0 ? ";" : "", (int)backup.size, backup.size > 0 ? backup.data : "");
    }
    cloud_ask(&o, &(cloud_question){.listener = c->listener, .pins = pins, .tls12 = c->tls12});
    int64_t bytes = amphi_test_cloud_bytes(&test_cloud, c->listener);
    if (o.record.finished != c->accepted || o.record.error.status != c->status) {
        print_message("%s pin %s tls12 %d: finished %d, %s: %s\n", c->listener,
            or_else(c->pin_of, "-"), c->tls12, o.record.finished,
            amphi_status_name(o.record.error.status), o.record.error.message);
    }
    assert_int_equal(o.record.finished, c->accepted);
    assert_int_equal(o.record.error.status, c->status);
    if (c->accepted)
        assert_true(bytes > 0);
    else
        assert_int_equal(bytes, 0);
    engine_recorder_clear(&o.record);
}

/* All on one transport: a connection or a TLS session that was good for one set of options must
 * not let another one in. Twice, so that there are sessions to be resumed. */
static void tls__only_the_documented_servers_see_a_byte(void **state)
{
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof tls_cases / sizeof *tls_cases; i++)
            check_tls_case(&tls_cases[i]);
}

static void tls__given_ca_file_replaces_the_systems_and_must_be_readable(void **state)
{
    cloud_outcome o;
    amphi_test_cloud_reset_counts(&test_cloud);
    cloud_ask(
        &o, &(cloud_question){.ca_file = ""}); /* the system's authorities don't know badcloud's */
    assert_int_equal(o.record.error.status, AMPHI_E_TLS);
    engine_recorder_clear(&o.record);
    cloud_ask(&o, &(cloud_question){.ca_file = "/does/not/exist.pem"});
    assert_int_equal(o.record.error.status, AMPHI_E_TLS);
    engine_recorder_clear(&o.record);
    cloud_ask(&o, &(cloud_question){.ca_file = "/dev/null"});
    assert_int_equal(o.record.error.status, AMPHI_E_TLS);
    engine_recorder_clear(&o.record);
    assert_int_equal(amphi_test_cloud_bytes(&test_cloud, "main"), 0);
}

static void http__plain_is_refused_except_to_loopback_by_option(void **state)
{
    static const char *const refused[] = {"http://example.com/v1",
        "http://127.0.0.1.example.com/v1", "http://localhost.example.com/v1", "http://127.1/v1",
        "http://0x7f.0.0.1/v1", "http://user@127.0.0.1/v1", "http://127.0.0.1@example.com/v1",
        "http://[::2]/v1", "http://10.0.0.1/v1", "ftp://localhost/v1", "file:///etc/passwd",
        "http://localhost\\@example.com/v1", "https://localhost:0/v1", "https://"};
    cloud_outcome o;
    amphi_test_cloud_reset_counts(&test_cloud);
    cloud_ask(&o, &(cloud_question){.listener = "plain"});
    assert_int_equal(o.new_status, AMPHI_E_ARGUMENT);
    assert_int_equal(amphi_test_cloud_connections(&test_cloud, "plain"), 0);
    engine_recorder_clear(&o.record);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        cloud_ask(&o, &(cloud_question){.url = refused[i], .http_loopback = true});
        assert_int_equal(o.new_status, AMPHI_E_ARGUMENT);
        engine_recorder_clear(&o.record);
    }
    cloud_ask(&o, &(cloud_question){.listener = "plain", .http_loopback = true});
    assert_whole(&o);
    engine_recorder_clear(&o.record);
}

static void http__proxy_is_never_used_for_loopback(void **state)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY"};
    cloud_outcome o;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    cloud_ask(&o, &(cloud_question){.listener = "plain", .http_loopback = true});
    assert_whole(&o);
    engine_recorder_clear(&o.record);
    cloud_ask(&o, &(cloud_question){.scenario = "ok"});
    assert_whole(&o);
    engine_recorder_clear(&o.record);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static void http__redirects_are_not_followed(void **state)
{
    cloud_outcome o;
    amphi_test_cloud_reset_counts(&test_cloud);
    cloud_ask(&o, &(cloud_question){.scenario = "redirect:test_http", .http_loopback = true});
    assert_int_equal(o.record.error.status, AMPHI_E_PROTOCOL);
    assert_int_equal(amphi_test_cloud_connections(&test_cloud, "plain"), 0);
    engine_recorder_clear(&o.record);
    cloud_ask(&o, &(cloud_question){.scenario = "redirect:https"});
    assert_int_equal(o.record.error.status, AMPHI_E_PROTOCOL);
    assert_int_equal(amphi_test_cloud_connections(&test_cloud, "rotated"), 0);
    engine_recorder_clear(&o.record);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void request__carries_key_agent_and_idempotency_key(void **state)
{
    char path[] = "/tmp/amphi-key-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_file(path, KEY "\n");
    cloud_outcome o;
    cloud_ask(&o, &(cloud_question){.key_file = path, .idempotency_key = "idem-1"});
    assert_whole(&o);
    engine_recorder_clear(&o.record);
    amphi_json *last = amphi_test_cloud_last(&test_cloud, "ok");
    const amphi_json *headers = amphi__json_get(last, "headers");
    assert_true(amphi__str_equal_c(
        amphi__json_string(amphi__json_get(headers, "authorization")), "Bearer " KEY));
    assert_true(amphi__str_equal_c(
        amphi__json_string(amphi__json_get(headers, "idempotency-key")), "idem-1"));
    assert_true(amphi__str_starts_with(
        amphi__json_string(amphi__json_get(headers, "user-agent")), AMPHI_STR("amphi/")));
    amphi__json_free(last);

    cloud_ask(&o,
        &(cloud_question){.scenario = "401", .key_file = path}); /* a server that repeats the key */
    assert_int_equal(o.record.error.status, AMPHI_E_AUTH);
    assert_null(strstr(o.record.error.message, "sk-"));
    engine_recorder_clear(&o.record);
    unlink(path);
}

static void request__bad_key_file_is_refused_before_any_byte(void **state)
{
    char path[] = "/tmp/amphi-key-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    static const char *const bad[] = {
        KEY "\nX-Evil: 1\n", "two words", "", "\n", "gr\xC3\xBC\xC3\x9F"};
    amphi_test_cloud_reset_counts(&test_cloud);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cloud_outcome o;
        write_file(path, bad[i]);
        cloud_ask(&o, &(cloud_question){.key_file = path});
        assert_int_equal(o.start_status, AMPHI_E_FORMAT);
        assert_null(strstr(o.error.message, "sk-"));
        engine_recorder_clear(&o.record);
    }
    unlink(path);
    cloud_outcome o;
    cloud_ask(&o, &(cloud_question){.key_file = path});
    assert_int_equal(o.start_status, AMPHI_E_NOT_FOUND);
    assert_false(o.info.available);
    assert_true(o.info.why[0] != '\0');
    engine_recorder_clear(&o.record);
    assert_int_equal(amphi_test_cloud_bytes(&test_cloud, "main"), 0);
}

static void request__header_injection_is_refused(void **state)
{
    cloud_outcome o;
    cloud_ask(&o, &(cloud_question){.idempotency_key = "a\r\nX-Evil: 1"});
    assert_int_equal(o.start_status, AMPHI_E_ARGUMENT);
    engine_recorder_clear(&o.record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls__only_the_documented_servers_see_a_byte),
        cmocka_unit_test(tls__given_ca_file_replaces_the_systems_and_must_be_readable),
        cmocka_unit_test(http__plain_is_refused_except_to_loopback_by_option),
        cmocka_unit_test(http__proxy_is_never_used_for_loopback),
        cmocka_unit_test(http__redirects_are_not_followed),
        cmocka_unit_test(request__carries_key_agent_and_idempotency_key),
        cmocka_unit_test(request__bad_key_file_is_refused_before_any_byte),
        cmocka_unit_test(request__header_injection_is_refused),
    };
    return cmocka_run_group_tests_name(
        "integration.remote_trust", tests, cloud_question_set_up, cloud_question_tear_down);
}
