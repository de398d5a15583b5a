/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/continuation.h"

#include "sdk/core/str.h"

static const char *const names[AMPHI_CONTINUE_COUNT] = {
    [AMPHI_CONTINUE_AUTO] = "auto",
    [AMPHI_CONTINUE_NO] = "no",
    [AMPHI_CONTINUE_NATIVE] = "native",
    [AMPHI_CONTINUE_VLLM] = "vllm",
    [AMPHI_CONTINUE_PREFIX] = "prefix",
    [AMPHI_CONTINUE_INSTRUCT] = "instruct",
};

const char *amphi__continuation_name(amphi_continuation way)
{
    return (unsigned)way < AMPHI_CONTINUE_COUNT ? names[way] : "auto";
}

bool amphi__continuation_parse(amphi_continuation *out, amphi_str name)
{
    *out = AMPHI_CONTINUE_AUTO;
    if (name.size == 0)
        return true;
    for (size_t i = 0; i < AMPHI_CONTINUE_COUNT; i++) {
        if (!amphi__str_equal_c(name, names[i]))
            continue;
        *out = (amphi_continuation)i;
        return true;
    }
    return false;
}
