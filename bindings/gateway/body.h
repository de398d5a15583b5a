/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's body as it arrives. A large one lies in pages of its own: growing moves no bytes, and
 * they go back at once, without being overwritten first, since no process sees them again.
 * Insides of the gateway.
 */
#ifndef AMPHI_GATEWAY_BODY_H
#define AMPHI_GATEWAY_BODY_H

#include <stdbool.h>
#include <stddef.h>

/* From here on a body is large. */
#define GATEWAY_BODY_LARGE ((size_t)1 << 18)

/* All zero: empty. */
typedef struct gateway_body_bytes {
    char *data;
    size_t size;
    size_t capacity;
} gateway_body_bytes;

/* expected: the whole body's size, SIZE_MAX where that is not known. false: out of memory. */
bool gateway_body_append(gateway_body_bytes *body, const char *data, size_t size, size_t expected);
/* Overwrites what is not large, and frees; empty afterwards. */
void gateway_body_free(gateway_body_bytes *body);

/* Overwrites and frees; NULL is fine. */
void gateway_wipe_and_free(char *text, size_t size);

#endif
