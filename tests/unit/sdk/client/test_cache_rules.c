/* SPDX-License-Identifier: Apache-2.0
 *
 * Which requests the response cache serves, by what they say and what the policy says.
 */
#include "sdk/client/cache_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct rules_case {
    const char *extra;  /* members of the body */
    const char *amphi;  /* members of "amphi" */
    const char *policy; /* the document */
    const char *may;    /* "r" read, "k" keep, "n" near */
} rules_case;

static const rules_case cases[] = {
    {"", "", "{}", ""}, /* the provider's own temperature: a joke is to be another one each time */
    {",\"temperature\":1", "", "{}", ""},
    {",\"temperature\":0", "", "{}", "rk"},
    {",\"temperature\":0.0", "", "{}", "rk"},
    {",\"temperature\":null", "", "{}", ""},
    {",\"temperature\":0.01", "", "{}", ""},
    {"", "\"cache\":\"exact\"", "{}", "rk"},
    {",\"temperature\":1", "\"cache\":\"near\"", "{}", "rkn"},
    {",\"temperature\":0", "\"cache\":\"off\"", "{}", ""},
    {",\"temperature\":0", "\"no_cache\":true", "{}", ""},
    {",\"temperature\":0", "\"no_cache\":true,\"cache\":\"near\"", "{}", ""},
    {",\"temperature\":0", "\"no_store\":true", "{}", "r"},
    {"", "\"no_store\":true,\"cache\":\"near\"", "{}", "rn"},
    {"", "", "{\"cache\":{\"sampled\":true}}", "rk"},
    {"", "", "{\"cache\":{\"near\":true}}", ""},
    {",\"temperature\":0", "", "{\"cache\":{\"near\":true}}", "rkn"},
    {"", "", "{\"cache\":{\"near\":true,\"sampled\":true}}", "rkn"},
    {"", "\"cache\":\"exact\"", "{\"cache\":{\"near\":true}}", "rk"},
    {"", "\"cache\":\"near\"", "{\"cache\":{\"ttl_s\":0}}", ""},
    {",\"temperature\":0,\"logprobs\":true", "", "{}", ""},
};

static void rules__table(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const rules_case *c = &cases[i];
        char json[256], may[4] = "";
        amphi_request request;
        amphi_policy policy;
        amphi_cache_rules rules;
        snprintf(json, sizeof json,
            "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]%s,\"amphi\":{%s}}", c->extra,
            c->amphi);
        assert_int_equal(amphi__request_from_json(&request, amphi_str_from(json), NULL), AMPHI_OK);
        amphi__policy_init(&policy);
        assert_int_equal(
            amphi__policy_apply_json(&policy, amphi_str_from(c->policy), NULL), AMPHI_OK);
        amphi__cache_rules(&rules, &request, &policy);
        snprintf(may, sizeof may, "%s%s%s", rules.may_read ? "r" : "", rules.may_keep ? "k" : "",
            rules.is_near ? "n" : "");
        if (strcmp(may, c->may) != 0)
            fail_msg("%s %s: \"%s\", not \"%s\"", json, c->policy, may, c->may);
        amphi__request_clear(&request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rules__table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
