/* SPDX-License-Identifier: Apache-2.0
 *
 * The probe of a platform without one: nothing is known, so no device rule applies until the app
 * pushes facts.
 */
#include "policy/policy.h"
#include "sdk/core/sized.h"

static void snapshot(void *self, amphi_device_facts *out)
{
    (void)self;
    amphi_device_facts own;
    amphi_device_facts_init(&own);
    AMPHI__SIZED_WRITE(out, &own);
}

static const amphi_device_ops none_ops = {
    .struct_size = sizeof(amphi_device_ops),
    .name = "none",
    .snapshot = snapshot,
    .free = NULL,
};

amphi_status amphi__device_probe_new(amphi_device *out, amphi_error *error)
{
    (void)error;
    out->ops = &none_ops;
    out->self = NULL;
    return AMPHI_OK;
}
