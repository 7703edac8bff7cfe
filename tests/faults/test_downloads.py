"""Downloads from servers that fail in every way, real ones on this machine."""

import contextlib
import gc
import gzip
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from d2l_repro.data import airfoil, download, images, text, transfer, translation
from d2l_repro.errors import InputError

# The libraries underneath leave the socket of a failed download to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
CONTENT = b"published bytes" * 10_000
NAME = "set/file.gz"


class Handler(BaseHTTPRequestHandler):
    """Behave as the last part of the path says."""

    def do_GET(self):
        getattr(self, self.path.rpartition("/")[2])()

    def answer(self, content, length=None):
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def good(self):
        self.answer(CONTENT, len(CONTENT))

    def wrong(self):
        self.answer(CONTENT[::-1], len(CONTENT))

    def cut(self):
        self.answer(CONTENT[:-1], len(CONTENT))

    def cut_without_length(self):
        self.answer(CONTENT[:-1])

    def error(self):
        self.send_error(500)

    def silent(self):
        self.server.stopped.wait()

    def trickling(self):
        self.answer(b"", len(CONTENT))
        self.trickle()

    def trickling_headers(self):
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Header: ")
        self.trickle()

    def trickle(self):
        while not self.server.stopped.wait(0.02):
            self.wfile.write(b"x")
            self.wfile.flush()

    def endless(self):
        self.answer(b"")
        while not self.server.stopped.is_set():
            self.wfile.write(b"x" * 100_000)

    def to_http(self):
        self.send_response(302)
        self.send_header("Location", self.server.http_url)
        self.end_headers()

    def circle(self):
        self.send_response(302)
        self.send_header("Location", "circle")
        self.end_headers()

    def handle(self):
        with contextlib.suppress(OSError):  # the client has given up
            super().handle()

    def log_message(self, *args):
        pass


def serve(context=None):
    """Yield a running server, and its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.stopped = threading.Event()
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server, f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
        server.stopped.set()
        server.shutdown()


@pytest.fixture(scope="module", autouse=True)
def collected():
    """Collect the garbage while its warnings are ignored, and not in the test of another file."""
    yield
    gc.collect()


@pytest.fixture
def server():
    yield from serve()


@pytest.fixture
def publish(offline, server, monkeypatch):
    """Return a function: publish("cut", "good") makes a registry of one file, with these mirrors."""

    def put(*behaviours, url=server[1]):
        mirrors = [f"{url}/{behaviour}" for behaviour in behaviours]
        checksum = hashlib.sha256(CONTENT).hexdigest()
        monkeypatch.setattr(download, "registry", lambda: {NAME: (checksum, mirrors)})

    monkeypatch.setattr(transfer, "MAX_DOWNLOAD", 10 * len(CONTENT))
    return put


def leftovers():
    return sorted(path.name for path in download.cache_dir().rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("wrong", "SHA256 hash .* does not match"),
        ("cut", r"(IncompleteRead|ended after 149,999 of 150,000 bytes)"),
        ("cut_without_length", "SHA256 hash .* does not match"),
        ("error", "500 Server Error"),
        ("endless", r"sends more than 1,500,000 bytes"),
        ("circle", "Exceeded 30 redirects"),
    ],
)
def test_fetch_leaves_nothing_of_a_faulty_server_and_tries_the_next(publish, behaviour, says):
    publish(behaviour)
    with pytest.raises(download.DataUnavailable, match=f"the download failed .*{says}") as caught:
        download.fetch(NAME)
    assert "\n" not in str(caught.value)
    assert leftovers() == []
    publish(behaviour, "good")
    assert download.fetch(NAME).read_bytes() == CONTENT
    assert leftovers() == ["file.gz"]


@pytest.mark.parametrize("behaviour", ["silent", "trickling", "trickling_headers"])
def test_fetch_gives_up_a_slow_server_in_time(publish, behaviour, monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUT", (1, 0.2))
    monkeypatch.setattr(transfer, "PATIENCE", 0.3)
    publish(behaviour)
    start = time.monotonic()
    with pytest.raises(download.DataUnavailable, match=r"timed out|sends less than 10,000 bytes per second"):
        download.fetch(NAME)
    assert time.monotonic() - start < 5
    assert leftovers() == []


@pytest.fixture
def https_server(tmp_path, monkeypatch):
    """Start a server whose certificate is trusted."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl on this machine")
    certificate, public = tmp_path / "certificate.pem", tmp_path / "public.pem"
    key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    files = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        certificate,
        "-out",
        tmp_path / "public.pem",
    ]
    subprocess.run(["openssl", *key.split(), *files], check=True, capture_output=True)
    with certificate.open("a") as file:
        file.write(public.read_text())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(public))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    yield from serve(context)


def test_fetch_downloads_by_https_and_follows_no_redirection_to_http(publish, server, https_server):
    tls_server, url = https_server
    tls_server.http_url = f"{server[1]}/good"
    publish("to_http", url=url)
    with pytest.raises(download.DataUnavailable, match=r"redirects to .*, which is not https"):
        download.fetch(NAME)
    assert leftovers() == []
    publish("good", url=url)
    assert download.fetch(NAME).read_bytes() == CONTENT


def test_fetch_trusts_no_unknown_certificate(publish, https_server, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    publish("good", url=https_server[1])
    with pytest.raises(download.DataUnavailable, match="the download failed"):
        download.fetch(NAME)


PROCESSES = """
import multiprocessing, pathlib, sys
from d2l_repro.data import download

def fetch(_):
    return download.fetch({name!r}).read_bytes() == {content}

download.cache_dir = lambda: pathlib.Path({cache!r})
download.registry = lambda: {{ {name!r}: ({checksum!r}, [{url!r}]) }}
with multiprocessing.get_context("fork").Pool(8) as pool:
    print(pool.map(fetch, range(8), chunksize=1))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_fetch_is_right_in_eight_processes_at_once(server, tmp_path):
    code = PROCESSES.format(
        name=NAME,
        content="b'published bytes' * 10_000",
        cache=str(tmp_path / "cache"),
        checksum=hashlib.sha256(CONTENT).hexdigest(),
        url=f"{server[1]}/good",
    )
    environment = {name: value for name, value in os.environ.items() if name != download.ENVIRONMENT}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60
    )
    assert run.stdout == f"{[True] * 8}\n", run.stderr
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == ["file.gz"]


def test_fetch_removes_temporary_files_of_killed_downloads_only(publish):
    publish("good")
    folder = download.cache_dir() / "set"
    folder.mkdir(parents=True)
    for name, age in (("tmpkilled", 3600), (".file.gz.killed", 3600), ("tmpbusy", 5), ("notes", 3600)):
        (folder / name).write_text("partial")
        os.utime(folder / name, (time.time() - age,) * 2)
    (folder / "tmpfolder").mkdir()
    download.fetch(NAME)
    assert sorted(path.name for path in folder.iterdir()) == ["file.gz", "notes", "tmpbusy", "tmpfolder"]


def test_fetch_says_that_the_cache_cannot_be_written(publish, tmp_path, monkeypatch):
    publish("good")
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(download, "cache_dir", lambda: tmp_path / "file" / "cache")
    with pytest.raises(download.DataUnavailable, match=r"the download failed .*Not a directory") as caught:
        download.fetch(NAME)
    assert "\n" not in str(caught.value)


def test_fetch_replaces_a_wrong_file_in_the_cache_or_names_it(publish):
    publish("good")
    path = download.fetch(NAME)
    path.write_bytes(b"poison")
    publish("error")
    with pytest.raises(InputError, match=r"file\.gz: is not the published file, and the download") as caught:
        download.fetch(NAME)
    assert not isinstance(caught.value, download.DataUnavailable)  # which stand-in data would hide
    assert path.read_bytes() == b"poison"
    publish("good")
    assert download.fetch(NAME).read_bytes() == CONTENT


def make_folder(path):
    path.mkdir()


def make_dangling_link(path):
    path.symlink_to("nowhere")


IMPOSTORS = [
    (make_folder, "is a folder, not a file"),
    (os.mkfifo, "is a pipe, not a file"),
    (make_dangling_link, "is a link to a file that does not exist"),
]


@pytest.mark.parametrize(("make", "says"), IMPOSTORS)
@pytest.mark.parametrize("place", ["cache", "data_dir"])
def test_fetch_names_what_stands_in_a_files_place(publish, tmp_path, make, says, place):
    publish("good")
    data_dir = tmp_path / "data"
    path = (download.cache_dir() if place == "cache" else data_dir) / NAME
    for folder in (path.parent, data_dir):
        folder.mkdir(parents=True, exist_ok=True)
    make(path)
    for function in (download.fetch, download.find):
        with pytest.raises(InputError, match=rf"{path}: {says}; replace it with the published file"):
            function(NAME, data_dir)


@pytest.mark.parametrize(("make", "says"), IMPOSTORS)
@pytest.mark.parametrize(
    "reader",
    [
        images.read_idx,
        images.read_cifar_batch,
        text.read_archive,
        airfoil.read_airfoil,
        translation.read_pairs,
    ],
)
def test_readers_name_what_stands_in_a_files_place(tmp_path, reader, make, says):
    make(tmp_path / "file")
    with pytest.raises(InputError, match=f"file: {says}"):
        reader(tmp_path / "file")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda of: of({"a": b"\0" * 2_000_000, "b": CONTENT}), "unpacks to more than 1,500,000 bytes"),
        (lambda of: gzip.compress(b"\0" * 2_000_000, mtime=0), "is not the published archive"),
        (lambda of: of({"b": CONTENT})[:-9], "is not the published archive"),
        (lambda of: b"no archive", "is not the published archive"),
    ],
    ids=["bomb", "zeros", "cut", "no archive"],
)
def test_fetch_unpacks_no_more_of_an_archive_than_it_may_contain(
    publish, server, archive_of, monkeypatch, make, says
):
    publish("archive")
    content = make(archive_of)
    mirrors = [f"{server[1]}/archive!c"]
    monkeypatch.setattr(Handler, "archive", lambda self: self.answer(content, len(content)), raising=False)
    monkeypatch.setattr(download, "registry", lambda: {NAME: (hashlib.sha256(b"").hexdigest(), mirrors)})
    with pytest.raises(download.DataUnavailable, match=says):
        download.fetch(NAME)
    assert leftovers() == []
