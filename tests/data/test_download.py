"""Finding and downloading files, from a real server on this machine."""

import contextlib
import gc
import hashlib
import io
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from d2l_repro.cli import main as cli
from d2l_repro.data import download, transfer
from d2l_repro.errors import InputError

# The libraries underneath leave the socket of a failed download to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
CONTENT = b"published bytes" * 1000


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/gone":
            self.send_error(404)
            return
        if self.path == "/slow":
            time.sleep(2)
        self.send_response(200)
        content = self.server.content.get(self.path, CONTENT)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:100] if self.path == "/truncated" else content)

    def handle(self):
        with contextlib.suppress(OSError):  # the client has given up
            super().handle()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module", autouse=True)
def collected():
    """Collect the garbage while its warnings are ignored, and not in the test of another file."""
    yield
    gc.collect()


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        server.content = {"/wrong": CONTENT[::-1]}
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def publish(offline, server, monkeypatch):
    """Return a function: publish("/gone", "/good") makes a registry of one file, with these mirrors."""

    def put(*paths, checksum=None):
        mirrors = [f"http://127.0.0.1:{server.server_port}{path}" for path in paths]
        checksum = checksum or hashlib.sha256(CONTENT).hexdigest()
        monkeypatch.setattr(download, "registry", lambda: {"set/file.gz": (checksum, mirrors)})

    monkeypatch.setattr(transfer, "TIMEOUT", (1, 1))
    return put


def leftovers():
    return sorted(path.name for path in download.cache_dir().rglob("*") if path.is_file())


@pytest.mark.parametrize("faulty", ["/gone", "/wrong", "/truncated", "/slow"])
def test_fetch_tries_the_next_mirror_if_one_fails(publish, server, faulty):
    publish(faulty, "/good")
    assert download.fetch("set/file.gz").read_bytes() == CONTENT
    assert server.asked == [faulty, "/good"]
    assert leftovers() == ["file.gz"]


@pytest.mark.parametrize("faulty", ["/gone", "/wrong", "/truncated", "/slow"])
def test_fetch_leaves_no_files_and_says_what_to_do_if_every_mirror_fails(publish, faulty):
    publish(faulty)
    with pytest.raises(
        download.DataUnavailable, match=r"set/file\.gz: not found in .*cache.*download failed.*put the"
    ):
        download.fetch("set/file.gz")
    assert leftovers() == []


def test_fetch_does_not_download_a_cached_file_again(publish, server):
    publish("/good")
    assert download.fetch("set/file.gz") == download.fetch("set/file.gz")
    assert server.asked == ["/good"]


def test_fetch_replaces_a_damaged_file_in_the_cache(publish, server):
    publish("/good")
    download.fetch("set/file.gz").write_bytes(b"damaged")
    assert download.fetch("set/file.gz").read_bytes() == CONTENT


def test_is_published_understands_sha1_checksums(publish):
    publish("/good", checksum="sha1:" + hashlib.sha1(CONTENT).hexdigest())
    path = download.fetch("set/file.gz")
    assert download.is_published(path, "set/file.gz")
    path.write_bytes(b"other")
    assert not download.is_published(path, "set/file.gz")


def test_fetch_searches_data_dir_then_the_environment_variable_then_the_cache(publish, tmp_path, monkeypatch):
    publish("/good")
    for name in ("given", "environment"):
        (tmp_path / name / "set").mkdir(parents=True)
        (tmp_path / name / "set" / "file.gz").write_text(name)
    monkeypatch.setenv(download.ENVIRONMENT, str(tmp_path / "environment"))
    assert download.fetch("set/file.gz", tmp_path / "given").read_text() == "given"
    assert download.fetch("set/file.gz").read_text() == "environment"
    monkeypatch.delenv(download.ENVIRONMENT)
    assert download.fetch("set/file.gz").read_bytes() == CONTENT


def test_fetch_raises_an_error_if_the_users_folder_does_not_exist(publish, tmp_path, monkeypatch):
    publish("/good")
    with pytest.raises(InputError, match=r"--data-dir: no such folder: .*nowhere"):
        download.fetch("set/file.gz", tmp_path / "nowhere")
    monkeypatch.setenv(download.ENVIRONMENT, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="D2L_REPRO_DATA: no such folder"):
        download.fetch("set/file.gz")


def data(capsys, *argv):
    """Return the exit code, stdout and stderr of `d2l-repro data ...`."""
    with pytest.raises(SystemExit) as exit:
        cli.main(["data", *map(str, argv)])
    return exit.value.code, *capsys.readouterr()


def test_data_commands_find_fetch_and_verify_files(publish, capsys):
    publish("/good")
    code, out, _ = data(capsys, "status")
    assert code == 0
    assert "not here: d2l-repro data fetch set" in out
    code, out, _ = data(capsys, "fetch")
    assert (code, out) == (0, f"set/file.gz: {download.cache_dir() / 'set' / 'file.gz'}\n")
    code, out, _ = data(capsys, "status", "set")
    assert "set 1 of 1 0.0" in " ".join(out.split())
    assert str(download.cache_dir() / "set") in out
    assert data(capsys, "verify")[:2] == (
        0,
        f"set/file.gz: as published ({download.cache_dir() / 'set' / 'file.gz'})\n",
    )


def test_data_verify_fails_for_a_file_that_is_not_the_published_one(publish, tmp_path, capsys):
    publish("/good")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "file.gz").write_text("another")
    code, out, err = data(capsys, "verify", "--data-dir", tmp_path)
    assert (code, out) == (1, "")
    assert f"{tmp_path / 'set' / 'file.gz'}: not the published file; remove it" in err


def test_data_fetch_reports_files_that_fail_and_fetches_the_rest(publish, server, monkeypatch, capsys):
    publish("/good")
    good = download.registry()["set/file.gz"]
    gone = good[0], [good[1][0].replace("/good", "/gone")]
    monkeypatch.setattr(download, "registry", lambda: {"lost/file.gz": gone, "set/file.gz": good})
    code, out, err = data(capsys, "fetch")
    assert code == 1
    assert "set/file.gz: " in out
    assert err.startswith("d2l-repro: error: lost/file.gz: not found in ")
    assert data(capsys, "fetch", "set")[0] == 0
    code, _, err = data(capsys, "fetch", "cats")
    assert (code, err) == (2, "d2l-repro: error: unknown data set 'cats'; choose from lost, set\n")


def test_registry_has_a_checksum_and_https_mirrors_for_every_file():
    registry = download.registry()
    assert {name.split("/")[0] for name in registry} >= {"fashion_mnist", "fashion_mnist_2017", "mnist"}
    for name, (checksum, mirrors) in registry.items():
        length = 40 if checksum.startswith("sha1:") else 64
        assert len(checksum.rpartition(":")[2]) == length, name
        assert mirrors, name
        assert all(mirror.startswith("https://") for mirror in mirrors)


@pytest.mark.network
@pytest.mark.parametrize("name", download.registry())
def test_registry_mirrors_provide_the_published_files(name, tmp_path, monkeypatch):
    checksum, mirrors = download.registry()[name]
    for i, mirror in enumerate(mirrors):
        monkeypatch.setattr(download, "registry", lambda mirror=mirror: {name: (checksum, [mirror])})
        monkeypatch.setattr(download, "cache_dir", lambda i=i: tmp_path / str(i))
        assert download.is_published(download.fetch(name), name)


@pytest.fixture
def archive(server, archive_of, monkeypatch, offline):
    """Return a function that publishes an archive with the given members.

    The registry lists one file of it, and the first 99 bytes of another.
    """

    def put(members, path="/files.tar.gz"):
        server.content[path] = archive_of(members)
        url = f"http://127.0.0.1:{server.server_port}{path}"
        monkeypatch.setattr(
            download,
            "registry",
            lambda: {
                "set/a.bin": (hashlib.sha256(CONTENT).hexdigest(), [f"{url}!folder/a.bin"]),
                "set/b.bin": (hashlib.sha256(CONTENT[:99]).hexdigest(), [f"{url}!folder/b.bin!99"]),
            },
        )

    return put


def test_fetch_extracts_all_files_of_an_archive_from_one_download(archive, server):
    archive({"folder/a.bin": CONTENT, "folder/b.bin": CONTENT, "../evil.bin": CONTENT})
    assert download.fetch("set/b.bin").read_bytes() == CONTENT[:99]
    assert download.fetch("set/a.bin").read_bytes() == CONTENT
    assert server.asked == ["/files.tar.gz"]
    assert leftovers() == ["a.bin", "b.bin"]


def test_fetch_replaces_a_damaged_file_from_an_archive(archive, server):
    archive({"folder/a.bin": CONTENT, "folder/b.bin": CONTENT})
    download.fetch("set/a.bin").write_bytes(b"damaged")
    assert download.fetch("set/a.bin").read_bytes() == CONTENT
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("members", "fault", "kept"),
    [
        ({"folder/a.bin": CONTENT[::-1], "folder/b.bin": CONTENT}, "is not the published file", []),
        ({"folder/b.bin": CONTENT}, "is not the published archive", ["b.bin"]),
        ({}, "is not the published archive", []),
    ],
)
def test_fetch_keeps_only_published_files_of_an_archive_that_is_not_the_published_one(
    archive, members, fault, kept
):
    archive(members)
    with pytest.raises(download.DataUnavailable, match=fault):
        download.fetch("set/a.bin")
    assert leftovers() == kept


def test_fetch_leaves_no_files_if_the_download_is_not_an_archive(archive, server):
    archive({})
    server.content["/files.tar.gz"] = CONTENT
    with pytest.raises(download.DataUnavailable, match="is not the published archive"):
        download.fetch("set/a.bin")
    assert leftovers() == []


@pytest.mark.parametrize("member_type", [tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_fetch_rejects_archive_members_that_are_not_regular_files(archive, server, member_type):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        info = tarfile.TarInfo("folder/a.bin")
        info.type, info.linkname = member_type, "folder/a.bin"
        tar.addfile(info)
    archive({})
    server.content["/files.tar.gz"] = file.getvalue()
    with pytest.raises(download.DataUnavailable, match="is not a regular file"):
        download.fetch("set/a.bin")
    assert leftovers() == []
