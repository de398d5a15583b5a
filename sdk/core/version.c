/* SPDX-License-Identifier: Apache-2.0
 *
 * The library's version at run time.
 */
#include <amphi/version.h>

const char *amphi_version(void)
{
    return AMPHI_VERSION;
}
