/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of `amphi history` share: history.c reads the arguments and has the verbs that
 * list and change, history_erase.c those that take away, history_transfer.c export and import.
 */
#ifndef AMPHI_CLI_HISTORY_H
#define AMPHI_CLI_HISTORY_H

#include "cli.h"

typedef struct cli_history_call {
    cli_options *options;
    amphi_client *client;
    const char *id;    /* the conversation; NULL: none */
    const char *title; /* of rename */
    const char *file;  /* of import */
    const char *words; /* of search */
    uint64_t limit, from_id, before_id, message_id, max_age_ms, max_bytes;
    amphi_error error;
} cli_history_call;

/* Was this flag given? */
bool cli_history_has(const cli_history_call *c, const char *flag);
/* The library's JSON form of `op`, with what the arguments say; the exit status. */
int cli_history_answer_json(cli_history_call *c, const char *op);
/* The exit status: `done` (or nothing, when NULL) on standard output, or the error. */
int cli_history_finish(cli_history_call *c, amphi_status status, const char *done);

/* On standard error: the shared cache still has so many answers of what was deleted. */
void cli_history_say_left(const cli_options *options, uint64_t count);

int cli_history_search(cli_history_call *c, const amphi_search_query *query);
int cli_history_run_delete(cli_history_call *c);
int cli_history_run_prune(cli_history_call *c);
int cli_history_run_erase_all(cli_history_call *c);
int cli_history_run_export(cli_history_call *c);
int cli_history_run_import(cli_history_call *c);

#endif
