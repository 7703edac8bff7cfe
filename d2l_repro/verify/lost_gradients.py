"""Where activations lose the gradient: there the derivative is close to 0, and nothing comes back."""

from __future__ import annotations

from collections.abc import Mapping

from mxnet import nd

from ..results import plot
from ..results.result import Result
from ..scratch.layers import ACTIVATIONS, Activation, Network

LOST = 0.005  # derivatives below are called lost


def lost_inputs(name: str) -> str:
    """Return for which inputs from -10 to 10 an activation's derivative is close to 0, in words."""
    x = nd.arange(-1000, 1001) / 100
    function, derivative = ACTIVATIONS[name]
    lost = (derivative(x, function(x)).abs() < LOST).asnumpy().astype(bool)
    x = x.asnumpy()
    below, above = x[lost & (x <= 0)], x[lost & (x > 0)]
    ranges = [f"x <= {below.max():g}"] if below.size else []
    ranges += [f"x >= {above.min():g}"] if above.size else []
    return " and ".join(ranges) or "nowhere"


def lost_shares(net: Network, X: nd.NDArray) -> list[float]:
    """Return the share of derivatives close to 0 in each hidden layer of a net, from first to last."""
    net(X)
    layers = [layer for layer in net.layers if isinstance(layer, Activation)]
    return [(layer.derivative(layer.X, layer.Y).abs() < LOST).mean().asscalar() for layer in layers]


def show_lost_gradients(result: Result, nets: Mapping[str, Network], X: nd.NDArray, where: str) -> None:
    """Add to the result a figure of lost gradients by hidden layer, and a table of lost inputs.

    Args:
        result: gets figure and table.
        nets: name of an activation -> net with this activation.
        X: examples, (batch, ...).
        where: ends the figure's title, "on CIFAR-10".
    """
    shares = {name: lost_shares(net, X) for name, net in nets.items()}
    result.figures["which_activation_loses_its_gradient"] = plot.lines(
        {name: (range(1, len(lost) + 1), lost) for name, lost in shares.items()},
        "hidden layer",
        f"share of derivatives below {LOST}",
        f"Which activation loses its gradient, {where}",
    )
    result.tables["For which inputs an activation loses its gradient"] = [
        {"activation": name, f"derivative below {LOST}": lost_inputs(name)} for name in nets
    ]
