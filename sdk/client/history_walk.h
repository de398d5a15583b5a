/* SPDX-License-Identifier: Apache-2.0
 *
 * Every message of the history, conversation by conversation in the order of their last use (pinned
 * ones last): for exports.
 */
#ifndef AMPHI_CLIENT_HISTORY_WALK_H
#define AMPHI_CLIENT_HISTORY_WALK_H

#include <amphi/ext/store.h>

/* Each of them returns false to end the walk. Their arguments have this library's size. */
typedef struct amphi_history_visitor {
    bool (*conversation)(void *user, const amphi_history_conversation *item);
    bool (*row)(void *user, const amphi_store_row *row);
    void *user;
} amphi_history_visitor;

/* Can this store be walked? AMPHI_E_UNSUPPORTED: it has no list, or no rows. AMPHI_E_NOT_FOUND: it
 * is lost, and what is there is no copy of it. `what` names the caller in the message. */
amphi_status amphi__history_walk_check(amphi_store store, const char *what, amphi_error *error);
/* Of a store that passed the check. AMPHI_E_CORRUPT: a conversation could not be read to its end;
 * the others were visited. *was_ended: a visitor ended it. */
amphi_status amphi__history_walk(
    amphi_store store, const amphi_history_visitor *visitor, bool *was_ended, amphi_error *error);

#endif
