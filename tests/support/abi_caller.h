/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of callers that were built against another version of the headers share
 * (test_abi_read.c, test_abi_filled.c, test_abi_handed.c): structs of another size, structs whose
 * fields are in use, and a client to call.
 */
#ifndef AMPHI_TESTS_ABI_CALLER_H
#define AMPHI_TESTS_ABI_CALLER_H

#include "tests/support/chat_fixture.h"
#include "tests/support/scratch_dir.h"

#define ABI_TAIL_BYTES 64u /* what a newer version has in addition */

/* For cmocka: a client with one conversation "c" and one outbox entry "id". */
int abi_set_up(void **state);
int abi_tear_down(void **state);
extern chat_fixture abi_fixture;
extern scratch_dir abi_scratch;
extern amphi_stream *abi_finished; /* with a result to ask for */

/* `bytes` bytes on the heap and not one more: `whole` cut off, or with zeroes behind it. */
void *abi_make_version(const void *whole, size_t whole_bytes, size_t bytes);
void abi_set_size(void *sized, size_t bytes);
size_t abi_size_of(const void *sized);

/* A struct of this version with fields in use. */
void abi_fill_client_options(void *whole);
void abi_fill_endpoint(void *whole);
void abi_fill_request(void *whole);
void abi_fill_outbox_item(void *whole);

amphi_status abi_call_chat_start(const void *argument, amphi_error *error);
amphi_status abi_call_explain(const void *argument, amphi_error *error);

/* The caller frees the engine. */
amphi_engine abi_make_local(amphi_isolation isolation);
amphi_engine abi_make_endpoint(amphi_http http);

#endif
