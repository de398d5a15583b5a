/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a model file: refused with one line, or loaded so that every tensor lies inside the
 * file and every value can be asked for.
 */
#include "fuzz.h"
#include "local/model/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"general.architecture", "general.alignment",
        "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type", "a", "b"};
    amphi_gguf *gguf = NULL;
    amphi_error error;
    amphi_status status = amphi__gguf_open_memory(&gguf, data, size, &error);
    fuzz_expect((status == AMPHI_OK) == (gguf != NULL));
    if (status != AMPHI_OK) {
        fuzz_expect(error.message[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < amphi__gguf_tensors_count(gguf); i++) {
        const amphi_gguf_tensor *tensor = amphi__gguf_tensor_at(gguf, i);
        const uint8_t *from = tensor->data;
        fuzz_expect(
            from >= data && tensor->size_bytes <= size && from + tensor->size_bytes <= data + size);
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        amphi_gguf_array array;
        amphi_str text;
        uint64_t number = 0;
        double real = 0;
        bool flag = false;
        amphi__gguf_str(gguf, keys[i], &text);
        amphi__gguf_u64(gguf, keys[i], &number);
        amphi__gguf_f64(gguf, keys[i], &real);
        amphi__gguf_bool(gguf, keys[i], &flag);
        if (!amphi__gguf_array_get(gguf, keys[i], &array))
            continue;
        size_t cursor = 0;
        while (
            array.type == AMPHI_GGUF_STRING && amphi__gguf_array_next_str(&array, &cursor, &text))
            fuzz_expect((const uint8_t *)text.data + text.size <= data + size);
        for (uint64_t j = 0; array.type != AMPHI_GGUF_STRING && j < array.count && j < 64; j++) {
            (void)amphi__gguf_array_f64(&array, j);
            (void)amphi__gguf_array_i64(&array, j);
        }
    }
    amphi__gguf_free(gguf);
    return 0;
}
