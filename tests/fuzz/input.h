/* input.h - the bytes of a fuzzer's input, taken one after the other. For tests only. */
#ifndef SNAKEPIT_TESTS_FUZZ_INPUT_H
#define SNAKEPIT_TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
    const uint8_t *data;
    size_t size;
    size_t at;
};

static inline bool
input_is_over(const struct input *input)
{
    return input->at >= input->size;
}

/* The next byte; 0 behind the end. */
static inline uint8_t
input_byte(struct input *input)
{
    return input_is_over(input) ? 0 : input->data[input->at++];
}

#endif
