/* SPDX-License-Identifier: Apache-2.0
 *
 * The device probe: one implementation per platform.
 */
#ifndef AMPHI_EXT_DEVICE_H
#define AMPHI_EXT_DEVICE_H

#include <amphi/device.h>

/* TABLE. snapshot is required. */
typedef struct amphi_device_ops {
    size_t struct_size;
    const char *name;
    /* Any thread, one at a time. Fills what it can find out within a millisecond or so and sets
     * those bits in out->known; never fails. No network traffic. *out is zero but for struct_size;
     * fill in no more than that. What can't be read is left unknown: its bit stays 0. A fact that
     * was measured earlier has its age in out->age_ms; 0 is now. */
    void (*snapshot)(void *self, amphi_device_facts *out);
    /* Last call. NULL: nothing to free. */
    void (*free)(void *self);
} amphi_device_ops;

/* FROZEN. */
typedef struct amphi_device {
    const amphi_device_ops *ops;
    void *self;
} amphi_device;

#endif
