"""The sentences in English that belong to no exercise."""

HTML_LANG = "en"
HEADER = '''"""{title} (section {section} of the book).

{task}

    {formula}

Replace every `raise NotImplementedError`, save, run:  d2l-repro exercise check {name}
Stuck?  d2l-repro exercise hint {name}
"""

import d2l_repro  # noqa: F401, I001  (first: it makes MXNet work with today's NumPy)
from mxnet import autograd, nd  # noqa: F401
import numpy as np  # noqa: F401

'''

# What happens to a learner's file; {where} is LINE, LINE_WITH_CODE or "".
LINE = " in line {number}"
LINE_WITH_CODE = " in line {number}, `{code}`"
UNFINISHED = "{name} still raises NotImplementedError{where}. Write its body, save, and check again."
MISSING = "{file} defines no function {name}. Keep the names of the template; others are free."
THIS = "This"  # in place of a file, in a notebook
SYNTAX = "{file} cannot be read as Python: {error} in line {line}. Look at that line and the one above it."
RAISED = "{function} raises {error}{where}. Look at that line, and at the shapes of what it is given."
IN_PLACE = (
    "{function} changes an array in place that autograd follows{where}, which MXNet refuses. Write "
    "`array[:] = ...`, with all of the new value on the right, or change it under `autograd.pause()`."
)
RAISED_LOADING = "{file} raises {error}{where} before any function is called. Look at that line."
EXITS = "The file ends Python{where}, as with exit(). Let functions return instead."
SLOW = (
    "The check has taken more than {seconds:g} seconds of computing time and was ended{where}. "
    "Does a loop there never end, or a loop run over elements where one operation would do?"
)
WAITS = (
    "The check has taken more than {seconds:g} seconds and was ended{where}. Does something there wait, "
    "such as sleep() or input()?"
)
MEMORY = (
    "The check needs more than {megabytes:g} MB of memory and was ended{where}. Does an array or a list grow "
    "there, or is a shape much larger than it should be?"
)
DIED = (
    "Python ended without a result ({how}), in code that your file calls. "
    "Look for os._exit() or very deep recursion."
)
BY_SIGNAL, WITH_CODE = "by {signal}", "with exit code {code}"
REFUSED = (
    "The file {what}{where}, which a check does not allow. Remove that line; a function only needs to return."
)
STARTS_PROCESS, USES_NETWORK, WRITES = "starts another process", "uses a network", "writes to {path}"
PRINTED = "It printed {lines}, which the check ignores. It begins: {text}"
ONE_LINE, LINES = "a line", "{count} lines"

# What was seen of its functions, which {what} names.
PART = "{part} of {call}"
GRADIENT, GRADIENT_WRT = "the gradient of {call}", "the gradient of {call} w.r.t. {name}"
AFTER_STEP = "{name} after step {number}"
NOTHING = "{what} is None. Does the function end without `return`?"
TYPE = "{what} is {found}; expected {expected}."
A, AN = "a {type}", "an {type}"
ARRAY, VALUES = "an array of numbers", "{count} values: {names}"
COUNT = "{what} has length {found}; expected {expected} values: {names}."
NOT_ITERABLE = "{what} is {found}, over which one cannot iterate. Does it `yield` or return a list?"
FEWER = "{what} is missing: the function ends too early."
NO_GRADIENT = (
    "{what} cannot be computed, as autograd has lost track of the computation. "
    "Is something done with NumPy or asnumpy(), or assigned in place?"
)
SHAPE = "{what} has shape {found}; expected {expected}."
TRANSPOSED = "It is the transpose of what is right."
ELEMENTS = "It has the right number of elements in another shape."
NOT_FINITE = "{what} is {value} at {index}, where {right} is right."
DIFFERS = "{what} is {value} at {index}, where {right} is right ({count} of {total} values differ)."
NUMBER_DIFFERS = "{what} is {value}, where {right} is right."
RATIO = "All values are {ratio} times the right ones."
OFFSET = "All values are {offset} more than the right ones."
UPDATE_RATIO = "The change in this step is {ratio} times the right one."
NO_UPDATE = (
    "Nothing was changed in this step. Is the array changed in place, as with [:] or -=, and by values that "
    "have been brought up to date before?"
)
OPPOSITE = "The change in this step has the right size and the opposite sign."
COMMA = ", "
OTHERS_RIGHT, NONE_RIGHT = "Right are: {names}.", "None of {names} is right."
UPDATE = "The change in this step is {value} where {right} is right."
GIVEN = "The input there is {names}."
UNKNOWN = "None of the {count} mistakes known for this exercise gives these values."
GAP, OR = " ", " Or: "  # between sentences

STEP = "step {number} of {total}, {title}"
PASSED = "{name}: passed all {total} steps in {seconds:.1f} s"
FAILED = "{name}: {step}: failed"

# The commands.
OK, NO, OPEN = "ok  ", "no  ", "    "  # before the title of a step
EXERCISE, SECTION, TITLE, PROGRESS = "exercise", "section", "title", "progress"
DONE_OF = "{done} of {total} done in {folder}"
DONE, SOLUTION_SEEN = "done", "done (solution seen)"
STARTED, PASSED_OF = "started", "{passed} of {total} steps"
START = "{file}: {title}\ncheck it with: d2l-repro exercise check {file}"
NEXT, ALL_DONE = "next: d2l-repro exercise start {name}", "All exercises are done."
WATCHING = "watching {what}; save a file to check it, Ctrl-C ends"
HINT = "{number} of {total}: {hint}"
LAST_HINT = "That is all; the rest is in: d2l-repro exercise solution {name}"
GRADED = "{student}: {head}"
SOURCE, CALLED = "{name}, from {module}", ", there called {name}"
CLASS_TITLE = "Exercises"
CLASS_CELLS = "A cell shows how many steps of the check were passed. Seeds differ from student to student."
STUDENT, NUM_DONE = "student", "done"

# Wrong input.
UNKNOWN_EXERCISE = (
    "unknown exercise {name!r}; a file has the name of its exercise, such as softmax.py, and "
    "`d2l-repro exercise list` shows all of them"
)
ALL_STARTED = "all exercises are started in {folder}; name one, and another --dir"
NONE_STARTED = "no exercise is started in {folder}; run d2l-repro exercise start"
IS_THERE = "{path}: is there already; continue in it, or move it away to begin anew"
NO_PROGRESS = "{path}: no progress of exercises ({error}); move it away to begin anew"
BAD_SEED = "{path}: the seed {seed} is not from 0 to below {limit}; correct it"
BAD_SECONDS = "--seconds must be from 0.1 to 3600, not {number:g}"
BAD_MEGABYTES = "--megabytes must be from 16 to 1000000, not {number:g}"
TOO_LARGE = "{file}: larger than 1 MB; an exercise is a short Python file"
CANNOT_READ = "{file}: cannot be read ({error}); start the exercise first, or name its file"
NO_TEXT = "{file}: is no UTF-8 text; save it again as UTF-8"
NO_CHECKER = "the process that checks could not start ({how}); run d2l-repro doctor"
EXIT_CODE = "exit code {code}"
EMPTY_CLASS = (
    "{folder}: no exercises found; it needs a folder for each student, with files such as softmax.py"
)
NO_CLASS = "{folder}: cannot be read ({error}); name the folder of a class"
