#include <amphi/amphi.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    amphi_client_options options;
    amphi_client_options_init(&options);
    options.data_dir = amphi_str_from(argc > 1 ? argv[1] : NULL); /* or $XDG_DATA_HOME/amphi */
    amphi_message question = {AMPHI_ROLE_USER, AMPHI_STR("What happens when the battery is low?")};
    amphi_chat_request request;
    amphi_chat_request_init(&request);
    request.messages = &question;
    request.messages_count = 1;
    request.no_queue = true; /* an answer or an error, now */

    amphi_error error;
    amphi_event event;
    amphi_client *client = NULL;
    amphi_stream *stream = NULL;
    amphi_status status = amphi_client_new(&client, &options, &error);
    if (status == AMPHI_OK)
        status = amphi_chat_start(&stream, client, &request, &error);
    while (status == AMPHI_OK) {
        status = amphi_stream_next(stream, AMPHI_WAIT_FOREVER, &event, &error);
        if (status != AMPHI_OK || event.kind == AMPHI_EVENT_DONE)
            break;
        if (event.kind == AMPHI_EVENT_DELTA)
            fwrite(event.text.data, 1, event.text.size, stdout);
        if (event.kind == AMPHI_EVENT_ERROR) {
            error = *event.error;
            status = error.status;
        }
    }
    if (status != AMPHI_OK)
        fprintf(stderr, "%s\n", error.message);
    amphi_stream_free(stream);
    amphi_client_free(client);
    return status == AMPHI_OK ? 0 : 1;
}
