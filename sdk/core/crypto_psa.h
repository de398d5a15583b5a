/* SPDX-License-Identifier: Apache-2.0
 *
 * The one lock around mbedTLS's PSA API, for the crypto_*.c files: in 2.28 neither psa_crypto_init
 * nor its key store is thread-safe.
 */
#ifndef AMPHI_CORE_CRYPTO_PSA_H
#define AMPHI_CORE_CRYPTO_PSA_H

#include <amphi/error.h>

#include <psa/crypto.h>

/* Takes the lock; on failure it is not held. */
amphi_status amphi__psa_enter(void);
/* Gives it back. What the call's result means; AMPHI_E_INTERNAL for what is not out of memory. */
amphi_status amphi__psa_leave(psa_status_t result);

#endif
