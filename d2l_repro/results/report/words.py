"""Every word of the page and the handout, in one place; the catalogue of messages has their Chinese.

Words that come with results (names of runs and tables, texts of sources) are data and are shown as they are.
`*emphasis*`, `**strong**`, `` `code` `` and `[links](#anchor)` are the only markup;
values for the names in braces are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from markupsafe import Markup, escape

from ...language import mark, sentences, tr

ENGLISH = {
    "language": mark("en"),
    # the head of the page
    "title": mark("d2l_repro: published and reproduced"),
    "skip": mark("Skip to the chapters"),
    "heading": mark("Published and reproduced"),
    "lead": mark(
        "*Dive into Deep Learning*, MXNet/Gluon edition, reproduced by d2l_repro {version}. Its models are "
        "trained twice, from scratch and with Gluon."
    ),
    "score": mark("**{count} published numbers:**"),
    "score_none": mark("No published value was compared."),
    "score_run": mark(
        "Of the values of this run, **{within} of {judged}** agree with our seeds: [all values](#values)."
    ),
    "stand_in": mark("Stand-in data."),
    "stand_in_all": mark(
        "The published data were neither on disk nor reachable for {names}. These numbers show that the "
        "code runs, but say nothing about the book."
    ),
    "stand_in_one": mark("{name} ({dataset} for {original})"),
    "problems": mark("Something is missing."),
    "chapters": mark("Chapters"),
    "values_link": mark("All published values"),
    "mistakes_link": mark("Mistakes that would be noticed"),
    "and": mark("; "),
    # a section: its result in sentences
    "stand_in_section": mark(
        "{dataset} in place of {original}. The numbers below show that the code runs, but say nothing about"
        " the published ones."
    ),
    "interrupted": mark("Interrupted"),
    "interrupted_seeds": mark("(seed {seeds}): only what was finished is shown."),
    "failed": mark("{label} failed:"),
    "diverged": mark("**{label} diverged,** as this chapter sets out to show: {how}"),
    "result_quick": mark("A quick run, with less data and fewer epochs."),
    "result_pair": mark("{metric}: {scratch} from scratch, {gluon} with Gluon{published}."),
    "result_pair_of": mark("{metric} of *{variant}*: {scratch} from scratch, {gluon} with Gluon{published}."),
    "result_range": mark("{metric} of {count} variants: {scratch} from scratch, {gluon} with Gluon."),
    "result_published": mark("; published {value}"),
    "result_tally": mark("Of {count} published numbers, {tally}."),
    "result_within": mark("In this run, {within} of {judged} values agree with our seeds."),
    "result_same_path": mark(
        "Trained from the same parameters on the same batches, both take the same steps: parameters differ "
        "by {difference} at most."
    ),
    "result_same_bits": mark(
        "Trained from the same parameters on the same batches, both take the same steps, to the last bit."
    ),
    "result_other_path": mark(
        "**Scratch and Gluon do not follow the same path:** {ours} and {theirs} first differ by more than "
        "the limit {where}."
    ),
    "at_step": mark("at step {step}"),
    "in_testing": mark("in testing"),
    "range": mark("{low} to {high}"),
    "seeds_of": mark(
        "Means and standard deviations are over seeds {seeds}; figures, the chapter's own tables, times and"
        " epochs are those of seed {first}."
    ),
    "shift": mark(
        "Taken together, the published numbers deviate to one side of ours (probability by chance {chance})."
    ),
    # figures
    "enlarge": mark("Enlarge"),
    "close": mark("Close"),
    "more_figures": mark("{count} more figures"),
    "figure_problem": mark("The figure {name}.svg {problem}."),
    "figure_missing": mark("is missing from the folder of the result: run the chapter again"),
    "figure_unreadable": mark("is not shown: {reason}"),
    "alt_axes": mark("{y} against {x}"),
    "alt_axis": mark("{name} ({low} to {high})"),
    "alt_panels": mark("{count} charts: {panels}"),
    "alt_images": mark("{count} images"),
    "alt_names": mark("Shown are {names}"),
    "alt_more": mark("{count} more"),
    "alt_lines": mark("Labels: {names}"),
    # tables of a section
    "beside": mark("Scratch beside Gluon"),
    "beside_metric": mark("Scratch beside Gluon: {metric}"),
    "runs": mark("All runs"),
    "runs_seeds": mark("All runs, mean ± standard deviation over {count} seeds"),
    "parity": mark("Largest difference of any parameter, in double precision"),
    "epochs": mark("Epoch by epoch"),
    "settings": mark("Settings, data and environment"),
    "rows": mark("{caption} ({count} rows)"),
    "column_variant": mark("variant"),
    "column_metric": mark("metric"),
    "column_scratch": mark("scratch"),
    "column_gluon": mark("Gluon"),
    "column_published": mark("published"),
    "column_our_seeds": mark("our seeds"),
    "column_verdict": mark("verdict"),
    "column_chapter": mark("chapter"),
    "column_value": mark("run and metric"),
    "column_ours": mark("ours"),
    "column_ours_and_seeds": mark("ours, and our seeds"),
    "column_source": mark("source"),
    "time_per_epoch": mark("time per epoch"),
    "time_per_epoch_seed": mark("time per epoch (seed {seed})"),
    "outside": mark("this run differs"),
    "own_value": mark("{value} (the chapter's own value: {own})"),
    "fact_data": mark("data"),
    "fact_seed": mark("seed"),
    "fact_seeds": mark("seeds"),
    "fact_stream": mark("random stream"),
    "stream": mark("the book's data on {platform}"),
    "fact_quick": mark("quick"),
    "quick": mark("less data and fewer epochs"),
    "fact_duration": mark("duration"),
    "fact_finished": mark("finished"),
    # cross-validations of house prices
    "kfold_title": mark("House prices by {folds}-fold cross-validation, {impl}"),
    "kfold_source": mark("`python -m kaggle_house kfold` wrote *{folder}*."),
    "kfold_result": mark(
        "Log rmse of the validation folds: **{valid}** ± {std}; of all houses out of fold {out_of_fold}."
    ),
    "kfold_repeats": mark("Mean over {repeats} repeats."),
    "kfold_against": mark("A ridge regression on engineered features has {ridge}, the mean price {mean}."),
    "kfold_words": mark(
        "Half of the houses are predicted within **{half}** of their price, nine of ten within "
        "{nine_tenths}. Ridge regression predicts half of them within {ridge}; the mean price is within "
        "{mean} of half of the prices."
    ),
    "kfold_published": mark("Published: {values}."),
    "kfold_clipped": mark("{count} predictions below 1 dollar were scored as 1 dollar."),
    "kfold_folds": mark("Log rmse of every fold"),
    "kfold_baselines": mark("Compared with the baselines, fold by fold"),
    "kfold_meaning": mark("All houses out-of-fold"),
    "kfold_interval": mark("{low} to {high}"),
    "kfold_card": mark("Model card"),
    "kfold_published_table": mark("Published and reproduced"),
    "kfold_recipe": mark("recipe"),
    "column_repeat": mark("repeat"),
    "column_fold": mark("fold"),
    "column_train": mark("train"),
    "column_valid": mark("validation"),
    "column_seconds": mark("time"),
    "column_model": mark("model"),
    "column_std": mark("std"),
    "column_difference": mark("recipe - model"),
    "column_difference_std": mark("std of difference"),
    "column_score": mark("log rmse"),
    "column_interval": mark("95 % interval"),
    "column_half": mark("half within"),
    "column_nine_tenths": mark("nine of ten within"),
    "column_about": mark("about"),
    "column_statement": mark("statement"),
    # the table of published values
    "values": mark("Published values and ours"),
    "score_meaning": mark(
        "A verdict compares the published number with our seeds; if all came from the same program, "
        "{chance} would still be judged different by chance."
    ),
    "values_meaning": mark(
        "We trained every model with ten seeds or more where time allowed, and slow nets with two to four. "
        "In the pictures, the bar is where one more run lies in 99 of 100 cases, the line is the published "
        "value and the dot is this run; all bars are drawn equally wide. A conclusion is a difference: the "
        "bar is what the source claims, the line across it the 95 % interval of our seeds, and the "
        "conclusion agrees when that lies in the bar. A "
        "value that *cannot tell* would agree with each of the mistakes that we tried, see below. Values "
        "from random data depend on the platform's random stream: those printed on macOS are compared with "
        "runs on that stream."
    ),
    "values_all": mark("All {count} values"),
    "values_none": mark(
        "Published values are compared when a chapter runs in full, with its own settings, on the published"
        " data."
    ),
    "values_some_seeds": mark("({count} of {all} seeds)"),
    "not_compared": mark("What else the sources print or draw, and why it is not compared"),
    "not_compared_read": mark("The five readers' articles were read from beginning to end"),
    "filter": mark("Filter the values"),
    "filter_search": mark("Search"),
    "filter_example": mark("accuracy, gluon, lambda…"),
    "filter_chapter": mark("Chapter"),
    "filter_verdict": mark("Verdict"),
    "filter_all": mark("all"),
    "filter_reset": mark("Show all"),
    "filter_count": mark("{shown} of {all} values"),
    "nothing": mark("Nothing matches."),
    # the matrix of mistakes
    "mistakes": mark("Which mistakes would be noticed"),
    "mistakes_meaning": mark(
        "A check that nothing fails proves nothing. So plausible mistakes were put into the models from "
        "scratch, and each was judged by every proof: by central differences of the gradient, by parity "
        "with Gluon over 50 steps, and by each published value after training in the chapter's own "
        "settings. A published value that catches no mistake cannot tell a right model from a wrong one."
    ),
    "mistakes_of": mark("{chapter}: {caught} of {count} mistakes are caught"),
    "mistakes_net": mark("a net …"),
    "mistakes_caught": mark("mistakes caught"),
    "mark_caught": mark("✓ caught"),
    "mark_missed": mark("✗ missed"),
    "mark_unknown": mark("? cannot say"),
    "cannot_tell": mark("cannot tell"),
    # the foot
    "foot": mark(
        "Written by `d2l-repro report`{until}; the handout beside it is one page to print. Each chapter's "
        "folder has its numbers in `result.json` and its figures; `summary.json` has all numbers for other "
        "programs."
    ),
    "foot_until": mark(" from runs up to {finished}"),
    # the handout
    "handout_title": mark("d2l_repro: one page"),
    "handout_heading": mark("*Dive into Deep Learning*, reproduced: one page"),
    "handout_lead": mark(
        "Each chapter of the MXNet/Gluon edition trains its model twice, from scratch and with Gluon. This "
        "page has one number of each, beside the published one."
    ),
    "handout_same_path": mark("apart by"),
    "handout_no": mark("no"),
    "handout_numbers": mark("published numbers that agree"),
    "handout_of": mark("{agree} of {count}"),
    "handout_statements": mark("statements of a notebook that hold"),
    "column_section": mark("section"),
    "handout_kfold": mark("log rmse, {folds} folds"),
    "handout_foot": mark(
        "*Apart by*: how far any parameter of the two implementations is apart after training on the same"
        " batches, in double precision. A published number *agrees* if it could be one more run of ours."
    ),
    "handout_questions": mark("To discuss"),
    "handout_question_1": mark(
        "Where do scratch and Gluon differ, although both take the same steps from the same start?"
    ),
    "handout_question_2": mark("Which published numbers differ from ours, and what would you check first?"),
    "handout_question_3": mark("Which of these numbers would stay the same if the model had a mistake?"),
}


class Words:
    """Look up and fill in the words of the page, in the reader's language."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self.table = table

    def __call__(self, key: str, **values: object) -> Markup:
        """Return words as HTML, with values, which are escaped, in place of the names in braces."""
        return inline_markup(tr(self.table[key])).format(**values)

    def plain(self, key: str, **values: object) -> str:
        """Return words as plain text, for attributes and for cells of tables."""
        return tr(self.table[key], **values)

    def listed(self, parts: Iterable[str]) -> Markup:
        """Return parts with commas between them."""
        return Markup(tr(", ")).join(parts)

    def join(self, parts: Iterable[Markup]) -> Markup:
        """Return sentences as a paragraph."""
        return Markup(sentences(parts))


@lru_cache(maxsize=1024)
def inline_markup(text: str) -> Markup:
    """Return `**strong**`, `*emphasis*`, `` `code` `` and `[link](#anchor)` as HTML, all else escaped."""

    def element(match: re.Match[str]) -> str:
        code, strong, emphasis, link, anchor = match.groups()
        if link:
            return f'<a href="#{anchor}">{link}</a>'
        tag, inside = next(
            (tag, text) for tag, text in (("code", code), ("strong", strong), ("em", emphasis)) if text
        )
        return f"<{tag}>{inside}</{tag}>"

    pattern = r"`([^`]+)`|\*\*(\w[^*]*|\{[^*]*)\*\*|\*(\w[^*]*|\{[^*]*)\*|\[([^\]]+)\]\(#([\w-]+)\)"
    return Markup(re.sub(pattern, element, str(escape(text))))


words = Words(ENGLISH)
