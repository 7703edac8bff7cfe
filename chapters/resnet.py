"""Residual nets, and what shortcuts do for deep ones, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, section 5.11.

New since batch normalization: a shortcut around two convolutions, whose output is added to their input. To
let its input pass, a block only has to learn zeros; and the gradient has a way back on which nothing
diminishes it. The net is the book's ResNet-18 made small enough for a processor: images of 28 pixels instead
of 96, a quarter of the channels, and 3 x 3 windows in the first convolution. From scratch, the gradients are
derived by hand; an epoch takes five minutes, where Gluon takes one. So that net is trained only if `--impl
scratch` asks for it; that both take the same steps is compared anyway, with a smaller one. After five epochs,
both had a training loss of 0.192, and 0.895 and 0.901 of the test images.

Beside it, nets of 10 to 66 layers are trained with and without shortcuts, half as wide and for one epoch,
with Gluon only to save time. The book says that beyond some depth more layers make training worse and not
better, although a deeper net could do all that a shallower one does, and that shortcuts cure it. The training
losses by depth show both.
"""

from d2l_repro import compat

compat.prepare_large_nets()

from dataclasses import asdict, dataclass

from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.images import load_images
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.conclusions import add_differences
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import SGD, softmax_cross_entropy, xavier
from d2l_repro.scratch.conv import Conv2D, GlobalAvgPool2D, MaxPool2D
from d2l_repro.scratch.layers import Activation, Affine, BatchNorm, Network, Residual, gradients_by_hand
from d2l_repro.settings import Count, Positive, Units
from d2l_repro.train.loop import train_ch3

NUM_OUTPUTS = 10  # classes
STAGES = 4  # groups of blocks, each with twice the channels and half the height and width of the one before


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings, but for the channels."""

    num_epochs: Count = 5  # passes over the training set
    batch_size: Count = 256  # examples per step
    lr: Positive = 0.05  # learning rate of SGD
    num_channels: Units = 16  # channels of the first stage; the book has 64
    num_blocks: Count = 2  # blocks per stage
    study_channels: Units = 8  # channels of the first stage of the nets of several depths
    study_epochs: Count = 1  # passes over the training set of those nets
    study_blocks: Count = 8  # blocks per stage of the deepest of those nets; the others have 1, 2, 4, ...


@dataclass(frozen=True)
class Setting(HParams):
    """One of the nets."""

    shortcuts: bool = True

    @property
    def num_layers(self) -> int:
        """Layers with weights, without the convolutions of shortcuts."""
        return 2 + 2 * STAGES * self.num_blocks

    def blocks(self) -> list[tuple[int, int, int]]:
        """Return inputs, outputs and stride of each block; every stage but the first begins with a change."""
        found, inputs = [], self.num_channels
        for stage in range(STAGES):
            outputs = self.num_channels * 2**stage
            for _ in range(self.num_blocks):
                found.append((inputs, outputs, outputs // inputs))
                inputs = outputs
        return found


def data(hp, options):
    """Load Fashion-MNIST in minibatches: X (batch, 1, 28, 28) from 0 to 1, y (batch,) from 0 to 9."""
    images = load_images("fashion_mnist", options.dataset, options.data_dir, options.quick)
    return images.minibatches(hp.batch_size, options.seed)


def convolution(inputs, outputs, size=3, **options):
    """Return a convolution from scratch whose padding keeps height and width if the stride is 1."""
    return Conv2D(xavier((outputs, inputs, size, size)), nd.zeros(outputs), **options)


def normalization(channels):
    """Return a batch normalization from scratch."""
    return BatchNorm(nd.ones(channels), nd.zeros(channels))


def block(inputs, outputs, stride, shortcut):
    """Return the layers of a block from scratch, with the activation after it."""
    layers = [
        convolution(inputs, outputs, stride=stride),
        normalization(outputs),
        Activation("relu"),
        convolution(outputs, outputs),
        normalization(outputs),
    ]
    if not shortcut:
        return [*layers, Activation("relu")]
    # Where channels or size change, the input has to as well before it can be added.
    changed = convolution(inputs, outputs, size=1, stride=stride) if inputs != outputs else None
    return [Residual(layers, changed), Activation("relu")]


def from_scratch(hp, data):
    """Build the net from layers with hand-derived gradients."""
    net = Network(
        [
            convolution(1, hp.num_channels, first=True),
            normalization(hp.num_channels),
            Activation("relu"),
            MaxPool2D(),  # (batch, channels, 14, 14)
            *(layer for sizes in hp.blocks() for layer in block(*sizes, hp.shortcuts)),
            GlobalAvgPool2D(),  # (batch, 8 channels)
            Affine(xavier((hp.blocks()[-1][1], NUM_OUTPUTS)), nd.zeros(NUM_OUTPUTS)),
        ]
    )
    trainer = SGD(net.params, hp.lr)
    return Model(net, softmax_cross_entropy, net.params, trainer, gradients=gradients_by_hand(net, "softmax"))


class Block(nn.HybridBlock):
    """Two convolutions with batch normalization, and a shortcut around them if wanted."""

    def __init__(self, inputs, outputs, stride, shortcut):
        super().__init__()
        self.shortcut, self.changed = shortcut, None
        with self.name_scope():
            self.layers = nn.HybridSequential()
            self.layers.add(
                nn.Conv2D(outputs, kernel_size=3, padding=1, strides=stride),
                nn.BatchNorm(),
                nn.Activation("relu"),
                nn.Conv2D(outputs, kernel_size=3, padding=1),
                nn.BatchNorm(),
            )
            if shortcut and inputs != outputs:
                self.changed = nn.Conv2D(outputs, kernel_size=1, strides=stride)

    def hybrid_forward(self, F, X):
        Y = self.layers(X)
        if self.shortcut:
            Y = Y + (self.changed(X) if self.changed else X)
        return F.relu(Y)


def with_gluon(hp, data):
    """Build the same from Gluon."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(hp.num_channels, kernel_size=3, padding=1),
        nn.BatchNorm(),
        nn.Activation("relu"),
        nn.MaxPool2D(pool_size=2, strides=2),
        *(Block(*sizes, hp.shortcuts) for sizes in hp.blocks()),
        nn.GlobalAvgPool2D(),
        nn.Dense(NUM_OUTPUTS),
    )
    net.initialize(init.Xavier())
    net.hybridize(static_alloc=True, static_shape=True)
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr}, kvstore=None)
    return Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def study(hp):
    """Return name -> settings of the nets of several depths, with and without shortcuts."""
    narrow = Setting(**asdict(hp)).replace(num_channels=hp.study_channels, num_epochs=hp.study_epochs)
    depths = [2**i for i in range(hp.study_blocks.bit_length())]
    nets = [narrow.replace(num_blocks=n, shortcuts=shortcuts) for n in depths for shortcuts in (True, False)]
    return {f"{net.num_layers} layers, {'shortcuts' if net.shortcuts else 'plain'}": net for net in nets}


def runs(hp):
    """Return the ResNet in both implementations, and the nets of several depths with Gluon."""
    own = Setting(**asdict(hp))
    small = own.replace(num_channels=2, num_blocks=1, batch_size=8)
    resnet = {f"ResNet-{own.num_layers}": own}
    return [
        *runs_of({"scratch": from_scratch}, resnet, parity_hp=small, on_request=True),
        *runs_of({"gluon": with_gluon}, resnet, parity_hp=small),
        *runs_of({"gluon": with_gluon}, study(hp)),
    ]


def train(model, data, hp, callbacks=()):
    """Call `train_ch3` as the book does, for either implementation."""
    return train_ch3(
        model.net,
        data.train_iter,
        data.test_iter,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        gradients=model.gradients,
        callbacks=callbacks,
    )


def show(result, data):
    """Show the ResNet's training curves and what depth does, and add the differences for the book's claim."""
    hp = HParams(**result.settings)
    found = {name: (net, result.find("gluon", name)) for name, net in study(hp).items()}
    trained = [(net, run) for net, run in found.values() if run is not None and run.history]
    resnets = {label: run for label, run in result.labelled().items() if run.variant not in found}
    result.figures["training_curves"] = plot.training_curves(
        resnets, f"ResNet on {data.source.title}: {{test_acc:.1%}} of the test images right"
    )
    if not trained:
        return
    result.tables["What depth does"] = [
        {
            "layers": net.num_layers,
            "shortcuts": "yes" if net.shortcuts else "no",
            **{name.replace("_", " "): run.metrics[name] for name in ("train_loss", "train_acc", "test_acc")},
        }
        for net, run in trained
    ]
    lines = {"with shortcuts": ([], []), "without shortcuts": ([], [])}
    for net, run in trained:
        layers, losses = lines["with shortcuts" if net.shortcuts else "without shortcuts"]
        layers.append(net.num_layers)
        losses.append(run.metrics["train_loss"])
    title = f"Mean training loss of the first passes over {data.source.title}"
    ends = {name: (layers[-1], losses[-1]) for name, (layers, losses) in lines.items() if layers}
    if len({layers for layers, _ in ends.values()}) == 1 < len(ends):
        (layers, first), (_, second) = ends.values()
        title += f": at {layers} layers {first:.2g} with shortcuts, {second:.2g} without"
    result.figures["depth"] = plot.lines(lines, "layers", "training loss", title, logx=True)
    add_differences(result, differences(hp))


def differences(hp):
    """Return what the book says of deep nets: name -> (a net, the net to subtract, what is compared)."""
    nets = study(hp)
    plain = [name for name, net in nets.items() if not net.shortcuts]
    deepest_with_shortcuts = [name for name, net in nets.items() if net.shortcuts][-1]
    return {
        "deepest_plain_minus_shallowest": (plain[-1], plain[0], "train_loss"),
        "deepest_plain_minus_shortcuts": (plain[-1], deepest_with_shortcuts, "train_loss"),
    }


chapter = Chapter(
    name="resnet",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 1, "num_channels": 2, "num_blocks": 1, "study_channels": 2, "study_blocks": 2},
    data=data,
    runs=runs,
    train=train,
    show=show,
    datasets=("fashion_mnist", "fashion_mnist_2017", "mnist", "digits"),
    comparable=("fashion_mnist", "fashion_mnist_2017"),
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
