/* SPDX-License-Identifier: Apache-2.0
 *
 * A store that is a list of settings and nothing else. For tests of what keeps a few values.
 */
#ifndef AMPHI_TESTS_SETTINGS_STORE_H
#define AMPHI_TESTS_SETTINGS_STORE_H

#include <amphi/ext/store.h>

typedef struct fake_setting {
    char name[64];
    char *value; /* free() */
    size_t size;
} fake_setting;

/* All zero: empty. The test frees the values. */
typedef struct fake_store {
    fake_setting settings[8];
    size_t count;
    unsigned puts;
    bool refuse_puts;
} fake_store;

/* Its table; `self` is a fake_store. */
extern const amphi_store_ops settings_store_ops;

/* NULL: there is none. */
fake_setting *setting_named(fake_store *store, amphi_str name);

#endif
