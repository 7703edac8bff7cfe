"""`d2l-repro scaling`: what it prints, and what it refuses."""

import pytest

from d2l_repro.cli import main as cli
from d2l_repro.results import scaling


def run(capsys, *argv):
    with pytest.raises(SystemExit) as ended:
        cli.main(["scaling", *argv])
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


def test_it_prints_a_row_for_each_number_of_workers(capsys):
    code, out, err = run(capsys, "mlp", "--workers", "1", "2", "8")
    assert (code, err) == (0, "")
    first, heads, *rows, empty, crossing, best = out.splitlines()
    assert first.startswith("mlp: 203,530 parameters in 4 arrays, batches of 256 out of 60,000 examples")
    assert "communication" in heads
    assert [row.split()[0] for row in rows] == ["1", "2", "8"]
    assert empty == ""
    assert crossing.startswith("Communication takes longer than computation from ")
    assert best == "No number of workers is faster than one process."


def test_large_batches_on_a_fast_network_gain(capsys):
    shape = ["--shapes", "784-2048-2048-10", "--batch-size", "8192"]
    _, slow, _ = run(capsys, *shape, "--bandwidth", "1e6")
    assert "No number of workers is faster than one process." in slow
    code, fast, _ = run(capsys, *shape, "--bandwidth", "1e12", "--latency", "0", "--servers", "8")
    assert code == 0
    assert "The largest speed-up is " in fast


@pytest.mark.parametrize("name", scaling.committed().nets())
def test_every_chapter_of_the_record_has_a_table(name, capsys):
    assert run(capsys, name)[0] == 0


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], "name a chapter, or the sizes of dense layers with --shapes"),
        (["mlp", "--shapes", "2-1"], "name a chapter, or the sizes"),
        (["mpl"], "no times are known of the net of 'mpl': did you mean mlp?"),
        (["--shapes", "784"], "--shapes: '784' does not name sizes"),
        (["--shapes", "784-x-10"], "--shapes: '784-x-10'"),
        (["--shapes", "784-0-10"], "--shapes: '784-0-10'"),
        (["--shapes", "784-99999999999-10"], "--shapes: "),
        (["mlp", "--workers", "3"], "--workers: 3 workers cannot share batches of 256 out of 60000 examples"),
        (["mlp", "--workers", "0"], "--workers: 0 workers"),
        (["mlp", "--batch-size", "0"], "--batch-size: must be from 1"),
        (["mlp", "--batch-size", "60001"], "--batch-size: 60001 is more than the 60000 examples"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(argv, expected, capsys):
    code, out, err = run(capsys, *argv)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith(f"d2l-repro: error: {expected}")


@pytest.mark.parametrize("flag", ["--bandwidth=0", "--bandwidth=inf", "--latency=-1", "--servers=0"])
def test_numbers_out_of_range_name_the_flag(flag, capsys):
    code, out, err = run(capsys, "mlp", flag)
    assert (code, out) == (2, "")
    assert f"{flag.partition('=')[0]}: must be" in err
