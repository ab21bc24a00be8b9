/* suggest.c - which known word did the user mean?; see suggest.h. */
#include "client/cli/suggest.h"

#include "wire/text.h"

#include <string.h>

bool
suggest_is_near(const char *word, const char *known)
{
    size_t size = strlen(word);

    if (size >= 3 && strncmp(word, known, size) == 0)
        return true;
    return text_distance(text_bytes(word), text_bytes(known)) <= (size < 4 ? 1u : size < 8 ? 2u : 3u);
}
