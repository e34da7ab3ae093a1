#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""terminal.py [--keys KEYS | --signal NAME | --stop] [--size ROWSxCOLUMNS] [--screens N] --expect TEXT -- COMMAND...

Runs COMMAND on a terminal of its own. When TEXT has been on N screens, presses KEYS or sends the signal; with --stop the
command is stopped as by ^Z and goes on before. Exit 0: the command ended with 0 and left the terminal as it was.
"""
import argparse
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time

ENTER, LEAVE = b"\033[?1049h", b"\033[?25h\033[?1049l"


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", default="")
    parser.add_argument("--signal", default="")
    parser.add_argument("--stop", action="store_true")
    parser.add_argument("--size", default="24x80")
    parser.add_argument("--screens", type=int, default=1)
    parser.add_argument("--expect", required=True)
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


class Terminal:
    def __init__(self, size, command):
        self.ours, self.theirs = os.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *map(int, size.split("x")), 0, 0))
        self.before = termios.tcgetattr(self.theirs)
        self.seen = b""
        self.process = subprocess.Popen(
            command, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def until(self, condition, what):
        deadline = time.monotonic() + 10
        while not condition():
            ended = self.process.poll() is not None and not select.select([self.ours], [], [], 0)[0]
            if (ended and not condition()) or time.monotonic() > deadline:
                sys.exit(f"not seen: {what}; the terminal shows {self.seen[-2000:]!r}")
            if select.select([self.ours], [], [], 0.05)[0]:
                self.seen += os.read(self.ours, 65536)

    def is_as_before(self):
        return termios.tcgetattr(self.theirs) == self.before


def is_stopped(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "T"


def stop_and_go_on(terminal):
    os.write(terminal.ours, b"\x1a")
    terminal.until(lambda: is_stopped(terminal.process.pid), "the command stops")
    terminal.until(lambda: terminal.seen.endswith(LEAVE), "the own screen")
    if not terminal.is_as_before():
        sys.exit("stopped, it leaves the terminal changed")
    terminal.seen = b""
    terminal.process.send_signal(signal.SIGCONT)
    terminal.until(lambda: terminal.seen.startswith(ENTER), "the other screen again")


def main():
    options = parse()
    terminal = Terminal(options.size, options.command)
    expected = options.expect.encode()
    terminal.until(lambda: terminal.seen.count(expected) >= options.screens, options.expect)
    if ENTER not in terminal.seen or terminal.is_as_before():
        sys.exit("the terminal was not taken")
    if options.stop:
        stop_and_go_on(terminal)
        terminal.until(lambda: expected in terminal.seen, options.expect)
    if options.keys:
        os.write(terminal.ours, options.keys.encode())
    if options.signal:
        terminal.process.send_signal(getattr(signal, "SIG" + options.signal))
    terminal.until(lambda: terminal.process.poll() is not None, "the end of the command")
    terminal.until(lambda: LEAVE in terminal.seen, "the own screen")
    if terminal.process.returncode != 0:
        sys.exit(f"exit {terminal.process.returncode}: {terminal.seen[-500:]!r}")
    if not terminal.is_as_before():
        sys.exit("the terminal is not as it was")
    print(terminal.seen.decode())


main()
