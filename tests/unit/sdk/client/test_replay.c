/* SPDX-License-Identifier: Apache-2.0
 *
 * A recorded decision gives the same plan; under another document what differs is said, with the
 * fields that make the difference.
 */
#include "sdk/client/decision_inputs.h"
#include "sdk/client/stream.h"
#include "tests/support/policy_scene.h"

#include <amphi/replay.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define POLICY                                                                                     \
    "{\"cost\":{\"day_usd_max\":0.123457},\"latency\":{\"tokens_per_second_min\":3.3},"            \
    "\"battery\":{\"min_percent\":20}}"

/* A record of the scene's decision under `policy`; without its document when that is NULL. */
static void put_record(amphi_buf *out, policy_scene *s, int id, const char *policy)
{
    const amphi_preference preference = {0};
    amphi_json_writer writer;
    amphi__policy_init(&s->policy);
    if (policy != NULL)
        assert_int_equal(amphi__policy_apply_json(&s->policy, amphi_str_from(policy), NULL), 0);
    amphi__policy_explain(&s->plan, &s->policy, &s->facts);
    amphi__decision_finish(&s->plan, &s->policy, &s->facts, &preference);
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_int(&writer, "answer", id);
    amphi__record_decision(&writer, "decision", &s->plan.decision);
    amphi__json_open(&writer, "inputs", '{');
    amphi__json_put_str(&writer, "version", amphi_str_from("0.0.9"));
    amphi__json_put_str(&writer, "policy", amphi_str_from("0123456789abcdef"));
    amphi__decision_inputs_write(&writer, &s->facts, &preference);
    amphi__json_close(&writer, '}');
    if (policy != NULL)
        amphi__json_put_raw(&writer, "document", amphi_str_from(policy));
    amphi__json_close(&writer, '}');
    amphi__buf_append_char(out, '\n');
    assert_int_equal(out->status, AMPHI_OK);
}

/* Both texts, behind each other. The caller frees them. */
static char *replay(const amphi_buf *records, const char *policy)
{
    char *json = NULL;
    char *words = NULL;
    amphi_buf both;
    amphi_error error;
    if (amphi_replay(&json, &words, amphi__buf_str(records), amphi_str_from(policy), &error) != 0)
        fail_msg("%s", error.message);
    amphi__buf_init(&both, 0);
    amphi__buf_append_c(&both, words);
    amphi__buf_append_c(&both, json);
    amphi_string_free(json);
    amphi_string_free(words);
    return amphi__buf_take(&both);
}

static void expect(char *text, const char *part, bool is_there)
{
    if ((strstr(text, part) != NULL) != is_there)
        fail_msg("\"%s\" is %s in: %s", part, is_there ? "not" : "there", text);
}

static void replay__gives_the_same_plan_in_the_same_bytes(void **state)
{
    policy_scene s;
    amphi_buf record;
    amphi__buf_init(&record, 0);
    for (unsigned battery = 0; battery <= 100; battery += 5)
        for (unsigned mode = AMPHI_MODE_AUTO; mode <= AMPHI_MODE_ONLY_CLOUD; mode++) {
            scene_init(&s);
            s.facts.device.battery_percent = (uint8_t)battery;
            s.facts.device.charging = false;
            s.facts.mode = (amphi_mode)mode;
            amphi__buf_reset(&record);
            put_record(&record, &s, 7, POLICY);
            char *once = replay(&record, "");
            char *again = replay(&record, POLICY);
            expect(once, "answer 7: the same plan, to the byte", true);
            expect(again, "\"outcome\":\"same\"", true);
            expect(again, "\"changes\"", false);
            amphi_string_free(once);
            amphi_string_free(again);
        }
    amphi__buf_clear(&record);
}

static void replay__names_the_field_that_changes_a_route(void **state)
{
    policy_scene s;
    amphi_buf record;
    amphi__buf_init(&record, 0);
    scene_init(&s);
    s.facts.device.battery_percent = 28;
    s.facts.device.charging = false;
    put_record(&record, &s, 7, POLICY);
    /* Of three fields that differ two have nothing to do with it. */
    char *text = replay(&record,
        "{\"battery\":{\"min_percent\":30,\"resume_percent\":35},\"total_ms\":90000,"
        "\"cache\":{\"ttl_s\":60}}");
    expect(text, "answer 7: another plan", true);
    expect(text, "battery.min_percent 20 -> 30: local now tried as number 2 (then tried as", true);
    expect(text, "28 %", true);
    expect(text, "\"fields\":[{\"field\":\"battery.min_percent\",\"from\":20,\"to\":30}]", true);
    expect(text, "cache.ttl_s", false);
    expect(text, "total_ms", false);
    amphi_string_free(text);
    text = replay(&record, "{\"local\":{\"enabled\":false}}");
    expect(text, "local.enabled true -> false: local now refused (then tried as number 1)", true);
    expect(text, "  -  local: refused: policy switched", true);
    amphi_string_free(text);
    amphi__buf_clear(&record);
}

/* What the record says is not what this version makes of it. */
static void replay__says_that_another_version_decides_otherwise(void **state)
{
    policy_scene s;
    amphi_buf record;
    amphi__buf_init(&record, 0);
    scene_init(&s);
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    put_record(&record, &s, 7, POLICY);
    char *kept = strstr(record.data, "\"route\":\"local\",\"kept\":false");
    assert_non_null(kept);
    memcpy(kept, "\"route\":\"local\",\"kept\":true ", 28);
    char *text = replay(&record, "");
    expect(text, "another plan", true);
    expect(text, "version 0.0.9 -> ", true);
    expect(text, ": local now refused (then tried as number 2)", true);
    amphi_string_free(text);
    char *why = strstr(record.data, "\"why\":\"");
    memcpy(kept, "\"route\":\"local\",\"kept\":false", 28);
    why[8] = '#';
    text = replay(&record, "");
    expect(text, "answer 7: the same routes for the same reasons, in other words", true);
    amphi_string_free(text);
    amphi__buf_clear(&record);
}

static void replay__of_many_records_shows_those_that_differ(void **state)
{
    policy_scene s;
    amphi_buf lines;
    amphi__buf_init(&lines, 0);
    amphi__buf_append_c(&lines, "{\"amphi_records\":1}\n\n"
                                "{\"policy\":\"0123456789abcdef\",\"document\":{}}\n");
    for (int i = 1; i <= 4; i++) {
        scene_init(&s);
        s.facts.device.battery_percent = (uint8_t)(10 * i + 5);
        s.facts.device.charging = false;
        put_record(&lines, &s, i, NULL);
    }
    amphi__buf_append_c(&lines, "{\"answer\":9,\"decision\":[]}\n");
    char *text = replay(&lines, "");
    expect(text, "5 decisions: 4 the same, 0 in other words, 0 changed, 1 without inputs", true);
    expect(text, "answer 9: it holds no inputs", true);
    expect(text, "answer 2", false);
    amphi_string_free(text);
    text = replay(&lines, "{\"battery\":{\"min_percent\":30,\"resume_percent\":30}}");
    expect(text, " 1 changed, 1 without inputs", true);
    expect(text, "answer 2: another plan", true);
    amphi_string_free(text);
    amphi__buf_clear(&lines);
}

static void replay__refuses_what_is_no_record_by_its_line(void **state)
{
    static const struct {
        const char *text, *policy;
        amphi_status status;
        const char *named;
    } cases[] = {
        {"", "", AMPHI_E_FORMAT, "no record"},
        {"{\"amphi_records\":1}", "", AMPHI_E_FORMAT, "no record"},
        {"\n{\"a\":1}", "", AMPHI_E_FORMAT, "line 2: neither"},
        {"{\"answer\":1,", "", AMPHI_E_FORMAT, "line 1"},
        {"[1]", "", AMPHI_E_FORMAT, "line 1: neither"},
        {"{\"decision\":[],\"inputs\":7}", "", AMPHI_E_FORMAT, "inputs: an object"},
        {"{\"decision\":[],\"inputs\":{\"device\":{\"soul\":1}}}", "", AMPHI_E_FORMAT,
            "device.soul is not known"},
        {"{\"decision\":[],\"inputs\":{\"policy\":\"00\",\"device\":{},\"request\":{},"
         "\"spent\":{},\"routes\":[]}}",
            "", AMPHI_E_NOT_FOUND, "policy document 00"},
        {"{\"decision\":[],\"document\":{\"soul\":1},\"inputs\":{\"device\":{},\"request\":{},"
         "\"spent\":{},\"routes\":[]}}",
            "", AMPHI_E_ARGUMENT, "soul"},
        {"{\"decision\":[]}", "{\"soul\":1}", AMPHI_E_ARGUMENT, "soul"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *json = NULL;
        char *words = NULL;
        amphi_error error;
        amphi_status status = amphi_replay(
            &json, &words, amphi_str_from(cases[i].text), amphi_str_from(cases[i].policy), &error);
        if (status != cases[i].status || strstr(error.message, cases[i].named) == NULL)
            fail_msg("%zu: %s", i, error.message);
        assert_null(json);
        assert_null(words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replay__gives_the_same_plan_in_the_same_bytes),
        cmocka_unit_test(replay__names_the_field_that_changes_a_route),
        cmocka_unit_test(replay__says_that_another_version_decides_otherwise),
        cmocka_unit_test(replay__of_many_records_shows_those_that_differ),
        cmocka_unit_test(replay__refuses_what_is_no_record_by_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
