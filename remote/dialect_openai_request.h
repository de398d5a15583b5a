/* SPDX-License-Identifier: Apache-2.0
 *
 * The request side of the OpenAI dialect (dialect_openai.c has the answer's).
 */
#ifndef AMPHI_REMOTE_DIALECT_OPENAI_REQUEST_H
#define AMPHI_REMOTE_DIALECT_OPENAI_REQUEST_H

#include "remote/dialect.h"

amphi_status amphi__openai_request_write(
    amphi_buf *out, const amphi_dialect_request *request, amphi_error *error);

#endif
