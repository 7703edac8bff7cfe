"""The titles that chapters give their figures, so that readers of Chinese have them in Chinese.

A figure has its title in English, with its numbers and names. A title that is not here stays as it is.
"""

from __future__ import annotations

from ...language import mark
from ..table_words import COMPARISONS

# The first that fits is taken, so those with the most words of their own come first.
TITLES = (
    # of the documents' own figures
    mark("Every published value and ours, among the runs of our seeds"),
    mark("{caught} of {count} mistakes (rows) are caught (filled) by a proof (columns)"),
    mark("Time to train, as a multiple of PyTorch's and of the sum of the fastest kernels"),
    mark("How the time of one step grows with {axis}"),
    mark("How the time of one epoch grows with {axis}"),
    mark("How the time of one cross-validation grows with {axis}"),
    mark("How the time of one command grows with {axis}"),
    mark("What workers would gain on a network of 1 Gbit/s, by the model"),
    mark("Where in a text the rows of a batch lie, and where a state can be carried over"),
    mark(
        "Mean training loss of the first passes over {data}: at {layers} layers {first} with shortcuts, "
        "{second} without"
    ),
    mark("Mean training loss of the first passes over {data}"),
    mark("Quadratic function, {impl}"),
    mark("Which activation loses its gradient, {where}"),
    mark("ResNet on {data}: {share} of the test images right, {impl}"),
    mark("ResNet on {data}: {share} of the test images right"),
    mark("Good fit given {what}: a loss of {train} in training, {test} in test, {noise} from noise alone"),
    mark("Given {what}"),
    mark(
        "Underfitting given {what}: a loss of {train} in training, {test} in test, {noise} from noise alone"
    ),
    mark("Overfitting given {what}: a loss of {train} in training, {test} in test, {noise} from noise alone"),
    mark(
        "Good fit given {what}: a loss of {train} in training, {test} in test, {noise} from noise alone, "
        "{impl}"
    ),
    mark(
        "Underfitting given {what}: a loss of {train} in training, {test} in test, {noise} from noise alone, "
        "{impl}"
    ),
    mark(
        "Overfitting given {what}: a loss of {train} in training, {test} in test, {noise} from noise alone, "
        "{impl}"
    ),
    mark("Far from 0, sigmoid and tanh have hardly any gradient, and ReLU has all of it or none"),
    mark("{name}: images, and the classes to predict"),
    mark("First mistakes on the test set: true class above, predicted one below"),
    mark("First mistakes of {name}: true digit above, predicted one below"),
    mark("Training less test accuracy, {impl}: at the end at most {most} points, no net overfits"),
    mark("Training less test accuracy, {impl}: at the end at most {most} points, {names} overfits"),
    mark("Training less test accuracy, {impl}"),
    mark("Sixty steps: of two minima, Adam alone reaches the better one"),
    mark("Over all words said, {share} of the attention is on the first word read, {impl}"),
    mark("Over all words said, {share} of the attention is on the first word read"),
    mark(
        "After {steps} steps {finding}: {count} of {number} are smoother than {share} of random ones, where "
        "chance gives {expected}, {impl}"
    ),
    mark(
        "After {steps} steps {finding}: {count} of {number} are smoother than {share} of random ones, where "
        "chance gives {expected}"
    ),
    mark(
        "{title}: in layer 1 the gradient is {low} to {high} times that in layer 5, without remedy {uncured}"
    ),
    mark("{title}: in layer 1 the gradient is {low} to {high} times that in layer 5, with {names} it is 0"),
    mark("{title}: in layer 1 the gradient is {low} to {high} times that in layer 5"),
    mark("{title}: clipping makes the gradient of each layer {factor} times smaller"),
    mark("{title}: all gradients are 0"),
    mark("The sigmoid passes on at most a quarter of the gradient"),
    mark("Where nets see which class of {name}, {impl}: {best} is right most often"),
    mark("Where nets see which class of {name}, {impl}"),
    mark("The data: {formula} + noise"),
    mark("Three bases of width 1: the farther from its centre, the less a unit answers"),
    mark(
        "{title}, learned as a sum of bases whose centres stand below: a test loss of {low} ({best}) to "
        "{high} ({worst})"
    ),
    mark("{title}, learned as a sum of bases whose centres stand below"),
    mark("{count} trials of the article's model, {epochs} epochs, {impl}"),
    mark("Log rmse of trial 1 in validation: {first} after {short} and {second} after {long} epochs"),
    mark("Log rmse of trial 1 in validation: {first} after {short} and {second} after {long} epochs, {impl}"),
    mark("{name}: errors up to {off} from the true points of a sine, {far} from its own predictions"),
    mark(
        "{inside} of {count} variants end on average within the range of the {baseline} (shaded) "
        "{where}, {impl}"
    ),
    mark("{task}: training: {name} ends with the highest {metric}, {value}"),
    mark("{task}: training: {name} ends with the lowest {metric}, {value}"),
    mark("{title}: {name} ends with the highest {metric}, {value}"),
    mark("{title}: {name} ends with the lowest {metric}, {value}"),
    mark("{formula} + noise"),
    mark("Linear regression: the loss falls to {loss}, noise alone gives {noise}, {impl}"),
    mark("Linear regression: the loss falls to {loss}, noise alone gives {noise}"),
    mark("{data}: training images"),
    mark("Softmax regression on {data}: {share} of the test images right"),
    mark("Softmax regression on {data}: {share} of the test images right, {impl}"),
    mark("MLP on {data}: {share} of the test images right after {epochs} epochs"),
    mark("MLP on {data}: {share} of the test images right after {epochs} epochs, {impl}"),
    mark("Weight decay brings the test loss from {before} to {after}, {impl}"),
    mark("Weight decay brings the test loss from {before} to {after}"),
    mark("Training and test loss without weight decay and with it"),
    mark("Dropout on {data}: {share} of the test images right"),
    mark("Dropout on {data}: {share} of the test images right, {impl}"),
    mark("House prices, {rows}: log rmse of {value} in {part}"),
    mark("House prices: {count} weights and a bias"),
    mark("Weights of twenty hidden units as images, epoch {epoch}, {impl}"),
    mark("{title}: the loss of a batch falls from {first} to {last}"),
    mark("Each layer multiplies the signal by the same factor: the larger the initial weights, the larger"),
    mark("Adam's bias corrections tend to 1: they do not make averages shrink"),
    mark(
        "All fifty images are learned from weights of std {first} with three layers, {second} with five, "
        "{impl}"
    ),
    mark("All fifty images are learned from weights of std {first} with three layers, {second} with five"),
    mark("Fifty images learned from each initial scale, {impl}"),
    mark("Fifty images learned from each initial scale"),
    mark("How far a step moves the parameters: in the end most by {most}, least by {least}, {impl}"),
    mark("LSTM language model of the {data}: a validation perplexity of {value} at the end"),
    mark("LSTM language model of the {data}"),
    mark("LeNet-5 on {data}"),
    mark("{title}: a loss of {loss} at the end"),
    mark("{title}: a loss of {loss} at the end, {impl}"),
    mark("Translating {data}"),
    mark("{count} steps of each optimizer: {names} leave the saddle, {others} do not yet"),
    mark("{count} steps of each optimizer"),
    mark("Three bases of width 1"),
    mark("The smaller its width, the fewer inputs a unit answers"),
    mark("{task}: training"),
    mark("Test accuracy on the {where}"),
    mark("All draws on the {where}"),
    mark("All seeds on the {where}"),
    mark("10,000 initial weights of either distribution"),
    mark("{count} nets of each kind on two moons: {name} is best on average"),
    mark("Training losses of the trials, and those of the article's log"),
    mark("{count} nets of each shape at a learning rate of 5: {name} is best on average"),
    mark("10,000 initial weights"),
    mark("10,000 random numbers from each of three distributions"),
    mark("{comparison} on {data}, {impl}"),
    mark("Recurrent nets on {data}"),
    mark("{comparison} on {data}"),
)
# What stands in titles: comparisons, data, rows.
PARTS = (
    mark("all powers of x"),
    mark("x alone"),
    mark("two examples"),
    mark("filters still look like noise"),
    mark("filters are smoother than noise"),
    *COMPARISONS,
    mark("on {data}"),
    mark("scratch"),
    mark("gluon"),
    mark("two moons"),
    mark("XOR"),
    mark("LSTM on a sine"),
    mark("LSTM on a sine, as in the book"),
    mark("the book's French sentences"),
    mark("fold {number}"),
    mark("all rows"),
    mark("validation perplexity"),
    mark("mean squared error"),
    mark("{name} (generated houses)"),
    mark("second half of the classes of {data}, {impl}"),
)
