"""An HTTP/2 server on loopback that closes its connections after a few requests, byte by byte as told.

    h2_server.py CERT KEY DELAY_MS ANSWERS [ANSWERS...]

The first connection answers so many requests, and so on; the last number holds for all that follow, and a connection
of -1 takes a request and says nothing. The request behind the last answered is refused DELAY_MS later: GOAWAY says
that it was not looked at, in the words that leave the connection with nothing to do. Prints "port N" when it listens,
and for each request "answered" or "refused" or "held". Its answers hold one lock.
"""
import socket
import ssl
import struct
import sys
import threading
import time

HEADERS, SETTINGS, PING, GOAWAY, DATA = 1, 4, 6, 7, 0
ACK = END_STREAM = 1
END_HEADERS = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ANSWER_HEADER = b"\x88\x5f\x10application/json"  # HPACK: ":status: 200", "content-type: ..."
BODY = b'{"result":[{"id":1001,"isConnected":true,"deviceState":{"state":6}}]}'


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def say(word):
    print(word, flush=True)


def serve(connection, answers, delay):
    incoming = connection.makefile("rb")
    assert incoming.read(len(PREFACE)) == PREFACE
    connection.sendall(frame(SETTINGS, 0, 0))
    last = 0
    while len(head := incoming.read(9)) == 9:
        kind, flags, stream = struct.unpack("!BBI", head[3:])
        payload = incoming.read(int.from_bytes(head[:3], "big"))
        if kind in (SETTINGS, PING) and not flags & ACK:
            connection.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind == HEADERS and answers > 0:
            answers, last = answers - 1, stream
            say("answered")
            connection.sendall(frame(HEADERS, END_HEADERS, stream, ANSWER_HEADER) + frame(DATA, END_STREAM, stream, BODY))
        elif kind == HEADERS and answers == 0:
            say("refused")
            time.sleep(delay)
            connection.sendall(frame(GOAWAY, 0, 0, struct.pack("!II", last, 0)))
        elif kind == HEADERS:
            say("held")


def quietly(raw, context, answers, delay):
    """Clients come and go as they like."""
    try:
        with context.wrap_socket(raw, server_side=True) as connection:
            serve(connection, answers, delay)
    except OSError:
        pass


def main(cert, key, delay_ms, *answers):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["h2"])
    listener = socket.create_server(("127.0.0.1", 0))
    say(f"port {listener.getsockname()[1]}")
    number = 0
    while True:
        raw, _ = listener.accept()
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        each = int(answers[min(number, len(answers) - 1)])
        number += 1
        threading.Thread(target=quietly, args=(raw, context, each, int(delay_ms) / 1000), daemon=True).start()


main(*sys.argv[1:])
