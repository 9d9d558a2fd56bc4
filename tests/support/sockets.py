"""Sockets of servers that a test has started."""
import random
import socket

FIRST_PORT = 10000
OUTGOING_PORT = 32768  # the first port of outgoing connections, where the system does not say it
TRIES = 100


def server_port():
    """Returns a free port of 127.0.0.1 for a server. No outgoing connection gets it while the server is away."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            end = int(file.read().split()[0])
    except FileNotFoundError:
        end = OUTGOING_PORT
    tries = TRIES if end > FIRST_PORT + TRIES else 0
    for port in [random.SystemRandom().randrange(FIRST_PORT, end) for _ in range(tries)] + [0]:  # 0: any other
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
            return free.getsockname()[1]
    raise OSError("no port is free")


def accepts(path):
    """Returns whether a server accepts connections at a unix socket. The file is there a little earlier."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
