# SPDX-License-Identifier: Apache-2.0
"""contained.py ROOT CAPABILITY,... COMMAND...: runs it as the kubelet does with the chart's securityContext: ROOT is its root, it has
these capabilities alone, and no_new_privs."""
import ctypes
import os
import sys

NUMBERS = {"NET_ADMIN": 12, "NET_RAW": 13, "SYS_ADMIN": 21, "PERFMON": 38, "BPF": 39}
FOLDERS = ("/usr/sbin", "/usr/bin")
PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 23, 24, 38


def main():
    root, capabilities, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
    kept = {NUMBERS[each] for each in capabilities if each}
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    os.chroot(root)
    os.chdir("/")
    for number in range(64):
        if prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1 and number not in kept and prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            sys.exit(f"contained: cannot drop capability {number}")
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        sys.exit("contained: no_new_privs")
    for folder in FOLDERS:  # os.execvpe would import modules of Python, which are not in the image
        if os.access(f"{folder}/{command[0]}", os.X_OK):
            os.execve(f"{folder}/{command[0]}", command, {"PATH": ":".join(FOLDERS)})
    sys.exit(f"contained: {command[0]} is not in {FOLDERS}")


if __name__ == "__main__":
    main()
