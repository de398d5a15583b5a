/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a payload's regular expression, up to a "~", and the rest as a text. It is invalid,
 * whatever the text, or means the same in a group; and its cost is paid for: with fewer steps it is
 * the same, or not evaluated at all.
 */
#include "tests/fuzz/fuzz.h"

#include "policy/growthbook.h"

static bool find(amphi_str pattern, amphi_str text, uint32_t steps, bool *valid, uint32_t *used)
{
    uint32_t left = steps;
    bool ignore_case = pattern.size % 2 != 0;
    bool found = amphi__gb_regex(pattern, text, ignore_case, &left, valid);
    fuzz_expect(left <= steps && (*valid || !found));
    *used = steps - left;
    return found;
}

static void body(const uint8_t *data, size_t size)
{
    amphi_str text;
    amphi_str pattern = amphi__str_cut(fuzz_input(data, size), '~', &text);
    bool valid = false;
    bool valid_now = false;
    uint32_t used = 0;
    uint32_t used_now = 0;
    bool found = find(pattern, text, AMPHI_GB_STEPS_MAX, &valid, &used);
    /* A long pattern costs something, and so does a long text that is walked to its end. */
    fuzz_expect(!valid || used >= pattern.size / 64);
    fuzz_expect(!valid || found || used >= text.size / 64);
    bool enough = used < AMPHI_GB_STEPS_MAX;
    if (enough) {
        find(pattern, AMPHI_STR("x1 "), AMPHI_GB_STEPS_MAX, &valid_now, &used_now);
        fuzz_expect(valid_now == valid || used_now == AMPHI_GB_STEPS_MAX);
    }
    uint32_t fewer = used > 0 ? fuzz_hash(data, size) % used : 0;
    bool found_now = find(pattern, text, fewer, &valid_now, &used_now);
    fuzz_expect(valid_now ? found_now == found : used_now == fewer || !valid);
    if (!valid || !enough)
        return;
    amphi_buf group;
    amphi__buf_init(&group, 0);
    amphi__buf_append_c(&group, "(?:");
    amphi__buf_append_str(&group, pattern);
    amphi__buf_append_c(&group, ")"); /* as odd as before, or as even */
    if (group.status == AMPHI_OK) {
        found_now = find(amphi__buf_str(&group), text, AMPHI_GB_STEPS_MAX, &valid_now, &used_now);
        fuzz_expect(!valid_now || found_now == found);
    }
    amphi__buf_clear(&group);
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
