/* decoder.c - the field types of SPIT/1 (docs/protocol.md, section 2.1); see decoder.h. */
#include "wire/decoder.h"

#include "wire/reader_quick.h"
#include "wire/text.h"

#include <string.h>

int
decoder_fail(struct decoder *decoder, enum error_code code, const char *field, const char *text)
{
    *decoder->fault = (struct wire_fault){.code = code, .field = field, .text = text, .offset = decoder->reader.at};
    return ERR_INVALID;
}

/* Count the value that is about to be taken: false, with the fault noted, when the command ends before it. */
static bool
has_value(struct decoder *decoder, const char *field)
{
    if (decoder->values_left > 0) {
        decoder->values_left--;
        return true;
    }
    decoder_fail(decoder, ERROR_BAD_FIELD, field, "the field is missing");
    return false;
}

static int
fail_field(struct decoder *decoder, const char *field, const char *text)
{
    return decoder_fail(decoder, ERROR_BAD_FIELD, field, text);
}

/* As fail_field, for a value that was read already and began at `at`. */
static int
fail_field_at(struct decoder *decoder, uint32_t at, const char *field, const char *text)
{
    decoder->reader.at = at;
    return fail_field(decoder, field, text);
}

int
take_uint(struct decoder *decoder, const char *field, uint64_t min, uint64_t max, uint64_t *ret_value)
{
    uint32_t at = decoder->reader.at;
    uint64_t value;

    if (!has_value(decoder, field))
        return ERR_INVALID;
    if (quick_uint(&decoder->reader, &value) != OK)
        return fail_field(decoder, field, "must be an unsigned integer");
    if (value < min || value > max)
        return fail_field_at(decoder, at, field, "the number is out of range");
    *ret_value = value;
    return OK;
}

int
take_bool(struct decoder *decoder, const char *field, bool *ret_value)
{
    if (!has_value(decoder, field))
        return ERR_INVALID;
    if (reader_bool(&decoder->reader, ret_value) != OK)
        return fail_field(decoder, field, "must be true or false");
    return OK;
}

int
take_str(struct decoder *decoder, const char *field, uint32_t min, uint32_t max, struct bytes *ret_text)
{
    uint32_t at = decoder->reader.at;
    struct bytes text;

    if (!has_value(decoder, field))
        return ERR_INVALID;
    if (quick_str(&decoder->reader, &text) != OK)
        return fail_field(decoder, field, "must be a str");
    if (text.size < min)
        return fail_field_at(decoder, at, field, "the str is too short");
    if (text.size > max)
        return fail_field_at(decoder, at, field, "the str is too long");
    *ret_text = text;
    return OK;
}

int
take_text(struct decoder *decoder, const char *field, uint32_t max, struct bytes *ret_text)
{
    int err = take_str(decoder, field, 0, UINT32_MAX, ret_text);

    if (err == OK)
        *ret_text = text_head(*ret_text, max);
    return err;
}

int
take_bin(struct decoder *decoder, const char *field, uint32_t min, uint32_t max, struct bytes *ret_bytes)
{
    uint32_t at = decoder->reader.at;
    struct bytes bytes;

    if (!has_value(decoder, field))
        return ERR_INVALID;
    if (quick_bin(&decoder->reader, &bytes) != OK)
        return fail_field(decoder, field, "must be a bin");
    if (bytes.size < min || bytes.size > max)
        return fail_field_at(decoder, at, field, "the bin has the wrong length");
    *ret_bytes = bytes;
    return OK;
}

int
take_pool(struct decoder *decoder, bool to_submit, struct bytes *ret_name)
{
    uint32_t at = decoder->reader.at;

    if (take_str(decoder, "pool", to_submit ? 0 : 1, NAME_BYTES_MAX, ret_name) != OK)
        return ERR_INVALID;
    if (text_is_name(*ret_name) || (to_submit && (ret_name->size == 0 || text_is(*ret_name, ADMIN_POOL))))
        return OK;
    return fail_field_at(decoder, at, "pool", "a name consists of A-Z a-z 0-9 _ . -");
}

int
take_ref(struct decoder *decoder, const char *field, struct ref *ret_ref)
{
    uint32_t at = decoder->reader.at;
    uint64_t number;
    struct bytes bytes;

    if (!has_value(decoder, field))
        return ERR_INVALID;
    if (quick_uint(&decoder->reader, &number) == OK) {
        memset(ret_ref, 0, sizeof *ret_ref);
        ret_ref->kind = REF_NUMBER;
        ret_ref->number = number;
        return OK;
    }
    if (decoder->side == SIDE_WORKER)
        return fail_field(decoder, field, "must be a fence, an unsigned integer");
    if (reader_text(&decoder->reader, &bytes) != OK)
        return fail_field(decoder, field, "must be an unsigned integer, or a bin or str");
    if (bytes.size < 1 || bytes.size > ID_BYTES_MAX)
        return fail_field_at(decoder, at, field, "must have 1 to 16 bytes");
    memset(ret_ref, 0, sizeof *ret_ref);
    ret_ref->kind = REF_BYTES;
    ret_ref->size = (uint8_t)bytes.size;
    memcpy(ret_ref->bytes, bytes.data, bytes.size);
    return OK;
}

int
take_fence(struct decoder *decoder, uint64_t *ret_fence)
{
    return take_uint(decoder, "fence", 0, UINT64_MAX, ret_fence);
}

int
take_payload(struct decoder *decoder, struct payload *ret_payload)
{
    uint32_t at = decoder->reader.at;
    uint64_t frames;

    *ret_payload = (struct payload){0};
    if (!has_value(decoder, "payload"))
        return ERR_INVALID;
    if (quick_bin(&decoder->reader, &ret_payload->data) == OK) {
        if (ret_payload->data.size <= decoder->inline_bytes_max)
            return OK;
        decoder->reader.at = at;
        return decoder_fail(decoder, ERROR_TOO_LARGE, "payload", "the inline payload is over inline_max");
    }
    if (quick_uint(&decoder->reader, &frames) != OK)
        return fail_field(decoder, "payload", "must be a bin, or a number of attachment frames");
    if (frames == 0)
        return fail_field_at(decoder, at, "payload", "the number of attachment frames starts at 1");
    if (frames > TASK_FRAMES_MAX) {
        decoder->reader.at = at;
        return decoder_fail(decoder, ERROR_BAD_MESSAGE, "payload", "too many attachment frames");
    }
    ret_payload->frames = (uint16_t)frames;
    return OK;
}

int
take_fences(struct decoder *decoder, const char *field, struct fences *ret_fences)
{
    uint32_t at = decoder->reader.at;
    uint32_t elements_at;
    uint64_t fence;

    *ret_fences = (struct fences){0};
    if (!has_value(decoder, field))
        return ERR_INVALID;
    if (reader_array(&decoder->reader, &ret_fences->count) != OK)
        return fail_field(decoder, field, "must be an array");
    if (ret_fences->count > LEASES_MAX)
        return fail_field_at(decoder, at, field, "the array is too long");
    elements_at = decoder->reader.at;
    for (uint32_t i = 0; i < ret_fences->count; i++)
        if (quick_uint(&decoder->reader, &fence) != OK)
            return fail_field(decoder, field, "must hold fences, unsigned integers");
    ret_fences->encoded.data = decoder->reader.data + elements_at;
    ret_fences->encoded.size = decoder->reader.at - elements_at;
    return OK;
}

int
take_headers(struct decoder *decoder, const char *field, struct bytes *ret_headers)
{
    uint32_t at = decoder->reader.at;
    uint32_t pairs;
    struct bytes text;

    if (!has_value(decoder, field))
        return ERR_INVALID;
    if (reader_map(&decoder->reader, &pairs) != OK)
        return fail_field(decoder, field, "must be a map");
    for (uint32_t i = 0; i < pairs; i++)
        if (quick_str(&decoder->reader, &text) != OK || quick_str(&decoder->reader, &text) != OK)
            return fail_field(decoder, field, "must be a map of str to str");
    if (decoder->reader.at - at > HEADERS_BYTES_MAX)
        return fail_field_at(decoder, at, field, "the headers are too long");
    *ret_headers = (struct bytes){decoder->reader.data + at, pairs > 0 ? decoder->reader.at - at : 0};
    return OK;
}

/* Take the head of an array of records, of which there may be `max`. */
static int
take_records(struct decoder *decoder, const char *field, uint32_t max, uint32_t *ret_count)
{
    uint32_t at = decoder->reader.at;

    if (!has_value(decoder, field))
        return ERR_INVALID;
    if (reader_array(&decoder->reader, ret_count) != OK)
        return fail_field(decoder, field, "must be an array");
    return *ret_count <= max ? OK : fail_field_at(decoder, at, field, "the array is too long");
}

/* Pass over what a later version may have put behind the fields of a record that lies in `depth` arrays and maps. */
static int
pass_later_fields(struct decoder *decoder, unsigned depth, uint32_t fields)
{
    while (fields-- > 0)
        if (reader_skip(&decoder->reader, NESTING_MAX - depth, NULL) != OK)
            return decoder_fail(decoder, ERROR_BAD_MESSAGE, NULL, "not MessagePack, or nested too deep");
    return OK;
}

int
take_agent_pools(struct decoder *decoder, const char *field, struct agent_pools *ret_pools)
{
    uint32_t records_at;

    *ret_pools = (struct agent_pools){0};
    if (take_records(decoder, field, AGENT_POOLS_MAX, &ret_pools->count) != OK)
        return ERR_INVALID;
    records_at = decoder->reader.at;
    for (uint32_t i = 0; i < ret_pools->count; i++) {
        uint32_t at = decoder->reader.at;
        uint32_t fields;
        struct bytes name;
        uint64_t wanted;

        if (quick_array(&decoder->reader, &fields) != OK || fields < 2 || quick_str(&decoder->reader, &name) != OK ||
            quick_uint(&decoder->reader, &wanted) != OK || !text_is_name(name) || wanted > UINT32_MAX)
            return fail_field_at(decoder, at, field, "must hold arrays of a name and a number");
        if (pass_later_fields(decoder, 4, fields - 2) != OK)
            return ERR_INVALID;
    }
    ret_pools->encoded = (struct bytes){decoder->reader.data + records_at, decoder->reader.at - records_at};
    return OK;
}

int
take_texts(struct decoder *decoder, const char *field, uint32_t max, struct texts *ret_texts)
{
    uint32_t texts_at;

    *ret_texts = (struct texts){0};
    if (take_records(decoder, field, RETRY_TYPES_MAX, &ret_texts->count) != OK)
        return ERR_INVALID;
    texts_at = decoder->reader.at;
    for (uint32_t i = 0; i < ret_texts->count; i++) {
        uint32_t at = decoder->reader.at;
        struct bytes text;

        if (quick_str(&decoder->reader, &text) != OK || text.size < 1 || text.size > max)
            return fail_field_at(decoder, at, field, "must hold str of 1 to 128 bytes");
    }
    ret_texts->encoded = (struct bytes){decoder->reader.data + texts_at, decoder->reader.at - texts_at};
    return OK;
}

int
take_holds(struct decoder *decoder, const char *field, struct holds *ret_holds)
{
    uint32_t records_at;

    *ret_holds = (struct holds){0};
    if (take_records(decoder, field, LEASES_MAX, &ret_holds->count) != OK)
        return ERR_INVALID;
    records_at = decoder->reader.at;
    for (uint32_t i = 0; i < ret_holds->count; i++) {
        uint32_t at = decoder->reader.at;
        uint32_t fields;
        uint64_t fence, attempt;
        struct bytes origin;

        if (quick_array(&decoder->reader, &fields) != OK || fields < 3 || quick_uint(&decoder->reader, &fence) != OK ||
            quick_uint(&decoder->reader, &attempt) != OK || attempt < 1 || attempt > UINT32_MAX ||
            quick_bin(&decoder->reader, &origin) != OK || origin.size < 1 || origin.size > ORIGIN_BYTES_MAX)
            return fail_field_at(decoder, at, field, "must hold arrays of a fence, an attempt and a bin");
        if (pass_later_fields(decoder, 4, fields - 3) != OK)
            return ERR_INVALID;
    }
    ret_holds->encoded = (struct bytes){decoder->reader.data + records_at, decoder->reader.at - records_at};
    return OK;
}

int
take_processes(struct decoder *decoder, struct processes *ret_processes)
{
    uint32_t records_at;

    *ret_processes = (struct processes){0};
    if (take_records(decoder, "processes", PROCESSES_MAX, &ret_processes->count) != OK)
        return ERR_INVALID;
    records_at = decoder->reader.at;
    for (uint32_t i = 0; i < ret_processes->count; i++) {
        uint32_t at = decoder->reader.at;
        uint32_t fields;
        uint64_t number;

        if (quick_array(&decoder->reader, &fields) != OK || fields < 3 || quick_uint(&decoder->reader, &number) != OK ||
            quick_uint(&decoder->reader, &number) != OK || quick_uint(&decoder->reader, &number) != OK)
            return fail_field_at(decoder, at, "processes", "must hold arrays of three numbers");
        if (pass_later_fields(decoder, 3, fields - 3) != OK)
            return ERR_INVALID;
    }
    ret_processes->encoded = (struct bytes){decoder->reader.data + records_at, decoder->reader.at - records_at};
    return OK;
}

int
take_map(struct decoder *decoder, const char *field, uint32_t max, unsigned depth, struct bytes *ret_map)
{
    uint32_t at = decoder->reader.at;
    uint32_t pairs;
    struct bytes key;

    if (!has_value(decoder, field))
        return ERR_INVALID;
    if (reader_map(&decoder->reader, &pairs) != OK)
        return fail_field(decoder, field, "must be a map");
    for (uint32_t i = 0; i < pairs; i++) {
        if (quick_str(&decoder->reader, &key) != OK)
            return fail_field(decoder, field, "must be a map with str keys");
        if (reader_skip(&decoder->reader, NESTING_MAX - depth, NULL) != OK)
            return decoder_fail(decoder, ERROR_BAD_MESSAGE, NULL, "not MessagePack, or nested too deep");
    }
    if (decoder->reader.at - at > max)
        return fail_field_at(decoder, at, field, "the map is too long");
    *ret_map = (struct bytes){decoder->reader.data + at, pairs > 0 ? decoder->reader.at - at : 0};
    return OK;
}

int
take_anything(struct decoder *decoder, unsigned depth)
{
    decoder->values_left--;
    if (reader_skip(&decoder->reader, NESTING_MAX - depth, NULL) == OK)
        return OK;
    return decoder_fail(decoder, ERROR_BAD_MESSAGE, NULL, "not MessagePack, or nested too deep");
}
