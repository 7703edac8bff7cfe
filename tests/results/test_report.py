"""The report, as text and in a real browser."""

import re
import shutil

import pytest
from markupsafe import escape

from d2l_repro.cli import main as cli
from d2l_repro.results import caught, plot, published, report, summary
from d2l_repro.results.formatting import format_duration
from d2l_repro.results.history import History
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult, Status

MARKUP = "<script>alert('x')</script><img src=http://127.0.0.1:9/x>&amp;"


def history(end):
    return History(
        [
            {
                "epoch": epoch,
                "train_loss": 1 / epoch,
                "train_acc": end - 0.1 / epoch,
                "test_acc": end,
                "seconds": 0.5,
            }
            for epoch in range(1, 41)
        ]
    )


def softmax_result(seed=0, **changes):
    """Return scratch with both published metrics within their bands, and Gluon with one, outside its band."""
    result = Result(
        "softmax_regression",
        seed,
        {"lr": 0.3, "num_epochs": 40},
        dataset="fashion_mnist",
        changed={"lr": 0.1},
        finished="2026-11-21T06:00:00+00:00",
        seconds=12.3,
    )
    for impl, end in (("scratch", 0.83 + seed / 100), ("gluon", 0.75)):
        result.runs.append(RunResult(impl, "", seed, history(end), history(end).last_numbers()))
    metrics = {"scratch": {"train_loss": 0.485, "test_acc": 0.83 + seed / 100}, "gluon": {"test_acc": 0.75}}
    result.published = published.compare("softmax_regression", metrics)
    result.figures["training_curves"] = plot.training_curves(result.labelled(), "Softmax <regression>")
    result.figures["images"] = plot.functions({"f": ([0, 1], {"f": [0, 1]})}, "x", "One & two")
    result.parity = {
        "steps": 50,
        "max_abs_diff": 1e-9,
        "pairs": [
            {
                "ours": "scratch",
                "theirs": "gluon",
                "steps": 50,
                "max_abs_diff": 1e-9,
                "tolerance": 1e-6,
                "left_at": None,
            }
        ],
    }
    for name, value in changes.items():
        setattr(result, name, value)
    return result


def odd_result():
    """Return a result with stand-in data, a failed run, and markup in every text."""
    pair = {
        "ours": MARKUP,
        "theirs": MARKUP,
        "steps": 3,
        "max_abs_diff": 1.0,
        "tolerance": 1,
        "left_at": {"step": 2},
    }
    result = Result(
        "a_readers_own",
        0,
        {"note": MARKUP},
        dataset=MARKUP,
        stand_in_for=MARKUP,
        quick=True,
        tables={MARKUP: [{MARKUP: MARKUP}]},
        changed={"note": MARKUP},
        finished=MARKUP,
        interrupted=True,
        environment={MARKUP: MARKUP},
        parity={"steps": 3, "max_abs_diff": 1.0, "pairs": [pair]},
    )
    result.runs = [
        RunResult(MARKUP, "", 0, history(0.5), history(0.5).last_numbers()),
        RunResult("gluon", "", 0, status=Status.FAILED, message=f"failed {MARKUP}"),
        RunResult("scratch", "", 0, status=Status.DIVERGED, message=f"at once {MARKUP}"),
    ]
    return result


@pytest.fixture(scope="module")
def results(tmp_path_factory, fixed_bands_in_module):
    """Return a folder of two chapters, one of them with two seeds, which no test may change."""
    path = tmp_path_factory.mktemp("results")
    for name, result in {
        "softmax_regression": softmax_result(),
        "softmax_regression/seed_1": softmax_result(1),
        "odd": odd_result(),
    }.items():
        (path / name).mkdir()
        result.save(path / name)
    return path


@pytest.fixture
def folder(results, tmp_path):
    """Return a copy of `results` that a test may change."""
    return shutil.copytree(results, tmp_path / "results")


@pytest.fixture(scope="module")
def page(results):
    return report.page(summary.collect(results))


def text_of(page):
    """Return the text of a page in one line, without markup, style and script."""
    return re.sub(
        r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script).*?</\1>", "", page, flags=re.DOTALL))
    )


def test_page_has_every_published_value_with_ours_band_verdict_source_and_note(page):
    text = text_of(page)
    row = next(
        row
        for row in published.published_values()
        if (row["chapter"], row["run"], row["metric"]) == ("softmax_regression", "scratch", "test_acc")
    )
    assert "scratch test acc 0.84 0.835 ± 0.0071 0.81" in text
    assert "differs, explained, not verified" in text
    assert row["source"] in text
    assert row["note"] in text
    assert "The source trained on the first partition of Fashion-MNIST" in text
    assert "6 published numbers:" in text
    assert "this run differs" in text
    assert "gluon train loss 0.4896 0.025 ± 0 - no band yet" in text


def test_page_has_settings_parity_times_and_curves_of_a_chapter(page):
    text = text_of(page)
    assert "lr 0.3 (the chapter's own value: 0.1)" in text
    assert "scratch, gluon 50 1.0e-09 1e-06 yes" in text
    assert "500 ms" in text
    assert "seeds 0, 1" in text
    assert "duration 12.3 s" in text
    assert page.count('<img src="data:image/svg+xml;base64,') == 2
    assert 'alt="Softmax &lt;regression&gt;"' in page
    assert 'alt="One &amp; two"' in page


def test_page_marks_stand_in_data_and_failures_loudly(page):
    text = text_of(page)
    chapter = text_of(page[page.index('id="chapter-a_readers_own"') :])
    assert "Stand-in data." in text
    assert "Stand-in data:" in chapter
    assert "gluon failed: failed" in chapter
    assert "scratch diverged, as this chapter sets out to show: at once" in chapter
    assert "Interrupted (seed 0)" in chapter
    assert "quick less data and fewer epochs" in chapter
    assert "do not follow the same path" in chapter
    assert "first differ by more than the limit at step 2." in chapter
    assert 'data-chapter="a_readers_own" data-verdict="failed"' in page


def test_page_thins_long_histories_but_keeps_first_and_last_epoch(page):
    epochs = re.findall(r'<tr><th scope="row">(\d+)</th>', page)[:21]
    assert epochs == ["1", *map(str, range(2, 41, 2))]


def test_page_shows_that_a_further_seed_was_interrupted(folder):
    softmax_result(1, interrupted=True, published=[]).save(folder / "softmax_regression" / "seed_1")
    page = report.page(summary.collect(folder))
    assert 'data-chapter="softmax_regression" data-verdict="failed"' in page
    assert "Interrupted (seed 1)" in text_of(page)


def test_picture_of_a_band_shows_published_value_and_ours_in_standard_deviations():
    picture = report._picture({"z": 0.0, "z_ours": 2.576})
    assert picture["value"] == (picture["low"] + picture["high"]) / 2
    assert picture["ours"] == picture["high"]
    far = report._picture({"z": -50.0, "z_ours": None})
    assert far["value"] == report.BAND_MARGIN
    assert far["ours"] is None
    assert report._picture({"z": None, "z_ours": None}) is None


def test_picture_of_a_conclusion_shows_the_interval_beside_the_claim():
    picture = report._picture_of_claim({"claim": "above 0", "value": 0.013, "interval": [0.01, 0.016]})
    assert picture["low"] < picture["reach"][0] < picture["value"] < picture["reach"][1] < picture["high"]
    off = report._picture_of_claim({"claim": "within 0.008", "value": None, "interval": [0.02, 0.03]})
    assert off["reach"][0] > off["low"]
    assert off["value"] is None


def conclusions_page(folder, *differences):
    """Return the page of optimizers with one conclusion, whose difference has a value per seed."""
    for seed, difference in enumerate(differences):
        metrics = {"momentum_minus_adam": difference}
        result = Result("optimizers", seed, {}, dataset="fashion_mnist")
        result.add("scratch", "conclusions", metrics)
        result.compare()
        home = folder / "optimizers" / (f"seed_{seed}" if seed else "")
        home.mkdir(parents=True)
        result.save(home)
    return report.page(summary.collect(folder))


def test_page_shows_a_conclusion_with_its_interval_and_verdict(tmp_path, fixed_bands_in_module):
    page = conclusions_page(tmp_path, 0.015)
    text = text_of(page)
    assert "scratch conclusions momentum minus adam above 0 (0.013) 0.015 0.01285 to 0.01715 agrees" in text
    assert 'data-chapter="optimizers" data-verdict="agrees"' in page


def test_page_says_that_a_run_does_not_agree_with_our_seeds(tmp_path, fixed_bands_in_module):
    text = text_of(conclusions_page(tmp_path, -0.015, -0.016, -0.014))
    assert "agrees this run differs" in text
    assert "Of the values of this run, 0 of 1 agree with our seeds." in text


def test_inline_markup_lets_nothing_through_but_emphasis_and_code():
    assert report.inline_markup(f"*a* `b*c*` {MARKUP}") == f"<em>a</em> <code>b*c*</code> {escape(MARKUP)}"


def test_page_lets_nothing_run_but_its_own_style_and_script(page):
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', page)
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for kind, element in (("style-src", "style"), ("script-src", "script")):
        (content,) = re.findall(f"<{element}>(.*?)</{element}>", page, flags=re.DOTALL)
        assert f"{kind} '{report._hash(content)}'" in policy.replace("&#39;", "'")


def test_page_escapes_text_with_markup(page):
    assert MARKUP not in page
    assert page.count("<script") == 1
    assert "http://127.0.0.1" not in re.sub(r"&lt;img src=http://127.0.0.1:9/x&gt;", "", page)


def test_page_says_which_figure_is_missing(folder):
    (folder / "softmax_regression" / "images.svg").unlink()
    assert "The figure images.svg is missing from the folder of the result" in report.page(
        summary.collect(folder)
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.00041, "0.41 ms"),
        (0.012, "12 ms"),
        (0.0994, "99 ms"),
        (0.5, "500 ms"),
        (12.34, "12.3 s"),
        (300, "5.0 min"),
    ],
)
def test_format_duration_takes_the_unit_that_suits(seconds, text):
    assert format_duration(seconds) == text


def test_report_command_writes_the_page_and_says_what_it_could_not_read(folder, tmp_path, capsys):
    (folder / "mlp").mkdir()
    (folder / "mlp" / "result.json").write_text("{")
    with pytest.raises(SystemExit) as exit:
        cli.main(["report", str(folder), "--out", str(tmp_path / "page.html")])
    out, err = capsys.readouterr()
    assert exit.value.code == 1
    assert out == f"report: {tmp_path / 'page.html'}\n"
    assert "mlp/result.json: not a readable result" in err
    assert "mlp/result.json: not a readable result" in text_of((tmp_path / "page.html").read_text())


@pytest.mark.parametrize("out", ["file/page.html", "."])
def test_report_command_says_in_one_line_that_it_cannot_write(folder, out, capsys):
    (folder / "file").touch()
    with pytest.raises(SystemExit) as exit:
        cli.main(["report", str(folder), "--out", str(folder / out)])
    assert exit.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


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


@pytest.fixture
def opened(browser, results):
    """Return a function that opens the page from file:// in a window of the given width.

    The test fails if the page logs anything or requests anything but itself.
    """
    path = report.write(summary.collect(results), results / report.FILE_NAME)
    complaints, contexts = [], []

    def watch(request):
        if not request.url.startswith(("data:", path.as_uri())):
            complaints.append(request.url)

    def open_(width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **options))
        window = contexts[-1].new_page()
        window.on("console", lambda message: complaints.append(message.text))
        window.on("pageerror", lambda error: complaints.append(str(error)))
        window.on("request", watch)
        window.goto(path.as_uri())
        return window

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def visible(window, selector):
    return window.locator(f"{selector}:visible").count()


def test_browser_shows_every_figure(opened):
    window = opened()
    assert window.title() == "d2l_repro: published and reproduced"
    assert window.evaluate("[...document.images].map((image) => image.naturalWidth > 100)") == [True, True]


def test_browser_searches_and_filters_values_and_chapters(opened):
    window = opened()
    assert visible(window, "tr.item") == 6
    window.get_by_label("Verdict").select_option("differs, unexplained")
    assert visible(window, "tr.item") == 1
    assert visible(window, "section.item") == 1
    assert window.locator("#count").inner_text() == "1 of 6 values"
    window.get_by_role("button", name="Show all").click()
    window.get_by_label("Search").fill("SCRATCH loss")
    assert visible(window, "tr.item") == 1
    # Reasons are searched as well: "training accuracy", "gluon.data.vision".
    for words, count in (("accuracy gluon", 3), ("test_acc", 2), ("train acc", 3)):
        window.get_by_label("Search").fill(words)
        assert visible(window, "tr.item") == count
    window.get_by_label("Search").fill("")
    window.get_by_label("Verdict").select_option("no band yet")
    assert visible(window, "tr.item") == 2
    window.get_by_label("Search").fill("no such thing")
    assert visible(window, ".item") == 0
    window.locator("#clear").click()
    window.locator("#chapter").select_option("a_readers_own")
    assert visible(window, "tr.item") == 0
    assert visible(window, "section.item") == 1


def test_browser_shows_a_filtered_chapter_when_a_link_leads_to_it(opened):
    window = opened()
    window.locator("#chapter").select_option("a_readers_own")
    window.locator("nav a", has_text="softmax_regression").click()
    window.wait_for_function("!document.getElementById('chapter-softmax_regression').hidden")
    window.get_by_label("Search").fill("a_readers_own")
    window.locator("nav a", has_text="softmax_regression").click()  # the address does not change this time
    window.wait_for_function("!document.getElementById('chapter-softmax_regression').hidden")


def test_browser_needs_only_the_keyboard(opened):
    window = opened()
    window.keyboard.press("Tab")
    assert window.evaluate("document.activeElement.textContent") == "Skip to the values"
    window.keyboard.press("Enter")
    assert window.evaluate("document.activeElement.id") == "values"
    window.locator("section.chapter summary").first.focus()
    window.keyboard.press("Enter")
    assert window.locator("details[open]").count() == 1


@pytest.mark.parametrize("width", [320, 390, 768, 1060, 1280])
def test_browser_shows_nothing_wider_than_the_screen(opened, width):
    window = opened(width)
    assert window.evaluate("document.documentElement.scrollWidth") <= width


def test_browser_shows_a_dark_page_in_dark_mode(opened):
    window = opened(color_scheme="dark")
    assert luminance(window.evaluate("getComputedStyle(document.body).backgroundColor")) < 0.02


def luminance(color):
    """Return the luminance of a CSS color, rgb(r, g, b), as WCAG defines it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_browser_shows_every_text_with_enough_contrast(opened, scheme):
    pairs = opened(color_scheme=scheme).evaluate("""() => [...document.querySelectorAll("body *")]
        .filter((e) => e.checkVisibility())
        .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
        .map((e) => {
            let under = e;
            const back = (x) => getComputedStyle(x).backgroundColor;
            while (under.parentElement && back(under) === "rgba(0, 0, 0, 0)") under = under.parentElement;
            return [getComputedStyle(e).color, back(under), e.textContent.slice(0, 40)];
        })""")
    assert len(pairs) > 100
    for ink, paper, text in pairs:
        low, high = sorted((luminance(ink), luminance(paper)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ink, paper)


def test_browser_prints_everything_without_the_controls(opened):
    window = opened()
    window.emulate_media(media="print")
    window.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert visible(window, "#filters") == 0
    assert window.locator("details:not([open])").count() == 0
    window.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert window.locator("details[open]").count() == 0


def test_browser_shows_everything_without_scripts(opened):
    window = opened(java_script_enabled=False)
    assert visible(window, ".item") == 8
    assert visible(window, "#filters") == 0


def test_page_has_a_matrix_of_the_mistakes_in_its_chapters(tmp_path, monkeypatch):
    rows = [
        caught.Measured(
            "softmax_regression",
            name,
            "with <it>",
            "kind",
            proofs,
            {"scratch": {"train_loss": loss, "test_acc": 0.83}},
        )
        for name, proofs, loss in ((caught.NO_MISTAKE, [], 0.485), ("one", ["parity"], 9.0))
    ]
    other = caught.Measured("mlp", "two", "of another chapter", "kind", [], {})
    monkeypatch.setattr(caught, "committed", lambda: caught.Table(0, [*rows, other]))
    folder = tmp_path / "softmax_regression"
    folder.mkdir()
    softmax_result().save(folder)
    text = report.page(summary.collect(tmp_path))
    assert "softmax_regression: 1 of 1 mistakes are caught" in text
    cells = re.findall(r'<span class="mark \w+">(.*?)</span>', text)
    assert cells == ["✗ missed", "✓ caught", "✓ caught", "✗ missed"]
    assert "<td>cannot tell</td></tr></tfoot>" in text
    assert "with &lt;it&gt;" in text
    assert "of another chapter" not in text
