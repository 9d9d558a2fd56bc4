"""Shared by the tests of the command: the simulator, a service with a test's responses, runs, a terminal."""
import contextlib
import hmac
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from simulator import Simulator

LOCKSYNC = os.environ["LOCKSYNC"]
SIM = os.environ["LOCKSYNC_SIM"]
SOURCE = os.environ["LOCKSYNC_SOURCE"]
KEY = "secret-key-of-the-tests"
SHOWN = "$LOCKSYNC"  # the shell's variable: the command's long path would fill narrow lines
PATIENCE = 30  # seconds; long, because a machine may be busy
PROMPTLY = 4  # seconds; after 5 a second signal ends the command at once

# Only the variables that sanitizers and the loader need are passed on.
PASSED_ON = {
    name: value for name, value in os.environ.items()
    if name == "PATH" or name.endswith("SAN_OPTIONS") or name.startswith("LD_")
}


def wait_until(condition, what):
    """Returns the first true value of the condition."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"this did not happen in time: {what}")


class Service:
    """Responds with the records that a test puts into `locks`, or with `reply` (HTTP status, header fields, body)."""

    def __init__(self):
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                service.requests.append(self.path)
                body = json.dumps({"success": True, "result": service.locks})
                reply = service.reply if "/sync" in self.path else service.names_reply or service.reply
                status, fields, body = reply or (200, {}, body)
                body = body.encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **fields}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the command may have ended
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.locks = []
        self.reply = None
        self.names_reply = None  # instead of `reply` for requests of the directory
        self.requests = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def wait_for_requests(self, more):
        """Waits for `more` requests that begin after this call."""
        seen = len(self.requests)
        wait_until(lambda: len(self.requests) >= seen + more, "requests")

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def lock(number, state=6, connected=True, **more):
    """Returns a record as the service sends it; `state` None: out of reach."""
    device = None
    if state is not None:
        device = {"state": state, "doorState": 3, "batteryLevel": 80, "isCharging": False, "stateChangeResult": 0,
                  "lastStateChangedDate": "2026-01-02T03:04:05.678Z", **more}
    return {"id": number, "isConnected": connected, "revision": 7, "deviceState": device}


def named(number, name, serial=None, **more):
    """Returns a record as it is in a directory. Responses with states may have it too."""
    return {**lock(number, **more), "name": name, "serialNumber": serial}


class Test(unittest.TestCase):
    """A folder, an environment, and cleanup at the end of the test."""

    maxDiff = None
    keeps_names = True  # locks without names are known, so that the command asks only for states

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="locksync-cli-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = {
            **PASSED_ON, "HOME": self.folder, "XDG_STATE_HOME": self.path("state"),
            "XDG_CACHE_HOME": self.path("cache"), "TZ": "UTC", "LOCKSYNC_PERSONAL_KEY": KEY,
            "LOCKSYNC_INTERVAL_MS": "1",
        }

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def names_file(self, account=KEY):
        """Returns where the names of a credential's, or with --guard-file of that path's, account are kept."""
        purpose = "locksync names " + self.environment["LOCKSYNC_BASE_URL"]
        name = hmac.new(purpose.encode(), account.encode(), "sha256").hexdigest()[:32]
        return self.path("cache", "locksync", name + ".json")

    def use(self, url):
        """Lets the command ask the service at this URL."""
        self.environment["LOCKSYNC_BASE_URL"] = url
        if self.keeps_names:
            self.keep_names()

    def keep_names(self, account=KEY):
        os.makedirs(self.path("cache", "locksync"), 0o700, exist_ok=True)
        with open(self.names_file(account), "w", encoding="utf-8") as file:
            json.dump({"result": [{"id": number, "revision": 10**9} for number in range(1, 1300)]}, file)

    def start_service(self, *locks):
        service = Service()
        self.addCleanup(service.stop)
        service.locks = list(locks)
        self.use(service.url)
        return service

    def start_sim(self, *options):
        """Starts the simulator."""
        sim = Simulator(SIM, "--personal-key", KEY, *options, env=PASSED_ON)
        self.addCleanup(sim.stop)
        self.use(sim.url)
        return sim

    def set(self, **variables):
        """Sets variables of the environment; None removes one."""
        for name, value in variables.items():
            self.environment.pop(name, None)
            if value is not None:
                self.environment[name] = value

    def start(self, *arguments, **how):
        """Starts the command, which is killed at the end of the test if it still runs."""
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **how}
        process = subprocess.Popen([LOCKSYNC, *arguments], env=self.environment, **how)

        def stop():
            if process.poll() is None:
                process.kill()
            process.communicate()

        self.addCleanup(stop)
        return process

    def end(self, process):
        """Waits for its end; returns exit status, stdout and stderr. Neither may contain the key."""
        out, err = process.communicate(timeout=PATIENCE)
        self.assertNotIn(KEY, (out or "") + (err or ""))
        return process.returncode, out, err

    def run_command(self, *arguments, **how):
        return self.end(self.start(*arguments, **how))

    def expect(self, exit_status, *arguments, **how):
        """Runs the command, returns stdout. An error must be one line on stderr, beginning with the command's name."""
        status, out, err = self.run_command(*arguments, **how)
        self.assertEqual(status, exit_status, err)
        if exit_status == 0:
            self.assertEqual(err, "")
        else:
            self.assertRegex(err, r"\Alocksync: [^\n]+\n\Z")
        self.complaint = err
        return out

    def table(self, *arguments, exit_status=0):
        """Returns the table's rows as lists of cells, the headings first."""
        return [re.split(r" {2,}", line) for line in self.expect(exit_status, *arguments).splitlines()]


COLOURS = "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"


def styled_lines(screen):
    """Returns the words of each line with their style, because versions of tmux use different escapes for one style."""
    weight, colour, lines = "", "", [[]]
    for codes, end, word in re.findall(r"\033\[([\d;]*)m|(\n)|([^\033\s]+)", screen):
        if end:
            lines.append([])
        elif word:
            lines[-1].append((word, f"{weight} {colour}".strip()))
        else:
            for code in map(int, (codes or "0").split(";")):
                weight = {0: "", 1: "bold", 2: "dim", 22: ""}.get(code, weight)
                colour = COLOURS[code - 30] if 30 <= code <= 37 else "" if code in (0, 39) else colour
    return lines


class Terminal:
    """A shell in a terminal that tmux runs, with the environment of a test."""

    PROMPT = "ready>"

    def __init__(self, test, columns=100, lines=30, shell=("dash", "-i")):
        self.socket = os.path.join(tempfile.mkdtemp(dir=test.folder), "tmux")
        self.environment = {**PASSED_ON, "HOME": test.folder, "LC_ALL": "C.UTF-8"}
        command = ["env", "-i", *(f"{name}={value}" for name, value in test.environment.items()),
                   f"LOCKSYNC={LOCKSYNC}", "TERM=screen", "ENV=", "HISTFILE=", f"PS1={self.PROMPT} ", *shell]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(lines), *command)
        self.shell = self.value_of("pane_pid")
        test.addCleanup(self.close)
        self.wait(self.PROMPT)
        self.tty = self.value_of("pane_tty")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], env=self.environment, check=True, text=True,
                              stdout=subprocess.PIPE, timeout=PATIENCE).stdout

    def close(self):
        """Ends the terminal and its shell, which could still write to the folder (a history, a dump of completions)."""
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], env=self.environment, check=False,
                       capture_output=True)
        wait_until(self.is_over, "the end of the shell")

    def is_over(self):
        try:
            with open(f"/proc/{self.shell}/cmdline", "rb") as words:
                return not words.read()  # without words: a process that nobody has waited for yet
        except (FileNotFoundError, ProcessLookupError):
            return True

    def value_of(self, name):
        return self.tmux("display-message", "-p", "#{" + name + "}").strip()

    def type(self, text):
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def press(self, key):
        self.tmux("send-keys", key)

    def screen(self, *how):
        return self.tmux("capture-pane", "-p", *how)

    def styles(self, row):
        """Returns the words of the row that begins with `row`, each with its first style, as in {"locked": "green"}."""
        lines = [line for line in styled_lines(self.screen("-e")) if line and line[0][0] == row]
        return dict(reversed(lines[0])) if lines else {}

    def wait(self, pattern, *how):
        """Waits until the pattern is on the screen; returns the screen."""
        try:
            return wait_until(lambda: (lambda s: re.search(pattern, s) and s)(self.screen(*how)), repr(pattern))
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen shows:\n{self.screen(*how)}") from None

    def wait_for_status(self, status):
        """Waits for the exit status of the last command; returns the screen."""
        self.type("echo status $?")
        return self.wait(f"status {status}")

    def wait_until_is(self, name, value):
        wait_until(lambda: self.value_of(name) == value, f"{name} {value}")

    def settings(self):
        return subprocess.run(["stty", "-a", "-F", self.tty], check=True, stdout=subprocess.PIPE, text=True).stdout


def state_of(process):
    with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
        return file.read().rsplit(") ", 1)[1][0]


def pid_of(test):
    """Returns the process id of the command, which the test let the shell write."""
    with open(test.path("pid"), encoding="ascii") as file:
        return int(file.read())


def main():
    """Runs the tests of the program and prints their counts as .ci/count-tests reads them."""
    result = unittest.main(exit=False, verbosity=2).result
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    print(f"[  PASSED  ] {result.testsRun - failed - skipped} test(s).")
    print(f"[  SKIPPED ] {skipped} test(s).")
    print(f"[  FAILED  ] {failed} test(s).")
    sys.exit(1 if failed or not result.testsRun else 0)
