/* SPDX-License-Identifier: Apache-2.0
 *
 * Sending a request once more: in the form that the provider asked for, or with new credentials.
 * Both may block (the app is asked for a token, a file is read), which the transport's thread must
 * not, so each endpoint has one thread for it, started when it is first needed. For the caller it
 * is one attempt: it hears nothing of the first refusal.
 */
#include "remote/endpoint_run.h"

#include "sdk/core/error.h"

static void report_failure(amphi_engine_run *run)
{
    amphi__endpoint_run_fail(run, &run->failure, &run->failure_words);
}

/* The run is not released meanwhile. */
static void send_again(amphi_engine_run *run)
{
    amphi_error error;
    amphi_credentials refused = run->credentials;
    bool renews = run->resend == AMPHI_RESEND_CREDENTIALS;
    amphi__credentials_init(&run->credentials);
    run->resend = AMPHI_RESEND_NO;
    amphi_status status = amphi__endpoint_run_send(run, renews ? &refused : NULL, &error);
    if (status == AMPHI_E_CANCELLED || status == AMPHI_E_NO_MEMORY)
        amphi__endpoint_run_fail(run, &error, NULL);
    else if (status != AMPHI_OK)
        report_failure(run); /* the first refusal says more */
    amphi__credentials_wipe(&refused);
}

static void resend_main(void *arg)
{
    amphi_remote_endpoint *endpoint = arg;
    amphi__mutex_lock(&endpoint->mutex);
    while (!endpoint->stop) {
        amphi_engine_run *run = endpoint->resends;
        if (run == NULL) {
            amphi__cond_wait(&endpoint->changed, &endpoint->mutex);
            continue;
        }
        amphi__endpoint_resend_unlink(run);
        run->is_resending = true;
        amphi__mutex_unlock(&endpoint->mutex);
        send_again(run);
        amphi__mutex_lock(&endpoint->mutex);
        run->is_resending = false;
        amphi__cond_broadcast(&endpoint->changed);
    }
    amphi__mutex_unlock(&endpoint->mutex);
}

bool amphi__endpoint_resend_queue(amphi_engine_run *run)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    if (!endpoint->resend_runs)
        endpoint->resend_runs = amphi__thread_start(&endpoint->resend_thread, "amphi-resend",
                                    resend_main, endpoint) == AMPHI_OK;
    if (!endpoint->resend_runs)
        return false;
    run->is_to_be_resent = true;
    run->next_resend = endpoint->resends;
    endpoint->resends = run;
    amphi__cond_broadcast(&endpoint->changed);
    return true;
}

void amphi__endpoint_resend_unlink(amphi_engine_run *run)
{
    amphi_engine_run **at = &run->endpoint->resends;
    while (run->is_to_be_resent && *at != NULL) {
        if (*at == run) {
            *at = run->next_resend;
            run->is_to_be_resent = false;
            return;
        }
        at = &(*at)->next_resend;
    }
}
