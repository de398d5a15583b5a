/* SPDX-License-Identifier: Apache-2.0
 *
 * Which file this is, cheaply: size, time of change, and the SHA-256 of its first and last 64 KiB.
 * A model of gigabytes is known in about a millisecond, and a replaced one is another one.
 */
#ifndef AMPHI_MODEL_FINGERPRINT_H
#define AMPHI_MODEL_FINGERPRINT_H

#include <amphi/error.h>

#define AMPHI_FINGERPRINT_MAX 65 /* hex and a NUL */

/* AMPHI_E_IO when it can't be read; `out` is empty then. */
amphi_status amphi__fingerprint(const char *path, char out[AMPHI_FINGERPRINT_MAX]);
/* The same without the time of change: a copy of the file, on another device, has the same. */
amphi_status amphi__content_hash(const char *path, uint8_t out[32]);

#endif
