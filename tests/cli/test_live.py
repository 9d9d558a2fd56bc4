"""The live table of --watch in a real terminal."""
import fcntl
import os
import re
import select
import signal
import struct
import termios
import time

from support import PATIENCE, PROMPTLY, SHOWN, Terminal, Test, lock, main, pid_of, wait_until


def seconds(clock):
    hours, minutes, rest = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)


class Watch(Test):
    def setUp(self):
        super().setUp()
        self.service = self.start_service(lock(1001), lock(1002, state=2))
        self.set(LOCKSYNC_INTERVAL_MS="100")

    def start_watch(self, options="", until=None, **size):
        self.terminal = Terminal(self, **size)
        self.terminal.type(f"{SHOWN} --watch {options}")
        self.terminal.wait_until_is("alternate_on", "1")
        return until and self.terminal.wait(until)

    def leave(self):
        """Presses Ctrl-C: the terminal is as before, and the last state is still shown."""
        begun = time.monotonic()
        self.terminal.press("C-c")
        self.is_restored()
        self.assertLess(time.monotonic() - begun, PROMPTLY)
        return self.terminal.wait_for_status(130)

    def is_restored(self):
        self.terminal.wait_until_is("alternate_on", "0")
        self.terminal.wait_until_is("cursor_flag", "1")
        wait_until(lambda: " echo " in self.terminal.settings() and " icanon " in self.terminal.settings(), "echo")

    def test_the_table_refreshes_in_place(self):
        self.start_watch(until=r"1001  locked .*\n1002  unlocked ")
        self.assertEqual(self.terminal.value_of("cursor_flag"), "0")
        self.service.locks = [lock(1001, state=2, doorState=2), lock(1002, state=2)]
        screen = self.terminal.wait(r"1001  unlocked  opened ")
        self.assertEqual(screen.count("1001"), 1)
        self.service.locks = [lock(1002, state=42), lock(1003)]
        screen = self.terminal.wait(r"1002  unknown \(42\).*\n1003  locked ")
        self.assertNotIn("1001", screen)
        self.assertIn("1003  locked", self.leave())

    def test_names(self):
        os.unlink(self.names_file())
        self.service.locks = [{**lock(1001), "name": "Front door"}, lock(1002, state=2)]
        self.start_watch(until=r"\nNAME        ID .*\nFront door  1001  locked .*\n1002        1002  unlocked ")
        self.assertIn("Front door  1001  locked", self.leave())

    def check_row(self, number, style_of_number, state, style_of_state):
        styles = self.terminal.styles(number)
        self.assertEqual((styles[number], styles[state]), (style_of_number, style_of_state))

    def test_colours_and_what_is_new_in_bold(self):
        self.service.locks.append(lock(1003, state=None, connected=False))
        self.start_watch(until="1003 ")
        self.check_row("1001", "", "locked", "green")  # nothing is new at first
        self.service.locks = [lock(1001, state=2), lock(1002, state=2), lock(1003, state=None, connected=False)]
        self.terminal.wait("1001  unlocked ")
        self.check_row("1001", "bold", "unlocked", "bold yellow")
        self.check_row("1002", "", "unlocked", "yellow")
        self.check_row("1003", "", "unknown", "magenta")
        self.service.locks[1] = lock(1002)
        self.terminal.wait("1002  locked ")
        self.check_row("1001", "", "unlocked", "yellow")

    def test_no_colour(self):
        self.set(NO_COLOR="1")
        self.start_watch(until="1002  unlocked")
        self.assertNotIn("\033", self.terminal.screen("-e"))

    def test_the_times_of_response_and_next_poll(self):
        self.set(LOCKSYNC_INTERVAL_MS=None)
        self.start_watch()
        response, poll = re.search(r"response (\S+), next poll (\S+)", self.terminal.wait(r"response \d")).groups()
        self.assertIn((seconds(poll) - seconds(response)) % 86400, range(19, 24))
        self.leave()
        self.terminal.type(f"clear; {SHOWN} --watch --age")
        self.terminal.wait(r"response none yet, next poll \d\d:\d\d:\d\d UTC, in 1?\d s\nWaiting for the rate limit")

    def test_ages_grow(self):
        self.set(LOCKSYNC_INTERVAL_MS=None)
        self.start_watch("--age")
        first = int(re.search(r"response (\d+) s ago", self.terminal.wait(r"response \d+ s ago"))[1])
        later = "|".join(str(age) for age in range(first + 1, first + 60))  # a busy machine may miss the next one
        self.terminal.wait(rf"response ({later}) s ago")

    def test_an_outage_is_shown_until_it_ends(self):
        self.start_watch(until="1001  locked ")
        self.service.reply = (503, {}, "")
        self.terminal.wait(r"The service failed \(5xx\)\.\s*\n(\S.*)?ID ")
        self.service.reply = None
        self.terminal.wait(r"next poll .*\n\s*\n(\S.*)?ID ")

    def test_a_wait_for_the_account_s_limit_is_shown(self):
        self.service.reply = (429, {"Retry-After": "100"}, "")
        self.expect(6)
        self.service.reply = None
        begun = int(time.time())
        self.start_watch()
        screen = self.terminal.wait(r"The service returned 429 \(too many requests\)\. *\n")
        poll = re.search(r"response none yet, next poll (\S+) UTC, in (1 min|5\d s)", screen)[1]
        self.assertIn((seconds(poll) - begun) % 86400, range(60, 111))

    def test_the_error_that_ends_it_is_on_the_shell_s_screen(self):
        self.start_watch(until="1001  locked ")
        self.service.reply = (401, {}, "")
        self.terminal.wait("locksync: The service rejected the credential")
        self.is_restored()
        self.terminal.wait_for_status(5)

    def test_the_order_is_the_service_s(self):
        self.service.locks.reverse()
        self.start_watch(until=r"1002  unlocked .*\n1001  locked ")

    def test_ids_that_are_missing(self):
        screen = self.start_watch("1001 77 1001", until=r"1001  locked .*\n77    not found")
        self.assertEqual(screen.count("1001"), 1)
        self.service.locks.append(lock(77))
        self.terminal.wait(r"77    locked ")
        self.service.locks = []
        self.terminal.wait(r"1001  not found\n77    not found")

    def test_typed_keys_are_neither_shown_nor_passed_to_the_shell(self):
        self.start_watch(until="1001  locked ")
        self.terminal.type("echo typed")
        self.service.wait_for_requests(2)
        self.assertNotIn("typed", self.terminal.screen())
        self.service.reply = (401, {}, "")  # Ctrl-C would discard them
        self.is_restored()
        self.assertNotIn("typed", self.terminal.wait_for_status(5))

    def test_the_key_q_quits_even_during_a_poll(self):
        self.start_watch(until="1001  locked ")
        self.terminal.press("q")
        self.is_restored()
        self.assertIn("1001  locked", self.terminal.wait_for_status(0))
        self.start_sim("--delay-ms", "60000")
        self.start_watch("--timeout 1000", until="response none yet")
        begun = time.monotonic()
        self.terminal.tmux("send-keys", "-l", "x\033[Aq")  # other keys have no effect
        self.is_restored()
        self.assertLess(time.monotonic() - begun, PROMPTLY)
        self.terminal.wait_for_status(0)

    def test_the_key_q_quits_though_ctrl_s_stopped_the_output(self):
        self.start_watch(until="1001  locked ")
        self.terminal.press("C-s")
        self.terminal.press("q")
        self.is_restored()
        self.terminal.wait_for_status(0)

    def test_old_states_are_dimmed_and_have_their_age(self):
        self.start_watch(until="1001  locked ")
        self.service.reply = (503, {}, "")
        self.terminal.wait(r"response \d\d:\d\d:\d\d, \d+ s ago, next poll ")
        self.check_row("1001", "dim", "locked", "dim")
        self.service.reply = None
        self.terminal.wait(r"response \d\d:\d\d:\d\d, next poll ")
        self.check_row("1001", "", "locked", "green")

    def test_the_rows_that_a_short_terminal_shows(self):
        self.service.locks = [lock(1000 + i) for i in range(20)]
        self.service.locks[15] = lock(1015, batteryLevel=19)
        self.service.locks[17] = lock(1017, state=2)
        self.start_watch(until=r"\n1017  unlocked .*\n1015  locked .* 19 % low .*\n1000 ", lines=10)
        self.service.locks[19] = lock(1019, doorState=2)
        self.terminal.wait(r"\n1019  locked .*\n1017  unlocked .*\n1015  locked .*\n1000 ")
        self.terminal.tmux("resize-window", "-y", "30")
        self.terminal.wait(r"\n1014 .*\n1015 .*\n1016 .*\n1017 .*\n1018 .*\n1019 ")

    def test_a_resize_takes_effect_even_during_a_poll(self):
        self.start_sim("--delay-ms", "60000")
        self.start_watch("--timeout 1000", until="(?m)^response none yet, next pol\u2026$", columns=28)
        self.terminal.tmux("resize-window", "-x", "80")
        self.terminal.wait(r"response none yet, next poll \d")
        self.leave()

    def test_a_narrow_terminal(self):
        screen = self.start_watch(until="1002  unlocked", columns=40, lines=10)
        self.assertIn("ID    STATE     DOOR    CONNECTED\n", screen)
        self.assertRegex(screen, r"(?m)^response \S+, next poll \d\d:\d\d:\d\d U\u2026$")
        self.terminal.tmux("resize-window", "-x", "100")
        self.terminal.wait("CHARGING")

    def test_a_short_terminal(self):
        self.service.locks = [lock(1000 + i) for i in range(20)]
        screen = self.start_watch(until="and 14 more", lines=10)
        self.assertIn("1005 ", screen)
        self.assertNotIn("1006 ", screen)
        self.assertIn("response ", screen.splitlines()[0])
        self.terminal.tmux("resize-window", "-y", "30")
        self.terminal.wait("1019 ")

    def test_a_window_of_few_lines_shows_locks_and_errors(self):
        self.service.locks = [lock(1000 + i) for i in range(3)]
        wrong = r"\AThe service failed"
        self.start_watch(lines=5)
        for lines, good, bad in (
                (5, r"\Aresponse .*\nID .*\n1000 .*\n1001 .*\n1002 ",
                 r"\Aresponse .*\nThe service .*\nID .*\n1000 .*\nand 2"),
                (4, r"\Aresponse .*\nID .*\n1000 .*\nand 2 more", r"\Aresponse .*\nThe service .*\nID .*\n1000 "),
                (3, r"\Aresponse .*\nID .*\n1000 ", r"\Aresponse .*\nThe service .*\n1000 "),
                (2, r"\Aresponse .*\n1000 ", wrong + r".*\n1000 "),
                (1, r"\A1000 ", wrong)):
            with self.subTest(lines=lines):
                self.terminal.tmux("resize-window", "-y", str(lines))
                self.terminal.wait(good)
                self.service.reply = (503, {}, "")
                self.terminal.wait(bad)
                self.service.reply = None
                self.terminal.wait(good)

    def test_a_window_of_one_line_before_the_first_response(self):
        self.start_sim("--delay-ms", "60000")
        self.start_watch("--timeout 1000", until=r"\Aresponse none yet", lines=1)
        self.terminal.tmux("resize-window", "-y", "10")
        self.leave()

    def test_values_that_are_not_sent_any_more_are_unknown(self):
        self.start_watch(until="1001  locked ")
        self.service.locks = [{"id": 1001, "isConnected": True, "deviceState": None}, lock(1002, state=2)]
        self.terminal.wait("1001  unknown   unknown  unknown  unknown   yes        unknown")
        self.assertRegex(self.leave(), "1001  unknown")

    def start_watch_with_pid(self):
        self.terminal = Terminal(self)
        self.terminal.type(f"sh -c 'echo $$ >~/pid; exec {SHOWN} --watch'")
        self.terminal.wait("1001  locked ")
        return pid_of(self)

    def test_a_signal_during_the_watch_restores_the_terminal(self):
        pid = self.start_watch_with_pid()
        self.terminal.press("C-s")
        before = self.terminal.wait("1001  locked ")
        self.service.locks = [lock(1001, state=2)]
        self.service.wait_for_requests(4)
        self.assertEqual(self.terminal.screen(), before)
        self.terminal.tmux("resize-window", "-x", "90")  # this draws the table, too
        begun = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        self.is_restored()
        self.assertLess(time.monotonic() - begun, PROMPTLY)
        self.assertIn("1001  unlocked", self.terminal.wait_for_status(143))

    def test_a_continued_watch_is_drawn_again(self):
        self.start_watch_with_pid()
        self.terminal.press("C-s")
        self.service.locks = [lock(1001, state=2)]
        self.service.wait_for_requests(4)
        self.terminal.press("C-q")
        self.terminal.wait("1001  unlocked ")
        self.leave()

    def test_a_signal_ends_it_though_the_terminal_is_full(self):
        terminal, end = os.openpty()
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.close, end)
        self.set(TERM="xterm")
        self.service.locks = [lock(1 + i) for i in range(3000)]
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 2000, 80, 0, 0))
        before = termios.tcgetattr(end)
        watch = self.start("--watch", stdin=end, stdout=end, stderr=end)
        wait_until(lambda: len(self.service.requests) > 3, "polls")
        self.assertNotEqual(termios.tcgetattr(end), before)
        watch.send_signal(signal.SIGTERM)
        self.assertEqual(watch.wait(timeout=PATIENCE), -signal.SIGTERM)
        self.assertEqual(termios.tcgetattr(end), before)

    def test_ctrl_z_restores_the_terminal_until_it_continues(self):
        self.start_watch(until="1001  locked ")
        self.terminal.press("C-z")
        self.is_restored()
        self.terminal.type("echo stopped")
        self.terminal.wait("(?m)^stopped")
        self.terminal.type("fg")
        self.terminal.wait_until_is("alternate_on", "1")
        self.service.locks = [lock(1001, state=2)]
        self.terminal.wait("1001  unlocked ")
        self.leave()

    def test_ctrl_z_without_a_shell_to_return_to_does_not_stop_it(self):
        """In a separate terminal, because tmux continues a process that stops. This terminal does not know its size."""
        terminal, end = os.openpty()
        self.addCleanup(os.close, terminal)
        self.set(TERM="xterm")
        self.start("--watch", stdin=end, stdout=end, stderr=end, start_new_session=True,
                   preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(end)
        self.read_until(terminal, b"1001")  # otherwise the first response may have the changed state
        os.write(terminal, b"\x1a")
        self.read_until(terminal, b"1049l")
        self.service.locks = [lock(1001, state=2)]
        self.read_until(terminal, b"1001\033[0m  \033[1;33munlocked")

    def read_until(self, terminal, text):
        seen = bytearray()

        def has_arrived():
            if select.select([terminal], [], [], 0)[0]:
                seen.extend(os.read(terminal, 4096))
            return text in seen

        wait_until(has_arrived, text)

    def test_lines_on_a_simple_terminal_and_of_json(self):
        for command, line in ((f"TERM=dumb {SHOWN} --watch", "1002  added: state unlocked"),
                              (f"{SHOWN} --watch --json-lines 1001", '"changes":\\["added",')):
            terminal = Terminal(self)
            terminal.type(command)
            terminal.wait(line, "-J")  # with wrapped lines joined
            self.assertEqual(terminal.value_of("alternate_on"), "0")


if __name__ == "__main__":
    main()
