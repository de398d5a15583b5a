/* SPDX-License-Identifier: Apache-2.0
 *
 * What one network interface is, by what the kernel says of it under /sys/class/net.
 */
#ifndef AMPHI_POLICY_PROBE_LINUX_LINK_H
#define AMPHI_POLICY_PROBE_LINUX_LINK_H

#include "policy/probe_linux_files.h"

#define AMPHI_PROBE_LINK_NAME_MAX 16 /* IFNAMSIZ */

typedef enum amphi_probe_link_kind {
    AMPHI_PROBE_LINK_DEAD,    /* user data can't pass */
    AMPHI_PROBE_LINK_FREE,    /* nothing says that its bytes cost money */
    AMPHI_PROBE_LINK_TUNNEL,  /* what is under it decides */
    AMPHI_PROBE_LINK_PPP,     /* a mobile stick, or a tunnel: the routes tell */
    AMPHI_PROBE_LINK_METERED, /* mobile broadband, or a telephone that is shared */
} amphi_probe_link_kind;

amphi_probe_link_kind amphi__probe_link_kind(const char *root, const char *name);

#endif
