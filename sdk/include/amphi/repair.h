/* SPDX-License-Identifier: Apache-2.0
 *
 * Is the encrypted store whole, and what of a damaged one can be saved? Neither needs a client:
 * both work where amphi_client_new refuses the store (AMPHI_E_CORRUPT). They read data_dir and
 * parts->keys of the options; a store of the app's own (parts->store) is AMPHI_E_UNSUPPORTED.
 */
#ifndef AMPHI_REPAIR_H
#define AMPHI_REPAIR_H

#include <amphi/client.h>

AMPHI_BEGIN_DECLS

/* SIZED, filled in. */
typedef struct amphi_history_check_report {
    size_t struct_size;     /* in bytes; see amphi/types.h */
    bool is_whole;          /* nothing was found */
    uint64_t pages;         /* of 4,096 bytes, as the last commit left them */
    uint64_t pages_bad;     /* whose HMAC does not hold, or that are missing */
    uint64_t log_pages;     /* committed, and still in the log beside the database */
    uint64_t log_pages_bad; /* of them */
    uint64_t faults;        /* between whole pages, 100 at most */
    char fault[160];        /* what was found first; never text of a user; empty: none */
    bool is_lost;           /* a store was here, its file is removed or emptied: see fault */
} amphi_history_check_report;

static inline void amphi_history_check_report_init(amphi_history_check_report *report)
{
    memset(report, 0, sizeof *report);
    report->struct_size = sizeof *report;
}

/* SIZED, filled in. */
typedef struct amphi_history_repair_report {
    size_t struct_size;   /* in bytes; see amphi/types.h */
    uint64_t messages;    /* in the repaired store */
    uint64_t rows;        /* of every kind in it */
    uint64_t rows_bad;    /* that were found and make no sense */
    uint64_t pages_bad;   /* that can't be read: their rows are lost */
    char kept_path[1024]; /* the old database, which stays */
} amphi_history_repair_report;

static inline void amphi_history_repair_report_init(amphi_history_repair_report *report)
{
    memset(report, 0, sizeof *report);
    report->struct_size = sizeof *report;
}

/* Verifies every page, then how they hang together. Others may use the store meanwhile. A damaged
 * store is AMPHI_OK with is_whole false, and so is a lost one. AMPHI_E_NOT_FOUND: there is none.
 * AMPHI_E_KEY: the key is another one's, or the file is a plain database. About 15 ms per MiB;
 * blocks. */
AMPHI_API amphi_status amphi_history_check(
    const amphi_client_options *options, amphi_history_check_report *out, amphi_error *error);

/* Brings everything that can be read into a fresh database, which takes the old one's place; the
 * old one stays under kept_path. May be killed at any moment: the old one or the new one is there.
 * AMPHI_E_BUSY: a client, in any process, has the store open. Blocks. */
AMPHI_API amphi_status amphi_history_repair(
    const amphi_client_options *options, amphi_history_repair_report *out, amphi_error *error);

/* Was a store here whose database was removed or emptied? `words` gets one line that says so and
 * what to do, or "": nothing was lost. 160 bytes are enough. It makes no store, and where nothing
 * was lost it only looks for files. The next client makes a new, empty store, and this goes on
 * saying it until a backup is restored, everything is erased (amphi_history_erase_all), the store
 * gets a new key, or the file store.lost is deleted. */
AMPHI_API amphi_status amphi_history_lost(
    const amphi_client_options *options, char *words, size_t capacity, amphi_error *error);

AMPHI_END_DECLS

#endif
