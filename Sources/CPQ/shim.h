#ifndef RAGDZ_CPQ_SHIM_H
#define RAGDZ_CPQ_SHIM_H
#include <errno.h>
#include <libpq-fe.h>
#include <stdint.h>
#include <sys/epoll.h>

// Swift's Glibc module has no epoll, and its event structure is packed on some machines.

static inline int ragdz_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

// Asks for one event; 0 when that is done. A descriptor that was closed has left the queue by itself, and its number
// may have come back since: then it is added anew.
static inline int ragdz_epoll_arm(int queue, int descriptor, int reading, int writing, uint64_t token) {
    struct epoll_event event = {0};
    event.events = EPOLLONESHOT | (reading ? EPOLLIN | EPOLLRDHUP : 0) | (writing ? EPOLLOUT : 0);
    event.data.u64 = token;
    if (epoll_ctl(queue, EPOLL_CTL_MOD, descriptor, &event) == 0) return 0;
    return errno == ENOENT ? epoll_ctl(queue, EPOLL_CTL_ADD, descriptor, &event) : -1;
}

static inline int ragdz_epoll_remove(int queue, int descriptor) {
    struct epoll_event event = {0};
    return epoll_ctl(queue, EPOLL_CTL_DEL, descriptor, &event);
}

// Waits without end; the number of tokens, or -1 when a signal came.
static inline int ragdz_epoll_wait(int queue, uint64_t *tokens, int capacity) {
    struct epoll_event events[64];
    int count = epoll_wait(queue, events, capacity < 64 ? capacity : 64, -1);
    for (int i = 0; i < count; i++) tokens[i] = events[i].data.u64;
    return count;
}
#endif
