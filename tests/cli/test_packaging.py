"""The files of the packages: the simulator's manual agrees with its help and its README."""
import os
import re
import subprocess

from support import SIM, SOURCE, Test, main

SIMULATOR = os.path.join(SOURCE, "examples", "simulator")


def read(*names):
    with open(os.path.join(SOURCE, *names), encoding="utf-8") as file:
        return file.read()


class Simulator(Test):
    def test_every_option_is_documented_everywhere(self):
        shown = subprocess.run([SIM, "--help"], check=True, stdout=subprocess.PIPE, text=True).stdout
        options = sorted(re.findall(r"^  (--[a-z-]+)", shown, re.M))
        manual = read(SIMULATOR, "locksync-sim.1")
        items = "".join(re.findall(r"^\.It Fl .*\n", manual, re.M))
        self.assertEqual(sorted("-" + word for word in re.findall(r"Fl (-[a-z-]+)", items)), options)
        rows = "".join(re.findall(r"^\| (`--.*?) \|", read(SIMULATOR, "README.md"), re.M))
        self.assertEqual(sorted({*re.findall(r"--[a-z-]+", rows), "--help"}), options)

    def test_the_manual_has_no_lint(self):
        lint = subprocess.run(["mandoc", "-Tlint", "-Wstyle", os.path.join(SIMULATOR, "locksync-sim.1")],
                              stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual((lint.returncode, lint.stdout), (0, ""))


if __name__ == "__main__":
    main()
