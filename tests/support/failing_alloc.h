/* SPDX-License-Identifier: Apache-2.0
 *
 * An allocator that counts what lives and can fail at a chosen call:
 *
 *     failing_alloc_install();
 *     failing_alloc_at(n);           the n-th allocation from now on fails (0: none)
 *     ...
 *     assert_int_equal(failing_alloc_live(), 0);
 *     failing_alloc_remove();
 */
#ifndef AMPHI_TESTS_FAILING_ALLOC_H
#define AMPHI_TESTS_FAILING_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

void failing_alloc_install(void);
void failing_alloc_remove(void);
void failing_alloc_at(size_t n);
bool failing_alloc_failed(void); /* since the last failing_alloc_at */
long failing_alloc_live(void);
/* Counts as an allocation: does it fail? For what hands out memory of its own, an arena. */
bool failing_alloc_now(void);

#endif
