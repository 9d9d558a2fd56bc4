#!/usr/bin/env python3
"""The sample for OpenResty, bindings/lua/openresty, in nginx with its Lua module, against the simulator."""
import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

from simulator import Simulator
from sockets import server_port

TESTS = pathlib.Path(__file__).resolve().parent
BINDING = TESTS.parents[1] / "bindings" / "lua"
PLACES = [pathlib.Path("/"), pathlib.Path(os.environ.get("LOCKSYNC_NGINX_LUA", TESTS.parents[1] / "build" / "nginx-lua"))]
ROOT = next((place for place in PLACES if (place / "usr/lib/nginx/modules/ngx_http_lua_module.so").exists()), None)
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
CLIENT = os.environ.get("LOCKSYNC_RESTY_HTTP", TESTS / "lua")  # or the folder of the real resty.http
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def trickle(listener):
    """Sends a client a header every 0.1 s for 20 s."""
    connection, _ = listener.accept()
    with connection:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            for _ in range(200):
                connection.sendall(b"X-More: 1\r\n")
                time.sleep(0.1)
        except OSError:
            pass  # the client has given up


class Server:
    """nginx with the sample's configuration, changed for this place."""

    def __init__(self, base_url, workers=1, code_cache="on", guard_options="", settings="", most_age=60):
        for _ in range(5):
            self.url = f"http://127.0.0.1:{server_port()}"
            self.folder = pathlib.Path(tempfile.mkdtemp())
            self.configure(workers, code_cache, guard_options, settings, most_age)
            if self.start(base_url):
                return
            errors = self.errors()
            self.stop()
            if "Address already in use" not in errors:  # else somebody took the port
                break
        raise AssertionError(errors)

    def configure(self, workers, code_cache, guard_options, settings, most_age):
        sample = (BINDING / "openresty" / "states.lua").read_text(encoding="utf-8")
        (self.folder / "states.lua").write_text(sample.replace("MOST_AGE = 60", f"MOST_AGE = {most_age}"),
                                                encoding="utf-8")
        lua = f"{self.folder}/?.lua;{BINDING}/?.lua;{CLIENT}/?.lua;{ROOT}/usr/share/lua/5.1/?.lua;;"
        text = (BINDING / "openresty" / "nginx.conf").read_text(encoding="utf-8")
        text = re.sub(r"load_module modules/", f"load_module {ROOT}/usr/lib/nginx/modules/", text)
        text = re.sub(r"worker_processes \d+", f"worker_processes {workers}", text)
        text = re.sub(r"127.0.0.1:8081", self.url.removeprefix("http://"), text)
        text = text.replace('"LOCKSYNC_GUARD_FILE"}', '"LOCKSYNC_GUARD_FILE"' + guard_options + "}")
        text = text.replace("personal_key =", settings + "personal_key =")
        text = re.sub(r'lua_package_path ".*"', f'lua_package_path "{lua}";\n    access_log off;\n'
                      f"    lua_code_cache {code_cache}", text)
        if code_cache == "off":  # each request has its own Lua, in which the worker's start did not run
            start = re.search(r"init_worker_by_lua_block \{(.*?)\n    \}", text, re.S)[1]
            text = text.replace('{ require("states").respond() }', "{" + start + 'require("states").respond() }')
        user = "user root;\n" if os.geteuid() == 0 else ""
        text = text.replace("events {}", f"events {{}}\ndaemon off;\npid nginx.pid;\n{user}env LOCKSYNC_LIBRARY;\n"
                            "env LOCKSYNC_FFI_HEADER;\n")
        (self.folder / "nginx.conf").write_text(text, encoding="utf-8")

    def start(self, base_url):
        """Returns whether nginx accepts connections."""
        self.process = subprocess.Popen(
            [NGINX, "-p", self.folder, "-c", "nginx.conf", "-e", "error.log"],
            env=dict(os.environ, LOCKSYNC_BASE_URL=base_url, LOCKSYNC_PERSONAL_KEY="demo-key",
                     LD_LIBRARY_PATH=f"{ROOT}/usr/lib/{os.uname().machine}-linux-gnu",
                     LOCKSYNC_GUARD_FILE=str(self.folder / "guard")))
        begun = time.monotonic()
        while self.process.poll() is None and time.monotonic() - begun < 30:
            try:
                return self.get("/ping")[0] == 200
            except OSError:
                time.sleep(0.05)
        return False

    def errors(self):
        log = self.folder / "error.log"
        return log.read_text(encoding="utf-8") if log.exists() else "no log"

    def get(self, path):
        """Returns status, headers and text."""
        try:
            with OPENER.open(self.url + path, timeout=30) as response:
                return response.status, response.headers, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    def worker_memory(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return sum(int(pathlib.Path(f"/proc/{child}/statm").read_text().split()[1]) * 4096 for child in children)

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)
        shutil.rmtree(self.folder)


@unittest.skipUnless(ROOT and NGINX, "nginx's Lua module is not here; see tests/bindings/lua/unpack-nginx")
class Nginx(unittest.TestCase):
    def simulator(self, *arguments):
        simulator = Simulator(os.environ["LOCKSYNC_SIM"], "--static", *arguments)
        self.addCleanup(simulator.process.communicate)
        self.addCleanup(simulator.process.terminate)
        return simulator

    def server(self, *arguments, **options):
        server = Server(*arguments, **options)
        self.addCleanup(server.stop)
        return server

    def test_the_states_of_the_locks(self):
        server = self.server(self.simulator().url)
        status, headers, text = server.get("/locks")
        self.assertEqual((status, text.splitlines()[0].split()[0]), (200, "1001"), server.errors())
        again = server.get("/locks")  # denied by the guard: the states of before
        self.assertEqual((again[0], again[1]["X-Fetched-At"], again[2]), (200, headers["X-Fetched-At"], text))

    def test_a_fetch_does_not_hold_the_worker(self):
        server = self.server(self.simulator("--delay-ms", "10000").url)
        with concurrent.futures.ThreadPoolExecutor() as threads:
            slow = threads.submit(server.get, "/locks")
            time.sleep(0.2)
            longest = 0
            for _ in range(10):
                begun = time.monotonic()
                self.assertEqual(server.get("/ping")[0], 200)
                longest = max(longest, time.monotonic() - begun)
            self.assertFalse(slow.done())
            self.assertEqual(slow.result()[0], 200)
        print(f"10 requests while a fetch of 10 s runs: the longest took {longest * 1000:.1f} ms")
        self.assertLess(longest, 2)

    def test_all_workers_share_the_rate_limit(self):
        simulator = self.simulator("--min-interval-ms", "20000")
        server = self.server(simulator.url, workers=2)
        with concurrent.futures.ThreadPoolExecutor(20) as threads:
            results = list(threads.map(lambda _: server.get("/locks")[0], range(400)))
        statistics = simulator.ask("stats")
        self.assertEqual((statistics["syncs"], statistics["interval_violations"]), (1, 0))
        self.assertGreater(results.count(200), 0)
        self.assertLessEqual(set(results), {200, 503})

    def test_old_states_are_not_shown(self):
        server = self.server(self.simulator().url, most_age=1)
        self.assertEqual(server.get("/locks")[0], 200, server.errors())
        time.sleep(1.5)
        status, headers, text = server.get("/locks")
        self.assertEqual(status, 503, text)
        self.assertGreater(int(headers["Retry-After"]), 0)

    def test_a_response_without_an_end_is_given_up_in_time(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=trickle, args=[listener], daemon=True).start()
            server = self.server(f"http://127.0.0.1:{listener.getsockname()[1]}",
                                 settings="timeout = 1, connect_timeout = 1, ")
            begun = time.monotonic()
            status, _, text = server.get("/locks")
            self.assertEqual(status, 502, text)
            self.assertLess(time.monotonic() - begun, 10)
            self.assertEqual(server.get("/ping")[0], 200)

    def test_what_the_service_refuses_is_reported(self):
        server = self.server(self.simulator("--fault", "429").url)
        status, headers, text = server.get("/locks")
        self.assertEqual((status, headers["Retry-After"]), (503, "7"), text)
        server = self.server(self.simulator("--fault", "500").url)
        self.assertEqual(server.get("/locks")[0], 502)

    def test_the_simulator_is_killed_in_mid_fetch(self):
        simulator = self.simulator("--delay-ms", "20000")
        server = self.server(simulator.url)
        with concurrent.futures.ThreadPoolExecutor() as threads:
            slow = threads.submit(server.get, "/locks")
            begun = time.monotonic()
            while simulator.ask("stats")["syncs"] == 0 and time.monotonic() - begun < 30:
                time.sleep(0.05)
            simulator.process.kill()
            status, _, text = slow.result()
        self.assertEqual(status, 502)
        self.assertRegex(text, "closed|reset")
        self.assertEqual(server.get("/ping")[0], 200)

    def test_a_worker_may_load_the_module_for_each_request(self):
        server = self.server(self.simulator().url, code_cache="off")
        statuses = [server.get("/locks")[0] for _ in range(200)]
        self.assertEqual(statuses, [200] * 200, server.errors())  # the states are in the shared dictionary
        self.assertNotRegex(server.errors(), "exited on signal|panic|too many callbacks")

    def test_memory_does_not_grow(self):
        simulator = self.simulator()
        server = self.server(simulator.url, guard_options=", min_interval = 0.001, budget = 100000, unused = 0")
        before = None
        for number in range(4000):
            self.assertEqual(server.get("/locks")[0], 200)
            if number == 1000:
                before = server.worker_memory()
        grown = server.worker_memory() - before
        fetches = simulator.ask("stats")["syncs"]
        print(f"3000 requests: {grown} bytes; {fetches} fetches in all")
        self.assertGreaterEqual(fetches, 500)
        self.assertLess(grown, 2_000_000)


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv)
