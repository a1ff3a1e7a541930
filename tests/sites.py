"""A web server of a few lines that tells what it was asked."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress


@contextmanager
def site(said: bytes) -> Generator[tuple[int, list[bytes]]]:
    """A web server; its port, and the heads of all requests it has seen."""
    heads: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def one(connected: socket.socket) -> None:
        with connected, suppress(ConnectionError):  # whoever asked may go away at any time
            head = b""
            while b"\r\n\r\n" not in head and (part := connected.recv(65536)):
                head += part
            if head:
                heads.append(head)
                length = f"Content-Length: {len(said)}\r\n".encode()
                connected.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + said)

    def serve() -> None:
        while True:
            try:
                connected, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connected,)).start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1], heads
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()
