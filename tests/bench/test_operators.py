"""Count by hand what the shapes of a net demand."""

import math

import pytest

from d2l_repro.bench import operators
from d2l_repro.bench.operators import Operator


def counted(found):
    return {(operator.kind, operator.sizes): operator.count for operator in found}


def test_classifier_has_the_operators_of_the_mlp_counted_by_hand():
    found = counted(operators.classifier(256, (784, 256, 10), 60_000))
    parameters = 784 * 256 + 256 + 256 * 10 + 10
    assert parameters == 203_530
    assert found == {
        ("gather", (256, 784, 60_000)): 1,
        # X W1, H W2; X' dH, H' dY; dY W2', and no gradient of X
        ("product", (256, 784, 256)): 1,
        ("product", (256, 256, 10)): 1,
        ("outer product", (256, 784, 256)): 1,
        ("outer product", (256, 256, 10)): 1,
        ("product", (256, 10, 256)): 1,
        # b1's gradient; ReLU forward, and backward
        ("pass", (256 * 256, 1)): 1,
        ("pass", (256 * 256, 2)): 1,
        ("pass", (256 * 256, 3)): 1,
        # b2's gradient, and accuracy; softmax forward, and backward
        ("pass", (2560, 1)): 2,
        ("exponential", (2560,)): 1,
        ("pass", (2560, 2)): 1,
        # the update
        ("pass", (parameters, 3)): 1,
    }


def test_classifier_without_hidden_layer_has_two_products():
    found = operators.classifier(256, (784, 10), 60_000)
    products = [operator for operator in found if "product" in operator.kind]
    assert sum(operator.flops * operator.count for operator in products) == 2 * 2 * 256 * 784 * 10


def test_classifier_with_dropout_draws_a_number_for_each_unit():
    found = counted(operators.classifier(256, (784, 256, 256, 10), 60_000, 512))
    assert found["draw", (256 * 512,)] == 1
    assert found["pass", (256 * 512, 3)] == 2


def test_lenet_needs_as_many_multiplications_as_its_layers():
    found = operators.lenet(100, 512, 3_000)
    flops = sum(operator.flops * operator.count for operator in found)
    convolutions = 2 * (28**2 * 25 * 32) + 3 * (14**2 * 25 * 32 * 64)
    dense = 3 * (3136 * 512 + 512 * 10)
    assert flops == 2 * 100 * (convolutions + dense)
    parameters = 26 * 32 + (25 * 32 + 1) * 64 + 3137 * 512 + 513 * 10
    assert counted(found)["pass", (parameters, 7)] == 1


def test_language_model_needs_six_products_of_each_layer_and_three_of_the_words():
    found = operators.language_model(20, 35, 300, 2, 10_000)
    flops = sum(operator.flops * operator.count for operator in found)
    layer, words = 6 * (300 * 1200), 3 * (300 * 10_000)
    assert flops == 2 * 700 * (2 * layer + words)
    counts = counted(found)
    assert counts["recurrent product", (35, 20, 300, 1200)] == 2
    parameters = 10_000 * 300 + 10_000 + 2 * (600 + 1) * 1200
    assert counts["pass", (parameters, 3)] == counts["pass", (parameters, 1)] == 1


@pytest.mark.parametrize(
    ("operator", "flops"),
    [
        (Operator("product", (2, 3, 5)), 60),
        (Operator("recurrent product", (7, 2, 3, 5)), 420),
        (Operator("convolution", (1, 2, 4, 3, 5, 0)), 2 * 2 * 2 * 16 * 3 * 25),
        (Operator("convolution", (1, 2, 4, 3, 5, 1)), 3 * 2 * 2 * 16 * 3 * 25),
        (Operator("pass", (100, 3)), 0),
    ],
)
def test_flops_count_multiplications_and_additions(operator, flops):
    assert operator.flops == flops


def test_collected_adds_up_what_is_needed_twice():
    twice = [Operator("pass", (8, 1)), Operator("pass", (8, 2)), Operator("pass", (8, 1), 3)]
    assert operators.collected(twice) == [Operator("pass", (8, 1), 4), Operator("pass", (8, 2))]


def test_num_parameters_counts_weights_and_biases():
    assert operators.num_parameters((2, 3, 4)) == math.prod((2, 3)) + 3 + math.prod((3, 4)) + 4
