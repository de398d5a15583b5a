/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the Linux probe's files: small files below a root, and the part that is elsewhere.
 */
#ifndef AMPHI_POLICY_PROBE_LINUX_FILES_H
#define AMPHI_POLICY_PROBE_LINUX_FILES_H

#include <amphi/device.h>

#define AMPHI_PROBE_PATH_MAX 640

/* At most size - 1 bytes and a NUL; 0 when there is no such file. */
size_t amphi__probe_read(const char *root, const char *path, char *text, size_t size);
/* A whole file that is one decimal number. */
bool amphi__probe_read_number(const char *root, const char *path, int64_t *out);
/* The first line, trimmed, inside `text`. */
amphi_str amphi__probe_read_line(const char *root, const char *path, char *text, size_t size);

/* probe_linux_power.c */
void amphi__probe_battery(const char *root, amphi_device_facts *out);
void amphi__probe_thermal(const char *root, amphi_device_facts *out);

#endif
