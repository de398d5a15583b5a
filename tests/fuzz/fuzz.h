/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzz targets share. A target is a body that parses its input and checks what came out;
 * fuzz_run() runs it over the counting allocator, expects that it takes no more than 10 s of the
 * processor and leaves nothing behind, and for one input in four runs it again with one allocation
 * failing; which one depends on the input as well.
 */
#ifndef AMPHI_TESTS_FUZZ_H
#define AMPHI_TESTS_FUZZ_H

#include "sdk/core/buf.h"
#include "sdk/core/str.h"

#include <stdint.h>
#include <stdlib.h>

/* Calls fuzz_starve() where the code under test begins. */
typedef void fuzz_body(const uint8_t *data, size_t size);

/* libFuzzer's entry points; the first is called once, before the second. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* For LLVMFuzzerInitialize: what the target keeps for all its inputs is made after this. */
void fuzz_begin(void);
/* For LLVMFuzzerTestOneInput; returns what that has to return. */
int fuzz_run(fuzz_body *body, const uint8_t *data, size_t size);

/* From here to the body's end an allocation may fail. */
void fuzz_starve(void);
/* Did an allocation fail in this run of the body? Then AMPHI_E_NO_MEMORY is a fine answer, and so
 * is output that ends early. */
bool fuzz_starved(void);

/* A number that depends on every byte of the input, for choices that cost it no byte. */
uint32_t fuzz_hash(const uint8_t *data, size_t size);

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
