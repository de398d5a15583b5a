/* SPDX-License-Identifier: Apache-2.0
 *
 * See settings_store.h.
 */
#include "tests/support/settings_store.h"

#include "sdk/core/str.h"

#include <stdlib.h>

fake_setting *setting_named(fake_store *store, amphi_str name)
{
    for (size_t i = 0; i < store->count; i++)
        if (amphi__str_equal_c(name, store->settings[i].name))
            return &store->settings[i];
    return NULL;
}

static amphi_status fake_get(
    void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    fake_setting *setting = setting_named(self, name);
    if (setting == NULL)
        return AMPHI_E_NOT_FOUND;
    visit(user, amphi_str_make(setting->value, setting->size));
    return AMPHI_OK;
}

static amphi_status fake_put(void *self, amphi_str name, amphi_str value, amphi_error *error)
{
    fake_store *store = self;
    if (store->refuse_puts)
        return AMPHI_E_IO;
    fake_setting *setting = setting_named(store, name);
    if (setting == NULL) {
        setting = &store->settings[store->count++];
        amphi__str_copy_to(setting->name, sizeof setting->name, name);
        setting->value = NULL;
    }
    free(setting->value);
    setting->value = malloc(value.size + 1);
    memcpy(setting->value, value.data, value.size);
    setting->size = value.size;
    store->puts++;
    return AMPHI_OK;
}

const amphi_store_ops settings_store_ops = {
    .struct_size = sizeof(amphi_store_ops),
    .name = "fake",
    .setting_get = fake_get,
    .setting_put = fake_put,
};
