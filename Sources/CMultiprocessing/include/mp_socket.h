// Sockets that carry messages: unix sockets that keep packets whole (SOCK_SEQPACKET), and TCP. Addresses, control
// messages and their macros are what Swift cannot say. Every function that can fail returns a negative errno.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/// The most descriptors that the kernel takes with one packet (SCM_MAX_FD).
enum { MP_MOST_DESCRIPTORS = 253 };

/// Where to listen or to connect to.
typedef struct {
  struct sockaddr_storage storage;
  socklen_t size;
} mp_address;

/// What a packet came with.
typedef struct {
  int descriptor_count;
  bool lost_descriptors;  ///< the table of descriptors is full, and some of the packet's are gone
  bool cut;               ///< the packet is longer than the buffer
} mp_receipt;

/// One packet: `header`, then `payload`, and with it `count` descriptors. Raises no SIGPIPE. The bytes sent.
ssize_t mp_send_message(
  int socket, const void *_Nullable header, size_t header_size, const void *_Nullable payload, size_t payload_size,
  const int *_Nullable descriptors, size_t count, bool waits);

/// One packet, of which `descriptors` has room for MP_MOST_DESCRIPTORS. With `peeks` it stays in the queue, and the
/// descriptors are copies. The packet's length up to `capacity`; 0 at the end of the stream.
ssize_t mp_receive_message(
  int socket, void *_Nonnull buffer, size_t capacity, int *_Nonnull descriptors, mp_receipt *_Nonnull receipt,
  bool waits, bool peeks);

/// The bytes that are there, without waiting, and without the descriptors that may come with them. `cut` tells of a packet
/// that is longer.
ssize_t mp_receive_bytes(int socket, void *_Nonnull buffer, size_t capacity, bool *_Nonnull cut);

/// A path, or a name in the abstract namespace.
int mp_unix_address(mp_address *_Nonnull address, const char *_Nonnull name, size_t length, bool abstract);
/// The addresses of a host, up to `capacity`; an empty host is every interface (`listens`) or this machine. Asks the
/// resolver, which may take its time. The number found.
int mp_resolve(
  const char *_Nonnull host, uint16_t port, bool listens, mp_address *_Nonnull addresses, int capacity);

/// A socket for that address; packets for unix addresses, else a stream.
int mp_open_socket(const mp_address *_Nonnull address, bool nonblocking);
/// Binds to the address and listens.
int mp_listen(int socket, const mp_address *_Nonnull address, int backlog);
/// -EPROTOTYPE where something is bound to that unix address, -ECONNREFUSED where nothing is any more. Disturbs nobody.
int mp_probe_unix(const mp_address *_Nonnull address);
/// Waits up to `nanoseconds` (< 0: for ever) for room among the connections that wait for a listener of a unix address.
int mp_connect_unix(int socket, const mp_address *_Nonnull address, int64_t nanoseconds);
/// -EINPROGRESS while it is under way; the socket is writable when that is over.
int mp_connect_stream(int socket, const mp_address *_Nonnull address);
/// What came of a connection that was under way: 0 or a negative errno.
int mp_connection_error(int socket);
/// The next connection, for which it does not wait.
int mp_accept(int listener);
/// The port that a socket is bound to.
int mp_bound_port(int socket);

/// 1 for a socket of packets over a unix address, 2 for a TCP stream, 0 for anything else.
int mp_socket_kind(int descriptor);
int mp_set_nonblocking(int descriptor, bool nonblocking);
/// Sends small messages at once (TCP_NODELAY).
int mp_set_immediate(int socket);
int mp_set_send_buffer(int socket, int size);
/// Takes the one or the other direction of a socket away, for all who have it.
int mp_shutdown(int socket, bool reading, bool writing);
