#include "mp_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int result(int value) { return value < 0 ? -errno : value; }

ssize_t mp_send_message(
  int socket, const void *header, size_t header_size, const void *payload, size_t payload_size,
  const int *descriptors, size_t count, bool waits) {
  struct iovec parts[2] = {
    {.iov_base = (void *)header, .iov_len = header_size}, {.iov_base = (void *)payload, .iov_len = payload_size}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(MP_MOST_DESCRIPTORS * sizeof(int))];
  if (count > MP_MOST_DESCRIPTORS) return -E2BIG;
  if (count > 0) {
    size_t size = count * sizeof(int);
    // The padding behind the numbers goes to the kernel as well.
    memset(control, 0, CMSG_SPACE(size));
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(rights), descriptors, size);
  }
  ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL | (waits ? 0 : MSG_DONTWAIT));
  return sent < 0 ? -errno : sent;
}

ssize_t mp_receive_message(
  int socket, void *buffer, size_t capacity, int *descriptors, mp_receipt *receipt, bool waits, bool peeks) {
  struct iovec part = {.iov_base = buffer, .iov_len = capacity};
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(MP_MOST_DESCRIPTORS * sizeof(int))];
  struct msghdr message = {
    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  int flags = MSG_CMSG_CLOEXEC | (waits ? 0 : MSG_DONTWAIT) | (peeks ? MSG_PEEK : 0);
  ssize_t length = recvmsg(socket, &message, flags);
  if (length < 0) return -errno;
  *receipt = (mp_receipt){
    .lost_descriptors = message.msg_flags & MSG_CTRUNC, .cut = message.msg_flags & MSG_TRUNC};
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int count = (int)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    // The control buffer has no room for more than the array has.
    memcpy(descriptors + receipt->descriptor_count, CMSG_DATA(part), (size_t)count * sizeof(int));
    receipt->descriptor_count += count;
  }
  return length;
}

ssize_t mp_receive_bytes(int socket, void *buffer, size_t capacity, bool *cut) {
  struct iovec part = {.iov_base = buffer, .iov_len = capacity};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  ssize_t length = recvmsg(socket, &message, MSG_DONTWAIT);
  if (length < 0) return -errno;
  *cut = message.msg_flags & MSG_TRUNC;
  return length;
}

int mp_unix_address(mp_address *address, const char *name, size_t length, bool abstract) {
  struct sockaddr_un *unix_address = (struct sockaddr_un *)&address->storage;
  memset(address, 0, sizeof *address);
  // The kernel takes an empty name for "choose one"; a path ends at its first NUL.
  if (length == 0 || (!abstract && memchr(name, 0, length))) return -EINVAL;
  if (length >= sizeof unix_address->sun_path) return -ENAMETOOLONG;
  unix_address->sun_family = AF_UNIX;
  memcpy(unix_address->sun_path + (abstract ? 1 : 0), name, length);
  // An abstract name has a NUL ahead of it, a path one behind it.
  address->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
  return 0;
}

static int resolver_error(int code) {
  switch (code) {
    case EAI_SYSTEM: return -errno;
    case EAI_MEMORY: return -ENOMEM;
    case EAI_AGAIN: return -EAGAIN;
    default: return -EADDRNOTAVAIL;
  }
}

int mp_resolve(const char *host, uint16_t port, bool listens, mp_address *addresses, int capacity) {
  char service[8];
  snprintf(service, sizeof service, "%u", port);
  struct addrinfo hints = {
    .ai_family = AF_UNSPEC,
    .ai_socktype = SOCK_STREAM,
    .ai_flags = AI_NUMERICSERV | (listens ? AI_PASSIVE : 0)};
  struct addrinfo *found = NULL;
  int code = getaddrinfo(*host ? host : NULL, service, &hints, &found);
  if (code != 0) return resolver_error(code);
  int count = 0;
  for (struct addrinfo *one = found; one && count < capacity; one = one->ai_next) {
    if (one->ai_addrlen > sizeof addresses[count].storage) continue;
    memset(&addresses[count], 0, sizeof *addresses);
    memcpy(&addresses[count].storage, one->ai_addr, one->ai_addrlen);
    addresses[count++].size = one->ai_addrlen;
  }
  freeaddrinfo(found);
  return count > 0 ? count : -EADDRNOTAVAIL;
}

static const struct sockaddr *plain(const mp_address *address) { return (const struct sockaddr *)&address->storage; }

int mp_open_socket(const mp_address *address, bool nonblocking) {
  int family = plain(address)->sa_family;
  int type = family == AF_UNIX ? SOCK_SEQPACKET : SOCK_STREAM;
  return result(socket(family, type | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0));
}

int mp_listen(int socket, const mp_address *address, int backlog) {
  // What a former listener on this port left in TIME_WAIT is in nobody's way.
  const int on = 1;
  if (plain(address)->sa_family != AF_UNIX && setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
    return -errno;
  if (bind(socket, plain(address), address->size) < 0) return -errno;
  return result(listen(socket, backlog));
}

int mp_probe_unix(const mp_address *address) {
  // A listener takes packets; a datagram socket is refused by its kind before it is noticed.
  int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return -errno;
  int error = result(connect(probe, plain(address), address->size));
  close(probe);
  return error;
}

int mp_connect_unix(int socket, const mp_address *address, int64_t nanoseconds) {
  int64_t microseconds = nanoseconds < 0 ? 0 : nanoseconds / 1000 + 1;
  struct timeval time = {.tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000};
  const struct timeval never = {0};
  // connect(2) waits as long as a send may; zero stands for ever.
  if (setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) < 0) return -errno;
  int error = result(connect(socket, plain(address), address->size));
  if (setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &never, sizeof never) < 0 && error == 0) return -errno;
  return error;
}

int mp_connect_stream(int socket, const mp_address *address) {
  return result(connect(socket, plain(address), address->size));
}

int mp_connection_error(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return -errno;
  return -error;
}

int mp_accept(int listener) { return result(accept4(listener, NULL, NULL, SOCK_CLOEXEC)); }

int mp_bound_port(int socket) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  if (getsockname(socket, (struct sockaddr *)&address, &size) < 0) return -errno;
  switch (address.ss_family) {
    case AF_INET: return ntohs(((struct sockaddr_in *)&address)->sin_port);
    case AF_INET6: return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    default: return -EAFNOSUPPORT;
  }
}

int mp_socket_kind(int descriptor) {
  int domain = 0, type = 0;
  socklen_t size = sizeof(int);
  if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
      getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
    return errno == ENOTSOCK ? 0 : -errno;
  if (domain == AF_UNIX && type == SOCK_SEQPACKET) return 1;
  return (domain == AF_INET || domain == AF_INET6) && type == SOCK_STREAM ? 2 : 0;
}

int mp_set_nonblocking(int descriptor, bool nonblocking) {
  int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0) return -errno;
  return result(fcntl(descriptor, F_SETFL, nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

int mp_set_immediate(int socket) {
  const int on = 1;
  return result(setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

int mp_set_send_buffer(int socket, int size) {
  return result(setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
}

int mp_shutdown(int socket, bool reading, bool writing) {
  return result(shutdown(socket, reading && writing ? SHUT_RDWR : reading ? SHUT_RD : SHUT_WR));
}
