"""Tables that `_layered` still reads; `d2l_repro.scratch.counterparts` has them for everything else."""

from d2l_repro.scratch import counterparts
from d2l_repro.scratch.counterparts import INITIALIZERS, normal_pair

OPTIMIZERS = {
    name: (pair.optimizer_cls, pair.options, (pair.gluon_name, pair.gluon_options, pair.gluon_lr_factor))
    for name, pair in counterparts.OPTIMIZERS.items()
}
DECAY_OTHERWISE = tuple(
    pair.gluon_name for pair in counterparts.OPTIMIZERS.values() if pair.gluon_name and not pair.decays_alike
)
SINGLE_PRECISION = tuple(name for name, pair in counterparts.OPTIMIZERS.items() if not pair.state_in_double)
INITS = {
    "normal": (lambda hp: normal_pair(hp.sigma).from_scratch, lambda hp: normal_pair(hp.sigma).with_gluon()),
    "xavier": (
        lambda hp: INITIALIZERS["xavier"].from_scratch,
        lambda hp: INITIALIZERS["xavier"].with_gluon(),
    ),
    "kaiming": (
        lambda hp: INITIALIZERS["kaiming"].from_scratch,
        lambda hp: INITIALIZERS["kaiming"].with_gluon(),
    ),
}
