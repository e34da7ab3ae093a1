#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Both ends of thousands of connections.

serve ADDRESS PORT COUNT --ready FILE       TCP and UDP on COUNT ports: everything comes back; after "last" the end too
hold ADDRESS PORT COUNT --progress FILE     TCP connections that are silent until FILE.stop exists; then each says
                                            something of its own. FILE: how many were opened; exit 1 when one is lost
pairs ADDRESS PORT COUNT                    two first datagrams of each flow from two CPUs at once; prints the lost ones
talk ADDRESS PORT COUNT                     UDP flows that are answered; prints how many were
converse ADDRESS PORT COUNT                 TCP connections one after the other, each with a question and its answer; the
                                            caller ends them, or the server with --remote-ends; prints how many failed
question ADDRESS PORT COUNT                 UDP questions, each from a socket of its own; prints how many got no answer
syn SOURCE ADDRESS PORT COUNT               half-open connections: SYNs, and nothing more
rst SOURCE ADDRESS PORT COUNT               RSTs of one connection (--from-port), their numbers spread over all that there are

--rate: of converse and question, so many a second; it is an error when they take longer.
--from-port is the first source port; COUNT flows have up to --width of them, and go on with the next PORT then.
"""
import argparse
import ipaddress
import mmap
import os
import resource
import select
import selectors
import socket
import struct
import sys
import time

SO_RCVBUFFORCE = 33  # Python does not know it


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def write_file(path, text):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def new_socket(options, kind, port=0):
    made = socket.socket(family_of(options.address), kind)
    if port:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("", port))
    return made


def flows(options):
    """(source port, destination port) of each."""
    for number in range(options.count):
        yield options.from_port + number % options.width, options.port + number // options.width


# --- serving ---------------------------------------------------------------------------------------------------------


def serve(options):
    ready = select.epoll()
    by_number = {}

    def add(new, kind):
        new.setblocking(False)
        by_number[new.fileno()] = (new, kind)
        ready.register(new.fileno(), select.EPOLLIN)

    for port in range(options.port, options.port + options.count):
        add(socket.create_server((options.address, port), family=family_of(options.address), backlog=4096), "listener")
        datagrams = socket.socket(family_of(options.address), socket.SOCK_DGRAM)
        datagrams.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 23)
        datagrams.bind((options.address, port))
        add(datagrams, "udp")
    write_file(options.ready, "ready")
    while True:
        for number, _ in ready.poll():
            here, kind = by_number[number]
            try:
                if kind == "listener":
                    add(here.accept()[0], "tcp")
                elif kind == "udp":
                    for _ in range(64):
                        here.sendto(*here.recvfrom(2048))
                elif not (said := here.recv(4096)):
                    raise ConnectionError
                else:
                    here.send(said)
                    if said == b"last":
                        raise ConnectionError
            except BlockingIOError:
                pass
            except OSError:
                if kind == "tcp":
                    ready.unregister(number)
                    by_number.pop(number)[0].close()


# --- asking ----------------------------------------------------------------------------------------------------------


def open_all(options):
    """All at once; those that are open in time."""
    waiting, opened = selectors.EpollSelector(), []
    for source, destination in flows(options):
        member = new_socket(options, socket.SOCK_STREAM, source if options.from_port else 0)
        member.setblocking(False)
        member.connect_ex((options.address, destination))
        waiting.register(member, selectors.EVENT_WRITE, source)
    deadline = time.monotonic() + options.timeout
    while waiting.get_map() and time.monotonic() < deadline:
        for key, _ in waiting.select(1):
            waiting.unregister(key.fileobj)
            if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                opened.append(key.fileobj)
    return opened


def hold(options):
    opened = open_all(options)
    write_file(options.progress, str(len(opened)))
    while not os.path.exists(options.progress + ".stop"):
        time.sleep(0.02)
    lost = 0
    for number, member in enumerate(opened):
        said = f"{os.getpid()} {number}\n".encode()
        try:
            member.settimeout(options.timeout)
            member.sendall(said)
            lost += member.recv(256) != said
        except OSError:
            lost += 1
    if lost:
        sys.exit(f"{lost} of {len(opened)} connections are lost")


def send_in_step(sockets, mine, other, cpu):
    """One datagram on each socket, each at the moment at which the other process sends its own."""
    os.sched_setaffinity(0, {cpu})
    for number, member in enumerate(sockets, 1):
        mine[0] = number
        for _ in range(2000):  # longer than that, and the other one has no CPU
            if other[0] >= number:
                break
        try:
            member.send(b"pair")
        except OSError:
            pass
    os._exit(0)


def answers_to(sockets, count, timeout):
    """How many datagrams come back to the sockets until `count` did, or none for a while."""
    ready = select.epoll()
    by_number = {member.fileno(): member for member in sockets}
    for number in by_number:
        ready.register(number, select.EPOLLIN)
    answers = 0
    while answers < count and (events := ready.poll(timeout)):
        for number, _ in events:
            try:
                by_number[number].recv(64, socket.MSG_DONTWAIT)
                answers += 1
            except OSError:
                pass
    return answers


def pairs(options):
    cpus, batch = sorted(os.sched_getaffinity(0)), []

    def end_batch():
        shared = [memoryview(mmap.mmap(-1, 4096)).cast("I") for _ in range(2)]
        for me in range(2):
            if os.fork() == 0:
                send_in_step(batch, shared[me], shared[1 - me], cpus[me % len(cpus)])
        os.wait(), os.wait()
        got = answers_to(batch, 2 * len(batch), options.timeout)
        for member in batch:
            member.close()
        batch.clear()
        return got

    sent = answered = 0
    for source, destination in flows(options):
        member = new_socket(options, socket.SOCK_DGRAM, source)
        member.connect((options.address, destination))
        batch.append(member)
        sent += 2
        if len(batch) == 2000 or sent == 2 * options.count:
            answered += end_batch()
    print(sent - answered)


def talk(options):
    """Unconnected sockets: one of them serves a flow to each destination port."""
    members = [new_socket(options, socket.SOCK_DGRAM, options.from_port + at) for at in range(min(options.width, options.count))]
    answered = 0
    for number, (_, destination) in enumerate(flows(options)):
        try:
            members[number % len(members)].sendto(b"talk", (options.address, destination))
        except OSError:  # the refusal that its kernel heard of
            pass
        if number % len(members) == len(members) - 1:
            answered += answers_to(members, len(members), 0.05)
    print(answered + answers_to(members, options.count, options.timeout))


def ones_complement(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def paced(options):
    """Yields COUNT times, at the rate if there is one."""
    began = time.monotonic()
    for number in range(options.count):
        if options.rate and (early := began + number / options.rate - time.monotonic()) > 0.001:
            time.sleep(early)
        yield
    late = time.monotonic() - began - (options.count / options.rate if options.rate else 0)
    if options.rate and late > 5:
        sys.exit(f"{options.verb}: {late:.0f} s too late for {options.rate} a second: the machine is too slow")


def question(options):
    failed = 0
    for _ in paced(options):
        with new_socket(options, socket.SOCK_DGRAM) as member:
            member.settimeout(options.timeout)
            member.connect((options.address, options.port))
            try:
                member.send(b"question")
                failed += member.recv(16) != b"question"
            except OSError:
                failed += 1
    print(failed)


def converse(options):
    failed = 0
    for _ in paced(options):
        with new_socket(options, socket.SOCK_STREAM) as member:
            member.settimeout(options.timeout)
            try:
                member.connect((options.address, options.port))
                member.sendall(b"last" if options.remote_ends else b"more")
                answer = member.recv(4)
                if not options.remote_ends:
                    member.shutdown(socket.SHUT_WR)
                failed += answer == b"" or member.recv(4) != b""
            except OSError:
                failed += 1
    print(failed)


def segments(options):
    """(source port, destination port, sequence number, flags) of each."""
    if options.verb == "syn":
        for sport, dport in flows(options):
            yield sport, dport, 1000, 2
    else:
        for number in range(options.count):
            yield options.from_port, options.port, number * (2**32 // options.count), 4


def forge(options):
    source, destination = (ipaddress.ip_address(address).packed for address in (options.source, options.address))
    always = ones_complement(source + destination + struct.pack("!HH", socket.IPPROTO_TCP, 20)) + (5 << 12) + 1024
    with socket.socket(family_of(options.address), socket.SOCK_RAW, socket.IPPROTO_TCP) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sender.bind((options.source, 0))
        sender.connect((options.address, 0))
        for sport, dport, number, flags in segments(options):
            total = always + sport + dport + (number >> 16) + (number & 0xFFFF) + flags
            total = (total & 0xFFFF) + (total >> 16)
            checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
            try:
                sender.send(struct.pack("!HHIIHHHH", sport, dport, number, 0, 5 << 12 | flags, 1024, checksum, 0))
            except OSError:
                pass


def main():
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in ("serve", "hold", "pairs", "talk", "converse", "question", "syn", "rst"):
        verb = verbs.add_parser(name)
        if name in ("syn", "rst"):
            verb.add_argument("source")
        verb.add_argument("address")
        verb.add_argument("port", type=int)
        verb.add_argument("count", type=int)
        if name == "serve":
            verb.add_argument("--ready", required=True)
        if name == "converse":
            verb.add_argument("--remote-ends", action="store_true")
        if name in ("converse", "question"):
            verb.add_argument("--rate", type=int, default=0)
        if name == "hold":
            verb.add_argument("--progress", required=True)
        verb.add_argument("--from-port", type=int, default=0 if name == "hold" else 2000)
        verb.add_argument("--width", type=int, default=10000)
        verb.add_argument("--timeout", type=float, default=20.0 if name == "hold" else 2.0)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    verbs = {"serve": serve, "hold": hold, "pairs": pairs, "talk": talk, "converse": converse, "question": question}
    verbs.get(options.verb, forge)(options)


main()
