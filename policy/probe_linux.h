/* SPDX-License-Identifier: Apache-2.0
 *
 * The Linux probe with another root directory, so that tests can lay out a /proc and a /sys of
 * their own.
 */
#ifndef AMPHI_POLICY_PROBE_LINUX_H
#define AMPHI_POLICY_PROBE_LINUX_H

#include <amphi/ext/device.h>

/* `root` is put before "/proc" and "/sys"; "" for the real ones. At most 200 bytes. */
amphi_status amphi__probe_linux_new(amphi_device *out, const char *root, amphi_error *error);

#endif
