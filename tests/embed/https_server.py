#!/usr/bin/env python3
"""Sends one lock as the response to each HTTPS request: https_server.py CERTIFICATE KEY

The first line of its output is the URL.
"""
import http.server
import ssl
import sys

BODY = b'{"result":[{"id":1001,"isConnected":true,"deviceState":{"state":6}}]}'


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[1:3])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(f"https://localhost:{server.server_port}", flush=True)
server.serve_forever()
