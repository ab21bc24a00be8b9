/* test_peers.c - sessions by connection. */
#include "broker/core/peers.h"

#include <criterion/criterion.h>

Test(peers, a_peer_that_was_never_seen_has_no_session)
{
    struct peers peers;

    peers_init(&peers);
    cr_assert_null(peers_get(&peers, 1)->session);
    cr_assert_null(peers_get(&peers, 100000)->session);
    peers_fini(&peers);
}

Test(peers, sessions_stay_where_they_are_while_the_table_grows)
{
    static int sessions[2000];
    struct peers peers;

    peers_init(&peers);
    for (uint32_t i = 1; i < 2000; i++)
        peers_get(&peers, i)->session = &sessions[i];
    for (uint32_t i = 1; i < 2000; i++)
        cr_assert_eq(peers_get(&peers, i)->session, &sessions[i]);
    peers_fini(&peers);
}
