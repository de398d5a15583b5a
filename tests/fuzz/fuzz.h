/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzz targets share: libFuzzer's entry point, and cutting an input into parts.
 */
#ifndef AMPHI_TESTS_FUZZ_H
#define AMPHI_TESTS_FUZZ_H

#include "sdk/core/buf.h"
#include "sdk/core/str.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run as a finding. */
static inline void fuzz_expect(bool holds)
{
    if (!holds)
        abort();
}

static inline amphi_str fuzz_input(const uint8_t *data, size_t size)
{
    return amphi_str_make((const char *)data, size);
}

#endif
