#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tunnel.py DEVICE FAR-DEVICE READY [offloads]: a cable of two TUN devices, here and in the world.

What one end sends comes out of the other. With `offloads` the packets carry a virtio header: checksums may be partial
and segments large, as from a virtual machine.
"""
import fcntl
import os
import selectors
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "wire"))
from lab import inside  # noqa: E402

TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
CHECKSUMS_AND_SEGMENTS = 0x01 | 0x02 | 0x04


def open_tunnel(name, offloads):
    tunnel = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    flags = IFF_TUN | IFF_NO_PI | (IFF_VNET_HDR if offloads else 0)
    fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    if offloads:
        fcntl.ioctl(tunnel, TUNSETOFFLOAD, CHECKSUMS_AND_SEGMENTS)
    return tunnel


def carry(source, target):
    while True:
        try:
            packet = os.read(source, 1 << 17)
        except BlockingIOError:
            return
        try:
            os.write(target, packet)
        except OSError:  # the other end is down: lost
            pass


def main():
    near_name, far_name, ready, *words = sys.argv[1:]
    near = open_tunnel(near_name, words == ["offloads"])
    with inside("world"):
        far = open_tunnel(far_name, words == ["offloads"])
    ends = selectors.DefaultSelector()
    ends.register(near, selectors.EVENT_READ, far)
    ends.register(far, selectors.EVENT_READ, near)
    with open(ready, "w"):
        pass
    while True:
        for key, _ in ends.select():
            carry(key.fd, key.data)


main()
