"""The command in a real terminal: colours, narrow windows, names, and the prompt."""
import os
import re
import signal
import unicodedata

from support import KEY, SHOWN, Terminal, Test, lock, main, pid_of, wait_until


class Table(Test):
    def setUp(self):
        super().setUp()
        self.start_service(lock(1001), lock(1002, state=2), lock(1003, state=None, connected=False))

    def test_in_colour(self):
        for variables in "", "NO_COLOR= ":  # an empty NO_COLOR has no effect
            terminal = Terminal(self)
            terminal.type(variables + SHOWN)
            terminal.wait("1003  .*no ")
            for row, word, style in (("1001", "locked", "green"), ("1002", "unlocked", "yellow"),
                                     ("1003", "unknown", "magenta"), ("1003", "no", "red"), ("1003", "1003", "")):
                self.assertEqual(terminal.styles(row)[word], style, (row, word))

    def test_without_colour(self):
        for command in f"NO_COLOR=1 {SHOWN}", f"{SHOWN} --color=never", f"TERM=dumb {SHOWN}":
            with self.subTest(command):
                terminal = Terminal(self)
                terminal.type(f"clear; {command}")
                terminal.wait("1003  .*no ")
                self.assertNotIn("\033", terminal.screen("-e"))

    def test_a_narrow_terminal_has_fewer_columns(self):
        widths = {
            74: "ID    STATE     DOOR     BATTERY  CHARGING  CONNECTED  CHANGED",
            73: "ID    STATE     DOOR     BATTERY  CONNECTED  CHANGED",
            63: "ID    STATE     DOOR     BATTERY  CONNECTED",
            42: "ID    STATE     DOOR     CONNECTED",
            33: "ID    STATE     CONNECTED",
            20: "ID    STATE     CON\u2026",
        }
        for columns, headings in widths.items():
            with self.subTest(columns=columns):
                terminal = Terminal(self, columns=columns)
                terminal.type(SHOWN)
                lines = [line.rstrip() for line in terminal.wait("(?m)^1003 ").splitlines()]
                self.assertIn(headings, lines)
                self.assertEqual(len([line for line in lines if re.match("100[123] ", line)]), 3)

    def test_a_state_that_does_not_fit_is_below_the_id(self):
        self.start_service(lock(1001), lock(1002, state=5), lock(1003, state=4))
        for columns, rows in ((10, "1001\n locked\n1002\n locking\n1003\n unlocking\n"),
                              (14, "1001\n locked\n1002\n locking\n1003\n unlocking\n"),
                              (15, "1001  locked\n1002  locking\n1003  unlocking\n")):
            with self.subTest(columns=columns):
                terminal = Terminal(self, columns=columns)
                terminal.type(SHOWN)
                shown = "\n".join(line.rstrip() for line in terminal.wait("unlocking *\n").splitlines()) + "\n"
                self.assertIn(rows, re.sub("(?m)  y?e?s?$", "", shown))


def columns_of(text):
    """Returns the number of a terminal's columns that the text takes."""
    return sum(0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Names(Test):
    keeps_names = False
    NAMES = ("Front door", "\u7384\u95a2\U0001f511", "\u05d3\u05dc\u05ea \u05db\u05e0\u05d9\u05e1\u05d4", "T\u00fcr", "Tu\u0308r",
             "\u0628\u064e\u0627\u0628 2", "\u2764\ufe0f", "\U0001f44d\U0001f3fd", "a\u200db", "\u202eabc", "\tx\x07", "\ud55c\uae00",
             "A long name that is cut \u7384\u95a2", None)

    def test_the_columns_beside_names_of_any_script_are_straight(self):
        self.start_service(*({**lock(1001 + i), "name": name} for i, name in enumerate(self.NAMES)))
        for columns in 34, 33, 32, 31, 17:  # the last columns of the name are a wide character, its half, ...
            with self.subTest(columns=columns):
                terminal = Terminal(self, columns=columns)
                terminal.type(f"clear; {SHOWN} --columns name,id")
                lines = terminal.wait(r"(?s)NAME.*\b1014\n").split("NAME", 1)[1].splitlines()[1:len(self.NAMES) + 1]
                self.assertEqual([re.search(r"\d{4}$", line)[0] for line in lines],  # no row is wrapped
                                 [str(1001 + i) for i in range(len(self.NAMES))])
                self.assertEqual({columns_of(line) for line in lines}, {columns})


class Prompt(Test):
    def setUp(self):
        super().setUp()
        self.start_sim()
        self.set(LOCKSYNC_PERSONAL_KEY=None)
        self.terminal = Terminal(self)
        self.terminal.type(f"sh -c 'echo $$ >~/pid; exec {SHOWN}'")
        self.wait_for_prompt()
        self.assertIn("susp = <undef>", self.terminal.settings())  # a shell would have no echo

    def wait_for_prompt(self):
        self.terminal.wait("Personal key")
        wait_until(lambda: "-echo " in self.terminal.settings(), "a terminal without echo")  # earlier input is lost

    def is_restored(self):
        wait_until(lambda: " echo " in self.terminal.settings(), "echo")
        self.assertIn("susp = ^Z", self.terminal.settings())

    def test_the_key_is_not_shown(self):
        self.terminal.type(KEY)
        self.assertNotIn(KEY, self.terminal.wait("1004  "))
        self.is_restored()

    def test_a_key_on_standard_input_is_not_shown(self):
        self.terminal.press("C-c")
        self.is_restored()
        self.terminal.wait_for_status(130)
        self.terminal.type(f"clear; {SHOWN} --key-file -")
        self.terminal.wait(r"\A\s*Personal key")
        self.wait_for_prompt()
        self.terminal.type(KEY)
        self.assertNotIn(KEY, self.terminal.wait("1004  "))
        self.is_restored()

    def test_an_empty_key(self):
        self.terminal.press("Enter")
        self.terminal.wait("no key was given")
        self.is_restored()

    def test_a_signal_restores_the_terminal(self):
        self.terminal.press("C-s")
        os.kill(pid_of(self), signal.SIGTERM)
        self.terminal.wait(r"not shown\):\s+(Terminated\s+)?" + Terminal.PROMPT)
        self.is_restored()

    def test_ctrl_c(self):
        self.terminal.tmux("send-keys", "-l", "half a")
        self.terminal.press("C-c")
        self.terminal.wait(r"not shown\):\s+" + Terminal.PROMPT)
        self.is_restored()
        self.assertNotIn("half a", self.terminal.wait_for_status(130))

if __name__ == "__main__":
    main()
