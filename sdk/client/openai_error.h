/* SPDX-License-Identifier: Apache-2.0
 *
 * A failure in OpenAI's words.
 */
#ifndef AMPHI_CLIENT_OPENAI_ERROR_H
#define AMPHI_CLIENT_OPENAI_ERROR_H

#include "sdk/core/json.h"

/* {"error":{"message","type","param","code","retry_after_ms","amphi":{...}}}. What we say of it is
 * under "amphi". provider may be NULL. */
void amphi__openai_error_put(
    amphi_json_writer *writer, const amphi_error *failure, const amphi_provider_error *provider);

/* The HTTP status that OpenAI's API has for it. */
uint32_t amphi__openai_error_http_status(
    const amphi_error *failure, const amphi_provider_error *provider);

#endif
