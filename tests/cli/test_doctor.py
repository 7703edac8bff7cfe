"""The doctor: each fault that it is to find, and a machine without one."""

import json
import sys
from types import SimpleNamespace

import pytest

from d2l_repro import compat, installation
from d2l_repro.cli import doctor
from d2l_repro.cli import main as cli
from d2l_repro.data import download


@pytest.fixture(scope="module")
def run_doctor(run_faulty):
    """Return a function that runs the doctor in a faulty environment.

    It returns the exit code, topic -> line, and the last line.
    """

    def run(**environment):
        done = run_faulty("-m", "d2l_repro", "doctor", **environment)
        assert done.stderr == ""
        *lines, empty, last = done.stdout.splitlines()
        assert empty == ""
        return done.returncode, {line.split()[1]: line for line in lines}, last

    return run


@pytest.fixture(scope="module")
def with_bad_settings(run_doctor, tmp_path_factory):
    """Run the doctor where only settings are bad, each of which is no more than a warning."""
    settings = tmp_path_factory.mktemp("matplotlib")
    (settings / "matplotlibrc").write_text("font.family: No Such Font\n")
    return run_doctor(
        OMP_NUM_THREADS="nonsense",
        OPENBLAS_CORETYPE="Prescott",
        MATPLOTLIBRC=str(settings),
        D2L_REPRO_DATA="",
    )


def test_doctor_says_that_everything_can_run_and_what_could_be_better(with_bad_settings):
    code, lines, last = with_bad_settings
    assert code == 0
    assert len(lines) == 12
    assert last.startswith("This machine can run everything; warnings: ")
    for topic in ("Python", "libraries", "packages", "MXNet", "folders", "extras"):
        assert lines[topic].startswith("ok "), lines[topic]
    assert sys.executable in lines["Python"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have another random stream")
def test_doctor_finds_the_books_first_label(with_bad_settings):
    assert with_bad_settings[1]["digits"].startswith("ok ")
    assert "6.000587" in with_bad_settings[1]["digits"]


@pytest.mark.parametrize(
    ("topic", "what", "remedy"),
    [
        ("threads", "OMP_NUM_THREADS is 'nonsense', which is no number", "unset OMP_NUM_THREADS"),
        ("figures", "a font that is not installed", "remove font.family from your matplotlibrc"),
    ],
)
def test_doctor_warns_of_bad_settings(topic, what, remedy, with_bad_settings):
    line = with_bad_settings[1][topic]
    assert line.startswith("warning ")
    assert what in line
    assert line.endswith(remedy)


@pytest.mark.skipif(not compat.has_avx2(), reason="this processor has no faster kernels")
def test_doctor_warns_of_slow_kernels(with_bad_settings):
    line = with_bad_settings[1]["kernels"]
    assert line.startswith("warning ")
    assert "Prescott" in line
    assert line.endswith("unset OPENBLAS_CORETYPE")


def test_doctor_works_without_mxnet_and_without_its_own_parser(run_doctor):
    code, lines, last = run_doctor(HIDDEN="mxnet tyro pooch", D2L_REPRO_DATA="")
    assert code == 1
    assert last == "This machine cannot run everything; lines marked 'missing': 3."
    assert lines["packages"].startswith("missing ")
    assert "not installed: mxnet, pooch, tyro; run: " in lines["packages"]
    assert lines["MXNet"].startswith("missing ")
    assert lines["data"].endswith(doctor.ABOVE)
    assert lines["figures"].startswith("ok ")
    assert "digits" not in lines


def test_doctor_survives_a_package_that_ends_python(run_doctor):
    code, lines, _ = run_doctor(CRASHING="mxnet")
    assert code == 1
    assert lines["MXNet"].startswith("missing ")
    assert "Python ended with SIGILL here; run: " in lines["MXNet"]
    assert lines["packages"].startswith("ok ")
    assert lines["figures"].startswith("ok ")


def good_findings(**changes):
    packages = {name: {"version": "1.0", "seconds": 1.0} for name in installation.PACKAGES.values()}
    others = {"first label": {"value": 6.0005869865}, "openblas": {"cores": {}}, "figure": {"font": "A"}}
    return {**packages, "numpy": {"version": "2.0.1"}, **others, **changes}


@pytest.mark.parametrize(
    ("version", "status"),
    [("1.22.4", "warning"), ("1.23.5", "ok"), ("2.5.0", "ok"), ("2.31.0rc1", "warning")],
)
def test_check_packages_warns_of_a_numpy_that_was_not_tried(version, status):
    check = doctor.check_packages(good_findings(numpy={"version": version}))
    assert check.status == status
    assert ("1.23 to 2.5" in check.what) == (status == "warning")


def test_check_python_warns_of_a_python_that_was_not_tried(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    assert doctor.check_python().status == "warning"
    assert doctor.check_python().remedy == "if anything fails, use 3.9 to 3.13"


def test_check_libraries_names_those_that_are_missing(monkeypatch):
    monkeypatch.setattr(compat, "platform", SimpleNamespace(machine=lambda: "x86_64"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(compat, "LIBRARIES", (("libno_such.so.1", "libno-such1", "libno-such"),))
    check = doctor.check_libraries()
    assert (check.status, check.what) == ("missing", "not installed: libno_such.so.1")
    assert "apt-get install libno-such1" in check.remedy


@pytest.mark.parametrize(("system", "status"), [("linux", "missing"), ("darwin", "warning")])
def test_check_digits_compares_with_the_book(system, status, monkeypatch):
    assert doctor.check_digits(good_findings()).status == "ok"
    monkeypatch.setattr(sys, "platform", system)
    check = doctor.check_digits(good_findings(**{"first label": {"value": 5.9}}))
    assert check.status == status
    assert check.what.startswith("seed 0 gives the first label 5.900000, where the book prints 6.000587")
    assert check.remedy


@pytest.mark.parametrize(
    ("setting", "cores", "status"), [("", 2, "ok"), ("2", 2, "ok"), ("3", 2, "warning"), ("0", 2, "warning")]
)
def test_check_threads_warns_of_what_is_invalid_or_too_many(setting, cores, status, monkeypatch):
    monkeypatch.setattr(compat, "THREADS_OF_USER", setting)
    monkeypatch.setattr(compat, "cores", lambda: cores)
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert doctor.check_threads().status == status


@pytest.mark.parametrize(
    ("absent", "status"),
    [
        (set(), "ok"),
        ({"fashion_mnist_2017"}, "ok"),
        ({"mnist"}, "warning"),
        (set(download.data_sets()), "warning"),
    ],
)
def test_check_data_says_what_is_here_and_what_is_not(absent, status, offline, tmp_path):
    for name in download.registry():
        if name.split("/")[0] not in absent:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
    check = doctor.check_data(tmp_path)
    assert check.status == status
    assert all(name in check.what for name in absent)
    assert (str(tmp_path) in check.what) == (len(absent) < len(download.data_sets()))


def test_check_data_counts_a_set_without_one_of_its_files_as_absent(small_fashion):
    next((small_fashion / "fashion_mnist").glob("t10k*")).unlink()
    assert "fashion_mnist, " in doctor.check_data(small_fashion).what.partition("not here: ")[2]


def test_check_data_names_a_setting_that_is_no_folder(monkeypatch):
    monkeypatch.setenv(download.ENVIRONMENT, "/no/such/folder")
    check = doctor.check_data()
    assert check.status == "missing"
    assert "/no/such/folder" in check.what
    assert download.ENVIRONMENT in check.remedy


@pytest.mark.parametrize(("available", "status"), [(2e9, "ok"), (1e9, "warning"), (None, "ok")])
def test_check_memory_warns_if_the_largest_chapters_do_not_fit(available, status, monkeypatch):
    monkeypatch.setattr(doctor, "_available_memory", lambda: available)
    assert doctor.check_memory().status == status


def test_check_folders_names_what_cannot_be_written_or_is_full(tmp_path, offline, monkeypatch):
    assert doctor.check_folders(tmp_path / "new" / "runs").status == "ok"
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    check = doctor.check_folders(tmp_path / "file" / "runs")
    assert (check.status, check.what) == ("missing", f"cannot write to {tmp_path}/file/runs")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5e8))
    check = doctor.check_folders(tmp_path)
    assert (check.status, check.what[:11]) == ("warning", "0.5 GB free")
    monkeypatch.setattr(download, "cache_dir", lambda: tmp_path / "file" / "cache")
    check = doctor.check_folders(tmp_path)


def test_doctor_rejects_a_data_dir_that_is_no_folder(capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(["doctor", "--data-dir", "/no/such/folder"])
    assert exit.value.code == 2
    assert capsys.readouterr().err == "d2l-repro: error: --data-dir: no such folder: /no/such/folder\n"


def test_probe_reports_each_step_on_a_line_of_its_own():
    lines = [json.dumps({"step": "numpy", "version": "1"}), "noise of a package", '{"step"']
    findings = doctor._by_step("\n".join(lines[:2]), "ended")
    assert findings["numpy"]["version"] == "1"
    assert findings["figure"] == {"error": "ended"}
