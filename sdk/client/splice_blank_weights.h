/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of splice_blank.c.
 */
#ifndef AMPHI_CLIENT_SPLICE_BLANK_WEIGHTS_H
#define AMPHI_CLIENT_SPLICE_BLANK_WEIGHTS_H

enum { AMPHI_SPLICE_BLANK_ROWS = 512, AMPHI_SPLICE_BLANK_COLUMNS = 64 };

extern const char *const amphi__splice_blank_weights[AMPHI_SPLICE_BLANK_ROWS];

#endif
