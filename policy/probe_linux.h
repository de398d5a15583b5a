/* SPDX-License-Identifier: Apache-2.0
 *
 * The Linux probe with another root directory and another clock, so that tests can lay out a /proc
 * and a /sys of their own.
 */
#ifndef AMPHI_POLICY_PROBE_LINUX_H
#define AMPHI_POLICY_PROBE_LINUX_H

#include <amphi/ext/clock.h>
#include <amphi/ext/device.h>

/* `root` is put before "/proc" and "/sys"; "" for the real ones. At most 200 bytes. clock NULL: the
 * system's. */
amphi_status amphi__probe_linux_new(
    amphi_device *out, const char *root, const amphi_clock *clock, amphi_error *error);

#endif
