"""The files of the packages: pages have their images and links, the simulator's manual agrees with help and README."""
import os
import re
import subprocess
import sys

from support import SIM, SOURCE, Test, main

SIMULATOR = os.path.join(SOURCE, "examples", "simulator")


def read(*names):
    with open(os.path.join(SOURCE, *names), encoding="utf-8") as file:
        return file.read()


class Pages(Test):
    def test_their_images_are_installed(self):
        installed = read("packaging", "debian", "locksync.install").split()
        pages = [name for name in installed if re.fullmatch(r"docs/.*\.md", name)]
        self.assertIn("docs/locksync.md", pages)
        for page in pages:
            for image in re.findall(r"!\[[^]]*\]\(([^)]*)\)", read(page)):
                self.assertIn(f"docs/{image}", installed)

    def test_what_is_not_installed_is_replaced_by_its_text(self):
        page = self.write("page.md", "![a](a.svg) [b](b.md#c) ![page](page.md) [d](https://d) `![e](e)`!\n")
        subprocess.run([sys.executable, os.path.join(SOURCE, "packaging", "debian", "links.py"), self.folder], check=True)
        self.assertEqual(read(page), "a b ![page](page.md) [d](https://d) `![e](e)`!\n")


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
