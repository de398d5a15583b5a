/* SPDX-License-Identifier: Apache-2.0
 *
 * Singly linked, oldest first. A "link" is the place that points to an entry, so that an entry can
 * be taken out while walking.
 */
#include "storage/store_memory_list.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"

amphi_entry *amphi__entry_new(const amphi_str *strings, size_t strings_count)
{
    size_t size = sizeof(amphi_entry);
    for (size_t i = 0; i < strings_count; i++)
        size += strings[i].size;
    amphi_entry *made = amphi__alloc(size);
    if (made == NULL)
        return NULL;
    *made = (amphi_entry){.size = size};
    char *at = (char *)(made + 1);
    for (size_t i = 0; i < strings_count; i++) {
        if (strings[i].size > 0)
            memcpy(at, strings[i].data, strings[i].size);
        made->strings[i] = amphi_str_make(at, strings[i].size);
        at += strings[i].size;
    }
    return made;
}

void amphi__entry_free(amphi_entry *old)
{
    if (old == NULL)
        return;
    amphi__wipe(old, old->size);
    amphi__free(old);
}

void amphi__list_append(amphi_list *list, amphi_entry *made)
{
    amphi_entry **end = &list->first;
    while (*end != NULL)
        end = &(*end)->next;
    *end = made;
    made->next = NULL;
    list->count++;
}

amphi_entry *amphi__list_unlink(amphi_list *list, amphi_entry **link)
{
    amphi_entry *out = *link;
    *link = out->next;
    list->count--;
    return out;
}

amphi_entry **amphi__list_find(amphi_list *list, int string, amphi_str value)
{
    for (amphi_entry **link = &list->first; *link != NULL; link = &(*link)->next)
        if (amphi__str_equal((*link)->strings[string], value))
            return link;
    return NULL;
}

void amphi__list_clear(amphi_list *list)
{
    while (list->first != NULL)
        amphi__entry_free(amphi__list_unlink(list, &list->first));
}
