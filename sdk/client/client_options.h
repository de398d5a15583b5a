/* SPDX-License-Identifier: Apache-2.0
 *
 * What the app hands over to amphi_client_new, turned into this library's version of it: options
 * and endpoints into whole structs, tables into whole tables. Behind this file a struct_size
 * matters to nothing in this folder, and an optional entry of a table is there unless it is NULL.
 */
#ifndef AMPHI_CLIENT_OPTIONS_H
#define AMPHI_CLIENT_OPTIONS_H

#include <amphi/client.h>
#include <amphi/ext/parts.h>

/* Copies of the app's tables; they live as long as the client. */
typedef struct amphi_tables {
    amphi_clock clock;
    amphi_keys_ops keys;
    amphi_store_ops store;
    amphi_http_ops http;
    amphi_device_ops device;
    amphi_shared_cache_ops shared_cache;
    amphi_engine_ops local;
    amphi_engine_ops engines[AMPHI_ROUTES_MAX];
    amphi_engine engine_values[AMPHI_ROUTES_MAX];
} amphi_tables;

/* own->endpoints points to `endpoints`, own->parts still to the app's. Strings are the app's. */
amphi_status amphi__client_options_read(amphi_client_options *own,
    amphi_endpoint_options endpoints[AMPHI_ROUTES_MAX - 1], const amphi_client_options *source,
    amphi_error *error);

/* Every table that `source` (NULL: none) brings is copied into `tables`, and *own points there.
 * AMPHI_E_ARGUMENT names a table whose required entry is missing. */
amphi_status amphi__parts_read(
    amphi_parts *own, amphi_tables *tables, const amphi_parts *source, amphi_error *error);

/* Both, for calls that make no client. */
typedef struct amphi_whole_options {
    amphi_client_options own;
    amphi_endpoint_options endpoints[AMPHI_ROUTES_MAX - 1];
    amphi_parts parts;
    amphi_tables tables;
} amphi_whole_options;

amphi_status amphi__whole_options_read(
    amphi_whole_options *out, const amphi_client_options *source, amphi_error *error);

#endif
