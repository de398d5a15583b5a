/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as JSON: what the check accepts can be parsed, and what is written of it is accepted
 * again.
 */
#include "fuzz.h"
#include "sdk/core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    amphi_json *root = NULL;
    amphi_buf out;
    amphi_error error;
    amphi_str text = fuzz_input(data, size);
    amphi_status status = amphi__json_check(text, "input", &error);
    amphi_status parsed = amphi__json_parse(&root, text, "input", &error);
    fuzz_expect(status == parsed);
    if (parsed != AMPHI_OK)
        return 0;
    amphi__buf_init(&out, 0);
    fuzz_expect(amphi__json_write(&out, root) == AMPHI_OK);
    fuzz_expect(amphi__json_check(amphi__buf_str(&out), "output", &error) == AMPHI_OK);
    amphi__buf_reset(&out);
    fuzz_expect(amphi__json_write_sorted(&out, root) == AMPHI_OK);
    fuzz_expect(amphi__json_check(amphi__buf_str(&out), "output", &error) == AMPHI_OK);
    amphi__buf_clear(&out);
    amphi__json_free(root);
    return 0;
}
