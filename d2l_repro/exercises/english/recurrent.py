"""Texts of the exercises on recurrent nets."""

from ..texts import Text

TEXTS = {
    "lstm_cell": Text(
        title="A step of long short-term memory",
        section="6.8",
        task=(
            "Compute the state after one step. The columns of the weights belong to input gate, forget "
            "gate, candidate and output gate, in this order."
        ),
        formula="""(i, f, g, o) = the four parts of X W_x + H W_h + b
C <- sigmoid(f) C + sigmoid(i) tanh(g)
H <- sigmoid(o) tanh(C)""",
        template='''
def lstm_cell(X, H, C, W_x, W_h, b):
    """Return H and C after the step, both (batch, hiddens).

    X is (batch, inputs), W_x (inputs, 4 hiddens), W_h (hiddens, 4 hiddens), b (4 hiddens,).
    """
    raise NotImplementedError
''',
        steps=(
            "shapes",
            "values",
            "gradients",
            "a sequence of 50 steps",
        ),
        hints=(
            "One product with X and one with H serve all gates; split the sum into four parts.",
            "array.split(4, axis=1) returns a list of four arrays.",
            "The new H depends on the new C. Return them in the order H, C.",
        ),
        mistakes={
            "gates in another order": "Candidate and output gate are exchanged. The order is i, f, g, o.",
            "gates exchanged": "Input and forget gate are exchanged. The order is i, f, g, o.",
            "no tanh": "The memory is output without tanh.",
            "candidate": "The candidate passes a sigmoid. It may be negative: use tanh.",
            "never forgets": "The old memory is kept whole. Multiply it by the forget gate.",
            "share forgotten": (
                "The forget gate is the share to keep, despite its name. Multiply C by f, not by 1 - f."
            ),
            "old memory": "H is computed from the memory before the step. Use the new C.",
            "bias twice": "The bias is added twice. It belongs to the sum of both products.",
            "interleaved": (
                "The columns are taken for units of four gates each. The gates stand side by side, each with "
                "all of its units."
            ),
            "exchanged": "H and C are returned in the wrong order. Return H, C.",
        },
        commentary=(
            "The memory passes from step to step through a product with f and a sum, and through no "
            "matrix, which is how gradients survive many steps."
        ),
    ),
    "perplexity": Text(
        title="Perplexity with a state that is carried over",
        section="6.4",
        task=(
            "Return the perplexity of a text that comes in batches, each of which continues the one "
            "before it. The batches need not have the same length. Losses are arrays of any shape, with an "
            "element for each word."
        ),
        formula="exp(sum of the losses of all words / number of words)",
        template='''
def perplexity(net, batches, state):
    """Return a number.

    batches yields (X, y). net(X, y, state) returns the losses of the batch's words, an array, and
    the state after them; state is the one before the first batch.
    """
    raise NotImplementedError
''',
        steps=(
            "one batch",
            "several batches",
            "a shorter last batch",
        ),
        hints=(
            "net returns a new state. Which one does the next batch begin with?",
            "Add up losses and words, and take the exponential once, at the end.",
            "losses, state = net(X, y, state); total += losses.sum().asscalar(); count += losses.size",
        ),
        mistakes={
            "state begins anew": (
                "Each batch begins with the first state. Pass on the one that net returned."
            ),
            "mean of perplexities": (
                "This is the mean of the batches' perplexities. Average the losses, then take exp."
            ),
            "mean of means": (
                "The shorter batch counts as much as the others. Divide the sum of all losses by the "
                "number of all words."
            ),
            "no exp": "This is the mean loss. Its exponential is the perplexity.",
            "exp of the sum": "The sum of the losses is not divided by the number of words.",
            "power of 2": "This is a power of 2. The losses are natural logarithms: use exp.",
            "last batch": "Only the last batch counts. Add up over all batches.",
        },
        commentary=(
            "A perplexity of k is that of guessing among k words at random. A state that begins anew "
            "makes it worse by as much as the net has learnt to remember."
        ),
        phrases={
            "call": "perplexity(net, batches, state) for batches of {lengths} steps",
        },
    ),
}
