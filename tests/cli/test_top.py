"""snakepit top: on a terminal, which it gives back as it was, and without one."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

from harness import SNAKEPIT, CliTest

TAKE, GIVE = b"\033[?1049h", b"\033[?1049l"


class Terminal:
    """A pseudo-terminal on which a command runs."""

    def __init__(self, words, environment, lines=24, columns=100):
        self.master, self.slave = pty.openpty()
        self.resize(lines, columns)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(words, stdin=self.slave, stdout=self.slave, stderr=self.slave, env=environment,
                                        preexec_fn=self.take_over, start_new_session=True)
        self.text = b""

    @staticmethod
    def take_over():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, lines, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read_until(self, pattern, bound=30):
        end = time.monotonic() + bound
        while not re.search(pattern, self.text, re.DOTALL):
            assert select.select([self.master], [], [], max(0, end - time.monotonic()))[0], (pattern, self.text[-2000:])
            self.text += os.read(self.master, 65536)
        found, self.text = self.text, b""
        return found

    def press(self, key):
        os.write(self.master, key)

    def is_as_before(self):
        return termios.tcgetattr(self.slave) == self.before

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        os.close(self.master)
        os.close(self.slave)


class OnTerminal(CliTest):
    def start_top(self, *words, **size):
        terminal = Terminal(self.command("top", "-d", "0.1", *words), self.environment(TERM="xterm"), **size)
        self.addCleanup(terminal.close)
        return terminal

    def assert_given_back(self, terminal, code):
        rest = terminal.read_until(re.escape(GIVE))
        self.assertIn(b"\033[?25h", rest)
        self.assertEqual(code, terminal.process.wait(30))
        self.assertTrue(terminal.is_as_before())

    def test_it_draws_again_and_again_and_q_ends_it(self):
        terminal = self.start_top()
        self.assertIn(TAKE, terminal.read_until(rb"POOL.*WORKER.*q quit"))
        self.assertFalse(terminal.is_as_before())
        terminal.read_until(rb"WORKER.*q quit")
        terminal.read_until(rb"WORKER.*q quit")
        terminal.press(b"q")
        self.assert_given_back(terminal, 0)

    def test_every_signal_gives_the_terminal_back(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(signal=number):
                terminal = self.start_top()
                terminal.read_until(rb"q quit")
                terminal.process.send_signal(number)
                self.assert_given_back(terminal, 128 + number)

    def test_ctrl_c_ends_it(self):
        terminal = self.start_top()
        terminal.read_until(rb"q quit")
        terminal.press(b"\x03")
        self.assert_given_back(terminal, 130)

    def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(self):
        terminal = self.start_top()
        terminal.read_until(rb"q quit")
        terminal.press(b"\x1a")
        terminal.read_until(re.escape(GIVE))
        self.assertTrue(os.WIFSTOPPED(os.waitpid(terminal.process.pid, os.WUNTRACED)[1]))
        self.assertTrue(terminal.is_as_before())
        terminal.process.send_signal(signal.SIGCONT)
        terminal.read_until(re.escape(TAKE) + rb".*q quit")
        terminal.press(b"q")
        self.assert_given_back(terminal, 0)

    def test_a_resize_draws_at_once_and_nothing_is_wider_or_longer(self):
        terminal = Terminal(self.command("top", "-d", "60"), self.environment(TERM="xterm", NO_COLOR="1"))
        self.addCleanup(terminal.close)
        terminal.read_until(rb"q quit")
        terminal.resize(10, 60)
        terminal.process.send_signal(signal.SIGWINCH)
        picture = terminal.read_until(rb"\033\[J").decode()
        lines = re.sub(r"\033\[[0-9?]*[A-Za-z]", "", picture).split("\r\n")
        self.assertLessEqual(len(lines), 10)
        self.assertNotIn("\033", "".join(lines))
        terminal.press(b"q")
        self.assert_given_back(terminal, 0)

    def test_a_number_of_pictures_can_be_wanted(self):
        terminal = self.start_top("-n", "2")
        self.assert_given_back(terminal, 0)

    def test_a_broker_that_goes_away_gives_the_terminal_back(self):
        broker = self.pit.broker
        terminal = self.start_top("-t", "3")
        terminal.read_until(rb"q quit")
        try:
            broker.send_signal(signal.SIGSTOP)
            self.assert_given_back(terminal, 4)
        finally:
            broker.send_signal(signal.SIGCONT)


class WithoutTerminal(CliTest):
    def test_batch_prints_pictures_with_rates_from_the_second_on(self):
        out = self.ok("top", "--batch", "-n", "2", "-d", "0.2")
        first, second = out.split("snakepit top ")[1:]
        self.assertRegex(first, r"\nPOOL +STATE ")
        self.assertRegex(first, r"\nwork +open .* - +- +- ")
        self.assertRegex(second, r"\nwork +open .* 0\.0/s +0\.0/s +0\.0/s ")
        self.assertRegex(second, r"\n +WORKER +NAME +POOL ")
        self.assertNotIn("\033", out)

    def test_recommendations_are_shown(self):
        process = self.start_cli("call", "empty", "hold")
        self.wait_for_pool("empty", queued=1)
        out = self.ok("top", "--batch", "-n", "1")
        self.assertRegex(out, r"(?m)^critical  start a worker .*"
                              r"\(no worker is connected \(configured: 0; tasks that wait: 1\)\)$")
        self.interrupt(process)

    def test_json_is_what_the_broker_says(self):
        lines = self.ok("top", "-o", "json", "-n", "2", "-d", "0.1").splitlines()
        self.assertEqual(2, len(lines))
        for line in lines:
            self.assertEqual(["status", "inspect", "workers"], list(json.loads(line)))

    def test_words_that_are_wrong(self):
        self.assertIn("--batch", self.fails(2, "top"))
        self.fails(2, "top", "work")
        self.fails(2, "top", "--batch", "-n", "0")
        self.fails(2, "top", "--batch", "-d", "soon")

    def test_a_signal_ends_it(self):
        process = self.start_cli("top", "--batch", "-d", "60")
        process.stdout.readline()
        self.interrupt(process, signal.SIGTERM)
        self.assertEqual(143, process.returncode)

    def test_no_broker_is_said_before_the_screen_is_taken(self):
        environment = self.environment(TERM="xterm")
        words = [SNAKEPIT, "--connect", f"ipc://{self.pit.folder}/nobody", "-t", "0.2", "top"]
        terminal = Terminal(words, environment)
        self.addCleanup(terminal.close)
        said = terminal.read_until(rb"no broker answers")
        self.assertNotIn(TAKE, said)
        self.assertEqual(4, terminal.process.wait(30))


if __name__ == "__main__":
    unittest.main()
