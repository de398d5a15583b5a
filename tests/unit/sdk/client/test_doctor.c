/* SPDX-License-Identifier: Apache-2.0
 *
 * What the doctor reports of routes that an app brings: the system's model, with what it says of
 * itself and where it computes.
 */
#include "tests/support/chat_fixture.h"
#include "tests/support/scripted_system.h"

#include <amphi/doctor.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct findings {
    char text[4096];
} findings;

static void collect(void *user, const amphi_finding *finding)
{
    findings *f = user;
    size_t used = strlen(f->text);
    snprintf(f->text + used, sizeof f->text - used, "%d %.*s: %.*s\n", finding->level,
        (int)finding->part.size, finding->part.data, (int)finding->text.size, finding->text.data);
}

static void expect_reported(chat_fixture *f, amphi_finding_level level, const char *words)
{
    findings found = {""};
    char line[256];
    amphi_client_options options;
    amphi_client_options_init(&options);
    options.parts = &f->parts;
    assert_int_equal(amphi_doctor(&options, collect, &found, NULL), AMPHI_OK);
    snprintf(line, sizeof line, "%d system system: %s\n", level, words);
    if (strstr(found.text, line) == NULL)
        fail_msg("\"%s\" is not in %s", line, found.text);
}

static void doctor__says_what_the_system_offers(void **state)
{
    static const scripted_system_answer unused = {NULL, SYSTEM_DONE, 0};
    chat_fixture f;
    scripted_system system;
    scripted_system_init(&system, &unused, 1);
    chat_fixture_init(&f, says_hello, says_hello);
    f.engines[1] = scripted_system_value(&system);
    f.parts.engines_count = 2;
    expect_reported(&f, AMPHI_FINDING_OK, "os-model, 4096 tokens of context");
    system.state.availability = SYSTEM_DOWNLOADING; /* other routes answer: no fault */
    expect_reported(&f, AMPHI_FINDING_NOTE, "the system's model is being downloaded");
    system.state.on_device = false;
    expect_reported(&f, AMPHI_FINDING_NOTE, "it computes outside of this device");
    chat_fixture_close(&f);
    scripted_system_clear(&system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doctor__says_what_the_system_offers),
    };
    return cmocka_run_group_tests_name("unit.sdk.client.doctor", tests, NULL, NULL);
}
