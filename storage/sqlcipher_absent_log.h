/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLite's methods of a log (WAL) that is not there, or is not to be read: an empty one, to which
 * nothing can be written. It needs no state.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_ABSENT_LOG_H
#define AMPHI_STORAGE_SQLCIPHER_ABSENT_LOG_H

#include "storage/sqlcipher_library.h"

extern const sqlite3_io_methods amphi__absent_log_methods;

#endif
