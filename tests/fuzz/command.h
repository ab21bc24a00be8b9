/* command.h - one command of a misbehaving peer, made from a template as a fuzzer's input says. For tests only. */
#ifndef SNAKEPIT_TESTS_FUZZ_COMMAND_H
#define SNAKEPIT_TESTS_FUZZ_COMMAND_H

#include "tests/fuzz/input.h"
#include "tests/fuzz/memory.h"
#include "wire/message.h"
#include "wire/writer.h"

/* Append a command with this verb to the frame; nothing when no peer sends such a verb here. Without an edit it is mostly
 * one that makes sense: it names fences and sessions that are remembered, small task ids, and one of few instances.
 *
 * Taken from the input: which template, which remembered number, and each of `edits` as three bytes, which value,
 * what becomes of it, and how. */
void
command_append(struct wire_buffer *frame, struct input *input, enum side side, uint32_t peer, uint8_t verb,
               unsigned edits, const struct memory *memory);

#endif
