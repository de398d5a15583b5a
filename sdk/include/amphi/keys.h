/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's key: where it is, a new one, and its end. None of this needs a client, and none of it
 * ever shows a key. Keys of an app's own come through amphi/ext/keys.h.
 */
#ifndef AMPHI_KEYS_H
#define AMPHI_KEYS_H

#include <amphi/client.h>

AMPHI_BEGIN_DECLS

/* SIZED, filled in by amphi_keys_describe. */
typedef struct amphi_keys_report {
    size_t struct_size;   /* in bytes; see amphi/types.h */
    char provider[64];    /* the place (keys_place), or what the app's provider is called */
    char place[1024];     /* where its key is; empty: the provider does not say */
    bool has_key;         /* it is there; false too when the provider does not say */
    bool can_destroy;     /* amphi_keys_shred works */
    bool is_wrapped;      /* the store has a key of its own (amphi_keys_rekey), kept wrapped */
    uint64_t store_bytes; /* of the database and its log; 0: there is none */
} amphi_keys_report;

static inline void amphi_keys_report_init(amphi_keys_report *report)
{
    memset(report, 0, sizeof *report);
    report->struct_size = sizeof *report;
}

/* Makes no key and gives none away. A place that keeps keys elsewhere (keys_place) is asked whether
 * it has this one. */
AMPHI_API amphi_status amphi_keys_describe(
    const amphi_client_options *options, amphi_keys_report *out, amphi_error *error);

/* Gives the store a new random key and encrypts everything with it anew. The key is kept wrapped by
 * the provider's (AES-256-GCM), so that a key that got out does not open what comes. May be killed
 * at any moment: the old key and store or the new ones are there. Needs room for a second copy.
 * AMPHI_E_BUSY: a client, in any process, has the store open. AMPHI_E_NOT_FOUND: there is none.
 * AMPHI_E_CORRUPT: it is damaged, repair it first. Blocks. */
AMPHI_API amphi_status amphi_keys_rekey(const amphi_client_options *options, amphi_error *error);

/* Destroys the store's keys, after which everything it kept is noise wherever copies of it are, and
 * removes its files. Can't be undone. (A key in a file is overwritten in place; flash memory may
 * keep the old block for a while.) AMPHI_E_BUSY as above. AMPHI_E_UNSUPPORTED: the provider can't.
 * Killed in between, it is to be called again. */
AMPHI_API amphi_status amphi_keys_shred(const amphi_client_options *options, amphi_error *error);

AMPHI_END_DECLS

#endif
