"""Notes that are their own test: prose, and statements beside the output that each has to have."""

import doctest
import inspect
import io
import sys
from contextlib import redirect_stdout

import mxnet as mx

from .chapter import seed_everything


def showing(notes, namespace):
    """The `show` of a chapter of notes.

    Each note begins as if it were alone in a new session, so that none depends on another: with the seed's
    random numbers, Gluon's count of its names at 0, and a copy of the namespace.

    Args:
        notes: title -> note, as `run` takes it.
        namespace: the names that the notes may use, `globals()` of the chapter.
    """

    def show_all(result, data):
        for title, note in notes.items():
            seed_everything(result.seed)
            with mx.name.NameManager():
                result.notes[title] = run(note, dict(namespace))

    return show_all


def run(note, namespace):
    """Run the statements of a note.

    Args:
        note: text, or a list of texts and of functions and classes, whose sources are statements between the
            texts. A text is prose, and statements as in a doctest, where `...` in an output stands for
            anything. An exception is written as its last line alone. The empty line that MXNet's arrays begin
            with is left out.
        namespace: the statements' global names.

    Returns:
        dict: "statements", a list of dicts with the "text" before one, its "code" and "output", and whether
        the output is the one that it "holds"; "error" says in one line what the first one that does not hold
        gave.
    """
    made, prose = {"statements": []}, ""
    text = "\n\n".join(map(_text, [note] if isinstance(note, str) else note))
    for part in doctest.DocTestParser().parse(text):
        if isinstance(part, str):
            prose = part.strip()
            continue
        output = _output(part.source, namespace)
        holds = doctest.OutputChecker().check_output(part.want, output, doctest.ELLIPSIS)
        made["statements"].append(
            {"text": prose, "code": part.source.rstrip(), "output": output.rstrip(), "holds": holds}
        )
        if not holds:
            code, want, got = (" ".join(said.split()) for said in (part.source, part.want, output))
            made.setdefault("error", f"`{code}` gave `{got}` where the note has `{want}`")
    if prose:
        made["statements"].append({"text": prose, "code": "", "output": "", "holds": True})
    return made


def _text(part):
    if isinstance(part, str):
        return inspect.cleandoc(part)
    first, *others = inspect.getsource(part).splitlines()
    return "\n".join([f">>> {first}", *(f"... {line}".rstrip() for line in others)])


def _output(code, namespace):
    """What a statement prints, its value, and the last line of its exception."""
    printed, hook = io.StringIO(), sys.displayhook
    sys.displayhook = lambda value: (
        None if value is None else print(repr(value))
    )  # a notebook's own shows it elsewhere
    try:
        with redirect_stdout(printed):
            exec(compile(code, "<note>", "single", dont_inherit=True), namespace)
    except Exception as error:
        name = type(error).__name__
        message = str(error).strip().splitlines() or [""]
        printed.write(f"{name}: {message[-1].removeprefix(f'{name}: ')}\n")
    finally:
        sys.displayhook = hook
    return printed.getvalue().lstrip("\n")
