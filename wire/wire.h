/* wire.h - SPIT/1 commands to bytes and back. No sockets, no clock; never trusts a length that it has not checked. */
#ifndef SNAKEPIT_WIRE_WIRE_H
#define SNAKEPIT_WIRE_WIRE_H

#include "message.h"
#include "writer.h"

/* --- encoding ------------------------------------------------------------------------------------------------- */

/* Append one command. Attachment frames are the caller's to send, in the order of the commands.
 * OK, ERR_INVALID when a field breaks a limit of the protocol, ERR_MEMORY only when the buffer is fallible. */
int
wire_encode(struct wire_buffer *buffer, enum side side, const struct message *message);

/* --- decoding ------------------------------------------------------------------------------------------------- */

/* Walks the commands of one control frame; the frame must outlive it and all views that it gave out. */
struct wire_reader {
    const uint8_t *data;
    uint32_t size;
    uint32_t at;
    enum side side;
    enum direction direction;
    uint32_t inline_bytes_max;
};

/* Towards the broker `inline_bytes_max` is INLINE_BYTES_MAX, from it there is none; the caller may set another. */
void
wire_reader_init(struct wire_reader *reader, struct bytes control, enum side side, enum direction direction);

/* What was wrong with a command. */
struct wire_fault {
    enum error_code code; /* bad_message, bad_field, unsupported, too_large, unknown_verb */
    struct ref ref;       /* the command's ref when it could be read, else REF_NONE */
    unsigned verb;        /* as given; 0 when unreadable */
    const char *field;    /* static text; NULL when none */
    char unknown[64];     /* `unsupported`: the option's name, cut and made printable */
    const char *text;     /* static sentence for people */
    uint32_t offset;
    uint16_t frames;      /* attachment frames that the command claims; they must still be consumed */
};

enum wire_next {
    WIRE_COMMAND, /* *ret_message is set */
    WIRE_FAULT,   /* this command is wrong and skipped, *ret_fault is set; go on */
    WIRE_BROKEN,  /* not MessagePack from here on, or an empty frame; *ret_fault is set; the frame ends */
    WIRE_END,     /* no more commands */
};

/* Read the next command. Copies nothing; payloads that claim frames have `frames` > 0 and `attachments` NULL. Of a HELLO
 * with another protocol's name only `is_worker` and `protocol` are read, for the caller to refuse it. */
enum wire_next
wire_next(struct wire_reader *reader, struct message *ret_message, struct wire_fault *ret_fault);

#endif
