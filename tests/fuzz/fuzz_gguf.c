/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a model file: refused with one line, or opened so that every tensor lies inside the
 * file and every value can be asked for. What was opened goes on to the readers behind it: the
 * hyper-parameters, the graph's weights, and the header that the quantizer writes, which has to
 * open again and say the same.
 */
#include "tests/fuzz/fuzz.h"

#include "local/graph/weights.h"
#include "local/model/gguf_file.h"
#include "local/model/gguf_write.h"
#include "local/model/quantize_mixture.h"
#include "sdk/core/alloc.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { REWRITTEN_BYTES_MAX = 1 << 16, ELEMENTS_ASKED = 64 };

static const amphi_kernels *kernels;

static void check_tensors(const amphi_gguf *gguf, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < amphi__gguf_tensors_count(gguf); i++) {
        const amphi_gguf_tensor *tensor = amphi__gguf_tensor_at(gguf, i);
        const uint8_t *from = tensor->data;
        fuzz_expect(
            from >= data && tensor->size_bytes <= size && from + tensor->size_bytes <= data + size);
        fuzz_expect(tensor->offset >= amphi__gguf_data_offset(gguf));
        fuzz_expect(amphi__gguf_tensor(gguf, tensor->name) == tensor);
    }
    fuzz_expect(amphi__gguf_tensor_at(gguf, amphi__gguf_tensors_count(gguf)) == NULL);
    fuzz_expect(amphi__gguf_tensor(gguf, AMPHI_STR("")) == NULL);
    fuzz_expect(amphi__gguf_file_size(gguf) == size);
}

static void check_array(const amphi_gguf_array *array, const uint8_t *data, size_t size)
{
    uint64_t count = 0;
    size_t cursor = 0;
    fuzz_expect(array->data >= data && array->data + array->size_bytes <= data + size);
    amphi_str text;
    while (amphi__gguf_array_next_str(array, &cursor, &text)) {
        fuzz_expect((const uint8_t *)text.data + text.size <= data + size);
        count++;
    }
    fuzz_expect(count == (array->type == AMPHI_GGUF_STRING ? array->count : 0));
    for (uint64_t i = 0; i <= array->count && i < ELEMENTS_ASKED; i++) {
        (void)amphi__gguf_array_f64(array, i);
        (void)amphi__gguf_array_i64(array, i);
    }
}

/* Every value is of exactly the kinds that it may be asked for as. */
static void check_value(const amphi_gguf *gguf, const gguf_value *value)
{
    uint64_t number = 0;
    double real = 0;
    bool flag = false;
    char key[64];
    if (value->key.size >= sizeof key || memchr(value->key.data, 0, value->key.size) != NULL)
        return;
    amphi__str_copy_to(key, sizeof key, value->key);
    if (strlen(key) != value->key.size)
        return; /* what is no UTF-8 was cut */
    amphi_str text;
    int kinds = amphi__gguf_str(gguf, key, &text) + amphi__gguf_u64(gguf, key, &number) +
                amphi__gguf_f64(gguf, key, &real) + amphi__gguf_bool(gguf, key, &flag);
    amphi_gguf_array array;
    bool is_array = amphi__gguf_array_get(gguf, key, &array);
    fuzz_expect(kinds + is_array <= 1);
    fuzz_expect(is_array == (value->type == AMPHI_GGUF_ARRAY));
    if (is_array)
        check_array(&array, gguf->data, gguf->size);
}

/* The same file through a descriptor and a path. */
static void check_opening(const uint8_t *data, size_t size, amphi_status wanted)
{
    amphi_gguf *gguf = NULL;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    fuzz_expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    fuzz_expect(amphi__gguf_open_fd(&gguf, fd, NULL) == wanted || fuzz_starved());
    amphi__gguf_free(gguf);
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fuzz_expect(amphi__gguf_open(&gguf, amphi_str_from(path), NULL) == wanted || fuzz_starved());
    amphi__gguf_free(gguf);
    close(fd);
    /* What the input says as a path: no such file, or no model. */
    amphi_str name = fuzz_input(data, size < 8 ? size : 8);
    fuzz_expect(amphi__gguf_open(&gguf, name, NULL) != AMPHI_OK);
}

static void check_rewritten(const amphi_gguf *gguf, amphi_buf *header, uint64_t size)
{
    amphi_gguf *again = NULL;
    size_t zeros = (size_t)size - header->size;
    if (amphi__buf_reserve(header, zeros) != AMPHI_OK)
        return;
    memset(header->data + header->size, 0, zeros);
    amphi_error error;
    amphi_status status = amphi__gguf_open_memory(&again, header->data, (size_t)size, &error);
    fuzz_expect(status == AMPHI_OK || fuzz_starved());
    if (status == AMPHI_OK)
        fuzz_expect(amphi__gguf_tensors_count(again) == amphi__gguf_tensors_count(gguf));
    for (size_t i = 0; status == AMPHI_OK && i < amphi__gguf_tensors_count(gguf); i++) {
        const amphi_gguf_tensor *old = amphi__gguf_tensor_at(gguf, i);
        const amphi_gguf_tensor *new = amphi__gguf_tensor_at(again, i);
        fuzz_expect(amphi__str_equal(old->name, new->name));
        fuzz_expect(memcmp(old->dims, new->dims, sizeof old->dims) == 0);
    }
    amphi__gguf_free(again);
}

/* As the quantizer does it, with the mixture that `choice` names. */
static void rewrite(const amphi_gguf *gguf, uint32_t choice)
{
    static const char *const names[] = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0",
        "Q5_1", "Q2_K", "Q3_K_M", "Q4_K_M", "q5_k", "Q6_K", "IQ4_NL", "IQ4_XS", "none"};
    const char *name = names[choice % (sizeof names / sizeof *names)];
    const amphi_mixture *mixture = amphi__mixture_find(amphi_str_from(name));
    size_t count = amphi__gguf_tensors_count(gguf);
    amphi_weight_type *types = amphi__calloc(count, sizeof *types);
    uint64_t *offsets = amphi__calloc(count, sizeof *offsets);
    uint64_t size = 0;
    amphi_buf header;
    amphi__buf_init(&header, 0);
    for (size_t i = 0; types != NULL && i < count; i++) {
        const amphi_gguf_tensor *tensor = amphi__gguf_tensor_at(gguf, i);
        types[i] = mixture != NULL ? amphi__mixture_choose(mixture, tensor, choice >> 8 & 31)
                                   : tensor->type;
    }
    amphi_error error;
    if (types != NULL && offsets != NULL &&
        amphi__gguf_write_header(&header, gguf, types, mixture != NULL ? mixture->file_type : 0,
            offsets, &size, &error) == AMPHI_OK &&
        size <= REWRITTEN_BYTES_MAX)
        check_rewritten(gguf, &header, size);
    amphi__buf_clear(&header);
    amphi__free(types);
    amphi__free(offsets);
}

static void load_graph(const amphi_gguf *gguf)
{
    amphi_error error = {0};
    amphi_hparams hparams;
    amphi_status status = amphi__hparams_read(&hparams, gguf, &error);
    fuzz_expect(status == AMPHI_OK || error.message[0] != '\0');
    if (status != AMPHI_OK)
        return;
    fuzz_expect(hparams.heads % hparams.kv_heads == 0 && hparams.rope_size <= hparams.key_size);
    for (uint32_t i = 0; i < 8; i++)
        (void)amphi__hparams_is_local(&hparams, i);
    amphi_weights weights;
    status = amphi__weights_init(&weights, gguf, &hparams, kernels, &error);
    fuzz_expect(status == AMPHI_OK || error.message[0] != '\0');
    fuzz_expect(status != AMPHI_OK || weights.embedding.rows == hparams.vocabulary);
    amphi__weights_clear(&weights);
}

static void body(const uint8_t *data, size_t size)
{
    amphi_gguf *gguf = NULL;
    amphi_error error = {0};
    uint32_t choice = fuzz_hash(data, size);
    fuzz_starve();
    amphi_status status = amphi__gguf_open_memory(&gguf, data, size, &error);
    fuzz_expect((status == AMPHI_OK) == (gguf != NULL));
    fuzz_expect(status == AMPHI_OK || error.message[0] != '\0');
    if (choice % 128 < 2 && !fuzz_starved())
        check_opening(data, size, status);
    if (status != AMPHI_OK)
        return;
    check_tensors(gguf, data, size);
    for (size_t i = 0; i < gguf->values_count; i++)
        check_value(gguf, &gguf->values[i]);
    load_graph(gguf);
    if (choice >> 8 & 1)
        rewrite(gguf, choice >> 9);
    amphi__gguf_free(gguf);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_begin();
    fuzz_expect(amphi__kernels_choose(&kernels, AMPHI_STR("reference"), NULL) == AMPHI_OK);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(body, data, size);
}
