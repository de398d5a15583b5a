/* SPDX-License-Identifier: Apache-2.0
 *
 * The recorder of engine_recorder.h, and questions to /proc about ourselves.
 */
#include "tests/support/engine_recorder.h"

#include "sdk/core/clock.h"
#include "sdk/core/str.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void engine_recorder_init(engine_recorder *recorder)
{
    memset(recorder, 0, sizeof *recorder);
    amphi__mutex_init(&recorder->lock);
    amphi__cond_init(&recorder->changed);
    amphi__buf_init(&recorder->text, 0);
}

void engine_recorder_clear(engine_recorder *recorder)
{
    amphi__buf_clear(&recorder->text);
    amphi__cond_clear(&recorder->changed);
    amphi__mutex_clear(&recorder->lock);
}

static void on_event(void *self, const amphi_engine_event *event)
{
    engine_recorder *recorder = self;

    amphi__mutex_lock(&recorder->lock);
    recorder->after_terminal += recorder->terminals > 0;
    switch (event->kind) {
    case AMPHI_ENGINE_TEXT:
        recorder->texts++;
        amphi__buf_append_str(&recorder->text, event->text);
        break;
    case AMPHI_ENGINE_PROGRESS:
        recorder->progress++;
        break;
    case AMPHI_ENGINE_USAGE:
        recorder->usage = event->usage;
        break;
    case AMPHI_ENGINE_MODEL:
        amphi__str_copy_to(recorder->model, sizeof recorder->model, event->text);
        break;
    case AMPHI_ENGINE_FINISH:
        recorder->finished = true;
        recorder->finish = event->finish;
        recorder->terminals++;
        break;
    case AMPHI_ENGINE_FAIL:
        recorder->from_outside = event->from_outside;
        recorder->out_of_memory = event->out_of_memory;
        recorder->error = *event->error;
        recorder->terminals++;
        break;
    default:
        break;
    }
    if (recorder->terminals > 0 && recorder->terminal_us == 0)
        recorder->terminal_us = amphi__clock_us(NULL);
    amphi__cond_broadcast(&recorder->changed);
    amphi__mutex_unlock(&recorder->lock);
}

amphi_engine_sink engine_recorder_sink(engine_recorder *recorder)
{
    return (amphi_engine_sink){.self = recorder, .event = on_event};
}

static bool wait_for(engine_recorder *recorder, size_t bytes, bool end, unsigned timeout_ms)
{
    uint64_t until_us = amphi__clock_us(NULL) + (uint64_t)timeout_ms * 1000;
    bool met = false;

    amphi__mutex_lock(&recorder->lock);
    for (;;) {
        uint64_t now_us = amphi__clock_us(NULL);

        met =
            end ? recorder->terminals > 0 : recorder->text.size >= bytes || recorder->terminals > 0;
        if (met || now_us >= until_us)
            break;
        amphi__cond_wait_us(&recorder->changed, &recorder->lock, until_us - now_us);
    }
    amphi__mutex_unlock(&recorder->lock);
    return met;
}

bool engine_recorder_wait_end(engine_recorder *recorder, unsigned timeout_ms)
{
    return wait_for(recorder, 0, true, timeout_ms);
}

bool engine_recorder_wait_text(engine_recorder *recorder, size_t bytes, unsigned timeout_ms)
{
    return wait_for(recorder, bytes, false, timeout_ms);
}

amphi_status engine_start(amphi_engine engine, amphi_engine_run **out, engine_recorder *recorder,
    const char *body, const char *prefix, float tokens_per_second)
{
    const amphi_engine_sink sink = engine_recorder_sink(recorder);
    const amphi_engine_request request = {.struct_size = sizeof request,
        .body = amphi_str_from(body),
        .prefix = amphi_str_from(prefix),
        .tokens_per_second_max = tokens_per_second};

    return engine.ops->start(engine.self, out, &request, &sink, NULL);
}

int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    if (folder == NULL)
        return -1;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 3; /* ".", ".." and the folder's own */
}

/* The parent of a process, or 0. */
static int parent_of(const char *pid)
{
    char path[64];
    char line[512];
    int parent = 0;
    FILE *file = NULL;

    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fgets(line, sizeof line, file) != NULL && strrchr(line, ')') != NULL)
        sscanf(strrchr(line, ')') + 1, " %*c %d", &parent);
    fclose(file);
    return parent;
}

static int find_children(int *last)
{
    DIR *folder = opendir("/proc");
    struct dirent *entry = NULL;
    int count = 0;

    if (folder == NULL)
        return -1;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            parent_of(entry->d_name) == (int)getpid()) {
            *last = atoi(entry->d_name);
            count++;
        }
    }
    closedir(folder);
    return count;
}

int count_children(void)
{
    int last = 0;

    return find_children(&last);
}

int only_child(void)
{
    int last = 0;

    return find_children(&last) == 1 ? last : 0;
}
