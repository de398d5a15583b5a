/* SPDX-License-Identifier: Apache-2.0
 *
 * One log (WAL) file, as SQLite would replay it and as far as it can be believed. SQLite stops for
 * good at the first frame whose checksum does not follow from the one before. But each frame holds
 * a sealed page and its own checksum, so that what lies behind such a place is still known: a
 * frame that was written after another one follows from that one's checksum, and damage of up to
 * eight bytes in a row can be computed from the checksum and is proven by the seal.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_WAL_H
#define AMPHI_STORAGE_SQLCIPHER_WAL_H

#include "storage/page_seal.h"

#define AMPHI_WAL_MENDS_MAX 16

typedef struct amphi_wal_frame {
    uint32_t number;   /* of its page */
    uint32_t commit;   /* pages of the database, where it ends a transaction; 0: it does not */
    bool is_good;      /* its seal holds, perhaps after it was mended */
    bool is_linked;    /* it was written right after the frame before it */
    bool is_untouched; /* and nothing was mended */
} amphi_wal_frame;

typedef struct amphi_wal_mend {
    uint32_t frame;
    uint32_t at;      /* in the page */
    uint8_t bytes[8]; /* as they were */
} amphi_wal_mend;

typedef struct amphi_wal {
    int fd;              /* -1: there is no log */
    bool is_headless;    /* the file's first bytes are damaged, so that SQLite ignores all of it */
    uint8_t salts[8];    /* of the frames that count */
    bool is_big_endian;  /* its checksums */
    uint32_t count;      /* whole frames in the file, old ones included; they count from 1 */
    uint32_t last, size; /* what SQLite replays: up to this frame, pages of the database then */
    uint32_t broken;     /* the first frame that does not follow; 0: none, or it is an old one */
    /* When there is such a place: the frames behind `last`, as far as they may belong to this log.
     */
    amphi_wal_frame *tail;
    uint32_t tail_count;
    uint32_t reach, reach_size; /* the last commit among them, or `last` and `size` */
    bool is_damaged_surely;     /* no write that was cut off leaves what was found */
    amphi_wal_mend mends[AMPHI_WAL_MENDS_MAX];
    uint32_t mends_count;
} amphi_wal;

/* Without a key: may there be more in this log than SQLite would replay? Reads all of it. */
bool amphi__wal_is_suspect(const char *path);

/* A log that is not there is an empty one. AMPHI_E_NO_MEMORY. */
amphi_status amphi__wal_read(
    amphi_wal *wal, const char *path, const amphi_page_seal *seal, amphi_error *error);
void amphi__wal_clear(amphi_wal *wal); /* all zeros, with fd -1, is fine */
/* The sealed page of a frame, mended. */
bool amphi__wal_page(const amphi_wal *wal, uint32_t frame, uint8_t out[AMPHI_DB_PAGE_BYTES]);
/* The page number of a frame up to `reach`; 0: it can't be believed. */
uint32_t amphi__wal_number(const amphi_wal *wal, uint32_t frame);

#endif
