/* decoder.h - reads the fields of one command and says what is wrong with them. Private to wire/; allocates nothing. */
#ifndef SNAKEPIT_WIRE_DECODER_H
#define SNAKEPIT_WIRE_DECODER_H

#include "reader.h"
#include "wire.h"

struct decoder {
    struct reader reader;
    uint32_t values_left; /* in the array or map that is being read */
    enum side side;
    enum direction direction;
    uint32_t inline_bytes_max;
    struct wire_fault *fault;
};

/* Note what is wrong with the value that stands next. Returns ERR_INVALID, for the caller to hand on. */
int
decoder_fail(struct decoder *decoder, enum error_code code, const char *field, const char *text);

/* Each takes the next value of the array or map: OK, or ERR_INVALID with the fault noted at the offset of what is
 * wrong. `field` is its name, static text. */
int
take_uint(struct decoder *decoder, const char *field, uint64_t min, uint64_t max, uint64_t *ret_value);

int
take_bool(struct decoder *decoder, const char *field, bool *ret_value);

/* A str of `min` to `max` bytes. */
int
take_str(struct decoder *decoder, const char *field, uint32_t min, uint32_t max, struct bytes *ret_text);

/* A str for people; what is over `max` bytes is cut, between characters. */
int
take_text(struct decoder *decoder, const char *field, uint32_t max, struct bytes *ret_text);

int
take_bin(struct decoder *decoder, const char *field, uint32_t min, uint32_t max, struct bytes *ret_bytes);

/* The name of a pool; with `to_submit` also ADMIN_POOL, or nothing for the default pool. */
int
take_pool(struct decoder *decoder, bool to_submit, struct bytes *ret_name);

/* What stands for a task on this side: an id or a fence. */
int
take_ref(struct decoder *decoder, const char *field, struct ref *ret_ref);

int
take_fence(struct decoder *decoder, uint64_t *ret_fence);

int
take_payload(struct decoder *decoder, struct payload *ret_payload);

/* An array of at most LEASES_MAX uints. */
int
take_fences(struct decoder *decoder, const char *field, struct fences *ret_fences);

/* An array of at most AGENT_POOLS_MAX arrays [name, wanted]. */
int
take_agent_pools(struct decoder *decoder, const char *field, struct agent_pools *ret_pools);

/* An array of at most RETRY_TYPES_MAX str of 1 to `max` bytes. */
int
take_texts(struct decoder *decoder, const char *field, uint32_t max, struct texts *ret_texts);

/* An array of at most LEASES_MAX arrays [fence, attempt, origin]. */
int
take_holds(struct decoder *decoder, const char *field, struct holds *ret_holds);

/* An array of at most PROCESSES_MAX arrays [pid, rss_bytes, cpu_us]. */
int
take_processes(struct decoder *decoder, struct processes *ret_processes);

/* A map with str keys and any values, at most `max` bytes, as it is encoded; the values lie in `depth` arrays and maps.
 * An empty one gives empty bytes. */
int
take_map(struct decoder *decoder, const char *field, uint32_t max, unsigned depth, struct bytes *ret_map);

/* A map of str to str, at most HEADERS_BYTES_MAX, as it is encoded. */
int
take_headers(struct decoder *decoder, const char *field, struct bytes *ret_headers);

/* Pass over a value that is of no interest, which lies in `depth` arrays and maps. */
int
take_anything(struct decoder *decoder, unsigned depth);

#endif
