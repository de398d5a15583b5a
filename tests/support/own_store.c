/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/own_store.h"

#include "tests/support/lock_holder.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

void own_store_open(own_store *own)
{
    assert_int_equal(lock_holder_open(&own->store, &own->keys, own->dir.path), AMPHI_OK);
}

void own_store_begin(own_store *own)
{
    scratch_dir_make(&own->dir);
    own_store_open(own);
}

void own_store_close(own_store *own)
{
    own->store.ops->free(own->store.self);
    own->keys.ops->free(own->keys.self);
}

void own_store_end(own_store *own)
{
    own_store_close(own);
    scratch_dir_remove(&own->dir);
}
