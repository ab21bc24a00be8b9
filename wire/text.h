/* text.h - small questions about names and texts for people. */
#ifndef SNAKEPIT_WIRE_TEXT_H
#define SNAKEPIT_WIRE_TEXT_H

#include "message.h"

#include <stddef.h>

/* A view of a string without its NUL. */
struct bytes
text_bytes(const char *text);

/* Are these the bytes of the string? */
bool
text_is(struct bytes text, const char *string);

/* 1..64 bytes of A-Z a-z 0-9 _ . - */
bool
text_is_name(struct bytes text);

/* The first `bytes_max` bytes of UTF-8 text or less, cut between characters. */
struct bytes
text_head(struct bytes text, uint32_t bytes_max);

/* Decode the code point at text[0..size). Returns its bytes (1..4), or 0 when they are not valid UTF-8; size > 0. */
size_t
text_decode(const char *text, size_t size, uint32_t *ret_code);

/* A control character, one that changes the direction of writing, or one that nobody sees: a terminal, or a reader, would
 * take the text for another. */
bool
text_is_unsafe(uint32_t code);

/* How many single characters must be put in, left out, changed or swapped with a neighbour to make one name of the
 * other; more than `NAME_BYTES_MAX` bytes are not compared and count as far away. */
unsigned
text_distance(struct bytes a, struct bytes b);

#endif
