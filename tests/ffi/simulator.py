"""The simulator as a child process; the environment's LOCKSYNC_SIM says where it is."""
import os
import subprocess
import urllib.request


class Simulator:
    def __init__(self, *arguments):
        self._process = subprocess.Popen([os.environ["LOCKSYNC_SIM"], *arguments], stdout=subprocess.PIPE, text=True)
        self.url = self._process.stdout.readline().strip()

    def fault(self, name, every=1):
        """Switches a fault on; with every=0 off."""
        self._post(f"/_sim/fault?name={name}&every={every}")

    def _post(self, path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(urllib.request.Request(self.url + path, method="POST"), timeout=30).close()

    def stop(self):
        self._process.terminate()
        self._process.communicate()
        assert self._process.returncode == 0, "the simulator did not end well"
