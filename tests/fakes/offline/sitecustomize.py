"""First on the path of a process, this takes its network away: all connections fail."""

import socket
import sys

SAID = "the network is blocked by this test"


def _refuse(*_arguments: object, **_options: object) -> None:
    print(SAID, file=sys.stderr)  # also where the error is swallowed
    raise OSError(SAID)


_connect = socket.socket.connect


def _local_only(self: socket.socket, address: object) -> None:
    """Unix sockets belong to the machine: worker processes talk over them."""
    if self.family != getattr(socket, "AF_UNIX", None):
        _refuse()
    _connect(self, address)


socket.getaddrinfo = _refuse
socket.create_connection = _refuse
socket.socket.connect = _local_only
socket.socket.connect_ex = _local_only
