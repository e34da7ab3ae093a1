#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""without.py COMMAND...
Runs COMMAND, and all that it runs, as if the kernel had no nf_tables: every message to that subsystem is refused. Done with
seccomp: another process looks at what is sent (seccomp_unotify(2)), and lets everything else go on.
"""
import ctypes
import errno
import fcntl
import os
import platform
import struct
import sys

SYS_SECCOMP, SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = {"x86_64": (317, 434, 438), "aarch64": (277, 434, 438)}[platform.machine()]
SENDMSG, SENDTO = {"x86_64": (46, 44), "aarch64": (211, 206)}[platform.machine()]
SET_MODE_FILTER, NEW_LISTENER = 1, 8
USER_NOTIF, ALLOW = 0x7FC00000, 0x7FFF0000
NOTIF_RECV, NOTIF_SEND, CONTINUE = 0xC0502100, 0xC0182101, 1
NFTABLES, BATCH_BEGIN = 10, 16  # linux/netfilter/nfnetlink.h

libc = ctypes.CDLL(None, use_errno=True)


def call(*arguments):
    result = libc.syscall(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "system call")
    return result


def install_filter():
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    instructions = b"".join(struct.pack("=HBBI", *each) for each in (
        (0x20, 0, 0, 0),            # the system call's number
        (0x15, 1, 0, SENDMSG),      # this one, or
        (0x15, 0, 1, SENDTO),       # that one:
        (0x06, 0, 0, USER_NOTIF),   # ask
        (0x06, 0, 0, ALLOW),
    ))
    text = ctypes.create_string_buffer(instructions, len(instructions))
    program = struct.pack("@HP", len(instructions) // 8, ctypes.addressof(text))
    return call(SYS_SECCOMP, SET_MODE_FILTER, NEW_LISTENER, program)


def message(pid, number, arguments):
    """The first octets of what is about to be sent."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        def peek(address, size):
            memory.seek(address)
            return memory.read(size)

        address = arguments[1]
        if number == SENDMSG:
            vector = struct.unpack("@16xPN", peek(address, 32))[0]
            address = struct.unpack("@P", peek(vector, 8))[0]
        return peek(address, 20)


def is_for_nftables(text):
    kind, flags, group = struct.unpack("=4xHH8x2xH", text.ljust(20, b"\0"))
    if not flags & 1:  # NLM_F_REQUEST
        return False
    return kind >> 8 == NFTABLES or (kind == BATCH_BEGIN and group == NFTABLES << 8)


def supervise(listener):
    while True:
        request = bytearray(80)
        try:
            fcntl.ioctl(listener, NOTIF_RECV, request)
        except OSError as error:
            if error.errno in (errno.EINTR, errno.ENOENT):
                continue
            return
        number_of_request, pid, _, number, _, _, *arguments = struct.unpack("=QIIiIQ6Q", request)
        try:
            refused = is_for_nftables(message(pid, number, arguments))
        except (OSError, struct.error):
            refused = False
        answer = struct.pack("=QqiI", number_of_request, 0, -errno.EPROTONOSUPPORT if refused else 0, 0 if refused else CONTINUE)
        try:
            fcntl.ioctl(listener, NOTIF_SEND, answer)
        except OSError:
            pass  # it has ended meanwhile


def main():
    main_process = os.getpid()
    number_in, number_out = os.pipe()
    ready_in, ready_out = os.pipe()
    if os.fork() == 0:
        number = int(os.read(number_in, 16))
        listener = call(SYS_PIDFD_GETFD, call(SYS_PIDFD_OPEN, main_process, 0), number, 0)
        os.write(ready_out, b"!")
        os.setsid()
        libc.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG
        supervise(listener)
        os._exit(0)
    listener = install_filter()
    os.set_inheritable(listener, False)
    os.write(number_out, str(listener).encode())
    os.read(ready_in, 1)
    os.execv(sys.argv[1], sys.argv[1:])


main()
