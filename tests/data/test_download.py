"""Finding and downloading, from a real server on this machine."""

import hashlib
import io
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from d2l_repro.cli import main as cli
from d2l_repro.data import download
from d2l_repro.errors import InputError

# A failed download leaves its socket to the garbage collector, in the libraries underneath.
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

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        server.content = {"/wrong": CONTENT[::-1]}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def publish(offline, server, monkeypatch):
    """publish("/gone", "/good"): a registry with one file on these mirrors."""

    def put(*paths, checksum=None):
        mirrors = [f"http://127.0.0.1:{server.server_port}{path}" for path in paths]
        checksum = checksum or hashlib.sha256(CONTENT).hexdigest()
        monkeypatch.setattr(download, "registry", lambda: {"set/file.gz": (checksum, mirrors)})

    monkeypatch.setattr(download, "TIMEOUT", (1, 1))
    return put


def leftovers():
    return sorted(path.name for path in download.cache_dir().rglob("*") if path.is_file())


@pytest.mark.parametrize("faulty", ["/gone", "/wrong", "/truncated", "/slow"])
def test_the_next_mirror_is_tried_when_one_fails(publish, server, faulty):
    publish(faulty, "/good")
    assert download.fetch("set/file.gz").read_bytes() == CONTENT
    assert server.asked == [faulty, "/good"]
    assert leftovers() == ["file.gz"]


@pytest.mark.parametrize("faulty", ["/gone", "/wrong", "/truncated", "/slow"])
def test_when_every_mirror_fails_nothing_is_left_and_the_error_says_what_to_do(publish, faulty):
    publish(faulty)
    with pytest.raises(
        download.DataUnavailable, match=r"set/file\.gz: not found in .*cache.*download failed.*put the"
    ):
        download.fetch("set/file.gz")
    assert leftovers() == []


def test_what_is_in_the_cache_is_not_downloaded_again(publish, server):
    publish("/good")
    assert download.fetch("set/file.gz") == download.fetch("set/file.gz")
    assert server.asked == ["/good"]


def test_a_damaged_file_in_the_cache_is_replaced(publish, server):
    publish("/good")
    download.fetch("set/file.gz").write_bytes(b"damaged")
    assert download.fetch("set/file.gz").read_bytes() == CONTENT


def test_sha1_checksums_are_understood(publish):
    publish("/good", checksum="sha1:" + hashlib.sha1(CONTENT).hexdigest())
    path = download.fetch("set/file.gz")
    assert download.is_published(path, "set/file.gz")
    path.write_bytes(b"other")
    assert not download.is_published(path, "set/file.gz")


def test_the_given_folder_comes_before_the_environments_and_that_before_the_cache(
    publish, tmp_path, monkeypatch
):
    publish("/good")
    for name in ("given", "environment"):
        (tmp_path / name / "set").mkdir(parents=True)
        (tmp_path / name / "set" / "file.gz").write_text(name)
    monkeypatch.setenv(download.ENVIRONMENT, str(tmp_path / "environment"))
    assert download.fetch("set/file.gz", tmp_path / "given").read_text() == "given"
    assert download.fetch("set/file.gz").read_text() == "environment"
    monkeypatch.delenv(download.ENVIRONMENT)
    assert download.fetch("set/file.gz").read_bytes() == CONTENT


def test_a_folder_that_is_not_there_is_an_error_not_a_reason_to_download(publish, tmp_path, monkeypatch):
    publish("/good")
    with pytest.raises(InputError, match=r"--data-dir: no such folder: .*nowhere"):
        download.fetch("set/file.gz", tmp_path / "nowhere")
    monkeypatch.setenv(download.ENVIRONMENT, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="D2L_REPRO_DATA: no such folder"):
        download.fetch("set/file.gz")


def data(capsys, *argv):
    """Exit code, stdout and stderr of `d2l-repro data ...`."""
    with pytest.raises(SystemExit) as exit:
        cli.main(["data", *map(str, argv)])
    return exit.value.code, *capsys.readouterr()


def test_the_data_commands_find_fetch_and_verify(publish, capsys):
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


def test_a_file_that_is_not_the_published_one_fails_verification(publish, tmp_path, capsys):
    publish("/good")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "file.gz").write_text("another")
    code, out, err = data(capsys, "verify", "--data-dir", tmp_path)
    assert (code, out) == (1, "")
    assert f"{tmp_path / 'set' / 'file.gz'}: not the published file; remove it" in err


def test_what_cannot_be_fetched_is_told_and_the_rest_is_fetched(publish, server, monkeypatch, capsys):
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


def test_the_registry_is_complete():
    registry = download.registry()
    assert {name.split("/")[0] for name in registry} >= {"fashion_mnist", "fashion_mnist_2017", "mnist"}
    for name, (checksum, mirrors) in registry.items():
        length = 40 if checksum.startswith("sha1:") else 64
        assert len(checksum.rpartition(":")[2]) == length, name
        assert mirrors, name
        assert all(mirror.startswith("https://") for mirror in mirrors)


@pytest.mark.network
@pytest.mark.parametrize("name", download.registry())
def test_every_mirror_has_the_published_file(name, tmp_path, monkeypatch):
    checksum, mirrors = download.registry()[name]
    for i, mirror in enumerate(mirrors):
        monkeypatch.setattr(download, "registry", lambda mirror=mirror: {name: (checksum, [mirror])})
        monkeypatch.setattr(download, "cache_dir", lambda i=i: tmp_path / str(i))
        assert download.is_published(download.fetch(name), name)


@pytest.fixture
def archive(server, monkeypatch, offline):
    """A registry with one file and the start of another in an archive; both as functions of the archive's
    content."""

    def put(members, path="/files.tar.gz"):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w:gz") as tar:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        server.content[path] = file.getvalue()
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


def test_the_files_of_an_archive_are_all_unpacked_from_one_download(archive, server):
    archive({"folder/a.bin": CONTENT, "folder/b.bin": CONTENT, "../evil.bin": CONTENT})
    assert download.fetch("set/b.bin").read_bytes() == CONTENT[:99]
    assert download.fetch("set/a.bin").read_bytes() == CONTENT
    assert server.asked == ["/files.tar.gz"]
    assert leftovers() == ["a.bin", "b.bin"]


def test_a_damaged_file_from_an_archive_is_fetched_again(archive, server):
    archive({"folder/a.bin": CONTENT, "folder/b.bin": CONTENT})
    download.fetch("set/a.bin").write_bytes(b"damaged")
    assert download.fetch("set/a.bin").read_bytes() == CONTENT
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"folder/a.bin": CONTENT[::-1], "folder/b.bin": CONTENT}, "is not the published file"),
        ({"folder/b.bin": CONTENT}, "is not the published archive"),
        ({}, "is not the published archive"),
    ],
)
def test_an_archive_that_is_not_the_published_one_leaves_nothing(archive, members, fault):
    archive(members)
    with pytest.raises(download.DataUnavailable, match=fault):
        download.fetch("set/a.bin")
    assert leftovers() == []


def test_what_is_no_archive_at_all_leaves_nothing(archive, server):
    archive({})
    server.content["/files.tar.gz"] = CONTENT
    with pytest.raises(download.DataUnavailable, match="is not the published archive"):
        download.fetch("set/a.bin")
    assert leftovers() == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_a_member_that_is_no_file_is_refused(archive, server, kind):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        info = tarfile.TarInfo("folder/a.bin")
        info.type, info.linkname = kind, "folder/a.bin"
        tar.addfile(info)
    archive({})
    server.content["/files.tar.gz"] = file.getvalue()
    with pytest.raises(download.DataUnavailable, match="is no file"):
        download.fetch("set/a.bin")
    assert leftovers() == []
