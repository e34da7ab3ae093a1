#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Long TCP connections of a container, and what happened to them.

traffic.py serve ADDRESS PORT
    greets each connection with the address that it comes from, then sends back what it receives
traffic.py source ADDRESS PORT [--timeout S]
    connects, and prints the address that the server saw
traffic.py hold COUNT ADDRESS PORT READY
    opens COUNT connections, creates the file READY, and sends a byte on each several times a second until SIGTERM. Prints JSON:
    connections that lived, those that were lost or wait for a reply, the longest wait in ms, the addresses that were seen
"""
import asyncio
import json
import pathlib
import signal
import sys

REQUESTS_PER_SECOND = 2000  # of all connections
LAST_WAIT = 5


async def greet(reader, writer):
    try:
        writer.write((writer.get_extra_info("peername")[0] + "\n").encode())
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(address, port):
    server = await asyncio.start_server(greet, address, int(port), backlog=1024)
    await server.serve_forever()


async def source(address, port):
    reader, writer = await asyncio.open_connection(address, int(port))
    print((await reader.readline()).decode().strip())
    writer.close()


class Held:
    def __init__(self, count):
        self.pause = max(0.1, count / REQUESTS_PER_SECOND)
        self.lost, self.longest, self.seen = 0, 0.0, set()

    async def hold(self, reader, writer, ended):
        loop = asyncio.get_running_loop()
        while not ended.is_set():
            begin = loop.time()
            try:
                writer.write(b"x")
                if not await reader.readexactly(1):
                    raise OSError
            except (OSError, asyncio.IncompleteReadError):
                self.lost += 1
                return
            self.longest = max(self.longest, loop.time() - begin)
            await asyncio.sleep(self.pause)


async def hold(count, address, port, ready):
    held, ended = Held(int(count)), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    connections = []
    for _ in range(int(count)):
        reader, writer = await asyncio.open_connection(address, int(port))
        held.seen.add((await reader.readline()).decode().strip())
        connections.append((reader, writer))
    tasks = [asyncio.create_task(held.hold(reader, writer, ended)) for reader, writer in connections]
    pathlib.Path(ready).touch()
    await ended.wait()
    _, waiting = await asyncio.wait(tasks, timeout=LAST_WAIT)
    held.lost += len(waiting)
    for task in waiting:
        task.cancel()
    result = {"lived": int(count) - held.lost, "lost": held.lost, "longest": round(held.longest * 1000), "seen": sorted(held.seen)}
    print(json.dumps(result))


def main():
    command, *arguments = sys.argv[1:]
    timeout = None
    if "--timeout" in arguments:
        at = arguments.index("--timeout")
        timeout = float(arguments[at + 1])
        del arguments[at : at + 2]
    run = {"serve": serve, "source": source, "hold": hold}[command](*arguments)
    try:
        asyncio.run(asyncio.wait_for(run, timeout) if timeout else run)
    except (OSError, asyncio.TimeoutError) as error:
        sys.exit(f"{command}: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
