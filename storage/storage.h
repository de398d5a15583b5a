/* SPDX-License-Identifier: Apache-2.0
 *
 * Front header of the store: SQLCipher behind ext/store.h, and where its key is.
 */
#ifndef AMPHI_STORAGE_H
#define AMPHI_STORAGE_H

#include "sdk/core/log.h"

#include <amphi/ext/clock.h>
#include <amphi/ext/keys.h>
#include <amphi/ext/store.h>
#include <amphi/repair.h>

#define AMPHI_STORE_FILE "amphi.db"
#define AMPHI_KEY_FILE   "store.key"
/* Behind AMPHI_STORE_FILE, before the time: a damaged database that a repair kept. */
#define AMPHI_STORE_ASIDE ".damaged-"

typedef struct amphi_storage_options {
    amphi_str data_dir;          /* created, mode 0700, when missing */
    amphi_keys keys;             /* borrowed; called whenever the file is opened */
    uint32_t cache_entries_max;  /* of the table; 0: 10,000 */
    uint64_t cache_bytes_max;    /* of the table; 0: 64 MiB */
    uint32_t outbox_entries_max; /* 0: 1,000 */
    uint64_t outbox_bytes_max;   /* of their requests; 0: 64 MiB */
    uint64_t outbox_age_max_ms;  /* an older one expires when a try fails; 0: 7 days */
    amphi_log log;
    const amphi_clock *clock; /* of ages; borrowed; NULL, or without boot_us: the system's */
} amphi_storage_options;

/* AMPHI_E_KEY: the key does not open this database (it is left as it is). AMPHI_E_UNSUPPORTED: no
 * SQLCipher on this machine, with the package's name; or a newer version's database. A store that
 * can't be read or written now (AMPHI_E_CORRUPT, AMPHI_E_IO, AMPHI_E_BUSY) is made all the same:
 * where there is no database it is empty; what can be read as the last commit left it is read; else
 * its calls fail with what is wrong, and every few seconds it tries again. */
amphi_status amphi__store_new(
    amphi_store *out, const amphi_storage_options *options, amphi_error *error);

/* amphi/repair.h. Neither needs a store that can be opened, and neither makes one. `is_quick`
 * leaves out how whole pages hang together. AMPHI_E_UNSUPPORTED: this build keeps nothing on
 * disk. */
amphi_status amphi__store_check(amphi_history_check_report *out,
    const amphi_storage_options *options, bool is_quick, amphi_error *error);
amphi_status amphi__store_repair(
    amphi_history_repair_report *out, const amphi_storage_options *options, amphi_error *error);

/* Was a store here whose database is removed or emptied, or was until a new one took its place?
 * `out` gets what and the remedy. */
bool amphi__store_lost(const amphi_storage_options *options, char *out, size_t capacity);

/* How many damaged databases were kept aside, and the path of one; "": there is none. */
uint64_t amphi__store_aside_find(amphi_str data_dir, char *path, size_t capacity);
/* Removes them, with their logs. */
amphi_status amphi__store_aside_remove(amphi_str data_dir, amphi_error *error);

/* Has the store a key of its own, wrapped, and how large is it? 0: there is none. */
void amphi__store_key_facts(amphi_str data_dir, bool *is_wrapped, uint64_t *store_bytes);
/* The store gets a new key, wrapped by the provider's (wrapped_key.h). AMPHI_E_NOT_FOUND: there is
 * no store. AMPHI_E_BUSY: a connection is open, in any process. AMPHI_E_CORRUPT: repair it
 * first. */
amphi_status amphi__store_rekey(const amphi_storage_options *options, amphi_error *error);
/* Destroys the store's keys, then removes its files. AMPHI_E_BUSY as above. */
amphi_status amphi__store_shred(const amphi_storage_options *options, amphi_error *error);

/* 32 random bytes in data_dir/store.key, hex, mode 0600, made with its folder on first use (never
 * replaced). A key file that others may read is refused with the remedy in the message. */
amphi_status amphi__keys_file_new(amphi_keys *out, amphi_str data_dir, amphi_error *error);
/* Keys in a place with a name: "file" (also ""), "keyring" or "libsecret". AMPHI_E_KEY: there is a
 * store, with its key in another one, or the place does not answer. AMPHI_E_UNSUPPORTED: this
 * machine has no such place. */
amphi_status amphi__keys_new(
    amphi_keys *out, amphi_str place, amphi_str data_dir, amphi_error *error);

/* What the store costs on this machine, measured in a folder that has nothing else in it. */
typedef struct amphi_storage_figures {
    double l2_hit_p50_us;     /* an answer from the cache's table */
    double turn_commit_us;    /* the median of appending a turn, synced */
    double plain_commit_us;   /* of the same rows in the same library without a key */
    double turn_commit_ratio; /* of the two */
    double search_p50_ms;     /* over as many messages as large_bytes holds of 10 KiB */
    double open_ms;           /* opening a store of so many bytes, the median */
    double grouped_tps[3];    /* turns per second from 1, 4 and 16 threads */
} amphi_storage_figures;

/* AMPHI_E_UNSUPPORTED: this build keeps nothing on disk. */
amphi_status amphi__storage_measure(
    amphi_storage_figures *out, amphi_str dir, uint64_t large_bytes, amphi_error *error);

/* Version of the SQLCipher (and SQLite) in use, for `amphi doctor`. */
amphi_status amphi__storage_version(char *out, size_t capacity, amphi_error *error);

#endif
