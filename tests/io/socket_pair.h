/* socket_pair.h - a ROUTER and a DEALER that are connected within the process, for tests of what sends and receives. */
#ifndef SNAKEPIT_TESTS_IO_SOCKET_PAIR_H
#define SNAKEPIT_TESTS_IO_SOCKET_PAIR_H

#include "wire/body.h"

#include <criterion/criterion.h>
#include <string.h>
#include <zmq.h>

struct socket_pair {
    void *context;
    void *router;
    void *dealer;
    uint8_t routing_id[256]; /* the DEALER's, as the ROUTER made it */
    uint32_t routing_id_bytes;
};

/* `queue_max` messages may wait on each side. */
static inline void
socket_pair_init(struct socket_pair *pair, int queue_max)
{
    int mandatory = 1, linger_ms = 0, timeout_ms = 5000;
    char hello[1];

    pair->context = zmq_ctx_new();
    pair->router = zmq_socket(pair->context, ZMQ_ROUTER);
    pair->dealer = zmq_socket(pair->context, ZMQ_DEALER);
    zmq_setsockopt(pair->router, ZMQ_ROUTER_MANDATORY, &mandatory, sizeof mandatory);
    zmq_setsockopt(pair->router, ZMQ_SNDHWM, &queue_max, sizeof queue_max);
    zmq_setsockopt(pair->dealer, ZMQ_RCVHWM, &queue_max, sizeof queue_max);
    zmq_setsockopt(pair->dealer, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_setsockopt(pair->router, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_setsockopt(pair->dealer, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    zmq_setsockopt(pair->router, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    cr_assert_eq(zmq_bind(pair->router, "inproc://pair"), 0);
    cr_assert_eq(zmq_connect(pair->dealer, "inproc://pair"), 0);
    zmq_send(pair->dealer, "x", 1, 0);
    pair->routing_id_bytes = (uint32_t)zmq_recv(pair->router, pair->routing_id, sizeof pair->routing_id, 0);
    cr_assert_eq(zmq_recv(pair->router, hello, sizeof hello, 0), 1);
}

static inline void
socket_pair_fini(struct socket_pair *pair)
{
    if (pair->dealer)
        zmq_close(pair->dealer);
    zmq_close(pair->router);
    zmq_ctx_term(pair->context);
}

static inline struct bytes
socket_pair_id(const struct socket_pair *pair)
{
    return (struct bytes){pair->routing_id, pair->routing_id_bytes};
}

#endif
