/* SPDX-License-Identifier: Apache-2.0
 *
 * Model files that were damaged, or made to do harm, given to the engine as an app gives them:
 * described, loaded (header, tokenizer, chat template, weights) and run. The engine runs in this
 * process, so that the sanitizers of this build see every byte that it touches.
 */
#include "local/local.h"
#include "sdk/core/str.h"
#include "tests/support/engine_recorder.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/scratch_dir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define BODY "{\"messages\":[{\"role\":\"user\",\"content\":\"tDtE\"}],\"max_tokens\":2}"

enum { MUTANTS = 1000, END_MS = 60000 };

/* A small model on disk, and its bytes. */
typedef struct model {
    scratch_dir dir;
    char path[512];
    int fd;
    gguf_builder builder;
    amphi_buf file;
} model;

static void model_make(model *m)
{
    scratch_dir_make(&m->dir);
    amphi__str_copy_to(
        m->path, sizeof m->path, amphi_str_from(scratch_dir_file(&m->dir, "model.gguf")));
    gguf_builder_init(&m->builder);
    gguf_builder_llama(&m->builder, 8, 8, 8, 1);
    gguf_builder_str(&m->builder, "tokenizer.chat_template",
        "{% for m in messages %}{{ m['content'] }}{% endfor %}");
    gguf_builder_finish(&m->builder, &m->file);
    m->fd = open(m->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(m->fd >= 0);
    assert_int_equal(write(m->fd, m->file.data, m->file.size), (ssize_t)m->file.size);
}

static void model_remove(model *m)
{
    close(m->fd);
    amphi__buf_clear(&m->file);
    gguf_builder_clear(&m->builder);
    scratch_dir_remove(&m->dir);
}

static amphi_engine make(const model *m)
{
    amphi_local_options options;
    amphi_engine engine;
    memset(&options, 0, sizeof options);
    options.model_path = amphi_str_from(m->path);
    options.threads = 1;
    options.context_tokens_max = 32;
    options.isolation = AMPHI_ISOLATION_THREAD;
    assert_int_equal(amphi__local_engine_new(&engine, &options, NULL), AMPHI_OK);
    return engine;
}

/* Runs one request; true: an answer came. Otherwise one line says why. */
static bool answers(amphi_engine engine)
{
    engine_recorder r;
    amphi_engine_run *run = NULL;
    engine_recorder_init(&r);
    assert_int_equal(engine_start(engine, &run, &r, BODY, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&r, END_MS));
    engine.ops->release(engine.self, run);
    assert_int_equal(r.terminals, 1);
    bool finished = r.finished;
    if (!finished)
        assert_true(r.error.status != AMPHI_OK && r.error.message[0] != '\0');
    engine_recorder_clear(&r);
    return finished;
}

static bool is_available(amphi_engine engine)
{
    amphi_engine_info info;
    info.struct_size = sizeof info;
    engine.ops->describe(engine.self, &info);
    assert_true(info.available || (info.failure != AMPHI_OK && info.why[0] != '\0'));
    return info.available;
}

static void hostile__every_truncation_of_a_model_is_an_error(void **state)
{
    model m;
    model_make(&m);
    amphi_engine engine = make(&m);
    assert_true(is_available(engine) && answers(engine));
    for (size_t size = m.file.size; size-- > 0;) {
        assert_int_equal(ftruncate(m.fd, (off_t)size), 0);
        if (is_available(engine))
            fail_msg("cut to %zu of %zu bytes, it is still described", size, m.file.size);
        if (answers(engine))
            fail_msg("cut to %zu of %zu bytes, it still answers", size, m.file.size);
    }
    engine.ops->free(engine.self);
    model_remove(&m);
}

static void hostile__a_thousand_mutated_headers_are_errors_or_sound_models(void **state)
{
    model m;
    uint32_t random = 4711;
    unsigned described = 0;
    unsigned answered = 0;
    model_make(&m);
    size_t header = m.file.size - m.builder.data.size;
    for (int round = 0; round < MUTANTS; round++) {
        char *copy = malloc(header);
        assert_non_null(copy);
        memcpy(copy, m.file.data, header);
        for (int change = 0; change <= round % 4; change++) {
            random = random * 1664525u + 1013904223u;
            size_t at = (random >> 4) % header;
            random = random * 1664525u + 1013904223u;
            copy[at] = round % 3 == 0 ? (char)0xff : (char)(random >> 16);
        }
        assert_int_equal(pwrite(m.fd, copy, header, 0), (ssize_t)header);
        free(copy);
        amphi_engine engine = make(&m);
        described += is_available(engine);
        answered += answers(engine);
        engine.ops->free(engine.self);
    }
    /* All three ends were met: refused by its header, refused when it was loaded, sound. */
    assert_true(described > MUTANTS / 10 && described < MUTANTS * 9 / 10);
    assert_true(answered > MUTANTS / 20 && answered < described);
    model_remove(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile__every_truncation_of_a_model_is_an_error),
        cmocka_unit_test(hostile__a_thousand_mutated_headers_are_errors_or_sound_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
