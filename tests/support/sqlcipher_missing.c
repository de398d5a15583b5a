/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/sqlcipher_missing.h"

#include "storage/sqlcipher.h"

#include <stdio.h>

bool sqlcipher_is_missing(void)
{
    char version[64];
    amphi_error error = {0};
    if (amphi__db_version(version, sizeof version, &error) == AMPHI_OK)
        return false;
    printf("skipped: %s\n", error.message);
    return true;
}
