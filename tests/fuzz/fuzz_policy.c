/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an app's policy document, and behind a "#" as a payload on top of it. A document is
 * refused in one line, or what it makes is written, reads back as the same and contradicts itself
 * nowhere. A payload changes nothing that is pinned and opens nothing that the app has closed.
 */
#include "tests/fuzz/fuzz.h"

#include "policy/policy_document.h"
#include "sdk/core/alloc.h"

#include <amphi/policy.h>

static void expect_refusal(const amphi_policy *before, const amphi_policy *after,
    const amphi_error *error, amphi_status status)
{
    fuzz_expect(memcmp(before, after, sizeof *before) == 0);
    fuzz_expect(error->status == status && error->message[0] != '\0');
    for (const char *c = error->message; *c != '\0'; c++)
        fuzz_expect(*c >= 0x20 && *c < 0x7f);
}

/* What is written reads back as the same. */
static void expect_readable(const amphi_policy *policy)
{
    amphi_buf text;
    amphi_policy back;
    amphi_policy_set none = {{0}};
    amphi_policy settled = *policy;
    amphi__policy_init(&back);
    fuzz_expect(amphi__policy_relate(&settled, &none, NULL) == AMPHI_OK);
    fuzz_expect(memcmp(&settled, policy, sizeof settled) == 0);
    amphi__buf_init(&text, 0);
    amphi_status status = amphi__policy_to_json(policy, &text);
    if (status == AMPHI_OK)
        status = amphi__policy_apply_json(&back, amphi__buf_str(&text), NULL);
    fuzz_expect(status == AMPHI_OK || (status == AMPHI_E_NO_MEMORY && fuzz_starved()));
    fuzz_expect(status != AMPHI_OK || memcmp(&back, policy, sizeof back) == 0);
    amphi__buf_clear(&text);
}

static void expect_no_looser(const amphi_policy *app, const amphi_policy *now)
{
    size_t count;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    for (size_t i = 0; i < count; i++) {
        double own = amphi__policy_field_get(app, &fields[i]);
        double value = amphi__policy_field_get(now, &fields[i]);
        fuzz_expect(value >= fields[i].low && value <= fields[i].high);
        if (amphi__policy_set_has(&app->pinned, i))
            fuzz_expect(value == own);
        else if (fields[i].steer == AMPHI_STEER_DOWN)
            fuzz_expect(value <= own);
        else if (fields[i].steer == AMPHI_STEER_UP)
            fuzz_expect(value >= own);
        else if (fields[i].steer == AMPHI_STEER_BOUND)
            fuzz_expect(own == 0 || (value > 0 && value <= own));
        else if (fields[i].steer == AMPHI_STEER_MODE)
            fuzz_expect(own != AMPHI_MODE_ONLY_LOCAL || value == own);
    }
    fuzz_expect(memcmp(&app->pinned, &now->pinned, sizeof now->pinned) == 0);
}

/* The faces over the same document agree with it. */
static void use_tools(amphi_str json, const amphi_policy *policy)
{
    char *notes = NULL;
    amphi_policy_field_info info;
    amphi_policy_field_info_init(&info);
    amphi_status status = amphi_policy_check(json, &notes, NULL);
    amphi__free(notes);
    if (status == AMPHI_OK)
        status = amphi_policy_field_at(
            &info, fuzz_hash((const uint8_t *)json.data, json.size) % 53, json, NULL);
    fuzz_expect(status == AMPHI_OK || (status == AMPHI_E_NO_MEMORY && fuzz_starved()));
    if (status != AMPHI_OK)
        return;
    char value[AMPHI_POLICY_WORDS_MAX];
    const amphi_policy_field *field = amphi__policy_field_named(info.name, NULL);
    amphi__policy_value_text(value, field, amphi__policy_field_get(policy, field));
    fuzz_expect(strcmp(value, info.value) == 0);
}

static void body(const uint8_t *data, size_t size)
{
    amphi_str payload;
    amphi_str document = amphi__str_cut(fuzz_input(data, size), '#', &payload);
    amphi_policy plain;
    amphi_error error;
    amphi_buf held;
    amphi__policy_init(&plain);
    amphi_policy app = plain;
    amphi__buf_init(&held, 0);
    fuzz_starve();
    amphi_status status = amphi__policy_apply_json(&app, document, &error);
    if (status != AMPHI_OK) {
        expect_refusal(&plain, &app, &error, status);
        app = plain;
    } else {
        expect_readable(&app);
        use_tools(document, &app);
    }
    amphi_policy now = app;
    status = amphi__policy_apply_payload(&now, payload, &held, &error);
    if (status != AMPHI_OK)
        expect_refusal(&app, &now, &error, status);
    expect_no_looser(&app, &now);
    expect_readable(&now);
    amphi__buf_clear(&held);
    amphi_policy pinned = app;
    if (amphi__policy_pin(&pinned, payload, NULL) != AMPHI_OK)
        fuzz_expect(memcmp(&pinned, &app, sizeof app) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_begin();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(body, data, size);
}
