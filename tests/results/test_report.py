"""The report, as text and in a real browser."""

import html
import io
import json
import math
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from markupsafe import escape
from PIL import Image

from d2l_repro import language
from d2l_repro.cli import main as cli
from d2l_repro.results import addresses, caught, plot, published, report, summary
from d2l_repro.results.catalogue import entries
from d2l_repro.results.formatting import format_duration
from d2l_repro.results.history import History
from d2l_repro.results.report import svg
from d2l_repro.results.report.words import Words, words
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
    bare = re.sub(r"<(style|script).*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", bare)))


def test_page_has_every_published_value_with_ours_band_verdict_source_and_note(page):
    text = text_of(page)
    row = next(
        row
        for row in published.published_values()
        if (row["chapter"], row["run"], row["metric"]) == ("softmax_regression", "scratch", "test_acc")
    )
    assert "scratch test acc 0.84 0.835 ± 0.0071 0.81" in text
    assert "differs, explained, not verified" in text
    assert re.sub(" +", " ", row["source"]) in text
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
    assert page.count('<img src="data:image/svg+xml;') == 2


def test_page_marks_stand_in_data_and_failures_loudly(page):
    text = text_of(page)
    chapter = text_of(page[page.index('id="chapter-a_readers_own"') :])
    assert "Stand-in data." in text
    assert "Stand-in data." in chapter
    assert "gluon failed: failed" in chapter
    assert chapter.index("Stand-in data.") < chapter.index("Epoch by epoch")
    assert "scratch diverged, as this chapter sets out to show: at once" in chapter
    assert "Interrupted (seed 0)" in chapter
    assert "quick less data and fewer epochs" in chapter
    assert "do not follow the same path" in chapter
    assert "first differ by more than the limit at step 2." in chapter
    assert 'data-chapter="a_readers_own" data-verdict="failed"' in page


def test_page_thins_long_histories_but_keeps_first_and_last_epoch(page):
    epochs = re.findall(r'<tr><th scope="row">(\d+)<td>', page)[:21]
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
    assert "Of the values of this run, 0 of 1 agree with our seeds" in text


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


def test_browser_shows_a_figure_before_any_value(opened):
    window = opened(390)
    top = "document.querySelector('figure').getBoundingClientRect().top"
    assert window.evaluate(top) < 2 * 844
    assert visible(window, "tr.item") == 0


def test_browser_searches_and_filters_values(opened):
    window = opened()
    window.locator("#all-values > summary").click()
    assert visible(window, "tr.item") == 6
    window.get_by_label("Verdict").select_option("differs, unexplained")
    assert visible(window, "tr.item") == 1
    assert window.locator("#count").inner_text() == "1 of 6 values"
    window.get_by_role("button", name="Show all").click()
    window.get_by_label("Search").fill("SCRATCH loss")
    assert visible(window, "tr.item") == 1
    # Reasons are searched as well: "training accuracy", "gluon.data.vision".
    for wanted, count in (("accuracy gluon", 3), ("test_acc", 2), ("train acc", 3)):
        window.get_by_label("Search").fill(wanted)
        assert visible(window, "tr.item") == count
    window.get_by_label("Search").fill("")
    window.get_by_label("Verdict").select_option("no band yet")
    assert visible(window, "tr.item") == 2
    window.get_by_label("Search").fill("no such thing")
    assert visible(window, "tr.item") == 0
    window.locator("#clear").click()
    window.locator("#chapter").select_option("a_readers_own")
    assert visible(window, "tr.item") == 0


def test_browser_unfolds_the_values_when_a_link_leads_to_them(opened):
    window = opened()
    window.locator("nav a", has_text="All published values").click()
    window.wait_for_selector("#all-values[open]")


def enlarged(window):
    """Return whether a figure covers the window."""
    box = window.evaluate(
        "(() => { const b = document.querySelector('.enlarge').getBoundingClientRect();"
        " return [b.x, b.y, b.width, b.height]; })()"
    )
    return box == [0, 0, 1280, 800]


def test_browser_enlarges_a_figure_on_click_and_goes_back_to_the_same_place(opened):
    window = opened()
    window.locator(".enlarge").first.scroll_into_view_if_needed()
    window.evaluate("scrollTo(0, 150)")
    window.locator(".enlarge").first.click()
    assert enlarged(window)
    window.mouse.click(640, 700)
    window.wait_for_selector(".enlarge:target", state="detached")
    assert not enlarged(window)
    places = (window.wait_for_timeout(50) or window.evaluate("scrollY") for _ in range(100))
    assert 150 in places  # the next frame goes there


def test_browser_enlarges_a_figure_by_keyboard(opened):
    window = opened()
    window.locator(".enlarge").first.focus()
    window.keyboard.press("Enter")
    assert enlarged(window)
    window.keyboard.press("Escape")
    assert not enlarged(window)
    assert window.evaluate("document.activeElement.className") == "enlarge"
    window.keyboard.press("Enter")
    window.keyboard.press("Tab")
    assert window.evaluate("document.activeElement.className") == "close"
    window.keyboard.press("Enter")
    assert not enlarged(window)


def test_browser_enlarges_a_figure_without_scripts(opened):
    window = opened(java_script_enabled=False)
    figure = window.locator(".enlarge").first
    figure.click()
    assert figure.bounding_box() == {"x": 0, "y": 0, "width": 1280, "height": 800}
    window.mouse.click(640, 700)
    assert figure.bounding_box()["width"] < 1280


def test_browser_needs_only_the_keyboard(opened):
    window = opened()
    window.keyboard.press("Tab")
    assert window.evaluate("document.activeElement.textContent") == "Skip to the chapters"
    window.keyboard.press("Enter")
    assert window.evaluate("document.activeElement.id") == "main"
    window.locator("section.chapter summary").first.focus()
    window.keyboard.press("Enter")
    assert window.locator("details[open]").count() == 1


@pytest.mark.parametrize("width", [320, 390, 768, 1060, 1280])
def test_browser_shows_nothing_wider_than_the_screen(opened, width):
    window = opened(width)
    assert window.evaluate("document.documentElement.scrollWidth") <= width


def test_browser_never_shrinks_a_figure_on_a_phone(opened):
    """The text of a figure has 11 pixels in the figure's own size."""
    window = opened(390)
    shown = window.evaluate("[...document.images].map(image => [image.width, image.naturalWidth])")
    assert max(own for _, own in shown) > 390  # the test has something to see
    assert [(width, own) for width, own in shown if width != own] == []


def test_browser_shows_a_dark_page_with_dark_figures_in_dark_mode(opened):
    window = opened(color_scheme="dark")
    assert luminance(window.evaluate("getComputedStyle(document.body).backgroundColor")) < 0.02
    # The first figure as it is painted: its middle column, over which lines run, and its corner.
    paper = window.evaluate("""() => {
        const image = document.images[0], canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        return `rgb(${[...context.getImageData(2, 2, 1, 1).data].slice(0, 3)})`;
    }""")
    assert luminance(paper) < 0.03


@pytest.mark.parametrize(("width", "shown"), [(1280, "table-row"), (390, "block")])
def test_browser_stacks_wide_tables_on_a_phone(opened, width, shown):
    window = opened(width)
    window.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    display = "getComputedStyle(document.querySelector('.stack tbody tr')).display"
    assert window.evaluate(display) == shown
    label = "getComputedStyle(document.querySelector('.stack tbody tr').lastElementChild, '::before').content"
    assert (window.evaluate(label) == "none") == (width == 1280)


def test_browser_aligns_numbers_on_the_right(opened):
    window = opened()
    cells = window.locator("section.chapter table").first.locator("tbody tr").first.locator("td")
    aligned = [cells.nth(i).evaluate("(cell) => getComputedStyle(cell).textAlign") for i in (0, 1)]
    assert aligned == ["right", "right"]


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
    assert visible(window, "section.chapter") == 2
    window.locator("#all-values > summary").click()
    assert visible(window, "tr.item") == 6
    assert visible(window, "#filters") == 0


def test_handout_is_one_page(browser, results):
    """With a line for each chapter there is, and as many more as a later version may have."""
    many = summary.Collection(
        [summary.Summary(results, [softmax_result(chapter=name)]) for name in [*entries(), *"abcdefgh"]]
    )
    window = browser.new_page()
    window.set_content(report.handout(many))
    for format in ("A4", "Letter"):
        pages = re.findall(rb"/Type\s*/Page\b", window.pdf(format=format, prefer_css_page_size=False))
        assert len(pages) == 1, format
    window.close()


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
    assert "<td>cannot tell</tfoot>" in text
    assert "with &lt;it&gt;" in text
    assert "of another chapter" not in text


def test_page_shows_chapters_first_then_values_then_mistakes(results, monkeypatch):
    row = caught.Measured("softmax_regression", "one", "with it", "kind", ["parity"], {})
    base = caught.Measured(
        "softmax_regression", caught.NO_MISTAKE, "", "kind", [], {"scratch": {"test_acc": 0.83}}
    )
    monkeypatch.setattr(caught, "committed", lambda: caught.Table(0, [base, row]))
    page = report.page(summary.collect(results))
    places = [page.index(f'id="{name}"') for name in ("chapter-softmax_regression", "values", "mistakes")]
    assert places == sorted(places)
    chapter = page[places[0] : page.index('id="chapter-a_readers_own"')]
    parts = ['class="result"', "<figure", "Scratch beside Gluon", "All runs", "Epoch by epoch"]
    assert [chapter.index(part) for part in parts] == sorted(chapter.index(part) for part in parts)


def test_chapter_says_its_result_in_a_sentence_with_scratch_beside_gluon(page):
    chapter = text_of(page[page.index('id="chapter-softmax_regression"') : page.index('id="values"')])
    assert "Test accuracy: 0.835 from scratch, 0.75 with Gluon; published 0.84 / 0.843." in chapter
    assert "Of 6 published numbers, " in chapter
    assert "both take the same steps: parameters differ by 1e-09 at most." in chapter
    beside = chapter[chapter.index("Scratch beside Gluon") :]
    assert "metric scratch Gluon published our seeds verdict" in beside
    assert "test accuracy 0.835 ± 0.007 0.75 ± 0 0.84 / 0.843" in beside


def test_stand_in_data_lead(page):
    text = text_of(page)
    assert text.index("Stand-in data.") < text.index("published numbers:")
    section = page[page.index('id="chapter-a_readers_own"') :]
    assert section.index('class="alarm"') < section.index('class="result"')
    assert 'class="badge stand-in-data"' in stand_in_page()
    handout = report.handout(stand_in_collection())
    assert handout.index("Stand-in data.") < handout.index("<table>")


def stand_in_collection():
    result = softmax_result(dataset="generated", stand_in_for="fashion_mnist", published=[], figures={})
    return summary.Collection([summary.Summary(Path("nowhere"), [result])])


def stand_in_page():
    return report.page(stand_in_collection())


def test_alternative_texts_say_what_figures_show(page):
    curves, functions = (html.unescape(text) for text in re.findall(r'<img [^>]*alt="([^"]*)"', page))
    assert curves.startswith("Softmax <regression>. 2 charts: loss (")
    assert "accuracy (" in curves
    assert "against epoch (" in curves
    assert {"from scratch", "with Gluon"} <= set(curves.rpartition("Shown are ")[2].rstrip(".").split("; "))
    assert functions.startswith("One & two. ")
    assert "x (0.0 to 1.0)" in functions
    assert functions.count("One & two") == 1


def kfold_content(**changes):
    fold = {"repeat": 0, "fold": 1, "train": 0.12, "valid": 0.17, "clipped": 0, "seconds": 1.5}
    scores = {"valid": 0.2, "std": 0.01, "difference": -0.03, "difference_std": 0.02}
    content = {
        "dataset": "kaggle_house",
        "stand_in_for": None,
        "settings": {"num_epochs": 100},
        "options": {"impl": "gluon", "repeats": 1},
        "folds": [fold, {**fold, "fold": 2, "valid": 0.1712}],
        "mean": {"train": 0.12, "valid": 0.1706},
        "std": {"train": 0.01, "valid": 0.0008},
        "out_of_fold": 0.1707,
        "baselines": {"ridge": scores, "mean": {**scores, "valid": 0.4}},
        "published": [{"run": "gluon book"}],
        "environment": {"python": "3.11"},
    }
    return {**content, **changes}


def write_kfold(folder, **changes):
    """Write a cross-validation and one of its figures."""
    folder.mkdir()
    (folder / "kfold.json").write_text(json.dumps(kfold_content(**changes)))
    figure = plot.functions({"f": ([0, 1], {"f": [0, 1]})}, "x", "Learning curves by fold")
    plot.save({"learning_curves": figure}, folder)


def test_page_has_the_cross_validations_in_folders_below(folder):
    write_kfold(folder / "kaggle_house")
    page = report.page(summary.collect(folder))
    section = page[page.index('id="chapter-kaggle_house"') : page.index('id="values"')]
    text = text_of(section)
    assert "House prices by 2-fold cross-validation, gluon" in text
    assert "Log rmse of the validation folds: 0.1706 ± 0.0008; of all houses out of fold 0.1707." in text
    assert "A ridge regression on engineered features has 0.2000, the mean price 0.4000." in text
    assert "valid log rmse 0.17056" in text
    assert "0 1 0.12000 0.17000 1.5 s" in text
    assert section.count("<img ") == 1
    assert "The figure residuals.svg is missing from the folder of the result" in text


def test_page_of_a_cross_validation_alone_leads_with_stand_in_data(tmp_path):
    write_kfold(tmp_path / "kaggle_house", dataset="generated", stand_in_for="kaggle_house", published=[])
    page = report.page(summary.collect(tmp_path))
    assert 'data-chapter="kaggle_house" data-verdict="stand-in data"' in page
    assert "Stand-in data. generated in place of kaggle_house." in text_of(page)


@pytest.mark.parametrize(
    "changes", [{"mean": {"train": 0.1}}, {"folds": []}, {"out_of_fold": MARKUP}, {"baselines": {"ridge": 1}}]
)
def test_damaged_cross_validation_is_a_problem(folder, changes):
    write_kfold(folder / "kaggle_house", **changes)
    found = summary.collect(folder)
    assert found.kfolds == []
    assert "kfold.json: not a readable cross-validation" in text_of(report.page(found))


def test_sources_link_to_where_they_were_published(page):
    assert '<a href="https://github.com/bluebibi/mxnet" rel="noreferrer">bluebibi/mxnet</a>' in page
    chapter = page[page.index('id="chapter-softmax_regression"') :]
    link = 'href="https://zh-v1.d2l.ai/chapter_deep-learning-basics/softmax-regression.html"'
    assert chapter.index(link) < chapter.index('class="result"')


def test_every_section_of_the_book_that_a_chapter_names_has_an_address():
    unknown = [name for name, entry in entries().items() if "section" in entry.source and not any(
        address for _, address in addresses.linked(entry.source)
    )]  # fmt: skip
    assert unknown == []


def test_every_word_of_the_pages_is_used_and_comes_from_one_table():
    package = Path(report.__file__).parent
    templates = "".join(path.read_text() for path in package.glob("*.jinja"))
    sources = templates + "".join(
        path.read_text() for path in package.glob("*.py") if path.name != "words.py"
    )
    built = ("column_", "fact_", "handout_question_")
    unused = [key for key in words.table if f'"{key}"' not in sources and not key.startswith(built)]
    assert unused == []
    bare = re.sub(
        r"{#.*?#}|{%.*?%}|{{.*?}}|<[^>{]*(?:{{.*?}}[^>{]*|{%.*?%}[^>{]*)*>", " ", templates, flags=re.DOTALL
    )
    assert re.findall(r"[A-Za-z]{4,}", bare) == ["repro"]


def test_words_escape_what_is_filled_in():
    assert Words({"a": "*x* of {n}"})("a", n="<b>") == "<em>x</em> of &lt;b&gt;"


def test_page_in_chinese_has_no_english_word_of_the_table(results, page, monkeypatch):
    monkeypatch.setenv(language.VARIABLE, "zh")
    collection = summary.collect(results)
    chinese, handout = report.page(collection), report.handout(collection)
    assert '<html lang="zh-CN">' in chinese
    assert '<html lang="zh-CN">' in handout
    shown = text_of(chinese) + text_of(handout)
    translated = [text for text in words.table.values() if language.tr(text) != text]
    assert len(translated) > 0.95 * len(words.table)
    # Whole sentences nowhere, and single words not where they stand by themselves.
    fragments = {part.strip() for text in translated for part in re.split(r"\{\w+\}|`.*?`|[*\[\]]", text)}
    assert [text for text in fragments if re.search("[a-z]{3,} [a-z]{3,}", text) and text in shown] == []
    alone = set(re.findall(r"<(?:h1|h2|th|caption|summary|label|button|option|dt)[^>]*>([^<]*)", chinese))
    assert alone & set(translated) <= {"scratch"}  # the name of a run
    # As many parts, figures and rows as in English, and what scripts look for is the same.
    for pattern in ("<section", "<tr", "<img", 'data-verdict="[^"]*"', 'data-chapter="[^"]*"', ' id="[^"]*"'):
        assert re.findall(pattern, chinese) == re.findall(pattern, page), pattern
    assert "2 个" in shown or "1 个" in shown


def test_page_in_chinese_reads_well_in_a_browser(results, tmp_path, browser, monkeypatch):
    """Nothing is cut off or reaches out of the window, in either width."""
    monkeypatch.setenv(language.VARIABLE, "zh")
    path = report.write(summary.collect(results), tmp_path / "report.html")
    for width in (1280, 390):
        window = browser.new_page(viewport={"width": width, "height": 900})
        window.goto(path.as_uri())
        window.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        assert window.evaluate("document.documentElement.scrollWidth") <= width
        cut = window.evaluate(
            "[...document.querySelectorAll('td, th, p, summary')].filter(e => !e.closest('.scroll')"
            " && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline')"
            ".map(e => e.textContent)"
        )
        assert cut == []
        window.close()


def test_rewritten_figure_is_small_and_looks_the_same(browser, tmp_path):
    """The points of a scatter plot, regions, lines, text and a formula, before and after."""
    figure = sample_figure()
    before = plot.render(figure, "svg")
    after = svg.rewritten(before)
    assert len(after) < len(before) / 4
    pictures = []
    for content in (before, after):
        window = browser.new_page(viewport={"width": 700, "height": 500})
        window.set_content(f'<style>*{{margin:0}}</style><img src="{svg.data_url(content)}">')
        pictures.append(np.asarray(Image.open(io.BytesIO(window.screenshot())).convert("L"), dtype=float))
        window.close()
    # Letters and edges are smoothed differently, and nothing else differs.
    different = np.abs(pictures[0] - pictures[1]) > 96
    assert different.mean() < 0.004
    assert (pictures[0] < 128).mean() == pytest.approx((pictures[1] < 128).mean(), rel=0.1)


def sample_figure():
    rng = np.random.default_rng(0)
    points, classes = rng.normal(size=(400, 2)), rng.integers(2, size=400)
    return plot.decision_regions(
        {'a "net" & 1 < 2': lambda x: x[:, 0] ** 2 - x[:, 1], "it's": lambda x: x[:, 0]},
        {"train": (points, classes), "test": (points + 0.1, classes)},
        "Regions, $10^{-3}$",
    )


def test_rewritten_figure_is_valid_though_parts_of_it_are_empty():
    points = np.array([[0.0, 1.0], [1.0, 0.0]])
    nets = {f"net {i}": lambda X: X[:, 0] for i in range(5)}
    ranked = {f"run {i}": RunResult("scratch", f"run {i}", 0, history(0.8)) for i in range(5)}
    figures = (
        plot.residuals(np.log([1.0, 3.0]), "a line of the legend without points", "houses"),
        plot.decision_regions(nets, {"test": (points, np.array([0, 1]))}, "a place without a panel"),
        plot.heat_maps([("x", points, ["a", "b"], ["c", "d"])] * 4, "a scale", "weight"),
        plot.comparison(ranked, "panels without ticks"),
        plot.lines({"a (all 0)": ((1, 2), (math.nan, math.nan)), "b": ((1, 2), (1, 2))}, "x", "y", "t"),
    )
    for figure in figures:
        content = plot.render(figure, "svg")
        shown = svg.rewritten(content)
        assert shown is not content
        ElementTree.fromstring(shown)  # or a browser shows nothing of it


def test_svg_of_another_program_stays_as_it_is():
    content = b'<svg width="10pt" height="10pt" viewBox="0 0 10 10"><path d="M 0.123456 1 L 2 3"/></svg>'
    assert svg.rewritten(content) is content


def test_colours_of_a_dark_page_keep_their_order_and_contrast():
    greys = [int(svg.dark_color(f"{v:02x}" * 3)[1:3], 16) for v in range(0, 256, 5)]
    assert greys == sorted(greys, reverse=True)
    paper = luminance("rgb(29, 35, 40)")
    for color in plot.COLORS:
        dark = svg.dark_color(color[1:].lower())
        shown = luminance(f"rgb({', '.join(str(int(dark[i : i + 2], 16)) for i in (1, 3, 5))})")
        assert (shown + 0.05) / (paper + 0.05) >= 3, color


def test_page_of_many_chapters_is_not_large(folder, results):
    """A figure takes some ten thousand bytes, so that those of all chapters fit into 5 MB."""
    page = report.page(summary.collect(results))
    images = re.findall(r'src="(data:[^"]*)"', page)
    assert max(map(len, images)) < 32_000  # 29,000 with Matplotlib 3.7, below 20,000 with today's
    assert len(page) < 150_000
