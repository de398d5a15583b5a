/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions of the gray release: what JavaScript says, in linear time, for any bytes.
 */
#include "policy/growthbook.h"
#include "sdk/core/buf.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

/* With all steps that a payload has. */
static bool regex(amphi_str pattern, amphi_str text, bool ignore_case, bool *valid)
{
    uint32_t steps_left = AMPHI_GB_STEPS_MAX;
    return amphi__gb_regex(pattern, text, ignore_case, &steps_left, valid);
}

/* The last column is what RegExp.test says, but for the last group. */
static const struct {
    const char *pattern, *text;
    bool found;
} javascript[] = {
    {"", "", true},
    {"a", "cat", true},
    {"^a", "cat", false},
    {"t$", "cat", true},
    {"^$", "", true},
    {"^$", "x", false},
    {"a|b|c", "xxc", true},
    {"^(a|bc)+$", "abcbca", true},
    {"^(a|bc)+$", "abcb", false},
    {"^a{2}$", "aa", true},
    {"^a{2}$", "aaa", false},
    {"^a{2,}$", "aaaa", true},
    {"^a{2,3}$", "aaaa", false},
    {"^a{2,3}$", "aaa", true},
    {"^a{0}$", "", true},
    {"^(ab){1,2}c$", "ababc", true},
    {"^(ab){0,2}c$", "ababc", true},
    {"^(ab){0,2}c$", "abababc", false},
    {"a{,3}", "a{,3}", true},
    {"^a+?b*?c??$", "aab", true},
    {"[a-c]x", "bx", true},
    {"[^a-c]x", "bx", false},
    {"[]x", "x", false},
    {"[^]x", "yx", true},
    {"[a\\]b]", "]", true},
    {"[-a]", "-", true},
    {"[a-]", "-", true},
    {"[\\d.]+$", "v1.2", true},
    {"^\\d+\\.\\d+$", "10.25", true},
    {"\\D", "123", false},
    {"^\\w+$", "ab_9", true},
    {"\\W", "ab_9", false},
    {"^\\s\\S$", " x", true},
    {"\\bcat\\b", "a cat!", true},
    {"\\bcat\\b", "concat", false},
    {"\\Bcat", "concat", true},
    {".", "\n", false},
    {"^.$", "\xc3\xa9", true},
    {"\\u00e9", "caf\xc3\xa9", true},
    {"\\x41", "A", true},
    {"(?:ab)+c", "xababc", true},
    {"a\\/b", "a/b", true},
    {"-12-25$", "1980-12-25", true},
    {"^(?:(?:a|b)|c)d$", "cd", true},
    {"(a*)*b", "aaab", true},
    {"(|a)b", "b", true},
    {"a**", "a", false},
    {"(", "(", false},
    {")", ")", false},
    {"[a", "a", false},
    {"a{3,2}", "aaa", false},
    {"^*a", "a", false},
    {"a\\b+", "a", false},
    {"(^)*a", "a", true},
    {"(?=a)a", "a", false},  /* look-around: unsupported, so never */
    {"(a)\\1", "aa", false}, /* back reference: likewise */
    {"\\", "\\", false},
};

static void regex__agrees_with_javascript(void **state)
{
    for (size_t i = 0; i < sizeof javascript / sizeof javascript[0]; i++) {
        bool found = regex(
            amphi_str_from(javascript[i].pattern), amphi_str_from(javascript[i].text), false, NULL);
        if (found != javascript[i].found)
            fail_msg("/%s/ on \"%s\": %d", javascript[i].pattern, javascript[i].text, found);
    }
    assert_true(regex(AMPHI_STR("^MoBile[a-f]$"), AMPHI_STR("mObileC"), true, NULL));
}

static void regex__hostile_patterns_cost_linear_time(void **state)
{
    char text[5001];
    bool valid = false;
    memset(text, 'a', 5000);
    text[5000] = '\0';
    /* Exponential in a backtracking matcher. */
    assert_false(regex(AMPHI_STR("^(a+)+b|(a*)*c"), amphi_str_from(text), false, &valid));
    assert_true(valid);
    assert_false(regex(AMPHI_STR("^(a|aa)+b$"), amphi_str_from(text), false, &valid));
    assert_true(valid);
    assert_false(
        regex(AMPHI_STR("((a{1,100}){1,100}){1,100}"), amphi_str_from(text), false, &valid));
    assert_false(valid); /* its program would be too long */
    char deep[2000];
    memset(deep, '(', sizeof deep);
    assert_false(regex(amphi_str_make(deep, sizeof deep), AMPHI_STR("a"), false, &valid));
    assert_false(valid);
}

/* What JSON says, as a condition on {"id":"aaa...","rest":...}; how it ended, and what it cost. */
static bool evaluate(const char *condition, const char *text, uint32_t *steps_left, double *cpu_s)
{
    amphi_json *rule = NULL;
    amphi_json *attributes = NULL;
    amphi_buf json;
    struct timespec from;
    struct timespec to;
    amphi__buf_init(&json, 0);
    amphi__buf_printf(&json, "{\"id\":\"%s\"}", text);
    assert_int_equal(amphi__json_parse(&rule, amphi_str_from(condition), "rule", NULL), AMPHI_OK);
    assert_int_equal(
        amphi__json_parse(&attributes, amphi__buf_str(&json), "attributes", NULL), AMPHI_OK);
    amphi_gb gb;
    amphi__gb_init(&gb, NULL, attributes);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    bool holds = amphi__gb_condition(&gb, attributes, false, rule);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    *steps_left = gb.steps_left;
    *cpu_s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    amphi__json_free(rule);
    amphi__json_free(attributes);
    amphi__buf_clear(&json);
    return holds;
}

static const char uuid[] = "3e4666bf-d5e5-4aa7-b8ce-cefe41c7568a";

/* The pattern, or what it says of the text, is what costs: each kind of work, some ten thousand
 * times. A payload has room for that. */
static void regex__a_payload_of_costly_patterns_is_too_much(void **state)
{
    static const char *const patterns[] = {
        "^(?:.?){240}z$",                                   /* many threads at every place */
        "[a0-9b-dfx-z]{90}z|[^a-f]{90}",                    /* each asks many ranges */
        "(((((((((((((((.*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*z", /* splits in splits */
        "(?:.{300}){0}(?:.{300}){0}(?:.{300}){0}z",         /* a long program that is thrown away */
        "(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)(?:)",
    };
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        amphi_buf rules;
        amphi__buf_init(&rules, 0);
        amphi__buf_append_c(&rules, "{\"$or\":[");
        for (unsigned k = 0; k < 15000; k++)
            amphi__buf_printf(
                &rules, "%s{\"id\":{\"$regex\":\"%sz%u\"}}", k > 0 ? "," : "", patterns[i], k);
        amphi__buf_append_c(&rules, "]}");
        uint32_t steps_left = 0;
        double cpu_s = 0;
        bool holds = evaluate(rules.data, uuid, &steps_left, &cpu_s);
        printf("%.40s: %.3f s, %u steps left\n", patterns[i], cpu_s, steps_left);
        assert_false(holds);
        assert_int_equal(steps_left, 0);
        assert_true(cpu_s < 3); /* generous: sanitizers */
        amphi__buf_clear(&rules);
    }
}

static void regex__ordinary_patterns_are_affordable(void **state)
{
    static const char *const patterns[] = {"^[0-9a-f]{8}-", "-(?:aa|bb|cc)[0-9]$",
        "\\\\d+\\\\.\\\\d+\\\\.\\\\d+", "^(?:pixel|galaxy) .*$"};
    amphi_buf rules;
    amphi__buf_init(&rules, 0);
    amphi__buf_append_c(&rules, "{\"$or\":[");
    for (unsigned k = 0; k < 400; k++)
        amphi__buf_printf(&rules, "%s{\"id\":{\"$regex\":\"%u%s\"}}", k > 0 ? "," : "", k,
            patterns[k % (sizeof patterns / sizeof patterns[0])]);
    amphi__buf_append_c(&rules, ",{\"id\":{\"$regex\":\"^3e46\"}}]}");
    uint32_t steps_left = 0;
    double cpu_s = 0;
    assert_true(evaluate(rules.data, uuid, &steps_left, &cpu_s));
    assert_in_range(steps_left, AMPHI_GB_STEPS_MAX / 2, AMPHI_GB_STEPS_MAX - 401);
    amphi__buf_clear(&rules);
}

/* Without steps a pattern is neither found nor not found, but not evaluated. */
static void regex__without_steps_nothing_is_found(void **state)
{
    for (uint32_t steps = 0; steps < 40; steps++) {
        uint32_t left = steps;
        bool valid = false;
        bool found = amphi__gb_regex(AMPHI_STR("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-"),
            amphi_str_from(uuid), false, &left, &valid);
        assert_int_equal(found, valid); /* as soon as there are enough */
        assert_true(left == 0 || (valid && left < steps));
        assert_true(valid || left == 0);
        assert_true(steps > 0 || !valid);
        assert_true(steps < 39 || valid);
    }
}

static uint32_t roll(uint64_t *random, uint32_t sides)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*random >> 33) % sides);
}

static bool matches(const char *pattern, amphi_str text, bool *valid)
{
    return regex(amphi_str_from(pattern), text, false, valid);
}

/* A pattern that is read as a whole means the same inside a group, and beside itself; one that is
 * invalid occurs nowhere; and no text makes a difference to that. */
static void regex__arbitrary_bytes_mean_the_same_in_a_group(void **state)
{
    static const char alphabet[] = "ab()[]{}|*+?^$\\dwb.-,1290\xc3\xa9\xff";
    uint64_t random = 7;
    unsigned count_valid = 0;
    unsigned count_found = 0;
    for (unsigned round = 0; round < 20000; round++) {
        char pattern[25] = "";
        char text[16];
        size_t size = 1 + round % 8; /* long ones are hardly ever valid */
        for (size_t i = 0; i < size; i++)
            pattern[i] = alphabet[roll(&random, sizeof alphabet - 1)];
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = alphabet[roll(&random, sizeof alphabet - 1)];
        amphi_str subject = amphi_str_make(text, round % sizeof text);
        bool valid = false;
        bool valid_elsewhere = false;
        bool found = matches(pattern, subject, &valid);
        (void)matches(pattern, AMPHI_STR("ab12"), &valid_elsewhere);
        assert_int_equal(valid, valid_elsewhere);
        if (!valid) {
            assert_false(found);
            continue;
        }
        char group[80];
        char twice[80];
        snprintf(group, sizeof group, "(?:%s)", pattern);
        snprintf(twice, sizeof twice, "(%s)|(?:%s)", pattern, pattern);
        if (matches(group, subject, &valid) != found || !valid ||
            matches(twice, subject, &valid) != found || !valid)
            fail_msg("/%s/ on \"%.*s\": %d, but not in a group", pattern, (int)subject.size,
                subject.data, found);
        count_valid++;
        count_found += found;
    }
    assert_in_range(count_valid, 2000, 18000); /* all three verdicts occurred */
    assert_in_range(count_found, 500, count_valid - 500);
}

/* Patterns of what JavaScript's and POSIX's extended syntax have in common. */
static void append_pattern(amphi_buf *out, uint64_t *random, int depth)
{
    static const char *const atoms[] = {"a", "b", "c", ".", "[ab]", "[^a]", "[a-c]", "[^ab]"};
    static const char *const repeats[] = {"", "", "", "*", "+", "?", "{2}", "{0,2}", "{1,}"};
    uint32_t pieces = 1 + roll(random, 3);
    for (uint32_t i = 0; i < pieces; i++) {
        if (depth > 0 && roll(random, 3) == 0) {
            amphi__buf_append_c(out, "(");
            append_pattern(out, random, depth - 1);
            amphi__buf_append_c(out, ")");
        } else {
            amphi__buf_append_c(out, atoms[roll(random, sizeof atoms / sizeof atoms[0])]);
        }
        amphi__buf_append_c(out, repeats[roll(random, sizeof repeats / sizeof repeats[0])]);
    }
    if (depth > 0 && roll(random, 3) == 0) {
        amphi__buf_append_c(out, "|");
        append_pattern(out, random, depth - 1);
    }
}

static void regex__agrees_with_the_c_library_on_the_common_syntax(void **state)
{
    uint64_t random = 11;
    unsigned count_found = 0;
    enum { ROUNDS = 3000 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        amphi_buf pattern;
        amphi__buf_init(&pattern, 0);
        bool anchored = roll(&random, 2) == 0;
        amphi__buf_append_c(&pattern, anchored ? "^(" : "");
        append_pattern(&pattern, &random, 2);
        amphi__buf_append_c(&pattern, anchored ? ")$" : "");
        regex_t reference;
        assert_int_equal(regcomp(&reference, pattern.data, REG_EXTENDED | REG_NOSUB), 0);
        for (int i = 0; i < 8; i++) {
            char text[12] = "";
            uint32_t size = roll(&random, sizeof text);
            for (uint32_t k = 0; k < size; k++)
                text[k] = "abcd"[roll(&random, 4)];
            bool valid = false;
            bool found = matches(pattern.data, amphi_str_from(text), &valid);
            assert_true(valid);
            if (found != (regexec(&reference, text, 0, NULL, 0) == 0))
                fail_msg("/%s/ on \"%s\": %d", pattern.data, text, found);
            count_found += found;
        }
        regfree(&reference);
        amphi__buf_clear(&pattern);
    }
    assert_in_range(count_found, ROUNDS, 7 * ROUNDS); /* both verdicts occurred */
}

/* A hundred patterns of 480 states each, as a payload may have them by the thousand: the evaluation
 * ends long before they are all tried, and says so. */
static void regex__states_are_charged(void **state)
{
    (void)state;
    amphi_gb gb;
    char text[3001];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    amphi__gb_init(&gb, NULL, NULL);
    bool valid = false;
    unsigned tried = 0;
    for (; tried < 100 && gb.steps_left > 0; tried++)
        assert_false(amphi__gb_regex(AMPHI_STR("(([a-z]{1,40}){1,12}x)*$1"), amphi_str_from(text),
            false, &gb.steps_left, &valid));
    assert_int_equal(gb.steps_left, 0);
    assert_in_range(tried, 1, 10);
    amphi__gb_init(&gb, NULL, NULL); /* an ordinary one costs next to nothing */
    assert_true(amphi__gb_regex(AMPHI_STR("@example\\.com$"), AMPHI_STR("someone@example.com"),
        false, &gb.steps_left, &valid));
    assert_in_range(gb.steps_left, AMPHI_GB_STEPS_MAX - 200, AMPHI_GB_STEPS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regex__agrees_with_javascript),
        cmocka_unit_test(regex__hostile_patterns_cost_linear_time),
        cmocka_unit_test(regex__a_payload_of_costly_patterns_is_too_much),
        cmocka_unit_test(regex__ordinary_patterns_are_affordable),
        cmocka_unit_test(regex__without_steps_nothing_is_found),
        cmocka_unit_test(regex__arbitrary_bytes_mean_the_same_in_a_group),
        cmocka_unit_test(regex__agrees_with_the_c_library_on_the_common_syntax),
        cmocka_unit_test(regex__states_are_charged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
