/* SPDX-License-Identifier: Apache-2.0
 *
 * The lists of the memory store: entries of some numbers and some strings, each in one block of
 * memory that is overwritten before it is freed (it held a user's words).
 */
#ifndef AMPHI_STORAGE_STORE_MEMORY_LIST_H
#define AMPHI_STORAGE_STORE_MEMORY_LIST_H

#include <amphi/types.h>

#define AMPHI_ENTRY_STRINGS 7
#define AMPHI_ENTRY_NUMBERS 12

typedef struct amphi_entry {
    struct amphi_entry *next;
    int64_t numbers[AMPHI_ENTRY_NUMBERS];
    amphi_str strings[AMPHI_ENTRY_STRINGS];
    size_t size; /* of the whole block */
} amphi_entry;

typedef struct amphi_list {
    amphi_entry *first;
    size_t count;
} amphi_list;

/* Copies the strings; the numbers are zero. NULL without memory. */
amphi_entry *amphi__entry_new(const amphi_str *strings, size_t strings_count);
void amphi__entry_free(amphi_entry *old); /* NULL is fine */
void amphi__list_append(amphi_list *list, amphi_entry *made);
/* Takes the entry that *link points to out of the list. */
amphi_entry *amphi__list_unlink(amphi_list *list, amphi_entry **link);
/* The link to the first entry whose string number `string` is `value`, or NULL. */
amphi_entry **amphi__list_find(amphi_list *list, int string, amphi_str value);
void amphi__list_clear(amphi_list *list);

#endif
