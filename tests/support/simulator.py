"""The simulator of the service as a child process, for tests and benchmarks in Python."""
import json
import subprocess
import urllib.parse
import urllib.request


class Simulator:
    """`before`: words of the command before the program. `how`: more arguments of Popen."""

    def __init__(self, program, *arguments, before=(), **how):
        self.process = subprocess.Popen([*before, program, *arguments], stdout=subprocess.PIPE, text=True, **how)
        self.url = self.process.stdout.readline().strip()
        assert self.url, "the simulator did not start"

    def ask(self, path, method="GET"):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(f"{self.url}/_sim/{path}", method=method)
        with opener.open(request, timeout=30) as response:
            return json.load(response)

    def fault(self, name, every=1):
        """Switches a fault on; with every=0 off."""
        self.ask(f"fault?name={name}&every={every}", "POST")

    def change(self, change, lock=0, name=None):
        """Renames, removes or re-adds a lock, or adds one ("rename", "remove", "re-add", "add"). Returns its id."""
        arguments = {"change": change, "id": lock} | ({} if name is None else {"name": name})
        return self.ask("lock?" + urllib.parse.urlencode(arguments), "POST")["id"]

    def stop(self):
        self.process.terminate()
        self.process.communicate()
        assert self.process.returncode == 0, "the simulator ended with an error"
