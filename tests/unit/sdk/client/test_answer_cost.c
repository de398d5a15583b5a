/* SPDX-License-Identifier: Apache-2.0
 *
 * The provider's own word before usage and prices, those before an estimate; unknown is not 0.
 */
#include "sdk/client/answer_cost.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static amphi_attempt_bill with_usage(void)
{
    return (amphi_attempt_bill){.is_cloud = true,
        .price = {.is_known = true, .prompt = 1000000, .completion = 2000000, .cached = 500000},
        .has_usage = true,
        .usage = {.prompt_tokens = 1000, .completion_tokens = 100, .cached_tokens = 200}};
}

static void expect(const amphi_attempt_bill *bill, uint64_t cost, amphi_cost_source source)
{
    amphi_answer_cost got = amphi__answer_cost_of(bill);
    assert_int_equal(got.source, source);
    assert_int_equal(got.microdollars, cost);
}

static void cost__is_the_providers_word_else_usage_and_price(void **state)
{
    amphi_attempt_bill bill = with_usage();
    expect(&bill, 800 + 100 + 200, AMPHI_COST_SOURCE_PRICES);
    bill.has_provider_cost = true;
    bill.provider_cost = 5;
    expect(&bill, 5, AMPHI_COST_SOURCE_PROVIDER);
    bill.price.is_known = false;
    expect(&bill, 5, AMPHI_COST_SOURCE_PROVIDER);
    bill.has_provider_cost = false;
    expect(&bill, AMPHI_COST_UNKNOWN, AMPHI_COST_SOURCE_UNKNOWN);
    bill.is_cloud = false;
    expect(&bill, 0, AMPHI_COST_SOURCE_NONE);
}

static void cost__of_a_broken_answer_is_an_estimate(void **state)
{
    amphi_attempt_bill bill = with_usage();
    bill.has_usage = false;
    expect(&bill, 0, AMPHI_COST_SOURCE_NONE); /* the provider did not begin */
    bill.may_have_run = true;
    bill.prompt_bytes = 300;
    bill.answer_bytes = 31; /* 100 and 11 tokens */
    expect(&bill, 100 + 22, AMPHI_COST_SOURCE_ESTIMATE);
    bill.price.is_known = false;
    expect(&bill, AMPHI_COST_UNKNOWN, AMPHI_COST_SOURCE_UNKNOWN);
}

static void cost__is_read_where_providers_write_it(void **state)
{
    static const struct {
        const char *fields;
        bool found;
        uint64_t microdollars;
    } cases[] = {
        {"{\"chunk\":{\"usage\":{\"cost\":0.00014}}}", true, 140},
        {"{\"chunk\":{\"usage\":{\"cost\":0.0000001}}}", true, 1}, /* never too low */
        {"{\"chunk\":{\"usage\":{\"cost\":0}}}", true, 0},
        {"{\"chunk\":{\"usage\":{\"cost\":{\"total_cost\":0.006}}}}", true, 6000},
        {"{\"chunk\":{\"cost\":2}}", true, 2000000},
        {"{\"chunk\":{\"usage\":{\"cost\":-1}}}", false, 0},
        {"{\"chunk\":{\"usage\":{\"cost\":1e300}}}", false, 0},
        {"{\"chunk\":{\"usage\":{\"cost\":\"0.1\"}}}", false, 0},
        {"{\"chunk\":{\"usage\":{\"cost\":null}}}", false, 0},
        {"{\"delta\":{\"cost\":1}}", false, 0},
        {"{\"chunk\":{\"cost_details\":{}}}", false, 0},
        {"\"cost\"", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t got = 0;
        if (amphi__answer_cost_read(amphi_str_from(cases[i].fields), &got) != cases[i].found)
            fail_msg("%s", cases[i].fields);
        assert_int_equal(got, cases[i].microdollars);
    }
}

static void cost__of_two_attempts_is_as_certain_as_the_worse(void **state)
{
    const amphi_answer_cost none = {0, AMPHI_COST_SOURCE_NONE};
    const amphi_answer_cost priced = {10, AMPHI_COST_SOURCE_PRICES};
    const amphi_answer_cost said = {5, AMPHI_COST_SOURCE_PROVIDER};
    const amphi_answer_cost guessed = {3, AMPHI_COST_SOURCE_ESTIMATE};
    const amphi_answer_cost unknown = {AMPHI_COST_UNKNOWN, AMPHI_COST_SOURCE_UNKNOWN};
    const amphi_answer_cost all[] = {none, said, priced, guessed, unknown};
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 5; k++)
            assert_int_equal(
                amphi__answer_cost_join(all[i], all[k]).source, all[i > k ? i : k].source);
    assert_int_equal(amphi__answer_cost_join(priced, guessed).microdollars, 13);
    assert_int_equal(amphi__answer_cost_join(none, said).microdollars, 5);
    assert_int_equal(amphi__answer_cost_join(unknown, priced).microdollars, AMPHI_COST_UNKNOWN);
    assert_string_equal(amphi__cost_source_name(AMPHI_COST_SOURCE_ESTIMATE), "estimate");
}

static bool is_due(amphi_status status, int code, bool was_reached)
{
    const amphi_error error = {.status = status, .native_code = code};
    return amphi__answer_cost_is_due(&error, was_reached);
}

static void cost__is_due_where_the_provider_may_have_worked(void **state)
{
    assert_true(is_due(AMPHI_OK, 0, false));
    assert_true(is_due(AMPHI_E_TIMEOUT, 0, false));
    assert_true(is_due(AMPHI_E_CANCELLED, 0, false));
    assert_true(is_due(AMPHI_E_TRUNCATED, 0, false));
    assert_true(is_due(AMPHI_E_PROTOCOL, 200, true));
    assert_false(is_due(AMPHI_E_PROTOCOL, 307, true)); /* a redirection */
    assert_true(is_due(AMPHI_E_NETWORK, 0, true));
    assert_false(is_due(AMPHI_E_NETWORK, 0, false));
    assert_false(is_due(AMPHI_E_AUTH, 401, true));
    assert_false(is_due(AMPHI_E_RATE_LIMITED, 429, true));
}

static void cost__sign_of_an_answer_is_what_the_provider_sent(void **state)
{
    amphi_engine_event event = {.kind = AMPHI_ENGINE_ALIVE};
    assert_true(amphi__answer_cost_is_sign(&event));
    event.kind = AMPHI_ENGINE_LEARNED;
    assert_false(amphi__answer_cost_is_sign(&event));
    event.kind = AMPHI_ENGINE_FAIL;
    assert_false(amphi__answer_cost_is_sign(&event));
    event.bytes_received = 1;
    assert_true(amphi__answer_cost_is_sign(&event));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cost__is_due_where_the_provider_may_have_worked),
        cmocka_unit_test(cost__sign_of_an_answer_is_what_the_provider_sent),
        cmocka_unit_test(cost__is_the_providers_word_else_usage_and_price),
        cmocka_unit_test(cost__of_a_broken_answer_is_an_estimate),
        cmocka_unit_test(cost__is_read_where_providers_write_it),
        cmocka_unit_test(cost__of_two_attempts_is_as_certain_as_the_worse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
