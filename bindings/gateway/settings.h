/* SPDX-License-Identifier: Apache-2.0
 *
 * Request headers that say what the body's "amphi" member would: X-Amphi-Mode and the like. For
 * clients whose bodies a library writes. Insides of the gateway.
 */
#ifndef AMPHI_GATEWAY_SETTINGS_H
#define AMPHI_GATEWAY_SETTINGS_H

#include "exchange_state.h"

/* Reads them all into exchange->settings. An unknown one, a value that it can't have or one given
 * twice sets exchange->refusal. */
void gateway_settings_read(gateway_exchange *exchange);

#endif
