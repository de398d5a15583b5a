/* SPDX-License-Identifier: Apache-2.0
 *
 * The version that the library was built as.
 */
#include <amphi/version.h>

const char *amphi_version(void)
{
    return AMPHI_VERSION;
}
