/* SPDX-License-Identifier: Apache-2.0
 *
 * The energy of an answer is known where the device says it, and nowhere else.
 */
#include "sdk/client/answer_energy.h"

#include "tests/support/chat_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static amphi_energy_reading at(uint64_t ms, uint64_t uj, uint32_t draw_mw)
{
    amphi_device_facts facts;
    amphi_device_facts_init(&facts);
    facts.known = (uj > 0 ? AMPHI_FACT_ENERGY : 0) | AMPHI_FACT_DRAW;
    facts.energy_uj = uj;
    facts.draw_mw = draw_mw;
    facts.age_ms[12] = 300;
    return amphi__energy_read(&facts, ms + 300);
}

static void expect(
    amphi_energy_reading a, amphi_energy_reading b, double joules, const char *source)
{
    amphi_answer_energy found = amphi__energy_between(&a, &b, 4000);
    assert_true(fabs(found.joules - joules) < 1e-9);
    if (source == NULL)
        assert_null(found.source);
    else
        assert_string_equal(found.source, source);
}

static void energy__is_the_counters_share_or_the_batteries_draw_or_unknown(void **state)
{
    /* 10 J in 5 s, and the answer took 4 s of them. */
    expect(at(1000, 1000000, 0), at(6000, 11000000, 0), 8, "processor");
    expect(at(1000, 1000000, 3000), at(6000, 11000000, 5000), 8, "processor");
    /* 4 W at the mean. */
    expect(at(1000, 0, 3000), at(6000, 0, 5000), 16, "battery");
    expect(at(1000, 1000000, 3000), at(1200, 2000000, 5000), 16, "battery"); /* too near */
    expect(at(1000, 9000000, 3000), at(6000, 1000000, 5000), 16, "battery"); /* it began anew */
    expect(at(1000, 1000000, 0), at(1499, 2000000, 0), 0, NULL);
    expect(at(1000, 0, 3000), at(6000, 0, 0), 0, NULL);
}

static void energy__is_in_the_record_of_an_answer_on_this_device_only(void **state)
{
    static const struct {
        amphi_mode mode;
        bool is_known;
    } cases[] = {{AMPHI_MODE_ONLY_LOCAL, true}, {AMPHI_MODE_ONLY_CLOUD, false}};
    for (size_t i = 0; i < 2; i++) {
        chat_fixture f;
        char *json = NULL;
        chat_fixture_init(&f, says_hello, says_hello);
        f.device.known |= AMPHI_FACT_DRAW;
        f.device.draw_mw = 2500;
        chat_fixture_start(&f, NULL);
        amphi_chat_request request = chat_fixture_request(cases[i].mode);
        amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
        chat_fixture_pull(&f, stream);
        assert_int_equal(amphi_stream_result_json(stream, &json, NULL), AMPHI_OK);
        assert_int_equal(strstr(json, "\"source\":\"battery\"}") != NULL, cases[i].is_known);
        assert_int_equal(strstr(json, "\"energy\":{\"joules\":") != NULL, cases[i].is_known);
        amphi_string_free(json);
        amphi_stream_free(stream);
        chat_fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energy__is_the_counters_share_or_the_batteries_draw_or_unknown),
        cmocka_unit_test(energy__is_in_the_record_of_an_answer_on_this_device_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
