/* fences.c - a walk over a list of fences, plain or encoded; see message.h. Apart from the codec, so that the core,
 * which reads the fences of a HELLO, links without it. */
#include "wire/message.h"
#include "wire/reader.h"

int
wire_fences_next(struct fences *fences, uint64_t *ret_fence)
{
    struct reader reader;

    if (fences->count == 0)
        return ERR_NOT_FOUND;
    if (fences->list) {
        *ret_fence = *fences->list++;
        fences->count--;
        return OK;
    }
    reader_init(&reader, fences->encoded);
    if (reader_uint(&reader, ret_fence) != OK)
        return ERR_NOT_FOUND;
    fences->count--;
    fences->encoded.data += reader.at;
    fences->encoded.size -= reader.at;
    return OK;
}
