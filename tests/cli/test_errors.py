"""Each class of error has an exit status and one line that says what to do."""
import json
import os
import socket
import subprocess

from support import KEY, PASSED_ON, PATIENCE, Test, lock, main


class Service(Test):
    def test_errors_of_the_service(self):
        cases = {
            "401": (5, "make a new one"), "403": (5, "permission to read devices"), "404": (10, "--api-version"),
            "429": (6, "The service asks to wait 7 s"), "500": (9, "Try again later"),
            "503": (9, "The service asks to wait 7 s"),
            "html": (10, "--base-url"), "empty": (10, "--base-url"), "bad-json": (10, "--base-url"),
            "wrong-type": (10, "--base-url"), "huge": (10, "--base-url"), "redirect": (10, "--base-url"),
            "truncated": (7, "Try again later"), "reset": (7, "Try again later"), "success-false": (5, "permission"),
        }
        for fault, (exit_status, advice) in cases.items():
            with self.subTest(fault):
                self.start_sim("--fault", fault)
                self.set(XDG_STATE_HOME=self.path(fault))
                self.assertEqual(self.expect(exit_status), "")
                self.assertIn(advice, self.complaint)

    def test_control_characters_do_not_reach_the_terminal(self):
        service = self.start_service()
        for harmful in ("\u202e", "\u202a", "\u2066", "\u2069", "\u200f", "\u061c", "\u200b", "\u2028", "\ufeff",
                        "\U000e0041", "\x7f", "\x9b31m", "\u00ad", "\x1b[31m", "\n"):
            with self.subTest(harmful):
                said = [f"T\u00fcr {harmful}zu\u20ac"]
                service.reply = (200, {}, json.dumps({"success": False, "errorMessages": said}))
                self.expect(10)
                self.assertNotIn(harmful[0], self.complaint[:-1])
                self.assertRegex(self.complaint, "T\u00fcr .*zu\u20ac")

    def test_the_correlation_id_is_shown(self):
        service = self.start_service()
        service.reply = (500, {"X-Correlation-ID": "abc-123"}, "")
        self.expect(9)
        self.assertIn("(Correlation id: abc-123)", self.complaint)

    def test_another_version_of_the_service(self):
        self.start_sim("--api-version", "v38")
        self.expect(10)
        self.assertIn("--api-version", self.complaint)
        self.expect(0, "--api-version", "v38")


class Reaching(Test):
    def test_no_server(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.set(LOCKSYNC_BASE_URL=None)
            self.expect(7, "--base-url", f"http://127.0.0.1:{unused.getsockname()[1]}")

    def test_a_response_that_takes_too_long(self):
        self.start_sim("--delay-ms", "60000")
        self.expect(7, "--timeout", "0.2")
        self.assertIn("--timeout", self.complaint)

    def test_no_secure_connection(self):
        service = self.start_service(lock(1001))
        self.expect(8, "--base-url", f"https://127.0.0.1:{service.port}")

    def test_a_private_certificate_authority(self):
        certificate, key = self.path("cert.pem"), self.path("key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                        "-days", "2", "-subj", "/CN=locksync-sim", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True, env=PASSED_ON)
        self.start_sim("--tls-cert", certificate, "--tls-key", key)
        self.expect(8)
        self.assertIn("--ca-file", self.complaint)
        self.expect(0, "--ca-file", certificate)


class Proxy(Test):
    """For a machine that is not loopback: 0.0.0.0, which reaches this machine."""

    def setUp(self):
        super().setUp()
        self.proxy = socket.create_server(("127.0.0.1", 0))
        self.proxy.settimeout(PATIENCE)
        self.addCleanup(self.proxy.close)
        self.port = self.proxy.getsockname()[1]

    def start_through_proxy(self):
        return self.start("--base-url", f"https://0.0.0.0:{self.port}")

    def first_bytes(self, process):
        """Returns the first bytes on the first connection, then lets the command end."""
        connection, _ = self.proxy.accept()
        with connection:
            received = connection.recv(4096)
        self.end(process)
        return received

    def test_from_the_environment(self):
        self.set(https_proxy=f"127.0.0.1:{self.port}")
        self.assertTrue(self.first_bytes(self.start_through_proxy()).startswith(b"CONNECT 0.0.0.0:"))

    def test_not_for_exempt_host_names(self):
        self.set(https_proxy=f"127.0.0.1:{self.port}", no_proxy="0.0.0.0")
        self.assertEqual(self.first_bytes(self.start_through_proxy())[:1], b"\x16")  # the beginning of TLS

    def test_an_unusable_proxy_is_reported_without_its_password(self):
        self.set(HTTPS_PROXY="gopher://user:hidden@proxy")
        self.expect(2, "--base-url", f"https://0.0.0.0:{self.port}")
        self.assertIn("HTTPS_PROXY", self.complaint)
        self.assertNotIn("hidden", self.complaint)


class Usage(Test):
    def test_wrong_options(self):
        self.start_service(lock(1001))
        for arguments in (["--nonsense"], ["--watch=1"], ["-x"], ["--color"], ["--color=blue"],
                          ["--json", "--json-lines"], ["--watch", "--json"], ["--interval=30"],
                          ["--watch", "--interval=19"], ["--timeout=0"], ["--timeout=1s"], ["--timeout="],
                          ["--timeout=nan"], ["--timeout=90000"], ["--base-url=ftp://x"],
                          ["--base-url=http://192.0.2.1"], ["--base-url="], ["--api-version=a/b"], ["-1"], [""], ["1001", ""]):
            with self.subTest(arguments):
                self.assertEqual(self.expect(2, *arguments), "")

    def test_errors_say_what_to_do(self):
        self.start_service(lock(1001))
        ambiguous = " is ambiguous: it may be short for "
        key_is_seen = "can be seen by every user.*LOCKSYNC_PERSONAL_KEY.*--key-file"
        for arguments, expected in ((["--wa"], f"--wa{ambiguous}--watch, --wait"),
                                    (["--js"], f"--js{ambiguous}--json, --json-lines"),
                                    (["--a"], f"--a{ambiguous}--age, --api-version"),
                                    (["--c=always"], f"--c{ambiguous}--changes-only, --check, --columns, --color, "
                                                     "--ca-file"),
                                    (["--watch", "--wait"], "leave out --wait"), (["--watch", "--age"], "--json-lines"),
                                    (["--api-version="], r"it is empty\. See locksync --help\."),
                                    (["--base-url=http://192.0.2.1"],
                                     r"loopback only: use https, or allow http\. See locksync --help\."),
                                    (["--key", KEY], key_is_seen), ([f"--key={KEY}"], key_is_seen),
                                    (["--personal-key", KEY], key_is_seen), ([f"--access-token={KEY}"], key_is_seen),
                                    (["--token", KEY], key_is_seen)):
            with self.subTest(arguments):
                self.expect(2, *arguments)
                self.assertRegex(self.complaint, expected)

    def test_only_a_prefix_of_several_options_is_ambiguous(self):
        for word in "--", "--watchful", "--watch=1":
            self.assertNotIn("ambiguous", self.run_command(word)[2])

    def test_a_short_form_never_means_a_secret(self):
        self.start_service(lock(1001))
        key = self.write("key", KEY)
        for words in ["--ke", key], [f"--k={key}"], ["--t", "3"], ["1001", "--ti=3"]:
            with self.subTest(words):
                self.expect(0, *words)

    def test_arguments_that_are_no_locks(self):
        self.start_service(lock(1001))
        for argument in "0", "1.5", "x", "+1", "9223372036854775808":
            with self.subTest(argument):
                self.assertEqual(self.expect(3, "1001", argument), "")
                self.assertRegex(self.complaint, "^locksync: argument 2 .*run locksync without arguments")

    def test_wrong_arguments_are_not_shown(self):
        self.start_service()
        self.expect(3, KEY)
        for arguments in ([f"--pass={KEY}"], ["--watch", f"--colour={KEY}"]):
            with self.subTest(arguments):
                self.expect(2, *arguments)

    def test_options_are_accepted_in_any_place(self):
        self.start_service(lock(1001), lock(1002))
        self.assertEqual(len(self.expect(0, "1001", "--json-lines", "--", "1002").splitlines()), 2)

    def test_help_and_version(self):
        self.set(LOCKSYNC_PERSONAL_KEY=None)
        self.assertIn("Exit status", self.expect(0, "--help"))
        self.assertEqual(self.expect(0, "-h"), self.expect(0, "--help"))
        self.assertRegex(self.expect(0, "--version"), r"\Alocksync \d+\.\d+\.\d+\n\Z")


class Credentials(Test):
    def setUp(self):
        super().setUp()
        self.start_sim("--access-token", "token-of-the-tests")
        self.set(LOCKSYNC_PERSONAL_KEY=None)

    def test_no_credential(self):
        self.expect(4)
        self.assertRegex(self.complaint, "LOCKSYNC_PERSONAL_KEY.*--key-file")

    def test_from_the_environment(self):
        self.set(LOCKSYNC_PERSONAL_KEY=KEY, LOCKSYNC_ACCESS_TOKEN="not looked at")
        self.expect(0)
        self.set(LOCKSYNC_PERSONAL_KEY="", LOCKSYNC_ACCESS_TOKEN="token-of-the-tests")
        self.expect(0)

    def test_from_a_file_before_the_environment(self):
        self.set(LOCKSYNC_PERSONAL_KEY="wrong")
        for text in KEY, KEY + "\n", KEY + " \r\n":
            self.expect(0, "--key-file", self.write("key", text))

    def test_from_a_pipe(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        os.write(writing, f"{KEY}\n".encode())
        os.close(writing)
        self.expect(0, "--key-file", "/dev/stdin", stdin=reading)

    def test_from_a_socket(self):
        reading, writing = socket.socketpair()
        with reading, writing:
            writing.sendall(f"{KEY}\n".encode())
            writing.shutdown(socket.SHUT_WR)
            self.expect(0, "--key-file", "-", stdin=reading)

    def test_from_a_named_pipe(self):
        os.mkfifo(self.path("pipe"))
        os.chmod(self.path("pipe"), 0o644)
        run = self.start("--key-file", self.path("pipe"))
        with open(self.path("pipe"), "w", encoding="ascii") as pipe:
            pipe.write(KEY)
        self.assertEqual(self.end(run)[0], 0)

    def test_a_file_that_others_may_read_or_write(self):
        for mode in 0o640, 0o604, 0o620, 0o602, 0o610:
            with self.subTest(oct(mode)):
                self.expect(4, "--key-file", self.write("key", KEY, mode))
                self.assertIn("chmod 600", self.complaint)

    def test_a_group_may_read_credentials_of_a_systemd_service(self):
        os.mkdir(self.path("credentials"))
        key = self.write("credentials/key", KEY, 0o440)
        self.expect(4, "--key-file", key)
        self.set(CREDENTIALS_DIRECTORY=self.path("credentials"))
        self.expect(0, "--key-file", key)
        self.expect(4, "--key-file", self.write("credentials/public", KEY, 0o444))
        self.expect(4, "--key-file", self.write("credentials-2", KEY, 0o440))

    def test_files_without_a_usable_key(self):
        for text, expected in (("", "has no key"), ("\n", "has no key"), ("x" * 20000, "too large"),
                               ("a\0b", "is not text"), (f"{KEY}\n{KEY}", "not usable")):
            with self.subTest(expected):
                self.expect(4, "--key-file", self.write("key", text))
                self.assertIn(expected, self.complaint)
        self.expect(4, "--key-file", self.path("none\n\033[31m"))
        self.assertNotIn("\033", self.complaint)
        self.assertIn("check that it exists", self.complaint)

    def test_a_folder_is_named_as_such(self):
        folder = os.open(self.folder, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        for path in self.folder, "-":
            self.expect(4, "--key-file", path, stdin=folder)
            self.assertIn("is a folder", self.complaint)

    def test_an_unusable_key(self):
        self.set(LOCKSYNC_PERSONAL_KEY="a b")
        self.expect(4)
        self.set(LOCKSYNC_PERSONAL_KEY="x" * 20000)
        self.expect(4)


if __name__ == "__main__":
    main()
