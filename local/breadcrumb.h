/* SPDX-License-Identifier: Apache-2.0
 *
 * For an engine inside the app: 64 bytes in a memory-mapped file that say what it is about to do.
 * The kernel keeps them whatever happens to the app, so the next launch knows whether the last one
 * ended in the middle of something. One client at a time leaves crumbs (a lock on the file),
 * whether the others are in this process or not; they read what it knows.
 */
#ifndef AMPHI_LOCAL_BREADCRUMB_H
#define AMPHI_LOCAL_BREADCRUMB_H

#include <amphi/types.h>

/* So many ends in mid-work, with no whole answer in between, and the model is left alone. */
#define AMPHI_BREADCRUMB_CRASHES_MAX 2

typedef enum amphi_breadcrumb_phase {
    AMPHI_BREADCRUMB_IDLE = 0,
    AMPHI_BREADCRUMB_LOAD = 1,
    AMPHI_BREADCRUMB_PREFILL = 2,
    AMPHI_BREADCRUMB_TOKEN = 3
} amphi_breadcrumb_phase;

typedef struct amphi_breadcrumb {
    int fd;       /* -1: none is left */
    int other_fd; /* -1, or to read what the client that leaves them knows */
    struct amphi_crumb_bytes *bytes;
} amphi_breadcrumb;

/* Reads what the last launch left. Never fails: where it can't be had, there is none. An empty path
 * is none. */
void amphi__breadcrumb_open(amphi_breadcrumb *crumb, const char *path);
void amphi__breadcrumb_close(amphi_breadcrumb *crumb);
/* How often the app died with this model (its fingerprint); another one starts at 0. */
uint32_t amphi__breadcrumb_crashes(const amphi_breadcrumb *crumb, const char *fingerprint);
/* Before each phase. */
void amphi__breadcrumb_set(
    amphi_breadcrumb *crumb, amphi_breadcrumb_phase phase, const char *fingerprint);
/* A whole answer: what was before is forgiven. */
void amphi__breadcrumb_forgive(amphi_breadcrumb *crumb);

#endif
