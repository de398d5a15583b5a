/* SPDX-License-Identifier: Apache-2.0
 *
 * The request side of the Responses dialect (dialect_responses.c has the answer's).
 */
#ifndef AMPHI_REMOTE_DIALECT_RESPONSES_REQUEST_H
#define AMPHI_REMOTE_DIALECT_RESPONSES_REQUEST_H

#include "remote/dialect.h"

amphi_status amphi__responses_request_write(
    amphi_buf *out, const amphi_dialect_request *request, amphi_error *error);

#endif
