"""Sockets of servers that a test has started."""
import socket


def accepts(path):
    """Returns whether a server accepts connections at a unix socket. The file is there a little earlier."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
