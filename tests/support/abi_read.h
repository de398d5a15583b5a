/* SPDX-License-Identifier: Apache-2.0
 *
 * Structs that the library reads, from callers of other versions: what every case of
 * test_abi_read*.c has to hold.
 */
#ifndef AMPHI_TESTS_ABI_READ_H
#define AMPHI_TESTS_ABI_READ_H

#include "tests/support/abi_caller.h"

typedef struct abi_read_case {
    const char *name;
    size_t bytes;
    void (*fill)(void *whole);
    amphi_status (*call)(const void *argument, amphi_error *error);
    bool (*is_no_version)(size_t bytes); /* sizes that no version has; NULL: none */
} abi_read_case;

/* (type, fill, call[, is_no_version]); test_headers.py looks for this name. */
#define READ(type, ...)                                                                            \
    {                                                                                              \
        .name = #type, .bytes = sizeof(type), READ_CALLS(__VA_ARGS__, NULL, NULL)                  \
    }
#define READ_CALLS(fill_fn, call_fn, is_no_version_fn, ...)                                        \
    .fill = fill_fn, .call = call_fn, .is_no_version = is_no_version_fn

/* What an older caller lacks counts as zero. */
void abi_read_older(const abi_read_case *reads, size_t count);
/* A newer caller's tail must be zero. */
void abi_read_newer(const abi_read_case *reads, size_t count);
/* A size that is none is refused with the name of the _init function. */
void abi_read_no_size(const abi_read_case *reads, size_t count);

#endif
