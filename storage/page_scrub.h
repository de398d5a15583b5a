/* SPDX-License-Identifier: Apache-2.0
 *
 * What a page of a b-tree holds between its cells. SQLite overwrites a deleted cell
 * (secure_delete), but when it moves cells to a neighbour the old bytes stay behind, in the unused
 * part of the page, and outlive the deletion of the row. So a page is scrubbed on its way to the
 * file: nothing that is not in use leaves memory.
 */
#ifndef AMPHI_STORAGE_PAGE_SCRUB_H
#define AMPHI_STORAGE_PAGE_SCRUB_H

#include <amphi/types.h>

/* `page` is what SQLCipher encrypts: a page without its reserved bytes; of the first page without
 * the 16 bytes of the salt. Zeroes what no cell uses. Other pages (overflow, free list), and those
 * that make no sense, stay as they are. */
void amphi__page_scrub(uint8_t *page, size_t size);

#endif
