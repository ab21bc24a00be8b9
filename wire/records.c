/* records.c - walks over the lists of records and of texts, plain or encoded; see message.h. Apart from the codec, so that the core links
 * without it. */
#include "wire/message.h"
#include "wire/reader.h"

/* Stand behind the head of the next record of an encoded list; gives the number of its fields. */
static bool
begin_record(struct reader *reader, struct bytes encoded, uint32_t *ret_fields)
{
    reader_init(reader, encoded);
    return reader_array(reader, ret_fields) == OK;
}

/* Pass over `fields` that a later version may have put behind those of a record, and move the list on. */
static void
end_record(struct reader *reader, uint32_t fields, struct bytes *encoded)
{
    while (fields-- > 0)
        reader_skip(reader, NESTING_MAX, NULL);
    encoded->data += reader->at;
    encoded->size -= reader->at;
}

int
wire_agent_pools_next(struct agent_pools *pools, struct agent_pool *ret_pool)
{
    struct reader reader;
    uint32_t fields;
    uint64_t wanted;

    if (pools->count == 0)
        return ERR_NOT_FOUND;
    if (pools->list) {
        *ret_pool = *pools->list++;
        pools->count--;
        return OK;
    }
    if (!begin_record(&reader, pools->encoded, &fields) || reader_str(&reader, &ret_pool->name) != OK ||
        reader_uint(&reader, &wanted) != OK)
        return ERR_NOT_FOUND;
    ret_pool->wanted = (uint32_t)wanted;
    end_record(&reader, fields - 2, &pools->encoded);
    pools->count--;
    return OK;
}

int
wire_processes_next(struct processes *processes, struct process_usage *ret_usage)
{
    struct reader reader;
    uint32_t fields;

    if (processes->count == 0)
        return ERR_NOT_FOUND;
    if (processes->list) {
        *ret_usage = *processes->list++;
        processes->count--;
        return OK;
    }
    if (!begin_record(&reader, processes->encoded, &fields) || reader_uint(&reader, &ret_usage->pid) != OK ||
        reader_uint(&reader, &ret_usage->rss_bytes) != OK || reader_uint(&reader, &ret_usage->cpu_us) != OK)
        return ERR_NOT_FOUND;
    end_record(&reader, fields - 3, &processes->encoded);
    processes->count--;
    return OK;
}

int
wire_texts_next(struct texts *texts, struct bytes *ret_text)
{
    struct reader reader;

    if (texts->count == 0)
        return ERR_NOT_FOUND;
    if (texts->list) {
        *ret_text = *texts->list++;
        texts->count--;
        return OK;
    }
    reader_init(&reader, texts->encoded);
    if (reader_str(&reader, ret_text) != OK)
        return ERR_NOT_FOUND;
    end_record(&reader, 0, &texts->encoded);
    texts->count--;
    return OK;
}

int
wire_holds_next(struct holds *holds, struct hold *ret_hold)
{
    struct reader reader;
    uint32_t fields;
    uint64_t attempt;

    if (holds->count == 0)
        return ERR_NOT_FOUND;
    if (holds->list) {
        *ret_hold = *holds->list++;
        holds->count--;
        return OK;
    }
    if (!begin_record(&reader, holds->encoded, &fields) || reader_uint(&reader, &ret_hold->fence) != OK ||
        reader_uint(&reader, &attempt) != OK || reader_bin(&reader, &ret_hold->origin) != OK)
        return ERR_NOT_FOUND;
    ret_hold->attempt = (uint32_t)attempt;
    end_record(&reader, fields - 3, &holds->encoded);
    holds->count--;
    return OK;
}
