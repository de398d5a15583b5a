/* SPDX-License-Identifier: Apache-2.0
 *
 * What /proc says of this process: open descriptors and children. For tests that must not leak any.
 */
#ifndef AMPHI_TESTS_PROCESS_COUNT_H
#define AMPHI_TESTS_PROCESS_COUNT_H

/* -1: /proc can't be read. */
int count_descriptors(void);
/* Children that were not collected yet; -1: /proc can't be read. */
int count_children(void);
/* The one child that runs, or 0. */
int only_child(void);

#endif
