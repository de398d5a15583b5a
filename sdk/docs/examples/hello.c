#include <amphi/amphi.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    amphi_error error;
    amphi_client *client = NULL;
    amphi_client_options options;
    amphi_client_options_init(&options);
    options.data_dir = amphi_str_from(argc > 1 ? argv[1] : NULL); /* or $XDG_DATA_HOME/amphi */
    if (amphi_client_new(&client, &options, &error) != AMPHI_OK)
        return fprintf(stderr, "%s\n", error.message), 1;

    amphi_message question = {AMPHI_ROLE_USER, AMPHI_STR("What happens when the battery is low?")};
    amphi_chat_request request;
    amphi_chat_request_init(&request);
    request.messages = &question;
    request.messages_count = 1;

    amphi_stream *stream = NULL;
    amphi_event event = {0};
    amphi_status status = amphi_chat_start(&stream, client, &request, &error);
    while (status == AMPHI_OK && !amphi_event_is_terminal(&event)) {
        status = amphi_stream_next(stream, AMPHI_WAIT_FOREVER, &event, &error);
        if (event.kind == AMPHI_EVENT_DELTA)
            fwrite(event.text.data, 1, event.text.size, stdout);
    }
    amphi_stream_free(stream), amphi_client_free(client);
    return event.kind == AMPHI_EVENT_DONE ? 0 : 1;
}
