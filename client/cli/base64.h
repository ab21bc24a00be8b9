/* base64.h - bytes as text, RFC 4648 section 4 with padding. Pure. */
#ifndef SNAKEPIT_CLI_BASE64_H
#define SNAKEPIT_CLI_BASE64_H

#include "wire/body.h"
#include "wire/writer.h"

/* Append the text of `bytes` to `out`. */
void
base64_encode(struct bytes bytes, struct wire_buffer *out);

/* Append the bytes that `text` stands for to `out`. OK, or ERR_INVALID: not base64; then *out may have grown. */
int
base64_decode(struct bytes text, struct wire_buffer *out);

#endif
