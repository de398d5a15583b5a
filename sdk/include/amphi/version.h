/* SPDX-License-Identifier: Apache-2.0
 *
 * The library's version. The macros are what you compiled against, the function what you run with.
 */
#ifndef AMPHI_VERSION_H
#define AMPHI_VERSION_H

#include <amphi/types.h>

#define AMPHI_VERSION_MAJOR 0
#define AMPHI_VERSION_MINOR 1
#define AMPHI_VERSION_PATCH 0
#define AMPHI_VERSION       "0.1.0"

AMPHI_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH"; a constant. */
AMPHI_API const char *amphi_version(void);

AMPHI_END_DECLS

#endif
