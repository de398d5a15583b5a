/* SPDX-License-Identifier: Apache-2.0
 *
 * The device probe: one implementation a platform.
 */
#ifndef AMPHI_EXT_DEVICE_H
#define AMPHI_EXT_DEVICE_H

#include <amphi/device.h>

typedef struct amphi_device_ops {
    size_t struct_size;
    const char *name;
    /* Any thread, one at a time. Fills what it can find out within a millisecond or so and sets
     * those bits in out->known; never fails. No network traffic. */
    void (*snapshot)(void *self, amphi_device_facts *out);
    /* Last call. NULL: nothing to free. */
    void (*free)(void *self);
} amphi_device_ops;

typedef struct amphi_device {
    const amphi_device_ops *ops;
    void *self;
} amphi_device;

#endif
