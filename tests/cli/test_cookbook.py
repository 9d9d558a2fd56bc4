"""The recipes of docs/cookbook.md, as they are on the page, with the programs that they need."""
import contextlib
import glob
import http.server
import json
import os
import queue
import re
import shlex
import shutil
import signal
import subprocess
import threading
import urllib.parse

from support import KEY, LOCKSYNC, PASSED_ON, PATIENCE, SOURCE, Test, main, named, wait_until

PYTHON = "/usr/bin/python3"  # which has Debian's modules
UNITS = os.path.join(SOURCE, "packaging", "systemd")

with open(os.path.join(SOURCE, "docs", "cookbook.md"), encoding="utf-8") as page:
    PAGE = page.read()
RECIPES = dict(re.findall(r"^<!-- recipe: ([a-z-]+) -->\n```\w+\n(.*?)^```", PAGE, re.M | re.S))


def front_door(state=6, **more):
    return named(1, "Front door", "1-1", state=state, **more)


GARAGE = named(2, "Garage", "2-2", batteryLevel=15)


class Recipes(Test):
    """Recipes run in the test's folder, with the key in its default file."""

    keeps_names = False

    def setUp(self):
        super().setUp()
        os.makedirs(self.path(".config", "locksync"))
        os.makedirs(self.path("bin"))
        self.write(".config/locksync/key", KEY + "\n")
        os.symlink(LOCKSYNC, self.path("bin", "locksync"))
        self.set(LOCKSYNC_PERSONAL_KEY=None, XDG_STATE_HOME=None, XDG_CACHE_HOME=None,
                 LOCKSYNC_INTERVAL_MS="100",  # a watch may use up the 600 requests of an hour with less
                 PATH=f"{self.path('bin')}:{PASSED_ON['PATH']}:/usr/sbin")  # has mosquitto
        self.service = self.start_service(front_door(), GARAGE)

    def need(self, *programs):
        for program in programs:
            if shutil.which(program, path=self.environment["PATH"]) is None:
                self.skipTest(f"{program} is not installed")

    def need_module(self, module):
        if subprocess.run([PYTHON, "-c", f"import {module}"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            self.skipTest(f"{PYTHON} has no module {module}")

    def save(self, name):
        """Saves a script of the page where it can be run by its name."""
        return self.write(os.path.join("bin", name), RECIPES[name], 0o700)

    def shell(self, command, status=0, output=subprocess.PIPE, **how):
        """Runs a command to its end and returns stdout; its stderr is in `complaint`."""
        process = self.start_words("sh", "-c", command, output=output, stderr=subprocess.PIPE, text=True, **how)
        out, self.complaint = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, status, self.complaint)
        return out

    def start_words(self, *words, output="output", **how):
        """Starts a program, which is ended with all that it has started. Its output is a file of the folder."""
        with contextlib.ExitStack() as stack:
            if isinstance(output, str):
                output = stack.enter_context(open(self.path(output), "w", encoding="utf-8"))
            process = subprocess.Popen(words, stdout=output, start_new_session=True, **{
                "env": self.environment, "cwd": self.folder, "stdin": subprocess.DEVNULL, **how})
        self.addCleanup(self.end_group, process)
        return process

    def end_group(self, process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        wait_until(lambda: not self.is_group(process.pid), "the end of a recipe")

    def is_group(self, group):
        """Whether a process of the group runs. A process that nobody has waited for does not."""
        for path in glob.glob("/proc/[0-9]*/stat"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(path, encoding="utf-8") as file:
                state, _, its_group = file.read().rpartition(")")[2].split()[:3]
                if int(its_group) == group and state != "Z":
                    return True
        return False

    def wait_for_line(self, name="output"):
        """Waits for the first line of a file."""
        return wait_until(lambda: self.lines_of(name), "a line")[0]

    def lines_of(self, name):
        """Returns the complete lines of a file; without the file none."""
        try:
            with open(self.path(name), encoding="utf-8") as file:
                return file.read().split("\n")[:-1]
        except FileNotFoundError:
            return []


class OnThePage(Test):
    def test_each_recipe_has_a_test(self):
        with open(__file__, encoding="utf-8") as file:
            used = re.findall(r'(?:RECIPES\[|self\.save\()"([a-z-]+)"', file.read())
        self.assertEqual(sorted(set(used)), sorted(RECIPES))


class Cron(Recipes):
    def test_the_jobs_run_as_cron_runs_them(self):
        self.need("crontab")
        self.shell(f"crontab -n {self.write('crontab', RECIPES['crontab'])}")
        jobs = [job.split(None, 5)[5] for job in RECIPES["crontab"].splitlines()[1:]]
        self.environment = {**self.environment, "SHELL": "/bin/sh", "LOGNAME": "root"}
        self.assertEqual(self.shell(jobs[0]), "")
        self.service.locks = [front_door(state=2)]
        self.assertEqual(self.shell(jobs[0]), "Front door is not known to be locked\n")
        self.shell(jobs[1])
        self.shell(jobs[1])
        self.assertEqual([json.loads(line)["name"] for line in self.lines_of("locks.jsonl")], ["Front door"] * 2)


class Script(Recipes):
    def test_it_ends_when_the_lock_is_locked(self):
        self.save("locksync-until-locked")
        self.service.locks = [front_door(state=2)]
        process = self.start_words("locksync-until-locked", "Front door")
        self.service.wait_for_requests(5)
        self.assertIsNone(process.poll())
        self.service.locks = [front_door(state=6)]
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_it_ends_when_its_time_is_over(self):
        self.write("bin/script", RECIPES["locksync-until-locked"].replace("timeout 600", "timeout 1"), 0o700)
        self.service.locks = [front_door(state=2)]
        self.shell("script 'Front door'", status=124)
        self.assertEqual(self.complaint, "Front door is still not known to be locked\n")


class Desktop(Recipes):
    def test_a_change_of_the_state_is_notified(self):
        self.need("dbus-run-session", "notify-send")
        self.need_module("jeepney")
        self.start_words(
            "dbus-run-session", "--", PYTHON, os.path.join(os.path.dirname(__file__), "notifications.py"), "sh", "-c",
            RECIPES["notifications"])
        for change in {"batteryLevel": 79}, {"batteryLevel": 79, "state": 2}:
            self.service.wait_for_requests(5)
            self.service.locks = [front_door(**change), GARAGE]
        self.assertEqual(json.loads(self.wait_for_line()), ["Front door", "unlocked, door closed"])


class Log(Recipes):
    def test_changes_are_written_and_found(self):
        self.need("jq")
        self.start_words("sh", "-c", RECIPES["log"])
        self.service.wait_for_requests(5)
        for count, more in enumerate(({"state": 2}, {"state": 2, "doorState": 2}, {"connected": False}, {"doorState": 2}), 1):
            self.service.locks = [front_door(**more), GARAGE]
            wait_until(lambda n=count: len(self.lines_of("changes.jsonl")) == n, "a line")
        at = [json.loads(line)["fetched_at"] for line in self.lines_of("changes.jsonl")]
        self.assertEqual(self.shell(RECIPES["unlocked"]), f"{at[0]} Front door\n")
        self.assertEqual(self.shell(RECIPES["openings"]), f"{at[1][:10]} Front door 1\n")

    def test_batteries(self):
        self.need("jq")
        self.assertEqual(self.shell(RECIPES["batteries"]), "Garage\n")


class Mqtt(Recipes):
    def setUp(self):
        super().setUp()
        self.need("jq", "mosquitto", "mosquitto_pub", "mosquitto_sub")
        socket = self.path("broker")
        for client in "mosquitto_pub", "mosquitto_sub":
            self.write(f".config/{client}", f"--unix {socket}\n")
        self.write("mosquitto.conf", f"user root\nlistener 0 {socket}\nallow_anonymous true\n")
        self.start_words("mosquitto", "-c", self.path("mosquitto.conf"), stderr=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(socket), "the broker")

    def messages(self, topic, count):
        """Waits for so many retained messages."""
        received = self.shell(f"mosquitto_sub -t {shlex.quote(topic)} -F '%t %p' -C {count}").splitlines()
        return {topic: json.loads(message) for topic, message in (line.split(" ", 1) for line in received)}

    def values(self, template, states):
        """Returns what Home Assistant shows for these messages."""
        program = ("import json, sys, jinja2\nfor value in json.load(sys.stdin):\n"
                   "    print(jinja2.Template(sys.argv[1]).render(value_json=value))")
        return subprocess.run([PYTHON, "-c", program, template], input=json.dumps(states), text=True, check=True,
                              stdout=subprocess.PIPE).stdout.splitlines()

    def test_locks_are_described_and_changes_published(self):
        self.save("locksync-mqtt")
        self.start_words("locksync-mqtt")
        described = self.messages("homeassistant/#", 6)
        entity = described["homeassistant/binary_sensor/locksync_1-1/lock/config"]
        self.assertEqual((entity["device"]["name"], entity["device_class"]), ("Front door", "lock"))
        self.assertEqual(len({entity["unique_id"] for entity in described.values()}), 6)
        state = self.messages(entity["state_topic"], 1)[entity["state_topic"]]
        self.assertEqual((state["name"], state["locked"]), ("Front door", True))
        self.service.locks[0] = front_door(state=2)
        wait_until(lambda: self.messages("locksync/1-1", 1)["locksync/1-1"]["locked"] is False, "the change")

    def test_its_status_is_that_of_locksync(self):
        self.save("locksync-mqtt")
        self.service.reply = (404, {}, "")
        self.shell("locksync-mqtt", status=10)

    def test_home_assistant_can_evaluate_the_values(self):
        self.need_module("jinja2")
        self.save("locksync-mqtt")
        self.start_words("locksync-mqtt")
        entities = self.messages("homeassistant/+/locksync_2-2/#", 3)
        template = {topic.split("/")[3]: entity["value_template"] for topic, entity in entities.items()}
        locked = [{"locked": True}, {"locked": False}, {"locked": None}, {}]
        self.assertEqual(self.values(template["lock"], locked), ["OFF", "ON", "None", "None"])
        doors = [{"door_state_name": name} for name in ("closed", "opened", "uncalibrated", None)]
        self.assertEqual(self.values(template["door"], doors), ["OFF", "ON", "None", "None"])
        levels = [{"battery_level": 15}, {"battery_level": None}]
        self.assertEqual(self.values(template["battery"], levels), ["15", "None"])


class Prometheus(Recipes):
    def setUp(self):
        super().setUp()
        self.need("jq")
        self.save("locksync-export")

    def test_the_metrics_are_valid(self):
        self.need("promtool")
        self.service.locks = [named(1, 'A "quoted"\tname\\\n', "1-1"), named(2, "דלת", "2-2", state=None),
                              named(3, "ü", "3-3", state=2)]
        metrics = self.shell("locksync-export | tee metrics")
        self.shell("promtool check metrics <metrics")
        self.assertEqual(self.complaint, "")
        self.assertIn('\nlocksync_locked{id="1",serial_number="1-1",name="A \\"quoted\\" name\\\\ "} 1\n', metrics)
        self.assertIn('\nlocksync_locked{id="3",serial_number="3-3",name="ü"} 0\n', metrics)
        self.assertIn('\nlocksync_battery_ratio{id="3",serial_number="3-3",name="ü"} 0.8\n', metrics)
        self.assertNotRegex(metrics, r'locksync_(locked|battery_ratio|door_open)\{id="2"')

    def test_a_failure_leaves_the_last_complete_file(self):
        recipe = RECIPES["prometheus"].replace("/var/lib/prometheus/node-exporter", self.folder)
        self.shell(recipe)
        before = self.lines_of("locks.prom")
        self.assertIn('locksync_locked{id="1",serial_number="1-1",name="Front door"} 1', before)
        self.service.reply = (500, {}, "")
        self.shell(recipe, status=9)
        self.assertEqual(self.lines_of("locks.prom"), before)


class Systemd(Recipes):
    def setUp(self):
        super().setUp()
        self.save("locksync-changed")
        self.save("locksync-export")
        self.save("locksync-mqtt")
        shutil.copytree(UNITS, self.path("units"))
        os.makedirs(self.path("credentials"))
        os.makedirs(self.path("node-exporter"))
        # readable by a group as far as the mode shows, because systemd may give access through a list (ACL)
        self.write("credentials/key", KEY + "\n", 0o440)
        os.remove(self.path(".config", "locksync", "key"))
        self.set(CREDENTIALS_DIRECTORY=self.path("credentials"))

    def unit(self, name):
        """Returns the settings of a unit with the folders of the test in them."""
        text = ""
        for part in "locksync-.service.d/common.conf", name:
            with open(os.path.join(UNITS, part), encoding="utf-8") as file:
                text += file.read()
        for place, here in (("/usr/local/bin", "bin"), ("%d", "credentials"), ("%S", "state"), ("%C", "cache"),
                            ("/var/lib/prometheus/node-exporter", "node-exporter")):
            text = text.replace(place, self.path(here))
        settings = re.findall(r"^(\w+)=(.*)$", text, re.M)
        for setting, value in settings:
            if setting == "Environment":
                self.environment.update(word.split("=", 1) for word in value.split())
        return dict(settings)

    def start_webhook(self):
        """Starts a server that puts the body of each POST into `posted`."""
        self.posted = posted = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                posted.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"

    def test_the_units_are_valid(self):
        self.need("systemd-analyze")
        units = []
        for name in sorted(os.listdir(self.path("units"))):
            if name.endswith((".service", ".timer")):
                with open(os.path.join(UNITS, name), encoding="utf-8") as file:
                    text = re.sub(r"(?<=ExecStart=)(/usr/local/bin/)?(?=locksync)", self.path("bin/"), file.read())
                units.append(self.write(f"units/{name}", text))
        self.assertEqual(len(units), 4)
        self.shell(shlex.join(["systemd-analyze", "verify", "--man=no", *units]))
        self.assertEqual(self.complaint, "")
        services = [unit for unit in units if unit.endswith(".service")]
        self.shell(shlex.join(["systemd-analyze", "security", "--offline=yes", "--threshold=20", *services]))

    def test_they_work_after_either_installation(self):
        for unit in glob.glob(os.path.join(UNITS, "*.service")):
            with open(unit, encoding="utf-8") as file:  # systemd looks for a name without a folder in both
                self.assertRegex(file.read(), r"\nExecStart=(/usr/local/bin/locksync-|locksync )")
        copied = re.findall(r"^# cp -r (\S+)/\. /etc/systemd/system/$", PAGE, re.M)
        self.assertEqual(copied, ["packaging/systemd"])
        self.assertTrue(os.path.isdir(os.path.join(SOURCE, *copied)))

    def test_a_service_does_not_send_a_rejected_key_again(self):
        self.need("jq")
        self.service.reply = (401, {}, "")
        for name in "locksync-watch.service", "locksync-mqtt.service":
            unit = self.unit(name)
            with self.subTest(name):
                self.shell(unit["ExecStart"], status=5)
                self.assertEqual((unit["Restart"], unit["RestartPreventExitStatus"]), ("on-failure", "2 4 5"))

    def test_the_watch_runs_a_command_for_a_change(self):
        self.need("curl")
        url = self.start_webhook()
        self.write("bin/locksync-changed", re.sub(r"http:\S+", url, RECIPES["locksync-changed"]), 0o700)
        self.start_words(*shlex.split(self.unit("locksync-watch.service")["ExecStart"]))
        self.service.wait_for_requests(5)
        self.service.locks[0] = front_door(state=2)
        fields = urllib.parse.parse_qsl(self.posted.get(timeout=PATIENCE))
        self.assertEqual(fields, [("name", "Front door"), ("state", "unlocked"), ("door", "closed")])

    def test_the_export_renames_a_complete_file(self):
        self.need("jq")
        unit = self.unit("locksync-export.service")
        steps = [shlex.split(unit[name].lstrip("+")) for name in ("ExecStartPre", "ExecStart", "ExecStartPost")]
        output = unit["StandardOutput"].removeprefix("file:")
        for _ in range(2):
            for words in steps:
                with open(os.open(output, os.O_WRONLY | os.O_CREAT, 0o644), "w", encoding="utf-8") as file:
                    self.shell(shlex.join(words), output=file)
            self.assertEqual(os.listdir(self.path("node-exporter")), ["locks.prom"])
            self.assertEqual(len([line for line in self.lines_of("node-exporter/locks.prom")
                                  if line.startswith("locksync_locked{")]), 2)

    def test_mqtt_reads_the_broker_from_its_credential(self):
        self.need("jq", "mosquitto_pub")
        words = shlex.split(self.unit("locksync-mqtt.service")["ExecStart"])
        self.write("bin/mosquitto_pub", '#!/bin/sh\necho "$XDG_CONFIG_HOME $*"\n', 0o700)
        self.start_words(*words)
        self.assertRegex(self.wait_for_line(), f"^{self.path('credentials')} --retain -t homeassistant/")


if __name__ == "__main__":
    main()
