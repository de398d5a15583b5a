/* SPDX-License-Identifier: Apache-2.0
 *
 * Under which name a store remembers that a conversation was deleted: a keyed hash of its id, so
 * that the note is no copy of the id.
 */
#ifndef AMPHI_STORAGE_ERASURE_NAME_H
#define AMPHI_STORAGE_ERASURE_NAME_H

#include <amphi/error.h>

#define AMPHI_ERASURE_NAME_BYTES 16
/* So many deletions are remembered, so that a request under way learns of its own. */
#define AMPHI_ERASURES_MAX 10000

amphi_status amphi__erasure_name(const uint8_t master[32], amphi_str conversation_id,
    uint8_t out[AMPHI_ERASURE_NAME_BYTES], amphi_error *error);

#endif
