/* SPDX-License-Identifier: Apache-2.0
 *
 * What a decision was made from, written and read again, gives the same plan in the same bytes.
 */
#include "sdk/client/decision_inputs.h"

#include "sdk/client/stream.h"
#include "sdk/core/str.h"
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void write_inputs(
    amphi_buf *out, const amphi_policy_facts *facts, const amphi_preference *preference)
{
    amphi_json_writer writer;
    amphi__buf_reset(out);
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__decision_inputs_write(&writer, facts, preference);
    amphi__json_close(&writer, '}');
    assert_int_equal(out->status, AMPHI_OK);
}

static amphi_status read_inputs(amphi_decision_inputs *out, const char *text, amphi_error *error)
{
    amphi_json *root = NULL;
    assert_int_equal(amphi__json_parse(&root, amphi_str_from(text), "inputs", NULL), AMPHI_OK);
    amphi_status status = amphi__decision_inputs_read(out, root, "version policy", error);
    amphi__json_free(root);
    return status;
}

/* ---- the tables ---- */

/* A field that is added to one of these structs changes its size. Either it is written (a row in
 * decision_inputs.c), or no rule reads it and it is counted here. */
static void tables__every_field_that_a_rule_may_read_is_written(void **state)
{
    static const struct {
        const char *group;
        size_t size, not_written; /* by padding, sizes and fields that no rule reads */
    } structs[] = {
        /* struct_size; age_ms */
        {"device", sizeof(amphi_device_facts), 8 + 4 * AMPHI_FACT_MAX + 16},
        /* device, spent; routes and how many */
        {"request", sizeof(amphi_policy_facts),
            sizeof(amphi_device_facts) + sizeof(amphi_policy_spent) + 16 + 14},
        {"spent", sizeof(amphi_policy_spent), 3},
        /* of info: struct_size, prefix, fingerprint, build, kernels, in_process, deaths, prices,
         * continuation, embeddings */
        {"routes", sizeof(amphi_policy_route), 8 + 4 + 65 + 32 + 32 + 1 + 16 + 16 + 8 + 1 + 44},
    };
    for (size_t i = 0; i < sizeof structs / sizeof structs[0]; i++) {
        size_t written = amphi__decision_inputs_bytes(structs[i].group);
        if (sizeof(size_t) == 8 && written + structs[i].not_written != structs[i].size)
            fail_msg("%s: %zu bytes of %zu are written, %zu more are accounted for: a new field "
                     "belongs into a table of decision_inputs.c",
                structs[i].group, written, structs[i].size, structs[i].not_written);
    }
}

/* ---- random decisions ---- */

static uint32_t roll(uint32_t sides)
{
    return (uint32_t)rand() % sides; /* NOLINT: a test's own numbers */
}

static void draw_route(amphi_policy_route *r)
{
    r->info.available = roll(8) > 0;
    if (!r->info.available)
        amphi__str_copy_to(r->info.why, sizeof r->info.why, AMPHI_STR("no \"key\" \xc3\xa4"));
    r->info.ready = roll(2) > 0;
    r->info.weights_bytes = roll(4000) * MIB;
    r->info.kv_bytes_per_token = roll(3) * 4096;
    r->info.context_tokens_max = roll(3) * 2048;
    r->info.tools = roll(2) > 0;
    r->info.priority = roll(3);
    r->info.weight = roll(4);
    r->info.scope = roll(6) == 0 ? AMPHI_SCOPE_HELP : AMPHI_SCOPE_CHAT;
    r->info.judge = (amphi_judge_kind)roll(3);
    r->breaker.open = roll(5) == 0;
    r->breaker.failed = r->breaker.open ? 3 : 0;
    r->breaker.of = r->breaker.open ? 3 : 0;
    r->breaker.left_ms = r->breaker.open ? roll(10000) : 0;
    if (r->breaker.open)
        amphi__str_copy_to(r->last_failure, sizeof r->last_failure, AMPHI_STR("HTTP 500"));
    if (roll(6) == 0) {
        r->wait_ms = 1 + roll(60000);
        r->wait_reason = AMPHI_REASON_ASKED_TO_WAIT;
    }
    r->crash.crashes = roll(4);
    r->thresholds.judged = roll(1u << AMPHI_THRESHOLD_COUNT);
    r->thresholds.over = roll(1u << AMPHI_THRESHOLD_COUNT);
    for (size_t i = 0; i < AMPHI_THRESHOLD_COUNT; i++) {
        r->thresholds.changed_ms[i] = roll(2) * roll(90000);
        r->thresholds.seen_ms[i] = roll(2) * roll(90000);
    }
    r->thresholds.room_bytes = roll(2000) * MIB;
    r->thresholds.room_seen_ms = roll(2) * roll(90000);
    r->thresholds.room_ms = roll(2) * roll(90000);
    r->is_off = roll(10) == 0;
    r->is_named = roll(6) == 0;
    r->pace.answers = roll(9);
    r->pace.first_token_ms = roll(4000);
    r->pace.tokens_per_second = (float)roll(1000) / 7;
    r->price.is_known = roll(2) > 0;
    r->price.prompt = r->price.is_known ? roll(10000000) : 0;
    r->price.completion = r->price.is_known ? roll(10000000) : 0;
}

static void draw_scene(policy_scene *s)
{
    static const char *const policies[] = {"{}", "{\"mode\":\"prefer_cloud\"}",
        "{\"battery\":{\"min_percent\":40},\"latency\":{\"first_token_ms\":900}}",
        "{\"cost\":{\"day_usd_max\":0.01},\"cloud\":{\"hedge_ms\":700}}"};
    scene_init(s);
    assert_int_equal(
        amphi__policy_apply_json(&s->policy, amphi_str_from(policies[roll(4)]), NULL), AMPHI_OK);
    scene_set_route(&s->routes[2], AMPHI_ENGINE_CLOUD, "work");
    scene_set_route(&s->routes[3], AMPHI_ENGINE_SYSTEM, "system");
    s->facts.routes_count = 2 + roll(3);
    for (size_t i = 0; i < s->facts.routes_count; i++)
        draw_route(&s->routes[i]);
    s->facts.mode = (amphi_mode)roll(6);
    s->facts.is_private = roll(6) == 0;
    s->facts.needs_tools = roll(3) == 0;
    s->facts.prompt_tokens = roll(3000);
    s->facts.answer_tokens_max = roll(2) * 500;
    s->facts.budgets.total_ms = roll(2) * 30000;
    s->facts.now_ms = roll(2) * roll(99000);
    s->facts.draw = roll(2) > 0 ? UINT64_MAX - roll(1000) : roll(1000);
    s->facts.only_routes = roll(5) == 0 ? 1 + roll(15) : 0;
    s->facts.device.battery_percent = (uint8_t)roll(101);
    s->facts.device.charging = roll(3) == 0;
    s->facts.device.thermal = (amphi_thermal)roll(5);
    s->facts.device.network = (amphi_network)roll(4);
    s->facts.device.memory_pressure = (uint8_t)roll(3);
    s->facts.device.memory_available_bytes = roll(4000) * MIB;
    s->facts.spent.microdollars = roll(20000);
}

static void put_plan(amphi_buf *out, const amphi_plan *plan)
{
    amphi_json_writer writer;
    amphi__buf_reset(out);
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__record_decision(&writer, "decision", &plan->decision);
    amphi__record_totals(&writer, &plan->decision);
    amphi__json_close(&writer, '}');
    amphi__buf_append_c(out, plan->refusal.message);
    for (size_t i = 0; i < plan->steps_count; i++) {
        const amphi_plan_step *s = &plan->steps[i];
        amphi__buf_printf(out, " %u %d %u %u %u %u %u %u %u %u %u %u %d", s->route, s->last_resort,
            s->budgets.connect_ms, s->budgets.first_token_ms, s->budgets.idle_ms,
            s->budgets.total_ms, s->hedge_ms, s->prompt_tokens, s->answer_tokens_max,
            s->threads_max, s->context_tokens_max, s->judge_tokens, s->past_breaker);
    }
}

static void inputs__of_5000_random_decisions_give_the_same_plans(void **state)
{
    static policy_scene s;
    static amphi_decision_inputs inputs;
    static amphi_plan again;
    amphi_buf buffers[4];
    amphi_error error;
    size_t longest = 0;
    size_t kept = 0;
    for (size_t i = 0; i < 4; i++)
        amphi__buf_init(&buffers[i], 0);
    srand(25);
    for (int i = 0; i < 5000; i++) {
        amphi_preference preference = {0};
        draw_scene(&s);
        preference.first = roll(4) == 0 ? 1u << roll(4) : 0;
        preference.exclusive = roll(5) == 0;
        preference.fallbacks_count = preference.exclusive ? roll(3) : 0;
        for (size_t f = 0; f < preference.fallbacks_count; f++)
            preference.fallbacks[f] = roll(16);
        amphi__policy_explain(&s.plan, &s.policy, &s.facts);
        amphi__decision_finish(&s.plan, &s.policy, &s.facts, &preference);
        write_inputs(&buffers[0], &s.facts, &preference);
        if (read_inputs(&inputs, buffers[0].data, &error) != AMPHI_OK)
            fail_msg("%s: %s", error.message, buffers[0].data);
        write_inputs(&buffers[1], &inputs.facts, &inputs.preference);
        assert_string_equal(buffers[0].data, buffers[1].data);
        amphi__decision_inputs_plan(&again, &s.policy, &inputs);
        put_plan(&buffers[2], &s.plan);
        put_plan(&buffers[3], &again);
        assert_string_equal(buffers[2].data, buffers[3].data);
        longest = buffers[0].size > longest ? buffers[0].size : longest;
        kept += s.plan.steps_count;
    }
    assert_true(longest < 8192); /* four routes, all with a past */
    assert_true(kept > 1000);
    for (size_t i = 0; i < 4; i++)
        amphi__buf_clear(&buffers[i]);
}

/* ---- what is not understood ---- */

#define AROUND(device, request, routes)                                                            \
    "{\"version\":\"9\",\"device\":{" device "},\"request\":{" request "},\"spent\":{},"           \
    "\"routes\":[" routes "]}"

static void inputs__that_are_not_understood_are_refused_by_name(void **state)
{
    static const struct {
        const char *text, *named;
    } cases[] = {
        {AROUND("", "", "{\"name\":\"a\",\"mood\":\"good\"}"), "routes.mood"},
        {AROUND("\"battery_percent\":256", "", ""), "battery_percent"},
        {AROUND("\"battery_percent\":-1", "", ""), "battery_percent"},
        {AROUND("\"battery_percent\":\"8\"", "", ""), "battery_percent"},
        {AROUND("\"battery_percent\":0.5", "", ""), "battery_percent"},
        {AROUND("\"rtt_ms\":1e400", "", ""), "rtt_ms"},
        {AROUND("\"rtt_ms\":1,\"rtt_ms\":2", "", ""), "rtt_ms stands there twice"},
        {AROUND("", "", "{\"name\":\"a\",\"redy\":true}"), "did you mean ready?"},
        {AROUND("", "", "{\"name\":\"a\\nb\"}"), "name"},
        {AROUND("", "", "{\"name\":\"a\"},{\"name\":\"a\"}"), "two routes are named a"},
        {AROUND("", "", "{\"name\":\"a\",\"breaker_failed\":3,\"breaker_of\":2}"),
            "breaker_failed"},
        {AROUND("\"thermal\":\"warm\"", "", ""), "thermal"},
        {AROUND("", "\"mode\":\"best\"", ""), "mode"},
        {AROUND("", "\"private\":1", ""), "private"},
        {AROUND("", "", "{\"kind\":\"local\"}"), "name"},
        {AROUND("", "", "{\"name\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}"),
            "name"},
        {AROUND("", "", "7"), "routes"},
        {"{\"device\":{},\"request\":{},\"spent\":{}}", "routes"},
        {"{\"request\":{},\"spent\":{},\"routes\":[]}", "device"},
        {"{\"device\":{},\"request\":{},\"spent\":{},\"routes\":[],\"moon\":1}", "moon"},
        {"[]", "an object"},
    };
    static amphi_decision_inputs inputs;
    amphi_error error;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_inputs(&inputs, cases[i].text, &error), AMPHI_E_FORMAT);
        if (strstr(error.message, cases[i].named) == NULL)
            fail_msg("%s: \"%s\"", cases[i].text, error.message);
    }
    assert_int_equal(read_inputs(&inputs, AROUND("", "", ""), &error), AMPHI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables__every_field_that_a_rule_may_read_is_written),
        cmocka_unit_test(inputs__of_5000_random_decisions_give_the_same_plans),
        cmocka_unit_test(inputs__that_are_not_understood_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
