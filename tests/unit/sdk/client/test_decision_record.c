/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy documents behind the records: each once, the last ones, in the store.
 */
#include "sdk/client/decision_record.h"

#include "sdk/client/client.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct seen {
    size_t count;
    char first[AMPHI_POLICY_DIGEST_SIZE], last[AMPHI_POLICY_DIGEST_SIZE];
    char total[32];
} seen;

static bool see(void *user, amphi_str digest, amphi_str document)
{
    seen *s = user;
    char *to = s->count++ == 0 ? s->first : s->last;
    assert_int_equal(digest.size, AMPHI_POLICY_DIGEST_SIZE - 1);
    memcpy(to, digest.data, digest.size);
    const char *total = strstr(document.data, "\"total_ms\":");
    assert_non_null(total);
    snprintf(s->total, sizeof s->total, "%.20s", total);
    return true;
}

static void policies__each_is_kept_once_and_the_oldest_go(void **state)
{
    chat_fixture f;
    amphi_policy policy;
    seen s = {0};
    amphi_buf found;
    char oldest[AMPHI_POLICY_DIGEST_SIZE] = "";
    chat_fixture_open(&f, says_hello, says_hello);
    amphi__policy_init(&policy);
    for (uint32_t i = 0; i < AMPHI_POLICIES_KEPT_MAX + 9; i++) {
        policy.total_ms = 60000 + i;
        amphi__decision_record_keep_policy(f.client, &policy);
        amphi__decision_record_keep_policy(f.client, &policy);
        if (i == 0) {
            assert_true(amphi__decision_record_visit_policies(f.parts.store, see, &s));
            assert_int_equal(s.count, 1);
            memcpy(oldest, s.first, sizeof oldest);
        }
    }
    s = (seen){0};
    assert_true(amphi__decision_record_visit_policies(f.parts.store, see, &s));
    assert_int_equal(s.count, AMPHI_POLICIES_KEPT_MAX);
    assert_string_equal(s.total, "\"total_ms\":60040,\"lo");
    assert_string_not_equal(s.first, oldest);
    amphi__buf_init(&found, 0);
    assert_false(amphi__decision_record_find_policy(f.parts.store, amphi_str_from(oldest), &found));
    assert_true(amphi__decision_record_find_policy(f.parts.store, amphi_str_from(s.last), &found));
    assert_false(amphi__decision_record_find_policy(
        f.parts.store, AMPHI_STR("0123456789abcdef0123456789abcdef"), &found));
    amphi__buf_clear(&found);
    chat_fixture_close(&f);
}

/* Another process has kept it, or this one in an earlier life. */
static void policies__one_that_is_there_is_not_written_again(void **state)
{
    chat_fixture f;
    amphi_policy policy;
    seen s = {0};
    chat_fixture_open(&f, says_hello, says_hello);
    amphi__policy_init(&policy);
    amphi__decision_record_keep_policy(f.client, &policy);
    amphi_client *other = chat_fixture_client(&f, NULL);
    amphi__decision_record_keep_policy(other, &policy);
    assert_true(amphi__decision_record_visit_policies(f.parts.store, see, &s));
    assert_int_equal(s.count, 1);
    amphi_client_free(other);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies__each_is_kept_once_and_the_oldest_go),
        cmocka_unit_test(policies__one_that_is_there_is_not_written_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
