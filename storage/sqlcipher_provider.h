/* SPDX-License-Identifier: Apache-2.0
 *
 * The crypto provider that SQLCipher 3.4 uses for our connections. Its own goes on when libcrypto
 * has no memory: a page that could not be decrypted enters the cache as garbage, and one that could
 * not be encrypted is written as it is. Ours allocates nothing, so there is nothing to go on from.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_PROVIDER_H
#define AMPHI_STORAGE_SQLCIPHER_PROVIDER_H

#include "storage/sqlcipher_library.h"

/* sqlite3_key with our provider. SQLCipher takes whichever provider is registered at that moment,
 * and the registration is shared with an app that uses the same library: the one that stood there
 * stands there again afterwards. Where the library's provider table is not known (SQLCipher 4,
 * which checks what its provider answers) this is sqlite3_key alone. Returns the SQLite code. */
int amphi__sqlcipher_key(sqlite3 *handle, const char *literal, size_t size);

/* How often the provider failed in this process. It has no reason to; a connection that sees the
 * number grow must not write, because its page cache may hold garbage. */
uint32_t amphi__sqlcipher_provider_failures(void);

#endif
