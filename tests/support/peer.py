#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Both ends of the scenarios' traffic.

serve PROTOCOL PORT --log FILE --ready FILE   answers, and notes each caller: PROTOCOL SOURCE SPORT DESTINATION DPORT
ask PROTOCOL ADDRESS PORT [--size BYTES]      one request; prints "SOURCE SPORT" as the server saw them
chat ADDRESS PORT --progress FILE             one TCP connection, numbered lines; the count is kept in FILE
transfer down|up ADDRESS PORT --progress FILE one TCP connection, every byte compared; the count is kept in FILE
crowd PROTOCOL ADDRESS PORT COUNT --progress FILE  COUNT connections at once; FILE: how many were answered
hold PROTOCOL ADDRESS PORT COUNT --progress FILE   COUNT connections that ask again and again, and that the server has to
                                              see under the same endpoint each time; the rounds are kept in FILE
knock ADDRESS PORT --progress FILE            one TCP connection after the other, each of which has to be answered

The last five end when FILE.stop exists; any break or wrong byte is exit 1 with a line on standard error.
"""
import argparse
import os
import random
import selectors
import socket
import struct
import sys
import threading
import time

WHO = b"WHO\n"
BLOCK = random.Random(1).randbytes(1 << 18)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def write_file(path, text):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def plain(address):
    return address.removeprefix("::ffff:")


def note(log, protocol, source, destination):
    with open(log, "a") as file:
        file.write(f"{protocol} {plain(source[0])} {source[1]} {plain(destination[0])} {destination[1]}\n")


# --- serving ---------------------------------------------------------------------------------------------------------


def serve_stream(connection, log):
    source = connection.getpeername()
    note(log, "tcp", source, connection.getsockname())
    stream = connection.makefile("rwb")
    for line in stream:
        word = line.split()[0] if line.split() else b""
        if word == b"WHO":
            stream.write(f"{plain(source[0])} {source[1]}\n".encode())
        elif word == b"DOWN":
            while True:
                connection.sendall(BLOCK)
        elif word == b"UP":
            total = receive_blocks(stream, lambda total: False)
            stream.write(f"{total}\n".encode())
        elif word == b"BYE":
            return
        else:
            stream.write(line)
        stream.flush()


def stream_thread(connection, log):
    with connection:
        try:
            serve_stream(connection, log)
        except OSError:
            pass


def serve_tcp(options):
    server = socket.create_server(("::", options.port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=4096)
    write_file(options.ready, "ready")
    while True:
        connection, _ = server.accept()
        threading.Thread(target=stream_thread, args=(connection, options.log), daemon=True).start()


def serve_udp(options):
    """Answers from the address that was asked: IP(V6)_PKTINFO tells it."""
    servers = selectors.DefaultSelector()
    for family, level, wanted in (
        (socket.AF_INET, socket.IPPROTO_IP, 8),
        (socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO),
    ):
        server = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.setsockopt(level, wanted, 1)
        server.bind(("", options.port))
        servers.register(server, selectors.EVENT_READ, (family, level))
    write_file(options.ready, "ready")
    while True:
        for key, _ in servers.select():
            family, level = key.data
            question, ancillary, _, source = key.fileobj.recvmsg(65536, 256)
            info = ancillary[0][2]
            asked = socket.inet_ntop(family, info[8:12] if family == socket.AF_INET else info[:16])
            note(options.log, "udp", source, (asked, options.port))
            answer = f"{source[0]} {source[1]}\n".encode() + question[len(WHO) :]
            if family == socket.AF_INET:
                info = struct.pack("=I4s4x", 0, info[8:12])
            kind = 8 if family == socket.AF_INET else socket.IPV6_PKTINFO
            key.fileobj.sendmsg([answer], [(level, kind, info)], 0, source)


def serve_ping(options):
    """The kernel answers; this one notes who asked, with the identifier for a port."""
    sockets = selectors.DefaultSelector()
    for family, protocol, kind in ((socket.AF_INET, 1, 8), (socket.AF_INET6, 58, 128)):
        listener = socket.socket(family, socket.SOCK_RAW, protocol)
        sockets.register(listener, selectors.EVENT_READ, (family, kind))
    write_file(options.ready, "ready")
    while True:
        for key, _ in sockets.select():
            family, kind = key.data
            packet, source = key.fileobj.recvfrom(65536)
            destination = "-"
            if family == socket.AF_INET:
                destination = socket.inet_ntoa(packet[16:20])
                packet = packet[(packet[0] & 15) * 4 :]
            if packet[0] == kind:
                note(options.log, "ping", (source[0], struct.unpack_from("!H", packet, 4)[0]), (destination, 0))


# --- asking ----------------------------------------------------------------------------------------------------------


def connect(options, kind=socket.SOCK_STREAM):
    connection = socket.socket(family_of(options.address), kind)
    connection.settimeout(options.timeout)
    if options.source or options.source_port:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        connection.bind((options.source, options.source_port))
    connection.connect((options.address, options.port))
    return connection


def ask(options):
    kind = socket.SOCK_STREAM if options.protocol == "tcp" else socket.SOCK_DGRAM
    load = BLOCK[: max(0, options.size - len(WHO))]  # comes back behind the answer
    with connect(options, kind) as connection:
        connection.sendall(WHO + load)
        answer = connection.recv(1 << 16)
        if not answer:
            raise OSError("closed without an answer")
        if not answer.endswith(load):
            raise OSError(f"{len(answer)} bytes came back, or wrong ones")
        print(answer.removesuffix(load).decode().strip())


def progress_keeper(path):
    """At most a write each 20 ms: those who wait poll the file."""
    last = [0.0]

    def keep(count, now=False):
        if now or time.monotonic() - last[0] > 0.02:
            write_file(path, str(count))
            last[0] = time.monotonic()
        return os.path.exists(path + ".stop")

    return keep


def chat(options):
    keep = progress_keeper(options.progress)
    with connect(options) as connection:
        stream = connection.makefile("rwb")
        count = 0
        stopped = keep(0, now=True)
        while not stopped:
            line = f"line {count}\n".encode()
            stream.write(line)
            stream.flush()
            if stream.readline() != line:
                raise OSError(f"no echo of line {count}")
            count += 1
            stopped = keep(count, now=True)
            time.sleep(options.pause)


def receive_blocks(stream, stop):
    """Compares everything with the repeated BLOCK until the end of the stream, or until `stop(total)`."""
    total = 0
    buffer = bytearray(len(BLOCK))
    while not stop(total):
        view, filled = memoryview(buffer), 0
        while filled < len(BLOCK):
            got = stream.readinto(view[filled:])
            if not got:
                break
            filled += got
        if buffer[:filled] != BLOCK[:filled]:
            raise OSError(f"wrong bytes after {total}")
        total += filled
        if filled < len(BLOCK):
            break
    return total


def transfer(options):
    keep = progress_keeper(options.progress)
    with connect(options) as connection:
        stream = connection.makefile("rwb")
        stream.write(options.direction.upper().encode() + b"\n")
        stream.flush()
        if options.direction == "down":
            total = receive_blocks(stream, keep)
        else:
            total = 0
            while not keep(total):
                connection.sendall(BLOCK)
                total += len(BLOCK)
            connection.shutdown(socket.SHUT_WR)
            if int(stream.readline()) != total:
                raise OSError("the server received another number of bytes")
        keep(total, now=True)


def crowd(options):
    members, answered = [], 0
    kind = socket.SOCK_STREAM if options.protocol == "tcp" else socket.SOCK_DGRAM
    for _ in range(options.count):
        member = socket.socket(family_of(options.address), kind)
        member.setblocking(False)
        member.connect_ex((options.address, options.port))
        members.append(member)
    deadline = time.monotonic() + options.timeout
    waiting = {member: False for member in members}
    while waiting and time.monotonic() < deadline:
        with selectors.DefaultSelector() as ready:
            for member, asked in waiting.items():
                ready.register(member, selectors.EVENT_READ if asked else selectors.EVENT_WRITE)
            for key, _ in ready.select(max(0.0, deadline - time.monotonic())):
                try:
                    if not waiting[key.fileobj]:
                        key.fileobj.send(b"WHO\n")
                        waiting[key.fileobj] = True
                        continue
                    answered += bool(key.fileobj.recv(256))
                except OSError:
                    pass
                del waiting[key.fileobj]
    keep = progress_keeper(options.progress)
    while not keep(answered, now=True):
        time.sleep(0.02)


def whom(member):
    answer = b""
    while not answer.endswith(b"\n"):
        part = member.recv(256)
        if not part:
            raise OSError("closed without an answer")
        answer += part
    return answer


def ask_again(member, retries):
    """A datagram, or its answer, may get lost `retries` times."""
    while True:
        try:
            return whom(member)
        except TimeoutError:
            if not retries:
                raise
            retries -= 1
            member.sendall(WHO)


def hold(options):
    kind = socket.SOCK_STREAM if options.protocol == "tcp" else socket.SOCK_DGRAM
    keep = progress_keeper(options.progress)
    members = [connect(options, kind) for _ in range(options.count)]
    first, rounds = {}, 0
    while not keep(rounds, now=True):
        for member in members:
            member.sendall(WHO)
        for number, member in enumerate(members):
            seen = ask_again(member, options.retries)
            if first.setdefault(number, seen) != seen:
                raise OSError(f"it was {first[number].decode().strip()}, and became {seen.decode().strip()}")
        rounds += 1
        time.sleep(options.pause)


def knock(options):
    keep, count = progress_keeper(options.progress), 0
    while not keep(count, now=True):
        with connect(options) as connection:
            connection.sendall(WHO)
            whom(connection)
        count += 1
        time.sleep(options.pause)


def main():
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("serve")
    verb.add_argument("protocol", choices=["tcp", "udp", "ping"])
    verb.add_argument("port", type=int)
    verb.add_argument("--log", required=True)
    verb.add_argument("--ready", required=True)
    for name in ("ask", "chat", "transfer", "crowd", "hold", "knock"):
        verb = verbs.add_parser(name)
        if name in ("ask", "crowd", "hold"):
            verb.add_argument("protocol", choices=["tcp", "udp"])
        if name == "transfer":
            verb.add_argument("direction", choices=["down", "up"])
        verb.add_argument("address")
        verb.add_argument("port", type=int)
        if name in ("crowd", "hold"):
            verb.add_argument("count", type=int)
        if name != "ask":
            verb.add_argument("--progress", required=True)
        if name == "ask":
            verb.add_argument("--size", type=int, default=0, help="of the datagram, and of its answer")
        if name == "hold":
            verb.add_argument("--retries", type=int, default=0)
        verb.add_argument("--source", default="")
        verb.add_argument("--source-port", type=int, default=0)
        verb.add_argument("--timeout", type=float, default=2.0 if name in ("ask", "crowd") else 10.0)
        verb.add_argument("--pause", type=float, default=0.02)
    options = parser.parse_args()
    run = {"ask": ask, "chat": chat, "transfer": transfer, "crowd": crowd, "hold": hold, "knock": knock}
    servers = {"tcp": serve_tcp, "udp": serve_udp, "ping": serve_ping}
    try:
        servers[options.protocol](options) if options.verb == "serve" else run[options.verb](options)
    except OSError as error:
        sys.exit(f"{options.verb}: {error}")
    except KeyboardInterrupt:
        sys.exit(1)


if __name__ == "__main__":
    main()
