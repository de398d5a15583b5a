/* SPDX-License-Identifier: Apache-2.0
 *
 * For test programs that need the encrypted store; first in main:
 *
 *     if (sqlcipher_is_missing())
 *         return 77; // skipped
 */
#ifndef AMPHI_TESTS_SQLCIPHER_MISSING_H
#define AMPHI_TESTS_SQLCIPHER_MISSING_H

#include <stdbool.h>

/* Is there no SQLCipher that we can use on this machine? Prints why. */
bool sqlcipher_is_missing(void);

#endif
