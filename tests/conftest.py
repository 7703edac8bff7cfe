import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import hypothesis
import numpy as np
import pytest

import d2l_repro  # noqa: F401  (prepares mxnet before any test module imports it)
from d2l_repro.data import download, images

ROOT = Path(__file__).parents[1]
# Python imports this before anything else. It acts on the packages that environment variables name: hides
# them, lets their import fail as MXNet's does with a new NumPy, or lets it end Python.
SITECUSTOMIZE = """
import os
import shutil
from importlib.machinery import ModuleSpec, PathFinder

class Loader:
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        if module.__name__ == os.environ.get("CRASHING"):
            os.kill(os.getpid(), 4)  # SIGILL, as where the processor lacks an instruction
        exec("import numpy; numpy.no_such_name", module.__dict__)

find_spec = PathFinder.find_spec

def find_less(name, path=None, target=None):
    if name in os.environ.get("HIDDEN", "").split():
        return None
    if name in (os.environ.get("BROKEN"), os.environ.get("CRASHING")):
        return ModuleSpec(name, Loader())
    return find_spec(name, path, target)

PathFinder.find_spec = find_less
"""

# Tests try the same examples each time, so that a failure comes from a change; HYPOTHESIS_PROFILE=search
# tries many new ones. How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=1000, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_configure(config):
    os.environ["D2L_REPRO_LANG"] = "en"  # whatever the language of this machine
    # Workers get whole files. By default those with the most tests go first, and the few long tests of others
    # keep one worker busy at the end; by their names, chapters and commands go first.
    config.option.loadscopereorder = False


def _write_idx(path, array):
    """Write a gzipped idx file of unsigned bytes."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


@pytest.fixture(scope="session")
def write_idx():
    """Return the function (path, array) that writes a gzipped idx file."""
    return _write_idx


@pytest.fixture(scope="session")
def archive_of():
    """Return a function that returns the content of a .tar.gz file of the given members, name -> bytes."""

    def content_of(members):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w:gz") as tar:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return file.getvalue()

    return content_of


@pytest.fixture(scope="session")
def run_faulty(tmp_path_factory):
    """Return a function that runs Python with packages HIDDEN, BROKEN or CRASHING."""
    folder = tmp_path_factory.mktemp("faulty")
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)

    def run(*argv, **environment):
        path = os.pathsep.join([str(ROOT), str(folder)])
        return subprocess.run(
            [sys.executable, *argv],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """Set no data folder, an empty cache, and mirrors that refuse the connection."""
    monkeypatch.delenv(download.ENVIRONMENT, raising=False)
    monkeypatch.setattr(download, "cache_dir", lambda: tmp_path / "cache")
    closed = {
        name: (checksum, ["http://127.0.0.1:9/nothing"])
        for name, (checksum, _) in download.registry().items()
    }
    monkeypatch.setattr(download, "registry", lambda: closed)
    images._load.cache_clear()
    yield
    images._load.cache_clear()


@pytest.fixture
def small_fashion(offline, tmp_path):
    """Write a data folder with 600 + 100 images in the form of Fashion-MNIST; class k is a bright row 2k."""
    folder = tmp_path / "data"
    rng = np.random.RandomState(0)
    for part, count in (("train", 600), ("t10k", 100)):
        labels = np.arange(count) % 10
        pixels = rng.randint(0, 60, (count, 28, 28))
        pixels[np.arange(count), 2 * labels] = 250
        _write_idx(folder / "fashion_mnist" / f"{part}-images-idx3-ubyte.gz", pixels)
        _write_idx(folder / "fashion_mnist" / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


@pytest.fixture(scope="module")
def few_images():
    """Let chapters that run with `quick` load the first 300 training and 60 test images only."""
    first = images.Images.first
    images._load.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images.Images, "first", lambda self, *_: first(self, 300, 60))
        yield
    images._load.cache_clear()


@pytest.fixture
def real_data():
    """Return the folder with the published files; skip the test where there is none."""
    folder = os.environ.get(download.ENVIRONMENT)
    if not folder or not (Path(folder) / "fashion_mnist").is_dir():
        pytest.skip(f"no real data: {download.ENVIRONMENT} names no folder with fashion_mnist/")
    images._load.cache_clear()
    return Path(folder)


@pytest.fixture(scope="module")
def browser():
    """Start a headless Chromium."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install 'd2l_repro[browser]'"
    )
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not chromium:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
