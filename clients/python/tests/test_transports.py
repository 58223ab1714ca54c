"""Requests reach a server by TCP and by a Unix socket, over few connections."""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from tests.support import DIGITS, SERVER, Proxy, Scripted, client, problem, record
from tureen import HttpTransport, RetrySettings, TureenConnectionError, TureenProblem, UnixSocketTransport


class UnixSockets(unittest.TestCase):
    def test_carry_uploads_events_and_downloads(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            path = os.path.join(name, "socket")
            with Proxy(path=path) as proxy, client("http://localhost", transport=UnixSocketTransport(path)) as tureen:
                models: Any = [{"id": tureen.create_model(DIGITS / f"{each}.onnx")["id"]} for each in ("ft0", "ft1")]
                job = tureen.wait(tureen.create_merge({"models": models}))
                self.assertEqual(job["status"], "succeeded")
                result: Any = job["result"]
                download = tureen.get_model_content(result["model"]["id"])
                self.assertEqual(f"sha256:{hashlib.sha256(download.read()).hexdigest()}", result["model"]["sha256"])
                self.assertLessEqual(proxy.connections, 2)

    def test_that_are_not_there_are_an_error_that_says_so(self) -> None:
        tureen = client("http://localhost", transport=UnixSocketTransport("/no/such/socket"), retry=RetrySettings(retries=0))
        with self.assertRaisesRegex(TureenConnectionError, "No such file"):
            tureen.get_usage()


@unittest.skipIf(shutil.which("openssl") is None, "openssl is not installed")
class Tls(unittest.TestCase):
    def test_carries_uploads_to_servers_whose_certificate_is_trusted_and_to_no_others(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            key, certificate = os.path.join(name, "key.pem"), os.path.join(name, "certificate.pem")
            made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "1"]
            subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
            subprocess.run([*made, *subject], check=True, capture_output=True)
            own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            own.load_cert_chain(certificate, key)
            content = bytes(range(256)) * 4000
            with Scripted(context=own) as server:
                trusting = HttpTransport(context=ssl.create_default_context(cafile=certificate))
                with client(server.url, transport=trusting) as tureen:
                    for _ in range(2):
                        tureen.create_model(content)
                self.assertEqual([each.body for each in server.requests], [content] * 2)
                with self.assertRaisesRegex(TureenConnectionError, "certificate verify failed"):
                    client(server.url, retry=RetrySettings(retries=0)).get_usage()


class Connections(unittest.TestCase):
    def test_serve_many_requests(self) -> None:
        with Proxy() as proxy, client(proxy.url) as tureen:
            for _ in range(5):
                tureen.get_usage()
                self.assertRaises(TureenProblem, tureen.get_model, "none")
                tureen.head_model_content(tureen.create_model(DIGITS / "ft0.onnx")["id"])
            self.assertEqual(proxy.connections, 1)

    def test_that_the_server_has_closed_are_not_used_again(self) -> None:
        with Proxy() as proxy, client(proxy.url, retry=RetrySettings(retries=0)) as tureen:
            tureen.get_usage()
            proxy.reset_all()
            time.sleep(0.05)
            tureen.get_usage()
            self.assertEqual(proxy.connections, 2)

    def test_are_shared_by_threads(self) -> None:
        with client() as tureen, ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: tureen.get_readiness(), range(64)))
        self.assertEqual(answers, [{"status": "ok"}] * 64)

    def test_of_an_answer_that_nobody_reads_are_closed(self) -> None:
        with Proxy() as proxy, client(proxy.url) as tureen:
            id = tureen.create_model(DIGITS / "ft0.onnx")["id"]
            tureen.get_model_content(id).close()
            with tureen.get_model_content(id) as download:
                next(iter(download))
            tureen.get_usage()
            self.assertEqual(proxy.connections, 3)

    def test_of_a_client_that_nobody_closes_are_closed_with_it(self) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ResourceWarning)
            client().get_usage()
            gc.collect()
        port = f"{urlsplit(SERVER).port})"
        self.assertEqual([str(each.message) for each in caught if port in str(each.message)], [])

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
    def test_of_a_parent_process_are_left_alone_by_its_child(self) -> None:
        with Proxy() as proxy, client(proxy.url) as tureen:
            tureen.get_usage()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                child = os.fork()
            if child == 0:
                try:
                    tureen.get_usage()
                    os._exit(0)
                finally:
                    os._exit(1)
            self.assertEqual(os.waitpid(child, 0)[1], 0)
            tureen.get_usage()
            self.assertEqual(proxy.connections, 2)


class Heads(unittest.TestCase):
    def test_that_break_off_are_no_answers(self) -> None:
        def cut(handler: Any) -> None:
            handler.close_connection = True
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Le")

        with Scripted(cut) as server:
            self.assertEqual(client(server.url).get_model("a"), {"id": "a"})
            self.assertEqual(len(server.requests), 2)


class Bodies(unittest.TestCase):
    def test_that_the_server_refuses_early_are_not_sent_to_their_end(self) -> None:
        sent = []
        is_over = threading.Event()

        def refuse(handler: Any) -> None:
            handler.rfile.read(1000)
            problem(413, "TUREEN_TOO_LARGE")(handler)
            is_over.wait(10)
            handler.close_connection = True

        with Scripted(refuse, reads_bodies=False) as server:
            with self.assertRaises(TureenProblem) as caught:
                client(server.url).create_model(bytes(200_000_000), digest=False, on_progress=lambda done, _: sent.append(done))
            is_over.set()
        self.assertEqual(caught.exception.code, "TUREEN_TOO_LARGE")
        self.assertLess(sent[-1], 200_000_000)

    def test_of_unknown_length_come_in_chunks(self) -> None:
        seen = []

        def chunks(handler: Any) -> None:
            content = b""
            while size := int(handler.rfile.readline(), 16):
                content += handler.rfile.read(size)
                handler.rfile.readline()
            handler.rfile.readline()
            seen.append((handler.headers["transfer-encoding"], content))
            record(handler)

        with Scripted(chunks, chunks) as server, client(server.url) as tureen:
            for _ in range(2):
                tureen.create_model(iter([b"ab", b"", b"c" * 100]))
        self.assertEqual(seen, [("chunked", b"ab" + b"c" * 100)] * 2)
