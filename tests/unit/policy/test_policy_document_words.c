/* SPDX-License-Identifier: Apache-2.0
 *
 * What the policy document's fields take, in words.
 */
#include "policy/policy_document.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void words__say_value_limits_and_what_a_payload_may(void **state)
{
    static const struct {
        const char *field, *otherwise, *limits, *payload;
    } cases[] = {
        {"mode", "\"auto\"",
            "\"auto\", \"prefer_local\", \"prefer_cloud\", \"only_local\", \"only_cloud\"",
            "the same, but the app's \"only_local\" stays"},
        {"local.enabled", "true", "true, false", "the same"},
        {"cloud.enabled", "true", "true, false", "false, or the app's"},
        {"private_history", "\"local\"", "\"local\", \"omit\"", "\"local\", or the app's"},
        {"latency.over", "\"last\"", "\"refuse\", \"last\"", "\"last\", or the app's"},
        {"thermal.max", "\"fair\"", "\"nominal\", \"fair\", \"serious\", \"critical\"",
            "\"nominal\", \"fair\", \"serious\""},
        {"memory.max_percent", "70", "1 to 100", "20 to 90"},
        {"cloud.hedge_ms", "0", "0 to 3600000", "0, or 500 to 3600000"},
        {"cost.day_usd_max", "0", "0 to 1000000", "0.01 to 1000000, no more than the app's"},
        {"outbox.bytes_max", "67108864", "1024 to 4294967295", "the same"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[AMPHI_POLICY_WORDS_MAX];
        const amphi_policy_field *field = amphi__policy_field_named(cases[i].field, NULL);
        amphi__policy_value_text(text, field, field->otherwise);
        assert_string_equal(text, cases[i].otherwise);
        amphi__policy_limits_text(text, field);
        assert_string_equal(text, cases[i].limits);
        amphi__policy_payload_text(text, field);
        assert_string_equal(text, cases[i].payload);
    }
}

static void words__of_every_field_fit(void **state)
{
    size_t count;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    for (size_t i = 0; i < count; i++) {
        char text[AMPHI_POLICY_WORDS_MAX];
        assert_true(fields[i].floor >= fields[i].low && fields[i].ceiling <= fields[i].high);
        assert_true(fields[i].floor < fields[i].ceiling);
        amphi__policy_limits_text(text, &fields[i]);
        assert_in_range(strlen(text), 1, sizeof text - 2);
        amphi__policy_payload_text(text, &fields[i]);
        assert_in_range(strlen(text), 1, sizeof text - 2);
        /* What the app has by default is within a payload's reach. */
        bool is_none = fields[i].otherwise == 0 && (fields[i].steer == AMPHI_STEER_FREE_OR_0 ||
                                                       fields[i].steer == AMPHI_STEER_BOUND);
        assert_true(is_none || (fields[i].otherwise >= fields[i].floor &&
                                   fields[i].otherwise <= fields[i].ceiling));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words__say_value_limits_and_what_a_payload_may),
        cmocka_unit_test(words__of_every_field_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
