"""The files installed with the command, manual and completions; and that they, the help and the docs agree."""
import json
import os
import re
import subprocess

from support import LOCKSYNC, PASSED_ON, SIM, SOURCE, Terminal, Test, main, wait_until

CLI = os.path.join(SOURCE, "examples", "cli")
MANUAL = os.path.join(CLI, "locksync.1")


def read(*names):
    with open(os.path.join(SOURCE, *names), encoding="utf-8") as file:
        return file.read()


class Agreement(Test):
    def setUp(self):
        super().setUp()
        self.help = self.expect(0, "--help")
        self.options = sorted(set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", self.help, re.M)))
        self.statuses = re.findall(r"^ +(\d+)  (.*)$", self.help, re.M)
        self.assertEqual([number for number, _ in self.statuses], [str(i) for i in range(15)])

    def test_every_option_is_documented_everywhere(self):
        words = {
            "manual": {"-" + word for word in re.findall(r"Fl (-[a-z-]+)", read("examples", "cli", "locksync.1"))},
            "docs": set(re.findall(r"`(--[a-z-]+)", read("docs", "locksync.md"))) - {"--key"},
            "bash": set(re.findall(r"--[a-z-]+", read("examples", "cli", "locksync.bash"))),
            "zsh": set(re.findall(r"--[a-z-]+", read("examples", "cli", "_locksync"))),
        }
        for place, found in words.items():
            with self.subTest(place):
                self.assertEqual(sorted(found), self.options)

    def test_every_exit_status_is_documented_everywhere(self):
        manual = re.findall(r"^\.It (\d+)\n(.*)$", read("examples", "cli", "locksync.1"), re.M)
        docs = re.findall(r"^\| (\d+) \| (.*?) \|", read("docs", "locksync.md"), re.M)
        self.assertEqual(manual, self.statuses)
        self.assertEqual(docs, self.statuses)

    def test_the_help_fits_a_terminal(self):
        self.assertLessEqual(max(map(len, self.help.splitlines())), 80)

    def test_the_pictures_show_the_command_s_output(self):
        subprocess.run([os.path.join(CLI, "screenshot"), LOCKSYNC, SIM, self.folder], env=PASSED_ON, check=True)
        for name in "locksync.svg", "locksync-watch.svg", "locksync-error.svg":
            with self.subTest(name), open(self.path(name), encoding="utf-8") as file:
                self.assertEqual(file.read(), read("docs", "images", name))


class Files(Test):
    def test_the_manual_has_no_lint(self):
        lint = subprocess.run(["mandoc", "-Tlint", "-Wstyle", MANUAL], stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual((lint.returncode, lint.stdout), (0, ""))

    def test_the_shells_can_read_their_files(self):
        subprocess.run(["bash", "-n", os.path.join(CLI, "locksync.bash")], check=True)
        subprocess.run(["zsh", "-n", os.path.join(CLI, "_locksync")], check=True)

    def test_files_are_installed_in_their_standard_places(self):
        introspected = subprocess.run(["meson", "introspect", "--installed", os.environ["LOCKSYNC_BUILD"]],
                                      stdout=subprocess.PIPE, check=True).stdout
        places = [place for place in json.loads(introspected).values() if "locksync" in os.path.basename(place)]
        for place in ("/bin/locksync", "/man/man1/locksync.1", "/share/bash-completion/completions/locksync",
                      "/share/zsh/site-functions/_locksync"):
            self.assertTrue(any(found.endswith(place) for found in places), place)


class Completion(Test):
    def bash(self, *words):
        """Returns bash's completions of the last of these words."""
        script = ('source "$0"; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  '_locksync locksync "${@: -1}" "${@: -2:1}"; printf "%s\\n" "${COMPREPLY[@]}"')
        out = subprocess.run(["bash", "--norc", "-c", script, os.path.join(CLI, "locksync.bash"), "locksync", *words],
                             cwd=self.folder, stdout=subprocess.PIPE, text=True, check=True).stdout
        return out.split("\n")[:-1]

    def test_in_bash(self):
        self.write("a key", "")
        self.write("a list", "")
        self.assertEqual(self.bash("--js"), ["--json", "--json-lines"])
        self.assertEqual(self.bash("--watch", "--co"), ["--columns", "--color"])
        self.assertEqual(self.bash("--until", "un"), ["unlocked"])
        self.assertEqual(self.bash("--color", ""), ["auto", "always", "never"])
        self.assertEqual(self.bash("--color", "=", "al"), ["always"])
        self.assertEqual(self.bash("--color", "="), ["auto", "always", "never"])
        self.assertEqual(sorted(self.bash("--key-file", "a")), ["a key", "a list"])
        self.assertEqual(self.bash("--timeout", ""), [""])
        self.assertEqual(self.bash(""), [""])

    def in_terminal(self, start, *shell):
        terminal = Terminal(self, shell=shell)
        terminal.type(f"clear; {start}; echo begun")
        terminal.wait("(?m)^begun")
        for typed, completed in (("locksync --json-l", "locksync --json-lines"),
                                 ("locksync --color=al", "--color=always")):
            terminal.tmux("send-keys", "-l", typed)
            terminal.press("Tab")
            terminal.wait(completed)
            terminal.press("C-u")  # zsh may lose a Ctrl-C while it completes
            wait_until(lambda: terminal.screen().rstrip().endswith("\n" + terminal.PROMPT), "the prompt")

    def test_in_an_interactive_bash(self):
        self.in_terminal(f"source {CLI}/locksync.bash", "bash", "--norc", "-i")

    def test_in_an_interactive_zsh(self):
        self.in_terminal(f"fpath=({CLI} $fpath); autoload -U compinit; compinit -u -D", "zsh", "-f", "-i")


if __name__ == "__main__":
    main()
